"""Which split each image goes to: whole groups; what has a split keeps it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas import SPLITS
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.groups.lineage import origins_of, parents_of, stand_ins, train_only
from cosmic_morphology.curate.split.assign import NONE, assign_groups
from cosmic_morphology.settings import SplitSettings

# Images without a label are a stratum of their own.
NO_LABEL = "no label"
HELD_OUT_LATE = "held out, but was in another split before"
ON_TWO_SPLITS = "its group turned out to be on two splits"
MADE_LATE = "rendered or derived, but was in val or test before"
SPARE = "another image of its origin is scored"
SCORED_TWICE = "in val or test before, where another image of its origin is scored"
TAKEN_OUT = frozenset({HELD_OUT_LATE, ON_TWO_SPLITS, MADE_LATE, SCORED_TWICE})


@dataclass(frozen=True, slots=True)
class SplitAssignment:
    """What :func:`assign_splits` decided about N images.

    Attributes
    ----------
    split : list of N str
        ``train``, ``val``, ``test`` or ``none``.
    why_none : list of N str
        Why an image has none; empty where it has one.
    groups : list of N str
        What was kept together: the groups, those that share lineage made one.
    counts : list of N bool
        Whether it counts for the ratios: it has a split, is not for training only, and stands
        for its origin.
    fixed : list of N bool
        Whether its group had its split before, or is held out.
    """

    split: list[str]
    exclusion_reason: list[str]
    groups: list[str]
    counts: list[bool]
    fixed: list[bool]


def assign_splits(
    rows: pa.Table, *, settings: SplitSettings, seed: int, reject: str
) -> SplitAssignment:
    """Decide the split of every row; pure, and the same whatever the order of the rows.

    Images that were rendered here, or derived from another image of this atlas, are for training
    only. Variants of an original that is known by name only go to any split with their origin; a
    ratio counts each origin once, and val and test take one image of it.

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
    lineage = rows.select(["id", "source", "lineage"]).to_pylist()
    groups = _whole_groups(table, lineage)
    held = set(settings.hold_out)
    is_held = [
        bool(held & {source, collection})
        for source, collection in zip(table["source"], table["collection"], strict=True)
    ]
    derived = train_only(lineage)
    before, why = previous_splits(table, groups, is_held, derived)
    _leave_out(table, before, why, settings, reject)
    _leave_out_mixed(groups, is_held, before, why)
    stands = _standing(table, lineage, before, why, derived)
    fixed = {
        group: split or "test"
        for group, split, late in zip(groups, before, is_held, strict=True)
        if split or late
    }
    split_of_group = _splits_of_groups(
        table, groups, derived, is_held, stands, fixed, settings, seed
    )
    split = [NONE] * n
    for at in range(n):
        if why[at]:
            continue
        split[at] = before[at] or split_of_group[groups[at]]
        if split[at] == "train":
            continue
        if derived[at]:
            split[at], why[at] = NONE, f"rendered or derived, its group is in {split[at]}"
        elif at not in stands:
            split[at], why[at] = NONE, SCORED_TWICE if before[at] else SPARE
    counts = [split[at] != NONE and at in stands for at in range(n)]
    return SplitAssignment(split, why, groups, counts, [group in fixed for group in groups])


def _whole_groups(table: dict[str, list[Any]], lineage: list[dict[str, Any]]) -> list[str]:
    """The group of each row, those that share lineage made one: new rows may have none yet."""
    ids = set(table["id"])
    groups = [group or each for group, each in zip(table["group"], table["id"], strict=True)]
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, row in enumerate(lineage):
        members["group", groups[at]].append(at)
        for parent in (row["id"], *parents_of(row, ids)):
            members["lineage", parent].append(at)
    sets = UnionFind(len(groups))
    for rows in members.values():
        sets.join(rows)
    first: dict[int, str] = {}
    labels = sets.labels().tolist()
    for at, group in zip(labels, groups, strict=True):
        first[at] = min(first.get(at, group), group)
    return [first[at] for at in labels]


def previous_splits(
    table: dict[str, list[Any]], groups: list[str], is_held: list[bool], derived: list[bool]
) -> tuple[list[str | None], list[str]]:
    """Splits of before that hold, and the reason of those that cannot."""
    before = [each if each in SPLITS else None for each in table["split"]]
    # Who was taken out of a split has been seen by models of that split: it never comes back.
    why = [each if each in TAKEN_OUT else "" for each in table["split_reason"]]
    for at, each in enumerate(before):
        if is_held[at] and each not in (None, "test"):
            before[at], why[at] = None, HELD_OUT_LATE
        elif derived[at] and each not in (None, "train"):
            before[at], why[at] = None, MADE_LATE
    counts: dict[str, Counter[str]] = {}
    for group, each in zip(groups, before, strict=True):
        if each:
            counts.setdefault(group, Counter())[each] += 1
    for at, each in enumerate(before):
        splits = counts.get(groups[at])
        if each and splits and len(splits) > 1:
            # The larger part stays; where they tie, the stricter split.
            stays = max(splits, key=lambda split: (splits[split], SPLITS.index(split)))
            if each != stays:
                before[at], why[at] = None, ON_TWO_SPLITS
    return before, why


def _leave_out(
    table: dict[str, list[Any]],
    before: list[str | None],
    why: list[str],
    settings: SplitSettings,
    reject: str,
) -> None:
    """Say why rows without a split cannot get one: no label, reject class, a copy."""
    original = [of or each for of, each in zip(table["duplicate_of"], table["id"], strict=True)]
    represented = {of for of, split in zip(original, before, strict=True) if split}
    for at, name in enumerate(table["label"]):
        if before[at] or why[at]:
            continue
        if not name and not settings.include_unlabelled:
            why[at] = "no label"
        elif name == reject and not settings.include_reject:
            why[at] = f"labelled {reject}"
        elif table["duplicate_flag"][at]:
            why[at] = "a copy of another image"
        elif original[at] in represented:
            why[at] = "a copy of it has a split already"


def _leave_out_mixed(
    groups: list[str], is_held: list[bool], before: list[str | None], why: list[str]
) -> None:
    """Images that are not held out, in a group with one that is, would leak or not be test."""
    touched = {group for group, held in zip(groups, is_held, strict=True) if held}
    for at, group in enumerate(groups):
        if group in touched and not is_held[at] and before[at] != "test" and not why[at]:
            before[at], why[at] = None, "its group is held out for the test"


def _standing(
    table: dict[str, list[Any]],
    lineage: list[dict[str, Any]],
    before: list[str | None],
    why: list[str],
    derived: list[bool],
) -> set[int]:
    """Rows that may be scored: of each origin one, first what has a split, then what has a label.

    A variant's name is its original's name and something more, so the shortest is the original.
    """
    able = [at for at in range(len(why)) if not why[at] and not derived[at]]
    able.sort(
        key=lambda at: (
            before[at] is None,
            not table["label"][at],
            len(table["id"][at]),
            table["id"][at],
        )
    )
    return stand_ins(origins_of(lineage), able)


def _splits_of_groups(
    table: dict[str, list[Any]],
    groups: list[str],
    derived: list[bool],
    is_held: list[bool],
    stands: set[int],
    fixed: dict[str, str],
    settings: SplitSettings,
    seed: int,
) -> dict[str, str]:
    taking_part = [at for at in sorted(stands) if not is_held[at]]
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
    # A group of nothing but rendered or derived images serves training only.
    alone = {group: "train" for group, own in zip(groups, derived, strict=True) if own}
    return {**alone, **found, **fixed}
