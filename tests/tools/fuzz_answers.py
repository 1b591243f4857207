"""Answers of archives with anything in any place, and a reader that says how each one ends."""

from __future__ import annotations

import asyncio
import copy
import json
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas import Record
from cosmic_morphology.atlas.schema import REPORTED_COLUMNS
from cosmic_morphology.collect import FetchFailedError, SkippedRecord, SourceRequest, find_source
from cosmic_morphology.collect.http.url_policy import UrlPolicy
from cosmic_morphology.collect.sources.checked import checked, checked_slice
from cosmic_morphology.errors import SourceError, UsageError
from cosmic_morphology.settings import CollectJob
from cosmic_morphology.taxonomy import load_taxonomy

MAX_ASKED = 3_000
TAXONOMY = load_taxonomy()
ROOT = "http://127.0.0.1:9"


def _deep(levels: int = 60) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 10**12, 10**30, 10**400, 1.5, -0.0),
    *(math.nan, math.inf, -math.inf, 1e308),
    *("", " ", "x", "\ud800", "a\ud83dz", "\0", "line\nbreak", "²", "9" * 5_000, "x" * 5_000),
    *("http://[::1", "http://x:99999/", "http://[broken]/", "//", "javascript:alert(1)", "b''"),
    *("b''+" * 3_000 + "b''", "b'" + "(" * 3_000 + "'", r"b'\x4'", r"b'\xzz\N{A}\777'", "b'\\'"),
    *("&#" + "9" * 5_000 + ";", "&amp;#" + "9" * 5_000 + ";", "&#xD800;", "<![" * 3_000),
    *(
        "<a " * 3_000,
        "<p>" * 3_000,
        "2026-13-99",
        "\u0662\u0660\u0662\u0666-\u0660\u0661-\u0660\u0661",
        "9999999999-01-01",
    ),
    *([], {}, [[]], [{}], [None], {"": None}, {"a": {"b": []}}, ["a", 1, None, {}], _deep()),
)
"""What is put into each place of a valid answer."""

NASA = {
    "collection": {
        "version": "1.0",
        "items": [
            {
                "href": f"{ROOT}/c.json",
                "data": [
                    {
                        "nasa_id": f"PIA{number}",
                        "title": "Galaxy",
                        "description": "<p>A galaxy &amp; more</p>",
                        "description_508": "",
                        "keywords": ["galaxy", "M 31"],
                        "center": "JPL",
                        "date_created": "2001-02-03T00:00:00Z",
                        "media_type": "image",
                        "photographer": "A",
                        "secondary_creator": "B",
                        "album": ["one"],
                    }
                ],
                "links": [
                    {
                        "href": f"{ROOT}/a~medium.jpg",
                        "rel": "alternate",
                        "render": "image",
                        "width": 5,
                    }
                ],
            }
            for number in (1, 2)
        ],
        "metadata": {"total_hits": 2},
        "links": [{"rel": "next", "prompt": "Next", "href": f"{ROOT}/x"}],
    }
}
APOD = [
    {
        "date": "2026-09-30",
        "title": "A comet",
        "media_type": "image",
        "explanation": "<p>Seen</p>",
        "credit": "NASA",
        "copyright": "",
        "permalink": f"{ROOT}/p",
        "url": f"{ROOT}/p",
        "hdurl": f"{ROOT}/dynamicimage/a.jpg",
        "basic_html_url": f"{ROOT}/b",
    }
]
DJANGOPLICITY = {
    "Count": 1,
    "Next": f"{ROOT}/next",
    "Collections": [
        {
            "ID": "heic0001-en",
            "Title": "b'A galaxy'",
            "Type": "Observation",
            "Description": "<p>Text</p>",
            "Credit": "ESA",
            "Rights": "CC BY 4.0",
            "PublicationDate": "2001-01-01",
            "Subject": {"Category": ["5.1"], "Name": ["M 31"]},
            "ReferenceURL": f"{ROOT}/page",
            "Assets": [
                {
                    "Resources": [
                        {"ResourceType": "Small", "URL": f"{ROOT}/s.jpg", "FileSize": 900}
                    ],
                    "ObservationData": {"Spatial": {"ReferenceValue": [10.5, "41.2"]}},
                }
            ],
        }
    ],
}
COMMONS = {
    "continue": {"gcmcontinue": "file|1", "continue": "gcmcontinue||"},
    "query": {
        "pages": [
            {
                "title": "File:Comet.jpg",
                "imageinfo": [
                    {
                        "timestamp": "2020-01-01T00:00:00Z",
                        "url": f"{ROOT}/commons/a/ab/Comet.jpg",
                        "descriptionurl": f"{ROOT}/wiki/File:Comet.jpg",
                        "width": 4000,
                        "mime": "image/jpeg",
                        "thumburl": f"{ROOT}/t.jpg",
                        "extmetadata": {
                            "ObjectName": {"value": "Comet"},
                            "ImageDescription": {"value": "<b>Comet</b>"},
                            "Artist": {"value": "<a href='x'>A</a>"},
                            "Credit": {"value": "Own work"},
                            "LicenseShortName": {"value": "CC BY"},
                            "DateTimeOriginal": {"value": "2020"},
                        },
                    }
                ],
            }
        ]
    },
}
ANSWERS: dict[str, Any] = {
    "nasa": NASA,
    "apod": APOD,
    "djangoplicity": DJANGOPLICITY,
    "commons": COMMONS,
}
QUERIES = {"nasa": ("galaxy", "album:one"), "djangoplicity": ("eso",), "commons": ("Comets",)}

