"""What goes wrong on the way: everything that can be had is had, the rest is named."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from harvest_tools import gather, images_of, table

from cosmic_morphology.atlas import Atlas, verify_atlas
from cosmic_morphology.collect import status
from cosmic_morphology.errors import AtlasFullError, FetchError, SourceError, UsageError
from cosmic_morphology.replica import ArchiveCatalogue, Faults, Replica
from cosmic_morphology.replica.quirks import Quirks

HARVEST = Path(__file__).parents[1] / "tools" / "harvest_tools.py"


@pytest.fixture(scope="module")
def replica():
    with Replica(ArchiveCatalogue.numbered(200, side_px=32), quirks=Quirks.none()) as running:
        yield running


@pytest.fixture
def calm(replica):
    replica.set_faults(Faults())
    replica.release([f"{r.nasa_id}" for r in ArchiveCatalogue.numbered(200, side_px=32).records])
    replica.forget_requests()
    return replica


def states(atlas):
    return status(atlas).sources["nasa"]


def test_all_faults_together_cost_nothing_but_time(atlas, calm):
    rates = {f"rate_{kind}": 0.05 for kind in ("429", "403", "500", "cut", "wrong_type", "timeout")}
    # An answer that is only slow comes within the client's two seconds, a held one never does.
    calm.set_faults(Faults(**rates, timeout_s=600, retry_after_s=0, first_n_only=1))
    done = gather(atlas, calm.nasa_url, "galaxy", settings={"timeout_s": 2})
    assert (done.stored, done.failed, done.complete) == (200, {}, True)
    assert verify_atlas(atlas).problems == ()


def test_what_the_server_refuses_for_ever_is_named_and_not_asked_again(atlas, calm):
    calm.set_faults(Faults(rate_gone=0.1, rate_refused=0.1, only="/nasa-assets"))
    done = gather(atlas, calm.nasa_url, "galaxy")
    assert set(done.failed) == {"gone", "refused"}
    assert done.stored + sum(done.failed.values()) == 200
    report = done.certificate[0]
    assert report.reasons == done.failed
    assert report.is_complete
    refused = calm.requests.by_path("/nasa-assets", status=403)
    assert set(refused.values()) == {2}
    assert set(calm.requests.by_path("/nasa-assets", status=404).values()) == {1}
    calm.forget_requests()
    again = gather(atlas, calm.nasa_url, "galaxy")
    assert again.failed == done.failed
    assert calm.requests.count("/nasa-assets") == 0


def test_retry_takes_up_the_state_that_it_names_and_no_other(atlas, calm):
    calm.set_faults(Faults(rate_gone=0.1, rate_refused=0.1, only="/nasa-assets"))
    before = gather(atlas, calm.nasa_url, "galaxy").failed
    calm.set_faults(Faults())
    done = gather(atlas, calm.nasa_url, "galaxy", retry={"refused"})
    assert done.stored == before["refused"]
    assert done.failed == {"gone": before["gone"]}
    assert states(atlas) == {"gone": before["gone"], "stored": 200 - before["gone"]}
    with pytest.raises(UsageError, match="no state 'broken'"):
        gather(atlas, calm.nasa_url, "galaxy", retry={"broken"})


def test_a_server_that_stays_ill_is_left_for_the_next_run(atlas, calm):
    calm.set_faults(Faults(rate_500=1.0, only="/nasa-assets"))
    done = gather(atlas, calm.nasa_url, "galaxy", limit=8, settings={"attempts": 2})
    assert (done.failed, done.complete) == ({"failed": 8}, False)
    row = atlas.read(where="state = 'failed'", table="ledger").to_pylist()[0]
    assert (row["error_kind"], row["status_code"], row["attempts"]) == ("http_500", 500, 2)
    calm.set_faults(Faults())
    done = gather(atlas, calm.nasa_url, "galaxy", limit=8)
    assert (done.stored, done.complete) == (8, True)


def test_pending_urls_need_no_second_search(atlas, calm):
    calm.set_faults(Faults(rate_500=1.0, only="/nasa-assets"))
    gather(atlas, calm.nasa_url, "galaxy", settings={"attempts": 1})
    everything = [r.nasa_id for r in ArchiveCatalogue.numbered(200, side_px=32).records]
    calm.set_faults(Faults())
    calm.withhold(everything[:50])
    ids = {f"nasa:{each}" for each in everything[50:]}
    gather(atlas, calm.nasa_url, "galaxy")
    assert images_of(atlas) == ids
    assert states(atlas) == {"gone": 50, "stored": 150}


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_waited_for_within_reason(atlas, calm, as_date):
    calm.set_faults(
        Faults(rate_429=0.1, retry_after_s=1, retry_after_as_date=as_date, first_n_only=1)
    )
    done = gather(atlas, calm.nasa_url, "galaxy", limit=20)
    assert done.stored == 20
    calm.set_faults(Faults(rate_429=1.0, retry_after_s=3600, only="/nasa-assets"))
    calm.forget_requests()
    done = gather(atlas, calm.nasa_url, "galaxy", limit=25)
    assert done.failed == {"failed": 5}
    assert set(calm.requests.by_path("/nasa-assets").values()) == {1}


@pytest.mark.parametrize("commit_rows", [20, 256])
def test_one_file_for_many_records_is_no_image_of_any_of_them(tmp_path, calm, commit_rows):
    # In small batches the first copies are stored before the fifth tells what they are.
    atlas = Atlas.create(tmp_path / "with")
    calm.set_faults(Faults(rate_placeholder=0.2, only="/nasa-assets"))
    done = gather(atlas, calm.nasa_url, "galaxy", settings={"commit_rows": commit_rows})
    assert done.failed["placeholder"] > 20
    assert done.stored == atlas.count() == 200 - done.failed["placeholder"]
    assert status(atlas).sources["nasa"]["placeholder"] == done.failed["placeholder"]
    assert status(atlas).reasons["nasa"] == {"same_bytes": done.failed["placeholder"]}
    calm.set_faults(Faults())
    again = gather(atlas, calm.nasa_url, "galaxy", retry={"placeholder"})
    assert again.stored == done.failed["placeholder"]
    undisturbed = Atlas.create(tmp_path / "without")
    gather(undisturbed, calm.nasa_url, "galaxy")
    assert table(atlas) == table(undisturbed)
    assert verify_atlas(atlas).problems == ()


def test_a_kill_while_stand_ins_are_taken_back_is_mended(atlas, calm):
    gather(atlas, calm.nasa_url, "galaxy", limit=30)
    row = atlas.read(where="state = 'stored'", table="ledger").to_pylist()[0]
    atlas.upsert_ledger([{**row, "state": "placeholder", "error_kind": "same_bytes"}])
    done = gather(atlas, calm.nasa_url, "galaxy", limit=30)
    assert (done.already_there, done.failed) == (29, {"placeholder": 1})
    assert row["id"] not in images_of(atlas)
    assert verify_atlas(atlas).problems == ()


def test_a_source_that_sends_stand_ins_stops_before_rubbish_is_stored(atlas, calm):
    calm.set_faults(Faults(rate_placeholder=0.9, only="/nasa-assets"))
    with pytest.raises(SourceError, match="are no images of the records"):
        gather(atlas, calm.nasa_url, "galaxy", settings={"commit_rows": 100})
    assert atlas.count() == 0
    calm.set_faults(Faults())
    assert gather(atlas, calm.nasa_url, "galaxy").complete


def test_an_unknown_schema_stops_with_a_line_that_says_so(atlas, calm):
    calm.set_faults(Faults(schema_changed=True))
    with pytest.raises(SourceError, match="no 'collection' in it"):
        gather(atlas, calm.nasa_url, "galaxy")
    assert atlas.count() == 0


def test_a_search_that_is_no_json_is_an_error_not_an_empty_archive(atlas, calm):
    calm.set_faults(Faults(rate_wrong_type=1.0, only="/nasa/search"))
    with pytest.raises(FetchError, match="not JSON"):
        gather(atlas, calm.nasa_url, "galaxy", settings={"attempts": 2})


def test_a_sudden_change_of_sizes_stops_the_run(tmp_path, calm):
    atlas = Atlas.create(tmp_path / "atlas")
    with Replica(ArchiveCatalogue.numbered(200, side_px=200), quirks=Quirks.none()) as large:
        gather(atlas, large.nasa_url, "galaxy")
    # Other records behind the same address: the images have shrunk to a sixth.
    with Replica(ArchiveCatalogue.numbered(200, side_px=32, seed=7), quirks=Quirks.none()) as small:
        with pytest.raises(SourceError, match="px were usual"):
            gather(atlas, small.nasa_url, "galaxy", settings={"commit_rows": 100})
        stored = atlas.count()
        assert stored < 300
        done = gather(atlas, small.nasa_url, "galaxy", settings={"stop_on_source_change": False})
    assert done.stored == atlas.count() - stored > 0


def test_an_archive_that_shrinks_or_grows_while_it_is_read_still_adds_up(tmp_path):
    holdings = ArchiveCatalogue.numbered(600, side_px=32)
    late = [holdings.records[i].nasa_id for i in range(40)]
    for change, reason in (("withhold", "archive_shrank"), ("release", "archive_grew")):
        atlas = Atlas.create(tmp_path / change)
        with Replica(holdings, quirks=Quirks.none()) as replica:
            if change == "release":
                replica.withhold(late)
            done = gather(atlas, replica.nasa_url, "galaxy", progress=_once(replica, change, late))
        report = done.certificate[0]
        assert report.is_complete, report
        assert report.reasons.get(reason, 0) > 0 or report.seen == report.announced
        ids = {each.removeprefix("nasa:") for each in images_of(atlas)}
        assert ids >= {holdings.records[i].nasa_id for i in range(40, 600)}


def _once(replica, change, ids):
    """A progress callback that changes the archive as soon as the harvest has begun."""
    done = []

    def report(_dealt_with, _announced):
        if not done:
            done.append(True)
            threading.Thread(target=getattr(replica, change), args=(ids,)).start()

    return report


def test_two_collectors_on_one_atlas_do_not_get_in_each_others_way(tmp_path, calm):
    place = tmp_path / "atlas"
    Atlas.create(place)
    both = [subprocess.Popen([sys.executable, HARVEST, place, calm.nasa_url]) for _ in range(2)]
    assert [child.wait() for child in both] == [0, 0]
    atlas = Atlas.open(place)
    assert atlas.count() == 200
    assert verify_atlas(atlas).problems == ()


def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path, calm, monkeypatch):
    atlas = Atlas.create(tmp_path / "atlas")
    add, calls = Atlas.add, []

    def full_at_second(self, arrivals):
        calls.append(len(arrivals))
        if len(calls) == 2:
            raise AtlasFullError("the disk is full", where=self.uri)
        return add(self, arrivals)

    monkeypatch.setattr(Atlas, "add", full_at_second)
    with pytest.raises(AtlasFullError):
        gather(atlas, calm.nasa_url, "galaxy")
    kept = atlas.count()
    assert 0 < kept < 200
    done = gather(atlas, calm.nasa_url, "galaxy")
    assert (done.already_there, done.stored) == (kept, 200 - kept)


def test_a_clock_that_jumps_changes_nothing(atlas, calm, monkeypatch):
    real, hours = time.time, iter(range(0, 1_000_000, 7))
    monkeypatch.setattr(time, "time", lambda: real() + 3600 * (next(hours) - 500_000))
    done = gather(atlas, calm.nasa_url, "galaxy", settings={"requests_per_s": 400})
    assert done.stored == 200


def test_ctrl_c_leaves_what_was_fetched_and_a_clean_state(tmp_path, calm):
    calm.set_faults(Faults(latency_s=0.05))
    place = tmp_path / "atlas"
    child = subprocess.Popen(
        [sys.executable, HARVEST, place, calm.nasa_url], stderr=subprocess.PIPE, text=True
    )
    _wait_for(lambda: calm.requests.count("/nasa-assets", status=200) > 30)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=1800)
    assert "KeyboardInterrupt" in errors
    atlas = Atlas.open(place)
    assert 0 < atlas.count() < 200
    assert verify_atlas(atlas).problems == ()
    calm.set_faults(Faults())
    assert gather(atlas, calm.nasa_url, "galaxy").complete


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.long)])
def test_killed_at_random_instants_the_table_is_the_undisturbed_one(tmp_path, calm, kills):
    undisturbed = Atlas.create(tmp_path / "undisturbed")
    gather(undisturbed, calm.nasa_url, "galaxy")
    calm.set_faults(Faults(latency_s=0.1))
    place, chances = tmp_path / "killed", random.Random(20261122)
    rounds = []
    for _ in range(kills):
        # An image that a kill left without its record is fetched again: its texts are needed.
        before = set(Atlas.create(place).ids())
        calm.forget_requests()
        child = subprocess.Popen([sys.executable, HARVEST, place, calm.nasa_url])
        # While there is something left to fetch, the kill comes in the midst of it.
        wanted = chances.randrange(1, 30) if len(before) < 150 else 0
        _wait_for(lambda: calm.requests.count("/nasa/search") > 0)
        _wait_for(lambda wanted=wanted: calm.requests.count("/nasa-assets") >= wanted)
        time.sleep(chances.uniform(0.0, 0.2))
        child.kill()
        child.wait()
        asked = {f"nasa:{path.split('/')[3]}" for path in calm.requests.by_path("/nasa-assets")}
        assert not asked & before, "a stored image was fetched again"
        rounds.append(len(asked))
    assert any(rounds), "the kills came before anything was fetched"
    calm.set_faults(Faults())
    subprocess.run([sys.executable, HARVEST, place, calm.nasa_url], check=True)
    assert table(Atlas.open(place)) == table(undisturbed)
    assert verify_atlas(Atlas.open(place)).problems == ()


def _wait_for(condition, at_most_s=1800.0):
    end = time.monotonic() + at_most_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_a_page_that_could_not_be_had_is_read_by_the_next_run_and_leaves_nothing_behind(tmp_path):
    archive = ArchiveCatalogue.numbered(250, side_px=16)
    atlas, undisturbed = (Atlas.create(tmp_path / name) for name in ("atlas", "undisturbed"))
    with Replica(archive, quirks=Quirks.none()) as replica:
        gather(undisturbed, replica.nasa_url, "galaxy")
        # Of three pages of its search the last one is not there.
        replica.set_faults(Faults(rate_gone=0.5, only="/nasa/", seed=0))
        done = gather(atlas, replica.nasa_url, "galaxy")
        assert (done.stored, done.complete) == (200, False)
        assert done.certificate[0].reasons == {"page_failed": 50}
        replica.set_faults(Faults())
        again = gather(atlas, replica.nasa_url, "galaxy")
    assert (again.stored, again.unique, again.failed, again.complete) == (50, 250, {}, True)
    assert table(atlas) == table(undisturbed)
    assert states(atlas) == states(undisturbed) == {"stored": 250}
