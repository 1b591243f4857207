"""Scores of one run on the test split, apart for checked and for computed labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.groups.bodies import shows_learned_body
from cosmic_morphology.display import Tabular
from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate.predictions import (
    TEST,
    Predictions,
    TestSet,
    answers_with_texts,
    read_answers,
)
from cosmic_morphology.evaluate.scoring import LabelScores, score_answers
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.learn.run_folder.documents import (
    METRICS,
    PREPROCESSING,
    read_document,
    write_test_scores,
)
from cosmic_morphology.settings import DEFAULT_SEED, EvaluateSettings
from cosmic_morphology.stats.fusion import PIXELS_AND_TEXTS, Fusion
from cosmic_morphology.stats.score import (
    CHECKED,
    COMPUTED,
    GROUPED_BY,
    LABEL_KINDS,
    RENDERED,
    VOLUNTEERED,
)

OBJECTS_APART, BODIES_BY_COPIES = "objects apart", "bodies by copies"
"""How test images of single bodies (the Sun, a planet) are kept from what was learned."""


@dataclass(frozen=True, slots=True, repr=False)
class EvaluateResult(Tabular):
    """Everything that was measured of one run.

    Attributes
    ----------
    run : str
        Its name.
    classes : tuple of str
        The classes that count.
    checked, rendered, volunteers, computed : LabelScores or None
        On labels that people gave, on what the renderer drew, on the majority (and the shares) of
        volunteers, and on labels of the voters; None without such images.
    notes : tuple of str
        What a person should know, such as images that could not be scored.
    answers : dict of str to Predictions
        The answers behind the scores, for comparisons.
    records : LabelScores or None
        On checked labels, answered from pixels and texts together; None where there are no such
        labels, or no texts. Computed labels are made from the texts, so they are no test of these.
    apart : LabelScores or None
        As ``best_known``, without the test images of single bodies (the Sun, a planet) of which
        the run has learned other images: objects apart. None where there are none of these, or
        nothing else: then all scores are of objects apart.
    """

    run: str
    classes: tuple[str, ...]
    checked: LabelScores | None
    computed: LabelScores | None
    notes: tuple[str, ...] = ()
    answers: dict[str, Predictions] = field(default_factory=dict, repr=False, compare=False)
    rendered: LabelScores | None = None
    volunteers: LabelScores | None = None
    records: LabelScores | None = None
    apart: LabelScores | None = None

    def _shown_facts(self) -> Iterator[tuple[str, Any]]:
        yield "run", self.run
        yield "classes", ", ".join(self.classes)
        for scores in self.kinds:
            yield scores.labels, f"{scores.macro_f1}; {scores.accuracy}"
        if self.records:
            yield "records", f"{self.records.macro_f1}; {self.records.accuracy}"
        if self.apart:
            yield OBJECTS_APART, f"{self.apart.macro_f1}; {self.apart.accuracy}"
        yield "notes", self.notes

    @property
    def kinds(self) -> tuple[LabelScores, ...]:
        """The scores on each kind of label that there is, the best known first."""
        found = (getattr(self, kind) for kind in LABEL_KINDS)
        return tuple(scores for scores in found if scores)

    @property
    def best_known(self) -> LabelScores:
        """The scores on checked labels, else on the best known kind after these."""
        found = next(iter(self.kinds), None)
        if found is None:  # evaluate_run does not make such a thing
            msg = f"{self.run} has no scores"
            raise ValueError(msg)
        return found

    def rows(self) -> list[dict[str, Any]]:
        """One row for each kind of label, for records and for objects apart, for a table."""
        shown = [scores for scores in (*self.kinds, self.records, self.apart) if scores]
        of_all = BODIES_BY_COPIES if self.apart else OBJECTS_APART
        return [
            {
                "labels": scores.labels,
                "answered_from": scores.answered_from,
                "bodies": OBJECTS_APART if scores is self.apart else of_all,
                "macro_f1": round(scores.macro_f1.value, 4),
                "ci95": [round(each, 4) for each in scores.macro_f1.interval],
                "accuracy": round(scores.accuracy.value, 4),
                "accuracy_ci95": [round(each, 4) for each in scores.accuracy.interval],
                "n": scores.macro_f1.n,
                "groups": scores.macro_f1.n_groups,
                "grouped_by": scores.macro_f1.grouped_by,
            }
            for scores in shown
        ]


def evaluate_run(
    atlas: Atlas,
    run_name: str,
    *,
    classes: Sequence[str],
    settings: EvaluateSettings | None = None,
    seed: int = DEFAULT_SEED,
    run_folder: Path | None = None,
    where: str = TEST,
    grouped_by: str = GROUPED_BY,
    reject_below: float | None = None,
    fusion: Fusion | None = None,
) -> EvaluateResult:
    """Score a run's predictions; the atlas is only read.

    Parameters
    ----------
    atlas : Atlas
        With the columns that ``predict_images`` writes.
    run_name : str
        The run.
    classes : sequence of str
        The classes that count, in the order of the tables.
    settings : EvaluateSettings, optional
        Number of resamples and thresholds.
    seed : int
        Of the resamples.
    run_folder : Path, optional
        The scores go into its ``metrics.json``, under ``test``.
    where : str
        Which images, in Lance's SQL.
    grouped_by : str
        What the split kept together, for the reader.
    reject_below : float, optional
        The run's threshold for sure answers; without it that of ``run_folder``.
    fusion : Fusion, optional
        How it answers records; without it as ``run_folder`` says.

    Returns
    -------
    EvaluateResult
        Scores with intervals on each kind of label.

    Raises
    ------
    UsageError
        There is nothing to score.

    Examples
    --------
    >>> scores = cosmic.evaluate_run(judged, "probe", classes=("galaxy", "nebula", "star"))
    >>> scores.best_known.labels, scores.best_known.n
    ('computed', 4)
    """
    settings = settings or EvaluateSettings()
    found = read_answers(atlas, run_name, classes, where=where)
    if not found.kinds:
        raise UsageError(
            f"no test image has both a label and an answer of {run_name!r} "
            f"({found.outside} have no label of the classes, {found.unanswered} no answer)",
            where=atlas.uri,
            todo="Label and split the images, then predict with the run.",
        )
    if reject_below is None:
        reject_below = _threshold_of(run_folder)
    fusion = fusion or _fusion_of(run_folder)
    how: dict[str, Any] = {"grouped_by": grouped_by, "settings": settings, "seed": seed}
    scores = {
        kind: score_answers(answers, classes, labels=kind, reject_below=reject_below, **how)
        for kind, answers in found.kinds.items()
    }
    evaluation = EvaluateResult(
        run=run_name,
        classes=tuple(classes),
        checked=scores.get(CHECKED),
        rendered=scores.get(RENDERED),
        volunteers=scores.get(VOLUNTEERED),
        computed=scores.get(COMPUTED),
        notes=tuple(_notes(found, classes)),
        answers=found.kinds,
        records=_scores_of_records(atlas, found, classes, fusion, how),
        apart=_scores_apart(atlas, found, classes, reject_below, how),
    )
    if run_folder is not None:
        write_test_scores(run_folder, jsonable(evaluation, without="answers"))
    return evaluation


def _scores_of_records(
    atlas: Atlas,
    found: TestSet,
    classes: Sequence[str],
    fusion: Fusion | None,
    how: dict[str, Any],
) -> LabelScores | None:
    if fusion is None or CHECKED not in found.kinds:
        return None
    answers = answers_with_texts(atlas, found.kinds[CHECKED], classes, fusion)
    if answers is None:
        return None
    return score_answers(
        answers,
        classes,
        labels=CHECKED,
        reject_below=fusion.reject_below,
        answered_from=PIXELS_AND_TEXTS,
        **how,
    )


def _scores_apart(
    atlas: Atlas,
    found: TestSet,
    classes: Sequence[str],
    reject_below: float,
    how: dict[str, Any],
) -> LabelScores | None:
    kind = next(kind for kind in LABEL_KINDS if kind in found.kinds)
    answers = found.kinds[kind]
    seen = shows_learned_body(atlas, answers.ids.tolist())
    if not seen.any() or seen.all():
        return None
    return score_answers(
        answers.take(~seen), classes, labels=kind, reject_below=reject_below, **how
    )


def _notes(found: TestSet, classes: Sequence[str]) -> list[str]:
    notes = []
    if found.outside:
        notes.append(f"{found.outside} test images are of no class that counts, or unlabelled")
    if found.dropped:
        notes.append(f"{found.dropped} test images were dropped by a person")
    if found.unanswered:
        notes.append(f"{found.unanswered} labelled test images were never shown to the run")
    for kind, answers in found.kinds.items():
        present = set(answers.y_true.tolist())
        lacking = [name for at, name in enumerate(classes) if at not in present]
        if lacking:
            notes.append(f"{kind} labels: no test image of {', '.join(lacking)}")
        silent = int((answers.predicted_class == "").sum())
        if silent:
            notes.append(f"{kind} labels: {silent} images could not be read; they count as wrong")
    return notes


def _threshold_of(run_folder: Path | None) -> float:
    found = read_document(run_folder, METRICS, optional=True) if run_folder else {}
    return float(found.get("reject_below", 0.0))


def _fusion_of(run_folder: Path | None) -> Fusion | None:
    found = read_document(run_folder, PREPROCESSING, optional=True) if run_folder else {}
    return Fusion.from_dict(found.get("fusion", {}))
