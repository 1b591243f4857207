"""The table and gallery at the end of curating."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from cosmic_morphology.atlas import RENDERER, ColumnProvenance
from cosmic_morphology.cli import app
from cosmic_morphology.report import write_curation_page
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()


@pytest.fixture
def judged(atlas, arrival):
    """Five images, three of them wrong labels; the second is the worst."""
    atlas.add([arrival(n, title=f"<b>{n}</b>") for n in range(5)])
    rows = {
        "id": [f"nasa:x{n:03d}" for n in range(5)],
        "label": ["comet", "comet", None, "star", "star"],
        "label_kind": ["checked", "computed", "none", "computed", "computed"],
        "mislabel_score": pa.array([0.4, 0.1, None, 0.3, 0.9], pa.float32()),
        "mislabel_flag": [True, True, False, True, False],
        "mislabel_reason": ["", "title says <i>star</i>", "", "", ""],
        "suggested_label": [None, "star", None, None, None],
    }
    atlas.replace_columns(pa.table(rows), ColumnProvenance("judged"))
    return atlas


def test_the_table_counts_labels_and_flags_of_each_class(judged, tmp_path):
    done = write_curation_page(judged, tmp_path / "page.html", taxonomy=SIX)
    rows = {row.name: row for row in done.classes}
    assert [*rows] == [*SIX.names_with_reject, "(open)"]
    assert (rows["comet"].images, rows["comet"].kinds["checked"]) == (2, 1)
    assert (rows["star"].flags["mislabel"], rows["(open)"].images) == (1, 1)
    assert sum(row.images for row in done.classes) == 5


def test_the_worst_come_first_and_no_more_than_asked_for(judged, tmp_path):
    page = write_curation_page(judged, tmp_path / "page.html", taxonomy=SIX, shown=2).page
    text = (tmp_path / "page.html").read_text()
    assert page == str(tmp_path / "page.html")
    assert text.index("nasa:x001") < text.index("nasa:x003")
    assert "3 images; the 2 that are surest to be wrong are shown" in text
    assert "nasa:x000" not in text
    assert "comet, rather star (0.10)" in text


def test_texts_from_outside_are_shown_as_texts(judged, tmp_path):
    write_curation_page(judged, tmp_path / "page.html", taxonomy=SIX)
    text = (tmp_path / "page.html").read_text()
    assert "title says &lt;i&gt;star&lt;/i&gt;" in text
    assert "<b>" not in text
    assert 'src="http' not in text


def test_an_atlas_that_nobody_has_curated_is_all_open(filled, tmp_path):
    done = write_curation_page(filled, tmp_path / "page.html", taxonomy=SIX)
    assert done.classes[-1].images == 10
    assert (tmp_path / "page.html").read_text().count("None is flagged.") == 3


def test_curating_ends_with_a_table_and_a_page(atlas, arrival, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    atlas.add([arrival(n, title="Comet 67P" if n else "") for n in range(3)])
    for words in (["curate"], ["curate", "--json"]):
        with pytest.raises(SystemExit) as ended:
            app([*words, "--atlas", atlas.uri])
        assert not ended.value.code
        said = capsys.readouterr().out
        if "--json" in words:
            told = json.loads(said)
            assert told["page"] == "cosmic-out/curated.html"
            assert [row["images"] for row in told["classes"] if row["name"] == "comet"] == [2]
        else:
            assert "Page: cosmic-out/curated.html" in said
            assert "irrelevant" in said
    assert (tmp_path / "cosmic-out/curated.html").is_file()


def test_what_a_renderer_labelled_is_not_counted_as_checked_by_people(judged, tmp_path):
    verdict = {"verdict": "label", "label": "comet", "note": ""}
    when = datetime(2026, 1, 1, tzinfo=UTC)
    judged.append_decisions([{"id": "nasa:x000", "who": RENDERER, "at": when, **verdict}])
    done = write_curation_page(judged, tmp_path / "page.html", taxonomy=SIX)
    comet = next(row for row in done.classes if row.name == "comet")
    kinds = {"checked": 0, "rendered": 1, "volunteers": 0, "computed": 1, "none": 0}
    assert comet.kinds == kinds
    assert "by construction" in (tmp_path / "page.html").read_text("utf-8")
