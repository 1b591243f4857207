"""A backbone cut in two: both halves together are the whole, and the second half is its own."""

from __future__ import annotations

import pytest
import timm
import torch

from cosmic_morphology.errors import SettingsError
from cosmic_morphology.learn.models.split_backbone import split_backbone

CONVOLUTIONAL = ("test_resnet", "test_efficientnet", "test_convnext", "resnet10t")


def bare(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return timm.create_model(name, pretrained=False, num_classes=0).eval()


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_both_halves_together_see_what_the_whole_sees(name):
    model, images = bare(name), torch.rand(3, 3, 64, 64)
    front, rest = split_backbone(model, 2, 64)
    with torch.inference_mode():
        seen = front(images)
        assert seen.shape == (3, torch.Size(front.shape).numel())
        assert torch.allclose(rest(seen), model(images), atol=1e-4)
        # Several looks at each image stay apart.
        views = torch.stack([seen, seen.flip(0)], 1)
        assert torch.allclose(rest(views)[:, 1], rest(seen).flip(0), atol=1e-5)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_what_the_second_half_learns_the_backbone_knows(name):
    model = bare(name)
    whole = model(torch.ones(2, 3, 64, 64)).detach()
    _, rest = split_backbone(model, 2, 64)
    learning = [p for p in rest.parameters() if p.requires_grad]
    assert {id(p) for p in learning} == {id(p) for p in model.parameters() if p.requires_grad}
    assert 0 < len(learning) < len(list(model.parameters()))
    with torch.no_grad():
        for parameter in learning:
            parameter.mul_(1.5)
    assert not torch.allclose(model(torch.ones(2, 3, 64, 64)), whole)


def test_a_transformer_says_that_it_cannot_be_cut():
    model = timm.create_model("test_vit", pretrained=False, num_classes=0, img_size=32).eval()
    with pytest.raises(SettingsError, match="cached_views = 1"):
        split_backbone(model, 2, 32)
