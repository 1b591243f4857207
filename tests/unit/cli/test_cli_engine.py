"""``--engine``: what it does, and what is said where it cannot."""

from __future__ import annotations

import pytest
from engine_work import make_atlas
from typer.testing import CliRunner

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.cli import app, main


@pytest.fixture
def place(tmp_path) -> str:
    return make_atlas(tmp_path / "sky", 1, 4).uri


def test_a_cluster_that_does_not_answer_is_one_line_and_nothing_is_computed(
    place, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("ray", reason="the ray extra is not installed")
    monkeypatch.setenv("COSMIC_RAY__ADDRESS", "127.0.0.1:1")
    monkeypatch.chdir(tmp_path)
    words = ["cosmic", "curate", "--no-embed", "--engine", "ray", "--atlas", place]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert "ray.address = 127.0.0.1:1: no Ray cluster answers" in said.replace("\n", " ")
    assert Atlas.open(place).count_filled("votes") == 0


def test_an_engine_that_is_none_is_wrong_usage(place):
    done = CliRunner().invoke(app, ["embed", "--engine", "cluster", "--atlas", place])
    assert done.exit_code == 2
    assert all(name in done.output for name in ("local", "ray"))
