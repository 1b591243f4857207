"""The label of each image: a person's verdict, else the class that is likely enough."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import Decision
from cosmic_morphology.curate.labels.crowd import crowdlab
from cosmic_morphology.curate.review.verdicts import label_from_verdict
from cosmic_morphology.curate.votes.base import VOLUNTEERS
from cosmic_morphology.curate.votes.label_model import naive_bayes_label_model
from cosmic_morphology.curate.votes.weighted_votes import WeightedVotes
from cosmic_morphology.engine import Engine
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

CHECKED, COMPUTED, VOLUNTEERED, NONE = _KINDS = ("checked", "computed", VOLUNTEERS, "none")


def final_labels(
    weighted: WeightedVotes,
    decisions: dict[str, Decision],
    taxonomy: Taxonomy,
    settings: CurateSettings,
    *,
    engine: Engine | None = None,
) -> pa.Table:
    """``label``, ``label_confidence`` and ``label_kind`` of all images, by id."""
    ids, classes = weighted.records.ids, taxonomy.names_with_reject
    best, sure = np.zeros(len(ids), np.intp), np.zeros(len(ids))
    voted, asked = np.zeros(len(ids), bool), np.zeros(len(ids), bool)
    judged = weighted.judged("labels", partial(judge_votes, classes), _FIELDS, engine=engine)
    for places, rows in judged:
        for all_, column in ((best, "best"), (sure, "sure"), (voted, "voted"), (asked, "asked")):
            all_[places] = rows.column(column).to_numpy()
    if settings.votes.label_model == "crowdlab":
        likely = crowdlab(weighted, len(ids), classes)
        best, sure = likely.argmax(axis=1), likely.max(axis=1)
    # That volunteers disagree is what is known of the image: their majority is its label.
    known = ((sure >= settings.labels.min_confidence) & voted) | asked
    name = np.where(known, best, len(classes))
    kind = np.where(known, _KINDS.index(COMPUTED), _KINDS.index(NONE))
    kind[asked] = _KINDS.index(VOLUNTEERED)
    for at, decision in decided(ids, decisions):
        computed = classes[name[at]] if name[at] < len(classes) else None
        given = label_from_verdict(decision, computed, taxonomy)
        if given:
            name[at], sure[at], kind[at] = classes.index(given), 1.0, _KINDS.index(CHECKED)
    return pa.table(
        {
            "id": ids,
            "label": pa.array([*classes, None], pa.string()).take(pa.array(name)),
            "label_confidence": pa.array(sure, pa.float32()),
            "label_kind": pa.array(_KINDS, pa.string()).take(pa.array(kind)),
        }
    )


_FIELDS = (
    pa.field("best", pa.int16()),
    pa.field("sure", pa.float64()),
    pa.field("voted", pa.bool_()),
    pa.field("asked", pa.bool_()),
)


def judge_votes(
    classes: Sequence[str], ids: Sequence[str], votes: Sequence[list[dict[str, Any]]]
) -> pa.Table:
    """The number of the likeliest class of each image, its probability, and who has any votes."""
    del ids
    likely = naive_bayes_label_model(votes, classes)
    best, sure = likely.argmax(axis=1).astype(np.int16), likely.max(axis=1)
    asked = [any(each["voter"] == VOLUNTEERS for each in cast) for cast in votes]
    return pa.table([best, sure, list(map(bool, votes)), asked], schema=pa.schema(_FIELDS))


def decided(ids: pa.Array, decisions: dict[str, Decision]) -> list[tuple[int, Decision]]:
    """Numbers of the images that people have reviewed, and their verdicts."""
    places = pc.index_in(pa.array(decisions, pa.string()), value_set=ids).to_pylist()
    found = zip(places, decisions.values(), strict=True)
    return [(at, decision) for at, decision in found if at is not None]
