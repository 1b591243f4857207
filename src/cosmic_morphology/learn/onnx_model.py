"""An exported model at work: ONNX alone, without torch's weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cosmic_morphology.errors import InputError, MissingExtraError, PictureError, how_to_install
from cosmic_morphology.learn.preprocessing import Preprocessing

INPUT, OUTPUT = "pixels", "probabilities"


class OnnxModel:
    """An exported model at work; needs onnxruntime, not torch's weights.

    Parameters
    ----------
    path : Path
        From :func:`export_onnx`.
    threads : int, optional
        For one picture; without it onnxruntime's choice.

    Attributes
    ----------
    name : str
        Of the run that it was exported from.
    precision : str
        ``float32`` or ``int8``.
    classes : tuple of str
        In the order of the probabilities.
    preprocessing : Preprocessing
        From a picture to the input.
    reject_below : float
        An answer less sure than this is better left open; 0: none was chosen.

    Raises
    ------
    InputError
        The file is not a model that :func:`export_onnx` wrote.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        needs_onnx()
        import onnxruntime

        self._path = path
        refused: tuple[type[Exception], ...] = (KeyError, ValueError, *_refusals())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            found = self._session.get_modelmeta().custom_metadata_map
            self.classes: tuple[str, ...] = tuple(json.loads(found["classes"]))
            self.preprocessing = Preprocessing.from_dict(json.loads(found["preprocessing"]))
            self.reject_below = float(found["reject_below"])
            self.name = found["name"]
            self.precision = found.get("precision", "float32")
        except refused as error:
            raise InputError(
                f"this is not a model of ours ({error})",
                where=str(path),
                todo="Write one with `cosmic export`.",
            ) from error

    def predict(self, thumbnails: Sequence[bytes]) -> np.ndarray:
        """Probabilities, float32 of shape ``(N, K)``; a picture that cannot be read gets NaN."""
        found = np.full((len(thumbnails), len(self.classes)), np.nan, np.float32)
        for row, thumbnail in enumerate(thumbnails):
            try:
                pixels = self.preprocessing.pixels(thumbnail)
            except PictureError:
                continue  # stays NaN, which the caller counts
            found[row] = self.predict_pixels(pixels[None])[0]
        return found

    def predict_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Probabilities of squares of uint8, shape ``(N, size, size, 3)``."""
        answer: np.ndarray = self._session.run([OUTPUT], {INPUT: pixels})[0]
        return answer

    def fingerprint(self) -> str:
        """Hash of the file."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def needs_onnx() -> None:
    """Raise ``MissingExtraError`` unless ONNX and its runtime are installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "ONNX is not installed", todo=how_to_install("learn,serve")
        ) from error


def _refusals() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile")
    return tuple(getattr(state, name) for name in names)
