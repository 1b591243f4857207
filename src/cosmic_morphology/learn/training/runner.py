"""Training: one run of a recipe on the images of an atlas (or of a Parquet file)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmic_morphology.io_utils import CsvRows, Progress, whole_text
from cosmic_morphology.learn.data.dataset import TRAINING_SPLITS, TrainingSource
from cosmic_morphology.learn.export.model_card import CARD, write_card
from cosmic_morphology.learn.inference.model import (
    load_trained_model,
    save_model,
)
from cosmic_morphology.learn.inference.run_network import head_shape
from cosmic_morphology.learn.models.backbones import Backbone
from cosmic_morphology.learn.models.devices import environment
from cosmic_morphology.learn.models.presets import with_preset
from cosmic_morphology.learn.recipes import load_recipe
from cosmic_morphology.learn.run_folder.documents import (
    ATLAS,
    ENVIRONMENT,
    FORMAT_VERSION,
    METRICS,
    SETTINGS,
    write_document,
)
from cosmic_morphology.learn.run_folder.folder import (
    Run,
    begin,
    finish,
    is_begun,
    is_finished,
    read_run,
    run_folder,
)
from cosmic_morphology.learn.run_folder.history import write_history
from cosmic_morphology.learn.run_folder.training_record import (
    TRAINING_RECORD,
    write_training_record,
)
from cosmic_morphology.learn.run_folder.val_predictions import write_val_predictions
from cosmic_morphology.learn.task import RunRequest, TrainingTask, prepare_task
from cosmic_morphology.learn.training.calibration import calibrate, val_metrics
from cosmic_morphology.learn.training.fit_result import FitResult, TrainingResult
from cosmic_morphology.learn.training.launchers import check_processes, is_first_process, wait_until
from cosmic_morphology.learn.training.strategies import strategy_for, trains_together
from cosmic_morphology.learn.training.text_weights import weigh_texts
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.stats.calibration import threshold_for
from cosmic_morphology.taxonomy import Taxonomy

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas


def train(
    atlas: Atlas | TrainingSource,
    job: RunJob,
    *,
    learn: LearnSettings,
    taxonomy: Taxonomy,
    seed: int,
    out: Path,
    progress: Progress | None = None,
    labels: Mapping[str, str] | None = None,
) -> Run:
    """Train one model; a run that is there already is not made again.

    Parameters
    ----------
    atlas : Atlas or TrainingSource
        Only its train and val splits are read.
    job : RunJob
        Name, recipe, whose labels, and which run to start from.
    learn : LearnSettings
        Backbone, weights, device.
    taxonomy : Taxonomy
        The classes.
    seed : int
        Of every random choice.
    out : Path
        The run goes to ``<out>/runs/<name>``.
    progress : callable, optional
        Called with images (while embedding) or epochs done and in all.
    labels : mapping of str to str, optional
        Labels by id instead of those of the source; images without one are left out.

    Returns
    -------
    Run
        The finished run. A killed one, called again, resumes from its last epoch and ends with
        the same metrics.

    Raises
    ------
    UsageError
        The settings do not fit together, or there is nothing to learn from.
    TrainingError
        The loss left the numbers, or the weights cannot be had.

    Examples
    --------
    >>> from cosmic_morphology.settings import RunJob
    >>> again = cosmic.train(
    ...     judged, RunJob(name="again"), learn=learn, taxonomy=taxonomy, seed=1, out=Path("out")
    ... )
    >>> again.name, again.path.name, again.classes
    ('again', 'again', ('asteroid', 'comet', 'galaxy', 'nebula', 'planet', 'star'))
    """
    learn = with_preset(learn)
    recipe = load_recipe(job.recipe)
    folder = run_folder(out, job.name)
    table = source_of(atlas)
    where = table.origin()
    given = RunRequest(
        table=table,
        job=job,
        recipe=recipe,
        learn=learn,
        classes=taxonomy.names_with_reject if recipe.include_reject_class else taxonomy.names,
        seed=seed,
        folder=folder,
        progress=progress,
        mirrors=taxonomy.mirrors,
    )
    start = load_trained_model(run_folder(out, job.init_from)) if job.init_from else None
    task = prepare_task(given, start=start, labels=labels)
    check_processes(learn.devices, learn.nodes)
    if is_finished(folder, task.key):
        return _completed(task, out)
    if not is_first_process():
        return _helped(task)
    begin(folder, task.key)
    _write_beginning(task, where)
    began = time.perf_counter()
    outcome = strategy_for(recipe)(task)
    _write_end(task, outcome, time.perf_counter() - began)
    finish(folder, task.key)
    return _completed(task, out)


def _helped(task: TrainingTask) -> Run:
    """The part of a process that a launcher started beside the first: it learns, and writes not."""
    folder, key = task.folder, task.key
    if trains_together(task.recipe):
        wait_until(lambda: is_begun(folder, key), folder)
        strategy_for(task.recipe)(task)
    wait_until(lambda: is_finished(folder, key), folder)
    return read_run(folder)


def _completed(task: TrainingTask, out: Path) -> Run:
    # Also for a run that was killed before its record or its card.
    start = run_folder(out, task.job.init_from) if task.job.init_from else None
    if not (task.folder / TRAINING_RECORD).is_file():
        write_training_record(task.folder, task.examples, start)
    if not (task.folder / CARD).is_file():
        write_card(task.folder)
    return read_run(task.folder)


def source_of(atlas: Any) -> TrainingSource:
    """What training reads: an atlas, or what can stand for one."""
    if hasattr(atlas, "examples"):
        table: TrainingSource = atlas
        return table
    # Only here: a machine that trains from a Parquet file has no Lance.
    from cosmic_morphology.learn.data.atlas_source import AtlasSource

    return AtlasSource(atlas)


def _write_beginning(task: TrainingTask, where: Mapping[str, str]) -> None:
    write_document(
        task.folder,
        SETTINGS,
        {
            "format_version": FORMAT_VERSION,
            "name": task.job.name,
            "recipe_name": task.job.recipe,
            "recipe": task.recipe.model_dump(mode="json"),
            "labels": task.job.label_column,
            "init_from": task.job.init_from,
            "seed": task.seed,
            "learn": task.learn.model_dump(mode="json"),
            "backbone": task.backbone.name,
            "backbones": [_member(member.backbone) for member in task.members],
            "timm_kwargs": task.backbone.arguments,
            "weights_id": task.weights_id,
            "levels": task.recipe.multi_layer,
            "head": head_shape(task.recipe, task.backbone.n_features),
        },
    )
    write_document(task.folder, ATLAS, where)
    write_document(task.folder, ENVIRONMENT, environment(task.device))


def _member(backbone: Backbone) -> dict[str, Any]:
    return {
        "name": backbone.name,
        "timm_kwargs": backbone.arguments,
        "weights_id": backbone.weights_id,
        "preprocessing": asdict(backbone.preprocessing),
    }


def _write_end(task: TrainingTask, outcome: TrainingResult, seconds: float) -> None:
    model, logits, targets = outcome.model, outcome.logits, outcome.targets
    held, right, held_ids = outcome.chosen_by or (logits, targets, outcome.ids)
    tau = 0.0
    if task.recipe.calibrate:
        offset, tau = calibrate(task, model, held, right, held_ids)
        logits, held = logits + offset, held + offset
    from scipy.special import softmax

    probabilities = softmax(logits / model.temperature, axis=1).astype(np.float32)
    held_probabilities = softmax(held / model.temperature, axis=1).astype(np.float32)
    if len(right):
        model.reject_below = threshold_for(held_probabilities, right, task.recipe.target_precision)
    model.fusion = weigh_texts(task, model.reject_below, held_probabilities, right, held_ids)
    # Several backbones have a column each, which no head takes by itself.
    if task.recipe.is_plain and not task.job.init_from and not task.members:
        model.embedding = {"backbone": task.backbone.name, **_embedding_of(task)}
    save_model(model, task.folder)
    write_history(task.folder, outcome.fitted.history)
    group_of = {example.id: example.group for example in task.examples}
    write_val_predictions(
        task.folder,
        task.classes,
        ids=outcome.ids,
        groups=[group_of[each] for each in outcome.ids],
        y_true=outcome.targets,
        probabilities=probabilities,
    )
    _write_unreadable(task)
    write_document(
        task.folder,
        METRICS,
        {
            **val_metrics(probabilities, targets),
            "temperature": model.temperature,
            "prior_given_back": round(tau, 4),
            "reject_below": model.reject_below,
            **_course(outcome.fitted),
            "seconds": round(seconds, 2),
            "n_train": outcome.n_train,
            "n_val": len(targets),
            "n_by_class": {
                split: dict(Counter(e.label for e in task.examples if e.split == split))
                for split in TRAINING_SPLITS
            },
            "quarantined": len(task.unreadable),
            "notes": [*task.notes, *outcome.fitted.notes, *_quarantine(task)],
        },
    )


def _course(fitted: FitResult) -> dict[str, float]:
    chosen = fitted.history[fitted.best_epoch - 1]
    if "penalty" in chosen:
        return {"penalty": chosen["penalty"]}
    return {
        "best_epoch": fitted.best_epoch,
        "epochs": len(fitted.history),
        "batch_size": fitted.batch_size,
    }


def _embedding_of(task: TrainingTask) -> dict[str, Any]:
    return {
        "arguments": task.backbone.arguments,
        "weights": task.backbone.weights_id,
        "preprocessing": asdict(task.backbone.preprocessing),
    }


def _quarantine(task: TrainingTask) -> list[str]:
    n = len(task.unreadable)
    left_out = "1 image was" if n == 1 else f"{n} images were"
    return [f"{left_out} left out as unreadable: see quarantine.csv"] if n else []


def _write_unreadable(task: TrainingTask) -> None:
    if not task.unreadable:
        return
    with whole_text(task.folder / "quarantine.csv") as file:
        table = CsvRows(file)
        table.write(["id", "why"])
        for row in sorted(task.unreadable.items()):
            table.write(row)
