"""The map: places from embeddings, colours, a lasso; conflicts and harvest beside it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from served_sky import Served, labelled_atlas

from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.serve.conflicts import find_conflicts
from cosmic_morphology.serve.served_atlas import ServedAtlas
from cosmic_morphology.serve.sky_map import make_map
from cosmic_morphology.taxonomy import load_taxonomy

N = 30


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Served:
    place = tmp_path_factory.mktemp("map")
    atlas = labelled_atlas(place / "atlas", N)
    ids = sorted(atlas.ids())
    vectors = np.random.default_rng(0).normal(0, 0.01, (N, 8)).astype(np.float16)
    for row in range(N):
        vectors[row, row % 3] += 1 + row % 3
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 8)
    table = pa.table({"id": ids, "embedding_tiny": flat})
    atlas.replace_columns(table, ColumnProvenance("embed"))
    return Served(atlas, place)


def test_the_map_is_the_principal_components_by_another_way(served):
    from sklearn.decomposition import PCA

    found = make_map(served.atlas)
    table = served.atlas.read(["id", "embedding_tiny"], table="images")
    at = {id_: row for row, id_ in enumerate(table.column("id").to_pylist())}
    vectors = np.array(table.column("embedding_tiny").to_pylist(), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    wanted = PCA(2).fit_transform(vectors[[at[each] for each in found.ids]])
    for axis in range(2):
        assert abs(np.corrcoef(wanted[:, axis], found.places[:, axis])[0, 1]) > 0.999
    assert found.places.min() == 0
    assert found.places.max() == 1
    assert found.explained > 0.9


def test_points_come_as_places_and_colours(served):
    about = served.reader.get("/api/v1/map?by=label").json()
    assert (about["points"], about["names"]) == (N, ["comet", "galaxy", "star"])
    data = served.reader.get("/api/v1/map/points?by=label").content
    assert len(data) == N * 9
    colours = np.frombuffer(data, np.uint8, N, N * 8)
    assert sorted(np.bincount(colours)) == [10, 10, 10]
    flagged = served.reader.get("/api/v1/map?by=mislabel_flag").json()["names"]
    assert set(flagged) == {"flagged", "not flagged"}
    assert served.reader.get("/api/v1/map?by=votes").status_code == 400
    assert served.reader.get("/api/v1/map?run=none").status_code == 400


def test_a_lasso_opens_the_images_inside_it(served):
    found = make_map(served.atlas)
    data = served.reader.get("/api/v1/map/points").content
    places = np.frombuffer(data, "<f4", 2 * N).reshape(N, 2)
    x, y = places[0]
    box = f"{x - 0.05},{y - 0.05} {x + 0.05},{y - 0.05} {x + 0.05},{y + 0.05} {x - 0.05},{y + 0.05}"
    rows = served.reader.get("/api/v1/images", params={"lasso": box, "limit": 100}).json()
    inside = {each["id"] for each in rows["images"]}
    near = np.abs(places - places[0]).max(1) < 0.05
    assert inside == {found.ids[at] for at in np.flatnonzero(near)}
    assert len({each["label"] for each in rows["images"]}) == 1
    both = served.reader.get("/api/v1/images", params={"lasso": box, "label": "moon"}).json()
    assert both["images"] == []
    for wrong in ("1,2", "a,b c,d e,f", "1,2 3,4 nan,5", "1 2 3", "0,0 " * 101):
        assert served.reader.get("/api/v1/images", params={"lasso": wrong}).status_code == 400


def test_a_click_opens_the_nearest_image(served):
    found = make_map(served.atlas)
    x, y = map(float, found.places[7])
    answer = served.reader.get("/api/v1/map/nearest", params={"x": x, "y": y}).json()
    assert np.allclose((answer["x"], answer["y"]), (x, y))


def test_without_embeddings_the_map_says_what_to_do(tmp_path):
    bare = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path)
    assert "cosmic embed" in bare.reader.get("/map").text
    assert bare.reader.get("/api/v1/map").status_code == 400


def test_contradictions_are_found(tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 9)
    ids = sorted(atlas.ids())
    rows = pa.table(
        {
            "id": ids[:3],
            "duplicate_flag": [True, True, False],
            "duplicate_of": [ids[2], ids[3], ids[2]],
            "group": ["one", "one", "two"],
        }
    )
    atlas.replace_columns(rows, ColumnProvenance("duplicate"))
    served = Served(atlas, tmp_path)
    for browser, label in ((served.writer, "star"), (served.browser(
        authorization=f"Bearer {served.reviewers.invite('bob')}"
    ), "comet")):  # fmt: skip
        said = [{"id": ids[5], "verdict": "label", "label": label}]
        browser.post("/api/v1/decisions", json=said)
    found = find_conflicts(atlas, taxonomy=load_taxonomy())
    assert [each.ids for each in found.people] == [(ids[5],)]
    assert found.people[0].words == ("ann: star", "bob: comet")
    assert found.n_copies == 2
    assert found.n_groups == 1
    html = served.reader.get("/conflicts").text
    assert "ann: star" in html


def test_the_harvest_page_says_when_nothing_was_harvested(served):
    assert "Nothing was harvested" in served.reader.get("/harvest").text


def test_what_many_ask_at_once_is_made_once(served):
    sky = ServedAtlas(served.settings)
    made, gate = [], threading.Event()

    def slow():
        gate.wait(30)
        made.append(1)
        return len(made)

    def ask():
        with sky.reading() as atlas:
            return sky.remembered(atlas, ("slow",), slow)

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask) for _ in range(4)]
        gate.set()
        assert {each.result() for each in asked} == {1}
    with sky.reading() as atlas, pytest.raises(ZeroDivisionError):
        sky.remembered(atlas, ("bad",), lambda: 1 / 0)
    with sky.reading() as atlas:
        assert sky.remembered(atlas, ("bad",), lambda: 2) == 2


def test_a_layout_that_was_computed_is_offered_and_its_lasso_is_of_it(tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 12)
    served = Served(atlas, tmp_path)
    ids = sorted(atlas.ids())
    flat = pa.FixedSizeListArray.from_arrays(pa.array(np.eye(12, 4, dtype=np.float16).ravel()), 4)
    atlas.replace_columns(pa.table({"id": ids, "embedding_t": flat}), ColumnProvenance("embed"))
    assert 'value="umap"' not in served.reader.get("/map").text
    assert "cosmic embed --map" in served.reader.get("/map").text
    lacking = served.reader.get("/api/v1/map?layout=umap")
    assert lacking.status_code == 400
    assert "cosmic embed --map" in lacking.json()["error"]
    places = np.stack([np.arange(11) / 10, np.zeros(11)], axis=1).astype(np.float32)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(places.ravel()), 2)
    atlas.replace_columns(pa.table({"id": ids[:11], "map_umap": flat}), ColumnProvenance("map"))
    assert 'value="umap"' in served.reader.get("/map").text
    about = served.reader.get("/api/v1/map?layout=umap").json()
    assert (about["points"], about["images"], about["explained"]) == (11, 12, None)
    data = served.reader.get("/api/v1/map/points?layout=umap").content
    assert sorted(np.frombuffer(data, "<f4", 22)[::2]) == pytest.approx(places[:, 0])
    near = served.reader.get("/api/v1/map/nearest?layout=umap&x=0.31&y=0").json()
    assert near["id"] == ids[3]
    view = {"lasso": "0.25,-1 0.45,-1 0.45,1 0.25,1", "layout": "umap"}
    found = served.reader.get("/api/v1/images", params=view).json()["images"]
    assert [each["id"] for each in found] == ids[3:5]
    page = served.reader.get("/gallery", params=view).text
    assert '<input type="hidden" name="layout" value="umap">' in page
    assert served.reader.get("/gallery?layout=moon").status_code == 400
