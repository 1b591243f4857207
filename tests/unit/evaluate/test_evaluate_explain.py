"""Saliency: one call for convolutional nets and transformers, and a fair account of it."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from evaluate_atlas import CLASSES, add_predictions, draw, make_atlas, write_run
from PIL import Image

torch = pytest.importorskip("torch")

import timm  # noqa: E402

from cosmic_morphology.evaluate import evaluate_run  # noqa: E402
from cosmic_morphology.evaluate.saliency import saliency  # noqa: E402
from cosmic_morphology.learn.inference.model import TrainedModel, save_model  # noqa: E402
from cosmic_morphology.learn.models.network import Head, Network  # noqa: E402
from cosmic_morphology.learn.models.preprocessing import Preprocessing  # noqa: E402
from cosmic_morphology.report import write_report  # noqa: E402
from cosmic_morphology.report.saliency import explain_run, overlay  # noqa: E402
from cosmic_morphology.settings import EvaluateSettings  # noqa: E402

SIDE = 64
QUICK = EvaluateSettings(bootstrap_resamples=50, report_saliency=1, saliency_images=6)
NETS = {
    "resnet10t": {},
    "vit_tiny_patch16_224": {"img_size": SIDE},
    "swin_tiny_patch4_window7_224": {"img_size": SIDE, "window_size": 2},
}


def model_of(name, **arguments):
    torch.manual_seed(0)
    backbone = timm.create_model(name, pretrained=False, num_classes=0, **arguments)
    head = Head(backbone.num_features, len(CLASSES))
    half = (0.5, 0.5, 0.5)
    network = Network(backbone, head).eval()
    return TrainedModel("net", CLASSES, network, Preprocessing(SIDE, half, half))


@pytest.mark.parametrize("name", NETS)
def test_one_call_explains_convolutional_nets_and_transformers(name):
    model = model_of(name, **NETS[name])
    images = [draw("comet", 1), draw("star", 2)]
    found = saliency(model, images, answers=[0, 2])
    assert found.shape == (2, SIDE, SIDE)
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1
    # Another question has another answer, and the same question the same.
    assert not np.allclose(found, saliency(model, images, answers=[1, 1]))
    np.testing.assert_allclose(found, saliency(model, images, answers=[0, 2]), atol=1e-5)


def test_behind_a_pooled_linear_head_the_maps_are_the_weighted_features():
    # For such a net Grad-CAM is CAM (Zhou et al. 2016), which needs no gradients at all.
    model = model_of("resnet10t")
    image = draw("comet", 1)
    (found,) = saliency(model, [image], answers=[2])
    pixels = torch.tensor(model.preprocessing.pixels(image)[None]).permute(0, 3, 1, 2)
    with torch.no_grad():
        features = model.network.backbone.forward_features(model.preprocessing.normalised(pixels))
        weights = model.network.head.layers[-1].weight[2]
        cam = torch.einsum("c,nchw->nhw", weights, features).relu()[None]
        cam = torch.nn.functional.interpolate(
            (cam - cam.min()) / (cam.max() - cam.min()), size=(SIDE, SIDE), mode="bilinear"
        )[0, 0]
    assert cam.std() > 0.05
    expected = (cam - cam.min()) / (cam.max() - cam.min())
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_frozen_backbone_can_be_explained_and_stays_frozen():
    model = model_of("resnet10t")
    model.network.requires_grad_(requires_grad=False)
    before = model.fingerprint()
    assert saliency(model, [draw("comet", 1)]).max() > 0
    assert model.fingerprint() == before
    assert all(p.grad is None for p in model.network.parameters())


def test_saliency_lies_where_the_evidence_is():
    """A net whose only evidence is light in the upper left looks there."""

    class Light(torch.nn.Module):
        num_features = 1

        def __init__(self):
            super().__init__()
            self.light = torch.nn.AvgPool2d(8)

        def forward(self, pixels):
            return self.light(pixels).mean((1, 2, 3), keepdim=False)[:, None]

    light = Light()
    light.feature_info = [{"module": "light"}]
    head = Head(1, 2)
    with torch.no_grad():
        head.layers[-1].weight[:] = torch.tensor([[1.0], [-1.0]])
    half = (0.5, 0.5, 0.5)
    model = TrainedModel(
        "l", ("light", "dark"), Network(light, head), Preprocessing(64, half, half)
    )

    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:24, :24] = 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95)
    (heat,) = saliency(model, [out.getvalue()], answers=[0])
    assert heat[:24, :24].sum() > 0.8 * heat.sum()


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    out = tmp_path_factory.mktemp("explain")
    atlas = make_atlas(out / "atlas", per_class=9)
    add_predictions(atlas, "net", wrong=0.5)
    model = model_of("resnet10t")
    folder = write_run(out, "net")
    save_model(model, folder)
    return atlas, model, out, folder


def test_right_and_wrong_answers_are_shown_and_the_shares_add_up(explained):
    atlas, model, _, _ = explained
    evaluation = evaluate_run(atlas, "net", classes=CLASSES, settings=QUICK)
    found = explain_run(atlas, evaluation, model, settings=QUICK)
    kinds = {each.right == each.answer for each in found.seen}
    assert kinds == {True, False}
    assert all(each.heat.startswith("data:image/jpeg") for each in found.seen)
    assert found.on_target.n == 6
    assert 0 <= found.on_target.value <= 1
    assert found.border_area == pytest.approx(1 - 0.84**2, abs=0.03)
    low, high = found.on_border.interval
    assert low <= found.on_border.value <= high


def test_the_report_shows_where_the_run_looks(explained):
    atlas, _, out, folder = explained
    (folder / "FINISHED").write_text("key\n")
    settings = (folder / "settings.json").read_text()
    head = '{"head": {"n_features": 512}, "timm_kwargs": {}, '
    (folder / "settings.json").write_text(head + settings.lstrip("{"))
    text = write_report(atlas, out=out, runs=[folder], settings=QUICK).read_text("utf-8")
    assert re.findall("Not shown, .*", text) == []
    assert "Grad-CAM" in text
    assert re.search(r"the parts that speak for \w+ in colour", text)


def test_without_weights_the_report_says_why_nothing_is_explained(explained):
    atlas, _, out, folder = explained
    (folder / "weights.safetensors").unlink()
    text = write_report(atlas, out=out, runs=[folder], settings=QUICK).read_text("utf-8")
    assert "Grad-CAM" not in text
    assert "the weights of" in text


def test_heat_is_laid_over_a_grey_image():
    pixels = np.full((4, 4, 3), 100, np.uint8)
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    shown = overlay(pixels, heat)
    assert len(set(shown[3, 3].tolist())) == 1
    assert shown[0, 0, 0] > shown[0, 0, 2]
