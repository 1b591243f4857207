"""From answers to scores: overall, by class, by collection, by source, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosmic_morphology.display import Tabular
from cosmic_morphology.evaluate.predictions import Predictions
from cosmic_morphology.settings import EvaluateSettings
from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import (
    WeightedStatistic,
    bootstrap_interval,
    bootstrap_weighted,
    group_numbers,
)
from cosmic_morphology.stats.calibration import (
    Bin,
    reliability,
    weighted_coverage,
    weighted_ece,
    weighted_precision,
    weighted_share,
)
from cosmic_morphology.stats.cross_entropy import weighted_cross_entropy
from cosmic_morphology.stats.fusion import PIXELS
from cosmic_morphology.stats.score import Score


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well one class is recognised; ``n`` is its number of test images."""

    name: str
    n: int
    precision: Score
    recall: Score
    f1: Score


@dataclass(frozen=True, slots=True)
class PartScores:
    """Scores of a part of the test images, such as those of one collection."""

    name: str
    n: int
    accuracy: Score
    macro_f1: Score


@dataclass(frozen=True, slots=True)
class SelectiveScores:
    """What the reject option does with a threshold that was chosen elsewhere.

    Attributes
    ----------
    reject_below : float
        Answers that are less sure are left open.
    coverage : Score
        Share of the images that get an answer.
    precision : Score or None
        Share of right answers among those; None where all are left open.
    """

    reject_below: float
    coverage: Score
    precision: Score | None


@dataclass(frozen=True, slots=True)
class ShareScores:
    """How well probabilities say what share of the volunteers has which opinion.

    Attributes
    ----------
    cross_entropy : Score
        Mean over the images, in nats; less is better.
    own_entropy : Score
        The same of the shares with themselves: people's disagreement, which no model can beat.
    calibration : Score
        Class-wise expected calibration error against the shares.
    """

    cross_entropy: Score
    own_entropy: Score
    calibration: Score


@dataclass(frozen=True, slots=True, repr=False)
class LabelScores(Tabular):
    """All scores on one kind of label.

    Attributes
    ----------
    labels : str
        One of ``stats.score.LABEL_KINDS``.
    accuracy, macro_f1, macro_precision, macro_recall : Score
        Overall.
    per_class : tuple of ClassScores
        In the order of the classes.
    confusion : tuple of tuple of int
        Rows are right, columns are answers; the last column is any other answer.
    precision_at_coverage, coverage_at_precision : Score
        How reliable the surest answers are, at the coverage and the precision of the settings.
    calibration : Score or None
        Class-wise expected calibration error; None where no probabilities were kept.
    reliability : tuple of Bin
        For a reliability plot.
    by_collection, by_source : tuple of PartScores
        Most images first.
    kept : SelectiveScores or None
        The reject option at the run's own threshold; None where it has none.
    shares : ShareScores or None
        Against volunteers' shares; None where the labels are not theirs.
    answered_from : str
        ``pixels``, or ``pixels and texts``: the two are never compared as if they were one.
    """

    labels: str
    accuracy: Score
    macro_f1: Score
    macro_precision: Score
    macro_recall: Score
    per_class: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]
    precision_at_coverage: Score
    coverage_at_precision: Score
    calibration: Score | None
    reliability: tuple[Bin, ...]
    by_collection: tuple[PartScores, ...]
    by_source: tuple[PartScores, ...]
    kept: SelectiveScores | None = None
    answered_from: str = PIXELS
    shares: ShareScores | None = None

    @property
    def n(self) -> int:
        """Test images."""
        return self.accuracy.n

    def _shown_facts(self) -> Iterator[tuple[str, Any]]:
        yield "labels", self.labels
        yield "answered from", self.answered_from
        scores = (self.macro_f1, self.accuracy, self.macro_precision, self.macro_recall)
        sure = (self.precision_at_coverage, self.coverage_at_precision, self.calibration)
        of = self.shares
        votes = (of.cross_entropy, of.own_entropy, of.calibration) if of else ()
        for score in (*scores, *sure, *votes):
            if score:
                yield score.name, score

    def rows(self) -> list[dict[str, Any]]:
        """One row for each class, with the interval of its F1."""
        return [
            {
                "class": each.name,
                "n": each.n,
                "precision": each.precision.value,
                "recall": each.recall.value,
                "f1": each.f1.value,
                "f1_low": each.f1.interval[0],
                "f1_high": each.f1.interval[1],
            }
            for each in self.per_class
        ]


