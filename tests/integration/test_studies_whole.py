"""Whole studies on a small atlas: tables, pages, conclusions, and going on after a kill."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from study_atlas import CLASSES, WIDTH, embed, fill, write_study

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.collect.import_folder import import_folder
from cosmic_morphology.curate import group_images, split_images
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import CurateSettings, SplitSettings, load_settings
from cosmic_morphology.studies import run_study

COSMIC = str(Path(sys.executable).parent / "cosmic")
SMALL = """
[study.leakage]
folds = 3
[study.synthetic]
ratios = [1]
keep = 6
[study.label_noise]
levels = [0.0, 0.5]
[study.learning_curve]
fractions = [0.3, 1.0]
"""


@pytest.fixture(scope="module")
def drawn_jpeg():
    from drawn_images import draw_jpeg

    return draw_jpeg


@pytest.fixture(scope="module")
def study_file(tmp_path_factory, drawn_jpeg):
    folder = tmp_path_factory.mktemp("study")
    # Each group has a place of its own: its copies are easy, other groups are hard.
    atlas = fill(folder / "atlas", drawn_jpeg, copies=4, spread=0.4, own_offset=6.0)
    return write_study(folder, atlas, SMALL)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["leakage", "synthetic", "label-noise", "learning-curve"])
def test_a_study_leaves_table_curves_conclusion_and_page_and_does_nothing_twice(name, study_file):
    study = load_settings(study_file)
    first = run_study(name, study)
    assert first.new_cells == first.cells > 0
    kept = first.csv.read_bytes(), first.page.read_bytes(), first.png.read_bytes()
    again = run_study(name, study)
    assert again.new_cells == 0
    assert (again.csv.read_bytes(), again.page.read_bytes(), again.png.read_bytes()) == kept
    rows = rows_of(first.csv)
    assert {row["seed"] for row in rows} == {"all", "1", "2"}
    for row in rows:
        assert 0 <= float(row["low"]) <= float(row["value"]) <= float(row["high"]) <= 1
        assert int(row["n"]) > 0
        assert row["labels"] == "computed"
        assert row["grouped_by"]
    differences = rows_of(first.csv.parent / "differences.csv")
    assert differences
    for row in differences:
        assert float(row["low"]) <= float(row["value"]) <= float(row["high"])
        assert (row["arm"], row["x"]) != (row["reference"], row["reference_x"])
    page = first.page.read_text("utf-8")
    assert "<svg" in page
    assert 'http-equiv="Content-Security-Policy"' in page
    assert not {"<script", 'src="http'} & set(page.split())
    text = (first.csv.parent / "conclusion.txt").read_text("utf-8")
    assert text.split("\n")[0] in page.replace("&#39;", "'")
    assert text.count("[") >= 2
    assert json.loads((first.csv.parent / "study.json").read_text())["settings"]["seeds"] == [1, 2]


def test_the_same_file_gives_the_same_cells_in_another_folder(study_file, tmp_path):
    first = run_study("learning-curve", load_settings(study_file))
    other = run_study("learning-curve", load_settings(study_file), out=tmp_path)
    assert other.new_cells == other.cells
    names = sorted(path.name for path in (first.csv.parent / "cells").iterdir())
    assert names == sorted(path.name for path in (other.csv.parent / "cells").iterdir())
    assert other.csv.read_text() == first.csv.read_text()


def test_the_leak_study_finds_the_leak_of_a_derived_set(study_file):
    done = run_study("leakage", load_settings(study_file))
    value = {
        row["arm"]: float(row["value"])
        for row in rows_of(done.csv)
        if row["seed"] == "all" and row["measure"] == "macro-F1"
    }
    assert value["random split by file"] > value["groups kept apart"] + 0.05
    assert "that is the leak" in " ".join(done.conclusion)


def test_the_synthetic_study_measures_rare_classes_and_the_others(study_file):
    done = run_study("synthetic", load_settings(study_file))
    rows = rows_of(done.csv.parent / "differences.csv")
    means = {row["name"] for row in rows if row["measure"] == "mean F1"}
    assert means == {"asteroid and comet", "the other classes"}
    assert {row["reference"] for row in rows} == {"real only"}
    assert len({row["n"] for row in rows}) == 1


def test_no_rendered_image_is_ever_answered_in_any_study(study_file):
    for name in ("leakage", "synthetic", "label-noise", "learning-curve"):
        folder = run_study(name, load_settings(study_file)).csv.parent / "cells"
        for file in folder.iterdir():
            said = json.loads(file.read_text("utf-8"))["said"]
            assert said
            assert not [each for each in said if each.startswith("rendered:")]


def test_the_command_prints_one_json_object_and_refuses_in_one_line(study_file, tmp_path):
    done = subprocess.run(
        [COSMIC, "study", "learning-curve", "--config", study_file, "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["study"] == "learning-curve"
    bad = subprocess.run(
        [COSMIC, "study", "learning-curve", "--config", tmp_path / "no.toml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert bad.returncode == 2
    assert len(bad.stderr.splitlines()) == 1


# ---- realism -------------------------------------------------------------------------------------


def told_apart(folder: Path, drawn_jpeg, *, drawn_offset: float) -> dict[tuple[str, str], dict]:
    atlas = fill(folder / "atlas", drawn_jpeg, groups=30, copies=1, rendered=30, spread=0.5,
                 drawn_offset=drawn_offset)  # fmt: skip
    more = "[study.realism]\ngallery = 4\npairs = 2\n"
    done = run_study("realism", load_settings(write_study(folder, atlas, more)))
    return {(row["arm"], row["name"]): row for row in rows_of(done.csv)}


def test_rendered_images_like_real_ones_are_not_told_apart_and_others_are(tmp_path, drawn_jpeg):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    alike = told_apart(tmp_path / "a", drawn_jpeg, drawn_offset=0.0)
    apart = told_apart(tmp_path / "b", drawn_jpeg, drawn_offset=2.0)
    for name in ("asteroid", "comet", "galaxy"):
        assert float(alike["rendered from real", name]["low"]) < 0.65
        assert float(apart["rendered from real", name]["value"]) > 0.9
        assert int(apart["rendered from real", name]["n"]) == 24 + 30


def test_the_gallery_shows_both_kinds_and_no_test_image(tmp_path, drawn_jpeg):
    told_apart(tmp_path, drawn_jpeg, drawn_offset=1.0)
    page = (tmp_path / "results" / "studies" / "realism" / "gallery.html").read_text("utf-8")
    assert page.count("<h2") == 1 + 3
    assert page.count("data:image/jpeg") == 3 * (2 * 4 + 2 + 2 + 2 * 4)
    # Groups 4, 9, 14, … are the test split.
    shown = {int(number) for number in re.findall(r"drawn:\w+-(\d\d)-0", page)}
    assert shown
    assert not {number for number in shown if number % 5 == 4}


def test_realism_without_rendered_images_says_what_to_do(tmp_path, drawn_jpeg):
    atlas = fill(tmp_path / "atlas", drawn_jpeg, groups=10, copies=1, rendered=0)
    with pytest.raises(UsageError, match="cosmic synthesize"):
        run_study("realism", load_settings(write_study(tmp_path, atlas)))
    with pytest.raises(UsageError, match="cosmic synthesize"):
        run_study("synthetic", load_settings(write_study(tmp_path, atlas)))


# ---- a derived set through the importer ----------------------------------------------------------


def test_an_imported_derived_set_shows_its_leak(tmp_path, drawn_jpeg):
    """Variants of one original, named as SpaceNet names them, with labels from the folders."""
    random = np.random.default_rng(2)
    for kind in CLASSES:
        (tmp_path / "set" / kind).mkdir(parents=True)
        for original in range(8):
            for variant in ("", "_0", "_1", "_aug2"):
                file = f"{kind}_page_1_image_{original}{variant}.jpg"
                (tmp_path / "set" / kind / file).write_bytes(drawn_jpeg(int(random.integers(1e9))))
    atlas = Atlas.create(tmp_path / "atlas")
    import_folder(atlas, tmp_path / "set", name="derived")
    rows = atlas.read(["id", "given_label", "lineage"]).sort_by("id").to_pylist()
    group_images(atlas, settings=CurateSettings(groups={"max_share": 1.0}))
    labels = [{"id": row["id"], "label": row["given_label"]} for row in rows]
    atlas.replace_columns(pa.Table.from_pylist(labels), ColumnProvenance("labels"))
    split_images(atlas, settings=SplitSettings(), seed=1)
    # Originals differ more than their class makes them alike.
    place = {row["lineage"][0]: random.normal(0, 3.0, WIDTH) for row in rows}
    vectors = [place[row["lineage"][0]] + random.normal(0, 0.1, WIDTH) for row in rows]
    for vector, row in zip(vectors, rows, strict=True):
        vector[CLASSES.index(row["given_label"])] += 1.0
    embed(atlas, [row["id"] for row in rows], np.array(vectors))
    done = run_study(
        "leakage", load_settings(write_study(tmp_path, atlas, "[study.leakage]\nfolds = 4\n"))
    )
    (gap,) = [
        row for row in rows_of(done.csv.parent / "differences.csv") if row["measure"] == "macro-F1"
    ]
    assert float(gap["low"]) > 0.1
    # Variants of what is tested have no split, and are touched as little as it is.
    split = {row["id"]: row for row in atlas.read(["id", "group", "split"]).to_pylist()}
    tested = {row["group"] for row in split.values() if row["split"] == "test"}
    dealt = [row for row in split.values() if row["group"] not in tested]
    assert 0 < len(tested) < 3 * 8
    assert int(gap["n_groups"]) == 3 * 8 - len(tested)
    assert int(gap["n"]) == len(dealt) == 4 * (3 * 8 - len(tested))
