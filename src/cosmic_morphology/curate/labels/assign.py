"""Labels: people's verdicts first, else what the voters agree on, else nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import (
    VOTE_TYPE,
    Atlas,
    ColumnProvenance,
    Decision,
    Progress,
    content_hash,
    embedding_columns,
    latest_decisions,
)
from cosmic_morphology.curate.columns import matrix
from cosmic_morphology.curate.review.verdicts import label_from_verdict, verdict_labels_for_training
from cosmic_morphology.curate.votes import zero_shot
from cosmic_morphology.curate.votes.base import IMAGE, ZERO_SHOT
from cosmic_morphology.curate.votes.cast import taxonomy_key
from cosmic_morphology.curate.votes.crowd import crowdlab
from cosmic_morphology.curate.votes.derived import VotingContext, add_derived_votes
from cosmic_morphology.curate.votes.label_model import naive_bayes_label_model
from cosmic_morphology.curate.votes.trained_runs import eligible_run_votes
from cosmic_morphology.curate.votes.weighted_votes import (
    WeightedVotes,
    origin_of,
    read_weighted_votes,
)
from cosmic_morphology.display import Shown
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

STAGE = "labels"
CODE = "6"
CHECKED, COMPUTED, NONE = "checked", "computed", "none"


@dataclass(frozen=True, slots=True, repr=False)
class LabelResult(Shown):
    """What :func:`label` did.

    Attributes
    ----------
    labels : dict of str to int
        Images of each class, the reject class included.
    checked, computed, abstained : int
        Labels by people, by the voters, and images left open.
    unknown_classes : dict of str to int
        People's labels that are not in this taxonomy, with their number; they are left open.
    evidence : tuple of str
        Columns that the image voter, the zero-shot voter and trained runs looked at.
    changed : bool
        False when everything was up to date already.
    """

    labels: dict[str, int] = field(default_factory=dict)
    checked: int = 0
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
) -> LabelResult:
    """Write ``label``, ``label_confidence`` and ``label_kind`` of every image.

    A person's verdict always wins: ``label`` gives its class, ``drop`` the reject class, ``keep``
    confirms the class it names or else the computed one. Without a verdict the voters decide,
    and where their best class is less likely than ``labels.min_confidence`` the label is open.

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

    Examples
    --------
    >>> label(atlas, taxonomy=taxonomy, settings=cosmic.load_settings().curate).labels["star"]
    8
    """
    evidence = _evidence_columns(atlas, taxonomy, settings)
    rows = atlas.read(
        ["id", "votes", "source", "collection", "duplicate_of", "group", "split"]
    ).sort_by("id")
    decisions = latest_decisions(atlas)
    runs = eligible_run_votes(atlas, taxonomy=taxonomy, settings=settings)
    ids, votes = rows.column("id").to_pylist(), rows.column("votes").to_pylist()

    def stamp_with(cast: Sequence[Any]) -> ColumnProvenance:
        return _stamp(atlas, rows, cast, decisions, taxonomy, settings, evidence, runs, seed)

    changed = not stamp_with(votes).is_current(atlas.provenance_of("label"))
    if changed:
        cast = add_derived_votes(
            [each or [] for each in votes],
            _images(atlas, rows, decisions, taxonomy, evidence, runs),
            taxonomy.names_with_reject,
            learn_from=settings.votes.probe_min_label_confidence,
            seed=seed,
            without=settings.votes.disabled,
        )
        _keep_votes(atlas, ids, votes, cast)
        weighted = read_weighted_votes(atlas, taxonomy=taxonomy)
        table = _believed(weighted, decisions, taxonomy, settings)
        atlas.replace_columns(table, stamp_with(cast))
    if progress:
        progress(rows.num_rows, rows.num_rows)
    return _summary(atlas, decisions, taxonomy, [*evidence, *runs], changed=changed)


def _evidence_columns(atlas: Atlas, taxonomy: Taxonomy, settings: CurateSettings) -> list[str]:
    """Columns that image and zero-shot voter look at."""
    chosen = [] if IMAGE in settings.votes.disabled else embedding_columns(atlas)
    if ZERO_SHOT not in settings.votes.disabled and zero_shot.has_seen(atlas, taxonomy):
        chosen.append(zero_shot.COLUMN)
    return chosen


def _stamp(
    atlas: Atlas,
    rows: pa.Table,
    votes: Sequence[Any],
    decisions: dict[str, Decision],
    taxonomy: Taxonomy,
    settings: CurateSettings,
    evidence: Sequence[str],
    runs: Mapping[str, NDArray[np.float32]],
    seed: int,
) -> ColumnProvenance:
    # Derived votes, too: rows that vote anew have lost theirs.
    told = [_told(cast or ()) for cast in votes]
    test = [row["id"] for row in rows.select(["id", "split"]).to_pylist() if row["split"] == "test"]
    inputs = content_hash(
        told,
        [rows.column(name).to_pylist() for name in ("id", "duplicate_of", "group")],
        sorted((each.id, each.verdict, each.label) for each in decisions.values()),
        test,
        [
            (
                name,
                str(sorted(atlas.provenance_of(name).items())),
                atlas.count("catalogue", f"`{name}` IS NOT NULL"),
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
    rows: pa.Table,
    decisions: dict[str, Decision],
    taxonomy: Taxonomy,
    evidence: Sequence[str],
    runs: Mapping[str, NDArray[np.float32]],
) -> VotingContext:
    listed = rows.select(["id", "source", "collection", "duplicate_of", "group", "split"])
    known = listed.to_pylist()
    test = frozenset(row["id"] for row in known if row["split"] == "test")
    return VotingContext(
        ids=[row["id"] for row in known],
        groups=[row["group"] or row["duplicate_of"] or row["id"] for row in known],
        copies=[row["duplicate_of"] or row["id"] for row in known],
        origins=[origin_of(row) for row in known],
        checked=verdict_labels_for_training(decisions, test, taxonomy),
        withheld=test,
        embeddings=[matrix(atlas, name) for name in evidence if name != zero_shot.COLUMN],
        zero_shot=matrix(atlas, zero_shot.COLUMN) if zero_shot.COLUMN in evidence else None,
        runs=runs,
    )


def _keep_votes(
    atlas: Atlas, ids: Sequence[str], before: Sequence[Any], after: Sequence[list[dict[str, Any]]]
) -> None:
    changed = [at for at in range(len(ids)) if not _same(before[at] or [], after[at])]
    changed = [at for at in changed if before[at] is not None]
    if changed:
        atlas.fill_columns(
            pa.table(
                {
                    "id": pa.array([ids[at] for at in changed], pa.string()),
                    "votes": pa.array([after[at] for at in changed], VOTE_TYPE),
                }
            )
        )


def _same(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> bool:
    return _told(before) == _told(after)


def _told(cast: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (each["voter"], each["label"], float(np.float32(each["weight"])), each["reason"])
        for each in cast
    ]


def _believed(
    weighted: WeightedVotes,
    decisions: dict[str, Decision],
    taxonomy: Taxonomy,
    settings: CurateSettings,
) -> pa.Table:
    ids, votes, classes = weighted.ids, weighted.votes, taxonomy.names_with_reject
    least = settings.labels.min_confidence
    if settings.votes.label_model == "crowdlab":
        likely = crowdlab(votes, ids, classes)
    else:
        likely = naive_bayes_label_model(votes, classes)
    best = likely.argmax(axis=1)
    sure = likely[np.arange(len(ids)), best]
    out: dict[str, list[object]] = {"label": [], "label_confidence": [], "label_kind": []}
    for at, each in enumerate(ids):
        computed = classes[best[at]] if sure[at] >= least and votes[at] else None
        given = label_from_verdict(decisions.get(each), computed, taxonomy)
        name, confidence, kind = (
            (given, 1.0, CHECKED)
            if given
            else (computed, float(sure[at]), COMPUTED if computed else NONE)
        )
        for column, value in zip(out, (name, confidence, kind), strict=True):
            out[column].append(value)
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "label": pa.array(out["label"], pa.string()),
            "label_confidence": pa.array(out["label_confidence"], pa.float32()),
            "label_kind": pa.array(out["label_kind"], pa.string()),
        }
    )


def _summary(
    atlas: Atlas,
    decisions: dict[str, Decision],
    taxonomy: Taxonomy,
    evidence: Sequence[str],
    *,
    changed: bool,
) -> LabelResult:
    rows = atlas.read(["id", "label", "label_kind"])
    kinds = Counter(rows.column("label_kind").to_pylist())
    counted = Counter(each for each in rows.column("label").to_pylist() if each)
    there = set(rows.column("id").to_pylist())
    unknown = Counter(
        each.label
        for each in decisions.values()
        if each.id in there and each.label and each.label not in taxonomy.names_with_reject
    )
    return LabelResult(
        labels={name: counted[name] for name in taxonomy.names_with_reject},
        checked=kinds[CHECKED],
        computed=kinds[COMPUTED],
        abstained=kinds[NONE],
        unknown_classes=dict(unknown),
        evidence=tuple(evidence),
        changed=changed,
    )
