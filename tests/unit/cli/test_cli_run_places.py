"""What is said where a run, a model, images or a terminal were expected and something else came."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from evaluate_atlas import write_run
from PIL import Image

from cosmic_morphology import cli

COSMIC = str(Path(sys.executable).parent / "cosmic")


@pytest.fixture
def refused(monkeypatch, capfd, tmp_path):
    """What the program says, beside one finished run, an exported file and an image."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    write_run(tmp_path / "cosmic-out", "linear-probe")
    (tmp_path / "m.onnx").write_bytes(b"exported")
    Image.new("RGB", (64, 48)).save("sky image.png")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["cosmic", *words])
        with pytest.raises(SystemExit) as done:
            cli.main()
        said = capfd.readouterr().err
        assert done.value.code == 2, said
        assert len(said.strip().splitlines()) == 1
        return said

    return run


@pytest.mark.parametrize("verb", ["runs", "predict", "report"])
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("linear-prob", "'linear-probe'"),
        ("cosmic-out/runs/linear-prob", "'cosmic-out/runs/linear-probe'"),
        ("cosmic-out/rnus/linear-prob", "'linear-probe'"),
    ],
)
def test_a_mistyped_run_is_answered_with_the_one_that_was_meant(refused, verb, given, meant):
    said = refused(verb, given)
    assert f"{given}: there is no such run in cosmic-out" in said
    assert f"Did you mean {meant}?" in said


def test_a_path_that_is_like_no_run_is_answered_with_those_there_are(refused):
    assert "There are: linear-probe." in refused("runs", "elsewhere/xyz")


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_a_mistyped_exported_file_is_answered_with_the_one_beside_it(refused, verb):
    assert "Did you mean 'm.onnx'?" in refused(verb, "n.onnx")


@pytest.mark.parametrize("verb", ["runs", "report", "model-card"])
def test_an_exported_file_is_no_folder_of_a_run(refused, verb):
    assert "m.onnx: this is an exported file, no folder of a run. Give the run" in refused(
        verb, "m.onnx"
    )


def test_a_file_is_not_to_be_trained(refused):
    said = refused("runs", "sky image.png")
    assert "this is a file, no folder of a run" in said
    assert "Train it" not in said


@pytest.mark.parametrize("model", ["linear-probe", "cosmic-out/runs/linear-probe", "m.onnx"])
def test_images_before_the_model_are_told_apart_from_a_missing_run(refused, model):
    said = refused("predict", "sky image.png", model)
    assert f"{model}: the images were given first; this is the model" in said
    assert f"Write: cosmic predict {model} 'sky image.png'" in said


def test_an_address_before_the_model_is_told_too(refused):
    said = refused("predict", "https://example.org/a.jpg", "linear-probe")
    assert "Write: cosmic predict linear-probe IMAGES" in said


@pytest.mark.skipif(sys.platform == "win32", reason="keys are read without a terminal's file")
def test_without_a_terminal_review_says_what_to_do_instead(filled):
    done = subprocess.run(
        [COSMIC, "review", "start", "--atlas", filled.uri],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    said = " ".join(done.stderr.split())
    assert done.returncode == 2, said
    assert "keys are read from a terminal, and there is none" in said
    assert "`cosmic serve`" in said
    assert "`cosmic review import`" in said
    assert "tty" not in said
    assert "the image to judge" not in said
