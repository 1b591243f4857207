"""What a test image really shows: the one definition that evaluation and studies score by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cosmic_morphology.atlas import Atlas, checked_labels, labels_by_construction, latest_decisions
from cosmic_morphology.stats.score import CHECKED, COMPUTED, RENDERED, VOLUNTEERED


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """The class that an image is scored by.

    Attributes
    ----------
    label : str
        The class; empty where it is not known.
    kind : str
        ``checked`` (a person named it), ``rendered`` (whoever drew it did), ``volunteers`` (most of
        a catalogue's volunteers did) or ``computed`` (the voters agree on it).
    dropped : bool
        Whether a person has dropped the image: it is not scored.
    """

    label: str
    kind: str
    dropped: bool = False


def ground_truths(atlas: Atlas, rows: Iterable[Mapping[str, Any]]) -> list[GroundTruth]:
    """The truth of each row, by people's latest verdicts first.

    The column ``label`` lags behind verdicts until the next ``cosmic curate``, so it is asked only
    where no person has given a class.

    Parameters
    ----------
    atlas : Atlas
        Its decisions are read.
    rows : iterable of N mappings
        ``id``, ``label`` and ``label_kind``.
    """
    checked, drawn = checked_labels(atlas), labels_by_construction(atlas)
    dropped = {each.id for each in latest_decisions(atlas).values() if each.verdict == "drop"}
    return [_truth(row, checked, drawn, dropped) for row in rows]


def _truth(
    row: Mapping[str, Any], checked: Mapping[str, str], drawn: frozenset[str], dropped: set[str]
) -> GroundTruth:
    if row["id"] in dropped:
        return GroundTruth("", CHECKED, dropped=True)
    if row["id"] in checked:
        return GroundTruth(checked[row["id"]], RENDERED if row["id"] in drawn else CHECKED)
    # A label that a person gave without naming it (`drop`, `keep`) is no voter's either.
    kind = VOLUNTEERED if row["label_kind"] == VOLUNTEERED else COMPUTED
    return GroundTruth("" if row["label_kind"] == CHECKED else row["label"] or "", kind)
