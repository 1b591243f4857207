"""Frozen networks by ONNX Runtime: what torch sees, from a cache that nothing can spoil."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_sky import LEARN, drawn

from cosmic_morphology.learn.data.embedder import Embedder, FrozenBackbone
from cosmic_morphology.learn.models import frozen_cache
from cosmic_morphology.learn.models.backbones import build_backbone
from cosmic_morphology.learn.models.frozen_cache import (
    FrozenNetwork,
    cache_folder,
    difference,
    key_of,
)
from cosmic_morphology.learn.models.split_backbone import split_backbone

NEAR = 1e-4
IMAGES = [drawn((200, 40 * n, 255 - 40 * n), n) for n in range(7)]
# Small nets of the presets' architectures, with random weights, some with their middle stages.
NETS = (
    ("test_resnet", 32, False),
    ("test_efficientnet", 45, True),
    ("test_convnext", 64, True),
    ("test_vit", 160, True),
    # Its padding depends on the size, as that of B4 does.
    ("tf_mobilenetv3_small_minimal_100", 45, False),
)
NO_AUTOCAST = LEARN.model_copy(update={"runtime": "torch"})


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def seen_by_torch(backbone, thumbnails) -> np.ndarray:
    """In float32, without what the machine is faster in."""
    pixels = np.stack([backbone.preprocessing.pixels(each) for each in thumbnails])
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    with torch.inference_mode():
        return backbone.model(backbone.preprocessing.normalised(batch)).numpy()


@pytest.mark.parametrize(("name", "size_px", "levels"), NETS)
def test_vectors_are_those_of_torch(name, size_px, levels):
    learn = LEARN.model_copy(update={"backbone": name, "image_size_px": size_px, "threads": 2})
    backbone = build_backbone(learn, levels=levels)
    see = Embedder(backbone, learn)
    found, readable = see([*IMAGES, b"no image"])
    assert see.frozen.session is not None, see.frozen.why_torch
    assert readable.tolist() == [True] * len(IMAGES) + [False]
    assert not found[-1].any()
    wanted = seen_by_torch(backbone, IMAGES)
    assert wanted.any()
    assert difference(found[:-1], wanted) < NEAR
    # Stored as float16: at most one step apart.
    stored, theirs = found[:-1].astype(np.float16), wanted.astype(np.float16)
    assert (
        np.abs(stored - theirs)
        <= np.maximum(np.spacing(np.abs(theirs)), NEAR * np.abs(theirs).max())
    ).all()


def test_the_first_half_of_a_net_that_learns_is_exported_too():
    learn = LEARN.model_copy(update={"backbone": "resnet10t"})
    whole = build_backbone(learn)
    pixels = torch.rand(5, 3, 32, 32)
    for stages in (1, 2):
        front, _ = split_backbone(whole.model, stages, 32)
        half = replace(whole, model=front)
        see = FrozenBackbone(half, learn)
        found = see(pixels)
        assert see.session is not None, see.frozen.why_torch
        with torch.inference_mode():
            wanted = front(whole.preprocessing.normalised(pixels)).numpy()
        assert found.shape == wanted.shape
        assert difference(found, wanted) < NEAR


def test_a_net_is_exported_once(monkeypatch):
    exported = counting(monkeypatch)
    for _ in range(2):
        Embedder(build_backbone(LEARN), LEARN)(IMAGES)
    assert len(exported) == 1


def counting(monkeypatch) -> list[str]:
    calls: list[str] = []
    make = frozen_cache.export
    monkeypatch.setattr(frozen_cache, "export", lambda *given: calls.append("") or make(*given))
    return calls


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied"])
def test_a_damaged_file_is_made_again(monkeypatch, damage):
    first, _ = Embedder(build_backbone(LEARN), LEARN)(IMAGES)
    (file,) = cache_folder().glob("*.onnx")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes({"cut": data[:-100], "changed": data, "emptied": b""}[damage])
    exported = counting(monkeypatch)
    again, _ = Embedder(build_backbone(LEARN), LEARN)(IMAGES)
    assert exported
    assert np.array_equal(first, again)
    assert len([*cache_folder().glob("*.onnx")]) == 1


def test_whatever_decides_over_answers_is_in_the_key():
    backbone = build_backbone(LEARN)
    made_of = {"name": backbone.name, "arguments": {}}
    how = backbone.preprocessing
    keys = {key_of(backbone.model, how, made_of)}
    assert keys == {key_of(build_backbone(LEARN).model, how, made_of)}
    others = [
        (backbone.model, replace(how, size_px=64), made_of),
        (backbone.model, replace(how, mean=(0.1, 0.2, 0.3)), made_of),
        (backbone.model, how, {**made_of, "arguments": {"output_stride": 8}}),
        (build_backbone(LEARN, levels=True).model, how, made_of),
        *((split_backbone(build_backbone(LEARN).model, n, 32)[0], how, made_of) for n in (1, 2)),
    ]
    changed = build_backbone(LEARN).model
    with torch.no_grad():
        next(changed.parameters()).view(-1)[0] += 1e-3
    others.append((changed, how, made_of))
    buffered = build_backbone(LEARN).model
    next(buffered.buffers()).add_(1e-3)
    others.append((buffered, how, made_of))
    keys |= {key_of(*each) for each in others}
    assert len(keys) == 1 + len(others)


def test_processes_and_threads_share_the_cache(tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from training_sky import LEARN, drawn\n"
        "from cosmic_morphology.learn.data.embedder import Embedder\n"
        "from cosmic_morphology.learn.models.backbones import build_backbone\n"
        "see = Embedder(build_backbone(LEARN), LEARN)\n"
        "print(see([drawn((9, 99, 199), 1)])[0].sum(), see.frozen.why_torch)\n"
    )
    tools = str(Path(sys.modules["training_sky"].__file__).parent)
    others = [
        subprocess.Popen([sys.executable, "-c", script, tools], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    found = []
    # Made before: random weights are drawn by one generator for all threads.
    backbone = build_backbone(LEARN)

    def look():
        found.append(Embedder(backbone, LEARN)([drawn((9, 99, 199), 1)])[0].sum())

    threads = [threading.Thread(target=look) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    said = {other.communicate()[0].strip() for other in others}
    assert said == {str(found[0])}
    assert found[0] == found[1]
    assert len([*cache_folder().glob("*.onnx")]) == 1


def test_few_graphs_are_kept(monkeypatch):
    monkeypatch.setattr(frozen_cache, "_KEPT", 2)
    cache_folder().mkdir(parents=True)
    for number in range(4):
        frozen_cache.keep(f"{number:032x}", bytes([number]))
        path = next(cache_folder().glob(f"{number:032x}-*"))
        os.utime(path, (number, number))
    assert frozen_cache.cached(f"{0:032x}") is None
    assert frozen_cache.cached(f"{3:032x}") == bytes([3])
    assert len([*cache_folder().glob("*.onnx")]) == 2


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_without_the_packages_torch_does_it_and_says_why(monkeypatch, caplog, package):
    monkeypatch.setattr(frozen_cache, "_is_installed", lambda name: name != package)
    see = Embedder(build_backbone(LEARN), LEARN)
    found, _ = see(IMAGES)
    assert f"{package!r} is not installed" in caplog.text
    assert found.any()
    assert see.frozen.session is None


class Singular(torch.nn.Module):
    """A net with an operator that ONNX has no counterpart of."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.linalg.svdvals(pixels.mean(1))


