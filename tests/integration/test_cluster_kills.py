"""Workers of a cluster that collects die, or are overtaken, at every point: nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from harvest_tools import gather
from pretend_cluster import CLAIMED, COMMITTED, FETCHED, PretendCluster, pretended

from cosmic_morphology.atlas import Atlas, verify_atlas
from cosmic_morphology.collect import CollectResult
from cosmic_morphology.errors import EngineError
from cosmic_morphology.replica import ArchiveCatalogue, Faults, Replica
from cosmic_morphology.replica.quirks import Quirks

IMAGES = 9
# The later ones show what the first has claimed.
QUERIES = ("galaxy", "album:Album_1", "star")
MANNERS = {"commit_rows": 3, "stop_on_source_change": False}
COMMITS, ALL = (COMMITTED,), (CLAIMED, FETCHED, COMMITTED)
# Of two of the images there is no file; most of them come as the same file, which is none of them.
GONE = Faults(rate_gone=0.2, only="/nasa-assets", seed=1)
SAME = Faults(rate_placeholder=0.7, only="/nasa-assets", seed=1)


@pytest.fixture(scope="module")
def replica():
    with Replica(ArchiveCatalogue.numbered(IMAGES, side_px=32), quirks=Quirks.none()) as running:
        yield running


def all_of(atlas: Atlas, done: CollectResult) -> dict[str, Any]:
    """Everything that a harvest leaves, but times, tries and the slice that had an image first."""

    def rows(table: str, *columns: str, key: str = "id") -> list[dict[str, Any]]:
        found = atlas.read(list(columns) or None, table=table).sort_by(key).to_pylist()
        return [without(row, "fetched_at", "updated_at", "attempts", "slice") for row in found]

    problems = verify_atlas(atlas).problems
    assert problems == (), problems
    ledger = [row for row in rows("ledger", key="url") if row["id"]]
    for row in ledger:
        row["record"] = without(json.loads(row["record"] or "{}"), "fetched_at")
    certificate = [without(each, "read_at") for each in done.rows()]
    return {
        "images": rows("images", "id", "sha256"),
        "catalogue": rows("catalogue"),
        "ledger": ledger,
        "certificate": sorted(certificate, key=lambda each: each["name"]),
        "done": without(asdict(done), "certificate", "seconds", "bytes"),
    }


def queries_of(atlas: Atlas) -> dict[str, list[str]]:
    rows = atlas.read(["id", "queries"]).to_pylist()
    return {row["id"]: sorted(row["queries"]) for row in rows}


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in names}


def in_one_process(place: Path, replica: Replica, *queries: str) -> dict[str, Any]:
    atlas = Atlas.create(place)
    return all_of(atlas, gather(atlas, replica.nasa_url, *queries, settings=MANNERS))


def on_cluster(
    place: Path, replica: Replica, cluster: PretendCluster, *queries: str
) -> dict[str, Any]:
    with pretended(cluster) as engine:
        atlas = Atlas.create(place)
        done = gather(atlas, replica.nasa_url, *queries, settings=MANNERS, engine=engine)
    return all_of(atlas, done)


def first_dies(kinds: tuple[str, ...]) -> Callable[[int], PretendCluster]:
    return lambda at: PretendCluster(at, kinds, lambda number, deaths: number + deaths == 0)


def each_dies(kinds: tuple[str, ...]) -> Callable[[int], PretendCluster]:
    return lambda at: PretendCluster(at, kinds)


def first_stands_still(kinds: tuple[str, ...]) -> Callable[[int], PretendCluster]:
    return lambda at: PretendCluster(at, kinds, meanwhile=True)


def test_workers_that_live_pass_all_points(replica, tmp_path):
    replica.set_faults(GONE)
    alone = in_one_process(tmp_path / "alone", replica, *QUERIES)
    assert alone["done"]["failed"] == {"gone": 2}
    cluster = PretendCluster()
    assert on_cluster(tmp_path / "sky", replica, cluster, *QUERIES) == alone
    assert set(cluster.passed) == set(ALL)


@pytest.mark.parametrize(
    ("faults", "to"),
    [
        (GONE, first_dies(COMMITS)),
        (GONE, first_stands_still(COMMITS)),
        (SAME, first_stands_still(COMMITS)),
        *(
            pytest.param(faults, to(ALL), marks=pytest.mark.long)
            for faults, to in (
                (GONE, first_dies),
                (GONE, each_dies),
                (GONE, first_stands_still),
                (SAME, first_dies),
                (SAME, first_stands_still),
            )
        ),
    ],
)
def test_whatever_happens_at_any_point_the_atlas_is_that_of_one_process(
    replica, tmp_path, faults, to
):
    replica.set_faults(faults)
    alone = in_one_process(tmp_path / "alone", replica, *QUERIES)
    at, happened = 0, True
    while happened:
        cluster = to(at)
        found = on_cluster(tmp_path / f"sky-{at}", replica, cluster, *QUERIES)
        assert found == alone, f"{cluster.passed} and something at {at}"
        at, happened = at + 1, cluster.happened
    assert at > len(QUERIES)


def test_a_run_that_holds_its_versions_sees_what_workers_have_stored(replica, tmp_path):
    replica.set_faults(GONE)
    alone = in_one_process(tmp_path / "alone", replica, *QUERIES)
    atlas = Atlas.create(tmp_path / "sky")
    with pretended(PretendCluster()) as engine, atlas.held():
        assert atlas.count() == atlas.count("catalogue") == atlas.count("ledger") == 0
        done = gather(atlas, replica.nasa_url, *QUERIES, settings=MANNERS, engine=engine)
        assert all_of(atlas, done) == alone
        assert atlas.count() == 7


def test_a_placeholder_whose_finder_dies_is_taken_back_from_the_others(tmp_path):
    # Six of the first query's images are one file, and four of the second's: too few to be seen.
    with Replica(ArchiveCatalogue.numbered(20, side_px=32), quirks=Quirks.none()) as replica:
        replica.set_faults(SAME)
        alone = in_one_process(tmp_path / "alone", replica, "star", "nebula")
        assert alone["done"]["failed"] == {"placeholder": 10}
        at, happened = 0, True
        while happened:
            cluster = first_dies(COMMITS)(at)
            found = on_cluster(tmp_path / f"sky-{at}", replica, cluster, "star", "nebula")
            assert found == alone, f"died at {at}"
            at, happened = at + 1, cluster.happened
        assert at > len(QUERIES)


def test_a_later_harvest_knows_the_placeholders_of_an_earlier_one(replica, tmp_path):
    replica.set_faults(SAME)
    atlas = Atlas.create(tmp_path / "sky")
    first = gather(atlas, replica.nasa_url, "galaxy", limit=8, settings=MANNERS)
    assert first.failed == {"placeholder": 5}
    later = gather(atlas, replica.nasa_url, "galaxy", settings=MANNERS)
    assert later.failed == {"placeholder": 6}
    hashes = atlas.read(["sha256"], table="images").column("sha256").to_pylist()
    assert len(hashes) == len(set(hashes)) == 3


def test_what_is_said_of_an_image_is_kept_when_the_query_that_fetches_it_fails(replica, tmp_path):
    replica.set_faults(Faults())
    alone = Atlas.create(tmp_path / "alone")
    gather(alone, replica.nasa_url, *QUERIES, settings=MANNERS)
    # Each time after it has stored some, before the ledger says so; the others end in between.
    cluster = PretendCluster(2, COMMITS, lambda number, _: number == 0)
    atlas = Atlas.create(tmp_path / "sky")
    with pretended(cluster) as engine, pytest.raises(EngineError, match="3 workers died"):
        gather(atlas, replica.nasa_url, *QUERIES, settings=MANNERS, engine=engine)
    found, expected = queries_of(atlas), queries_of(alone)
    assert len(found) > 3
    assert found == {each: expected[each] for each in found}
    assert any(len(each) > 1 for each in found.values())


def test_each_stored_image_is_asked_for_once_again_and_told_its_new_searches(replica, tmp_path):
    replica.set_faults(Faults())
    atlas = Atlas.create(tmp_path / "sky")
    gather(atlas, replica.nasa_url, "galaxy", settings=MANNERS)
    replica.forget_requests()
    with pretended(PretendCluster()) as engine:
        gather(
            *(atlas, replica.nasa_url, *QUERIES),
            settings=MANNERS, engine=engine, revalidate=True,
        )  # fmt: skip
    assert replica.requests.count("/nasa-assets", status=304) == IMAGES
    alone = Atlas.create(tmp_path / "alone")
    gather(alone, replica.nasa_url, *QUERIES, settings=MANNERS)
    assert queries_of(atlas) == queries_of(alone)


def test_searches_that_found_an_image_which_could_not_be_had_come_with_it_later(replica, tmp_path):
    replica.set_faults(GONE)
    atlas = Atlas.create(tmp_path / "sky")
    done = gather(atlas, replica.nasa_url, *QUERIES, settings=MANNERS)
    assert done.failed == {"gone": 2}
    replica.set_faults(Faults())
    gather(atlas, replica.nasa_url, "galaxy", settings=MANNERS, retry={"gone"})
    alone = Atlas.create(tmp_path / "alone")
    gather(alone, replica.nasa_url, *QUERIES, settings=MANNERS)
    assert queries_of(atlas) == queries_of(alone)
