"""Explore shows any atlas, however little is believed of it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from evaluate_atlas import CLASSES, HOSTILE, draw, make_atlas
from PIL import Image
from rich.console import Console

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.report import explore_atlas
from cosmic_morphology.report.overview import AMBIGUOUS, UNLABELLED, summarise_atlas


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return make_atlas(tmp_path_factory.mktemp("explore") / "atlas", per_class=6)


@pytest.fixture(scope="module")
def explored(labelled, tmp_path_factory):
    out = tmp_path_factory.mktemp("explored")
    return explore_atlas(labelled, out), out


class Loads(HTMLParser):
    """What a page would load, and which elements it has."""

    def __init__(self):
        super().__init__()
        self.loads, self.tags = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "srcset", "data", "poster", "action") or (
                name in ("href", "xlink:href") and tag != "a"
            ):
                self.loads.append(value)


def test_the_page_and_its_images_are_written(explored, labelled):
    summary, out = explored
    assert summary.images == labelled.count()
    assert summary.duplicates == len(CLASSES)
    assert summary.label_source == "label"
    assert list(summary.classes) == list(CLASSES)
    assert sum(summary.classes.values()) == summary.images
    assert sum(summary.splits.values()) == summary.images
    names = {path.name for path in out.iterdir()}
    assert names >= {"explore.html", "class-balance.png", "sizes.png", "duplicates.png"}
    assert {f"samples-{name}.png" for name in CLASSES} <= names
    for path in summary.files:
        with Image.open(path) as image:
            image.verify()


def test_the_page_loads_nothing_and_escapes_what_sources_say(explored):
    text = (explored[1] / "explore.html").read_text("utf-8")
    page = Loads()
    page.feed(text)
    assert all(each.startswith(("data:image/jpeg", "#")) for each in page.loads)
    assert "script" not in page.tags
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert "javascript:" not in text
    assert page.tags.count("img") > 10


def test_the_terminal_gets_a_table_of_all_classes(explored):
    summary, _ = explored
    console = Console(width=80, record=True, file=sys.stderr)
    console.print(summary.table())
    told = console.export_text()
    for name, count in summary.classes.items():
        assert name in told
        assert str(count) in told
    assert json.dumps(dataclasses.asdict(summary))


def test_an_atlas_without_labels_is_told_by_its_search_words(tmp_path):
    atlas = make_atlas(tmp_path / "atlas", per_class=3, label=False)
    summary = explore_atlas(atlas, tmp_path / "out")
    assert summary.label_source == "queries"
    assert set(summary.classes) == set(CLASSES)
    assert summary.splits == {}
    assert (tmp_path / "out" / "explore.html").is_file()


def test_search_words_that_disagree_are_no_class(atlas):
    data = draw("star", 1)
    told = {"a": ("nasa:comet", "nasa:galaxy"), "b": ("nasa:comet",), "c": ()}
    atlas.add(
        [
            NewImage(Record("nasa", each, queries=q), ingest_image(data), data)
            for each, q in told.items()
        ]
    )
    assert summarise_atlas(atlas).label_of == {
        "nasa:a": AMBIGUOUS,
        "nasa:b": "comet",
        "nasa:c": UNLABELLED,
    }


def test_an_empty_atlas_is_explored_without_a_fuss(atlas, tmp_path):
    summary = explore_atlas(atlas, tmp_path / "out")
    assert summary.images == 0
    assert summary.label_source == ""
    assert "0 images" in (tmp_path / "out" / "explore.html").read_text("utf-8")


def test_doing_it_twice_writes_the_same(labelled, explored, tmp_path):
    explore_atlas(labelled, tmp_path)
    for path in explored[1].iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_classes_of_imported_folders_may_have_any_name(atlas, tmp_path):
    data = draw("star", 1)
    names = ["../../etc", "Ø $x^2$ 星", "a" * 300]
    atlas.add(
        [
            NewImage(Record("folder", str(n), given_label=name), ingest_image(data), data)
            for n, name in enumerate(names)
        ]
    )
    summary = explore_atlas(atlas, tmp_path / "out")
    assert set(summary.classes) == set(names)
    assert all(path.parent == tmp_path / "out" for path in (tmp_path / "out").iterdir())


def test_exploring_needs_no_torch(labelled):
    script = (
        "import sys, tempfile, pathlib; sys.modules['torch'] = None; "
        "from cosmic_morphology.report import explore_atlas; "
        "from cosmic_morphology.atlas import Atlas; "
        "print(explore_atlas(Atlas.open(sys.argv[1]), pathlib.Path(tempfile.mkdtemp())).images)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, labelled.uri], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) == Atlas.open(labelled.uri).count()
