"""``cosmic status``: the state of every URL by source and slice, and which columns are filled."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cosmic_morphology.atlas import DERIVED_COLUMNS, Atlas
from cosmic_morphology.atlas.query import stream
from cosmic_morphology.collect.harvest.completeness import SliceCompleteness, read_reports
from cosmic_morphology.collect.harvest.ledger import SLICE_PREFIX
from cosmic_morphology.display import Shown


@dataclass(frozen=True, repr=False)
class Status(Shown):
    """What an atlas holds and what it waits for.

    Attributes
    ----------
    images : int
        Rows of ``images``.
    records : int
        Rows of ``catalogue``.
    sources : dict
        State to number of URLs, for each source.
    reasons : dict
        Kind of error to number of URLs, for each source.
    slices : tuple of SliceCompleteness
        The newest certificate of each query.
    filled : dict of str to int
        Rows in which each derived column is filled.
    """

    images: int
    records: int
    sources: dict[str, dict[str, int]]
    reasons: dict[str, dict[str, int]]
    slices: tuple[SliceCompleteness, ...]
    filled: dict[str, int]


def status(atlas: Atlas) -> Status:
    """The state of an atlas; nothing is changed.

    Examples
    --------
    >>> status(atlas).images, status(atlas).filled["label"]
    (24, 24)
    """
    where = f"NOT starts_with(url, '{SLICE_PREFIX}')"
    columns = ["source", "state", "error_kind"]
    batches = stream(atlas, columns, where, table="ledger")
    states: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for row in (row for batch in batches for row in batch.to_pylist()):
        states.setdefault(row["source"], Counter())[row["state"]] += 1
        if row["error_kind"] and row["state"] != "stored":
            reasons.setdefault(row["source"], Counter())[row["error_kind"]] += 1
    there = set(atlas.columns())
    return Status(
        images=atlas.count("images"),
        records=atlas.count("catalogue"),
        sources={source: dict(sorted(n.items())) for source, n in sorted(states.items())},
        reasons={source: dict(sorted(n.items())) for source, n in sorted(reasons.items())},
        slices=tuple(read_reports(atlas)),
        filled={
            column.name: atlas.count("catalogue", f"`{column.name}` IS NOT NULL")
            for column in DERIVED_COLUMNS
            if column.name in there
        },
    )
