"""Curation has one order, and one rule says when a stage has to run again."""

from __future__ import annotations

from contextlib import contextmanager

import pyarrow as pa
import pytest

from cosmic_morphology import curate_images
from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.atlas.maintenance import compact_tables, index_columns
from cosmic_morphology.atlas.stage import Stage, is_stale, run_stage
from cosmic_morphology.curate import CURATION
from cosmic_morphology.curate.stages import CHECKS, DUPLICATES, GROUPS, LABELS, VOTES, Curation
from cosmic_morphology.errors import UsageError
from cosmic_morphology.pipeline import STAGES
from cosmic_morphology.settings import Settings
from cosmic_morphology.taxonomy import load_taxonomy

TITLES = ["Comet 67P", "Spiral Galaxy M 51", "Rocket launch", "Comet in a painting", ""]
SIX = load_taxonomy()


@pytest.fixture
def sky(atlas, arrival):
    atlas.add([arrival(n, title=title) for n, title in enumerate(TITLES)])
    return atlas


def context_of(atlas, **curate):
    return Curation(atlas=atlas, settings=Settings(curate=curate), taxonomy=SIX)


def run_all(context):
    for stage in (DUPLICATES, VOTES, GROUPS, LABELS):
        run_stage(stage, context)


def verdict(of):
    return {"id": of, "verdict": "label", "label": "star", "reviewer": "ann", "reason": "seen"}


def test_the_pipeline_curates_by_the_same_stages_in_the_same_order():
    assert [each for each in STAGES if each in CURATION] == list(CURATION)
    again = next(each for each in STAGES if each.name == "labels again")
    assert (again.run, again.reads, again.writes) == (LABELS.run, LABELS.reads, LABELS.writes)


def test_curation_tells_what_it_did_and_changes_nothing_when_repeated(sky):
    first = curate_images(sky)
    labels = sky.read(["id", "label"]).to_pylist()
    assert (first.labels.labels["comet"], first.votes.filled, first.groups.images) == (1, 5, 5)
    assert first.relevance.changed
    assert (first.zero_shot, first.runs) == (None, {})
    version = sky.version
    second = curate_images(sky)
    assert sky.version == version
    assert sky.read(["id", "label"]).to_pylist() == labels
    assert second.votes.already_there == 5
    done = (second.duplicates, second.groups, second.labels, second.relevance, second.mislabels)
    assert not any(each.changed for each in done)


def test_curation_names_each_stage_that_it_shows_progress_of(sky):
    opened = []

    @contextmanager
    def titled(title):
        opened.append(title)
        yield lambda _done, _total: None

    curate_images(sky, settings=Settings(), taxonomy=SIX, progress=titled)
    assert opened == ["comparing images", "voting", "weighing votes"]


def test_curation_asks_for_the_runs_that_its_settings_name(sky):
    with pytest.raises(UsageError, match=r"curate\.votes\.trained_runs: .*none was handed in"):
        curate_images(sky, settings=Settings(curate={"votes": {"trained_runs": ("quick",)}}))


def test_a_stage_is_stale_until_it_has_run_and_then_no_more(sky):
    context = context_of(sky)
    assert is_stale(LABELS, context)
    run_all(context)
    assert not any(is_stale(each, context) for each in (DUPLICATES, GROUPS, LABELS))
    assert is_stale(VOTES, context)  # fills the rows that lack its column, whenever it is asked
    version = sky.version
    run_stage(LABELS, context)
    assert sky.version == version


@pytest.mark.parametrize("change", ["image", "setting", "verdict", "text"])
def test_a_stage_is_stale_once_what_it_reads_has_changed(sky, arrival, change):
    context = context_of(sky)
    run_all(context)
    if change == "image":
        sky.add([arrival(9, title="Comet Halley")])
    elif change == "setting":
        context = context_of(sky, labels={"min_confidence": 0.9})
    elif change == "verdict":
        sky.append_decisions([verdict("nasa:x000")])
    else:
        sky.add([arrival(0, title="Comet Halley")])
    stale = {each.name for each in (GROUPS, LABELS) if is_stale(each, context)}
    assert stale == ({"labels"} if change in {"verdict", "setting"} else {"groups", "labels"})


def test_a_stage_is_stale_when_others_have_written_its_columns_since(sky):
    mine = context_of(sky, labels={"min_confidence": 0.5})
    run_all(mine)
    assert not is_stale(LABELS, mine)
    curate_images(sky, taxonomy=SIX, settings=Settings(curate={"labels": {"min_confidence": 0.99}}))
    assert is_stale(LABELS, mine)
    run_stage(LABELS, mine)
    assert not is_stale(LABELS, mine)


@pytest.mark.parametrize("since", ["nothing", "a note", "another column", "an index"])
def test_no_row_is_read_to_see_that_nothing_has_changed(sky, monkeypatch, since):
    context = context_of(sky)
    run_all(context)
    if since == "a note":
        sky.set_note("mine", "text")
    elif since == "another column":
        ids = sky.read(["id"]).column("id")
        looks = pa.table({"id": ids, "prediction_mine": ["star"] * len(ids)})
        sky.replace_columns(looks, ColumnProvenance("predict"))
    elif since == "an index":
        index_columns(sky)

    def refuse(*_, **__):
        raise AssertionError("rows are read")

    monkeypatch.setattr(type(sky), "digest", refuse)
    assert not any(is_stale(each, context) for each in (DUPLICATES, GROUPS, LABELS))


def test_merging_small_files_makes_nothing_stale(sky, arrival):
    for n in range(5, 9):
        sky.add([arrival(n, title=f"Comet {n}P")])
    context = context_of(sky)
    run_all(context)
    assert sum(each.merged for each in compact_tables(sky)) > 0
    assert not any(is_stale(each, context) for each in (DUPLICATES, GROUPS, LABELS))


def test_a_check_says_what_it_reads_so_that_a_verdict_reaches_it(sky):
    context = context_of(sky)
    run_all(context)
    run_stage(CHECKS, context)
    assert not is_stale(CHECKS, context)
    sky.append_decisions([verdict("nasa:x001")])
    assert is_stale(CHECKS, context)


def test_a_stage_of_somebody_else_follows_the_same_rule(sky):
    ran = []
    mine = Stage("mine", ran.append, reads=("title",), parameters=lambda settings: settings.seed)
    context = context_of(sky)
    run_stage(mine, context)
    assert ran == [context]
    assert not is_stale(mine, context)
    context.settings.seed += 1
    assert is_stale(mine, context)
