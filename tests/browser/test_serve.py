"""The web application in a real browser: every page, every key, two people, a crash."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest
from chromium import find_chromium
from drawn_images import draw_jpeg
from evaluate_atlas import write_run
from harvest_tools import QUICK, gather
from playwright.sync_api import Browser, Page, expect, sync_playwright
from served_sky import (
    Served,
    exported,
    hostile_atlas,
    hostile_taxonomy,
    labelled_atlas,
    listening,
)
from tiny_clip import save_tiny_clip

from cosmic_morphology.atlas import Atlas, ColumnProvenance, all_decisions, latest_decisions
from cosmic_morphology.curate import pairs_said
from cosmic_morphology.curate.duplicates.columns import Copies, decide_copies, write_found
from cosmic_morphology.curate.duplicates.seen import read_seen
from cosmic_morphology.curate.phrases_seen import find_by_phrase, see_for_phrases
from cosmic_morphology.replica import ArchiveCatalogue, Faults, Replica
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.settings import CollectJob, CollectSettings
from cosmic_morphology.taxonomy import load_taxonomy

SCRIPT = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
PAGES = (
    *(
        "/",
        "/gallery",
        "/review",
        "/review/sheets",
        "/classify",
        "/map",
        "/runs",
        "/conflicts",
        "/classes",
        "/harvest",
    ),
    "/docs",
)
PATIENCE_MS = 120_000  # for hangs alone


expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def served(tmp_path) -> Served:
    return Served(labelled_atlas(tmp_path / "atlas", 130, title=SCRIPT), tmp_path)


@contextmanager
def person(browser: Browser, served: Served, port: int, name: str, **how) -> Iterator[Page]:
    """A page of a person who may write; what goes wrong in it fails the test."""
    context = browser.new_context(base_url=f"http://127.0.0.1:{port}", **how)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None
            if re.match(rf"(http://127\.0\.0\.1:{port}|blob:|data:)", asked.url)
            else faults.append(asked.url)
        ),
    )
    page.goto(f"/?token={served.reviewers.invite(name)}")
    yield page
    assert faults == []
    context.close()


def all_sent(page: Page) -> None:
    """Wait until the server has taken every verdict."""
    expect(page.locator("#review")).to_have_attribute("data-unsent", "0")


@pytest.mark.parametrize("width", [400, 1280])
def test_every_page_fits_asks_nobody_else_and_runs_nothing_from_outside(browser, served, width):
    with listening(served) as port:
        for scheme in ("dark", "light"):
            size = {"width": width, "height": 800}
            with person(browser, served, port, "ann", viewport=size, color_scheme=scheme) as page:
                for path in (*PAGES, f"/image/{min(served.atlas.ids())}"):
                    page.goto(path)
                    page.wait_for_load_state("networkidle")
                    assert page.title() != "run"
                    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    assert wide <= 0, f"{path} is {wide} px wider than the window"
                    assert page.locator("h1").first.text_content() or path == "/review"


def test_a_hundred_quick_keys_are_a_hundred_verdicts_in_their_order(browser, served):
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/review")
        expect(page.locator("#place")).to_contain_text("1 of")
        for number in range(100):
            page.keyboard.press("123ik"[number % 5])
        expect(page.locator("#progress")).to_contain_text("100 verdicts")
        page.keyboard.press("u")
        expect(page.locator("#progress")).to_contain_text("99 verdicts")
        all_sent(page)
    given = [each for each in all_decisions(served.atlas) if each.who == "ann"]
    judged = [each for each in given if each.verdict != "withdraw"]
    assert len(judged) == len({each.id for each in judged}) == 100
    assert len(given) == 101


def test_two_people_at_once_get_different_images(browser, served):
    with (
        listening(served) as port,
        person(browser, served, port, "ann") as hers,
        person(browser, served, port, "bob") as his,
    ):
        for page in (hers, his):
            page.goto("/review")
            expect(page.locator("#place")).to_contain_text("1 of")
        for _ in range(10):
            hers.keyboard.press("k")
            his.keyboard.press("i")
        for page in (hers, his):
            all_sent(page)
    given = all_decisions(served.atlas)
    assert {each.who for each in given} == {"ann", "bob"}
    assert len({each.id for each in given}) == len(given) == 20


def test_a_verdict_survives_a_server_that_stops_in_between(browser, served):
    with listening(served) as port:
        pass
    with listening(served, port), person(browser, served, port, "ann") as page:
        page.goto("/review")
        expect(page.locator("#place")).to_contain_text("1 of")
        page.context.set_offline(offline=True)
        page.keyboard.press("1")
        expect(page.locator("#said")).to_contain_text("is kept and sent again")
        assert not all_decisions(served.atlas)
        page.context.set_offline(offline=False)
        all_sent(page)
    assert len(all_decisions(served.atlas)) == 1


def test_images_are_chosen_judged_undone_and_taken_away(browser, served):
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/gallery?label=comet")
        boxes = page.locator(".choose")
        boxes.nth(0).check(force=True)
        boxes.nth(3).click(force=True, modifiers=["Shift"])
        expect(page.locator("#chosen")).to_have_text("4 chosen")
        page.select_option("#relabel", "galaxy")
        expect(page.locator("#said")).to_have_text("4 verdicts stored.")
        page.click("#undo")
        expect(page.locator("#said")).to_have_text("4 verdicts taken back.")
        with page.expect_download() as taken:
            page.select_option("#table", "csv")
        assert len(taken.value.path().read_text().splitlines()) == 5
        page.click("#every")
        page.click("[data-verdict=keep]")
        expect(page.locator("#said")).to_contain_text("verdicts stored.")
    assert sum(each.verdict == "keep" for each in all_decisions(served.atlas)) == 44


def test_back_from_an_image_is_the_view_as_it_was(browser, served):
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/gallery")
        page.select_option("[name=label]", "star")
        page.wait_for_url("**/gallery?label=star")
        page.locator(".tile a").first.click()
        page.wait_for_url("**/image/**")
        page.go_back()
        page.wait_for_url("**/gallery?label=star")
        expect(page.locator("[name=label]")).to_have_value("star")
        page.locator(".chip").first.click()
        page.wait_for_url("**/gallery")


def test_more_images_come_as_the_page_is_scrolled(browser, served):
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/gallery")
        expect(page.locator(".tile")).to_have_count(60)
        page.keyboard.press("End")
        expect(page.locator(".tile")).to_have_count(120)
        page.keyboard.press("End")
        expect(page.locator(".tile")).to_have_count(130)
        assert page.locator(".more").count() == 0


def test_a_file_that_is_chosen_is_classified(browser, tmp_path):
    model = exported(tmp_path / "tiny.onnx")
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path, model=model)
    (tmp_path / "one.jpg").write_bytes(draw_jpeg(1))
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/classify")
        page.set_input_files("#files", tmp_path / "one.jpg")
        expect(page.locator("#answers li .bars li")).to_have_count(3)
        shutil.copy(tmp_path / "tiny.onnx", tmp_path / "no-image.jpg")
        page.set_input_files("#files", tmp_path / "no-image.jpg")
        expect(page.locator("#answers h2").first).to_have_text("No usable image")
        expect(page.get_by_text("1 answered, 1 not.")).to_be_visible()


def test_a_button_shows_what_an_answer_rests_on_in_a_picture_and_in_words(browser, tmp_path):
    model = exported(tmp_path / "tiny.onnx")
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path, model=model)
    (tmp_path / "one.jpg").write_bytes(draw_jpeg(1))
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/classify")
        page.set_input_files("#files", tmp_path / "one.jpg")
        page.get_by_role("button", name="Show what it rests on").press("Enter")
        heat = page.locator("#answers figure.heat")
        expect(heat.locator("figcaption")).to_contain_text("tiny: galaxy")
        expect(heat).to_be_focused()
        page.goto(f"/image/{min(served.atlas.ids())}")
        page.get_by_role("button", name="Show what the model's answer rests on").click()
        drawn = page.locator("figure.heat img")
        expect(drawn).to_have_js_property("complete", value=True)
        assert drawn.evaluate("image => image.naturalWidth") > 0
        expect(drawn).to_have_attribute("alt", re.compile("galaxy"))
        expect(page.locator("figure.heat")).to_be_focused()
        expect(page.locator("#said")).to_have_text("")


def test_everything_is_reached_by_the_keyboard(browser, served):
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/gallery")
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.goto("/review")
        expect(page.locator("#place")).to_contain_text("1 of")
        page.keyboard.press("?")
        expect(page.locator("#help")).to_be_visible()
        page.keyboard.press("1")  # no verdict while the help is open
        page.keyboard.press("Escape")
        expect(page.locator("#help")).to_be_hidden()
    assert not all_decisions(served.atlas)


def test_an_image_is_judged_on_its_own_page(browser, served):
    id_ = min(served.atlas.ids())
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto(f"/image/{id_}")
        page.click("#judge [data-label=nebula]")
        expect(page.locator("main")).to_contain_text("ann: label nebula")
        page.click("#judge [data-verdict=withdraw]")
        expect(page.locator("main")).to_contain_text("ann: withdraw")
        page.locator("#zoom").press("+")
        expect(page.locator("#zoom")).to_have_class("sky enlarged")


def test_the_queue_follows_the_labels_that_verdicts_have_changed(browser, tmp_path):
    served = Served(labelled_atlas(tmp_path / "atlas", 20), tmp_path, weigh_seconds=0.01)
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/review")
        expect(page.locator("#review")).to_have_attribute("data-rounds", "1")
        expect(page.locator("#weighing")).to_have_text("Labels know every verdict.")
        page.keyboard.press("1")
        expect(page.locator("#review")).to_have_attribute("data-rounds", "2")
        # Every title says comet; those that were ready before show what they had.
        for _ in range(6):
            page.keyboard.press("s")
        for place in range(8, 21):
            expect(page.locator("#place")).to_contain_text(f"{place} of")
            expect(page.locator("#label")).to_have_text("comet")
            page.keyboard.press("s")


def test_a_sheet_is_answered_by_one_key_but_for_what_is_clicked_out(browser, served):
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/review/sheets")
        tiles = page.locator(".out")
        expect(page.locator("#question")).to_contain_text("look-alikes")
        n = tiles.count()
        first = tiles.nth(0).get_attribute("data-id")
        tiles.nth(0).click()
        tiles.nth(1).focus()
        page.keyboard.press("Space")
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        expect(page.locator("#progress")).to_have_text(
            f"2 actions, {n} images looked at, {n - 1} verdicts"
        )
        expect(page.locator("#sheets")).to_have_attribute("data-unsent", "0")
        assert len(latest_decisions(served.atlas)) == n - 1
        assert first not in latest_decisions(served.atlas)
        page.keyboard.press("s")
        page.keyboard.press("u")
        page.keyboard.press("u")
        expect(page.locator("#sheets")).to_have_attribute("data-unsent", "0")
        expect(tiles.nth(0)).to_have_attribute("data-id", first)
        assert not latest_decisions(served.atlas)
        page.keyboard.press("i")
        expect(page.locator("#sheets")).to_have_attribute("data-unsent", "0")
    assert {each.verdict for each in latest_decisions(served.atlas).values()} == {"drop"}


def test_two_copies_are_judged_side_by_side(browser, served):
    one, other, *_ = sorted(served.atlas.ids())
    found = Copies(np.array([[0, 1]]), np.array([0.9], np.float32), 1)
    write_found(served.atlas, read_seen(served.atlas), found, ColumnProvenance("duplicate"))
    decide_copies(served.atlas)
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto(f"/image/{one}")
        page.get_by_role("button", name="keep the right one").click()
        expect(page.locator("#said")).to_contain_text("Stored")
        assert pairs_said(served.atlas).kept == (other,)
        page.get_by_role("button", name="not the same").click()
        expect(page.locator("[aria-pressed=true]")).to_have_text("not the same")
        # What was said is still pressed on a page that is opened anew, and so is taken back there.
        page.reload()
        page.get_by_role("button", name="not the same").click()
        expect(page.locator("#said")).to_contain_text("Taken back")
        expect(page.locator("[aria-pressed=true]")).to_have_text("keep the right one")
        page.reload()
        page.get_by_role("button", name="keep the right one").click()
        expect(page.locator("#said")).to_contain_text("Taken back")
    assert pairs_said(served.atlas).kept == ()


def test_phrases_are_changed_counted_and_saved_in_a_copy(browser, tmp_path):
    served = Served(labelled_atlas(tmp_path / "atlas", 12, title="fluffball"), tmp_path)
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/classes")
        page.locator("summary", has_text="galaxy").focus()
        page.keyboard.press("Enter")
        field = page.get_by_label("Title, folder and file name", exact=False).locator(
            "visible=true"
        )
        field.press("Control+End")
        field.press_sequentially("\nfluffball\n")
        expect(page.locator("#count")).to_contain_text("1 change: 1 record gets another label")
        expect(page.locator("#moves tbody")).to_contain_text("no label")
        expect(page.locator("#changes tbody")).to_contain_text("+ fluffball")
        field.press_sequentially("nebula")
        expect(page.locator("#count")).to_contain_text("speaks for both")
        for _ in "nebula":
            field.press("Backspace")
        page.get_by_label("Name of the copy").fill("mine")
        page.get_by_role("button", name="Save a copy").click()
        expect(page.locator("#saved")).to_contain_text("mine.taxonomy.toml")
        page.get_by_role("button", name="Take all changes back").click()
        expect(page.locator("#count")).to_have_text("Nothing is changed yet.")
        expect(page.locator("#save")).to_be_hidden()
    assert any("fluffball" in rule.phrases for rule in
               load_taxonomy(tmp_path / "mine.taxonomy.toml").rules)  # fmt: skip


def test_names_of_classes_that_are_scripts_are_not_run_in_a_browser(browser, tmp_path):
    atlas = hostile_atlas(tmp_path / "atlas", SCRIPT)
    sky = hostile_taxonomy(tmp_path / "sky.toml", SCRIPT)
    served = Served(atlas, tmp_path, settings={"taxonomy": sky})
    how = {"viewport": {"width": 400, "height": 800}}
    with listening(served) as port, person(browser, served, port, "ann", **how) as page:
        for path in (*PAGES[:-1], f"/image/{min(atlas.ids())}"):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            assert page.title() != "run"
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{path} is {wide} px wider than the window"
        page.goto("/classes")
        for each in page.locator("summary").all():
            each.click()
        page.locator("textarea").last.fill(f"{SCRIPT[:60]}")
        expect(page.locator("#changes tbody tr")).to_have_count(2)
        page.goto("/review")
        expect(page.locator("#place")).to_contain_text("1 of")
        page.keyboard.press("i")
        all_sent(page)
        assert page.title() != "run"


def test_the_map_changes_its_layout_and_the_lasso_is_of_the_one_that_is_shown(browser, tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 12)
    ids = sorted(atlas.ids())
    for name, width in (("embedding_tiny", 4), ("map_umap", 2)):
        values = np.random.default_rng(0).random((12, width)).astype(np.float32)
        flat = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), width)
        atlas.replace_columns(pa.table({"id": ids, name: flat}), ColumnProvenance(name))
    served = Served(atlas, tmp_path)
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/map")
        expect(page.locator("#about")).to_contain_text("two principal components")
        page.get_by_label("Layout").select_option("umap")
        expect(page.locator("#about")).to_contain_text("laid out by UMAP")
        page.get_by_role("button", name="Lasso").click()
        box = page.locator("#map").bounding_box()
        page.mouse.move(box["x"] + 2, box["y"] + 2)
        page.mouse.down()
        for x, y in ((0.99, 0.01), (0.99, 0.99), (0.01, 0.99)):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.mouse.up()
        page.wait_for_url(re.compile("layout=umap"))
        expect(page.locator(".chips")).to_contain_text("12 images")


def test_what_failed_is_tried_again_from_the_page_of_the_harvest(browser, tmp_path):
    with Replica(ArchiveCatalogue.numbered(12, side_px=32), quirks=Quirks.none()) as archive:
        archive.set_faults(Faults(rate_500=1.0, only="/nasa-assets"))
        atlas = Atlas.create(tmp_path / "atlas")
        gather(atlas, archive.nasa_url, "galaxy", settings={"attempts": 1})
        archive.set_faults(Faults())
        job = CollectJob(type="nasa", root=archive.nasa_url, queries=("galaxy",))
        settings = {"sources": (job,), "collect": CollectSettings(**QUICK)}
        served = Served(atlas, tmp_path, settings=settings)
        with listening(served) as port, person(browser, served, port, "ann") as page:
            page.goto("/harvest")
            expect(page.locator("main")).to_contain_text("http_500: 12")
            page.get_by_role("button", name="Try nasa again").press("Enter")
            expect(page.locator("#retry")).to_contain_text("12 new images, nothing is missing")
            expect(page.locator(".bars").first).to_contain_text("stored12")
            expect(page.locator("main")).not_to_contain_text("http_500: 12")


def test_keys_that_give_no_verdict_say_why(browser, tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 4)
    ids = sorted(atlas.ids())
    none = pa.array([None] * 4, pa.string())
    open_ = pa.table({"id": ids, "label": none, "suggested_label": none})
    atlas.replace_columns(open_, ColumnProvenance("labels"))
    served = Served(atlas, tmp_path)
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/review")
        expect(page.locator("#label")).to_have_text("no label")
        page.keyboard.press("k")
        expect(page.locator("#said")).to_contain_text("no label to keep")
        page.keyboard.press("i")
        all_sent(page)
        expect(page.locator("#said")).to_be_empty()
    assert [each.verdict for each in all_decisions(atlas)] == ["drop"]


def test_images_are_found_by_a_phrase_that_is_typed(browser, tmp_path, monkeypatch):
    pytest.importorskip("open_clip")
    model = save_tiny_clip(tmp_path / "clip", 1).votes.zero_shot_model
    monkeypatch.setenv("COSMIC_CURATE__VOTES__ZERO_SHOT_MODEL", model)
    atlas = labelled_atlas(tmp_path / "atlas", 12)
    see_for_phrases(atlas, model)
    served = Served(atlas, tmp_path)
    best = [id_ for id_, _ in find_by_phrase(atlas, "two tails", model)]
    with listening(served) as port, person(browser, served, port, "ann") as page:
        page.goto("/gallery")
        page.get_by_label("Looks like").fill("two tails")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("phrase=two"))
        expect(page.locator(".chips")).to_contain_text("The 12 best matches")
        expect(page.locator(".tile").first).to_have_attribute("data-id", best[0])
        page.get_by_label("Remove: looks like: two tails").click()
        expect(page.locator(".chips")).to_contain_text("12 images")


def test_the_list_of_runs_is_short_on_a_narrow_page(browser, tmp_path):
    for name in ("one", "two"):
        write_run(tmp_path, name, recipe="a recipe that has a rather long name")
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path)
    size = {"width": 400, "height": 800}
    with listening(served) as port, person(browser, served, port, "ann", viewport=size) as page:
        page.goto("/runs")
        rows = page.locator(".board tbody tr")
        expect(rows).to_have_count(2)
        # A name and a line below it.
        assert max(rows.evaluate_all("rows => rows.map((row) => row.offsetHeight)")) < 80
