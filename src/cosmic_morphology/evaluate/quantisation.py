"""What 8-bit integers cost: run and file on the same test images, scored side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.evaluate import EvaluateResult
    from cosmic_morphology.learn import OnnxModel, TrainedModel
    from cosmic_morphology.settings import Settings


def quantisation_loss(
    atlas: Atlas, model: TrainedModel, exported: OnnxModel, settings: Settings
) -> dict[str, Any]:
    """Accuracy and macro-F1 of both with intervals, and how much is lost (paired bootstrap).

    Raises
    ------
    UsageError
        There is no test split with labels.
    """
    from cosmic_morphology.evaluate import evaluate_run
    from cosmic_morphology.evaluate.compare import in_common
    from cosmic_morphology.learn import predict_images
    from cosmic_morphology.learn.inference.predictors import column_name
    from cosmic_morphology.stats.bootstrap import paired_difference
    from cosmic_morphology.stats.metrics import accuracy, macro_f1

    name = column_name(exported)
    found: list[EvaluateResult] = []
    for predictor, column in ((model, model.name), (exported, name)):
        predict_images(atlas, predictor, where="split = 'test'", name=column)
        found.append(
            evaluate_run(
                atlas,
                column,
                classes=list(model.classes),
                settings=settings.evaluate,
                seed=settings.seed,
            )
        )
    torch_scores, int8_scores = found[0].best_known, found[1].best_known
    kind = torch_scores.labels
    first, second = in_common(found[0].answers[kind], found[1].answers[kind])
    compared: dict[str, Any] = {
        name: {"macro_f1": str(scores.macro_f1), "accuracy": str(scores.accuracy)}
        for name, scores in (("torch_scores", torch_scores), ("int8_scores", int8_scores))
    }
    for what, statistic in (("accuracy", accuracy), ("macro_f1", macro_f1)):
        lost = paired_difference(
            statistic,
            first.y_true,
            second.y_pred,
            first.y_pred,
            first.groups,
            n=settings.evaluate.bootstrap_resamples,
            seed=settings.seed,
            n_classes=len(model.classes),
        )
        compared[f"{what}_loss"] = {
            "value": lost.value,
            "ci95": list(lost.interval),
            "n": lost.n,
            "groups": lost.n_groups,
            "labels": kind,
            "grouped_by": torch_scores.macro_f1.grouped_by,
        }
    return compared
