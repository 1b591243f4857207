"""The split: decided, checked, written into the atlas, and summed up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import SPLITS, Atlas, ColumnProvenance
from cosmic_morphology.curate.records import Records, content_of
from cosmic_morphology.curate.split.assign import NONE
from cosmic_morphology.curate.split.check import check_ratios
from cosmic_morphology.curate.split.divide import (
    NO_LABEL,
    NOWHERE,
    SplitAssignment,
    assign_splits,
    split_codes,
    strata,
)
from cosmic_morphology.curate.split.folds import write_folds
from cosmic_morphology.display import Tabular
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import SplitSettings
from cosmic_morphology.suggest import suggest_names
from cosmic_morphology.taxonomy import load_taxonomy

STAGE = "split"
CODE = "2"
_PLACES = tuple((name, at) for at, name in enumerate(SPLITS))


@dataclass(frozen=True, slots=True, repr=False)
class SplitResult(Tabular):
    """What :func:`split_images` did.

    Attributes
    ----------
    images : dict of str to int
        Images in train, val, test and none.
    classes : dict of str to dict of str to int
        Images of each class in train, val and test.
    groups : int
        Groups that have a split.
    left_out : dict of str to int
        Why images are in none.
    kept : int
        Images that had a split before and kept it.
    folds : dict of int to int
        Images of each fold, when folds were asked for; -1: their group was in two folds.
    worst_ratio_error : float
        Largest distance of a class from an asked ratio, in percentage points; rendered and
        derived images do not count, and of variants of one origin only one does.
    changed : bool
        False when everything was up to date already.
    """

    images: dict[str, int] = field(default_factory=dict)
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    groups: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    kept: int = 0
    folds: dict[int, int] = field(default_factory=dict)
    worst_ratio_error: float = 0.0
    changed: bool = True

    def rows(self) -> list[dict[str, Any]]:
        """One row for each class, with its images in train, val and test."""
        return [{"class": name, **counts} for name, counts in self.classes.items()]


def split_images(
    atlas: Atlas,
    *,
    settings: SplitSettings,
    seed: int,
    redo: bool = False,
    reject: str | None = None,
) -> SplitResult:
    """Write ``split`` (train, val, test, none) of every image.

    Parameters
    ----------
    atlas : Atlas
        Read (labels, groups, copies, lineage) and written.
    settings : SplitSettings
        Ratios, what is held out, and how many folds train and val are divided into.
    seed : int
        For the order in which groups are assigned.
    redo : bool
        Assign every image again; without it an image that has a split keeps it.
    reject : str, optional
        Name of the class of everything else; that of the taxonomy of this package without it.

    Returns
    -------
    SplitResult
        Images in each split and class, and how far the ratios are off.

    Raises
    ------
    UsageError
        There is no column ``group``, the column of labels is missing or empty, nothing is of a
        source or collection that is to be held out, there are more folds than groups, or a split
        would be empty or farther from its ratio than the groups force. Nothing is written then,
        unless a collection is held out: the test stands.

    Examples
    --------
    >>> from cosmic_morphology.settings import SplitSettings
    >>> halves = SplitSettings(train=0.5, val=0.25, test=0.25)
    >>> done = cosmic.split_images(atlas, settings=halves, seed=1, redo=True)
    >>> done.images
    {'train': 12, 'val': 6, 'test': 6, 'none': 0}
    """
    missing = {"group", "label"} - set(atlas.columns())
    if missing:
        raise UsageError(
            f"there is no column {min(missing)!r}", where=atlas.uri, todo="Run `cosmic curate`."
        )
    records = Records(atlas)
    _, labels = records.codes("label")
    if len(records) and labels.null_count == len(labels) and not settings.include_unlabelled:
        raise UsageError(
            "no image has a label, so there is nothing to balance",
            where=atlas.uri,
            todo="Give labels with `cosmic curate` or `cosmic review import` first.",
        )
    _check_held_out(records, settings)
    name = reject if reject is not None else load_taxonomy(None).reject
    splits = assign_splits(records, settings=settings, seed=seed, reject=name, redo=redo)
    kept = 0 if redo else int(((splits.split >= 0) & (splits.split == split_codes(records))).sum())
    if not settings.hold_out:
        check_ratios(splits, settings, where=atlas.uri)
    stamp = ColumnProvenance(
        STAGE,
        {**settings.model_dump(exclude={"folds"}), "seed": seed, "reject": name},
        CODE,
        inputs=content_of(records.ids, splits.split, splits.reason, splits.reasons),
    )
    changed = not stamp.is_current(atlas.provenance_of("split"))
    if changed:
        written = pa.table(
            {
                "id": records.ids,
                "split": splits.names(),
                "split_reason": splits.exclusion_reasons(),
            }
        )
        atlas.replace_columns(written, stamp)
    if settings.hold_out:
        # The test is what was asked for, and holds whatever is left to learn from.
        check_ratios(splits, settings, where=atlas.uri)
    takes_part = splits.counts & (splits.split != SPLITS.index("test"))
    folds, assigned = write_folds(
        atlas, records, takes_part, settings=settings, seed=seed, redo=redo
    )
    classes, error = _classes(records, splits, settings)
    group, _ = records.codes_of_ids("group")
    sizes = Counter(dict(zip(*np.unique(splits.split, return_counts=True), strict=True)))
    return SplitResult(
        images={name: int(sizes[at]) for name, at in (*_PLACES, (NONE, NOWHERE))},
        classes=classes,
        groups=len(np.unique(group[splits.split >= 0])),
        left_out=splits.left_out(),
        kept=kept,
        folds=folds,
        worst_ratio_error=error,
        changed=changed or assigned,
    )


def _check_held_out(records: Records, settings: SplitSettings) -> None:
    if not settings.hold_out:
        return
    there = {
        name for column in ("source", "collection") for name in records.codes(column)[1].to_pylist()
    }
    missing = [each for each in settings.hold_out if each not in there]
    if missing:
        raise UsageError(
            f"no image is of {missing[0]!r}, which is to be held out",
            where="split.hold_out",
            todo=suggest_names(missing[0], sorted(there - {None, ""})),
        )


def _classes(
    records: Records, splits: SplitAssignment, settings: SplitSettings
) -> tuple[dict[str, dict[str, int]], float]:
    """Images of each class in each split, and the largest distance from a ratio in points."""
    label, labels = records.codes("label")
    stratum, names = strata(label, labels.to_pylist(), NO_LABEL)
    there, counting = (
        _counted(stratum[some], splits.split[some], len(names))
        for some in (splits.split >= 0, splits.counts)
    )
    asked = np.array([settings.train, settings.val, settings.test])
    counting = counting[counting.any(axis=1)]
    away = np.abs(counting / counting.sum(axis=1, keepdims=True) - asked / asked.sum())
    classes = {
        name: dict(zip(SPLITS, images.tolist(), strict=True))
        for name, images in zip(names, there, strict=True)
        if images.any()
    }
    return classes, round(100 * float(away.max(initial=0.0)), 2)


def _counted(stratum: NDArray[np.int32], split: NDArray[np.int8], n: int) -> NDArray[np.int64]:
    flat = np.bincount(stratum * len(SPLITS) + split, minlength=n * len(SPLITS))
    return flat.reshape(n, len(SPLITS))
