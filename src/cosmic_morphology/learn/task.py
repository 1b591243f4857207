"""What a run sets out with: examples, classes, backbone and head; wrong input is told here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.data.dataset import TRAINING_SPLITS, Example, TrainingSource
from cosmic_morphology.learn.inference.model import TrainedModel
from cosmic_morphology.learn.models.backbones import Backbone, build_backbone
from cosmic_morphology.learn.models.devices import device_for
from cosmic_morphology.learn.models.joint import join_backbones
from cosmic_morphology.learn.models.network import Head, draw_head
from cosmic_morphology.learn.models.presets import settings_of, with_preset
from cosmic_morphology.learn.recipes import Recipe
from cosmic_morphology.settings import LearnSettings, RunJob


@dataclass(slots=True, kw_only=True)
class RunRequest:
    """What a run is asked to do.

    Attributes
    ----------
    table : TrainingSource
        Where images and labels come from.
    job : RunJob
        Name, whose labels, which run to start from.
    recipe : Recipe
        How it learns.
    learn : LearnSettings
        Backbone, weights, device.
    classes : tuple of str
        In the order of the scores.
    seed : int
        Of every random choice.
    folder : Path
        Where the run goes.
    progress : callable, optional
        Called with things done and things in all.
    mirrors : mapping of str to str
        The class of the mirror image of each class, where it is another.
    """

    table: TrainingSource
    job: RunJob
    recipe: Recipe
    learn: LearnSettings
    classes: tuple[str, ...]
    seed: int
    folder: Path
    progress: Progress | None = None
    mirrors: Mapping[str, str] = field(default_factory=dict)

    @property
    def mirrored(self) -> tuple[int, ...]:
        """Number of the class that the mirror image of each class shows."""
        return tuple(
            self.classes.index(other) if (other := self.mirrors.get(name)) in self.classes else at
            for at, name in enumerate(self.classes)
        )

    @property
    def tells_sides(self) -> bool:
        """Whether a mirror image may be of another class: a spiral then turns the other way."""
        return self.mirrored != tuple(range(len(self.classes)))


@dataclass(frozen=True, slots=True)
class Member:
    """One of several backbones of a run.

    Attributes
    ----------
    learn : LearnSettings
        With its name, weights and input.
    backbone : Backbone
        Built from them.
    """

    learn: LearnSettings
    backbone: Backbone


@dataclass(slots=True, kw_only=True)
class TrainingTask(RunRequest):
    """Everything that a run needs to know, and what it finds on the way.

    Attributes
    ----------
    examples : list of Example
        Images of train and val with their labels.
    backbone : Backbone
        What sees; several are joined in one.
    head : Head
        What is learned on it.
    weights_id : str
        What the backbone started from.
    members : list of Member
        The backbones that are joined; empty where there is one.
    notes : list of str
        What a person should know.
    unreadable : dict of str to str
        Images that could not be read, with why.
    """

    examples: list[Example]
    backbone: Backbone
    head: Head
    weights_id: str
    members: list[Member] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where images are learned from."""
        return device_for(self.learn)

    @property
    def key(self) -> str:
        """Hash of all that the result depends on: the same key means the same run."""
        found = hashlib.sha256()
        for part in (
            # What a recipe does not use makes no finished run again.
            self.recipe.model_dump_json(exclude=_unused(self.recipe)),
            self.learn.model_dump_json(exclude=_NOT_IN_THE_KEY),
            *(_made_of(member.backbone) for member in self.members),
            self.weights_id,
            repr(self.classes),
            str(self.seed),
            repr(self.examples),
        ):
            found.update(part.encode())
        return found.hexdigest()[:16]


# What changes nothing of the result, or is said by the backbones themselves.
_NOT_IN_THE_KEY = {"workers", "threads", "devices", "nodes", "cache_gb", "weights", "backbones"}


def _made_of(backbone: Backbone) -> str:
    return repr((backbone.name, sorted(backbone.arguments.items()), backbone.preprocessing))


