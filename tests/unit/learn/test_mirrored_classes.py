"""A mirrored spiral turns the other way: what augmentation and views must know."""

from __future__ import annotations

import pytest
import torch

from cosmic_morphology.learn.data.augment import apply_params, sample_params
from cosmic_morphology.learn.models.tta import tta_views
from cosmic_morphology.learn.recipes import Augmentation, load_recipe
from cosmic_morphology.learn.task import RunRequest, _fit_for_sides
from cosmic_morphology.learn.training.lightning_module import _of_mirror_images
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.taxonomy import load_taxonomy

SPIRALS = load_taxonomy("galaxy-zoo-1")


def request(classes, recipe, tmp_path) -> RunRequest:
    return RunRequest(
        table=None, job=RunJob(name="a"), recipe=recipe, learn=LearnSettings(), classes=classes,
        seed=1, folder=tmp_path, mirrors=SPIRALS.mirrors,
    )  # fmt: skip


def test_an_image_is_mirrored_when_it_is_flipped_along_one_side_only():
    """The rows of a picture that says where left and up are are followed through the changes."""
    corner = torch.zeros(1, 3, 8, 8)
    corner[..., 0, :4] = 1.0  # up, left of the middle
    corner[..., 0, 0] = 2.0
    pixels = (corner / 2).expand(64, -1, -1, -1)
    drawn = sample_params(Augmentation(flip=True), 64, torch.Generator().manual_seed(1))
    seen = apply_params(pixels, drawn, 8)
    upright = {0: seen[:, 0], 1: seen[:, 0].flip(-2).flip(-1)}
    # A picture that is not mirrored becomes the old one by a half turn, or by none.
    same = [(each - pixels[:, 0]).abs().amax((1, 2)) < 1e-3 for each in upright.values()]
    assert ((same[0] | same[1]) == ~drawn.is_mirrored).all()
    assert 0 < drawn.is_mirrored.sum() < 64


def test_rotations_alone_mirror_nothing():
    drawn = sample_params(Augmentation(rotate_deg=180), 32, torch.Generator().manual_seed(1))
    assert not drawn.is_mirrored.any()


def test_classes_and_shares_of_mirrored_images_change_sides(tmp_path):
    given = request(SPIRALS.names, load_recipe("scratch"), tmp_path)
    right, left = (SPIRALS.names.index(f"{way} spiral") for way in ("clockwise", "anticlockwise"))
    assert given.tells_sides
    other = torch.tensor(given.mirrored)
    target = torch.tensor([right, right, 0])
    chosen = torch.tensor([True, False, True])
    assert _of_mirror_images(target, chosen, other).tolist() == [left, right, 0]
    shares = torch.nn.functional.one_hot(target, len(SPIRALS.names)).float()
    assert _of_mirror_images(shares, chosen, other).argmax(1).tolist() == [left, right, 0]


def test_where_one_direction_is_no_class_of_the_run_nothing_changes(tmp_path):
    given = request(("elliptical", "clockwise spiral"), load_recipe("scratch"), tmp_path)
    assert not given.tells_sides


def test_views_that_are_averaged_are_not_mirrored():
    notes: list[str] = []
    recipe = _fit_for_sides(load_recipe("multilayer-probe"), notes)
    assert notes
    square = torch.arange(9.0).reshape(1, 1, 3, 3)
    turned = {tuple(torch.rot90(square, n, (2, 3)).flatten().tolist()) for n in range(4)}
    views = tta_views(square, recipe.tta_views, 0)
    assert len(views) == 2
    assert all(tuple(view.flatten().tolist()) in turned for view in views)


@pytest.mark.parametrize("name", ["finetune-cached", "finetune-deep"])
def test_views_that_are_kept_for_all_epochs_are_not_mirrored(name):
    recipe = load_recipe(name)
    fitted = _fit_for_sides(recipe, [])
    assert fitted.augment.flip == (recipe.augment.flip and recipe.cached_views == 1)
