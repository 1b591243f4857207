"""Archives that mean harm: the collector survives, names what it met, and stores no rubbish."""

from __future__ import annotations

import socket

import psutil
import pytest
from harvest_tools import gather, said

from cosmic_morphology.atlas import verify_atlas
from cosmic_morphology.errors import SourceError
from cosmic_morphology.imaging import ImageLimits
from cosmic_morphology.replica import ArchiveCatalogue, Faults, Replica

LIMITS = ImageLimits(max_bytes=2_000_000)


@pytest.fixture(scope="module")
def replica():
    with Replica(ArchiveCatalogue.numbered(20, side_px=32)) as running:
        yield running


@pytest.fixture
def hostile(replica):
    replica.set_faults(Faults())
    replica.forget_requests()
    return f"{replica.url}/__attacks__/hostile"


def ledger(atlas):
    rows = atlas.read(["id", "state", "error_kind"], table="ledger", where="id IS NOT NULL")
    return {row["id"]: (row["state"], row["error_kind"]) for row in rows.to_pylist()}


def test_a_hostile_archive_gets_nothing_in_but_its_one_image(atlas, hostile, monkeypatch):
    asked = set()
    connect = socket.getaddrinfo

    def noting(host, *rest, **more):
        asked.add(host)
        return connect(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", noting)
    before_mb = psutil.Process().memory_info().rss / 1e6
    settings = {"attempts": 2, "timeout_s": 5}
    done = gather(atlas, hostile, "galaxy", limits=LIMITS, settings=settings)
    grown_mb = psutil.Process().memory_info().rss / 1e6 - before_mb
    states = ledger(atlas)
    assert done.stored == 1
    for name in ("other-host", "private", "metadata-service", "file", "other-scheme", "other-port"):
        assert states[f"nasa:redirect-{name}"] == ("forbidden", "forbidden")
        assert states[f"nasa:link-{name}"][0] in ("forbidden", "left_out")
    assert states["nasa:redirect-loop"] == ("forbidden", "redirects")
    assert states["nasa:endless-jpg"][0] == "too_large"
    assert states["nasa:png-bomb-png"] == ("too_large", "too_many_pixels")
    assert states["nasa:gzip-bomb-jpg"][0] in ("too_large", "failed")
    assert states["nasa:liar-jpg"][0] != "stored"
    assert states["nasa:page-svg"][0] in ("not_an_image", "left_out")
    assert asked <= {"127.0.0.1"}
    assert grown_mb < 300
    assert done.certificate[0].is_complete
    assert verify_atlas(atlas).problems == ()


def test_evil_ids_and_titles_become_plain_short_texts(atlas, hostile):
    gather(atlas, hostile, "galaxy", limits=LIMITS, settings={"attempts": 1, "timeout_s": 5})
    for record_id, (state, _) in ledger(atlas).items():
        assert record_id.isprintable()
        assert len(record_id) < 400
        if state == "stored":
            row = said(atlas, record_id)
            assert len(row["title"]) <= 1_000
            assert "<" not in row["title"]


def test_an_archive_without_an_end_is_found_out(atlas, replica):
    replica.forget_requests()
    with pytest.raises(SourceError, match="parts of a search have"):
        gather(atlas, f"{replica.url}/__attacks__/endless", "galaxy")
    assert len(replica.requests) < 20


def test_images_that_opt_out_are_not_kept(atlas):
    from cosmic_morphology.replica.quirks import Quirks

    with Replica(ArchiveCatalogue.numbered(60, side_px=32), quirks=Quirks(opt_out=0.3)) as replica:
        done = gather(atlas, replica.nasa_url, "galaxy")
        assert done.failed["opted_out"] > 5
        assert done.stored == 60 - done.failed["opted_out"]
        allowed = gather(
            atlas,
            replica.nasa_url,
            "galaxy",
            settings={"honour_opt_out": False},
            retry={"opted_out"},
        )
        assert allowed.stored == done.failed["opted_out"]


def test_links_to_other_hosts_are_not_followed_from_a_replica(atlas):
    from cosmic_morphology.replica.quirks import Quirks

    with Replica(
        ArchiveCatalogue.numbered(10, side_px=32), quirks=Quirks(real_hosts=True)
    ) as replica:
        done = gather(atlas, replica.nasa_url, "galaxy")
    assert done.stored == 0
    assert done.failed["forbidden"] + sum(done.left_out.values()) == 10
