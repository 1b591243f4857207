"""Measuring: scores with intervals, comparison of runs, breakdowns; numbers only.

No score leaves this room without its number of pictures, its interval, its grouping and the kind
of label it was measured on (:class:`Score`).
"""

from cosmic_morphology.evaluate.compare import (
    Ablation,
    Compared,
    Comparison,
    ablation,
    compare_runs,
)
from cosmic_morphology.evaluate.corruptions import Shifted
from cosmic_morphology.evaluate.evaluate import Evaluation, evaluate_run
from cosmic_morphology.evaluate.leaderboard import (
    EvaluationSet,
    TestBoard,
    common_classes,
    rank_on,
    tests_of,
)
from cosmic_morphology.evaluate.scoring import LabelScores
from cosmic_morphology.stats.score import Score

__all__ = [
    "Ablation",
    "Compared",
    "Comparison",
    "Evaluation",
    "EvaluationSet",
    "LabelScores",
    "Score",
    "Shifted",
    "TestBoard",
    "ablation",
    "common_classes",
    "compare_runs",
    "evaluate_run",
    "rank_on",
    "tests_of",
]
