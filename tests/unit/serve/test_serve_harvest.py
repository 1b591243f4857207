"""Sources are taken up again from the page of the harvest, one at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from harvest_tools import QUICK, TAXONOMY, gather
from served_sky import HOST, Served
from starlette.testclient import TestClient

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect import collect_images, jobs_of, retry_source, status
from cosmic_morphology.errors import CosmicError, UsageError
from cosmic_morphology.replica import ArchiveCatalogue, Faults, Replica
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.serve.jobs.retrying import retry_in_atlas
from cosmic_morphology.settings import CollectJob, CollectSettings, Settings

PATIENCE_S = 300.0  # for hangs alone
PATH = "/api/v1/harvest/retry"
N = 40


@pytest.fixture
def archive() -> Iterator[Replica]:
    with Replica(ArchiveCatalogue.numbered(N, side_px=32), quirks=Quirks.none()) as running:
        yield running


@pytest.fixture
def atlas(archive, tmp_path) -> Atlas:
    """A harvest of which some images failed, and some were gone."""
    made = Atlas.create(tmp_path / "atlas")
    archive.set_faults(Faults(rate_500=0.3, rate_gone=0.3, only="/nasa-assets"))
    gather(made, archive.nasa_url, "galaxy", settings={"attempts": 1})
    archive.set_faults(Faults())
    assert set(status(made).sources["nasa"]) == {"failed", "gone", "stored"}
    return made


def known_to(archive: Replica, **manners: float) -> dict:
    """Settings that name the archive."""
    job = CollectJob(type="nasa", root=archive.nasa_url, queries=("galaxy",))
    return {
        "sources": (job, CollectJob(type="apod")),
        "collect": CollectSettings(**{**QUICK, **manners}),
    }


def served_of(atlas: Atlas, archive: Replica, **manners: float) -> Served:
    place = Path(atlas.uri).parent
    return Served(atlas, place, settings=known_to(archive, **manners))


def ended(client: TestClient, state: str) -> dict:
    until = time.monotonic() + PATIENCE_S
    while (found := client.get(PATH).json())["state"] == "working":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert found["state"] == state, found
    return found


def test_what_failed_comes_and_what_is_gone_only_where_it_is_named(atlas, archive):
    before = status(atlas).sources["nasa"]
    served = served_of(atlas, archive)
    hers = {"authorization": f"Bearer {served.token}"}
    with TestClient(served.app, HOST) as client:
        assert client.get(PATH).json()["state"] == "none"
        assert client.post(PATH, json={"source": "nasa"}).status_code == 401
        assert "Try nasa again" not in client.get("/harvest").text
        assert "Try nasa again" in client.get("/harvest", headers=hers).text
        begun = client.post(PATH, json={"source": "nasa"}, headers=hers).json()
        assert (begun["state"], begun["source"], begun["who"]) == ("working", "nasa", "ann")
        # One at a time; asked for twice, it is one.
        again = client.post(PATH, json={"source": "nasa"}, headers=hers).json()
        assert again["since"] == begun["since"]
        for wrong, words in (
            ({"source": "apod"}, "nasa is being taken up again already"),
            ({"source": "elsewhere"}, "neither the settings"),
            ({"source": "nasa", "states": ["broken"]}, "no state 'broken'"),
        ):
            answer = client.post(PATH, json=wrong, headers=hers)
            assert answer.status_code == 400
            assert words in answer.json()["error"]
        done = ended(client, "done")
        assert (done["stored"], done["missing"]) == (before["failed"], before["gone"])
        assert status(atlas).sources["nasa"] == {
            "gone": before["gone"],
            "stored": N - before["gone"],
        }
    assert not (Path(atlas.uri).parent / "harvest-retry.json").exists()
    assert retry_source(atlas, "nasa", settings=served.settings, states=["gone"])[0].complete
    assert status(atlas).sources["nasa"] == {"stored": N}


def test_what_an_ended_server_left_is_told_by_the_next_and_taken_up_by_a_retry(atlas, archive):
    archive.set_faults(Faults(rate_timeout=1.0, timeout_s=PATIENCE_S, only="/nasa-assets"))
    served = served_of(atlas, archive, timeout_s=PATIENCE_S)
    hers = {"authorization": f"Bearer {served.token}"}
    note = Path(atlas.uri).parent / "harvest-retry.json"
    with TestClient(served.app, HOST) as client:
        client.post(PATH, json={"source": "nasa"}, headers=hers)
        until = time.monotonic() + PATIENCE_S
        while not note.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
    archive.set_faults(Faults())
    again = served_of(atlas, archive)
    with TestClient(again.app, HOST) as client:
        left = client.get(PATH).json()
        assert (left["state"], left["source"], left["who"]) == ("left", "nasa", "ann")
    done = retry_source(atlas, "nasa", settings=again.settings)
    assert status(atlas).sources["nasa"].keys() == {"gone", "stored"}
    assert sum(each.stored for each in done)


def test_two_servers_take_nothing_up_at_once(atlas, archive, tmp_path):
    settings = Settings(atlas=atlas.uri, out=tmp_path, **known_to(archive))
    note = {"source": "nasa", "who": "ann", "since": "now"}
    with (
        FileLock(tmp_path / "harvest-retry.lock"),
        pytest.raises(CosmicError, match="another server"),
    ):
        retry_in_atlas(settings.model_dump(), (), note, progress=lambda *_: None)
    # One that works is none that an ended server left.
    (tmp_path / "harvest-retry.json").write_text(json.dumps(note))
    with FileLock(tmp_path / "harvest-retry.lock"):
        served = served_of(atlas, archive)
        with TestClient(served.app, HOST) as client:
            assert client.get(PATH).json()["state"] == "none"


def test_a_source_that_cannot_be_reached_or_a_state_that_is_none_says_so(atlas, archive, tmp_path):
    settings = Settings(atlas=atlas.uri, out=tmp_path, **known_to(archive, attempts=1))
    note = {"source": "nasa", "who": "ann", "since": "now"}
    with pytest.raises(UsageError, match="no state 'broken'"):
        retry_in_atlas(settings.model_dump(), ("broken",), note, progress=lambda *_: None)
    with Replica(ArchiveCatalogue.numbered(1)) as gone:
        settings.sources = known_to(gone)["sources"]
    with pytest.raises(CosmicError, match=r"127\.0\.0\.1"):
        retry_in_atlas(settings.model_dump(), (), note, progress=lambda *_: None)
    assert not (tmp_path / "harvest-retry.json").exists()


def test_what_was_asked_for_stands_in_the_settings_or_in_the_account_of_each_search(atlas):
    (job,) = jobs_of(atlas, "nasa", ())
    assert (job.type, job.queries, job.root) == ("nasa", ("galaxy",), "")
    own = CollectJob(type="nasa", queries=("moon",))
    assert jobs_of(atlas, "nasa", (own, CollectJob(type="apod"))) == (own,)
    with pytest.raises(UsageError, match="neither the settings nor the atlas"):
        jobs_of(atlas, "elsewhere", ())
    with pytest.raises(UsageError, match="is a replica"):
        jobs_of(atlas, "nasa", (CollectJob(type="nasa", root="replica"),))


def test_what_was_rendered_is_not_asked_for_at_the_archive_itself(archive, tmp_path):
    made = Atlas.create(tmp_path / "rendered")
    job = CollectJob(type="nasa", root=archive.nasa_url, queries=("galaxy",), rendered=True)
    collect_images(made, job, CollectSettings(**QUICK), TAXONOMY)
    with pytest.raises(UsageError, match="rendered here"):
        jobs_of(made, "nasa", ())
    assert jobs_of(made, "nasa", (job,)) == (job,)
    page = Served(made, tmp_path).writer.get("/harvest").text
    assert "rendered here" in page
    assert "Try nasa again" not in page
