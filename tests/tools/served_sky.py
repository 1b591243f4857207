"""A small atlas behind the web application, asked without a network."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import onnx
import pyarrow as pa
import tomlkit
import uvicorn
from drawn_images import make_arrival
from onnx import TensorProto, helper
from starlette.testclient import TestClient

from cosmic_morphology.atlas import VOTE_TYPE, Atlas, ColumnProvenance, NewImage
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.serve import create_app
from cosmic_morphology.serve.access.reviewers import Reviewers
from cosmic_morphology.serve.served_atlas import ServedAtlas
from cosmic_morphology.settings import ServeSettings, Settings

LABELS = ("comet", "galaxy", "star")
SIDE = 24
HOST = "http://127.0.0.1:8620"


def labelled_atlas(
    place: Path, n: int = 12, *, arrivals: Sequence[NewImage] = (), **first: Any
) -> Atlas:
    """Images with labels, checks and a split; ``first`` changes the first record.

    With ``arrivals`` those are the images.
    """
    atlas = Atlas.create(place)
    drawn = [make_arrival(number, **(first if number == 0 else {})) for number in range(n)]
    atlas.add(arrivals or drawn)
    n = atlas.count()
    rows = []
    for number, id_ in enumerate(sorted(atlas.ids())):
        label = LABELS[number % 3]
        rows.append(
            {
                "id": id_,
                "label": label,
                "label_confidence": 0.5 + number / (2 * n),
                "label_kind": "computed",
                "split": ("train", "val", "test")[number % 3],
                "group": id_,
                "mislabel_flag": number % 4 == 0,
                "mislabel_reason": "looks like another",
                "suggested_label": "nebula" if number % 4 == 0 else None,
            }
        )
    table = pa.Table.from_pylist(rows)
    votes = [[{"voter": "title", "label": "comet", "weight": 0.9, "reason": "title: comet"}]] * n
    table = table.append_column("votes", pa.array(votes, VOTE_TYPE))
    atlas.replace_columns(table, ColumnProvenance("labels"))
    return atlas


def hostile_atlas(place: Path, script: str, n: int = 30) -> Atlas:
    """The same, where every text that somebody else can write is a script."""
    atlas = labelled_atlas(
        place, n, title=script, description=f"A comet. {script}", credit=script, collection=script,
        given_label=script, keywords=(script,), queries=(script,), page_url="javascript:alert(1)",
    )  # fmt: skip
    first, *_ = ids = sorted(atlas.ids())
    vote = {"voter": script, "label": script, "weight": 0.9, "reason": f"title: “{script}”"}
    rows = pa.table(
        {
            "id": ids[::2],
            "label": [script] * len(ids[::2]),
            "mislabel_flag": [True] * len(ids[::2]),
            "mislabel_reason": [script] * len(ids[::2]),
            "suggested_label": [script] * len(ids[::2]),
            "duplicate_of": [first] * len(ids[::2]),
            "duplicate_flag": [each != first for each in ids[::2]],
            "group_reason": [script] * len(ids[::2]),
            "votes": pa.array([[vote]] * len(ids[::2]), VOTE_TYPE),
        }
    )
    atlas.replace_columns(rows, ColumnProvenance("labels"))
    said = {"id": first, "verdict": "label", "why": script, "at": datetime(2026, 1, 1, tzinfo=UTC)}
    atlas.append_decisions(
        [said | {"label": script, "who": script}, said | {"label": "star", "who": "bob"}]
    )
    return atlas


def hostile_taxonomy(place: Path, script: str) -> Path:
    """A taxonomy whose names, search words and phrases are scripts, where they may be."""
    rules = {"label": "comet", "where": ["title"], "weight": 0.9, "phrases": [script]}
    values = {"reject": script, "ignore": [f"not {script}"], "rules": [rules]}
    values["classes"] = [{"name": name, "search": [script + name]} for name in LABELS]
    place.write_text(tomlkit.dumps(values), "utf-8")
    return place


class Served:
    """The application on an atlas, and a browser that may or may not write."""

    def __init__(
        self, atlas: Atlas, out: Path, *, settings: dict[str, Any] | None = None, **serve: Any
    ) -> None:
        self.atlas = atlas
        # Processes beside the pages are started by those tests alone that are about them.
        said = {"weigh_seconds": 0, **serve}
        self.settings = Settings(
            atlas=atlas.uri, out=out, serve=ServeSettings(**said), **(settings or {})
        )
        self.reviewers = Reviewers()
        self.token = self.reviewers.invite("ann")
        self.app = create_app(ServedAtlas(self.settings), self.reviewers)
        self.reader = self.browser()
        self.writer = self.browser(authorization=f"Bearer {self.token}")

    def browser(self, **headers: str) -> TestClient:
        return TestClient(
            self.app, HOST, headers=headers, follow_redirects=False, raise_server_exceptions=False
        )


def exported(path: Path) -> Path:
    """A network that answers by how bright an image is."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Mul", ["column", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"]),
    ]
    given = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("last", TensorProto.INT64, [1], [1]),
        helper.make_tensor("weights", TensorProto.FLOAT, [1, 3], [0.001, 0.01, -0.01]),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3])],
        given,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    how = json.dumps(asdict(Preprocessing(SIDE, (0.5,) * 3, (0.2,) * 3)))
    said = {
        "name": "tiny", "precision": "float32", "classes": json.dumps(LABELS),
        "preprocessing": how, "reject_below": "0.5",
    }  # fmt: skip
    for key, value in said.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, str(path))
    return path


@contextmanager
def listening(served: Served, port: int = 0) -> Iterator[int]:
    """The application on a port of this machine."""
    config = uvicorn.Config(served.app, port=port, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
