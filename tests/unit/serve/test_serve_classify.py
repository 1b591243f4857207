"""Images that are sent are classified; archives, bombs and private addresses are told apart."""

from __future__ import annotations

import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from drawn_images import draw_jpeg
from served_sky import Served, exported, labelled_atlas

from cosmic_morphology.learn import load_model, predict_bytes
from cosmic_morphology.serve.classifier import Classifier
from cosmic_morphology.settings import ServeSettings, Settings


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Served:
    place = tmp_path_factory.mktemp("served")
    return Served(labelled_atlas(place / "atlas", 3), place, model=exported(place / "tiny.onnx"))


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_an_image_gets_the_answer_of_the_model(served):
    answer = served.reader.post("/api/v1/predict", content=draw_jpeg(1))
    assert answer.status_code == 200
    (found,) = answer.json()["answers"]
    model = load_model(served.settings.serve.model)
    alone = next(predict_bytes(model, {"": draw_jpeg(1)}))
    assert found["probabilities"] == pytest.approx(alone.probabilities)
    assert found["answered_from"] == "pixels"


def test_many_at_once_get_their_own_answers(served):
    images = [draw_jpeg(seed, (30 + seed, 30)) for seed in range(40)]
    model = load_model(served.settings.serve.model)
    alone = [next(predict_bytes(model, {"": each})).probabilities for each in images]
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda data: served.browser().post("/api/v1/predict", content=data), images)
        )
    for answer, wanted in zip(found, alone, strict=True):
        assert answer.json()["answers"][0]["probabilities"] == pytest.approx(wanted, abs=1e-5)


def test_every_file_of_an_archive_is_answered_and_what_is_no_image_says_why(served):
    sent = zipped(**{"a.jpg": draw_jpeg(2), "note.txt": b"hello", "b/c.jpg": draw_jpeg(3)})
    answers = served.reader.post("/api/v1/predict", content=sent).json()["answers"]
    found = {each["file"]: each for each in answers}
    assert found["a.jpg"]["prediction"]
    assert found["b/c.jpg"]["prediction"]
    assert found["note.txt"]["error"].startswith("not_an_image")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "svg"),
        (b"<html><script>alert(1)</script></html>", "not_an_image"),
        (b"\xff\xd8\xff" + b"x" * 500, "corrupt"),
        (b"%PDF-1.4", "not_an_image"),
    ],
)
def test_uploads_that_are_no_images_are_answers_with_a_reason(served, data, word):
    (found,) = served.reader.post("/api/v1/predict", content=data).json()["answers"]
    assert found["prediction"] == ""
    assert word in found["error"] or "truncated" in found["error"]


def test_archives_that_unpack_to_much_or_hold_much_are_refused(served):
    many = zipped(**{f"{n}.jpg": b"" for n in range(501)})
    bomb = zipped(**{f"{n}.bin": bytes(200_000_000) for n in range(3)})
    for data in (many, bomb, zipped(), zipped(a=b"x" * 100)[:-30] + b"PK\5\6" + bytes(18)):
        answer = served.reader.post("/api/v1/predict", content=data)
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 200:
            assert answer.json()["answers"][0]["error"]
    assert served.reader.post("/api/v1/predict", content=many).status_code == 400
    assert served.reader.post("/api/v1/predict", content=bomb).status_code == 400
    assert served.reader.post("/api/v1/predict", content=b"").status_code == 400


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8620/", "http://localhost/a.jpg", "http://[::1]/a.jpg", "file:///etc/passwd",
        "http://169.254.169.254/latest", "http://10.0.0.1/a.jpg", "http://192.168.1.1/a.jpg",
        "http://0.0.0.0/a.jpg", "http://2130706433/", "http://user:pw@example.org/", "ftp://a/b",
        "http://example.org:22/a.jpg", "gopher://x", "", "http://",
    ],
)  # fmt: skip
def test_private_and_odd_addresses_are_never_asked(served, url):
    answer = served.reader.get("/api/v1/predict", params={"url": url})
    assert answer.status_code in (400, 404), answer.text
    assert "pw" not in answer.json()["error"]


def test_without_a_model_the_page_says_what_to_do(tmp_path):
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path)
    assert "Train one" in served.reader.get("/classify").text
    answer = served.reader.post("/api/v1/predict", content=draw_jpeg(1))
    assert answer.status_code == 400
    assert "Train one" in answer.json()["error"]


def test_a_model_file_that_is_lost_or_hostile_is_one_line(tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 3)
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    for place in (tmp_path / "bad.onnx", tmp_path / "lost.onnx"):
        served = Served(atlas, tmp_path, model=place)
        answer = served.reader.post("/api/v1/predict", content=draw_jpeg(1))
        assert answer.status_code == 404
        assert "model" in answer.json()["error"]
        assert served.reader.get("/gallery").status_code == 200


def test_like_these_needs_embeddings_and_says_so(served):
    id_ = served.atlas.ids()[0]
    for path in (f"/api/v1/similar?id={id_}", f"/gallery?like={id_}"):
        answer = served.reader.get(path, headers={"accept": "application/json"})
        assert answer.status_code == 400
        assert "cosmic embed" in answer.json()["error"]


