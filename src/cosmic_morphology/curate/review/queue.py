"""What a person should look at next: images ordered by how much a verdict on them is worth."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosmic_morphology.atlas import Atlas, latest_decisions
from cosmic_morphology.curate.records import Records, counted
from cosmic_morphology.taxonomy import Taxonomy

# A wrong label in the test split falsifies every score; one in the training split blurs one.
_SPLIT_WORTH = {"test": 2.0, "val": 1.3}
# How much rarity counts: more of it, and verdicts go to right labels of rare classes.
_RARITY, _LEAST_NEED, _MOST_NEED = 0.25, 0.8, 1.5
_READ = (
    *("id", "title", "label", "label_confidence", "split", "duplicate_flag", "duplicate_of"),
    *("mislabel_flag", "mislabel_reason", "suggested_label"),
    *("relevance_flag", "relevance_reason"),
)


@dataclass(frozen=True, slots=True)
class QueueItem:
    """An image that waits for a verdict.

    Attributes
    ----------
    id, title, label, suggested : str
        The image, its label (empty when open), and what the checks would call it.
    worth : float
        How much a verdict is worth, relative to the others.
    reason : str
        Why it stands where it stands.
    """

    id: str
    title: str
    label: str
    suggested: str
    worth: float
    reason: str


def review_queue(atlas: Atlas, *, taxonomy: Taxonomy, limit: int | None = None) -> list[QueueItem]:
    """Images without a verdict, the most valuable first.

    The worth of a verdict is the chance that the label is wrong, times the number of copies that
    it settles, times how much the class needs it (a little more where it is rare), times two in
    the test split.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    taxonomy : Taxonomy
        The classes.
    limit : int, optional
        The largest number of rows.

    Examples
    --------
    >>> [item.label for item in review_queue(atlas, taxonomy=taxonomy, limit=2)]
    ['star', 'star']
    """
    records, seen = Records(atlas), latest_decisions(atlas)
    label, names = records.codes("label")
    counts = Counter(counted(label, [name or "" for name in names.to_pylist()]))
    need = _need(counts, taxonomy)
    original, _ = records.codes_of_ids("duplicate_of")
    copies = np.bincount(original, minlength=len(records))
    waiting = (
        _item(row, need, int(copies[place]))
        for places, rows in records.batches(_READ)
        for place, row in zip(places.tolist(), rows.to_pylist(), strict=True)
        if row["id"] not in seen and not row["duplicate_flag"]
    )
    if limit is None:
        return sorted(waiting, key=_order)
    return heapq.nsmallest(limit, waiting, key=_order)


def _order(item: QueueItem) -> tuple[float, str]:
    return -item.worth, item.id


def _need(counts: Counter[str], taxonomy: Taxonomy) -> dict[str, float]:
    usual = float(np.median([counts[name] for name in taxonomy.names])) or 1.0
    return {
        name: float(np.clip((usual / max(counts[name], 1)) ** _RARITY, _LEAST_NEED, _MOST_NEED))
        for name in taxonomy.names_with_reject
    }


def _item(row: Mapping[str, Any], need: Mapping[str, float], copies: int) -> QueueItem:
    label, suggested = row.get("label") or "", row.get("suggested_label") or ""
    wrong = 1.0 - float(row.get("label_confidence") or 0.0) if label else 1.0
    worth = wrong * max(need.get(label, 1.0), need.get(suggested, 0.0)) * max(copies, 1)
    worth *= _SPLIT_WORTH.get(row.get("split") or "", 1.0)
    reasons = [
        f"{wrong:.0%} likely wrong" if label else "no label",
        *(
            row.get(f"{check}_reason") or ""
            for check in ("mislabel", "relevance")
            if row.get(f"{check}_flag")
        ),
        f"{copies} copies" if copies > 1 else "",
        "in the test split" if row.get("split") == "test" else "",
    ]
    return QueueItem(
        id=row["id"],
        title=row.get("title") or "",
        label=label,
        suggested=suggested,
        worth=float(worth),
        reason="; ".join(part for part in reasons if part),
    )
