"""Which parts an answer rests on, asked for by many."""

from __future__ import annotations

import base64
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from drawn_images import draw_jpeg
from PIL import Image
from served_sky import SIDE, Served, exported, labelled_atlas

from cosmic_morphology.serve.api import saliency


@pytest.fixture
def served(tmp_path, monkeypatch) -> Served:
    monkeypatch.setattr(saliency, "_found", type(saliency._found)())
    return Served(
        labelled_atlas(tmp_path / "atlas", 3), tmp_path, model=exported(tmp_path / "m.onnx")
    )


def bright_corner() -> bytes:
    pixels = np.zeros((96, 96, 3), np.uint8)
    pixels[64:, 64:] = 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_a_picture_and_words_say_what_an_answer_rests_on(served):
    answer = served.reader.post("/api/v1/saliency", content=bright_corner())
    assert answer.status_code == 200
    said = answer.json()
    assert said["answer"] == "galaxy"
    assert said["least"] < said["probability"]
    assert "rests most on the lower right" in said["words"]
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(said["overlay"]))))
    assert drawn.shape == (SIDE, SIDE, 3)
    warm = drawn.astype(int)
    assert (warm[-6:, -6:, 0] - warm[-6:, -6:, 2]).mean() > 60
    assert np.ptp(warm[:8, :8], axis=2).mean() < 5
    id_ = min(served.atlas.ids())
    of_atlas = served.reader.get("/api/v1/saliency", params={"id": id_}).json()
    assert of_atlas["model"] == "tiny"


def test_a_second_look_costs_nothing_and_another_model_looks_itself(served, monkeypatch, tmp_path):
    looked = []
    whole = saliency.occlude
    monkeypatch.setattr(saliency, "occlude", lambda *given: looked.append(1) or whole(*given))
    data = draw_jpeg(1)
    first, again = (served.reader.post("/api/v1/saliency", content=data).json() for _ in range(2))
    assert first == again
    assert len(looked) == 1
    served.reader.post("/api/v1/saliency", content=draw_jpeg(2))
    assert len(looked) == 2


def test_many_clicks_wait_or_are_refused_and_images_are_classified_meanwhile(served, monkeypatch):
    began, goes_on, whole = threading.Semaphore(0), threading.Event(), saliency.occlude
    running = []

    def slow(*given):
        running.append(1)
        began.release()
        goes_on.wait(60.0)
        assert len(running) == 1
        running.pop()
        return whole(*given)

    monkeypatch.setattr(saliency, "occlude", slow)
    with ThreadPoolExecutor(20) as people:
        asked = [
            people.submit(served.browser().post, "/api/v1/saliency", content=draw_jpeg(n))
            for n in range(20)
        ]
        began.acquire(timeout=60.0)
        sent = served.reader.post("/api/v1/predict", content=draw_jpeg(99))
        assert sent.status_code == 200
        while sum(each.done() for each in asked) < 16:
            threading.Event().wait(0.01)
        refused = [each.result() for each in asked if each.done()]
        goes_on.set()
        assert sorted(each.result().status_code for each in asked) == [200] * 4 + [429] * 16
    assert all("try again" in each.json()["error"] for each in refused)


@pytest.mark.parametrize("body", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_told(served, body):
    answer = served.reader.post("/api/v1/saliency", content=body)
    assert answer.status_code == 400
    assert "no usable image" in answer.json()["error"]


def test_without_a_model_it_says_what_to_do(tmp_path):
    served = Served(labelled_atlas(tmp_path / "atlas", 1), tmp_path)
    answer = served.reader.post("/api/v1/saliency", content=draw_jpeg(1))
    assert answer.status_code == 400
    assert "cosmic train" in answer.json()["error"]
