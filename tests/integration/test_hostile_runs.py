"""A stranger's run folder: it runs no code, asks no server, and ends in one line at most."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from training_sky import LEARN, SEED, TAXONOMY
from training_tools import coloured_atlas, drawn

from cosmic_morphology.errors import CosmicError, InputError, SettingsError
from cosmic_morphology.learn import images_of_run, load_trained_model, read_run, train
from cosmic_morphology.learn.export.model_card import write_card
from cosmic_morphology.learn.models.backbones import bare_model
from cosmic_morphology.learn.run_folder.folder import find_run
from cosmic_morphology.learn.training.loop import _check
from cosmic_morphology.settings import RunJob

FILES = ("settings.json", "classes.json", "preprocessing.json", "metrics.json", "atlas.json",
         "environment.json")  # fmt: skip
CPU = LEARN.model_copy(update={"accelerator": "cpu"})


@pytest.fixture(scope="module")
def honest(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("honest")
    job = RunJob(name="honest", recipe="linear-probe")
    run = train(
        coloured_atlas(place / "atlas"), job, learn=LEARN, taxonomy=TAXONOMY, seed=SEED, out=place
    )
    return run.path


@pytest.fixture
def copy(honest, tmp_path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "stranger"))


@pytest.fixture
def no_network(monkeypatch):
    asked = []

    def refuse(*what, **_):
        asked.append(what)
        raise OSError("this test has no network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    yield asked
    assert asked == []


def say(folder: Path, file: str, **changes) -> None:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def one_line(error: CosmicError) -> bool:
    return "\n" not in str(error) and 0 < len(str(error)) < 2000


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_a_checkpoint_of_a_stranger_runs_no_code(tmp_path, name):
    marker = tmp_path / "owned"
    torch.save({"state_dict": {}, "epoch": 0, "callbacks": Bomb(marker)}, tmp_path / name)
    with pytest.raises(InputError, match="cannot be gone on from") as told:
        _check(tmp_path / name)
    assert one_line(told.value)
    assert not marker.exists()
    # The bomb is a real one: without the allow-list it goes off.
    torch.load(tmp_path / name, weights_only=False)
    assert marker.is_dir()


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_training_goes_on_from_no_checkpoint_that_holds_code(tmp_path, name, monkeypatch):
    from cosmic_morphology.learn.recipes import load_recipe
    from cosmic_morphology.learn.training import loop

    marker = tmp_path / "owned"
    atlas = coloured_atlas(tmp_path / "atlas")
    recipe = tmp_path / "quick.toml"
    recipe.write_text('extends = "finetune"\nepochs = 1\npatience = 0\nbatch_size = 6\n')
    load_recipe(str(recipe))
    real = loop._fit_once

    def planted(*given):
        folder = next(each for each in given if isinstance(each, Path))
        folder.mkdir(parents=True, exist_ok=True)
        torch.save({"state_dict": {}, "epoch": 0, "callbacks": Bomb(marker)}, folder / name)
        return real(*given)

    monkeypatch.setattr(loop, "_fit_once", planted)
    job = RunJob(name="tuned", recipe=str(recipe))
    go = {"learn": LEARN, "taxonomy": TAXONOMY, "seed": SEED, "out": tmp_path}
    if name == "last.ckpt":
        with pytest.raises(InputError, match="Delete the folder"):
            train(atlas, job, **go)
    else:  # is written over by this run's own best
        train(atlas, job, **go)
    assert not marker.exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x80\x04.", b"x" * 1000])
def test_a_damaged_checkpoint_is_one_line(tmp_path, data):
    (tmp_path / "last.ckpt").write_bytes(data)
    with pytest.raises(InputError, match="begins again"):
        _check(tmp_path / "last.ckpt")


def test_an_honest_run_loads_without_a_network(copy, no_network):
    assert np.isfinite(load_trained_model(copy, learn=CPU).predict([drawn("comet", 1)])).all()


@pytest.mark.parametrize(
    "backbone",
    [
        *("hf-hub:timm/resnet10t.c3_in1k", "hf_hub:a/b", "HF-HUB:a/b", "timm/resnet10t"),
        *("local-dir:.", "https://example.org/m", "../resnet10t", "resnet10t\n", "no_such_net", ""),
        *("resnet10t.", "open_clip:ViT", "resnet10t.a.b", "x" * 10_000, "rés", "\x00", "`"),
    ],
)
def test_no_name_of_a_backbone_asks_the_hub_or_reads_a_folder(copy, no_network, backbone):
    say(copy, "settings.json", backbone=backbone)
    with pytest.raises(InputError) as told:
        load_trained_model(copy, learn=CPU)
    assert one_line(told.value)
    with pytest.raises(SettingsError):
        bare_model(backbone, {})


@pytest.mark.parametrize(
    "arguments",
    [
        {"checkpoint_path": "/etc/passwd"},
        {"checkpoint_path": "https://example.org/w.pt"},
        {"pretrained": True},
        {"pretrained_cfg": {"url": "https://example.org/w.pt"}},
        {"pretrained_cfg_overlay": {"file": "x"}},
        {"pretrained_cfg": "a1_in1k"},
        {"pretrained_anything": 1},
        {"cache_dir": "elsewhere"},
        {"scriptable": True},
        {"features_only": True},
        {"num_classes": 3},
        {"model_name": "resnet50"},
        {"stem_width": 10**9},
        {"layers": [10**6]},
        {"layers": [1] * 100},
        {"layers": [[1]]},
        {"stem_width": float("nan")},
        {"stem_width": -4},
        {"stem_width": 0},
        {"layers": "abc"},
        {"no_such": 1},
        {"": 1},
        {"block": "os.system"},
        {"act_layer": "../x"},
        {"output_stride": 7},
    ],
)
def test_no_argument_loads_a_file_or_swells(copy, no_network, arguments):
    say(copy, "settings.json", timm_kwargs=arguments)
    with pytest.raises(CosmicError) as told:
        load_trained_model(copy, learn=CPU)
    assert one_line(told.value)


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("preprocessing.json", {"size_px": 10**9}),
        ("preprocessing.json", {"size_px": -1}),
        ("preprocessing.json", {"size_px": 0}),
        ("preprocessing.json", {"size_px": float("nan")}),
        ("preprocessing.json", {"size_px": True}),
        ("preprocessing.json", {"size_px": "32"}),
        ("preprocessing.json", {"mean": [1, 2]}),
        ("preprocessing.json", {"mean": [1e999, 0, 0]}),
        ("preprocessing.json", {"std": [0, 1, 1]}),
        ("preprocessing.json", {"interpolation": "magic"}),
        ("preprocessing.json", {"temperature": 0}),
        ("preprocessing.json", {"temperature": -1.0}),
        ("preprocessing.json", {"reject_below": 2}),
        ("preprocessing.json", {"views": 10**6}),
        ("preprocessing.json", {"views": 0}),
        ("preprocessing.json", {"crops": 6}),
        ("preprocessing.json", {"embedding": {"backbone": "a` OR 1=1 --"}}),
        ("preprocessing.json", {"embedding": [1]}),
        ("classes.json", {"classes": ["comet", "comet", "nebula"]}),
        ("classes.json", {"classes": ["comet"]}),
        ("classes.json", {"classes": ["a", "b", "c", "d"]}),
        ("classes.json", {"classes": []}),
        ("classes.json", {"classes": "abc"}),
        ("classes.json", {"classes": [1, 2, 3]}),
        ("classes.json", {"classes": ["a", "b", "\ud800"]}),
        ("classes.json", {"classes": ["a", "b", ""]}),
        ("settings.json", {"name": "a` IS NULL OR `b"}),
        ("settings.json", {"name": "../../x"}),
        ("settings.json", {"name": 5}),
        ("settings.json", {"head": None}),
        ("settings.json", {"head": {"n_features": 10**9}}),
        ("settings.json", {"head": {"n_features": 999_999}}),
        ("settings.json", {"head": {"n_features": 512, "kind": "mlp", "hidden": 10**6}}),
        ("settings.json", {"head": {"n_features": -1}}),
        ("settings.json", {"levels": True}),
        ("settings.json", {"format_version": 10**7}),
        ("settings.json", {"format_version": "x"}),
        ("metrics.json", {"notes": 5}),
        ("metrics.json", {"notes": [[]]}),
        ("metrics.json", {"reject_below": "high"}),
        ("metrics.json", {"n_by_class": {"train": 3}}),
    ],
)
def test_what_cannot_be_is_one_line(copy, no_network, file, changes):
    say(copy, file, **changes)
    with pytest.raises(CosmicError) as told:
        load_trained_model(copy, learn=CPU)
    assert one_line(told.value)


@pytest.mark.parametrize("file", FILES[:4])
@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"null", b"5", b'"x"', b"{", b"\xff\xfe", b"[" * 200_000, b'{"a":' * 200_000,
     b'{"size_px": ' + b"9" * 5000 + b"}", b"{}"],
    ids=lambda data: ascii(data[:8]),
)  # fmt: skip
def test_a_file_that_is_no_object_is_one_line(copy, file, data):
    if file == "metrics.json" and data == b"{}":
        pytest.skip("a run may have no metrics")
    (copy / file).write_bytes(data)
    for read in (read_run, load_trained_model):
        with pytest.raises(InputError) as told:
            read(copy)
        assert one_line(told.value)


def test_files_that_are_missing_huge_or_no_files_are_one_line(copy):
    for file in (*FILES[:4], "weights.safetensors"):
        kept = (copy / file).read_bytes()
        (copy / file).unlink()
        with pytest.raises(InputError):
            load_trained_model(copy, learn=CPU)
        os.mkfifo(copy / file)
        with pytest.raises(InputError):
            load_trained_model(copy, learn=CPU)
        (copy / file).unlink()
        (copy / file).symlink_to("/dev/zero")
        with pytest.raises(InputError):
            load_trained_model(copy, learn=CPU)
        (copy / file).unlink()
        with (copy / file).open("wb") as large:
            large.truncate(2**40)
        with pytest.raises(InputError):
            load_trained_model(copy, learn=CPU)
        (copy / file).unlink()
        (copy / file).write_bytes(kept)
    load_trained_model(copy, learn=CPU)


def test_weights_that_do_not_fit_are_one_line(copy):
    path = copy / "weights.safetensors"
    # Copies: what is loaded is mapped from the file, which is overwritten below.
    tensors = {key: value.clone() for key, value in load_file(path).items()}
    kept = path.read_bytes()
    name = next(key for key, value in tensors.items() if value.is_floating_point())
    for data in (b"", kept[:7], kept[:100], kept[:-1], kept + b"x", b"\xff" * 64,
                 (2**60).to_bytes(8, "little") + b"{}"):  # fmt: skip
        path.write_bytes(data)
        with pytest.raises(InputError) as told:
            load_trained_model(copy, learn=CPU)
        assert one_line(told.value)
    for changed in (
        {},
        {name: tensors[name]},
        tensors | {"more": torch.zeros(1)},
        tensors | {name: torch.zeros(3)},
        tensors | {name: torch.full_like(tensors[name], float("nan"))},
    ):
        save_file(changed, path)
        with pytest.raises(InputError) as told:
            load_trained_model(copy, learn=CPU)
        assert one_line(told.value)


def test_an_address_in_a_run_is_opened_only_if_it_is_our_own_atlas(copy, no_network):
    for uri in ("s3://evil/atlas", "https://example.org/a.parquet", "gs://b", "ftp://x/y.parquet"):
        say(copy, "atlas.json", uri=uri)
        assert images_of_run(copy, storage_options={"aws_secret_access_key": "x"}) is None
    say(copy, "atlas.json", uri="/no/such/place")
    assert images_of_run(copy) is None


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([10**9, -1, 0, "`", "\ud800", "nan", 2**70]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


def places_in(value, at=()):
    """Every place of a JSON value: the keys and positions that lead to it."""
    yield at
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value if isinstance(value, list) else ())
    )
    for key, each in inner:
        yield from places_in(each, (*at, key))


def with_value(value, at, new):
    if not at:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[at[0]] = with_value(value[at[0]], at[1:], new)
    return changed


def use_in_every_way(folder: Path) -> bool:
    """Whether all that reads a run's folder took it; what it refuses has to be one line."""
    told = []
    for use in (read_run, load_trained_model, write_card, images_of_run):
        try:
            use(folder)
        except CosmicError as error:
            told.append(error)
    assert all(map(one_line, told))
    return not told


