"""Whether a split is what was asked for: none empty, no ratio missed by more than groups force."""

from __future__ import annotations

from collections import Counter

import numpy as np

from cosmic_morphology.atlas import SPLITS
from cosmic_morphology.curate.split.assign import NONE, reachable
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
    there = Counter(splits.split)
    empty = [split for split in SPLITS if not there[split]]
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
            todo="Deal all images anew with `cosmic split --redo`, or ask for other ratios.",
        )


def _missed(splits: SplitAssignment, settings: SplitSettings) -> str:
    sizes: Counter[tuple[str, str]] = Counter()
    fixed = {group for group, is_fixed in zip(splits.groups, splits.fixed, strict=True) if is_fixed}
    for split, group, counts in zip(splits.split, splits.groups, splits.counts, strict=True):
        if counts:
            sizes[split, group] += 1
    share = np.array(
        [settings.train, settings.val, 0.0 if settings.hold_out else settings.test], dtype=float
    )
    share /= share.sum()
    have, floor = np.zeros(len(SPLITS)), np.zeros(len(SPLITS))
    for (split, group), size in sizes.items():
        have[SPLITS.index(split)] += size
        floor[SPLITS.index(split)] += size if group in fixed else 0
    largest = max((size for (_, group), size in sizes.items() if group not in fixed), default=0)
    away = np.abs(have - reachable(share, floor, float(have.sum())))
    worst = int(away.argmax())
    if not largest or away[worst] <= largest + 1e-9:
        return ""
    return (
        f"{SPLITS[worst]} would hold {have[worst]:.0f} of {have.sum():.0f} images "
        f"where {share[worst]:.0%} were asked for"
    )


def _why_empty(splits: SplitAssignment) -> str:
    if not splits.split:
        return "there is no image"
    kinds: dict[str, set[str]] = {"free": set(), "fixed": set(), "train only": set()}
    for split, group, counts, fixed in zip(
        splits.split, splits.groups, splits.counts, splits.fixed, strict=True
    ):
        if split != NONE:
            kinds["fixed" if fixed else "free" if counts else "train only"].add(group)
    only = kinds["train only"] - kinds["free"]
    parts = [
        f"groups of images that can be dealt: {len(kinds['free'])}",
        f"that had a split before, or are held out: {len(kinds['fixed'])}",
        f"of rendered or derived images, for training only: {len(only)}",
    ]
    reasons = Counter(why for why in splits.exclusion_reason if why).most_common(_MOST_REASONS)
    return "; ".join([*parts, *(f"left out, {why}: {number}" for why, number in reasons)])


def _todo(splits: SplitAssignment) -> str:
    if all(splits.fixed[at] for at, split in enumerate(splits.split) if split != NONE):
        return "Deal all images anew with `cosmic split --redo`, or add images."
    return (
        "A group (copies, one object, one origin) goes to one split as a whole: add images of "
        "other objects. `cosmic curate` says what ties images together."
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