Place = tuple[str | int, ...]


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place of a JSON value, the whole first."""
    yield at
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in inner:
            yield from places(each, (*at, key))


def put(value: Any, at: Place, nasty: Any) -> Any:
    """A copy of a JSON value with something else in one place (which may be gone by now)."""
    if not at:
        return nasty
    changed = copy.deepcopy(value)
    inner = changed
    for key in at[:-1]:
        is_there = isinstance(inner, dict) or (isinstance(inner, list) and key in range(len(inner)))
        if not is_there or (isinstance(inner, dict) and key not in inner):
            return changed
        inner = inner[key]
    if isinstance(inner, dict) or (isinstance(inner, list) and at[-1] in range(len(inner))):
        inner[at[-1]] = nasty
    return changed


def without(value: Any, at: Place) -> Any:
    """A copy without one place."""
    changed = copy.deepcopy(value)
    inner = changed
    for key in at[:-1]:
        inner = inner[key]
    del inner[at[-1]]
    return changed


def one_change_each(source: str) -> Iterator[Any]:
    """Every nasty value in every place of a valid answer, and the answer without each place."""
    valid = ANSWERS[source]
    for at in places(valid):
        for nasty in NASTY:
            yield put(valid, at, nasty)
        if at:
            yield without(valid, at)


def many_changes(source: str, chances: random.Random) -> Any:
    """A valid answer with two to six changes."""
    answer = ANSWERS[source]
    for _ in range(chances.randint(2, 6)):
        at = chances.choice(list(places(answer)))
        answer = put(answer, at, copy.deepcopy(chances.choice(NASTY)))
    return answer


class Answering:
    """An archive that has one answer for everything."""

    def __init__(self, answer: Any, headers: dict[str, str] | None = None) -> None:
        self._answer = answer
        self._headers = headers or {}
        self.asked = 0

    async def json(self, url: str, params: Any = None, *, items: int = 0) -> Any:
        """The answer."""
        return (await self.json_and_headers(url, params, items=items))[0]

    async def json_and_headers(
        self, url: str, params: Any = None, *, items: int = 0
    ) -> tuple[Any, Any]:
        """The answer and the headers."""
        del url, params, items
        self.asked += 1
        assert self.asked < MAX_ASKED, "the source never comes to an end"
        return self._answer, self._headers


def ending(source: str, answer: Any, headers: dict[str, str] | None = None) -> str:
    """How a source ends with an answer: ``read``, or the name of the error that it may raise.

    Every record must be one that an atlas can store; any other error is the caller's to see.
    """
    # As over the network: anything that JSON can say.
    answer = json.loads(json.dumps(answer))
    job = CollectJob(type=source, queries=QUERIES.get(source, ()), root=ROOT)
    return _ending(SourceRequest(job, TAXONOMY, contact="a@b.org"), Answering(answer, headers))


def _ending(wanted: SourceRequest, ask: Any) -> str:
    async def read() -> None:
        source = find_source(wanted)
        doors = UrlPolicy(source.hosts, ROOT)
        async for given in source.slices(ask):
            part = checked_slice(given, source.name)
            async for each in source.records(ask, part):
                _stored(checked(each, source.name), doors)

    try:
        asyncio.run(read())
    except (SourceError, FetchFailedError, UsageError) as error:
        str(error).encode("utf-8")
        return type(error).__name__
    return "read"


def _stored(found: Any, doors: UrlPolicy) -> None:
    if isinstance(found, SkippedRecord):
        f"{found.source_id} {found.detail}".encode()
    if not isinstance(found, Record):
        return
    try:
        doors.normalise(found.image_url)
    except FetchFailedError as trouble:
        str(trouble).encode("utf-8")
    pa.Table.from_pylist([found.row()], schema=REPORTED_COLUMNS)
    assert Record.from_json(found.to_json()) == found


def plug_in_ending(plug_in: Any, monkeypatch: Any) -> str:
    """How a plug-in of any kind ends."""
    from importlib.metadata import EntryPoint

    from cosmic_morphology.collect import sources

    point = EntryPoint("mine", f"{plug_in.__module__}:{plug_in.__qualname__}", sources.GROUP)
    monkeypatch.setattr(sources, "entry_points", lambda **_: [point])
    return _ending(SourceRequest(CollectJob(type="mine", root=ROOT), TAXONOMY), Answering([]))


HEADERS = ("", "1", "-1", "\u00b2", "\u0663", "9" * 5_000, "1e9", "nan", " 1 ", "0x10")


def table_ending(read: Callable[[Path], Any], path: Path, data: bytes) -> str:
    """How the reader of a file ends with these bytes."""
    path.write_bytes(data)
    try:
        list(read(path))
    except (SourceError, UsageError) as error:
        str(error).encode("utf-8")
        return type(error).__name__
    return "read"
