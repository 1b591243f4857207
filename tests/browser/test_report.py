"""The report in a real browser: it loads nothing, fits small screens, and follows the theme."""

from __future__ import annotations

import base64
import io
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tools")]

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


@pytest.mark.parametrize("width", [360, 400, 768, 1000, 1300, 1600])
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


FIRST_WIDE = (
    "[...document.querySelectorAll('.scroll')].find(s => s.scrollWidth > s.clientWidth + 8)"
)


def edge_of_the_first_wide_table(browser):
    """Mean grey level of the right edge of the first table that is wider than the screen."""
    box = browser.value(
        f"(b => [b.right + scrollX, b.top + scrollY, b.height])({FIRST_WIDE}"
        ".getBoundingClientRect())"
    )
    clip = {"x": box[0] - 6, "y": box[1] + 2, "width": 6, "height": box[2] - 4, "scale": 1}
    shot = browser.send("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
    pixels = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("L")
    return sum(pixels.tobytes()) / len(pixels.tobytes())


def test_a_wide_table_shows_on_a_small_screen_that_it_goes_on(browser, pages):
    browser.visit(pages["report"], width=400)
    before = edge_of_the_first_wide_table(browser)
    browser.value(f"({FIRST_WIDE}).scrollLeft = 1e6")
    assert edge_of_the_first_wide_table(browser) > before + 20


def test_there_is_a_way_back_to_the_top_from_anywhere_below_the_first_screen(browser, pages):
    browser.visit(pages["report"], width=400)
    top = "document.querySelector('.back a').getBoundingClientRect().top"
    assert browser.value(top) >= 900  # the first screen has nothing to go back from
    browser.value("document.documentElement.style.scrollBehavior = 'auto'; scrollTo(0, 1e6)")
    assert 0 < browser.value(top) < 900
    browser.value("document.querySelector('.back a').click()")
    assert browser.value("scrollY") == 0


def test_words_beside_scores_are_explained_in_the_page(browser, pages):
    browser.visit(pages["report"])
    words = browser.value("[...document.querySelectorAll('a.term')].map(a => [a.hash, a.title])")
    assert {"#term-macro-f1", "#term-ece", "#term-lineage", "#term-prevalence"} <= {
        anchor for anchor, _ in words
    }
    for anchor, tooltip in words:
        told = browser.value(f"document.querySelector('{anchor} dd').textContent")
        assert told == tooltip


def test_the_score_is_judged_in_words_before_any_table(browser, pages):
    browser.visit(pages["report"])
    said = browser.value("document.querySelector('header .verdict').textContent")
    assert "guessing" in said
    assert "test images" in said


def test_a_wide_screen_is_used(browser, pages):
    used = {}
    for width in (1300, 1600):
        browser.visit(pages["report"], width=width)
        used[width] = browser.value("document.querySelector('main').clientWidth")
    assert used[1600] > used[1300] + 200
