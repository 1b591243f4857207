"""Measuring: scores with intervals, comparison of runs, explore, and the report.

No score leaves this room without its number of pictures, its interval, its grouping and the kind
of label it was measured on (:class:`Score`).
"""

from cosmic_morphology.evaluate.ablation import Ablation, ablation
from cosmic_morphology.evaluate.board import Board, write_board
from cosmic_morphology.evaluate.comparison import Compared, Comparison, compare_runs
from cosmic_morphology.evaluate.curated import Curated, write_curated
from cosmic_morphology.evaluate.evaluating import Evaluation, evaluate_run
from cosmic_morphology.evaluate.explore import ExploreSummary, explore
from cosmic_morphology.evaluate.ranking import (
    EvaluationSet,
    TestBoard,
    common_classes,
    rank_on,
    tests_of,
)
from cosmic_morphology.evaluate.report import write_report
from cosmic_morphology.evaluate.scores import Score
from cosmic_morphology.evaluate.scoring import LabelScores
from cosmic_morphology.evaluate.shifting import Shifted

__all__ = [
    "Ablation",
    "Board",
    "Compared",
    "Comparison",
    "Curated",
    "Evaluation",
    "EvaluationSet",
    "ExploreSummary",
    "LabelScores",
    "Score",
    "Shifted",
    "TestBoard",
    "ablation",
    "common_classes",
    "compare_runs",
    "evaluate_run",
    "explore",
    "rank_on",
    "tests_of",
    "write_board",
    "write_curated",
    "write_report",
]
