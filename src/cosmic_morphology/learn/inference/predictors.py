"""Predictors: a trained run, or the ONNX file that was exported from one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from cosmic_morphology.errors import InputError
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.settings import LearnSettings
from cosmic_morphology.stats.fusion import Fusion

ONNX = ".onnx"


class Predictor(Protocol):
    """What is needed of a model."""

    name: str
    classes: tuple[str, ...]
    reject_below: float
    fusion: Fusion | None

    def predict(self, thumbnails: Sequence[bytes]) -> np.ndarray:
        """Probabilities, float32 of shape ``(N, K)``; an image that cannot be read gets NaN."""
        ...

    def fingerprint(self) -> str:
        """Hash of everything that decides over an answer."""
        ...


class PixelPredictor(Predictor, Protocol):
    """A model that also takes its own input: images that were shrunk once, from the original."""

    preprocessing: Preprocessing

    def predict_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Probabilities of squares of uint8, shape ``(N, size, size, 3)``."""
        ...


@runtime_checkable
class EmbeddingPredictor(Protocol):
    """A model that can go on from what its frozen backbone saw.

    Attributes
    ----------
    embedding : dict
        What the embeddings depend on; empty where the backbone is not frozen.
    n_features : int
        Length of an embedding.
    views, crops : int
        More than one view cannot be had from an embedding.
    """

    embedding: dict[str, Any]
    views: int
    crops: int

    @property
    def n_features(self) -> int:
        """Length of an embedding."""
        ...

    def predict_embeddings(self, embeddings: np.ndarray) -> np.ndarray:
        """Probabilities for embeddings of shape ``(N, n_features)``."""
        ...


def column_name(model: Predictor) -> str:
    """What the columns of a model's answers are called after: its name, and a file's precision.

    An exported model has columns of its own: those of its run stay as they are.
    """
    precision = getattr(model, "precision", "")
    return f"{model.name}_{precision}" if precision else model.name


def load_model(path: Path | str, *, learn: LearnSettings | None = None) -> PixelPredictor:
    """Load a run's folder, or an ``.onnx`` file.

    Parameters
    ----------
    path : Path or str
        What ``cosmic train`` or ``cosmic export`` has written.
    learn : LearnSettings, optional
        Names the device and the threads.

    Returns
    -------
    PixelPredictor
        The model, which gives probabilities for images.

    Raises
    ------
    InputError
        There is nothing here, or it is neither.

    Examples
    --------
    >>> cosmic.load_model(run.path).classes == run.classes
    True
    >>> cosmic.load_model("lost.onnx")
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.InputError: lost.onnx: there is no such model...
    """
    place = Path(path)
    if not place.is_dir() and not (place.is_file() and place.suffix == ONNX):
        raise InputError(
            "this file is no model" if place.exists() else "there is no such model",
            where=str(place),
            todo="Give the folder of a run, such as out/runs/linear-probe, or an .onnx file.",
        )
    if place.suffix == ONNX:
        from cosmic_morphology.learn.inference.onnx_model import OnnxModel

        return OnnxModel(place, threads=learn.threads if learn else None)
    from cosmic_morphology.learn.inference.model import load_trained_model

    return load_trained_model(place, learn=learn)
