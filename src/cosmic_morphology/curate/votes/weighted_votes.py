"""The votes as the checks read them: weighted by each voter's accuracy on checked images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas, Fingerprint, latest_decisions
from cosmic_morphology.curate.records import Records
from cosmic_morphology.curate.review.verdicts import verdict_labels_for_training
from cosmic_morphology.curate.votes.base import VoteBatch
from cosmic_morphology.curate.votes.derived import is_derived
from cosmic_morphology.curate.votes.voter_accuracy import Key, reweighted, verdicts_on_voters
from cosmic_morphology.taxonomy import Taxonomy

_COLUMNS = ("id", "votes", "source", "collection")


@dataclass(frozen=True, slots=True)
class WeightedVotes:
    """The votes on all N images, weighted; they are read again each time they are gone through.

    Attributes
    ----------
    records : Records
        The images.
    found : mapping
        What people found of each voter.
    checked : mapping of str to str
        People's labels that may be learned from.
    n_classes : int
        K, the reject class included.
    """

    records: Records
    found: Mapping[Key, Counter[str]]
    checked: Mapping[str, str]
    n_classes: int

    def __iter__(self) -> Iterator[VoteBatch]:
        for places, rows in self.records.batches(_COLUMNS):
            ids, votes = rows.column("id").to_pylist(), votes_of_rows(rows)
            weighted_votes = reweighted(
                votes,
                ids,
                origins_of_rows(rows),
                self.checked,
                self.found,
                self.n_classes,
                but={each["voter"] for mine in votes for each in mine if is_derived(each["voter"])},
            )
            yield VoteBatch(places, ids, weighted_votes)

    def inputs(self) -> str:
        """Fingerprint of the votes, for stamps."""
        hashed = Fingerprint()
        for batch in self:
            hashed.add(
                (id_, [tuple(each.values()) for each in cast])
                for id_, cast in zip(batch.ids, batch.votes, strict=True)
            )
        return str(hashed)

    def likely(
        self, model: Callable[[VoteBatch], NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Probabilities of the classes by id, shape ``(N, K)``, and who has any vote."""
        likely = np.empty((len(self.records), self.n_classes))
        voted = np.zeros(len(self.records), bool)
        for batch in self:
            likely[batch.places] = model(batch)
            voted[batch.places] = [bool(cast) for cast in batch.votes]
        return likely, voted


def read_weighted_votes(
    atlas: Atlas, *, taxonomy: Taxonomy, records: Records | None = None
) -> WeightedVotes:
    """The votes, weighted by each voter's accuracy on images that people have checked."""
    records = records or Records(atlas)
    decisions = latest_decisions(atlas)
    checked = verdict_labels_for_training(decisions, withheld_of(records), taxonomy)
    found = verdicts_of(records, checked)
    return WeightedVotes(records, found, checked, len(taxonomy.names_with_reject))


def verdicts_of(records: Records, checked: Mapping[str, str]) -> dict[Key, Counter[str]]:
    """What people found of each voter; only images that they have checked are looked at."""
    found: dict[Key, Counter[str]] = {}
    for _, batch in records.batches(_COLUMNS) if checked else ():
        some = [at for at, id_ in enumerate(batch.column("id").to_pylist()) if id_ in checked]
        rows = batch.take(pa.array(some, pa.int64()))
        verdicts_on_voters(
            votes_of_rows(rows),
            rows.column("id").to_pylist(),
            origins_of_rows(rows),
            checked,
            into=found,
        )
    return found


def withheld_of(records: Records) -> frozenset[str]:
    """Ids of the test split: nothing may be learned from them."""
    codes, names = records.codes("split")
    test = np.isin(codes, [code for code, name in enumerate(names.to_pylist()) if name == "test"])
    return frozenset(records.ids.filter(pa.array(test)).to_pylist())


def origins_of_rows(rows: pa.Table) -> list[Hashable]:
    """Who collected each image: its source and the collection within it."""
    sources, collections = (rows.column(name).to_pylist() for name in ("source", "collection"))
    return [(source, each or "") for source, each in zip(sources, collections, strict=True)]


def votes_of_rows(rows: pa.Table) -> list[list[dict[str, Any]]]:
    """The column ``votes``; empty where nobody voted."""
    return [cast or [] for cast in rows.column("votes").to_pylist()]
