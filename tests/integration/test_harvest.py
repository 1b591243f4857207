"""Collecting from the replica over real HTTP: what is promised to the person who runs it."""

from __future__ import annotations

import pytest
from harvest_tools import gather, said, table

from cosmic_morphology.atlas import Atlas, verify_atlas
from cosmic_morphology.collect.harvest.addresses import REPLICA
from cosmic_morphology.replica import ArchiveCatalogue, Faults, Replica
from cosmic_morphology.replica.quirks import Quirks


@pytest.fixture(scope="module")
def replica():
    with Replica(ArchiveCatalogue.numbered(240, side_px=32), quirks=Quirks.none()) as running:
        yield running


@pytest.fixture
def calm(replica):
    replica.set_faults(Faults())
    replica.forget_requests()
    return replica


@pytest.fixture
def odd():
    quirks = Quirks(no_links=0.1, joined_keywords=0.2, html=0.3, raw_spaces=0.3, tif_original=0.3)
    with Replica(ArchiveCatalogue.numbered(120, side_px=32), quirks=quirks) as running:
        yield running


def test_everything_that_a_search_announces_is_stored_with_its_texts(atlas, calm):
    done = gather(atlas, calm.nasa_url, "galaxy")
    assert (done.found, done.stored, done.failed, done.complete) == (240, 240, {}, True)
    assert verify_atlas(atlas).problems == ()
    one = said(atlas, atlas.ids()[0])
    assert one["title"].startswith("Galaxy field")
    assert one["credit"].startswith("NASA/")
    assert "Public domain" in one["licence"]
    assert one["queries"] == ["nasa:galaxy"]


def test_a_keyword_an_album_and_the_whole_library_are_read_to_their_end(tmp_path, calm):
    asked = {"keyword:Group 3": 6, "album:Album_2": 34, "*": 240}
    for number, (query, announced) in enumerate(asked.items()):
        done = gather(Atlas.create(tmp_path / str(number)), calm.nasa_url, query)
        assert (done.stored, done.complete) == (announced, True), query
        assert sum(report.announced for report in done.certificate) == announced


def test_doing_it_twice_fetches_nothing_and_changes_nothing(atlas, calm):
    gather(atlas, calm.nasa_url, "galaxy")
    before, versions = table(atlas), atlas.version
    calm.forget_requests()
    again = gather(atlas, calm.nasa_url, "galaxy")
    assert (again.stored, again.already_there) == (0, 240)
    assert calm.requests.count("/nasa-assets") == 0
    assert table(atlas) == before
    assert (atlas.version.images, atlas.version.catalogue) == (versions.images, versions.catalogue)


def test_another_port_of_a_replica_adds_no_row_to_the_ledger(atlas, calm):
    def addresses() -> dict[str, str]:
        rows = atlas.read(["url", "state"], table="ledger").to_pylist()
        return {row["url"]: row["state"] for row in rows}

    calm.set_faults(Faults(rate_gone=0.1, rate_cut=0.1))
    gather(atlas, calm.nasa_url, "galaxy", settings={"attempts": 1})
    before, records = addresses(), atlas.read(["id", "image_url", "page_url"]).to_pylist()
    assert len(set(before.values())) > 2
    assert not any("127.0.0.1" in url for url in before)
    assert all(row["image_url"].startswith(REPLICA) for row in records)
    with Replica(ArchiveCatalogue.numbered(240, side_px=32), quirks=Quirks.none()) as moved:
        assert moved.url != calm.url
        done = gather(atlas, moved.nasa_url, "galaxy", retry={"gone"})
        # What failed behind the one port is taken up again behind the other.
        assert (done.stored + done.already_there, done.complete) == (240, True)
        assert addresses().keys() == before.keys()
        kept = atlas.read(["id", "image_url", "page_url"]).to_pylist()
        assert [row for row in kept if row in records] == records


def test_a_record_found_by_two_searches_is_one_row_with_both(atlas, calm):
    gather(atlas, calm.nasa_url, "galaxy", "nebula")
    gather(atlas, calm.nasa_url, "star")
    rows = atlas.read(["queries"]).column("queries").to_pylist()
    assert len(rows) == 240
    assert ["nasa:galaxy", "nasa:nebula"] in rows
    assert ["nasa:galaxy", "nasa:nebula", "nasa:star"] in rows
    assert calm.requests.count("/nasa-assets") == 240


def test_oddities_of_the_archive_do_not_reach_the_atlas(atlas, odd):
    done = gather(atlas, odd.nasa_url, "galaxy")
    assert done.stored == 120
    for row in atlas.read(["description", "keywords", "image_url"]).to_pylist():
        assert "<" not in row["description"]
        assert "\r" not in row["description"]
        assert "galaxy" in row["keywords"]
        assert " " not in row["image_url"]
    types = set(atlas.read(["media_type"], table="images").column("media_type").to_pylist())
    assert types == {"image/jpeg"}


def test_a_limit_is_shared_between_the_searches_and_kept_on_a_rerun(atlas, calm):
    for _ in range(2):
        done = gather(atlas, calm.nasa_url, "star", "nebula", limit=30)
        assert done.unique == 30
    assert atlas.count() == 30
    assert {r.reasons["limit"] > 0 for r in done.certificate} == {True}
