"""Relevance: a celestial object of the taxonomy, or people, rockets, charts, landscapes, …"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.labels.checks import Check, CheckResult, Judged, Taken, fill_check
from cosmic_morphology.curate.labels.doubt import LearnedDoubt
from cosmic_morphology.curate.labels.learning import Learning
from cosmic_morphology.curate.votes.label_model import is_of_all, naive_bayes_label_model
from cosmic_morphology.curate.votes.voter_accuracy import RECORD
from cosmic_morphology.engine import Engine
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

RELEVANCE_STAGE = "relevance"
RELEVANCE_CODE = "4"
_REASONS = 3
_UNSURE, _MORE_LIKELY = 1e-2, 0.5


def check_relevance(
    atlas: Atlas,
    *,
    taxonomy: Taxonomy,
    settings: CurateSettings,
    engine: Engine | None = None,
) -> CheckResult:
    """Write ``relevance_score``, ``relevance_flag`` and ``relevance_reason``.

    The score is the probability that the image shows an object of the taxonomy, from all votes
    (texts, names, copies, the image itself). Dark, grey or empty images are not suspicious.
    A low score alone flags nothing, for with few classes it is low where nothing speaks for any:
    somebody must say that the image shows none, and the reason names who.

    After some fifty verdicts on images of the train split the score is learned from them instead,
    where it tells irrelevant images better than the votes do
    (:mod:`~cosmic_morphology.curate.labels.doubt`).

    Parameters
    ----------
    atlas : Atlas
        Read (``votes``, after :func:`~cosmic_morphology.curate.labels.assign.label`) and written.
    taxonomy : Taxonomy
        Names the reject class.
    settings : CurateSettings
        ``checks.relevance_threshold``.
    engine : Engine, optional
        Where votes are gone through; without it on this machine.

    Examples
    --------
    >>> check_relevance(atlas, taxonomy=taxonomy, settings=cosmic.load_settings().curate).looked
    24
    """
    return fill_check(
        atlas,
        _RELEVANCE,
        taxonomy=taxonomy,
        least=settings.checks.relevance_threshold,
        engine=engine,
    )


def _judge(
    taxonomy: Taxonomy, least: float, ids: Sequence[str], votes: Sequence[list[dict[str, Any]]]
) -> pa.Table:
    del ids
    classes = taxonomy.names_with_reject
    likely = naive_bayes_label_model(votes, classes)
    # Without any vote there is no evidence: no score, no flag.
    scores = [1.0 - float(likely[at, -1]) if cast else None for at, cast in enumerate(votes)]
    against = [_against(cast, taxonomy.reject, len(classes)) for cast in votes]
    flags = [
        score is not None and score < least and bool(found)
        for score, found in zip(scores, against, strict=True)
    ]
    reasons = [
        _relevance_reason(found) if flag else "" for found, flag in zip(against, flags, strict=True)
    ]
    return pa.table([scores, flags, reasons], schema=pa.schema(_FIELDS))


def _take_in(judged: Judged, taxonomy: Taxonomy, least: float, learning: Learning) -> Taken:
    del least
    nothing = np.empty(0, np.int32), pa.schema(_FIELDS).empty_table()
    rows = learning.records.by_id([nothing, *judged])
    # Without a vote there is no score, and nothing to ask.
    score = rows.column("relevance_score").to_numpy().astype(np.float64)
    reject = len(taxonomy.names)
    doubt = learning.doubt(
        learning.labels == reject,
        np.log((1.0 - score + _UNSURE) / (score + _UNSURE)),
        np.full(len(score), -1, np.int16),
        len(taxonomy.names_with_reject),
    )
    return Taken(partial(_with_doubt, rows, doubt), doubt)


def _with_doubt(rows: pa.Table, doubt: LearnedDoubt) -> pa.Table:
    """The rows with what was learned from verdicts in place of what the votes say."""
    learned = np.isfinite(doubt.likely)
    if not learned.any():
        return rows
    mask, wrong = pa.array(learned), doubt.likely > _MORE_LIKELY
    said = f"images that look like it are irrelevant (learned from {doubt.verdicts} verdicts)"
    new = (
        pa.array(1.0 - doubt.likely, pa.float32(), from_pandas=True),
        pa.array(wrong, pa.bool_()),
        pa.array([said if each else "" for each in wrong], pa.string()),
    )
    for field, values in zip(_FIELDS, new, strict=True):
        at = rows.schema.get_field_index(field.name)
        rows = rows.set_column(at, field, pc.if_else(mask, values, rows.column(at)))
    return rows


_FIELDS = (
    pa.field("relevance_score", pa.float32()),
    pa.field("relevance_flag", pa.bool_()),
    pa.field("relevance_reason", pa.string()),
)
_RELEVANCE = Check(RELEVANCE_STAGE, RELEVANCE_CODE, _judge, lambda _: _FIELDS, _take_in)


def _against(cast: Sequence[dict[str, Any]], reject: str, n_classes: int) -> list[dict[str, Any]]:
    """The votes that are evidence against an image, the strongest first.

    What gives probabilities of all classes speaks against it where it gives the reject class more
    than its even share. What people found of other images of a folder is evidence only where it
    is more likely than not: one image that was dropped is not.
    """
    found = []
    for each in cast:
        least = 1 / n_classes if is_of_all(each) else 0.0
        least = _MORE_LIKELY if each["voter"].startswith(RECORD) else least
        if each["label"] == reject and each["weight"] > least:
            found.append(each)
    return sorted(found, key=lambda vote: -vote["weight"])


def _relevance_reason(against: Sequence[dict[str, Any]]) -> str:
    return "; ".join(
        f"{each['voter']}: {each['reason'].removeprefix(each['voter'] + ': ')}"
        for each in against[:_REASONS]
    )
