"""Trained runs as voters, on images that they have not learned from and are not scored on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate.columns import is_about, matrix
from cosmic_morphology.curate.records import Records, counted
from cosmic_morphology.curate.votes.abstaining import (
    ELSEWHERE,
    NO_RECORD,
    NOT_ASKED,
    REASONS,
    RunEvidence,
    abstain_reasons,
    known_to_have_learned,
)
from cosmic_morphology.curate.votes.base import RUN
from cosmic_morphology.display import Shown
from cosmic_morphology.errors import InputError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

STAGE = "trained"
CODE = "1"
_TRAINED_ON_BY = "trained_on_by_"
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class TrainedVoter:
    """A trained run that gives opinions; whoever loads runs hands it in.

    Attributes
    ----------
    name : str
        Of the voter, from :func:`voter_of`.
    classes : tuple of str
        In the order of its probabilities.
    fingerprint : str
        Hash of everything that decides over an answer.
    learned, groups : frozenset of str, optional
        Ids that it was trained or validated on, and their groups; None: it has no record.
    answer : callable
        Ids of N images in, calibrated probabilities out, float32 of shape ``(N, K)``; ``nan``
        where an image cannot be read.
    """

    name: str
    classes: tuple[str, ...]
    fingerprint: str
    learned: frozenset[str] | None
    groups: frozenset[str] | None
    answer: Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, repr=False)
class TrainedVoteResult(Shown):
    """What one run was asked.

    Attributes
    ----------
    filled : int
        Images that it predicted now.
    votes : int
        Images that it votes on.
    abstained : dict of str to int
        Why it does not vote on the others, with their number.
    """

    filled: int
    votes: int
    abstained: dict[str, int] = field(default_factory=dict)


def predict_with_runs(
    atlas: Atlas,
    runs: Sequence[TrainedVoter],
    *,
    taxonomy: Taxonomy,
    settings: CurateSettings,
    progress: Progress | None = None,
) -> dict[str, TrainedVoteResult]:
    """Fill the columns ``run_…`` and ``trained_on_by_…`` of runs that are to vote.

    Whom a run may be asked about, ``curate.votes.abstaining.abstain_reasons`` says: not what it has
    learned from, and nothing of the val and test splits. Where a run cannot prove what it has
    learned from, it does not vote at all.
    :func:`~cosmic_morphology.curate.labels.assign.label` reads groups and split each time.

    Parameters
    ----------
    atlas : Atlas
        Read (groups, split) and written.
    runs : sequence of TrainedVoter
        They need not have been trained on this atlas, if it has all that they learned from.
    taxonomy : Taxonomy
        Must have the classes of the runs, with or without the reject class.
    settings : CurateSettings
        ``votes.trained_run_min_confidence``.
    progress : callable, optional
        Called with images done and in all, run by run.

    Raises
    ------
    InputError
        A run has other classes, or two runs have one name.
    """
    check_runs(runs, taxonomy)
    return {run.name: _ask(atlas, run, taxonomy, settings, progress) for run in runs}


def check_runs(runs: Sequence[TrainedVoter], taxonomy: Taxonomy) -> None:
    """Refuse runs that cannot vote together on the classes of a taxonomy.

    Raises
    ------
    InputError
        A run has other classes, or two runs have one name.
    """
    twice = [name for name, n in Counter(run.name for run in runs).items() if n > 1]
    if twice:
        raise InputError(
            "two runs of one name are to vote",
            where=twice[0].removeprefix(RUN),
            todo="Rename one of their folders.",
        )
    for run in runs:
        _check_classes(run, taxonomy)


def voter_of(place: str) -> str:
    """Name of the voter (and of its column) for the name or folder of a run."""
    return RUN + re.sub(r"[^A-Za-z0-9_-]", "_", Path(place).name)


def columns_of_run(place: str) -> tuple[str, str]:
    """Columns of a run: what it says, and which images it has learned from."""
    voter = voter_of(place)
    return voter, _trained_on_by(voter)


def eligible_run_votes(
    atlas: Atlas, *, taxonomy: Taxonomy, settings: CurateSettings
) -> dict[str, NDArray[np.float32]]:
    """What the runs of the settings say of the N images by id.

    Returns
    -------
    dict of str to array of shape ``(N, K)``
        By voter; rows of ``nan`` where it does not vote, and a last column of ``nan`` where it
        does not know the reject class.
    """
    weighted = {}
    for voter in dict.fromkeys(voter_of(each) for each in settings.votes.trained_runs):
        if voter not in settings.votes.disabled and is_about(atlas, voter, taxonomy):
            probabilities = matrix(atlas, voter)
            probabilities[_reasons(Records(atlas), voter, probabilities, settings) > 0] = np.nan
            weighted[voter] = probabilities
    return weighted


def why_runs_abstain(
    atlas: Atlas, id_: str, *, taxonomy: Taxonomy, settings: CurateSettings
) -> dict[str, str]:
    """Why runs of the settings do not vote on one image, by voter."""
    found = {}
    for voter in dict.fromkeys(voter_of(each) for each in settings.votes.trained_runs):
        why = NOT_ASKED
        if is_about(atlas, voter, taxonomy):
            records = Records(atlas)
            reasons = _reasons(records, voter, matrix(atlas, voter), settings)
            why = REASONS[reasons[pc.index(records.ids, id_).as_py()]]
        if why:
            found[voter] = why
    return found


def _check_classes(run: TrainedVoter, taxonomy: Taxonomy) -> None:
    strange = sorted(set(run.classes) - set(taxonomy.names_with_reject))
    lacking = sorted(set(taxonomy.names) - set(run.classes))
    if strange or lacking:
        unlike = [f"knows {', '.join(strange)}, which the taxonomy does not"] if strange else []
        unlike += [f"does not know {', '.join(lacking)}"] if lacking else []
        raise InputError(
            f"the run {' and '.join(unlike)}",
            where=run.name.removeprefix(RUN),
            todo="Name its taxonomy, or take the run out of curate.votes.trained_runs.",
        )


def _ask(
    atlas: Atlas,
    run: TrainedVoter,
    taxonomy: Taxonomy,
    settings: CurateSettings,
    progress: Progress | None,
) -> TrainedVoteResult:
    classes = taxonomy.names_with_reject
    kind = pa.list_(pa.float32(), len(classes))
    fields = [pa.field(run.name, kind), pa.field(_trained_on_by(run.name), pa.bool_())]
    parameters = {"classes": classes, "fingerprint": run.fingerprint}
    atlas.prepare_columns(fields, ColumnProvenance(STAGE, parameters, CODE))
    unproved = _note_learned(atlas, run)
    records = Records(atlas)
    reasons = _reasons(records, run.name, matrix(atlas, run.name), settings)
    waiting = records.ids.filter(pa.array(reasons == REASONS.index(NOT_ASKED)))
    images = atlas.read(["id"], table="images").column("id").combine_chunks()
    todo = waiting.filter(pc.is_in(waiting, value_set=images))
    for start in range(0, len(todo), _ROWS_AT_ONCE):
        part = todo[start : start + _ROWS_AT_ONCE].to_pylist()
        chances = _in_order(run.answer(part), run.classes, classes)
        values = pa.FixedSizeListArray.from_arrays(pa.array(chances.ravel()), len(classes))
        atlas.fill_columns(pa.table({"id": pa.array(part, pa.string()), run.name: values}))
        if progress:
            progress(start + len(part), len(todo))
    reasons = _reasons(records, run.name, matrix(atlas, run.name), settings)
    counts = counted(reasons, REASONS)
    votes = counts.pop("", 0)
    return TrainedVoteResult(len(todo), votes, {unproved: len(records)} if unproved else counts)


def _note_learned(atlas: Atlas, run: TrainedVoter) -> str:
    """Write which rows the run has learned from; the reason where that cannot be proved."""
    column = _trained_on_by(run.name)
    records = Records(atlas)
    learned, groups = (
        pa.array(sorted(each or ()), pa.string()) for each in (run.learned, run.groups)
    )
    unproved = "" if run.learned is not None else NO_RECORD
    # A copy of an image that is not here would not be known for one.
    if not pc.all(pc.is_in(learned, value_set=records.ids), min_count=0).as_py():
        unproved = ELSEWHERE
    among = ((records.ids, learned), (records.ids, groups), (records.column("group"), groups))
    has_learned = np.logical_or.reduce([np.asarray(pc.is_in(*each)) for each in among])
    new = np.full(len(records), -1, np.int8) if unproved else has_learned.astype(np.int8)
    changed = np.flatnonzero(new != known_to_have_learned(records, column))
    if len(changed):
        flags = pa.array(new[changed] > 0, pa.bool_(), mask=new[changed] < 0)
        ids = records.ids.take(pa.array(changed))
        atlas.fill_columns(pa.table({"id": ids, column: flags}))
    return unproved


def _reasons(
    records: Records,
    voter: str,
    probabilities: NDArray[np.float32],
    settings: CurateSettings,
) -> NDArray[np.int8]:
    """Why a run does not vote on each of the records, as a place in REASONS."""
    evidence = RunEvidence.read(records, _trained_on_by(voter))
    return abstain_reasons(evidence, probabilities, settings.votes.trained_run_min_confidence)


def _in_order(
    probabilities: NDArray[np.float32], known: Sequence[str], classes: Sequence[str]
) -> NDArray[np.float32]:
    """Probabilities in the order of the taxonomy; zero where unreadable, ``nan`` where unknown."""
    out = np.full((len(probabilities), len(classes)), np.nan, np.float32)
    out[:, [classes.index(name) for name in known]] = np.nan_to_num(probabilities)
    return out


def _trained_on_by(voter: str) -> str:
    return _TRAINED_ON_BY + voter.removeprefix(RUN)
