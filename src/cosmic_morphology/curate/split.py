"""The split: whole groups into train, val and test; who has a side keeps it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, Stamp, fingerprint
from cosmic_morphology.curate.folding import write_folds
from cosmic_morphology.curate.split_assign import NONE, SIDES, assign_groups
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import SplitSettings
from cosmic_morphology.taxonomy import load_taxonomy

STAGE = "split"
# Pictures without a label are a stratum of their own.
NO_LABEL = "no label"
CODE = "1"
# Sources of this package's own renderer.
RENDERED_SOURCES = frozenset({"rendered", "synthetic"})
HELD_OUT_LATE = "held out, but was in another side before"
ON_TWO_SIDES = "its group turned out to be on two sides"
TAKEN_OUT = frozenset({HELD_OUT_LATE, ON_TWO_SIDES})
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


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What :func:`split_pictures` did.

    Attributes
    ----------
    pictures : dict of str to int
        Pictures in train, val, test and none.
    classes : dict of str to dict of str to int
        Pictures of each class in train, val and test.
    groups : int
        Groups that have a side.
    left_out : dict of str to int
        Why pictures are in none.
    kept : int
        Pictures that had a side before and kept it.
    folds : dict of int to int
        Pictures of each fold, when folds were asked for; -1: their group was in two folds.
    worst_ratio_error : float
        Largest distance of a class from an asked ratio, in percentage points; rendered and
        derived pictures do not count.
    changed : bool
        False when everything was up to date already.
    """

    pictures: dict[str, int] = field(default_factory=dict)
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    groups: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    kept: int = 0
    folds: dict[int, int] = field(default_factory=dict)
    worst_ratio_error: float = 0.0
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Sides:
    """What :func:`divide` decided: for each row a side, and why a row has none."""

    side: list[str]
    why_none: list[str]


