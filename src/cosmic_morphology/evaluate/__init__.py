"""Measuring: scores with intervals, comparison of runs, explore, and the report.

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
from cosmic_morphology.report.curation_page import Curated, write_curated
from cosmic_morphology.report.explore_page import ExploreSummary, explore
from cosmic_morphology.report.leaderboard_page import Board, write_board
from cosmic_morphology.report.report import write_report
from cosmic_morphology.stats.score import Score

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
