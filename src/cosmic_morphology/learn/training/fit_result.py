"""What training leaves, for those who do without Lightning, too."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cosmic_morphology.learn.inference.model import TrainedModel
from cosmic_morphology.learn.models.network import Network
from cosmic_morphology.learn.task import TrainingTask


@dataclass(slots=True)
class FitResult:
    """What came out of a loop.

    Attributes
    ----------
    history : list of dict
        What ``history.csv`` shows: one row an epoch (or a penalty, where a head was solved for).
    best_epoch : int
        Row of the history that was taken, counted from 1.
    batch_size : int
        What fitted into memory in the end.
    notes : list of str
        What a person should know.
    """

    history: list[dict[str, float]]
    best_epoch: int
    batch_size: int
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class TrainingResult:
    """A trained network and its scores on the val split.

    Attributes
    ----------
    fitted : FitResult
        What the loop says.
    model : TrainedModel
        Not calibrated yet.
    logits : ndarray of float32, shape ``(N, K)``
        Of the val split; empty without one.
    targets : ndarray of int64, shape ``(N,)``
        Its classes.
    ids : list of str
        Its images.
    n_train : int
        Images learned from.
    chosen_by : tuple, optional
        Scores, classes and ids of more images than those of the val split, none of them seen by
        the head that scored it: what temperature and threshold are chosen by.
    """

    fitted: FitResult
    model: TrainedModel
    logits: np.ndarray
    targets: np.ndarray
    ids: list[str]
    n_train: int
    chosen_by: tuple[np.ndarray, np.ndarray, list[str]] | None = None


def model_of(task: TrainingTask) -> TrainedModel:
    """The model of a task whose head has learned; not calibrated yet."""
    return TrainedModel(
        name=task.job.name,
        classes=task.classes,
        network=Network(task.backbone.model, task.head).eval(),
        preprocessing=task.backbone.preprocessing,
        views=task.recipe.tta_views,
        crops=task.recipe.tta_crops,
        device=task.device,
    )