class Moody(torch.nn.Module):
    """A net that a trace does not catch: it looks at its pixels before it decides."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        flat = pixels.flatten(1)
        return flat * (2 if len(pixels) == 1 or flat.requires_grad else torch.rand(1).item())


@pytest.mark.parametrize("net", [Singular(), Moody()])
def test_what_cannot_be_exported_rightly_is_left_to_torch(net, caplog):
    how = build_backbone(LEARN).preprocessing
    with caplog.at_level(logging.WARNING):
        frozen = FrozenNetwork(net, how, {"name": "odd"}, LEARN, torch.device("cpu"))
        assert frozen.session is None
    assert frozen.why_torch
    assert "torch runs odd" in caplog.text
    assert not [*cache_folder().glob("*.onnx")]


def test_the_settings_choose():
    net, how = torch.nn.Identity(), build_backbone(LEARN).preprocessing
    for runtime, device, word in (
        ("torch", "cpu", "settings"),
        ("auto", "meta", "meta"),
        ("auto", "cpu", ""),
        ("onnx", "meta", ""),
    ):
        learn = LEARN.model_copy(update={"runtime": runtime})
        frozen = FrozenNetwork(net, how, {"name": "x"}, learn, torch.device(device))
        assert word in frozen.why_torch
        assert bool(frozen.why_torch) == bool(word)


def test_a_cache_that_cannot_be_written_costs_time_only(monkeypatch, tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    see = Embedder(build_backbone(LEARN), LEARN)
    assert see(IMAGES)[0].any()
    assert see.frozen.session is not None
    assert "cannot be kept" in caplog.text
