"""Every page of the web application against the rules of WCAG 2.2 A and AA, by axe-core."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from served_sky import Served, labelled_atlas, listening
from test_serve import PAGES, browser, person

__all__ = ["browser"]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_on_any_page(browser, tmp_path, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    served = Served(labelled_atlas(tmp_path / "atlas", 30), tmp_path)
    id_ = min(served.atlas.ids())
    found = {}
    # The script of axe comes from outside, which the policy of the pages forbids.
    how = {"viewport": {"width": 400, "height": 850}, "bypass_csp": True, "color_scheme": scheme}
    with listening(served) as port, person(browser, served, port, "ann", **how) as page:
        for path in (*PAGES[:-1], f"/image/{id_}", "/gallery?check=relevance&unique=1"):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            if path == "/classes":
                try_a_phrase(page)
            result = axe.run(page, options=RULES).response["violations"]
            if result:
                found[path] = [(each["id"], each["nodes"][0]["html"]) for each in result]
    assert not found


def try_a_phrase(page):
    """The page with everything on it that it can show."""
    page.locator("summary").last.click()
    page.locator("textarea").last.press("Control+End")
    page.locator("textarea").last.press_sequentially("\nimage 1\n")
    expect(page.locator("#changes tbody tr")).to_have_count(1)
