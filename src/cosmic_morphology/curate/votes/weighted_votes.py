"""The votes as labels and checks read them: weighted by voters' accuracy on checked images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
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
from cosmic_morphology.engine import ColumnFunction, ColumnWork, Engine, gather
from cosmic_morphology.taxonomy import Taxonomy

_COLUMNS = ("id", "votes", "source", "collection")
_ID = pa.field("id", pa.string())
# Hash of the weighted votes of a row, for stamps.
_DIGEST = pa.field("digest", pa.binary(16))
# A row takes a twenty-fifth of a millisecond, and a process some seconds to start.
_WORTH_PROCESSES = 250_000

Judge = Callable[[Sequence[str], Sequence[list[dict[str, Any]]]], pa.Table]
"""Ids and weighted votes of some images in, columns of theirs out; pure, and of a module."""


@dataclass(frozen=True, slots=True)
class WeightedVotes:
    """The votes on all N images, weighted; they are read again each time they are gone through.

    Attributes
    ----------
    atlas : Atlas
        Read only.
    records : Records
        The images.
    found : mapping
        What people found of each voter.
    checked : mapping of str to str
        People's labels that may be learned from.
    n_classes : int
        K, the reject class included.
    """

    atlas: Atlas
    records: Records
    found: Mapping[Key, Counter[str]]
    checked: Mapping[str, str]
    n_classes: int

    def __iter__(self) -> Iterator[VoteBatch]:
        for places, rows in self.records.batches(_COLUMNS):
            votes = weighted(rows, self.found, self.checked, self.n_classes)
            yield VoteBatch(places, rows.column("id").to_pylist(), votes)

    def judged(
        self,
        stage: str,
        judge: Judge,
        gives: Sequence[pa.Field],
        *,
        engine: Engine | None,
        into: Fingerprint | None = None,
    ) -> Iterator[tuple[NDArray[np.int32], pa.Table]]:
        """What the votes on each image come to, computed by an engine, fragment by fragment.

        Parameters
        ----------
        stage : str
            As the settings name it.
        judge : callable
            See :data:`Judge`.
        gives : sequence of pyarrow.Field
            The columns that it gives.
        engine : Engine, optional
            Where it runs; without it on this machine.
        into : Fingerprint, optional
            Takes in the weighted votes.

        Yields
        ------
        tuple of array and pyarrow.Table
            Numbers of some images, and the columns.
        """
        work = ColumnWork(
            stage,
            judge_function,
            reads=_COLUMNS,
            writes=(_ID, *((_DIGEST,) if into is not None else ()), *gives),
            arguments=(judge, self.found, self.checked, self.n_classes, into is not None),
            batch_size=4096,
            task_rows=16_384,
            worth_processes=_WORTH_PROCESSES,
        )
        names = [each.name for each in gives]
        for rows in gather(self.atlas, work, engine=engine):
            places = self.records.numbers_of(rows.column("id").combine_chunks())
            known = rows.filter(pa.array(places >= 0))
            if into is not None:
                into.add_digests(known.column(_DIGEST.name).to_pylist())
            yield places[places >= 0], known.select(names)


def judge_function(
    judge: Judge,
    found: Mapping[Key, Counter[str]],
    checked: Mapping[str, str],
    n_classes: int,
    with_digests: bool,
) -> ColumnFunction:
    """The column function of a judge, for whoever does the work."""

    def judged(rows: pa.Table) -> pa.Table:
        ids, votes = rows.column("id").to_pylist(), weighted(rows, found, checked, n_classes)
        columns = judge(ids, votes)
        if with_digests:
            digests = [
                Fingerprint.digest_of((id_, [tuple(each.values()) for each in cast]))
                for id_, cast in zip(ids, votes, strict=True)
            ]
            columns = columns.add_column(0, _DIGEST, pa.array(digests, _DIGEST.type))
        return columns.add_column(0, _ID, pa.array(ids, _ID.type))

    return judged


def weighted(
    rows: pa.Table,
    found: Mapping[Key, Counter[str]],
    checked: Mapping[str, str],
    n_classes: int,
) -> list[list[dict[str, Any]]]:
    """The votes on some images, with weights as people's verdicts bear them out."""
    votes = votes_of_rows(rows)
    return reweighted(
        votes,
        rows.column("id").to_pylist(),
        origins_of_rows(rows),
        checked,
        found,
        n_classes,
        but={each["voter"] for mine in votes for each in mine if is_derived(each["voter"])},
    )


def read_weighted_votes(
    atlas: Atlas, *, taxonomy: Taxonomy, records: Records | None = None
) -> WeightedVotes:
    """The votes, weighted by each voter's accuracy on images that people have checked."""
    records = records or Records(atlas)
    decisions = latest_decisions(atlas)
    checked = verdict_labels_for_training(decisions, withheld_of(records), taxonomy)
    found = verdicts_of(records, checked)
    return WeightedVotes(atlas, records, found, checked, len(taxonomy.names_with_reject))


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
