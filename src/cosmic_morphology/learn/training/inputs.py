"""What a run learns from: features, views or images of the splits of its task."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cosmic_morphology.errors import UsageError
from cosmic_morphology.learn.data.batches import Examples
from cosmic_morphology.learn.data.dataset import Example
from cosmic_morphology.learn.data.features import features_of
from cosmic_morphology.learn.data.pixel_cache import decode_all
from cosmic_morphology.learn.data.streamed import BlockCache, OrderedSource, StreamedExamples
from cosmic_morphology.learn.data.view_features import features_of_views
from cosmic_morphology.learn.models.backbones import Backbone
from cosmic_morphology.learn.recipes import Augmentation
from cosmic_morphology.learn.run_folder.folder import CHECKPOINTS
from cosmic_morphology.learn.task import TrainingTask


def plain_features(task: TrainingTask) -> tuple[Examples, Examples]:
    """What the frozen backbone sees in each image: examples of train and of val."""
    ids = [example.id for example in task.examples]
    found = features_of(task.table, ids, task.backbone, task.learn, task.progress)
    task.unreadable |= found.unreadable
    vectors = torch.from_numpy(found.vectors)
    return _examples_of_split(task, "train", found.ids, vectors), _examples_of_split(
        task, "val", found.ids, vectors
    )


def features_in_views(task: TrainingTask) -> tuple[Examples, Examples]:
    """The same in several views of each image; each view of a training image is an example."""
    recipe = task.recipe
    train = views_of_split(task, task.backbone, "train", recipe.cached_views, recipe.augment)
    val = views_of_split(task, task.backbone, "val", recipe.tta_views, crops=recipe.tta_crops)
    # Each view of an image is an example of its own.
    each = train.inputs.shape[1]
    spread = Examples(
        train.inputs.flatten(0, 1),
        train.targets.repeat_interleave(each),
        train.weights.repeat_interleave(each),
        shares=None if train.shares is None else train.shares.repeat_interleave(each, 0),
    )
    return spread, val


def views_of_split(
    task: TrainingTask,
    backbone: Backbone,
    split: str,
    n_views: int,
    augment: Augmentation | None = None,
    crops: int = 0,
) -> Examples:
    """What a frozen network sees in views of each image of a split: ``(N, V, F)``."""
    # A source that has seen its images before hands that out: folds share their images.
    see = getattr(task.table, "views", features_of_views)
    found = see(
        task.table,
        [example.id for example in task.examples if example.split == split],
        backbone,
        task.learn,
        n_views=n_views,
        crops=crops,
        augment=augment,
        seed=task.seed,
        keep=task.folder / CHECKPOINTS / f"{split}.npz",
        progress=task.progress,
    )
    task.unreadable |= found.unreadable
    return _examples_of_split(task, split, found.ids, torch.from_numpy(found.vectors))


def _examples_of_split(
    task: TrainingTask, split: str, ids: list[str], inputs: torch.Tensor
) -> Examples:
    by_id = {example.id: example for example in task.examples}
    rows = [row for row, each in enumerate(ids) if by_id[each].split == split]
    chosen = [by_id[ids[row]] for row in rows]
    if split == "train" and not chosen:
        raise UsageError(
            "no image of the train split can be read",
            where=task.job.name,
            todo="`cosmic atlas verify` says what is wrong with the atlas.",
        )
    weights = [e.weight if task.recipe.weight_by_label_confidence else 1.0 for e in chosen]
    return Examples(
        inputs[rows],
        torch.tensor([task.classes.index(e.label) for e in chosen], dtype=torch.long),
        torch.tensor(weights, dtype=torch.float32),
        [e.id for e in chosen],
        shares_of(chosen, task.classes),
    )


def shares_of(chosen: Sequence[Example], classes: Sequence[str]) -> torch.Tensor | None:
    """The shares of the classes, shape ``(N, K)``, one where nobody voted; None without votes.

    Votes for what is no class of the task (the reject class, say) are left out, and the others
    sum to one.
    """
    if not any(each.shares for each in chosen):
        return None
    said = torch.tensor(
        [[(each.shares or {each.label: 1.0}).get(name, 0.0) for name in classes] for each in chosen]
    )
    return said / said.sum(1, keepdim=True)


def images_of_split(task: TrainingTask, split: str, side_px: int) -> Examples:
    """Images of a split: decoded once, or, where there is no room for that, batch by batch."""
    ids = [example.id for example in task.examples if example.split == split]
    room = round(task.learn.cache_gb * 1e9)
    if isinstance(task.table, OrderedSource) and len(ids) * side_px**2 * 3 > room:
        ordered = task.table.in_storage_order(ids)
        found = _examples_of_split(task, split, ordered, torch.empty(len(ids), 0))
        return StreamedExamples(
            BlockCache(task.table, ordered, room),
            found.targets,
            found.weights,
            found.ids,
            shares=found.shares,
            preprocessing=task.backbone.preprocessing,
            side_px=side_px,
            workers=task.learn.workers,
        )
    cache = decode_all(
        task.table,
        ids,
        task.backbone.preprocessing,
        side_px=side_px,
        workers=task.learn.workers,
    )
    task.unreadable |= cache.unreadable
    return _examples_of_split(task, split, cache.ids, torch.from_numpy(cache.pixels))
