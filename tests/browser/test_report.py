"""The report in a real browser: it loads nothing, fits small screens, and follows the theme."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "unit")]

from chromium import Browser  # noqa: E402
from evaluate_atlas import add_embeddings, add_predictions, make_atlas, write_run  # noqa: E402

from cosmic_morphology.report import explore_atlas, write_report  # noqa: E402
from cosmic_morphology.settings import EvaluateSettings  # noqa: E402

QUICK = EvaluateSettings(bootstrap_resamples=60)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    out = tmp_path_factory.mktemp("pages")
    atlas = make_atlas(out / "atlas")
    add_embeddings(atlas, "embedding_net")
    names = ("linear-probe", "finetune")
    runs = [write_run(out, name) for name in names]
    for at, name in enumerate(names):
        add_predictions(atlas, name, wrong=0.5 - 0.3 * at, seed=at)
    report = write_report(atlas, out=out, runs=runs, settings=QUICK)
    return {"report": report, "explore": Path(explore_atlas(atlas, out / "explore").page)}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.mark.parametrize("name", ["report", "explore"])
def test_the_page_asks_for_nothing_but_itself(browser, pages, name):
    browser.visit(pages[name])
    browser.value("document.querySelectorAll('img').forEach(i => { i.loading = 'eager' })")
    assert browser.requests == [pages[name].as_uri()]
    assert browser.complaints == []
    # Texts of records hold scripts and images that call alert().
    assert browser.value("document.querySelectorAll('script, [onerror]').length") == 0


@pytest.mark.parametrize("name", ["report", "explore"])
def test_every_image_is_shown(browser, pages, name):
    browser.visit(pages[name])
    broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).length"
    assert browser.value("document.images.length") > 10
    assert browser.value(broken) == 0
    drawn = (
        "[...document.querySelectorAll('svg[role=img]')].map(s => s.getBoundingClientRect().height)"
    )
    assert all(height > 40 for height in browser.value(drawn))


@pytest.mark.parametrize("width", [360, 768, 1300])
@pytest.mark.parametrize("name", ["report", "explore"])
def test_nothing_sticks_out_of_a_screen(browser, pages, name, width):
    browser.visit(pages[name], width=width)
    assert browser.value("document.documentElement.scrollWidth") <= width


LIGHT = """c => {
  const parts = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
    .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}"""


def contrast(browser, selector):
    """Contrast of a text with the page, after WCAG 2."""
    ink, paper = (
        browser.value(f"({LIGHT})(getComputedStyle({element}).{name})")
        for element, name in (
            (f"document.querySelector('{selector}')", "color"),
            ("document.body", "backgroundColor"),
        )
    )
    return (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_in_light_and_in_dark(browser, pages, scheme):
    browser.visit(pages["report"], scheme=scheme)
    dark = browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert dark == (scheme == "dark")
    for selector in ("h1", "td", ".note", ".ci", ".tag.checked", "nav a", "td a, figcaption a"):
        assert contrast(browser, selector) >= 4.5, selector
    ink = browser.value("getComputedStyle(document.querySelector('.drawing svg text')).fill")
    assert ink == browser.value("getComputedStyle(document.querySelector('.note')).color")


def test_the_page_can_be_read_with_the_keyboard_alone(browser, pages):
    browser.visit(pages["report"])
    browser.press("Tab")
    assert browser.value("document.activeElement.className") == "skip"
    browser.press("Enter")
    assert browser.value("location.hash") == "#content"
    seen = set()
    for _ in range(60):
        browser.press("Tab")
        seen.add(browser.value("document.activeElement.tagName"))
    assert seen >= {"A", "SUMMARY", "DIV"}


def test_tables_and_headings_have_their_order(browser, pages):
    browser.visit(pages["report"])
    assert browser.value("document.querySelectorAll('h1').length") == 1
    levels = browser.value("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert all(after - before <= 1 for before, after in pairwise(levels))
    without = "[...document.querySelectorAll('table')].filter(t => !t.caption || !t.tHead).length"
    assert browser.value(without) == 0
    loose = "[...document.querySelectorAll('th')].filter(t => !t.scope).length"
    assert browser.value(loose) == 0