def test_like_these_finds_what_is_near(tmp_path):
    import pyarrow as pa

    from cosmic_morphology.atlas import ColumnProvenance

    atlas = labelled_atlas(tmp_path / "atlas", 12)
    ids = sorted(atlas.ids())
    vectors = np.zeros((12, 4), np.float32)
    for row in range(12):
        vectors[row, row // 3] = 1.0
        vectors[row, 3] = 0.01 * row
    kind = pa.list_(pa.float16(), 4)
    flat = pa.array(vectors.astype(np.float16).reshape(-1))
    table = pa.table(
        {"id": ids, "embedding_tiny": pa.FixedSizeListArray.from_arrays(flat, 4).cast(kind)}
    )
    atlas.replace_columns(table, ColumnProvenance("embed"))
    served = Served(atlas, tmp_path)
    found = served.reader.get(f"/api/v1/similar?id={ids[0]}&limit=2").json()["images"]
    assert {each["id"] for each in found} == {ids[1], ids[2]}
    assert found[0]["cosine"] > 0.99
    html = served.reader.get(f"/gallery?like={ids[0]}&label=galaxy").text
    assert f'data-id="{ids[1]}"' in html
    assert f'data-id="{ids[0]}"' not in html
    lost = served.reader.get("/api/v1/similar?id=nobody")
    assert lost.status_code == 404


def test_runs_and_their_confusion_link_to_the_images(tmp_path):
    from evaluate_atlas import add_predictions, make_atlas, write_run

    from cosmic_morphology.evaluate import evaluate_run
    from cosmic_morphology.settings import EvaluateSettings

    atlas = make_atlas(tmp_path / "atlas", per_class=18)
    write_run(tmp_path, "good")
    add_predictions(atlas, "good", wrong=0.2)
    served = Served(atlas, tmp_path)
    empty = served.reader.get("/runs").text
    assert "good" in empty
    assert "not measured" in empty
    folder = tmp_path / "runs/good"
    evaluate_run(
        atlas, "good", classes=("comet", "galaxy", "star"), run_folder=folder,
        settings=EvaluateSettings(bootstrap_resamples=60),
    )  # fmt: skip
    html = served.reader.get("/runs/good").text
    assert "n = " in html
    links = [each.split('"')[0] for each in html.split('href="')[1:] if "said=" in each]
    assert links
    shown = served.reader.get(links[0].replace("&amp;", "&"))
    assert shown.status_code == 200
    assert "good says" in shown.text
    assert served.reader.get("/runs/none").status_code == 404
    assert served.reader.get("/gallery?run=a`b&said=x").status_code == 400


def test_a_run_without_torch_says_what_to_install(served, monkeypatch):
    def lacking(*_, **__):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("cosmic_morphology.serve.classifier.load_model", lacking)
    fresh = Served(served.atlas, served.settings.out, model=served.settings.serve.model)
    answer = fresh.reader.post("/api/v1/predict", content=draw_jpeg(1))
    assert answer.status_code == 501
    assert "[learn]" in answer.json()["error"]


def test_whoever_waits_for_the_network_keeps_nobody_from_decoding(tmp_path, monkeypatch):
    """Eight people at once are one or two batches, not four of two."""
    model = exported(tmp_path / "tiny.onnx")
    classifier = Classifier(Settings(serve=ServeSettings(model=model)))
    all_there, sizes = threading.Barrier(8, timeout=60.0), []
    whole = classifier.model.predict_pixels

    def waits(pixels):
        # Each comes here before any gets its answer: with fewer at once nobody would go on.
        all_there.wait()
        sizes.append(len(pixels))
        return whole(pixels)

    monkeypatch.setattr(classifier.model, "predict_pixels", waits)
    data = draw_jpeg(1)
    people = [
        threading.Thread(target=lambda: classifier.predict({"one.jpg": data})) for _ in range(8)
    ]
    for each in people:
        each.start()
    for each in people:
        each.join(60.0)
    assert sizes == [1] * 8


def test_addresses_that_never_answer_keep_few_waiting_and_no_image_from_being_classified(
    served, monkeypatch
):
    asked, answers = threading.Barrier(9, timeout=60.0), threading.Event()

    def silent(url, *given, **how):
        asked.wait()
        answers.wait(60.0)
        return draw_jpeg(1)

    monkeypatch.setattr("cosmic_morphology.serve.api.predict.image_at", silent)
    path = "/api/v1/predict?url=https://example.org/a.jpg"
    with ThreadPoolExecutor(8) as people:
        waiting = [people.submit(served.browser().get, path) for _ in range(8)]
        asked.wait()
        refused = served.reader.get(path)
        sent = served.reader.post("/api/v1/predict", content=draw_jpeg(1))
        answers.set()
        assert {each.result().status_code for each in waiting} == {200}
    assert refused.status_code == 429
    assert "try again" in refused.json()["error"]
    assert sent.status_code == 200
