"""Rendered images are called so wherever they are shown, credited or scored."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from cosmic_morphology.atlas import RENDERER, ColumnProvenance, Record, credit_ledger
from cosmic_morphology.collect.harvest.other_address import SourceAtOtherAddress
from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate import evaluate_run
from cosmic_morphology.report import explore_atlas, write_report
from cosmic_morphology.settings import CollectJob, EvaluateSettings

NASA = "https://images.nasa.gov/details/x"
CLASSES = ("comet", "star")


class Archive:
    """A source that says what the real archive says."""

    name, hosts, queries = "nasa", ("images-api.nasa.gov",), ("comet",)

    async def records(self, ask, part):
        yield Record("nasa", "x", title="A comet", credit="NASA/JPL", page_url=NASA)


def found_at(**job):
    async def first():
        source = SourceAtOtherAddress(Archive(), CollectJob(type="nasa", **job))
        return await anext(source.records(None, None))

    return asyncio.run(first())


def test_a_stand_in_links_to_no_page_of_the_archive():
    record = found_at(root="http://127.0.0.1:8000")
    assert record.page_url == ""
    assert record.credit == "NASA/JPL"


def test_rendered_records_are_credited_to_nobody():
    record = found_at(root="http://127.0.0.1:8000", rendered=True)
    assert "NASA" not in f"{record.credit}{record.licence}{record.page_url}"
    assert record.credit.startswith("Rendered")


def test_an_empty_search_word_is_refused():
    with pytest.raises(ValueError, match="empty"):
        CollectJob(type="nasa", queries=("",))


@pytest.fixture
def drawn(atlas, arrival):
    """An atlas of an older version of this program: rendered, and credited to NASA."""
    said = {"licence": "rendered, CC0", "credit": "NASA", "page_url": NASA, "title": "A sky"}
    atlas.add([arrival(n, **said) for n in range(12)])
    ids = atlas.ids()
    labels = [CLASSES[n % 2] for n in range(12)]
    columns = {
        "labels": {"label": labels, "label_kind": ["checked"] * 12},
        "split": {"split": ["test"] * 12},
        "predict": {
            "prediction_one": ["comet"] * 12,
            "confidence_one": pa.array([0.9] * 12, pa.float32()),
        },
    }
    for stage, values in columns.items():
        atlas.replace_columns(pa.table({"id": ids, **values}), ColumnProvenance(stage))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    atlas.append_decisions(
        [
            {"id": i, "verdict": "label", "label": label, "who": RENDERER, "at": at, "why": "drawn"}
            for i, label in zip(ids, labels, strict=True)
        ]
    )
    return atlas


def text_of(page):
    body = re.sub(
        r"<style.*?</style>|data:image[^\"]*", "", page.read_text("utf-8"), flags=re.DOTALL
    )
    return body, html.unescape(re.sub(r"<[^>]+>", "\n", body))


def test_a_score_on_rendered_labels_does_not_claim_that_people_checked_them(drawn):
    found = evaluate_run(
        drawn, "one", classes=CLASSES, settings=EvaluateSettings(bootstrap_resamples=50)
    )
    assert found.checked is None
    assert found.best_known.labels == "rendered"
    assert "rendered labels" in str(found.best_known.accuracy)
    assert [row["labels"] for row in found.rows()] == ["rendered"]


def test_a_person_who_looks_makes_a_checked_label(drawn):
    first = drawn.ids()[0]
    drawn.append_decisions(
        [
            {
                "id": first,
                "verdict": "label",
                "label": "star",
                "who": "anna",
                "why": "",
                "at": datetime(2026, 2, 1, tzinfo=UTC),
            }
        ]
    )
    found = evaluate_run(
        drawn, "one", classes=CLASSES, settings=EvaluateSettings(bootstrap_resamples=50)
    )
    assert (found.checked.n, found.rendered.n) == (1, 11)


def test_the_report_says_rendered_first_and_links_nowhere(drawn, tmp_path):
    page = write_report(
        drawn, out=tmp_path, runs=(), settings=EvaluateSettings(bootstrap_resamples=50)
    )
    body, text = text_of(page)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert "rendered" in lines[0]
    assert "http" not in "".join(re.findall(r'href="([^#"][^"]*)"', body))
    assert "NASA" not in text
    assert "sky images" not in text
    assert "People have checked" not in text
    for alt in re.findall(r'<img[^>]*alt="([^"]*)"', body):
        assert "Rendered" in alt


def test_explore_captions_say_rendered(drawn, tmp_path):
    _, text = text_of(
        explore_atlas(drawn, tmp_path / "explore") and tmp_path / "explore" / "explore.html"
    )
    assert "6 rendered images" in text
    assert "NASA" not in text


def test_credits_of_rendered_images_name_nobody_else(drawn):
    assert [each.credit for each in credit_ledger(drawn)] == ["Rendered, no rights reserved"]


def test_a_rendered_label_is_not_taken_for_a_class_that_is_missing(drawn):
    with pytest.raises(UsageError):
        evaluate_run(drawn, "two", classes=CLASSES)