def prepare_task(
    given: RunRequest,
    *,
    start: TrainedModel | None = None,
    labels: Mapping[str, str] | None = None,
) -> TrainingTask:
    """Put a run together.

    Raises
    ------
    UsageError
        Fewer than two classes to learn, or a run to start from that does not fit.
    """
    job, learn, classes = given.job, given.learn, given.classes
    notes: list[str] = []
    recipe = _fit_for_sides(given.recipe, notes) if given.tells_sides else given.recipe
    examples = _usable(
        given.table.examples(job.label_column), labels, classes, job.label_column, notes
    )
    sized = learn.model_copy(update={"image_size_px": recipe.size_px or learn.image_size_px})
    members = [
        Member(own, build_backbone(own, levels=recipe.multi_layer))
        for own in (with_preset(settings_of(sized, name)) for name in recipe.backbones)
    ]
    backbone = (
        join_backbones([member.backbone for member in members])
        if members
        else build_backbone(sized, levels=recipe.multi_layer)
    )
    if recipe.trainable == "all" and learn.weights == "random":
        _draw_weights(backbone.model, given.seed)
    head = draw_head(recipe, backbone.n_features, len(classes), given.seed)
    weights_id = backbone.weights_id
    if start is not None:
        if members:
            raise UsageError(
                "several backbones start from no other run: they stay as they are",
                where="init_from",
                todo="Leave init_from out, or take a recipe of one backbone.",
            )
        _take_over(start, job, classes, backbone, head)
        weights_id = f"{weights_id} via {job.init_from} ({_hash_of(start)})"
    asked = {each.name: getattr(given, each.name) for each in fields(given)}
    return TrainingTask(
        **(asked | {"learn": sized, "recipe": recipe}),
        examples=examples,
        backbone=backbone,
        head=head,
        weights_id=weights_id,
        members=members,
        notes=notes,
    )


# The first views of a square are not mirrored.
_VIEWS_WITHOUT_MIRROR = 2


def _fit_for_sides(recipe: Recipe, notes: list[str]) -> Recipe:
    """The recipe without views that show another class than the image does.

    Images that are augmented anew in every epoch may be mirrored: their class goes along.
    """
    changed: dict[str, Any] = {"tta_views": min(recipe.tta_views, _VIEWS_WITHOUT_MIRROR)}
    if recipe.cached_views > 1:
        changed["augment"] = recipe.augment.model_copy(update={"flip": False})
    notes.append("a mirror image may be of another class: no mirrored views are averaged")
    return recipe.model_copy(update=changed)


def _unused(recipe: Recipe) -> set[str]:
    """Keys that came later than the first recipes, where they do nothing."""
    unused = set() if recipe.trainable == "lora" else {"lora_rank"}
    unused |= set() if recipe.optimiser == "lbfgs" else {"l2_strengths", "cv_folds"}
    later = ("backbones", "tta_crops", "prior_correction")
    return unused | {key for key in later if not getattr(recipe, key)}


def _usable(
    examples: list[Example],
    labels: Mapping[str, str] | None,
    classes: tuple[str, ...],
    voter: str,
    notes: list[str],
) -> list[Example]:
    if labels is not None:
        examples = [
            replace(e, label=labels[e.id], weight=1.0, shares={})
            for e in examples
            if e.id in labels
        ]
    known = [example for example in examples if example.label in classes]
    counts = {
        split: {name: sum(e.label == name for e in known if e.split == split) for name in classes}
        for split in TRAINING_SPLITS
    }
    learned = sum(n > 0 for n in counts["train"].values())
    if learned < 2:
        raise UsageError(
            f"the train split has labels of {learned} of {len(classes)} classes; "
            "at least two are needed",
            where=f"labels '{voter}'",
            todo="Look at `cosmic explore`: are the images labelled and split?",
        )
    for split in TRAINING_SPLITS:
        lacking = [name for name, n in counts[split].items() if not n]
        if lacking and sum(counts[split].values()):
            notes.append(f"the {split} split has no image of: {', '.join(lacking)}")
    if not sum(counts["val"].values()):
        notes.append("the val split is empty: no early stopping, no calibration")
    return known


def _draw_weights(model: Any, seed: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in model.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        if hasattr(model, "init_weights"):
            model.init_weights()


def _take_over(
    start: TrainedModel, job: RunJob, classes: tuple[str, ...], backbone: Backbone, head: Head
) -> None:
    if start.classes != classes:
        raise UsageError(
            f"{job.init_from} knows the classes {', '.join(start.classes)}",
            where="init_from",
            todo=f"This run needs {', '.join(classes)}: start from a run that has them.",
        )
    try:
        backbone.model.load_state_dict(start.network.backbone.state_dict())
        head.load_state_dict(start.network.head.state_dict())
    except RuntimeError as error:
        raise UsageError(
            f"{job.init_from} has another backbone or head than this recipe",
            where="init_from",
            todo="Use the same learn.backbone, head and hidden width in both.",
        ) from error


def _hash_of(start: TrainedModel) -> str:
    found = hashlib.sha256()
    for value in start.network.state_dict().values():
        found.update(value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:12]
