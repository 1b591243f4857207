"""Labels: people's verdicts first, else what the voters agree on, else nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cosmic_morphology.atlas import (
    VOTE_TYPE,
    Atlas,
    ColumnProvenance,
    Decision,
    Fingerprint,
    content_hash,
    embedding_columns,
    latest_decisions,
)
from cosmic_morphology.atlas.storage.key_places import KeyPlaces
from cosmic_morphology.curate.columns import is_about, matrix, read_batches
from cosmic_morphology.curate.labels.final_labels import (
    CHECKED,
    COMPUTED,
    NONE,
    VOLUNTEERED,
    decided,
    final_labels,
)
from cosmic_morphology.curate.records import Records
from cosmic_morphology.curate.review.verdicts import verdict_labels_for_training
from cosmic_morphology.curate.votes import zero_shot
from cosmic_morphology.curate.votes.base import IMAGE, ZERO_SHOT, VoteBatch, VotingContext
from cosmic_morphology.curate.votes.cast import taxonomy_key
from cosmic_morphology.curate.votes.derived import DerivedVoters
from cosmic_morphology.curate.votes.trained_runs import eligible_run_votes
from cosmic_morphology.curate.votes.weighted_votes import (
    read_weighted_votes,
    votes_of_rows,
    withheld_of,
)
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import Engine
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

STAGE = "labels"
CODE = "8"


@dataclass(frozen=True, slots=True, repr=False)
class LabelResult(Shown):
    """What :func:`label` did.

    Attributes
    ----------
    labels : dict of str to int
        Images of each class, the reject class included.
    checked, volunteers, computed, abstained : int
        Labels by people's verdicts, by volunteers' votes, by the voters, and images left open.
    unknown_classes : dict of str to int
        People's labels that are not in this taxonomy, with their number; they are left open.
    evidence : tuple of str
        Columns that the image voter, the zero-shot voter and trained runs looked at.
    changed : bool
        False when everything was up to date already.
    """

    labels: dict[str, int] = field(default_factory=dict)
    checked: int = 0
    volunteers: int = 0
    computed: int = 0
    abstained: int = 0
    unknown_classes: dict[str, int] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    changed: bool = True


def label(
    atlas: Atlas,
    *,
    taxonomy: Taxonomy,
    settings: CurateSettings,
    progress: Progress | None = None,
    seed: int = 0,
    engine: Engine | None = None,
) -> LabelResult:
    """Write ``label``, ``label_confidence`` and ``label_kind`` of every image.

    A person's verdict always wins: ``label`` gives its class, ``drop`` the reject class, ``keep``
    confirms the class it names or else the computed one. Without a verdict the voters decide,
    and where their best class is less likely than ``labels.min_confidence`` the label is open.
    Where a catalogue of volunteers' votes came with the image, its label is their majority.

    Beside the votes of :func:`~cosmic_morphology.curate.votes.cast.vote` there are those of copies
    of the image (when ``duplicate_of`` is known) and, when there are ``embedding_…`` columns, of
    an image voter that is trained on other groups' confident labels, and those of the zero-shot
    voter and of trained runs that were asked. They are added to the column ``votes``. Nothing is
    learned from images of the test split.

    Parameters
    ----------
    atlas : Atlas
        Read (``votes``, duplicates, groups, embeddings, decisions) and written.
    taxonomy : Taxonomy
        The classes.
    settings : CurateSettings
        ``labels`` and ``votes``.
    progress : callable, optional
        Called with rows done and rows in all.
    seed : int
        Of the folds of the image voter.
    engine : Engine, optional
        Where votes are weighed into labels; without it on this machine. What one voter learns
        from all images is learned in this process.

    Examples
    --------
    >>> label(atlas, taxonomy=taxonomy, settings=cosmic.load_settings().curate).labels["star"]
    8
    """
    evidence = _evidence_columns(atlas, taxonomy, settings)
    records, decisions = Records(atlas), latest_decisions(atlas)
    runs = eligible_run_votes(atlas, taxonomy=taxonomy, settings=settings)

    def stamp_of(votes: Iterable[VoteBatch]) -> ColumnProvenance:
        return _stamp(atlas, records, votes, decisions, taxonomy, settings, evidence, runs, seed)

    changed = not stamp_of(_votes(records)).is_current(atlas.provenance_of("label"))
    if changed:
        voters = DerivedVoters.learned(
            partial(_votes, records),
            _images(atlas, records, decisions, taxonomy, evidence, runs),
            taxonomy.names_with_reject,
            learn_from=settings.votes.probe_min_label_confidence,
            seed=seed,
            without=settings.votes.disabled,
        )
        _keep_votes(atlas, records, voters)
        weighted = read_weighted_votes(atlas, taxonomy=taxonomy, records=records)
        table = final_labels(weighted, decisions, taxonomy, settings, engine=engine)
        atlas.replace_columns(table, stamp_of(_votes(records)))
    if progress:
        progress(len(records), len(records))
    return _summary(atlas, records, decisions, taxonomy, [*evidence, *runs], changed=changed)


def _votes(records: Records, only: NDArray[np.bool_] | None = None) -> Iterator[VoteBatch]:
    for places, rows in records.batches(["id", "votes"]):
        # Votes are slow to make objects of: those that nobody asks for stay in Arrow.
        asked = np.ones(len(places), bool) if only is None else only[places]
        some = rows if asked.all() else rows.filter(pa.array(asked))
        yield VoteBatch(places[asked], some.column("id").to_pylist(), votes_of_rows(some))


def _evidence_columns(atlas: Atlas, taxonomy: Taxonomy, settings: CurateSettings) -> list[str]:
    """Columns that image and zero-shot voter look at."""
    chosen = [] if IMAGE in settings.votes.disabled else embedding_columns(atlas)
    if ZERO_SHOT not in settings.votes.disabled and is_about(atlas, zero_shot.COLUMN, taxonomy):
        chosen.append(zero_shot.COLUMN)
    return chosen


def _stamp(
    atlas: Atlas,
    records: Records,
    votes: Iterable[VoteBatch],
    decisions: dict[str, Decision],
    taxonomy: Taxonomy,
    settings: CurateSettings,
    evidence: Sequence[str],
    runs: Mapping[str, NDArray[np.float32]],
    seed: int,
) -> ColumnProvenance:
    hashed = Fingerprint()
    # Derived votes, too: rows that vote again have lost theirs.
    for batch in votes:
        hashed.add(zip(batch.ids, map(_hashable_votes, batch.votes), strict=True))
    for _, rows in records.batches(["id", "duplicate_of", "group", "split"]):
        columns = [rows.column(name).to_pylist() for name in ("id", "duplicate_of", "group")]
        test = (split == "test" for split in rows.column("split").to_pylist())
        hashed.add(zip(*columns, test, strict=True))
    inputs = content_hash(
        str(hashed),
        sorted((each.id, each.verdict, each.label) for each in decisions.values()),
        [
            (
                name,
                str(sorted(atlas.provenance_of(name).items())),
                atlas.count_filled(name),
            )
            for name in evidence
        ],
        *((voter, hashlib.sha256(said.tobytes()).hexdigest()) for voter, said in runs.items()),
    )
    parameters = {
        "taxonomy": taxonomy_key(taxonomy),
        "least": settings.labels.min_confidence,
        "learn_from": settings.votes.probe_min_label_confidence,
        "consensus": settings.votes.label_model,
        "seed": seed,
        "without": settings.votes.disabled,
    }
    return ColumnProvenance(STAGE, parameters, CODE, inputs=inputs)


def _images(
    atlas: Atlas,
    records: Records,
    decisions: dict[str, Decision],
    taxonomy: Taxonomy,
    evidence: Sequence[str],
    runs: Mapping[str, NDArray[np.float32]],
) -> VotingContext:
    test = withheld_of(records)
    embeddings = [matrix(atlas, name) for name in evidence if name != zero_shot.COLUMN]
    return VotingContext(
        ids=records.ids,
        groups=records.column("group", or_else=("duplicate_of", "id")) if embeddings else (),
        copies=records.codes_of_ids("duplicate_of")[0],
        origins=_origins(records),
        checked=verdict_labels_for_training(decisions, test, taxonomy),
        withheld=test,
        embeddings=embeddings,
        zero_shot=matrix(atlas, zero_shot.COLUMN) if zero_shot.COLUMN in evidence else None,
        runs=runs,
    )


def _origins(records: Records) -> NDArray[np.int32]:
    """A number for each source and collection within it; without a collection it is ""."""
    source, sources = records.codes("source")
    collection, texts = records.codes("collection")
    names = texts.to_pylist()
    same = np.array([names.index("") if not name and "" in names else at
                     for at, name in enumerate(names)], np.int32)  # fmt: skip
    return source + len(sources) * same[collection]


def _keep_votes(atlas: Atlas, records: Records, voters: DerivedVoters) -> None:
    """Write the votes of those images whose votes have changed, in one commit."""
    numbers = KeyPlaces(records.ids)

    def changed(rows: pa.Table) -> pa.Table:
        number = numbers.find(rows.column("id").combine_chunks())
        # Later records have no number, and rows that are to vote again no votes.
        rows = rows.append_column("number", number).filter(
            pc.and_(pc.is_valid(number), pc.is_valid(rows.column("votes")))
        )
        ids, before = rows.column("id").to_pylist(), rows.column("votes").to_pylist()
        after = voters.add_votes(VoteBatch(rows.column("number").to_numpy(), ids, before))
        new = [
            at
            for at, cast in enumerate(before)
            if cast != after[at] and _hashable_votes(cast) != _hashable_votes(after[at])
        ]
        votes = pa.array([after[at] for at in new], VOTE_TYPE)
        kept = rows.take(pa.array(new, pa.int64()))
        return kept.set_column(kept.schema.get_field_index("votes"), "votes", votes)

    atlas.change_columns(["votes"], changed)


def _hashable_votes(cast: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (each["voter"], each["label"], float(np.float32(each["weight"])), each["reason"])
        for each in cast
    ]


def _summary(
    atlas: Atlas,
    records: Records,
    decisions: dict[str, Decision],
    taxonomy: Taxonomy,
    evidence: Sequence[str],
    *,
    changed: bool,
) -> LabelResult:
    counted: dict[str, Counter[str]] = {"label": Counter(), "label_kind": Counter()}
    for rows in read_batches(atlas, list(counted)):
        for name, counts in counted.items():
            counts.update(rows.column(name).to_pylist())
    labels, kinds = counted["label"], counted["label_kind"]
    unknown = Counter(
        each.label
        for _, each in decided(records.ids, decisions)
        if each.label and each.label not in taxonomy.names_with_reject
    )
    return LabelResult(
        labels={name: labels[name] for name in taxonomy.names_with_reject},
        checked=kinds[CHECKED],
        volunteers=kinds[VOLUNTEERED],
        computed=kinds[COMPUTED],
        abstained=kinds[NONE],
        unknown_classes=dict(unknown),
        evidence=tuple(evidence),
        changed=changed,
    )
