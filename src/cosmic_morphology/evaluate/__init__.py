"""Measuring: scores with intervals, comparison of runs, breakdowns; numbers only.

No score leaves this room without its number of images, its interval, its grouping and the kind
of label it was
measured on (:class:`~cosmic_morphology.stats.score.Score`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmic_morphology.lazy import lazy_exports

if TYPE_CHECKING:
    from cosmic_morphology.evaluate.compare import Ablation as Ablation
    from cosmic_morphology.evaluate.compare import Comparison as Comparison
    from cosmic_morphology.evaluate.compare import PairedDifference as PairedDifference
    from cosmic_morphology.evaluate.compare import ablation as ablation
    from cosmic_morphology.evaluate.compare import compare_runs as compare_runs
    from cosmic_morphology.evaluate.corruptions import CorruptedInputs as CorruptedInputs
    from cosmic_morphology.evaluate.evaluate import EvaluateResult as EvaluateResult
    from cosmic_morphology.evaluate.evaluate import evaluate_run as evaluate_run
    from cosmic_morphology.evaluate.leaderboard import EvaluationRanking as EvaluationRanking
    from cosmic_morphology.evaluate.leaderboard import EvaluationSet as EvaluationSet
    from cosmic_morphology.evaluate.leaderboard import common_classes as common_classes
    from cosmic_morphology.evaluate.leaderboard import (
        default_evaluation_sets as default_evaluation_sets,
    )
    from cosmic_morphology.evaluate.leaderboard import rank_runs as rank_runs
    from cosmic_morphology.evaluate.scoring import LabelScores as LabelScores

_HOMES = {
    "Ablation": "compare",
    "Comparison": "compare",
    "CorruptedInputs": "corruptions",
    "EvaluateResult": "evaluate",
    "EvaluationRanking": "leaderboard",
    "EvaluationSet": "leaderboard",
    "LabelScores": "scoring",
    "PairedDifference": "compare",
    "ablation": "compare",
    "common_classes": "leaderboard",
    "compare_runs": "compare",
    "default_evaluation_sets": "leaderboard",
    "evaluate_run": "evaluate",
    "rank_runs": "leaderboard",
}

__all__ = [*_HOMES]  # noqa: PLE0604
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
