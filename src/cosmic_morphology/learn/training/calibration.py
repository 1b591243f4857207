"""Temperature, shares that are given back, and what a calibrated model scores on the val split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cosmic_morphology.learn.inference.model import TrainedModel
from cosmic_morphology.learn.task import TrainingTask
from cosmic_morphology.learn.training.inputs import shares_of
from cosmic_morphology.stats.calibration import (
    classwise_ece,
    temperature_and_prior_for,
    temperature_for,
)
from cosmic_morphology.stats.metrics import confusion_matrix, macro_f1


def calibrate(
    task: TrainingTask,
    model: TrainedModel,
    logits: np.ndarray,
    targets: np.ndarray,
    ids: Sequence[str],
) -> tuple[np.ndarray, float]:
    """Fit the temperature; the shares that are given back go into the head's last bias.

    Where volunteers voted on the images ``ids``, probabilities are to say how they share.
    """
    by_id = {example.id: example for example in task.examples}
    shares = shares_of([by_id[each] for each in ids], task.classes)
    targets = targets if shares is None else shares.numpy()
    if not task.recipe.prior_correction:
        model.temperature = temperature_for(logits, targets)
        return np.zeros(len(task.classes), np.float32), 0.0
    train_counts = Counter(e.label for e in task.examples if e.split == "train")
    # Half an image for a class without any: its share is small, not nothing.
    counts = np.array([max(0.5, train_counts[name]) for name in task.classes])
    log_shares = np.log(counts / counts.sum())
    model.temperature, tau = temperature_and_prior_for(logits, targets, np.exp(log_shares))
    offset = (model.temperature * tau * log_shares).astype(np.float32)
    model.network.head.shift(offset)
    return offset, tau


def val_metrics(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Scores on the val split, by the names that ``metrics.json`` has; none without one."""
    if not len(targets):
        return {}
    answers = probabilities.argmax(1)
    matrix = confusion_matrix(targets, answers, probabilities.shape[1])
    return {
        "val_macro_f1": float(macro_f1(matrix)),
        "val_accuracy": float((answers == targets).mean()),
        "val_classwise_ece": classwise_ece(probabilities, targets),
    }
