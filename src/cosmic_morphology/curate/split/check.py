"""Whether a split is what was asked for: none empty, no ratio missed by more than groups force."""

from __future__ import annotations

import numpy as np

from cosmic_morphology.atlas import SPLITS
from cosmic_morphology.curate.split.balance import reachable
from cosmic_morphology.curate.split.divide import SplitAssignment
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import SplitSettings

_MOST_REASONS = 3


def check_ratios(splits: SplitAssignment, settings: SplitSettings, *, where: str) -> None:
    """Refuse a split that is empty, or farther from its ratio than the groups force.

    What the groups force: no split can be brought nearer to its ratio than the size of the
    largest group that is free to move; images that keep the split they had are not.

    Parameters
    ----------
    splits : SplitAssignment
        What was decided.
    settings : SplitSettings
        The ratios that were asked for.
    where : str
        The atlas, for the message.

    Raises
    ------
    UsageError
        It says which split, and why.
    """
    there = np.bincount(splits.split[splits.split >= 0], minlength=len(SPLITS))
    empty = [split for split, images in zip(SPLITS, there, strict=True) if not images]
    if empty:
        raise UsageError(
            f"{_listed(empty)} would hold no image: {_why_empty(splits)}",
            where=where,
            todo=_todo(splits),
        )
    missed = _missed(splits, settings)
    if missed:
        raise UsageError(
            f"{missed}, farther than the largest group of images forces",
            where=where,
            todo="Assign all images again with `cosmic split --redo`, or ask for other ratios.",
        )


def _missed(splits: SplitAssignment, settings: SplitSettings) -> str:
    some = np.flatnonzero(splits.counts)
    groups = int(splits.group.max(initial=-1)) + 1
    pairs = splits.split[some].astype(np.int64) * groups + splits.group[some]
    pairs, sizes = np.unique(pairs, return_counts=True)
    split, group = np.divmod(pairs, max(groups, 1))
    is_fixed = np.zeros(groups, bool)
    is_fixed[splits.group[splits.is_fixed]] = True
    free = ~is_fixed[group]
    share = np.array(
        [settings.train, settings.val, 0.0 if settings.hold_out else settings.test], dtype=float
    )
    share /= share.sum()
    have = np.bincount(split, weights=sizes, minlength=len(SPLITS))
    floor = np.bincount(split, weights=sizes * ~free, minlength=len(SPLITS))
    largest = sizes[free].max(initial=0)
    away = np.abs(have - reachable(share, floor, float(have.sum())))
    worst = int(away.argmax())
    if not largest or away[worst] <= largest + 1e-9:
        return ""
    return (
        f"{SPLITS[worst]} would hold {have[worst]:.0f} of {have.sum():.0f} images "
        f"where {share[worst]:.0%} were asked for"
    )


def _why_empty(splits: SplitAssignment) -> str:
    if not len(splits.split):
        return "there is no image"
    there = splits.split >= 0
    fixed = np.unique(splits.group[there & splits.is_fixed])
    free = np.unique(splits.group[there & ~splits.is_fixed & splits.counts])
    alone = np.setdiff1d(splits.group[there & ~splits.is_fixed & ~splits.counts], free)
    parts = [
        f"groups of images that can be assigned: {len(free)}",
        f"that had a split before, or are held out: {len(fixed)}",
        f"of rendered or derived images, for training only: {len(alone)}",
    ]
    reasons = list(splits.left_out().items())[:_MOST_REASONS]
    return "; ".join([*parts, *(f"left out, {why}: {number}" for why, number in reasons)])


def _todo(splits: SplitAssignment) -> str:
    if splits.is_fixed[splits.split >= 0].all():
        return "Assign all images again with `cosmic split --redo`, or add images."
    return (
        "A group (copies, one object, one origin) goes to one split as a whole: add images of "
        "other objects. `cosmic curate` says what ties images together."
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
