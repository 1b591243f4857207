"""An exported model at work: onnxruntime alone, without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from cosmic_morphology.errors import ImageError, InputError
from cosmic_morphology.extras import needs
from cosmic_morphology.learn.inference.onnx_guard import read_onnx
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.learn.run_folder.documents import (
    ClassNames,
    FusionPart,
    Name,
    NoFusion,
    Part,
    Share,
    SquareInput,
    checked,
)
from cosmic_morphology.stats.fusion import Fusion

INPUT, OUTPUT = "pixels", "probabilities"
_SILENT = 4
_AS_JSON = ("classes", "preprocessing", "reject_below", "fusion")


class OnnxModel:
    """An exported model at work; needs onnxruntime alone, not torch.

    Parameters
    ----------
    path : Path
        From :func:`export_onnx`.
    threads : int, optional
        For one image; without it onnxruntime's choice.

    Attributes
    ----------
    name : str
        Of the run that it was exported from.
    precision : str
        ``float32`` or ``int8``.
    classes : tuple of str
        In the order of the probabilities.
    preprocessing : Preprocessing
        From an image to the input.
    reject_below : float
        An answer less sure than this is better left open; 0: none was chosen.
    fusion : Fusion, optional
        How a record is answered from its pixels and its texts.

    Raises
    ------
    InputError
        The file is not a model that :func:`export_onnx` wrote.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        needs_runtime()
        import onnxruntime

        self._path = path
        data = read_onnx(path)
        self._data = data
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        # What the runtime refuses is told here, in one line.
        options.log_severity_level = _SILENT
        with _one_line(path):
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
            found = self._session.get_modelmeta().custom_metadata_map
        said = _said(found, path)
        self.name = str(said["name"])
        self.precision = str(said["precision"])
        self.classes: tuple[str, ...] = tuple(said["classes"])
        self.preprocessing = Preprocessing.from_dict(said["preprocessing"])
        self.reject_below = float(said["reject_below"])
        self.fusion = Fusion.from_dict(said.get("fusion", {}))
        self._check_shapes()

    def _check_shapes(self) -> None:
        """Refuse a network whose input and output are not what its metadata says."""
        side = self.preprocessing.size_px
        takes = [(each.name, each.type, each.shape) for each in self._session.get_inputs()]
        gives = [(each.name, each.type, each.shape) for each in self._session.get_outputs()]
        wanted = (
            (takes, INPUT, "tensor(uint8)", [side, side, 3]),
            (gives, OUTPUT, "tensor(float)", [len(self.classes)]),
        )
        for found, name, kind, shape in wanted:
            fits = len(found) == 1 and found[0][:2] == (name, kind)
            if not fits or len(found[0][2]) != 1 + len(shape) or found[0][2][1:] != shape:
                raise _not_ours(
                    self._path,
                    f"{name!r} of shape (N, {', '.join(map(str, shape))}) is what its metadata "
                    "speaks of, and the network has another",
                )

    def predict(self, thumbnails: Sequence[bytes]) -> np.ndarray:
        """Probabilities, float32 of shape ``(N, K)``; an image that cannot be read gets NaN."""
        found = np.full((len(thumbnails), len(self.classes)), np.nan, np.float32)
        for row, thumbnail in enumerate(thumbnails):
            try:
                pixels = self.preprocessing.pixels(thumbnail)
            except ImageError:
                continue  # stays NaN, which the caller counts
            found[row] = self.predict_pixels(pixels[None])[0]
        return found

    def predict_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Probabilities of squares of uint8, shape ``(N, size, size, 3)``."""
        with _one_line(self._path):
            answer: np.ndarray = self._session.run([OUTPUT], {INPUT: pixels})[0]
        wanted = (len(pixels), len(self.classes))
        if answer.shape != wanted or not np.isfinite(answer).all():
            raise _not_ours(
                self._path, f"it answers with {answer.shape} numbers or none, not with {wanted}"
            )
        return answer

    def fingerprint(self) -> str:
        """Hash of the file, made when it is asked for: it takes as long as an image."""
        return self._hash

    @cached_property
    def _hash(self) -> str:
        # Of what the runtime was given: the file may be another by now.
        return hashlib.sha256(self._data).hexdigest()[:16]


def needs_runtime() -> None:
    """Raise ``MissingExtraError`` unless ONNX's runtime is installed: enough to predict."""
    with needs("An ONNX file"):
        import onnxruntime  # noqa: F401


def needs_onnx() -> None:
    """Raise ``MissingExtraError`` unless ONNX and its runtime are installed: needed to export."""
    needs_runtime()
    with needs("Exporting to ONNX"):
        import onnx  # noqa: F401


class _Metadata(Part):
    name: Name
    precision: Annotated[str, Field(pattern="^(float32|int8)$")] = "float32"
    classes: ClassNames
    preprocessing: SquareInput
    reject_below: Share
    fusion: FusionPart | NoFusion = Field(default_factory=NoFusion)


def _said(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    """What the metadata says, checked; numbers and lists stand there as JSON."""
    said: dict[str, Any] = {"precision": "float32"}
    for key in ("name", "precision", *_AS_JSON):
        if key in metadata:
            try:
                said[key] = json.loads(metadata[key]) if key in _AS_JSON else metadata[key]
            except (ValueError, RecursionError) as error:
                raise _not_ours(path, f"its metadata {key!r} is no JSON") from error
    checked(said, _Metadata, where=str(path))
    return said


def _not_ours(path: Path, why: str) -> InputError:
    return InputError(
        f"this is not a model of ours ({next(iter(why.splitlines()), '')})",
        where=str(path),
        todo="Write one with `cosmic export`.",
    )


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Whatever the runtime raises, as one line: its own errors have no common class."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise _not_ours(path, str(error) or type(error).__name__) from error
