"""What happens to the atlas while pages are open: a clear answer, and nothing lost."""

from __future__ import annotations

import io
import threading
import zipfile
from datetime import timedelta

import pytest
from drawn_images import draw_jpeg
from served_sky import Served, exported, labelled_atlas

from cosmic_morphology.atlas import Atlas, all_decisions, latest_decisions
from cosmic_morphology.atlas.maintenance.cleanup import clean_up
from cosmic_morphology.atlas.maintenance.compaction import compact_tables
from cosmic_morphology.errors import AtlasError

PATIENCE_S = 60.0  # for hangs alone
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def served(tmp_path) -> Served:
    return Served(labelled_atlas(tmp_path / "atlas", 12), tmp_path)


def test_a_full_disk_refuses_the_verdict_and_the_next_one_is_stored(served, monkeypatch):
    id_ = served.atlas.ids()[0]
    said = [{"id": id_, "verdict": "drop"}]

    def full(*_, **__):
        raise AtlasError("no space left on the device", where="the disk", todo="Make room.")

    with monkeypatch.context() as patched:
        patched.setattr(Atlas, "append_decisions", full)
        answer = served.writer.post("/api/v1/decisions", json=said)
        assert answer.status_code == 503
        assert "no space left" in answer.json()["error"]
        # The browser sends it again, since the server did not take it; the image still waits.
        waiting = served.reader.get("/api/v1/queue?limit=50").json()["queue"]
        assert id_ in {each["id"] for each in waiting}
    assert not all_decisions(served.atlas)
    assert served.writer.post("/api/v1/decisions", json=said).status_code == 200
    assert latest_decisions(served.atlas)[id_].verdict == "drop"


def test_an_atlas_that_is_compacted_under_open_pages_is_read_on(served):
    first = served.reader.get("/api/v1/images?limit=5").json()
    for id_ in served.atlas.ids()[:4]:
        served.writer.post("/api/v1/decisions", json=[{"id": id_, "verdict": "keep"}])
    compact_tables(served.atlas)
    clean_up(served.atlas, older_than=timedelta(0))
    after = served.reader.get(f"/api/v1/images?limit=50&after={first['next']}")
    assert after.status_code in {200, 400}, after.text
    assert len(served.reader.get("/api/v1/images?limit=50").json()["images"]) == 12
    assert served.reader.get(f"/api/v1/thumbnail?id={served.atlas.ids()[0]}").status_code == 200
    assert len(all_decisions(served.atlas)) == 4


def test_two_servers_on_one_atlas_lose_no_verdict(served, tmp_path):
    other = Served(Atlas.open(served.atlas.uri), tmp_path)
    ids = served.atlas.ids()
    # FastAPI makes the routes of an application when it is asked first, which two applications of
    # one process may not do at once.
    for each in (served, other):
        assert each.reader.get("/nowhere").status_code == 404
    wrong: list[str] = []

    def judge(client, mine, verdict):
        for id_ in mine:
            answer = client.post("/api/v1/decisions", json=[{"id": id_, "verdict": verdict}])
            wrong.extend([] if answer.status_code == 200 else [answer.text])

    both = [
        threading.Thread(target=judge, args=(served.writer, ids[:6], "keep")),
        threading.Thread(target=judge, args=(other.writer, ids[6:], "drop")),
    ]
    for each in both:
        each.start()
    for each in both:
        each.join(PATIENCE_S)
    assert not wrong
    given = latest_decisions(served.atlas)
    assert {given[id_].verdict for id_ in ids[:6]} == {"keep"}
    assert {given[id_].verdict for id_ in ids[6:]} == {"drop"}


def test_a_slow_store_keeps_nobody_else_waiting(served, monkeypatch):
    goes_on = threading.Event()
    whole, slow = Atlas.append_decisions, threading.Event()

    def slowly(self, rows):
        slow.set()
        assert goes_on.wait(PATIENCE_S)
        return whole(self, rows)

    monkeypatch.setattr(Atlas, "append_decisions", slowly)
    said = [{"id": served.atlas.ids()[0], "verdict": "keep"}]
    answers = []
    writing = threading.Thread(
        target=lambda: answers.append(served.writer.post("/api/v1/decisions", json=said))
    )
    writing.start()
    assert slow.wait(PATIENCE_S)
    assert served.reader.get("/gallery", headers={"accept": "text/html"}).status_code == 200
    assert not answers
    goes_on.set()
    writing.join(PATIENCE_S)
    assert answers[0].status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(draw_jpeg(1) + b"<script>alert(1)</script>", id="an image with a page behind"),
        pytest.param(b"GIF89a/*<svg onload=alert(1)>*/", id="a script that begins as an image"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", id="SVG"),
        pytest.param(b"<!doctype html><script>alert(1)</script>", id="HTML"),
    ],
)
def test_uploads_that_are_several_things_come_back_as_words_alone(tmp_path, data):
    model = exported(tmp_path / "tiny.onnx")
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path, model=model)
    answer = served.reader.post("/api/v1/predict", content=data)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    (found,) = answer.json()["answers"]
    assert bool(found["error"]) == (not data.startswith(b"\xff\xd8"))


def test_names_in_an_archive_are_words_and_no_places(tmp_path):
    model = exported(tmp_path / "tiny.onnx")
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path, model=model)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../outside-of-archive.jpg", draw_jpeg(1))
        archive.writestr(f"{SCRIPT}.jpg", draw_jpeg(2))
    answer = served.reader.post("/api/v1/predict", content=packed.getvalue())
    assert {each["file"] for each in answer.json()["answers"]} == {
        "../../outside-of-archive.jpg",
        f"{SCRIPT}.jpg",
    }
    assert answer.headers["content-type"] == "application/json"
    assert not list(tmp_path.parent.rglob("outside-of-archive.jpg"))