def split_pictures(
    atlas: Atlas,
    *,
    settings: SplitSettings,
    seed: int,
    label_column: str = "label",
    redo: bool = False,
    reject: str | None = None,
) -> SplitSummary:
    """Write ``split`` (train, val, test, none) of every picture.

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
        Deal every picture anew; without it a picture that has a side keeps it.
    reject : str, optional
        Name of the class of everything else; that of the taxonomy of this package without it.

    Raises
    ------
    UsageError
        There is no column ``group``, the column of labels is missing or empty, nothing is of a
        source or collection that is to be held out, or there are more folds than groups.
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
            f"no picture has a {label_column!r}, so there is nothing to balance",
            where=atlas.uri,
            todo="Give labels with `cosmic curate` or `cosmic review import` first.",
        )
    if redo:
        rows = rows.drop_columns(["split", "split_reason"])
        for forgotten in ("split", "split_reason"):
            rows = rows.append_column(forgotten, pa.nulls(rows.num_rows, pa.string()))
    _check_held_out(rows, settings)
    name = reject if reject is not None else load_taxonomy(None).reject
    sides = divide(rows, settings=settings, seed=seed, reject=name)
    stamp = Stamp(
        STAGE,
        {
            **settings.model_dump(exclude={"folds"}),
            "seed": seed,
            "labels": label_column,
            "reject": name,
        },
        CODE,
        inputs=fingerprint(rows.column("id").to_pylist(), sides.side, sides.why_none),
    )
    changed = not stamp.is_current(atlas.stamp_of("split"))
    if changed:
        written = pa.table(
            {
                "id": rows.column("id"),
                "split": pa.array(sides.side, pa.string()),
                "split_reason": pa.array(sides.why_none, pa.string()),
            }
        )
        atlas.replace_columns(written, stamp)
    takes_part = [
        side in ("train", "val") and not derived
        for side, derived in zip(sides.side, _derived(rows), strict=True)
    ]
    folds, dealt = write_folds(atlas, rows, takes_part, settings=settings, seed=seed, redo=redo)
    return _summary(rows, sides, settings, folds, changed=changed or dealt)


def _check_held_out(rows: pa.Table, settings: SplitSettings) -> None:
    there = {
        name for column in ("source", "collection") for name in rows.column(column).to_pylist()
    }
    missing = [each for each in settings.hold_out if each not in there]
    if missing:
        raise UsageError(
            f"no picture is of {missing[0]!r}, which is to be held out",
            where="split.hold_out",
            todo=f"Sources and collections are: {', '.join(sorted(there - {None, ''}))}.",
        )


def divide(rows: pa.Table, *, settings: SplitSettings, seed: int, reject: str) -> Sides:
    """Decide the side of every row; pure, and the same whatever the order of the rows.

    Parameters
    ----------
    rows : pyarrow.Table
        ``id``, ``label``, ``source``, ``collection``, ``lineage``, ``group``,
        ``duplicate_flag``, ``duplicate_of``, and ``split`` and ``split_reason`` of before (null:
        none yet).
    settings : SplitSettings
        Ratios and what is held out.
    seed : int
        Of the order in which groups are dealt.
    reject : str
        Name of the class of everything else.
    """
    table = {name: rows.column(name).to_pylist() for name in rows.schema.names}
    n = rows.num_rows
    groups = [group or each for group, each in zip(table["group"], table["id"], strict=True)]
    held = set(settings.hold_out)
    is_held = [
        bool(held & {source, collection})
        for source, collection in zip(table["source"], table["collection"], strict=True)
    ]
    derived = _derived(rows)
    before, why = _kept_sides(table, groups, is_held)
    _leave_out(table, before, why, settings, reject)
    _leave_out_mixed(groups, is_held, before, why)
    side_of_group = _sides_of_groups(table, groups, derived, is_held, before, why, settings, seed)
    side = [NONE] * n
    for at in range(n):
        if before[at] is not None:
            side[at] = str(before[at])
        elif not why[at]:
            side[at] = side_of_group[groups[at]]
            if derived[at] and side[at] != "train":
                side[at], why[at] = NONE, f"rendered or derived, its group is in {side[at]}"
    return Sides(side, why)


def _derived(rows: pa.Table) -> list[bool]:
    return [
        row["source"] in RENDERED_SOURCES or bool(set(row["lineage"] or ()) - {row["id"]})
        for row in rows.select(["id", "source", "lineage"]).to_pylist()
    ]


def _kept_sides(
    table: dict[str, list[Any]], groups: list[str], is_held: list[bool]
) -> tuple[list[str | None], list[str]]:
    """Sides of before that hold, and the reason of those that cannot."""
    before = [each if each in SIDES else None for each in table["split"]]
    # Who was taken out of a side has been seen by models of that side: it never comes back.
    why = [each if each in TAKEN_OUT else "" for each in table["split_reason"]]
    for at, each in enumerate(before):
        if is_held[at] and each not in (None, "test"):
            before[at], why[at] = None, HELD_OUT_LATE
    counts: dict[str, Counter[str]] = {}
    for group, each in zip(groups, before, strict=True):
        if each:
            counts.setdefault(group, Counter())[each] += 1
    for at, each in enumerate(before):
        sides = counts.get(groups[at])
        if each and sides and len(sides) > 1:
            # The larger part stays; where they tie, the stricter side.
            stays = max(sides, key=lambda side: (sides[side], SIDES.index(side)))
            if each != stays:
                before[at], why[at] = None, ON_TWO_SIDES
    return before, why


def _leave_out(
    table: dict[str, list[Any]],
    before: list[str | None],
    why: list[str],
    settings: SplitSettings,
    reject: str,
) -> None:
    """Say why rows without a side cannot get one: no label, reject class, a copy."""
    original = [of or each for of, each in zip(table["duplicate_of"], table["id"], strict=True)]
    represented = {of for of, side in zip(original, before, strict=True) if side}
    for at, name in enumerate(table["label"]):
        if before[at] or why[at]:
            continue
        if not name and not settings.include_unlabelled:
            why[at] = "no label"
        elif name == reject and not settings.include_reject:
            why[at] = f"labelled {reject}"
        elif table["duplicate_flag"][at]:
            why[at] = "a copy of another picture"
        elif original[at] in represented:
            why[at] = "a copy of it has a side already"


def _leave_out_mixed(
    groups: list[str], is_held: list[bool], before: list[str | None], why: list[str]
) -> None:
    """Pictures that are not held out, in a group with one that is, would leak or not be test."""
    touched = {group for group, held in zip(groups, is_held, strict=True) if held}
    for at, group in enumerate(groups):
        if group in touched and not is_held[at] and before[at] != "test" and not why[at]:
            before[at], why[at] = None, "its group is held out for the test"


def _sides_of_groups(
    table: dict[str, list[Any]],
    groups: list[str],
    derived: list[bool],
    is_held: list[bool],
    before: list[str | None],
    why: list[str],
    settings: SplitSettings,
    seed: int,
) -> dict[str, str]:
    fixed: dict[str, str] = {}
    for group, side, held in zip(groups, before, is_held, strict=True):
        if side or held:
            fixed[group] = side or "test"
    taking_part = [
        at
        for at in range(len(groups))
        if (before[at] or not why[at]) and not derived[at] and not is_held[at]
    ]
    ratios = {"train": settings.train, "val": settings.val, "test": settings.test}
    if settings.hold_out:
        ratios["test"] = 0.0
    found = assign_groups(
        [groups[at] for at in taking_part],
        [str(table["label"][at] or NO_LABEL) for at in taking_part],
        ratios=ratios,
        seed=seed,
        fixed=fixed,
    )
    # A group of nothing but rendered pictures serves training only.
    alone = {group: "train" for group, own in zip(groups, derived, strict=True) if own}
    return {**alone, **found, **fixed}


def _summary(
    rows: pa.Table,
    sides: Sides,
    settings: SplitSettings,
    folds: dict[int, int],
    *,
    changed: bool,
) -> SplitSummary:
    labels, groups = rows.column("label").to_pylist(), rows.column("group").to_pylist()
    old = rows.column("split").to_pylist()
    classes: dict[str, dict[str, int]] = {}
    for name, side in zip(labels, sides.side, strict=True):
        if side != NONE:
            classes.setdefault(str(name or NO_LABEL), dict.fromkeys(SIDES, 0))[side] += 1
    counted = Counter(sides.side)
    asked = np.array([settings.train, settings.val, settings.test])
    errors = [
        float(np.abs(np.array(list(c.values())) / sum(c.values()) - asked / asked.sum()).max())
        for c in classes.values()
    ]
    return SplitSummary(
        pictures={side: counted[side] for side in (*SIDES, NONE)},
        classes=dict(sorted(classes.items())),
        groups=len({g for g, side in zip(groups, sides.side, strict=True) if side != NONE}),
        left_out=dict(Counter(why for why in sides.why_none if why).most_common()),
        kept=sum(was in SIDES and was == is_ for was, is_ in zip(old, sides.side, strict=True)),
        folds=folds,
        worst_ratio_error=round(100 * max(errors, default=0.0), 2),
        changed=changed,
    )
