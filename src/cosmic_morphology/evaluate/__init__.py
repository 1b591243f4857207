"""Measuring: scores with intervals, comparison of runs, breakdowns; numbers only.

No score leaves this room without its number of images, its interval, its grouping and the kind
of label it was measured on (:class:`Score`).
"""

from cosmic_morphology.evaluate.compare import (
    Ablation,
    Comparison,
    PairedDifference,
    ablation,
    compare_runs,
)
from cosmic_morphology.evaluate.corruptions import CorruptedInputs
from cosmic_morphology.evaluate.evaluate import EvaluateResult, evaluate_run
from cosmic_morphology.evaluate.leaderboard import (
    EvaluationRanking,
    EvaluationSet,
    common_classes,
    default_evaluation_sets,
    rank_runs,
)
from cosmic_morphology.evaluate.scoring import LabelScores
from cosmic_morphology.stats.score import Score

__all__ = [
    "Ablation",
    "Comparison",
    "CorruptedInputs",
    "EvaluateResult",
    "EvaluationRanking",
    "EvaluationSet",
    "LabelScores",
    "PairedDifference",
    "Score",
    "ablation",
    "common_classes",
    "compare_runs",
    "default_evaluation_sets",
    "evaluate_run",
    "rank_runs",
]
