"""Labels that are weighed again beside the pages, after verdicts."""

from __future__ import annotations

import time

import pytest
from served_sky import Served, labelled_atlas
from starlette.testclient import TestClient

from cosmic_morphology.errors import InputError
from cosmic_morphology.serve.jobs.aside import Aside
from cosmic_morphology.serve.jobs.weighing import Weighing
from cosmic_morphology.settings import ServeSettings, Settings, load_settings

PATIENCE_S = 120.0  # for hangs alone


@pytest.fixture
def served(tmp_path) -> Served:
    return Served(labelled_atlas(tmp_path / "atlas", 20), tmp_path, weigh_seconds=0.01)


def wait_for(state, ask):
    until = time.monotonic() + PATIENCE_S
    while (found := ask())["state"] != state:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def label_of(atlas, id_):
    (row,) = atlas.read(["id", "label", "label_kind"], where=f"id = '{id_}'").to_pylist()
    return row["label"], row["label_kind"]


def test_a_verdict_is_in_the_labels_a_little_later_and_the_queue_is_of_the_new_labels(served):
    with TestClient(served.app, "http://127.0.0.1:8620") as client:
        hers = {"authorization": f"Bearer {served.token}"}

        def labels():
            return client.get("/api/v1/labels").json()

        assert wait_for("current", labels)["rounds"] == 1  # nothing was left by an earlier server
        before = client.get("/api/v1/queue?limit=20").json()["queue"]
        first = before[0]["id"]
        said = [{"id": first, "verdict": "label", "label": "galaxy"}]
        assert client.post("/api/v1/decisions", json=said, headers=hers).status_code == 200
        assert labels()["state"] in {"waiting", "working", "current"}
        until = time.monotonic() + PATIENCE_S
        while labels()["rounds"] < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert label_of(served.atlas, first) == ("galaxy", "checked")
        after = wait_until_fresh(client)
        # All titles say comet, so every label that was another one is weighed anew.
        assert {each["label"] for each in after} == {"comet"}
        assert first not in {each["id"] for each in after}


def wait_until_fresh(client):
    until = time.monotonic() + PATIENCE_S
    while not (found := client.get("/api/v1/queue?limit=20").json())["fresh"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    return found["queue"]


def test_verdicts_that_an_ended_server_left_are_weighed_by_the_next(tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 6)
    before = Served(atlas, tmp_path)
    id_ = atlas.ids()[0]
    before.writer.post("/api/v1/decisions", json=[{"id": id_, "verdict": "drop"}])
    after = Served(atlas, tmp_path, weigh_seconds=0.01)
    with TestClient(after.app, "http://127.0.0.1:8620") as client:
        wait_for("current", lambda: client.get("/api/v1/labels").json())
    assert label_of(atlas, id_) == ("irrelevant", "checked")


def test_a_server_where_nobody_writes_never_weighs(tmp_path, monkeypatch):
    atlas = labelled_atlas(tmp_path / "atlas", 6)
    settings = Settings(atlas=atlas.uri, serve=ServeSettings(weigh_seconds=0.01))
    monkeypatch.setattr("cosmic_morphology.serve.jobs.weighing.Aside", None)
    for weighing in (
        Weighing(settings, may_write=False),
        Weighing(Settings(atlas=atlas.uri, serve=ServeSettings(weigh_seconds=0)), may_write=True),
    ):
        weighing.start()
        weighing.ask()
        assert weighing.now.state == "off"
        weighing.stop()


def test_what_fails_is_told_and_the_verdicts_stay(tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 6)
    (tmp_path / "cosmic.toml").write_text(
        f'atlas = "{atlas.uri}"\ntaxonomy = "none.toml"\n[serve]\nweigh_seconds = 0.01\n'
        '[[sources]]\ntype = "nasa"\nqueries = ["sun"]\n'
    )
    # Of a file: its settings are of a class that is made for it.
    settings = load_settings(tmp_path / "cosmic.toml")
    weighing = Weighing(settings, may_write=True)
    weighing.start()
    try:
        found = wait_for("failed", lambda: {"state": weighing.now.state, "all": weighing.now})
        assert "none.toml" in found["all"].failure
    finally:
        weighing.stop()


def fails(kind: str) -> None:
    if kind == "told":
        raise InputError("no good", where="here", todo="Mend it.")
    if kind == "secret":
        raise ValueError("the password is pass")
    raise SystemExit


@pytest.mark.parametrize(
    ("kind", "why"),
    [("told", "here: no good"), ("secret", "ValueError; the log"), ("dead", "was ended")],
)
def test_work_in_another_process_says_why_it_failed(kind, why):
    value, failure = Aside(fails, kind).result()
    assert value is None
    assert why in failure
    assert "pass" not in failure
