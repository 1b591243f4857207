"""The rendered archive, its texts, and rendered rows of an atlas."""

import csv
import hashlib
import json

import pytest

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.synthesize import RENDERED_CLASSES, render_image
from cosmic_morphology.synthesize.archive import write_archive
from cosmic_morphology.synthesize.to_atlas import synthesize_into

COUNTS = {"star": 12, "planet": 12, "irrelevant": 6}


def _rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _digest(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return [(p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in files]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    return folder, write_archive(folder, COUNTS, seed=4, size_px=48, workers=1)


def test_the_same_arguments_write_the_same_archive(archive, tmp_path):
    write_archive(tmp_path, COUNTS, seed=4, size_px=48, workers=1)
    assert _digest(tmp_path) == _digest(archive[0])


def test_planted_duplicates_are_accounted_for(archive):
    folder, summary = archive
    truth = _rows(folder / "truth.csv")
    lineages = [row["lineage"] for row in truth]
    assert summary.images == len(truth) == 32
    assert summary.planted_duplicates == len(lineages) - len(set(lineages)) == 2
    assert sum(summary.classes.values()) == summary.images


def test_the_catalogue_lists_every_image_once_and_never_the_class(archive):
    folder, _ = archive
    rows = _rows(folder / "catalogue.csv")
    assert sorted(r["file"] for r in rows) == sorted(p.name for p in (folder / "images").iterdir())
    assert set(rows[0]) == {
        "file", "source", "title", "description", "keywords", "date", "credit", "object_name"
    }  # fmt: skip


def test_search_words_mislead_about_as_often_as_in_real_archives():
    words = {k: (k, k + "s") for k in RENDERED_CLASSES} | {
        "galaxy": ("galaxy", "galaxies"),
        "nebula": ("nebula", "nebulae"),
    }
    right = found = 0
    for kind in RENDERED_CLASSES:
        for seed in range(40):
            image = render_image(kind, seed, size_px=32)
            text = f"{image.title} {image.description} {' '.join(image.keywords)}"
            tokens = {t.strip(".,:;()'").lower() for t in text.replace("-", " ").split()}
            hits = [k for k, forms in words.items() if k != "irrelevant" and tokens & set(forms)]
            assert hits
            # The label that an image gets is that of the search that came across it first.
            found += 1
            right += hits[0] == kind
    assert 0.3 < right / found < 0.5


def test_rendered_rows_carry_lineage_and_truth_and_doing_it_twice_adds_nothing(tmp_path):
    atlas = Atlas.create(tmp_path / "atlas")
    first = synthesize_into(atlas, {"star": 2, "comet": 1}, seed=2, size_px=64, workers=1)
    again = synthesize_into(atlas, {"star": 3, "comet": 1}, seed=2, size_px=64, workers=1)
    assert (first.added, again.added, again.already_there) == (3, 1, 3)
    rows = atlas.read(["id", "source", "lineage", "parameters", "given_label"]).to_pylist()
    assert len(rows) == 4
    for row in rows:
        told = json.loads(row["parameters"])
        assert row["source"] == "rendered"
        assert row["lineage"] == [f"render:{told['class']}:{told['seed']}"]
        assert row["given_label"] == told["class"]
