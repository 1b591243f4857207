"""Promises of ``cosmic import``: everything that can be had, once, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from drawn_images import draw_jpeg

from cosmic_morphology.atlas import Atlas, verify_atlas
from cosmic_morphology.collect.import_folder import import_folder
from cosmic_morphology.errors import InputError
from cosmic_morphology.imaging import ImageLimits, read_thumbnail


@pytest.fixture
def images(tmp_path):
    root = tmp_path / "images"
    for n in range(24):
        path = root / ("comet" if n % 2 else "star") / f"{n:02d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw_jpeg(n))
    return root


def contents(atlas: Atlas) -> dict[str, tuple[str, str]]:
    labels = atlas.read(["id", "given_label"]).to_pylist()
    hashes = atlas.read(["id", "sha256"], table="images").to_pylist()
    label_of = {row["id"]: row["given_label"] for row in labels}
    assert len(label_of) == len(labels)
    assert len({row["id"] for row in hashes}) == len(hashes)
    return {row["id"]: (row["sha256"], label_of[row["id"]]) for row in hashes}


def test_class_folders_come_in_with_bytes_and_votes(atlas, images):
    seen = []
    got = import_folder(
        atlas, images, name="mine", commit_rows=5, progress=lambda *at: seen.append(at)
    )
    assert (got.found, got.stored, got.already_there, got.refused) == (24, 24, 0, {})
    assert seen == [(n, 24) for n in range(1, 25)]
    rows = atlas.images(["folder:mine/comet/01.jpg"], ["image", "width", "thumbnail"]).to_pylist()
    assert rows[0]["image"] == draw_jpeg(1)
    assert rows[0]["width"] == 48
    assert sorted({label for _, label in contents(atlas).values()}) == ["comet", "star"]
    assert atlas.count("ledger", "state = 'stored'") == 24
    assert not verify_atlas(atlas).problems


def test_fits_files_of_one_and_three_planes_come_in_stretched(atlas, tmp_path):
    sky = np.random.default_rng(1).normal(100, 3, (3, 40, 50)).astype(np.float32)
    sky[:, 18:22, 20:30] += 4000
    for name, planes in (("grey", sky[0]), ("colour", sky)):
        path = tmp_path / "plates/galaxy" / f"{name}.fits"
        path.parent.mkdir(parents=True, exist_ok=True)
        fits.PrimaryHDU(planes).writeto(path)
    got = import_folder(atlas, tmp_path / "plates", name="plates")
    assert (got.stored, got.refused) == (2, {})
    for row in atlas.images(atlas.ids(), ["thumbnail"]).to_pylist():
        pixels = read_thumbnail(row["thumbnail"], size=50).astype(float)
        # The core stands out, and the noise of the sky is not all black.
        assert pixels[19:21, 22:28].mean() > pixels[:10].mean() + 50
        assert pixels[:10].std() > 10


def test_doing_it_twice_changes_nothing(atlas, images):
    (images / "star" / "page.jpg").write_bytes(b"<html>")
    import_folder(atlas, images)
    before = atlas.version
    again = import_folder(atlas, images)
    assert (again.found, again.stored, again.already_there, again.refreshed) == (25, 0, 24, 0)
    assert again.refused == {"not_an_image": 1}
    assert atlas.version == before


def test_bad_items_are_counted_by_kind_and_listed_with_reasons(atlas, images):
    (images / "star" / "page.jpg").write_bytes(b"<!doctype html><p>404")
    (images / "star" / "empty.jpg").write_bytes(b"")
    (images / "star" / "cut.jpg").write_bytes(draw_jpeg(99)[:400])
    (images / "star" / "big.jpg").write_bytes(draw_jpeg(98, (300, 300)))
    got = import_folder(atlas, images, limits=ImageLimits(max_bytes=20_000))
    assert got.refused == {"empty": 1, "not_an_image": 1, "too_large": 1, "truncated": 1}
    assert got.stored == 24
    listed = atlas.read(["id", "error_kind", "error"], where="state = 'refused'", table="ledger")
    reasons = {row["id"]: row for row in listed.to_pylist()}
    assert reasons["folder:folder/star/page.jpg"]["error_kind"] == "not_an_image"
    assert "an HTML page" in reasons["folder:folder/star/page.jpg"]["error"]
    assert len(reasons) == 4


def test_a_repaired_file_comes_in_on_the_next_run(atlas, images):
    broken = images / "star" / "00.jpg"
    broken.write_bytes(b"")
    assert import_folder(atlas, images).refused == {"empty": 1}
    broken.write_bytes(draw_jpeg(0))
    assert import_folder(atlas, images).stored == 1
    row = atlas.read(["state", "attempts"], where="id LIKE '%/star/00.jpg'", table="ledger")
    assert row.to_pylist() == [{"state": "stored", "attempts": 2}]


def test_a_corrected_label_refreshes_the_record_and_not_the_image(atlas, images, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("file,label\nstar/00.jpg,star\nstar/02.jpg,star\nstar/none.jpg,star\n")
    first = import_folder(atlas, images, csv=table)
    assert (first.stored, first.refused) == (2, {"missing": 1})
    assert first.skipped == {"not in the table": 22}
    stored = atlas.version.images
    table.write_text("file,label\nstar/00.jpg,planet\nstar/02.jpg,star\n")
    again = import_folder(atlas, images, csv=table)
    assert (again.already_there, again.refreshed) == (2, 1)
    assert contents(atlas)["folder:folder/star/00.jpg"][1] == "planet"
    assert atlas.version.images == stored


def test_a_zip_gives_the_same_images_as_its_folder(atlas, images, tmp_path):
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for path in images.rglob("*.jpg"):
            archive.write(path, path.relative_to(images))
    import_folder(atlas, tmp_path / "p.zip", workers=3)
    other = Atlas.create(tmp_path / "other")
    import_folder(other, images, workers=1)
    assert contents(atlas) == contents(other)


def test_wrong_usage_changes_nothing(atlas, tmp_path):
    before = atlas.version
    with pytest.raises(InputError):
        import_folder(atlas, tmp_path / "nowhere")
    assert atlas.version == before


CHILD = """
import signal, sys
from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect.import_folder import import_folder
commits, add = 0, Atlas.add
def add_or_wait(*given, **named):
    global commits
    if commits == int(sys.argv[3]):
        signal.pause()  # to be killed
    commits += 1
    return add(*given, **named)
Atlas.add = add_or_wait
import_folder(Atlas.open(sys.argv[1]), sys.argv[2], commit_rows=2)
"""


@pytest.mark.parametrize("commits_before_the_kill", [1, 4, 7])
def test_killed_at_any_instant_a_rerun_completes_it(images, tmp_path, commits_before_the_kill):
    whole, killed = Atlas.create(tmp_path / "whole"), Atlas.create(tmp_path / "killed")
    import_folder(whole, images)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, killed.uri, str(images), str(commits_before_the_kill)]
    )
    done_at = killed.version.catalogue + commits_before_the_kill
    while killed.version.catalogue < done_at and child.poll() is None:
        time.sleep(0.002)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert killed.count("catalogue") < 24
    import_folder(killed, images)
    assert contents(killed) == contents(whole)
    assert killed.count("ledger", "state = 'stored'") == 24
    assert not verify_atlas(killed).problems


def test_a_full_batch_by_size_is_committed_early(atlas, images, monkeypatch):
    monkeypatch.setattr("cosmic_morphology.collect.import_batch.BATCH_BYTES", 10_000)
    before = atlas.version.images
    import_folder(atlas, images)
    assert atlas.version.images - before > 2
    assert Path(atlas.uri).is_dir()
