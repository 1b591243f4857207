"""Training strategies: a head on embeddings, last stages behind frozen ones, a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from cosmic_morphology.learn.data.batches import Examples, InOrder, loader
from cosmic_morphology.learn.data.dataset import TRAINING_SPLITS
from cosmic_morphology.learn.data.pixel_cache import ROOM_TO_ZOOM
from cosmic_morphology.learn.models.network import Network, unfreeze_last
from cosmic_morphology.learn.models.split_backbone import split_backbone
from cosmic_morphology.learn.recipes import Recipe
from cosmic_morphology.learn.run_folder.folder import CHECKPOINTS
from cosmic_morphology.learn.task import TrainingTask
from cosmic_morphology.learn.training.adapters import add_adapters, fold_adapters
from cosmic_morphology.learn.training.fit_result import FitResult, TrainingResult, model_of
from cosmic_morphology.learn.training.inputs import (
    features_in_views,
    images_of_split,
    plain_features,
    shares_of,
    views_of_split,
)
from cosmic_morphology.learn.training.joint import train_joint

if TYPE_CHECKING:
    from cosmic_morphology.learn.training.lightning_module import Classifier

_BATCH = 64


def trains_together(recipe: Recipe) -> bool:
    """Whether several processes learn it: a head alone is too little to share."""
    return strategy_for(recipe) in (finetune, finetune_cached)


def strategy_for(recipe: Recipe) -> Callable[[TrainingTask], TrainingResult]:
    """How a recipe learns."""
    if recipe.backbones:
        return partial(train_joint, strategy=_strategy_of_head(recipe))
    if recipe.trainable == "head":
        return _strategy_of_head(recipe)
    if recipe.trainable == "last_stages" and recipe.cached_views > 1:
        return finetune_cached
    return finetune


def _strategy_of_head(recipe: Recipe) -> Callable[[TrainingTask], TrainingResult]:
    return train_head_cross_validated if recipe.cv_folds else train_head


def train_head(task: TrainingTask) -> TrainingResult:
    """Learn a head on what the frozen backbone sees."""
    train, val = plain_features(task) if task.recipe.is_plain else features_in_views(task)
    n_train = len(train) // task.recipe.cached_views
    if task.recipe.standardise:
        task.head.standardise(train.inputs.float())
    fitted = (_solved if task.recipe.optimiser == "lbfgs" else _stepped)(task, train, val)
    task.head.eval()
    with torch.inference_mode():
        logits = task.head(val.inputs).numpy()
    return TrainingResult(fitted, model_of(task), logits, val.targets.numpy(), val.ids, n_train)


def train_head_cross_validated(task: TrainingTask) -> TrainingResult:
    """Solve for a head on train and val; parts of both are held back in turn, to choose by."""
    train, val = (
        views_of_split(
            task, task.backbone, split, task.recipe.tta_views, crops=task.recipe.tta_crops
        )
        for split in TRAINING_SPLITS
    )
    splits = [split for split in (train, val) if len(split)]
    both = Examples(
        torch.cat([split.inputs for split in splits]),
        torch.cat([split.targets for split in splits]),
        torch.cat([split.weights for split in splits]),
        [*train.ids, *val.ids],
    )
    ids = {example.id: example for example in task.examples}
    both.shares = shares_of([ids[each] for each in both.ids], task.classes)
    if task.recipe.standardise:
        task.head.standardise(both.inputs.float().mean(1))
    group_of = {example.id: example.group for example in task.examples}
    groups = [group_of[each] for each in both.ids]
    from cosmic_morphology.learn.training.logistic_head import fit_logistic_head_cv

    found = fit_logistic_head_cv(
        task.head, both, groups, task.recipe, seed=task.seed, progress=task.progress
    )
    task.head.eval()
    task.notes.append("train and val were learned from; scores are of parts held back in turn")
    fitted = FitResult(found.history, found.best, len(both), found.notes)
    if found.logits is None:
        task.notes.append("everything is one group: no parts to hold back, no calibration")
        none = np.zeros((0, len(task.classes)), np.float32)
        return TrainingResult(fitted, model_of(task), none, np.zeros(0, np.int64), [], len(both))
    targets, of_val = both.targets.numpy(), len(train)
    return TrainingResult(
        fitted,
        model_of(task),
        found.logits[of_val:],
        targets[of_val:],
        val.ids,
        len(both),
        (found.logits, targets, both.ids),
    )


def _solved(task: TrainingTask, train: Examples, val: Examples) -> FitResult:
    from cosmic_morphology.learn.training.logistic_head import fit_logistic_head

    found = fit_logistic_head(task.head, train, val, task.recipe, progress=task.progress)
    return FitResult(found.history, found.best, len(train), found.notes)


def _stepped(task: TrainingTask, train: Examples, val: Examples) -> FitResult:
    from cosmic_morphology.learn.training.lightning_module import Classifier

    initial = {key: value.clone() for key, value in task.head.state_dict().items()}

    def make() -> Classifier:
        task.head.load_state_dict(initial)
        return Classifier(task.head, task.recipe, _counts(task, train), seed=task.seed)

    # A head is too small for a GPU to be worth the way there.
    return _loop(task, make, train, val, torch.device("cpu"))


def finetune(task: TrainingTask) -> TrainingResult:
    """Learn on images that are changed again in every epoch, and decoded once if there is room."""
    from cosmic_morphology.learn.training.lightning_module import Classifier

    preprocessing, recipe = task.backbone.preprocessing, task.recipe
    roomy = 1.0 if recipe.augment.is_none else ROOM_TO_ZOOM
    train = images_of_split(task, "train", round(preprocessing.size_px * roomy))
    val = images_of_split(task, "val", preprocessing.size_px)
    if recipe.trainable == "last_stages":
        unfreeze_last(task.backbone.model, recipe.stages)
    elif recipe.trainable == "lora":
        n = add_adapters(task.backbone.model, recipe.lora_rank, task.seed)
        task.notes.append(f"{n:,} weights of the backbone's adapters learned")
    network = Network(task.backbone.model, task.head)
    initial = {key: value.clone() for key, value in network.state_dict().items()}

    def make() -> Classifier:
        network.load_state_dict(initial)
        return Classifier(
            network.to(memory_format=torch.channels_last),
            recipe,
            _counts(task, train),
            preprocessing=preprocessing,
            seed=task.seed,
            mirrored=task.mirrored,
        )

    fitted = _loop(
        task, make, train, val, task.device, devices=task.learn.devices, nodes=task.learn.nodes
    )
    fold_adapters(task.backbone.model)
    model = model_of(task)
    network.to(model.device)
    rows, logits = (
        [torch.zeros(0, dtype=torch.long)],
        [np.zeros((0, len(task.classes)), np.float32)],
    )
    for batch in loader(val, InOrder(len(val), _BATCH)):
        rows.append(batch["row"])
        logits.append(model.score(batch["input"].numpy()))
    seen = torch.cat(rows)
    for each in (train, val):
        task.unreadable |= getattr(each, "unreadable", {})
    return TrainingResult(
        fitted,
        model,
        np.concatenate(logits),
        val.targets[seen].numpy(),
        [val.ids[row] for row in seen.tolist()],
        len(train),
    )


def finetune_cached(task: TrainingTask) -> TrainingResult:
    """Learn the last stages on what the stages before them see, each look taken only once."""
    from cosmic_morphology.learn.training.lightning_module import Classifier

    recipe, model = task.recipe, task.backbone.model
    front, rest = split_backbone(model, recipe.stages, task.backbone.preprocessing.size_px)
    half = replace(task.backbone, model=front, n_features=math.prod(front.shape))
    train = views_of_split(task, half, "train", recipe.cached_views, recipe.augment)
    val = views_of_split(task, half, "val", recipe.tta_views)
    network = Network(rest, task.head)
    initial = {key: value.clone() for key, value in network.state_dict().items()}

    def make() -> Classifier:
        network.load_state_dict(initial)
        return Classifier(network, recipe, _counts(task, train), seed=task.seed)

    fitted = _loop(
        task, make, train, val, task.device, devices=task.learn.devices, nodes=task.learn.nodes
    )
    network.to("cpu").eval()
    with torch.inference_mode():
        parts = [network(part.inputs) for part in val.parts(_BATCH)]
    k = len(task.classes)
    logits = torch.cat([torch.zeros(0, k), *parts]).numpy()
    return TrainingResult(fitted, model_of(task), logits, val.targets.numpy(), val.ids, len(train))


def _loop(
    task: TrainingTask,
    make: Callable[[], Classifier],
    train: Examples,
    val: Examples,
    device: torch.device,
    devices: int = 1,
    nodes: int = 1,
) -> FitResult:
    from cosmic_morphology.learn.training.loop import fit

    return fit(
        make,
        train,
        val if len(val) else None,
        recipe=task.recipe,
        device=device,
        folder=task.folder / CHECKPOINTS,
        seed=task.seed,
        devices=devices,
        nodes=nodes,
        progress=task.progress,
    )


def _counts(task: TrainingTask, train: Examples) -> torch.Tensor:
    return train.counts(len(task.classes))
