"""A trained model on files of a person: images of any kind that intake takes, one row each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from cosmic_morphology.errors import ImageError, InputError
from cosmic_morphology.imaging import ImageLimits, read_image
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.inference.prediction import Prediction, make_prediction
from cosmic_morphology.learn.inference.predictors import PixelPredictor

_FILE_BATCH = 32
_NOT_REGULAR = "not a regular file"


def predict_files(
    model: PixelPredictor,
    path: Path,
    *,
    limits: ImageLimits | None = None,
    reject_below: float | None = None,
    progress: Progress | None = None,
) -> Iterator[Prediction]:
    """Predict an image, or every file below a folder; a bad file is an answer with its reason.

    Parameters
    ----------
    model : PixelPredictor
        From ``load_model``.
    path : Path
        A file or a folder.
    limits : ImageLimits, optional
        What may come in.
    reject_below : float, optional
        Another threshold of sure answers than the model's own.
    progress : callable, optional
        Called with files done and files in all.

    Raises
    ------
    InputError
        There is nothing at this path, or nothing that can be read without waiting.
    """
    if not path.exists():
        raise InputError("there is no such file or folder", where=str(path), todo="Check the path.")
    if not (path.is_file() or path.is_dir()):
        raise InputError(f"this is {_NOT_REGULAR}", where=str(path), todo="Give a file or folder.")
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if not p.is_dir())
    if not files:
        raise InputError(
            "the folder holds no files", where=str(path), todo="Give a folder of images."
        )
    max_bytes = (limits or ImageLimits()).max_bytes
    for start in range(0, len(files), _FILE_BATCH):
        part = files[start : start + _FILE_BATCH]
        read = {str(file): _bytes_of(file, max_bytes) for file in part}
        yield from predict_bytes(model, read, limits=limits, reject_below=reject_below)
        if progress:
            progress(start + len(part), len(files))


def predict_bytes(
    model: PixelPredictor,
    images: Mapping[str, bytes | OSError],
    *,
    limits: ImageLimits | None = None,
    reject_below: float | None = None,
) -> Iterator[Prediction]:
    """Predict images by name, as they came: bytes, or the error instead of them."""
    squares, errors = squares_of(model, images, limits=limits)
    yield from predict_squares(model, list(images), squares, errors, reject_below=reject_below)


def squares_of(
    model: PixelPredictor,
    images: Mapping[str, bytes | OSError],
    *,
    limits: ImageLimits | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Images as a model takes them, and why some are none, by name: the part that needs memory."""
    squares: dict[str, np.ndarray] = {}
    errors: dict[str, str] = {}
    for name, data in images.items():
        if isinstance(data, OSError):
            errors[name] = f"unreadable: {data.strerror}"
            continue
        try:
            # Shrunk once, from the original: whoever feeds the model himself gets the same answer.
            pixels = read_image(data, limits=limits or ImageLimits(), source_hint=name)
            squares[name] = model.preprocessing.squared(pixels)
        except ImageError as error:
            errors[name] = f"{error.kind}: {error.what}"
    return squares, errors


def predict_squares(
    model: PixelPredictor,
    names: Sequence[str],
    squares: Mapping[str, np.ndarray],
    errors: Mapping[str, str],
    *,
    reject_below: float | None = None,
) -> Iterator[Prediction]:
    """What a model says of what :func:`squares_of` gave, in the order of the names."""
    threshold = model.reject_below if reject_below is None else reject_below
    said = model.predict_pixels(np.stack([*squares.values()])) if squares else ()
    found = dict(zip(squares, said, strict=True))
    for name in names:
        yield make_prediction(
            name,
            found.get(name),
            model.classes,
            reject_below=threshold,
            error=errors.get(name, ""),
        )


def _bytes_of(file: Path, max_bytes: int) -> bytes | OSError:
    try:
        # A pipe would be waited for, and a device never ends.
        if file.exists() and not file.is_file():
            return OSError(0, _NOT_REGULAR)
        with file.open("rb") as opened:
            return opened.read(max_bytes + 1)
    except OSError as error:
        return error
