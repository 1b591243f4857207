"""How much the texts of a record will count beside a model: learned when it is trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cosmic_morphology.learn.data.dataset import TextSource
from cosmic_morphology.learn.task import TrainingTask
from cosmic_morphology.stats.calibration import threshold_for
from cosmic_morphology.stats.fusion import Fusion, learn_fusion


def weigh_texts(
    task: TrainingTask,
    reject_below: float,
    probabilities: np.ndarray,
    targets: np.ndarray,
    ids: list[str],
) -> Fusion | None:
    """How much texts will count beside this model: learned where people have checked labels.

    Labels that the voters computed are made from the same texts, so they would teach to believe
    these blindly.

    Parameters
    ----------
    task : TrainingTask
        Whose source may know what the texts say; otherwise there is nothing to weigh.
    reject_below : float
        The threshold of the pixels alone, where no other can be chosen.
    probabilities : ndarray, shape ``(N, K)``
        What the model says of images that it has not learned from.
    targets : ndarray of int, shape ``(N,)``
        Numbers of their classes.
    ids : list of str
        The N images.
    """
    source = task.table
    if not isinstance(source, TextSource):
        return None
    texts, checked = source.text_probabilities(ids, task.classes)
    known = checked & ~np.isnan(texts).any(axis=1)
    found = learn_fusion(probabilities[known], texts[known], targets[known])
    if not found.n_images:
        return replace(found, reject_below=reject_below)
    together = found(probabilities[checked], texts[checked])
    threshold = threshold_for(together, targets[checked], task.recipe.target_precision)
    return replace(found, reject_below=threshold)
