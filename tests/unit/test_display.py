"""What results show in a terminal and in a notebook; texts from outside steer neither."""

from __future__ import annotations

import dataclasses
import inspect
from html.parser import HTMLParser
from importlib import import_module

import pytest

from cosmic_morphology.curate import explain_label
from cosmic_morphology.display import Shown, facts_html, facts_of, in_words, table_html
from cosmic_morphology.errors import InputError
from cosmic_morphology.stats.score import Score

HOSTILE = "<script>alert('x')</script>\x1b[31m\u202e \" onerror=\"alert(1)"
ROOMS = ("atlas", "collect", "curate", "evaluate", "learn", "pipeline", "report", "studies")


class Page(HTMLParser):
    """Tags and attributes as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        self.words += data


def shows_safely(html: str) -> bool:
    page = Page(html)
    return (
        "script" not in page.tags
        and not any(name.startswith("on") for name in page.attributes)
        and "\x1b" not in html
        and "\u202e" not in html
    )


def results() -> list[type]:
    found = []
    for room in ROOMS:
        module = import_module(f"cosmic_morphology.{room}")
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) and name.endswith("Result"):
                found.append(value)
    return found


@pytest.mark.parametrize("kind", results(), ids=lambda kind: kind.__name__)
def test_every_public_result_shows_itself_and_escapes_what_it_holds(kind):
    assert issubclass(kind, Shown)
    made = kind.__new__(kind)
    for field in dataclasses.fields(kind):
        object.__setattr__(made, field.name, HOSTILE)
    facts = [(name, value) for name, value in facts_of(made) if isinstance(value, str)]
    assert facts
    if kind._shown_facts is Shown._shown_facts:
        assert repr(made).startswith(kind.__name__)
        assert "\x1b" not in repr(made)
    assert shows_safely(facts_html(kind.__name__, facts))
    assert shows_safely(table_html(HOSTILE, [{HOSTILE: HOSTILE}]))


def test_an_atlas_says_what_is_in_it(filled):
    assert repr(filled) == f"<Atlas {filled.uri}: 10 images, version {filled.version}>"
    page = Page(filled._repr_html_())
    assert "nasa 10" in page.words
    assert str(filled.version) in page.words


def test_images_are_shown_as_a_grid_with_their_texts_escaped(atlas, arrival):
    atlas.add([arrival(0, title=HOSTILE), arrival(1, title="Comet")])
    grid = atlas.show()
    assert [image.id for image in grid] == ["nasa:x000", "nasa:x001"]
    html = grid._repr_html_()
    page = Page(html)
    assert page.tags.count("img") == 2
    assert shows_safely(html)
    assert "\x1b" not in repr(grid)
    assert "Comet" in page.words


def test_a_grid_shows_the_images_asked_for_in_their_order(filled):
    assert [each.id for each in filled.show(["nasa:x007", "nasa:x002"])] == [
        "nasa:x007",
        "nasa:x002",
    ]
    assert len(filled.show(n=4)) == 4
    assert len(filled.show(where="id = 'nasa:x003'")) == 1
    with pytest.raises(InputError, match="nasa:x999"):
        filled.show(["nasa:x999"])


def test_an_explanation_is_a_table_of_votes(filled):
    explanation = explain_label(filled, "nasa:x003")
    assert repr(explanation).splitlines()[0] == "nasa:x003  image 3"
    assert shows_safely(explanation._repr_html_())
    assert explanation.rows() == []


def test_a_score_is_never_shown_without_what_makes_it_mean_something():
    score = Score("macro-F1", 0.8123, (0.7, 0.9), 120, 80, "checked", "object")
    words = Page(score._repr_html_()).words
    for said in ("0.812", "0.700 to 0.900", "120", "80", "checked", "object"):
        assert said in words


def test_long_values_are_cut_and_empty_ones_left_out():
    assert len(in_words("x" * 1000)) < 200
    assert in_words(()) == in_words({}) == in_words(None) == ""
    assert in_words(0) == "0"
