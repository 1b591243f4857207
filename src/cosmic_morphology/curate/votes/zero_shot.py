"""The zero-shot voter: the class whose description a text-image model finds nearest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import ColumnFunction, ColumnWork, Engine, apply
from cosmic_morphology.errors import (
    ImageError,
    InputError,
    TrainingError,
)
from cosmic_morphology.extras import needs
from cosmic_morphology.imaging import read_thumbnail
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

STAGE = COLUMN = "zero_shot"
CODE = "1"
HUB, FOLDER = "hf-hub:", "local-dir:"
_WEIGHTS = "open_clip_model.safetensors"
# Such models are surer than they are right: so much of each answer is taken to be a guess.
_GUESS = 0.2
_BATCH = 32
_CHECKPOINT_ROWS = 512

See = Callable[[Sequence[Image.Image]], NDArray[np.float32]]
"""Images in, probabilities of the classes out, float32 of shape ``(N, K)``."""


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
                "weights": _hash_of(settings.votes.zero_shot_model),
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
    see, n_classes = _load(model, prompts), len(prompts)

    def columns(batch: pa.Table) -> pa.Table:
        # What cannot be read says nothing of any class.
        chances = np.full((batch.num_rows, n_classes), 1 / n_classes, np.float32)
        images = [_image(each) for each in batch.column("thumbnail").to_pylist()]
        rows = [row for row, image in enumerate(images) if image is not None]
        if rows:
            chances[rows] = see([image for image in images if image is not None])
        filled = pa.FixedSizeListArray.from_arrays(pa.array(chances.ravel()), n_classes)
        return pa.table({COLUMN: filled}, schema=pa.schema([_field(n_classes)]))

    return columns


def _field(n_classes: int) -> pa.Field:
    return pa.field(COLUMN, pa.list_(pa.float32(), n_classes))


def _load(name: str, prompts: Sequence[Sequence[str]]) -> See:
    folder = name.startswith(FOLDER)
    if not folder and not name.startswith(HUB):
        raise InputError(
            "this is no name of a text-image model",
            where=name,
            todo=f"Say {HUB}OWNER/MODEL for one of the hub, or {FOLDER}FOLDER.",
        )
    if folder and not Path(name.removeprefix(FOLDER)).is_dir():
        raise InputError(
            "there is no such folder of a text-image model",
            where=name,
            todo="Check the path behind local-dir:.",
        )
    with needs("The zero-shot voter (setting curate.votes.zero_shot_model)"):
        import open_clip
    try:
        model, preprocess = open_clip.create_model_from_pretrained(name)
        tokenize = open_clip.get_tokenizer(name)
    # Whatever goes wrong with files and hubs is one of these.
    except (OSError, RuntimeError, ValueError) as error:
        raise TrainingError(
            f"the text-image model cannot be had ({str(error).splitlines()[0]})",
            where=name,
            todo=f"Check the network, or give a copy of it as {FOLDER}FOLDER.",
        ) from error
    return _PromptClassifier(model, preprocess, tokenize, prompts)


class _PromptClassifier:
    """A text-image model that has read the prompts."""

    def __init__(
        self, model: Any, preprocess: Any, tokenize: Any, prompts: Sequence[Sequence[str]]
    ) -> None:
        import torch

        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model, self._preprocess = model.eval().to(self._device), preprocess
        self._starts = np.cumsum([0, *(len(each) for each in prompts[:-1])])
        with torch.inference_mode():
            texts = tokenize([text for each in prompts for text in each]).to(self._device)
            self._texts = self._model.encode_text(texts, normalize=True)

    def __call__(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        import torch

        pixels = torch.stack([self._preprocess(each) for each in images]).to(self._device)
        with torch.inference_mode():
            seen = self._model.encode_image(pixels, normalize=True)
            alike = (self._model.logit_scale.exp() * seen @ self._texts.T).float().cpu().numpy()
        best = np.maximum.reduceat(alike, self._starts, axis=1)
        chances = np.exp(best - best.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        mixed = (1 - _GUESS) * chances + _GUESS / chances.shape[1]
        return np.asarray(mixed, dtype=np.float32)


def _image(thumbnail: bytes) -> Image.Image | None:
    try:
        return Image.fromarray(read_thumbnail(thumbnail))
    except ImageError:
        return None


def _hash_of(name: str) -> str:
    """Of a folder's weights: they may change under one name. The hub's do not."""
    file = Path(name.removeprefix(FOLDER)) / _WEIGHTS
    if not name.startswith(FOLDER) or not file.is_file():
        return ""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()[:16]
