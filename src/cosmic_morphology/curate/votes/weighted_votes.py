"""The votes as the checks hear them: weighed by what people have found of each voter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cosmic_morphology.atlas import Atlas, content_hash, latest_decisions
from cosmic_morphology.curate.review.verdicts import verdict_labels_for_training
from cosmic_morphology.curate.votes.derived import is_derived
from cosmic_morphology.curate.votes.voter_accuracy import reweight_by_verdicts
from cosmic_morphology.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class WeightedVotes:
    """All N images by id, and the votes on each.

    Attributes
    ----------
    ids : list of str
        Sorted.
    votes : list of lists
        With ``voter``, ``label``, ``weight`` and ``reason``; empty where nobody voted.
    inputs : str
        Fingerprint of everything above, for stamps.
    """

    ids: list[str]
    votes: list[list[dict[str, Any]]]
    inputs: str


def read_weighted_votes(atlas: Atlas, *, taxonomy: Taxonomy) -> WeightedVotes:
    """Read the votes, weighed by each voter's record on images that people have checked."""
    rows = atlas.read(["id", "votes", "source", "collection", "split"]).sort_by("id").to_pylist()
    ids = [row["id"] for row in rows]
    withheld = {row["id"] for row in rows if row["split"] == "test"}
    cast = [row["votes"] or [] for row in rows]
    votes = reweight_by_verdicts(
        cast,
        ids,
        [origin_of(row) for row in rows],
        verdict_labels_for_training(latest_decisions(atlas), withheld, taxonomy),
        len(taxonomy.names_with_reject),
        but={each["voter"] for mine in cast for each in mine if is_derived(each["voter"])},
    )
    return WeightedVotes(ids, votes, content_hash(ids, votes))


def origin_of(row: dict[str, Any]) -> str:
    """Who collected an image: its source and the collection within it."""
    return f"{row['source']}/{row['collection'] or ''}"
