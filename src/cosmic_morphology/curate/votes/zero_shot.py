"""The zero-shot voter: the class whose description a text-image model finds nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate.text_image import TextImageModel, hash_of_weights, image_of
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import ColumnFunction, ColumnWork, Engine, apply
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

STAGE = COLUMN = "zero_shot"
CODE = "1"
# Such models are surer than they are right: so much of each answer is taken to be a guess.
_GUESS = 0.2
_BATCH = 32
_CHECKPOINT_ROWS = 512


@dataclass(frozen=True, slots=True, repr=False)
class ZeroShotResult(Shown):
    """What :func:`ask_zero_shot` did: the model, and images that it saw now and before."""

    model: str
    filled: int
    already_there: int


def ask_zero_shot(
    atlas: Atlas,
    *,
    taxonomy: Taxonomy,
    settings: CurateSettings,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> ZeroShotResult:
    """Fill the column ``zero_shot`` of the images that lack it.

    It holds the probabilities of the classes, the reject class last;
    :func:`~cosmic_morphology.curate.labels.assign.label` makes votes of them. Method: Radford
    et al., ICML 2021 (CLIP). Where a class has several prompts, the nearest one counts.

    Parameters
    ----------
    atlas : Atlas
        Its thumbnails are read.
    taxonomy : Taxonomy
        The classes and their prompts.
    settings : CurateSettings
        ``votes.zero_shot_model`` names the model.
    progress : callable, optional
        Called with rows done and rows in all.
    engine : Engine, optional
        Where it runs; without it on this machine.

    Raises
    ------
    InputError
        The name is neither ``hf-hub:OWNER/MODEL`` nor ``local-dir:FOLDER``, or there is no such
        folder.
    MissingExtraError
        open_clip is not installed.
    TrainingError
        The model cannot be had from the hub, or is none.
    """
    classes = taxonomy.names_with_reject
    model = settings.votes.zero_shot_model
    prompts = [taxonomy.prompts_of(name) for name in classes]
    done = apply(
        atlas,
        ColumnWork(
            STAGE,
            zero_shot_function,
            reads=("thumbnail",),
            writes=(_field(len(classes)),),
            arguments=(model, prompts),
            batch_size=_BATCH,
            task_rows=256,
            worth_processes=1024,
        ),
        made=zero_shot_function(model, prompts),
        stamp=ColumnProvenance(
            STAGE,
            {
                "model": settings.votes.zero_shot_model,
                "weights": hash_of_weights(settings.votes.zero_shot_model),
                "classes": classes,
                "prompts": [taxonomy.prompts_of(name) for name in classes],
            },
            CODE,
        ),
        checkpoint_rows=_CHECKPOINT_ROWS,
        progress=progress,
        engine=engine,
    )
    return ZeroShotResult(settings.votes.zero_shot_model, done.filled, done.already_there)


def zero_shot_function(model: str, prompts: Sequence[Sequence[str]]) -> ColumnFunction:
    """The column function of a model that has read the prompts of each class.

    Raises
    ------
    InputError, MissingExtraError, TrainingError
        As :func:`ask_zero_shot` does.
    """
    see, n_classes = _PromptClassifier(TextImageModel(model), prompts), len(prompts)

    def columns(batch: pa.Table) -> pa.Table:
        # What cannot be read says nothing of any class.
        chances = np.full((batch.num_rows, n_classes), 1 / n_classes, np.float32)
        images = [image_of(each) for each in batch.column("thumbnail").to_pylist()]
        rows = [row for row, image in enumerate(images) if image is not None]
        if rows:
            chances[rows] = see([image for image in images if image is not None])
        filled = pa.FixedSizeListArray.from_arrays(pa.array(chances.ravel()), n_classes)
        return pa.table({COLUMN: filled}, schema=pa.schema([_field(n_classes)]))

    return columns


def _field(n_classes: int) -> pa.Field:
    return pa.field(COLUMN, pa.list_(pa.float32(), n_classes))


class _PromptClassifier:
    """A text-image model that has read the prompts."""

    def __init__(self, model: TextImageModel, prompts: Sequence[Sequence[str]]) -> None:
        self._model = model
        self._starts = np.cumsum([0, *(len(each) for each in prompts[:-1])])
        self._texts = model.read([text for each in prompts for text in each])

    def __call__(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        alike = self._model.scale * self._model.see(images) @ self._texts.T
        best = np.maximum.reduceat(alike, self._starts, axis=1)
        chances = np.exp(best - best.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        mixed = (1 - _GUESS) * chances + _GUESS / chances.shape[1]
        return np.asarray(mixed, dtype=np.float32)
