"""A head on each of several backbones, and one answer of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cosmic_morphology.errors import TrainingError
from cosmic_morphology.learn.models.joint import mean_of_heads
from cosmic_morphology.learn.models.network import draw_head
from cosmic_morphology.learn.run_folder.folder import CHECKPOINTS
from cosmic_morphology.learn.task import TrainingTask
from cosmic_morphology.learn.training.fit_result import FitResult, TrainingResult, model_of
from cosmic_morphology.stats.calibration import temperature_for


def train_joint(
    task: TrainingTask, *, strategy: Callable[[TrainingTask], TrainingResult]
) -> TrainingResult:
    """Learn a head on each of several backbones; their mean is the head of all of them.

    Each head chooses its own penalty, and is calibrated before the mean, so that the surer one of
    them counts as much as it should; what they say together chooses temperature and threshold.

    Parameters
    ----------
    task : TrainingTask
        With two or more members.
    strategy : callable
        How one head is learned.

    Raises
    ------
    TrainingError
        The backbones could not read the same images.
    """
    heads, found = [], []
    for member in task.members:
        n_classes = len(task.classes)
        head = draw_head(task.recipe, member.backbone.n_features, n_classes, task.seed)
        part = replace(
            task,
            backbone=member.backbone,
            learn=member.learn,
            head=head,
            # Below the run's own, which go when it is done.
            folder=task.folder / CHECKPOINTS / member.backbone.name,
            notes=[],
        )
        heads.append(head)
        found.append(strategy(part))
        task.notes += [note for note in part.notes if note not in task.notes]
    first = found[0]
    if any(each.ids != first.ids for each in found):
        raise TrainingError(
            "the backbones could not read the same images",
            where=task.job.name,
            todo="`cosmic atlas verify` says what is wrong with the atlas.",
        )
    temperatures = [_temperature(each) for each in found]
    mean_of_heads(task.head, heads, temperatures)
    chosen_by = first.chosen_by
    if chosen_by is not None:
        held = [each.chosen_by[0] for each in found if each.chosen_by is not None]
        chosen_by = (_mean(held, temperatures), *chosen_by[1:])
    return TrainingResult(
        _fitted_together([each.fitted for each in found]),
        model_of(task),
        _mean([each.logits for each in found], temperatures),
        first.targets,
        first.ids,
        first.n_train,
        chosen_by,
    )


def _temperature(found: TrainingResult) -> float:
    """What calibrates one head on images that it has not seen; 1 where there are none."""
    held, right, _ = found.chosen_by or (found.logits, found.targets, found.ids)
    return temperature_for(held, right) if len(right) else 1.0


def _mean(logits: list[np.ndarray], temperatures: list[float]) -> np.ndarray:
    each = [found / temperature for found, temperature in zip(logits, temperatures, strict=True)]
    mean: np.ndarray = np.stack(each).mean(axis=0, dtype=np.float32)
    return mean


def _fitted_together(fits: list[FitResult]) -> FitResult:
    """The histories one after the other; the row that was taken of the first counts as best."""
    history = [
        {"backbone": float(number), **row}
        for number, fit in enumerate(fits, 1)
        for row in fit.history
    ]
    notes = [note for fit in fits for note in fit.notes]
    return FitResult(history, fits[0].best_epoch, fits[0].batch_size, notes)
