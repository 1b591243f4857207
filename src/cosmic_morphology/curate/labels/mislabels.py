"""Mislabels: what the sources call an image, against everything else that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.labels.checks import Check, CheckResult, Judged, Taken, fill_check
from cosmic_morphology.curate.labels.doubt import LearnedDoubt
from cosmic_morphology.curate.labels.learning import Learning
from cosmic_morphology.curate.votes.cast import labels_of_voter
from cosmic_morphology.curate.votes.label_model import is_of_all, naive_bayes_label_model
from cosmic_morphology.engine import Engine
from cosmic_morphology.extras import needs
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

MISLABEL_STAGE = "mislabel"
MISLABEL_CODE = "4"
# What a source says outright is checked; the strongest claim that an image has comes first.
_CLAIMS = ("folder", "title", "object_name", "lead", "search_word")
_UNSURE, _MORE_LIKELY = 1e-2, 0.5
# Fewer images than this give no noise rates to learn from.
_LEAST_ROWS = 20


def check_mislabels(
    atlas: Atlas,
    *,
    taxonomy: Taxonomy,
    settings: CurateSettings,
    engine: Engine | None = None,
) -> CheckResult:
    """Write ``mislabel_score``, ``mislabel_flag``, ``mislabel_reason`` and ``suggested_label``.

    An image's claimed label (its folder, else its title, its object name, its first sentences,
    its search word) is compared with the probabilities that all other voters give, none of which
    has learned from the image's group. The score is the probability of the claimed label;
    flagged are images where it is below ``checks.mislabel_threshold``, and those that confident
    learning finds (Northcutt et al. 2021, J. Artif. Intell. Res. 70, 1373; cleanlab). Texts alone
    that favour the claimed label agree with it, however few they are.

    After some fifty verdicts on images of the train split the score is learned from them instead
    (:mod:`~cosmic_morphology.curate.labels.doubt`); then flagged are claims that are more likely
    wrong than right, and the suggested class is the one that people found of look-alikes.

    Parameters
    ----------
    atlas : Atlas
        Read (``votes``, after :func:`~cosmic_morphology.curate.labels.assign.label`) and written.
    taxonomy : Taxonomy
        The classes.
    settings : CurateSettings
        ``checks.mislabel_threshold``.
    engine : Engine, optional
        Where votes are gone through; without it on this machine. Confident learning looks at all
        images at once, in this process.

    Raises
    ------
    MissingExtraError
        cleanlab is not installed.
    """
    return fill_check(
        atlas,
        _MISLABELS,
        taxonomy=taxonomy,
        least=settings.checks.mislabel_threshold,
        engine=engine,
    )


def _judge(
    taxonomy: Taxonomy, least: float, ids: Sequence[str], votes: Sequence[list[dict[str, Any]]]
) -> pa.Table:
    """The claim of each image, and what all other voters say of it."""
    del least
    classes = taxonomy.names_with_reject
    claimed, claimant = _claims(ids, votes, classes)
    voters = [_CLAIMS[at] if at >= 0 else "" for at in claimant]
    supported = [
        any(each["voter"] != voter for each in cast)
        for cast, voter in zip(votes, voters, strict=True)
    ]
    seen = [any(is_of_all(each) for each in cast) for cast in votes]
    others = naive_bayes_label_model(votes, classes, without=[(each,) for each in voters])
    flat = pa.FixedSizeListArray.from_arrays(pa.array(others.ravel()), len(classes))
    return pa.table(
        [claimed, claimant, supported, seen, flat], schema=pa.schema(_fields(len(classes)))
    )


def _fields(n_classes: int) -> Sequence[pa.Field]:
    return (
        pa.field("claimed", pa.int16()),
        pa.field("claimant", pa.int8()),
        pa.field("supported", pa.bool_()),
        pa.field("seen", pa.bool_()),
        pa.field("others", pa.list_(pa.float64(), n_classes)),
    )


@dataclass(frozen=True, slots=True)
class _Claims:
    """What was judged of all N images, by number."""

    claimed: NDArray[np.int16]
    claimant: NDArray[np.int8]
    supported: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    others: NDArray[np.float64]

    @classmethod
    def of(cls, judged: Judged, n: int, n_classes: int) -> _Claims:
        nobody = np.full(n, -1)
        all_ = cls(
            nobody.astype(np.int16),
            nobody.astype(np.int8),
            np.zeros(n, bool),
            np.zeros(n, bool),
            np.full((n, n_classes), 1 / n_classes),
        )
        for places, rows in judged:
            for name in ("claimed", "claimant", "supported", "seen"):
                getattr(all_, name)[places] = rows.column(name).to_numpy()
            flat = rows.column("others").combine_chunks().flatten().to_numpy()
            all_.others[places] = flat.reshape(-1, n_classes)
        return all_


def _take_in(judged: Judged, taxonomy: Taxonomy, least: float, learning: Learning) -> Taken:
    classes, ids = taxonomy.names_with_reject, learning.records.ids
    claims = _Claims.of(judged, len(ids), len(classes))
    doubt = learning.doubt(
        learning.labels != claims.claimed, _log_odds(claims), claims.claimed, len(classes)
    )
    return Taken(lambda: _mislabel_rows(ids, claims, classes, least, doubt), doubt)


def _log_odds(claims: _Claims) -> NDArray[np.float64]:
    """Of a wrong claim, by the votes of all others; ``nan`` where nothing is claimed."""
    is_claimed = claims.claimed >= 0
    likely = claims.others[np.arange(len(is_claimed)), np.where(is_claimed, claims.claimed, 0)]
    odds = np.log((1.0 - likely + _UNSURE) / (likely + _UNSURE))
    return np.asarray(np.where(is_claimed, odds, np.nan))


def _mislabel_rows(
    ids: pa.Array, claims: _Claims, classes: Sequence[str], least: float, doubt: LearnedDoubt
) -> pa.Table:
    claimed, claimant, others = claims.claimed, claims.claimant, claims.others
    best = others.argmax(axis=1).astype(np.int16)
    known = np.flatnonzero((claimed >= 0) & claims.supported)
    score = np.full(len(ids), np.nan, np.float32)
    flag = np.zeros(len(ids), dtype=bool)
    of_claim = others[known, claimed[known]]
    score[known], flag[known] = of_claim, of_claim < least
    flag[known[confident_issues(claimed[known].astype(np.int64), others[known])]] = True
    flag &= claims.seen | (best != claimed)
    learned = np.isfinite(doubt.likely)
    score[learned] = 1.0 - doubt.likely[learned]
    flag[learned] = doubt.likely[learned] > _MORE_LIKELY
    best[learned] = _found_instead(doubt, claimed)[learned]
    flagged = np.flatnonzero(flag)
    sure = np.where(learned, doubt.likely, others[np.arange(len(ids)), best])
    reasons = [
        _mislabel_reason(
            _CLAIMS[claimant[at]],
            classes[claimed[at]],
            classes[best[at]],
            float(sure[at]),
            verdicts=doubt.verdicts if learned[at] else 0,
        )
        for at in flagged
    ]
    return pa.table(
        {
            "id": ids,
            "mislabel_score": pa.array(score, pa.float32(), from_pandas=True),
            "mislabel_flag": pa.array(flag, pa.bool_()),
            "mislabel_reason": _at(flagged, reasons, len(ids), ""),
            "suggested_label": _at(flagged, [classes[at] for at in best[flagged]], len(ids), None),
        }
    )


def _at(rows: NDArray[np.int64], texts: list[str], n: int, else_: str | None) -> pa.Array:
    """A column of ``n`` texts of which these rows have these, and all others the same."""
    of = np.full(n, len(texts), np.int32)
    of[rows] = np.arange(len(rows), dtype=np.int32)
    return pa.array([*texts, else_], pa.string()).take(pa.array(of))


def _found_instead(doubt: LearnedDoubt, claimed: NDArray[np.int16]) -> NDArray[np.int16]:
    """The class that people found of look-alikes, other than the claimed one."""
    others = doubt.classes.copy()
    others[np.arange(len(others)), np.where(claimed >= 0, claimed, 0)] = -np.inf
    return np.asarray(others.argmax(axis=1), np.int16)


def _mislabel_reason(
    claimant: str, claimed: str, suggested: str, sure: float, *, verdicts: int
) -> str:
    if verdicts:
        learned = f"learned from {verdicts} verdicts"
        return f"{claimant} says {claimed}, which is wrong of look-alikes ({sure:.2f}, {learned})"
    others = f"are not sure of it ({sure:.2f})"
    if suggested != claimed:
        others = f"rather {suggested} ({sure:.2f})"
    return f"{claimant} says {claimed}, the others {others}"


def _claims(
    ids: Sequence[str], votes: Sequence[list[dict[str, Any]]], classes: Sequence[str]
) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """The class that each image is claimed to be, and the number of who claims it; or -1."""
    number = {name: at for at, name in enumerate(classes)}
    claimed, claimant = np.full(len(ids), -1, np.int16), np.full(len(ids), -1, np.int8)
    for who, voter in enumerate(_CLAIMS):
        for row, name in enumerate(labels_of_voter(votes, voter, ids=ids)):
            if claimed[row] < 0 and name in number:
                claimed[row], claimant[row] = number[name], who
    return claimed, claimant


_MISLABELS = Check(MISLABEL_STAGE, MISLABEL_CODE, _judge, _fields, _take_in)


def confident_issues(claimed: NDArray[np.int64], likely: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Claims that confident learning finds wrong (cleanlab).

    Parameters
    ----------
    claimed : ndarray of int64, shape ``(N,)``
        Number of the claimed class.
    likely : ndarray of float64, shape ``(N, K)``
        Probabilities of the classes from something that has not learned from these claims.

    Returns
    -------
    ndarray of bool, shape ``(N,)``
        All false for fewer than 20 claims, or of one class only.

    Raises
    ------
    MissingExtraError
        cleanlab is not installed.
    """
    present = np.unique(claimed)
    if len(claimed) < _LEAST_ROWS or len(present) < 2:
        return np.zeros(len(claimed), dtype=bool)
    with needs("Finding mislabels"):
        from cleanlab.filter import find_label_issues
    # cleanlab wants classes numbered without gaps.
    compact = np.searchsorted(present, claimed)
    chances = likely[:, present] + 1e-9
    chances /= chances.sum(axis=1, keepdims=True)
    return np.asarray(
        find_label_issues(compact, chances, filter_by="confident_learning", n_jobs=1), dtype=bool
    )