def score_answers(
    answers: Predictions,
    classes: Sequence[str],
    *,
    labels: str,
    grouped_by: str,
    settings: EvaluateSettings,
    seed: int,
    reject_below: float = 0.0,
    answered_from: str = PIXELS,
) -> LabelScores:
    """Every score of one run on one kind of label; resamples are drawn from one seed."""
    # What a score was answered from is part of its name: no table can mix the two.
    of = "" if answered_from == PIXELS else f" from {answered_from}"
    measure = Scorer(labels, grouped_by, len(classes), settings, seed, of)
    matrix = metrics.confusion_matrix(answers.y_true, answers.y_pred, len(classes))
    sure, right = answers.confidence, answers.correct
    coverage, precision = settings.coverage_level, settings.precision_level
    return LabelScores(
        labels=labels,
        accuracy=measure("accuracy", metrics.accuracy, answers),
        macro_f1=measure("macro-F1", metrics.macro_f1, answers),
        macro_precision=measure("macro precision", metrics.macro_precision, answers),
        macro_recall=measure("macro recall", metrics.macro_recall, answers),
        per_class=tuple(_per_class(measure, answers, classes, matrix)),
        confusion=tuple(tuple(int(cell) for cell in row) for row in matrix),
        precision_at_coverage=measure.weighted(
            f"precision at {coverage:.0%} coverage",
            weighted_precision(sure, right, coverage),
            answers,
        ),
        coverage_at_precision=measure.weighted(
            f"coverage at {precision:.0%} precision",
            weighted_coverage(sure, right, precision),
            answers,
        ),
        calibration=None
        if answers.probabilities is None
        else measure.weighted(
            "class-wise ECE",
            weighted_ece(answers.probabilities, answers.y_true),
            answers,
        ),
        reliability=tuple(reliability(sure, right)),
        by_collection=parts(measure, answers, answers.collections),
        by_source=parts(measure, answers, answers.sources),
        kept=_kept(measure, answers, reject_below) if reject_below else None,
        answered_from=answered_from,
        shares=_shares(measure, answers),
    )


def _shares(measure: Scorer, answers: Predictions) -> ShareScores | None:
    said, shares = answers.probabilities, answers.shares
    if said is None or shares is None:
        return None
    return ShareScores(
        measure.weighted("cross-entropy", weighted_cross_entropy(said, shares), answers),
        measure.weighted("volunteers' entropy", weighted_cross_entropy(shares, shares), answers),
        measure.weighted("class-wise ECE of shares", weighted_ece(said, shares), answers),
    )


def _kept(measure: Scorer, answers: Predictions, reject_below: float) -> SelectiveScores:
    # A threshold of 1 says that the val split has found the model sure of nothing.
    sure = answers.confidence >= reject_below if reject_below < 1 else np.zeros(len(answers), bool)
    name = f"at a threshold of {reject_below:.3f}"
    right = weighted_share(answers.correct, sure)
    return SelectiveScores(
        reject_below,
        measure.weighted(f"coverage {name}", weighted_share(sure), answers),
        measure.weighted(f"precision {name}", right, answers) if sure.any() else None,
    )


@dataclass(frozen=True, slots=True)
class Scorer:
    """Makes scores that all carry the same grouping and kind of label."""

    labels: str
    grouped_by: str
    n_classes: int
    settings: EvaluateSettings
    seed: int
    of: str = ""

    def __call__(self, name: str, statistic: metrics.Statistic, answers: Predictions) -> Score:
        """A statistic of the confusion matrix, with its interval."""
        matrix = metrics.confusion_matrix(answers.y_true, answers.y_pred, self.n_classes)
        interval = bootstrap_interval(
            statistic,
            answers.y_true,
            answers.y_pred,
            answers.groups,
            n=self.settings.bootstrap_resamples,
            seed=self.seed,
            n_classes=self.n_classes,
        )
        return self._score(name, float(statistic(matrix)), interval, answers)

    def weighted(self, name: str, statistic: WeightedStatistic, answers: Predictions) -> Score:
        """A statistic that needs every image, with its interval."""
        value = float(statistic(np.ones((1, len(answers)), np.float32))[0])
        interval = bootstrap_weighted(
            statistic, answers.groups, n=self.settings.bootstrap_resamples, seed=self.seed
        )
        return self._score(name, value, interval, answers)

    def _score(
        self, name: str, value: float, interval: tuple[float, float], answers: Predictions
    ) -> Score:
        _, n_groups = group_numbers(answers.groups)
        return Score(
            name + self.of, value, interval, len(answers), n_groups, self.labels, self.grouped_by
        )


def parts(measure: Scorer, answers: Predictions, names: np.ndarray) -> tuple[PartScores, ...]:
    """Scores of each part of the images by its name, most images first."""
    found = []
    for name in dict.fromkeys(names.tolist()):
        own = answers.take(names == name)
        found.append(
            PartScores(
                name=str(name),
                n=len(own),
                accuracy=measure("accuracy", metrics.accuracy, own),
                macro_f1=measure("macro-F1", metrics.macro_f1, own),
            )
        )
    return tuple(sorted(found, key=lambda part: (-part.n, part.name)))


def _per_class(
    measure: Scorer, answers: Predictions, classes: Sequence[str], matrix: np.ndarray
) -> list[ClassScores]:
    return [
        ClassScores(
            name=name,
            n=int(matrix[at].sum()),
            precision=measure(
                f"precision of {name}", metrics.of_class(metrics.precision, at), answers
            ),
            recall=measure(f"recall of {name}", metrics.of_class(metrics.recall, at), answers),
            f1=measure(f"F1 of {name}", metrics.of_class(metrics.f1, at), answers),
        )
        for at, name in enumerate(classes)
    ]
