"""What ``cosmic collect`` says and how it ends."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cosmic_morphology.cli import app
from cosmic_morphology.replica import ArchiveCatalogue, Faults, Replica
from cosmic_morphology.replica.quirks import Quirks


@pytest.fixture(scope="module")
def replica():
    with Replica(ArchiveCatalogue.numbered(20, side_px=32), quirks=Quirks.none()) as running:
        yield running


@pytest.fixture
def cosmic(tmp_path, monkeypatch):
    # No waiting between tries; the file of settings is the person's own way to say so.
    (tmp_path / "cosmic.toml").write_text("[collect]\nbackoff_s = 0.01\nattempts = 2\n")
    monkeypatch.chdir(tmp_path)

    def run(*words: str):
        return CliRunner().invoke(app, [*words, "--atlas", "sky"])

    return run


def test_a_harvest_that_is_not_complete_fails_and_says_what_to_do(cosmic, replica):
    replica.set_faults(Faults(rate_500=0.5, only="/nasa-assets"))
    asked = ("collect", "galaxy", "--root", replica.nasa_url)
    first = cosmic(*asked, "--json")
    said = json.loads(first.stdout)
    waiting = said["failed"]["failed"]
    assert (first.exit_code, said["complete"], said["stored"]) == (1, False, 20 - waiting)
    assert f"not complete ({waiting} failed)" in first.stderr
    assert "Run the same command again" in first.stderr
    replica.set_faults(Faults())
    second = cosmic(*asked, "--json")
    assert (second.exit_code, json.loads(second.stdout)["stored"]) == (0, waiting)
    assert second.stderr == ""


def test_an_archive_that_counts_nothing_proves_nothing_and_that_is_said(cosmic, replica):
    replica.set_faults(Faults())
    done = cosmic("collect", "Comet", "--source", "commons", "--root", f"{replica.url}/commons",
                  "--contact", "ada@example.org")  # fmt: skip
    assert done.exit_code == 0
    assert "commons announces no count for 1 of 1 slices" in done.stderr
    assert "no count announced" in cosmic("status").stdout
