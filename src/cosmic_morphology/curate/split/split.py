"""The split: decided, checked, written into the atlas, and summed up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import SPLITS, Atlas, ColumnProvenance, content_hash
from cosmic_morphology.curate.split.assign import NONE
from cosmic_morphology.curate.split.check import check_ratios
from cosmic_morphology.curate.split.divide import NO_LABEL, SplitAssignment, assign_splits
from cosmic_morphology.curate.split.folds import write_folds
from cosmic_morphology.display import Tabular
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import SplitSettings
from cosmic_morphology.suggest import suggest_names
from cosmic_morphology.taxonomy import load_taxonomy

STAGE = "split"
CODE = "2"
COLUMNS = (
    "source",
    "collection",
    "lineage",
    "group",
    "duplicate_flag",
    "duplicate_of",
    "split",
    "split_reason",
)


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
    label_column: str = "label",
    redo: bool = False,
    reject: str | None = None,
) -> SplitResult:
    """Write ``split`` (train, val, test, none) of every image.

    Parameters
    ----------
    atlas : Atlas
        Read (labels, groups, copies, lineage) and written.
    settings : SplitSettings
        Ratios, what is held out, and how many folds train and val are dealt to, too.
    seed : int
        Of the order in which groups are dealt.
    label_column : str
        The classes to be kept in balance.
    redo : bool
        Deal every image anew; without it an image that has a split keeps it.
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
    missing = {"group", label_column} - set(atlas.columns())
    if missing:
        raise UsageError(
            f"there is no column {min(missing)!r}", where=atlas.uri, todo="Run `cosmic curate`."
        )
    rows = atlas.read(["id", label_column, *COLUMNS]).sort_by("id")
    rows = rows.rename_columns(["id", "label", *COLUMNS])
    unlabelled = rows.num_rows and rows.column("label").null_count == rows.num_rows
    if unlabelled and not settings.include_unlabelled:
        raise UsageError(
            f"no image has a {label_column!r}, so there is nothing to balance",
            where=atlas.uri,
            todo="Give labels with `cosmic curate` or `cosmic review import` first.",
        )
    if redo:
        rows = rows.drop_columns(["split", "split_reason"])
        for forgotten in ("split", "split_reason"):
            rows = rows.append_column(forgotten, pa.nulls(rows.num_rows, pa.string()))
    _check_held_out(rows, settings)
    name = reject if reject is not None else load_taxonomy(None).reject
    splits = assign_splits(rows, settings=settings, seed=seed, reject=name)
    if not settings.hold_out:
        check_ratios(splits, settings, where=atlas.uri)
    stamp = ColumnProvenance(
        STAGE,
        {
            **settings.model_dump(exclude={"folds"}),
            "seed": seed,
            "labels": label_column,
            "reject": name,
        },
        CODE,
        inputs=content_hash(rows.column("id").to_pylist(), splits.split, splits.exclusion_reason),
    )
    changed = not stamp.is_current(atlas.provenance_of("split"))
    if changed:
        written = pa.table(
            {
                "id": rows.column("id"),
                "split": pa.array(splits.split, pa.string()),
                "split_reason": pa.array(splits.exclusion_reason, pa.string()),
            }
        )
        atlas.replace_columns(written, stamp)
    if settings.hold_out:
        # The test is what was asked for, and holds whatever is left to learn from.
        check_ratios(splits, settings, where=atlas.uri)
    takes_part = [
        counts and split in ("train", "val")
        for split, counts in zip(splits.split, splits.counts, strict=True)
    ]
    folds, dealt = write_folds(atlas, rows, takes_part, settings=settings, seed=seed, redo=redo)
    return _summary(rows, splits, settings, folds, changed=changed or dealt)


def _check_held_out(rows: pa.Table, settings: SplitSettings) -> None:
    there = {
        name for column in ("source", "collection") for name in rows.column(column).to_pylist()
    }
    missing = [each for each in settings.hold_out if each not in there]
    if missing:
        raise UsageError(
            f"no image is of {missing[0]!r}, which is to be held out",
            where="split.hold_out",
            todo=suggest_names(missing[0], sorted(there - {None, ""})),
        )


def _summary(
    rows: pa.Table,
    splits: SplitAssignment,
    settings: SplitSettings,
    folds: dict[int, int],
    *,
    changed: bool,
) -> SplitResult:
    labels, groups = rows.column("label").to_pylist(), rows.column("group").to_pylist()
    old = rows.column("split").to_pylist()
    classes: dict[str, dict[str, int]] = {}
    counting: dict[str, dict[str, int]] = {}
    for name, split, counts in zip(labels, splits.split, splits.counts, strict=True):
        for table in (classes, counting) if counts else (classes,):
            if split != NONE:
                table.setdefault(str(name or NO_LABEL), dict.fromkeys(SPLITS, 0))[split] += 1
    counted = Counter(splits.split)
    asked = np.array([settings.train, settings.val, settings.test])
    errors = [
        float(np.abs(np.array(list(c.values())) / sum(c.values()) - asked / asked.sum()).max())
        for c in counting.values()
    ]
    return SplitResult(
        images={split: counted[split] for split in (*SPLITS, NONE)},
        classes=dict(sorted(classes.items())),
        groups=len({g for g, split in zip(groups, splits.split, strict=True) if split != NONE}),
        left_out=dict(Counter(why for why in splits.exclusion_reason if why).most_common()),
        kept=sum(was in SPLITS and was == is_ for was, is_ in zip(old, splits.split, strict=True)),
        folds=folds,
        worst_ratio_error=round(100 * max(errors, default=0.0), 2),
        changed=changed,
    )
