"""A trained model as one ONNX file: normalisation, views, temperature and class names inside."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from cosmic_morphology.display import Shown
from cosmic_morphology.errors import ImageError
from cosmic_morphology.io_utils import whole_file
from cosmic_morphology.learn.export.padding import with_fixed_padding
from cosmic_morphology.learn.export.tracing import trace
from cosmic_morphology.learn.inference.model import TrainedModel
from cosmic_morphology.learn.inference.onnx_model import INPUT, OUTPUT, OnnxModel, needs_onnx
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.learn.models.tta import tta_views

_CHECKED_AT_ONCE = 16
# Kept as they are in 8-bit files: little of the time, much of the error.
_STEM = 2
_FUSION_IN_WORDS = (
    "The output is of the pixels alone. A record whose texts say p_text of the same classes is "
    "answered by softmax(fusion.pixels * log(max(p_image, 1e-4)) + "
    "fusion.texts * log(max(p_text, 1e-4))), and left open below fusion.reject_below; where its "
    "texts say nothing, by p_image."
)


@dataclass(frozen=True, slots=True, repr=False)
class OnnxExportResult(Shown):
    """What :func:`export_onnx` wrote.

    Attributes
    ----------
    path : Path
        The file.
    megabytes : float
        Its size.
    parity : float
        Largest difference of a probability from torch's.
    same_class : float
        Share of the compared images that get the class that torch gives them.
    compared_on : str
        What the two were compared on.
    int8 : bool
        Whether weights and activations are 8-bit integers.
    views : int
        Turned views that are averaged.
    """

    path: Path
    megabytes: float
    parity: float
    same_class: float
    compared_on: str
    int8: bool
    views: int


class _Whole(nn.Module):
    """From squares of uint8 to probabilities."""

    def __init__(self, model: TrainedModel, views: int, crops: int) -> None:
        super().__init__()
        self.network = model.network
        self._preprocessing, self._temperature = model.preprocessing, model.temperature
        self._views, self._crops = views, crops

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        # Not Preprocessing.normalised: a graph has to hold the division of integers explicitly.
        ready = self._preprocessing.normalised(pixels.permute(0, 3, 1, 2).float() / 255)
        scores = torch.stack(
            [self.network(seen) for seen in tta_views(ready, self._views, self._crops)]
        )
        return torch.softmax(scores.mean(0) / self._temperature, 1)


def export_onnx(
    model: TrainedModel,
    path: Path,
    *,
    views: int | None = None,
    int8_from: Sequence[bytes] = (),
    compare_on: Sequence[bytes] = (),
) -> OnnxExportResult:
    """Write a model as ONNX.

    The input ``pixels`` is uint8 of shape ``(N, size, size, 3)``, RGB; the output
    ``probabilities`` is float32 of shape ``(N, K)``. Class names, preprocessing and the reject
    threshold are in the file's metadata, so that nothing has to travel beside it.

    Parameters
    ----------
    model : TrainedModel
        From :func:`~cosmic_morphology.learn.load_trained_model`.
    path : Path
        The file to write.
    views : int, optional
        Turned views that are averaged, and no enlarged parts; without it, both as the model has
        them. One is fastest.
    int8_from : sequence of bytes
        Thumbnails (train split, a hundred or so) to find the range of activations on; with
        them the file is written in 8-bit integers.
    compare_on : sequence of bytes
        Thumbnails to compare the file with torch on; without them noise.

    Raises
    ------
    MissingExtraError
        ``onnx`` or ``onnxruntime`` is not installed.
    """
    needs_onnx()
    crops = 0 if views else model.crops
    whole = _Whole(model, views or model.views, crops).cpu().eval()
    n_views = (views or model.views) + crops
    size = model.preprocessing.size_px
    noise = torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8)
    with whole_file(path) as beside, tempfile.TemporaryDirectory() as folder:
        plain, ready = Path(folder) / "plain.onnx", Path(folder) / "ready.onnx"
        trace(with_fixed_padding(whole, noise), noise, plain, (INPUT, OUTPUT))
        if int8_from:
            _quantise(plain, ready, model.preprocessing, int8_from, n_views)
        else:
            ready = plain
        _describe(ready, model, "int8" if int8_from else "float32")
        shutil.copyfile(ready, beside)
    pixels = _readable(model.preprocessing, compare_on)
    on = f"{len(pixels)} images" if len(pixels) else "noise"
    parity, same = _compare(whole, path, pixels if len(pixels) else _noise(size))
    model.network.to(model.device)
    megabytes = round(path.stat().st_size / 1e6, 2)
    return OnnxExportResult(path, megabytes, parity, same, on, bool(int8_from), n_views)


def _quantise(
    plain: Path,
    path: Path,
    preprocessing: Preprocessing,
    thumbnails: Sequence[bytes],
    n_views: int,
) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Seen(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(thumbnails)

        def get_next(self) -> dict[str, np.ndarray] | None:
            for thumbnail in self._left:
                return {INPUT: preprocessing.pixels(thumbnail)[None]}
            return None

    prepared = plain.with_name("prepared.onnx")
    quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(path),
        Seen(),
        per_channel=True,
        # Only the heavy layers: pooling and softmax in 8 bits cost accuracy and save nothing.
        op_types_to_quantize=["Conv", "MatMul", "Gemm"],
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=_stem(prepared, n_views),
    )


def _stem(path: Path, n_views: int) -> list[str]:
    """Names of the first convolutions of each view: 8 bits are too few for what they see."""
    import onnx

    found = [node.name for node in onnx.load(str(path)).graph.node if node.op_type == "Conv"]
    per_view = len(found) // n_views
    starts = range(0, len(found), per_view) if per_view else ()
    return [name for start in starts for name in found[start : start + _STEM]]


def _describe(path: Path, model: TrainedModel, precision: str) -> None:
    import onnx

    loaded = onnx.load(str(path))
    for key, value in (
        ("name", model.name),
        ("precision", precision),
        ("classes", json.dumps(list(model.classes))),
        ("preprocessing", json.dumps(asdict(model.preprocessing))),
        ("backbones", json.dumps(list(model.backbones))),
        ("reject_below", json.dumps(model.reject_below)),
        ("input", _input_in_words(model.preprocessing, len(model.backbones))),
        ("fusion", json.dumps(asdict(model.fusion) if model.fusion else {})),
        ("fusion_in_words", _FUSION_IN_WORDS),
    ):
        entry: Any = loaded.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(loaded, str(path))


def _input_in_words(preprocessing: Preprocessing, n_backbones: int = 0) -> str:
    """How an image becomes the input, for whoever feeds the file himself."""
    side = preprocessing.size_px
    several = (
        f" {n_backbones} networks look at this one square: mean, std and size of each stand in "
        "'backbones', and are done inside, too."
    )
    return (
        f"{INPUT}: uint8 of shape (N, {side}, {side}, 3), RGB. The image is turned upright by "
        "its EXIF orientation, converted to sRGB, and squeezed once, whole and without a crop, "
        f"from its original size into {side} x {side} px by Pillow: "
        f"Image.resize(({side}, {side}), Image.Resampling.{preprocessing.interpolation.upper()}). "
        "Division by 255, mean and std are inside of the network."
        + (several if n_backbones else "")
    )


def _readable(preprocessing: Preprocessing, thumbnails: Sequence[bytes]) -> np.ndarray:
    found = []
    for thumbnail in thumbnails:
        try:
            found.append(preprocessing.pixels(thumbnail))
        except ImageError:
            continue  # the comparison says how many images it was made on
    return np.stack(found) if found else np.zeros((0,), np.uint8)


def _noise(size: int) -> np.ndarray:
    shape = (_CHECKED_AT_ONCE, size, size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _compare(whole: nn.Module, path: Path, pixels: np.ndarray) -> tuple[float, float]:
    written = OnnxModel(path)
    largest, same = 0.0, 0
    for start in range(0, len(pixels), _CHECKED_AT_ONCE):
        part = pixels[start : start + _CHECKED_AT_ONCE]
        with torch.inference_mode():
            ours = whole(torch.from_numpy(part)).numpy()
        theirs = written.predict_pixels(part)
        largest = max(largest, float(np.abs(ours - theirs).max()))
        same += int((ours.argmax(1) == theirs.argmax(1)).sum())
    return largest, same / len(pixels)
