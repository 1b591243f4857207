"""What an answer rests on is found by covering it, of any model that answers from pixels."""

from __future__ import annotations

import numpy as np
import pytest

from cosmic_morphology.learn.inference.occlusion import PLACES, occlude

SIDE = 64
SPOTS = {
    "upper left": (8, 8),
    "upper middle": (8, 32),
    "middle": (32, 32),
    "right": (32, 56),
    "lower left": (56, 8),
}


class SpotModel:
    """Says comet as far as there is light at one place."""

    classes = ("comet", "star")

    def __init__(self, row: int, column: int) -> None:
        self.at = np.s_[:, row - 4 : row + 4, column - 4 : column + 4]
        self.images = 0

    def predict_pixels(self, pixels: np.ndarray) -> np.ndarray:
        self.images += len(pixels)
        light = pixels[self.at].mean((1, 2, 3)) / 255
        return np.stack([light, 1 - light], axis=1).astype(np.float32)


def sky(*spots: tuple[int, int]) -> np.ndarray:
    pixels = np.full((SIDE, SIDE, 3), 20, np.uint8)
    for row, column in spots:
        pixels[row - 4 : row + 4, column - 4 : column + 4] = 230
    return pixels


@pytest.mark.parametrize("words", SPOTS)
def test_the_heat_lies_where_the_model_looks_and_not_where_something_else_is_bright(words):
    row, column = SPOTS[words]
    model = SpotModel(row, column)
    given = sky(*SPOTS.values())
    found = occlude(model, given)
    assert (given == sky(*SPOTS.values())).all()
    assert found.answer == "comet"
    assert found.least < 0.1
    assert found.probability > 0.85
    top, left = np.unravel_index(found.heat.argmax(), found.heat.shape)
    assert abs(top - row) <= SIDE // 8
    assert abs(left - column) <= SIDE // 8
    assert found.heat.max() == pytest.approx(1, abs=0.05)
    assert found.heat.min() == 0
    assert f"rests most on the {words}: " in found.in_words()
    assert model.images == PLACES**2 + 1


def test_an_answer_that_rests_on_nothing_says_so():
    found = occlude(SpotModel(8, 8), sky())
    assert found.answer == "star"
    assert not found.heat.any()
    assert "rests on no one part" in found.in_words()


@pytest.mark.parametrize("side", [24, 65, 100])
def test_a_map_is_as_large_as_the_image(side):
    given = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    assert occlude(SpotModel(8, 8), given).heat.shape == (side, side)
