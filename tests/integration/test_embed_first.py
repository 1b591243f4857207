"""Embedding before the search for copies: where it costs no download, and never by the network."""

from __future__ import annotations

import json
import shutil
import socket
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from cosmic_morphology import cli
from cosmic_morphology.atlas import Atlas
from cosmic_morphology.learn.models import at_hand
from cosmic_morphology.learn.models.backbones import bare_model

BACKBONE = "resnet10t"
COLUMN = f"embedding_{BACKBONE}"
HUB_FOLDER = f"models--timm--{BACKBONE}.c3_in1k"
WITHOUT = "not looked for without embeddings"
SETTINGS = f"""
train = []
out = "out"
[learn]
backbone = "{BACKBONE}"
image_size_px = 32
threads = 1
accelerator = "cpu"
[evaluate]
bootstrap_resamples = 50
[[sources]]
type = "folder"
path = "sky"
name = "sky"
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of images with settings; no name is looked up and nobody is connected to."""

    def refused(*asked, **_):
        pytest.fail(f"the network was asked: {asked}")

    monkeypatch.chdir(tmp_path)
    for name in ("HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    random = np.random.default_rng(5)
    for kind in ("comet", "galaxy"):
        (tmp_path / "sky" / kind).mkdir(parents=True)
        for number in range(12):
            pixels = random.integers(0, 255, (12, 16, 3), dtype=np.uint8)
            image = Image.fromarray(pixels).resize((96, 72))
            image.save(tmp_path / "sky" / kind / f"{number}.jpg")
    (tmp_path / "cosmic.toml").write_text(SETTINGS)
    return tmp_path


@pytest.fixture
def cosmic(place, monkeypatch, capsys):
    """What a command line prints as JSON."""

    def call(words):
        given = [*words.split(), "--config", "cosmic.toml", "--atlas", "atlas", "--json"]
        monkeypatch.setattr(sys, "argv", ["cosmic", *given])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert not ended.value.code, said.err
        return json.loads(said.out)

    return call


@pytest.fixture
def downloaded(place):
    """The weights of an earlier download, as the hub's client leaves them."""
    snapshot = place / "hub" / HUB_FOLDER / "snapshots" / "0f"
    snapshot.mkdir(parents=True)
    refs = place / "hub" / HUB_FOLDER / "refs"
    refs.mkdir()
    (refs / "main").write_text("0f")
    tensors = {
        **bare_model(BACKBONE, {}).state_dict(),
        "fc.weight": torch.zeros(1000, 512),
        "fc.bias": torch.zeros(1000),
    }
    save_file(tensors, snapshot / "model.safetensors")


def without_torch(monkeypatch):
    find = at_hand.find_spec
    monkeypatch.setattr(at_hand, "find_spec", lambda name: None if name == "torch" else find(name))


def proof_of(cosmic):
    cosmic("split")
    return cosmic("split")["certificate"]


def test_with_torch_and_weights_on_this_machine_curate_embeds_first(place, cosmic, downloaded):
    cosmic("import sky --name sky")
    done = cosmic("curate")
    assert done["embeddings"] == {"column": COLUMN, "filled": 24, "without": ""}
    assert COLUMN in Atlas.open(place / "atlas").columns()
    proof = proof_of(cosmic)
    assert any(COLUMN in each for each in proof["searched"])
    assert not any(WITHOUT in each for each in proof["not_looked_for"])
    assert cosmic("curate")["embeddings"]["filled"] == 0


@pytest.mark.parametrize(
    ("missing", "words", "why"),
    [
        ("weights", "curate", f"the weights of {BACKBONE} are not on this machine"),
        ("its weights, not those of others", "curate", f"the weights of {BACKBONE} are not on"),
        ("torch", "curate", "torch is not installed"),
        ("nothing", "curate --no-embed", "embedding first was turned off"),
    ],
)
def test_otherwise_curate_goes_on_without_and_says_so(
    place, cosmic, downloaded, monkeypatch, missing, words, why
):
    if missing == "torch":
        without_torch(monkeypatch)
    elif missing != "nothing":
        cached = place / "hub" / HUB_FOLDER
        shutil.move(cached, place / "hub" / "models--timm--resnet18.a1_in1k")
        if missing == "weights":
            shutil.rmtree(place / "hub")
    cosmic("import sky --name sky")
    done = cosmic(words)
    assert done["embeddings"]["column"] == ""
    assert done["embeddings"]["filled"] == 0
    assert why in done["embeddings"]["without"]
    assert not any(name.startswith("embedding_") for name in Atlas.open(place / "atlas").columns())
    assert any(WITHOUT in each for each in proof_of(cosmic)["not_looked_for"])


@pytest.mark.parametrize(
    ("weights", "why"),
    [("random", "random weights"), ("none.safetensors", "there is no file none.safetensors")],
)
def test_weights_that_see_nothing_or_are_not_there_are_said(
    place, cosmic, monkeypatch, weights, why
):
    monkeypatch.setenv("COSMIC_LEARN__WEIGHTS", weights)
    cosmic("import sky --name sky")
    assert why in cosmic("curate")["embeddings"]["without"]


def test_run_embeds_first_says_it_and_can_be_told_not_to(place, cosmic, downloaded):
    turned_off = cosmic("run --no-embed")
    proof = place / "out" / "certificate.json"
    page = place / "out" / "report" / "index.html"
    assert turned_off["embeddings"] == "none: embedding first was turned off"
    assert any(WITHOUT in each for each in turned_off["not_looked_for"])
    assert WITHOUT in proof.read_text()
    assert WITHOUT in page.read_text()
    embedded = cosmic("run")
    assert embedded["embeddings"] == COLUMN
    assert not any(WITHOUT in each for each in embedded["not_looked_for"])
    assert WITHOUT not in proof.read_text()


def test_run_goes_on_without_weights_and_says_so(place, cosmic):
    done = cosmic("run")
    assert done["embeddings"] == f"none: the weights of {BACKBONE} are not on this machine"
    assert any(WITHOUT in each for each in done["not_looked_for"])
