"""The model that classifies: loaded once, asked by many at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from cosmic_morphology.errors import CosmicError, UsageError
from cosmic_morphology.extras import needs
from cosmic_morphology.imaging import ImageLimits
from cosmic_morphology.learn import load_model, runs
from cosmic_morphology.learn.inference.files import predict_squares, squares_of
from cosmic_morphology.learn.inference.prediction import Prediction
from cosmic_morphology.learn.inference.predictors import PixelPredictor
from cosmic_morphology.learn.run_folder.run_list import RunRow
from cosmic_morphology.settings import Settings

# Images that go through the network together: more make the first of them wait.
_TOGETHER = 8
# Pictures that are decoded at once: the largest take a third of a gigabyte each.
_DECODED_AT_ONCE = 2


class Classifier:
    """The model of the settings, or the best run, loaded when it is first asked.

    Parameters
    ----------
    settings : Settings
        ``serve.model`` names a run or an exported file; without it the run with the best score.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = ImageLimits(**settings.imaging.model_dump())
        self._model: _Batching | None = None
        self._loading = threading.Lock()
        self._decoding = threading.Semaphore(_DECODED_AT_ONCE)

    @property
    def model(self) -> _Batching:
        """The model; loading it takes seconds.

        Raises
        ------
        UsageError
            There is none.
        MissingExtraError
            It is a run, and torch is not installed.
        """
        with self._loading:
            if self._model is None:
                place = chosen_model(self._settings)
                with needs("Classifying with a run"):
                    self._model = _Batching(load_model(place, learn=self._settings.learn))
            return self._model

    def predict(self, images: Mapping[str, bytes]) -> list[Prediction]:
        """What the model says of images, by name; bytes that are no image get their reason."""
        model = self.model
        with self._decoding:
            squares, errors = squares_of(model, images, limits=self._limits)
        # The others decode while these wait for the network: that is what fills its batches.
        return list(predict_squares(model, list(images), squares, errors))

    def square(self, data: bytes) -> np.ndarray:
        """An image as the model takes it, uint8 of shape ``(size, size, 3)``.

        Raises
        ------
        UsageError
            It is no usable image.
        """
        with self._decoding:
            squares, errors = squares_of(self.model, {"": data}, limits=self._limits)
        if errors:
            raise UsageError(
                f"this is no usable image ({errors['']})",
                where=f"{len(data):,} bytes",
                todo="Send a JPEG, PNG, TIFF, WebP, GIF or FITS image.",
            )
        return squares[""]


def chosen_model(settings: Settings) -> Path:
    """What classifies: the model of the settings, or the best run.

    Raises
    ------
    UsageError
        There is none.
    MissingExtraError
        It is a run, and torch is not installed; an exported file needs none.
    """
    place = settings.serve.model or best_run(settings.out)
    with needs("Classifying with a run"):
        if place.suffix.lower() != ".onnx" and find_spec("torch") is None:
            raise ModuleNotFoundError("torch is not installed", name="torch")
    return place


def best_run(out: Path) -> Path:
    """The run with the highest macro-F1, of those on the test split where there are any.

    Raises
    ------
    UsageError
        There is no run.
    """
    try:
        there: Sequence[RunRow] = runs(out)
    except CosmicError:
        there = []
    scored = [(each.split == "test", each.macro_f1.value, each) for each in there if each.macro_f1]
    if not scored:
        raise UsageError(
            "there is no model that could classify",
            where=str(out),
            todo="Train one: cosmic train. Or name an exported file as serve.model.",
        )
    *_, best = max(scored, key=lambda each: each[:2])
    return Path(best.path)


class _Batching:
    """A model whose callers wait in one line, and go through the network together."""

    def __init__(self, model: PixelPredictor) -> None:
        self.inner = model
        self.name, self.classes = model.name, model.classes
        self.reject_below, self.fusion = model.reject_below, model.fusion
        self.preprocessing = model.preprocessing
        self._line: queue.SimpleQueue[tuple[np.ndarray, Future[np.ndarray]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="classifier", daemon=True).start()

    def predict(self, thumbnails: Sequence[bytes]) -> np.ndarray:
        """Probabilities of images of the atlas, float32 of shape ``(N, K)``."""
        return self.inner.predict(thumbnails)

    def fingerprint(self) -> str:
        """Hash of everything that decides over an answer."""
        return self.inner.fingerprint()

    def predict_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Probabilities of squares of uint8, shape ``(N, size, size, 3)``."""
        waited = []
        for start in range(0, len(pixels), _TOGETHER):
            answer: Future[np.ndarray] = Future()
            self._line.put((pixels[start : start + _TOGETHER], answer))
            waited.append(answer)
        return np.concatenate([each.result() for each in waited])

    def _work(self) -> None:
        while True:
            asked = [self._line.get()]
            while sum(len(pixels) for pixels, _ in asked) < _TOGETHER:
                try:
                    asked.append(self._line.get_nowait())
                except queue.Empty:
                    break
            self._answer(asked)

    def _answer(self, asked: list[tuple[np.ndarray, Future[np.ndarray]]]) -> None:
        try:
            found = self.inner.predict_pixels(np.concatenate([pixels for pixels, _ in asked]))
        except Exception as error:  # noqa: BLE001 - whoever waits gets it, and the next are served
            for _, answer in asked:
                answer.set_exception(error)
            return
        start = 0
        for pixels, answer in asked:
            answer.set_result(found[start : start + len(pixels)])
            start += len(pixels)
