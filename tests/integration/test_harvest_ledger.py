"""The ledger after a kill at any write says what it says after none."""

from __future__ import annotations

import pytest
from harvest_tools import gather, table

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.replica import ArchiveCatalogue, Replica
from cosmic_morphology.replica.quirks import Quirks

WRITES = ("add", "refresh_records", "upsert_ledger")
COLUMNS = ["url", "id", "state", "status_code", "error_kind", "etag", "last_modified", "record"]
MANNERS = {"commit_rows": 20}


class KilledError(Exception):
    """Ends a harvest where a kill would."""


@pytest.fixture(scope="module")
def replica():
    with Replica(ArchiveCatalogue.numbered(40, side_px=32), quirks=Quirks.none()) as running:
        yield running


def ledger(atlas):
    rows = atlas.read(COLUMNS, where="id IS NOT NULL", table="ledger").to_pylist()
    return sorted(rows, key=lambda row: row["url"])


def searches(atlas):
    rows = atlas.read(["id", "queries"]).to_pylist()
    return {row["id"]: sorted(row["queries"]) for row in rows}


def killed_at(monkeypatch, write):
    """Let the write of that number end the harvest, before or after it is done."""
    number, after = divmod(write, 2)
    seen = []

    def killing(name):
        real = getattr(Atlas, name)

        def once(self, *given):
            mine = len(seen)
            seen.append(name)
            if mine == number and not after:
                raise KilledError
            done = real(self, *given)
            if mine == number:
                raise KilledError
            return done

        monkeypatch.setattr(Atlas, name, once)

    for name in WRITES:
        killing(name)
    return seen


def test_a_kill_at_any_write_loses_no_answer(tmp_path, replica, monkeypatch):
    undisturbed = Atlas.create(tmp_path / "undisturbed")
    gather(undisturbed, replica.nasa_url, "galaxy", settings=MANNERS)
    gather(undisturbed, replica.nasa_url, "star", "galaxy", settings=MANNERS)
    expected = ledger(undisturbed)
    assert {row["status_code"] for row in expected} == {200}
    assert all(row["etag"] for row in expected)
    recovered, write, killed = 0, 0, True
    while killed:
        place = Atlas.create(tmp_path / f"killed-{write}")
        with monkeypatch.context() as patched:
            killed_at(patched, write)
            try:
                gather(place, replica.nasa_url, "galaxy", settings=MANNERS)
                killed = False
            except KilledError:
                before = {row["id"] for row in ledger(place) if row["state"] == "stored"}
        recovered += len({each for each, _ in table(place)} - before) if killed else 0
        # Another search shows what the first one has left behind.
        gather(place, replica.nasa_url, "star", "galaxy", settings=MANNERS)
        assert ledger(place) == expected
        assert table(place) == table(undisturbed)
        assert searches(place) == searches(undisturbed)
        write += 1
    assert recovered > 10, "no kill came between an image and its row"


def test_a_revalidate_asks_about_every_image_after_a_kill(tmp_path, replica, monkeypatch):
    place = Atlas.create(tmp_path / "atlas")
    with monkeypatch.context() as patched:
        # After the first images are written, before the ledger says so.
        seen = killed_at(patched, 3)
        with pytest.raises(KilledError):
            gather(place, replica.nasa_url, "galaxy", settings=MANNERS)
    assert seen[:2] == ["upsert_ledger", "add"]
    assert place.count() > 0
    gather(place, replica.nasa_url, "galaxy", settings=MANNERS)
    replica.forget_requests()
    gather(place, replica.nasa_url, "galaxy", settings=MANNERS, revalidate=True)
    assert replica.requests.count("/nasa-assets", status=304) == 40
