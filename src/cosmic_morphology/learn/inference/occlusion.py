"""What an answer rests on, of any model that answers from pixels: parts of the image are covered.

Method: occlusion sensitivity (Zeiler & Fergus, ECCV 2014). It needs no gradients, so an ONNX file
is explained like a run. Grad-CAM of :mod:`cosmic_morphology.evaluate.saliency`, which reports show,
is finer and costs one pass, but needs torch and a backbone whose layers are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosmic_morphology.learn.inference.predictors import PixelPredictor

PLACES = 7
"""Covered squares along a side: each answer costs ``PLACES ** 2 + 1`` images of network time."""
_CELLS = PLACES + 1
# Copies that are held and answered together.
_TOGETHER = 8
_ROWS, _COLUMNS = ("upper", "", "lower"), ("left", "", "right")


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """What an answer rests on.

    Attributes
    ----------
    answer : str
        The likeliest class.
    probability : float
        Of it, with nothing covered.
    least : float
        Of the same class, where covering a part harms it most.
    heat : ndarray of float32, shape ``(S, S)``
        How much the probability falls where a place is covered, mean of the squares that cover
        it, as a share of the largest; 0 everywhere where covering never harms.
    """

    answer: str
    probability: float
    least: float
    heat: np.ndarray

    def in_words(self) -> str:
        """The same for whoever sees no picture.

        Examples
        --------
        >>> heat = np.zeros((3, 3), np.float32)
        >>> heat[0, 2] = 1
        >>> Occlusion("comet", 0.93, 0.41, heat).in_words()
        'comet (0.93) rests most on the upper right: with that covered, 0.41'
        """
        said = f"{self.answer} ({self.probability:.2f})"
        if not self.heat.any():
            return f"{said} rests on no one part: covering any of them does not lower it"
        return f"{said} rests most on the {_place(self.heat)}: with that covered, {self.least:.2f}"


def occlude(model: PixelPredictor, pixels: np.ndarray) -> Occlusion:
    """Cover one square after the other, and see how far the answer falls.

    The squares have a quarter of the side, 7 by 7 of them overlap by half, and are filled with the
    median colour of the image, which is the sky in most. So 50 images go through the network.

    Parameters
    ----------
    model : PixelPredictor
        From ``load_model``.
    pixels : ndarray of uint8, shape ``(S, S, 3)``
        The image as the model takes it (``model.preprocessing.squared``).

    Returns
    -------
    Occlusion
        For the model's own answer.
    """
    whole = model.predict_pixels(pixels[None])[0]
    answer = int(np.argmax(whole))
    edges = np.linspace(0, len(pixels), _CELLS + 1).round().astype(int)
    sky = np.median(pixels.reshape(-1, 3), axis=0).astype(np.uint8)
    corners = [(row, column) for row in range(PLACES) for column in range(PLACES)]
    found: list[float] = []
    for start in range(0, len(corners), _TOGETHER):
        part = corners[start : start + _TOGETHER]
        copies = np.repeat(pixels[None], len(part), axis=0)
        for copy, (row, column) in zip(copies, part, strict=True):
            copy[edges[row] : edges[row + 2], edges[column] : edges[column + 2]] = sky
        found += model.predict_pixels(copies)[:, answer].tolist()
    falls = np.maximum(float(whole[answer]) - np.array(found), 0).reshape(PLACES, PLACES)
    return Occlusion(
        model.classes[answer], float(whole[answer]), min(found), _heat(falls, edges, len(pixels))
    )


def _heat(falls: np.ndarray, edges: np.ndarray, side: int) -> np.ndarray:
    """Means over the squares that cover each cell, enlarged to pixels."""
    sums, covers = np.zeros((2, _CELLS, _CELLS))
    for row in range(2):
        for column in range(2):
            sums[row : row + PLACES, column : column + PLACES] += falls
            covers[row : row + PLACES, column : column + PLACES] += 1
    cells = sums / covers
    cells /= max(float(cells.max()), np.finfo(float).tiny)
    # Straight lines between the middles of cells: their edges mean nothing.
    middles, at = (edges[:-1] + edges[1:]) / 2, np.arange(side) + 0.5
    rows = np.array([np.interp(at, middles, each) for each in cells])
    found: np.ndarray = np.array([np.interp(at, middles, each) for each in rows.T]).T
    return found.astype(np.float32)


def _place(heat: np.ndarray) -> str:
    """Which ninth of an image is the warmest."""
    thirds = [
        [float(part.mean()) for part in np.array_split(rows, 3, axis=1)]
        for rows in np.array_split(heat, 3, axis=0)
    ]
    row, column = np.unravel_index(int(np.argmax(thirds)), (3, 3))
    if not _ROWS[row] and not _COLUMNS[column]:
        return "middle"
    if not _COLUMNS[column]:
        return f"{_ROWS[row]} middle"
    return f"{_ROWS[row]} {_COLUMNS[column]}".strip()
