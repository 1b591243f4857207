"""Calls that the description of the interface gives rise to, and what is wrong with the answers.

Each operation is called as its own examples say, and then with what schemathesis makes of its
parameters: what fits them, and what does not. An answer is at fault when it is an error of the
server, or of a status, a kind of content or a shape that the description does not name.
"""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import requests
import schemathesis
from drawn_images import DrawnIntake, draw_jpeg
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served_sky import Served, exported, labelled_atlas, listening

from cosmic_morphology.atlas import ColumnProvenance, NewImage, Record
from cosmic_morphology.collect.http.fetch_one import image_at
from cosmic_morphology.settings import CollectJob, CollectSettings

IDS = ("nasa:PIA00001", "nasa:PIA00002", "eso:eso0001a")
"""Images that the examples of the description name."""
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
IMAGES = 36
_SIDE = 96


@dataclass
class Answers:
    """What came back.

    Attributes
    ----------
    statuses : Counter
        Answers by operation and status.
    faults : dict of str to str
        What is wrong, each kind once, with the first call that shows it.
    """

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        return self.statuses.total()

    @property
    def server_errors(self) -> int:
        return sum(n for (_, status), n in self.statuses.items() if status >= 500)

    def succeeded(self) -> Counter[str]:
        """How often each operation was answered 2xx."""
        found = Counter(dict.fromkeys((name for name, _ in self.statuses), 0))
        for (name, status), n in self.statuses.items():
            found[name] += n if 200 <= status < 300 else 0
        return found


def ask_described(place: Path, images: Sequence[bytes] = (), **how: int) -> Answers:
    """Serve an atlas that holds what the examples name, and ask it everything (:func:`ask_all`)."""
    served = described_sky(place, images or [draw_jpeg(n, (_SIDE, _SIDE)) for n in range(IMAGES)])
    description = served.reader.get("/openapi.json").json()
    with one_address_answers(description), listening(served) as port:
        return ask_all(description, f"http://127.0.0.1:{port}", served.token, **how)


def described_sky(place: Path, images: Sequence[bytes]) -> Served:
    """Images with labels, embeddings and a model; limits raised."""
    ids = [*IDS, *(f"nasa:x{each:03d}" for each in range(len(images) - len(IDS)))]
    arrivals = [_arrival(*id_.split(":"), each) for id_, each in zip(ids, images, strict=True)]
    atlas = labelled_atlas(place / "atlas", arrivals=arrivals)
    vectors = np.random.default_rng(0).normal(size=(len(ids), 8)).astype(np.float16)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 8)
    atlas.replace_columns(pa.table({"id": ids, "embedding_tiny": flat}), ColumnProvenance("embed"))
    # Nobody listens there: what is tried again fails at once.
    nasa = CollectJob(type="nasa", root="http://127.0.0.1:9", queries=("galaxy",))
    quick = CollectSettings(attempts=1, backoff_s=0.01)
    return Served(
        atlas, place / "out", model=exported(place / "tiny.onnx"), requests_per_minute=10**9,
        fetch_seconds=0.2, settings={"sources": (nasa,), "collect": quick},
    )  # fmt: skip


def _arrival(source: str, source_id: str, data: bytes) -> NewImage:
    taken = DrawnIntake(hashlib.sha256(data).hexdigest(), data, width=_SIDE, height=_SIDE)
    return NewImage(Record(source, source_id, title=f"image {source_id}"), taken, data)


@contextmanager
def one_address_answers(description: Mapping[str, Any]) -> Iterator[None]:
    """The public address of the example has an image; all others are asked as they would be."""
    said = description["paths"]["/api/v1/predict"]["get"]["parameters"]
    example = next(each["schema"]["examples"][0] for each in said if each["name"] == "url")

    def fetched(url: str, *given: Any, **how: Any) -> bytes:
        return draw_jpeg(0) if url == example else image_at(url, *given, **how)

    with patch("cosmic_morphology.serve.api.predict.image_at", fetched):
        yield


def ask_all(
    description: dict[str, Any],
    base_url: str,
    token: str,
    *,
    examples: int,
    others: int,
    first: int,
) -> Answers:
    """Call every operation: ``examples`` times as its example says, ``others`` times otherwise,
    as ``first`` seeds it."""
    found = Answers()
    definitions = description["components"]["schemas"]
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for result in schemathesis.openapi.from_dict(description).get_all_operations():
            operation = result.ok()
            for _ in range(examples):
                _ask(found, _example(operation, definitions), base_url, session)
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                for case in _made(operation, mode, others // 2, first):
                    _ask(found, case, base_url, session)
    return found


def _example(operation: APIOperation, definitions: Mapping[str, Any]) -> Case:
    """A call as the description gives it: what is required, and the body."""
    said = operation.definition.raw
    query, path, body = {}, {}, {}
    for each in said.get("parameters", []):
        if each.get("required"):
            value = _example_of(each["schema"], definitions)
            (path if each["in"] == "path" else query)[each["name"]] = value
    for media_type, kind in said.get("requestBody", {}).get("content", {}).items():
        given = copy.deepcopy(_example_of(kind["schema"], definitions))
        if isinstance(given, dict) and "expected" in given:
            # How many images a view has is of the atlas.
            given["expected"] = IMAGES
        body = {"body": given, "media_type": media_type}
    return operation.Case(path_parameters=path, query=query, **body)


def _example_of(schema: dict[str, Any], definitions: Mapping[str, Any]) -> Any:
    if schema.get("format") == "binary":
        return draw_jpeg(0)
    if "$ref" in schema and "examples" not in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "properties" in schema and "examples" not in schema:
        return {name: _example_of(each, definitions) for name, each in schema["properties"].items()}
    if "items" in schema and "examples" not in schema:
        return [_example_of(schema["items"], definitions)]
    return schema["examples"][0]


def _made(operation: APIOperation, mode: GenerationMode, n: int, number: int) -> list[Case]:
    """Calls that schemathesis makes up: that fit the description, or that do not."""
    found: list[Case] = []

    @seed(number)
    @settings(
        max_examples=n, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(operation.as_strategy(generation_mode=mode))
    def made(case: Case) -> None:
        found.append(case)

    # An operation that asks for nothing cannot be asked wrongly.
    with suppress(Unsatisfiable):
        made()
    return found


def _ask(found: Answers, case: Case, base_url: str, session: requests.Session) -> None:
    answer = case.call(base_url=base_url, session=session)
    name = f"{case.method} {case.operation.path}"
    found.statuses[name, answer.status_code] += 1
    try:
        case.validate_response(answer, checks=_CHECKS)
    except (Failure, FailureGroup) as failed:
        for each in getattr(failed, "exceptions", [failed]):
            kind = f"{name}: {answer.status_code}: {type(each).__name__}"
            found.faults.setdefault(kind, f"{each}\n{case.as_curl_command()[:400]}")
