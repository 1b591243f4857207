"""A text-image model: sees images and reads texts, and puts both into one space of directions.

Method: Radford et al., ICML 2021 (CLIP), by the library open_clip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cosmic_morphology.errors import ImageError, InputError, TrainingError
from cosmic_morphology.extras import needs
from cosmic_morphology.imaging import read_thumbnail

HUB, FOLDER = "hf-hub:", "local-dir:"
_WEIGHTS = "open_clip_model.safetensors"


class TextImageModel:
    """A model of the hub or of a folder, on the GPU where there is one.

    Parameters
    ----------
    name : str
        ``hf-hub:OWNER/MODEL`` or ``local-dir:FOLDER``.

    Raises
    ------
    InputError
        The name is neither, or there is no such folder.
    MissingExtraError
        open_clip is not installed.
    TrainingError
        The model cannot be had from the hub, or is none.
    """

    def __init__(self, name: str) -> None:
        _check(name)
        with needs("A text-image model (setting curate.votes.zero_shot_model)"):
            import open_clip
            import torch
        try:
            model, preprocess = open_clip.create_model_from_pretrained(name)
            self._tokenize = open_clip.get_tokenizer(name)
        # Whatever goes wrong with files and hubs is one of these.
        except (OSError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"the text-image model cannot be had ({str(error).splitlines()[0]})",
                where=name,
                todo=f"Check the network, or give a copy of it as {FOLDER}FOLDER.",
            ) from error
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model: Any = model.eval().to(self._device)
        self._preprocess = preprocess
        self.scale = float(self._model.logit_scale.detach().exp())
        """How far apart two answers are that differ by 1 in the cosine."""

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Directions of texts, float32 of shape ``(N, F)`` and of length 1."""
        import torch

        with torch.inference_mode():
            tokens = self._tokenize(list(texts)).to(self._device)
            found = self._model.encode_text(tokens, normalize=True)
        return np.asarray(found.float().cpu().numpy(), np.float32)

    def see(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Directions of images, float32 of shape ``(N, F)`` and of length 1."""
        import torch

        pixels = torch.stack([self._preprocess(each) for each in images]).to(self._device)
        with torch.inference_mode():
            found = self._model.encode_image(pixels, normalize=True)
        return np.asarray(found.float().cpu().numpy(), np.float32)


def image_of(thumbnail: bytes) -> Image.Image | None:
    """A thumbnail as such a model takes it; None for one that cannot be read."""
    try:
        return Image.fromarray(read_thumbnail(thumbnail))
    except ImageError:
        return None


def hash_of_weights(name: str) -> str:
    """Of a folder's weights: they may change under one name. The hub's do not."""
    file = Path(name.removeprefix(FOLDER)) / _WEIGHTS
    if not name.startswith(FOLDER) or not file.is_file():
        return ""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()[:16]


def _check(name: str) -> None:
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
