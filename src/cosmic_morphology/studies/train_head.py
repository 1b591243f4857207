"""One task: a head trained on embeddings, tested on rows that it has not seen."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from cosmic_morphology.errors import LeakError, SettingsError, UsageError
from cosmic_morphology.learn.data.dataset import Example
from cosmic_morphology.learn.models.backbones import Backbone
from cosmic_morphology.learn.models.network import Head, draw_head
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.learn.recipes import Recipe, load_recipe
from cosmic_morphology.learn.task import TrainingTask
from cosmic_morphology.learn.training.strategies import train_head
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.studies.dataset import StudyDataset

# Of the images that a backbone has seen already: a task opens none.
_NO_IMAGES = Preprocessing(1, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class HeadTask:
    """What is learned, and what is asked afterwards.

    Attributes
    ----------
    train, val, test : ndarray of int64
        Rows of the pool.
    labels : ndarray of int64, shape ``(N,)``
        Class numbers of all rows of the pool, as they are trained on.
    weights : ndarray of float64, shape ``(N,)``
        How far each is trusted (for recipes with ``label_confidence``).
    first : ndarray of int64
        Rows that are learned before the others; the head then trains from there. Empty: none.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    first: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


def train_and_predict(
    pool: StudyDataset, head_task: HeadTask, recipe: Recipe, *, seed: int, threads: int = 1
) -> np.ndarray:
    """Class numbers that the learned head gives the test rows, int64 of shape ``(T,)``.

    Raises
    ------
    LeakError
        A tested image is learned from, or a rendered one is tested or tuned on.
    UsageError
        Fewer than two classes to learn.
    """
    learned = np.concatenate([head_task.train, head_task.val, head_task.first])
    seen_twice = np.intersect1d(learned, head_task.test)
    if len(seen_twice):
        raise LeakError(
            "a test image is learned from",
            where=str(pool.ids[seen_twice[0]]),
            todo="Report this: a study must not learn from what it tests on.",
        )
    pool.assert_real(np.concatenate([head_task.val, head_task.test]))
    state: dict[str, torch.Tensor] | None = None
    if len(head_task.first):
        state = _train_head(
            pool, head_task, head_task.first, recipe, seed, threads, None
        ).state_dict()
    head = _train_head(pool, head_task, head_task.train, recipe, seed, threads, state)
    with torch.inference_mode():
        scores = head(torch.from_numpy(pool.vectors[head_task.test]))
    return np.asarray(scores.argmax(1).numpy(), np.int64)


def recipe_named(name: str, own: Mapping[str, Mapping[str, Any]]) -> Recipe:
    """A recipe of the study file, of the package, or of a TOML file; for plain embeddings only.

    Raises
    ------
    SettingsError
        There is none of this name, it is not valid, or it has to look at images again.
    """
    recipe = load_recipe(name, own)
    if not recipe.is_plain:
        raise SettingsError(
            "this recipe looks at the images again; a study learns a head on embeddings",
            where=f"recipe {name}",
            todo='Write [study.recipes.NAME] with extends = "..." and trainable = "head", '
            "multi_layer = false, tta_views = 1, tta_crops = 0, cached_views = 1, cv_folds = 0.",
        )
    return recipe


def _train_head(
    pool: StudyDataset,
    head_task: HeadTask,
    rows: np.ndarray,
    recipe: Recipe,
    seed: int,
    threads: int,
    state: dict[str, torch.Tensor] | None,
) -> Head:
    if len(np.unique(head_task.labels[rows])) < 2:
        raise UsageError(
            "fewer than two classes are left to learn",
            where="study",
            todo="Take more images: a larger fraction, or an atlas with more labels.",
        )
    head = draw_head(recipe, pool.vectors.shape[1], len(pool.classes), seed)
    if state is not None:
        head.load_state_dict(state)
    examples = [
        Example(
            str(pool.ids[row]),
            pool.classes[int(head_task.labels[row])],
            side,
            str(pool.groups[row]),
            float(head_task.weights[row]),
        )
        for side, part in (("train", rows), ("val", head_task.val))
        for row in part
    ]
    with tempfile.TemporaryDirectory(prefix="cosmic-study-") as folder:
        task = TrainingTask(
            job=RunJob(name="cell"),
            recipe=recipe,
            learn=LearnSettings(weights="random", accelerator="cpu", threads=threads, workers=0),
            table=_Vectors(pool),
            examples=examples,
            classes=pool.classes,
            seed=seed,
            backbone=Backbone(
                pool.column, nn.Identity(), _NO_IMAGES, "embeddings", {}, pool.vectors.shape[1]
            ),
            head=head,
            weights_id="embeddings",
            folder=Path(folder),
        )
        torch.set_num_threads(threads)
        train_head(task)
    return head.eval()


class _Vectors:
    """The pool as training wants its source of images: embeddings, and no images."""

    def __init__(self, pool: StudyDataset) -> None:
        self._vectors = pool.vectors
        self._at = {each: row for row, each in enumerate(pool.ids.tolist())}

    def origin(self) -> dict[str, str]:
        return {"uri": "embeddings of a study", "version": "1"}

    def examples(self, labels: str) -> list[Example]:
        del labels
        return []

    def thumbnails(self, ids: Any) -> Any:
        del ids
        return iter(())

    def embeddings(self, ids: Any, learn: Any, backbone: Any, progress: Any = None) -> np.ndarray:
        del learn, backbone, progress
        return np.asarray(self._vectors[[self._at[each] for each in ids]])
