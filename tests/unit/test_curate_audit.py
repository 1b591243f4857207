"""The audit measures what it says, with intervals over whole groups."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from cosmic_morphology.curate.audit import audit, ratio_interval
from cosmic_morphology.curate.labels import label
from cosmic_morphology.curate.votes import vote
from cosmic_morphology.errors import InputError
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()
TITLES = ["Comet 67P", "Spiral Galaxy M 51", "Rocket launch", "Comet in a painting", ""]
TRUTH = ["comet", "galaxy", "irrelevant", "irrelevant", "star"]


@pytest.fixture
def curated(atlas, arrival):
    atlas.add([arrival(n, title=title) for n, title in enumerate(TITLES)])
    vote(atlas, taxonomy=SIX, settings=CurateSettings())
    label(atlas, taxonomy=SIX, settings=CurateSettings(min_label_confidence=0.5))
    return atlas


def truth(tmp_path, rows, head="id,class"):
    file = tmp_path / "truth.csv"
    file.write_text("\n".join([head, *rows]) + "\n")
    return file


def test_precision_recall_and_coverage_are_what_a_hand_count_gives(curated, tmp_path):
    file = truth(tmp_path, [f"x{n:03d},{name}" for n, name in enumerate(TRUTH)] + ["x099,star"])
    table = audit(curated, file, taxonomy=SIX, id_prefix="nasa:")
    assert (table.n, table.unknown) == (5, 1)
    assert table.get("label", "coverage").value == pytest.approx(4 / 5)
    assert table.get("object_name", "precision").value == 1.0
    assert table.get("object_name", "coverage").value == pytest.approx(2 / 5)
    assert table.get("label=galaxy", "recall").value == 1.0
    assert table.get("label=star", "recall").value == 0.0


def test_the_table_is_written_in_the_form_of_the_projects_numbers(curated, tmp_path):
    file = truth(tmp_path, ["nasa:x000,comet"])
    audit(curated, file, taxonomy=SIX).write(tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert {"what", "value", "low", "high", "n", "unit"} == set(rows[0])
    assert "label precision" in {row["what"] for row in rows}


def test_an_audit_writes_nothing(curated, tmp_path):
    before = curated.version
    audit(curated, truth(tmp_path, ["nasa:x000,comet"]), taxonomy=SIX)
    assert curated.version == before


def test_intervals_are_wider_when_pictures_hang_together():
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(20), 20)
    of = np.repeat(rng.random(20) < 0.5, 20)
    everything = np.ones(400, dtype=bool)
    low, high = ratio_interval(of, everything, group)
    alone_low, alone_high = ratio_interval(of, everything, np.arange(400))
    assert low <= of.mean() <= high
    assert high - low > 3 * (alone_high - alone_low)


@pytest.mark.parametrize(
    ("rows", "head", "says"),
    [
        (["nasa:x000,quasar"], "id,class", "line 2: the label 'quasar' is not a class"),
        (["elsewhere,comet"], "id,class", "no picture of this table is in the atlas"),
        (["x,comet"], "name,class", "no column 'id'; there is: name, class"),
        (["nasa:x000,1"], "id,note", "no column 'label'; there is: id, note"),
    ],
)
def test_a_bad_truth_table_is_refused(curated, tmp_path, rows, head, says):
    with pytest.raises(InputError, match=says):
        audit(curated, truth(tmp_path, rows, head), taxonomy=SIX)
