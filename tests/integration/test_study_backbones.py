"""Backbones of a hub's cache that the test makes: folds, rows, differences, and what is missing."""

from __future__ import annotations

import csv
import json
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from study_atlas import fill, write_study
from training_sky import drawn

from cosmic_morphology import cli
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.learn.models.backbones import bare_model
from cosmic_morphology.learn.models.presets import PRESETS
from cosmic_morphology.learn.models.weights import hash_of_file
from cosmic_morphology.settings import load_settings
from cosmic_morphology.studies import run_study
from cosmic_morphology.studies.train_head import train_and_predict

COLOURS = ((220, 60, 40), (60, 200, 80), (70, 90, 230))
GROUPS, COPIES = 10, 2
IN_ALL = 3 * 8 * COPIES  # train and val; the fifth group of each class is for the test
TEXT = '[learn]\nbackbone = "{}"\nweights = "{}"\nthreads = 1\n[study.backbones]\nfolds = 3\n'
VIT, CONVNEXT = "test_vit.r160_in1k", "test_convnext.r160_in1k"


def coloured(at: int) -> bytes:
    """Each class has a colour."""
    return drawn(COLOURS[at // (GROUPS * COPIES)], at)


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    place = tmp_path_factory.mktemp("study") / "atlas"
    return fill(place, coloured, groups=GROUPS, copies=COPIES, rendered=0)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache of the model hub, and no network."""
    folder = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was asked"))
    folder.mkdir()
    return folder


def into_cache(hub: Path, name: str, *, seed: int = 0) -> Path:
    """Random weights of a small net, as the hub's client leaves those that it has fetched."""
    place = hub / f"models--timm--{name}"
    (place / "snapshots" / "0f").mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0f")
    return to_file(place / "snapshots" / "0f" / "model.safetensors", name, seed=seed)


def to_file(path: Path, name: str, *, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    save_file(bare_model(name, {}).state_dict(), path)
    return path


def study(tmp_path, atlas, backbone: str = VIT, weights: str = "pretrained"):
    return load_settings(write_study(tmp_path, atlas, TEXT.format(backbone, weights)))


def rows_of(path: Path, **wanted: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [
            row
            for row in csv.DictReader(file)
            if all(row[key] == value for key, value in wanted.items())
        ]


def test_every_backbone_of_the_cache_gets_rows_and_a_difference_to_the_default(
    hub, atlas, tmp_path
):
    files = {name: into_cache(hub, name) for name in (CONVNEXT, VIT)}
    own = to_file(tmp_path / "mine.safetensors", "test_resnet")
    before = atlas.version
    done = run_study("backbones", study(tmp_path, atlas), weights=[("test_resnet", str(own))])
    assert done.new_cells == done.cells == 3 * 3 * 2
    assert atlas.version == before
    hashes = {name: hash_of_file(file) for name, file in files.items()}
    hashes["test_resnet"] = hash_of_file(own)
    scores = rows_of(done.csv, seed="all", measure="macro-F1")
    assert [row["arm"] for row in scores] == [VIT, CONVNEXT, "test_resnet"]
    for row in scores:
        assert row["weights"] == hashes[row["arm"]]
        assert row["licence"] == ("unknown" if row["arm"] == "test_resnet" else "apache-2.0")
        assert (row["n"], row["n_groups"]) == (str(IN_ALL), str(3 * 8))
        assert row["labels"] == "computed"
        assert row["grouped_by"]
        assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
        # The colours are seen by any of them, untrained as they are; naming one class gets 0.17.
        assert float(row["value"]) > 0.4
    apart = rows_of(done.csv.parent / "differences.csv", measure="macro-F1")
    assert [row["arm"] for row in apart] == [CONVNEXT, "test_resnet"]
    value = {row["arm"]: float(row["value"]) for row in scores}
    for row in apart:
        assert row["reference"] == VIT
        assert row["reference_weights"] == hashes[VIT]
        assert row["weights"] == hashes[row["arm"]]
        assert float(row["value"]) == pytest.approx(value[row["arm"]] - value[VIT], abs=2e-5)
        assert row["n"] == str(IN_ALL)
        assert row["grouped_by"]
    said = "\n".join(done.conclusion)
    assert "against the default, test_vit.r160_in1k" in said
    assert "test_resnet (unknown)" in said
    assert done.page.read_text("utf-8").count("<svg")


def test_no_image_of_the_test_split_is_looked_at_or_answered(hub, atlas, tmp_path, monkeypatch):
    into_cache(hub, VIT)
    tested = set(atlas.read(["id"], where="split = 'test'").column("id").to_pylist())
    looked = set()
    from cosmic_morphology.learn.data.atlas_source import AtlasSource

    real = AtlasSource.thumbnails

    def thumbnails(source, ids):
        looked.update(ids)
        return real(source, ids)

    monkeypatch.setattr(AtlasSource, "thumbnails", thumbnails)
    done = run_study("backbones", study(tmp_path, atlas))
    answered = {
        each
        for file in (done.csv.parent / "cells").iterdir()
        for each in json.loads(file.read_text("utf-8"))["said"]
    }
    assert len(looked) == len(answered) == IN_ALL
    assert looked == answered
    assert not looked & tested


def test_a_killed_study_goes_on_and_other_weights_are_done_anew(hub, atlas, tmp_path, monkeypatch):
    file = into_cache(hub, VIT)
    into_cache(hub, CONVNEXT)
    settings, told = study(tmp_path, atlas), []

    def killed(*given, **more):
        if len(told) == 5:
            raise KeyboardInterrupt
        told.append(1)
        return train_and_predict(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr("cosmic_morphology.studies.backbones.train_and_predict", killed)
        with pytest.raises(KeyboardInterrupt):
            run_study("backbones", settings)
    progress = []
    done = run_study("backbones", settings, progress=lambda n, of: progress.append((n, of)))
    assert (done.cells, done.new_cells) == (12, 12 - 5)
    assert progress[-1] == (12, 12)
    assert len(progress) == 12  # nothing was looked at again
    kept = done.csv.read_bytes()
    assert run_study("backbones", settings).new_cells == 0
    assert done.csv.read_bytes() == kept
    # The same name with other numbers is another backbone.
    tensors = load_file(file)
    save_file({key: value * 1.1 for key, value in tensors.items()}, file)
    again = run_study("backbones", settings, progress=lambda n, of: progress.append((n, of)))
    assert again.new_cells == 6
    assert (IN_ALL, IN_ALL) in progress
    assert rows_of(again.csv, arm=VIT)[0]["weights"] == hash_of_file(file)


def test_presets_that_are_missing_are_named_with_the_command_that_fetches_them(
    hub, atlas, tmp_path
):
    small = "convnext_nano.in12k_ft_in1k"
    into_cache(hub, VIT)
    done = run_study("backbones", study(tmp_path, atlas))
    lines = [line for line in done.conclusion if "is not in the cache" in line]
    assert [line.split()[0] for line in lines] == [*PRESETS]
    assert f"`hf download timm/{small} model.safetensors`" in lines[0]
    # Without the default there are scores, and nothing is held against it.
    other = run_study("backbones", study(tmp_path, atlas, "resnet50"))
    assert rows_of(other.csv.parent / "differences.csv") == []
    assert len(rows_of(other.csv, seed="all", measure="macro-F1")) == 1
    said = "\n".join(other.conclusion)
    assert "resnet50, are not on this machine" in said
    assert "hf download timm/resnet50.a1_in1k model.safetensors" in said


def test_a_licence_that_is_not_permissive_is_said(hub, atlas, tmp_path, monkeypatch):
    into_cache(hub, VIT)
    monkeypatch.setattr("cosmic_morphology.studies.candidates.licence_of", lambda _: "cc-by-nc-4.0")
    done = run_study("backbones", study(tmp_path, atlas))
    assert rows_of(done.csv)[0]["licence"] == "cc-by-nc-4.0"
    assert f"licence of these weights before you use them: {VIT} (cc-by-nc-4.0)" in "\n".join(
        done.conclusion
    )


def test_checked_labels_alone_are_scored_where_every_class_has_some(hub, atlas, tmp_path):
    from cosmic_morphology.studies.backbones import _scored
    from cosmic_morphology.studies.dataset import read_images

    pool = read_images(atlas, classes=("asteroid", "comet", "galaxy"))
    rows = np.sort(np.concatenate([pool.real("train"), pool.real("val")]))
    assert _scored(pool, rows).tolist() == rows.tolist()
    firsts = [int(rows[pool.y_true[rows] == number][0]) for number in range(3)]
    pool.kinds[firsts[:2]] = "checked"
    assert _scored(pool, rows).tolist() == rows.tolist()
    pool.kinds[firsts] = "checked"
    assert _scored(pool, rows).tolist() == sorted(firsts)


# ---- what is said in one line --------------------------------------------------------------------


def broken(hub, tmp_path):
    file = into_cache(hub, VIT)
    file.write_bytes(file.read_bytes()[:-50])
    return []


def other_net(hub, tmp_path):
    into_cache(hub, VIT)
    return [("test_convnext", str(to_file(tmp_path / "vit.safetensors", "test_vit")))]


def no_file(hub, tmp_path):
    into_cache(hub, VIT)
    return [("test_convnext", str(tmp_path / "none.safetensors"))]


def no_model(hub, tmp_path):
    into_cache(hub, VIT)
    return [("siglip2-bas", str(to_file(tmp_path / "vit.safetensors", "test_vit")))]


def pickled(hub, tmp_path):
    into_cache(hub, VIT)
    torch.save({}, tmp_path / "net.bin")
    return [("test_convnext", str(tmp_path / "net.bin"))]


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda *_: [], UsageError, r"no weights of any backbone.*hf download timm/test_vit"),
        (broken, InputError, "not a readable safetensors file"),
        (other_net, InputError, "another architecture"),
        (no_file, UsageError, "there is no file"),
        (no_model, UsageError, "Did you mean 'siglip2-base'"),
        (pickled, InputError, "not a readable safetensors file"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_done(
    hub, atlas, tmp_path, make, kind, words
):
    given = make(hub, tmp_path)
    with pytest.raises(kind, match=words) as told:
        run_study("backbones", study(tmp_path, atlas), weights=given)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "results").exists()


def test_too_few_groups_and_weights_for_another_study_are_said(hub, atlas, tmp_path):
    into_cache(hub, VIT)
    settings = study(tmp_path, atlas)
    with pytest.raises(UsageError, match="only the study of backbones"):
        run_study("leakage", settings, weights=[("test_vit", "x.safetensors")])
    few = fill(tmp_path / "few", coloured, groups=3, copies=1, rendered=0)
    settings = settings.model_copy(update={"atlas": few.uri})
    many = settings.study.backbones.model_copy(update={"folds": 12})
    settings.study.backbones = many
    with pytest.raises(UsageError, match="9 groups: too few for 12 folds"):
        run_study("backbones", settings)


def test_the_command_takes_files_and_prints_one_object(hub, atlas, tmp_path, monkeypatch, capsys):
    into_cache(hub, VIT)
    own = to_file(tmp_path / "mine.safetensors", "test_vit", seed=4)
    file = write_study(tmp_path, atlas, TEXT.format(VIT, "pretrained"))
    words = ["study", "backbones", "--weights", f"{VIT}={own}", "--config", str(file), "--json"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["cosmic", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert not ended.value.code, said.err
    found = json.loads(said.out)
    assert found["study"] == "backbones"
    scores = rows_of(Path(found["csv"]), seed="all", measure="macro-F1")
    assert [row["arm"] for row in scores] == [VIT, f"{VIT} (mine.safetensors)"]
    assert len({row["weights"] for row in scores}) == 2
    # For a person: every sentence on a line of its own, none cut, and where the rest is.
    monkeypatch.setattr(sys, "argv", ["cosmic", *words[:-1]])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    lines = capsys.readouterr().out.splitlines()
    assert not ended.value.code
    assert lines[: len(found["conclusion"])] == found["conclusion"]
    assert lines[-2].startswith("12 models, 0 trained now. Table: ")
    assert lines[-1].startswith("Page: ")