def fuzz(honest: Path, folder: Path, draw) -> None:
    file = draw(st.sampled_from(FILES))
    kept = (honest / file).read_bytes()
    said = json.loads(kept)
    place = draw(st.sampled_from(sorted(places_in(said), key=str)))
    (folder / file).write_text(json.dumps(with_value(said, place, draw(ANY))))
    try:
        use_in_every_way(folder)
    finally:
        (folder / file).write_bytes(kept)


def fuzzed(honest: Path, tmp_path: Path, examples: int) -> None:
    folder = Path(shutil.copytree(honest, tmp_path / "fuzzed"))
    assert use_in_every_way(folder)

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def any_value_in_any_place(data):
        fuzz(honest, folder, data.draw)

    any_value_in_any_place()


def test_any_value_in_any_place_of_any_file_is_one_line_or_taken(honest, tmp_path, no_network):
    fuzzed(honest, tmp_path, 40)


@pytest.mark.long
def test_any_value_in_any_place_of_any_file_at_length(honest, tmp_path, no_network):
    fuzzed(honest, tmp_path, 3000)


def test_a_runs_files_are_checked_without_torch(honest):
    script = (
        "import sys; from pathlib import Path; from cosmic_morphology.learn import find_run\n"
        "from cosmic_morphology.learn.run_folder.folder import read_run\n"
        "run = Path(sys.argv[1])\nassert find_run(run, out=run).name == read_run(run).name\n"
        "assert not {'torch', 'timm', 'lightning'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(honest)], check=True)


def test_a_run_is_found_by_name_or_folder_and_what_is_there_is_said(honest, monkeypatch, tmp_path):
    out = honest.parent.parent
    assert find_run("honest", out=out).path == honest
    assert find_run(honest, out=tmp_path).path == honest
    with pytest.raises(InputError, match=r"There are: honest\."):
        find_run("another", out=out)
    for wrong in ("no/such/folder", str(tmp_path), "a b", ""):
        with pytest.raises(InputError):
            find_run(wrong, out=out)
