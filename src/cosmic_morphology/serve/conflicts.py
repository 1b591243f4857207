"""Where an atlas contradicts itself: people, copies, groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import SPLITS, Atlas, standing_decisions
from cosmic_morphology.atlas.query import stream, take
from cosmic_morphology.curate import agreements
from cosmic_morphology.taxonomy import Taxonomy

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Conflict:
    """Images that say different things of the same.

    Attributes
    ----------
    ids : tuple of str
        The images, one or several.
    words : tuple of str
        What is said of each, or by each person.
    """

    ids: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """All kinds of contradictions, the first of each, and how many there are.

    Attributes
    ----------
    people : list of Conflict
        Images that two people have judged differently.
    copies : list of Conflict
        Near copies under opposite labels.
    groups : list of Conflict
        Groups that stand on two sides of the split: there should be none.
    n_copies, n_groups : int
        How many there are in all.
    """

    people: list[Conflict]
    copies: list[Conflict]
    groups: list[Conflict]
    n_copies: int
    n_groups: int


def find_conflicts(atlas: Atlas, *, taxonomy: Taxonomy) -> Conflicts:
    """Look for contradictions in one pass over the catalogue.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    taxonomy : Taxonomy
        The classes.
    """
    there = set(atlas.table("catalogue").schema.names)
    copies, n_copies = _copies(atlas) if {"duplicate_of", "label"} <= there else ([], 0)
    groups, n_groups = _groups(atlas) if {"group", "split"} <= there else ([], 0)
    return Conflicts(_people(atlas, taxonomy), copies, groups, n_copies, n_groups)


def _people(atlas: Atlas, taxonomy: Taxonomy) -> list[Conflict]:
    said: dict[str, dict[str, str]] = {}
    for each in standing_decisions(atlas):
        said.setdefault(each.id, {})[each.who] = each.label or each.verdict
    differing = {id_ for both in agreements(atlas, taxonomy=taxonomy) for id_ in both.differing}
    return [
        Conflict((id_,), tuple(f"{who}: {words}" for who, words in sorted(said[id_].items())))
        for id_ in sorted(differing)[:_SHOWN]
    ]


def _copies(atlas: Atlas) -> tuple[list[Conflict], int]:
    where = "duplicate_flag = true AND label IS NOT NULL AND duplicate_of != id"
    found: list[Conflict] = []
    n = 0
    for batch in stream(atlas, ["id", "label", "duplicate_of"], where):
        rows: list[dict[str, Any]] = batch.to_pylist()
        best = take(atlas, [row["duplicate_of"] for row in rows], ["label"]).column(0).to_pylist()
        for row, label in zip(rows, best, strict=True):
            if label and label != row["label"]:
                n += 1
                if len(found) < _SHOWN:
                    found.append(Conflict((row["id"], row["duplicate_of"]), (row["label"], label)))
    return sorted(found, key=lambda each: each.ids), n


def _groups(atlas: Atlas) -> tuple[list[Conflict], int]:
    named = ", ".join(f"'{name}'" for name in SPLITS)
    batches = list(
        stream(atlas, ["group", "split", "id"], f"split IN ({named}) AND `group` IS NOT NULL")
    )
    if not batches:
        return [], 0
    sides = (
        pa.Table.from_batches(batches)
        .group_by("group")
        .aggregate([("split", "count_distinct"), ("split", "distinct"), ("id", "min")])
    )
    torn = sides.filter(pc.greater(sides.column("split_count_distinct"), 1))
    rows = torn.slice(0, _SHOWN).to_pylist()
    shown = [Conflict((row["id_min"],), tuple(sorted(row["split_distinct"]))) for row in rows]
    return shown, torn.num_rows
