"""A view, or chosen images, as a table: label, who gave it, credit, licence, page."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import APIRouter, Body, Query
from starlette.responses import Response, StreamingResponse

from cosmic_morphology.atlas import Decision, latest_decisions
from cosmic_morphology.atlas.export.rows import label_of
from cosmic_morphology.atlas.query import stream, take
from cosmic_morphology.io_utils import CsvRows
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.api.described import bytes_of
from cosmic_morphology.serve.asked import Asked
from cosmic_morphology.serve.rows import columns_there, tiles
from cosmic_morphology.serve.served_atlas import ServedAtlas
from cosmic_morphology.serve.view import View

router = APIRouter(prefix="/api/v1", tags=["images"])
_READ = (
    *("id", "title", "label", "label_confidence", "label_kind", "votes", "given_label", "licence"),
    *("credit", "page_url", "source", "split"),
)
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "title", "label")),
        ("confidence", pa.float32()),
        *((name, pa.string()) for name in ("kind", "by", "credit", "licence", "page", "source")),
        ("split", pa.string()),
    ]
)
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
_SENT = bytes_of(*_TYPES.values())
_SENT[200]["content"][_TYPES["json"]] = {"schema": {"type": "array", "items": {"type": "object"}}}
_AT_ONCE = 1000
_MOST_CHOSEN = 10_000
Format = Literal["csv", "json", "parquet"]


@router.get("/table", response_class=Response, responses=_SENT)
def table_of_view(
    view: Asked, sky: Sky, kind: Annotated[Format, Query(alias="format")] = "csv"
) -> Response:
    """All images of a view as a table."""
    return _sent(_batches_of_view(sky, view), kind)


@router.post("/table", response_class=Response, responses=_SENT)
def table_of_chosen(
    ids: Annotated[
        list[str],
        Body(min_length=1, max_length=_MOST_CHOSEN, examples=[["nasa:PIA00001", "nasa:PIA00002"]]),
    ],
    sky: Sky,
    kind: Annotated[Format, Query(alias="format")] = "csv",
) -> Response:
    """Chosen images as a table."""
    with sky.reading() as atlas:
        chosen = take(atlas, ids, columns_there(atlas, _READ), table="images").to_pylist()
        rows = [_row(each, latest_decisions(atlas)) for each in chosen]
    return _sent(iter([rows]), kind)


def _batches_of_view(sky: ServedAtlas, view: View) -> Iterator[list[dict[str, Any]]]:
    # A handle of its own: whoever takes the table slowly keeps nobody else waiting.
    atlas = sky.open()
    decisions = latest_decisions(atlas)
    if view.q or view.is_of_ids:
        after = None
        while True:
            found = tiles(sky, atlas, view, after=after, limit=_AT_ONCE, columns=_READ)
            yield [_row(each, decisions) for each in found.rows]
            if (after := found.next) is None:
                return
    for batch in stream(atlas, columns_there(atlas, _READ), where=view.where()):
        yield [_row(each, decisions) for each in batch.to_pylist()]


def _row(row: Mapping[str, Any], decisions: Mapping[str, Decision]) -> dict[str, Any]:
    known: dict[str, Any] = dict.fromkeys(_READ) | dict(row)
    label = label_of(known, decisions.get(known["id"]))
    return {
        "id": known["id"],
        "title": known["title"],
        "label": label.name,
        "confidence": label.confidence,
        "kind": label.kind,
        "by": label.by,
        "credit": known["credit"],
        "licence": known["licence"],
        "page": known["page_url"],
        "source": known["source"],
        "split": known["split"],
    }


def _sent(batches: Iterator[list[dict[str, Any]]], kind: Format) -> Response:
    # What cannot be read is told before the first byte is on its way.
    first = next(batches, [])
    parts = {"csv": _csv, "json": _json, "parquet": _parquet}[kind]
    headers = {"content-disposition": f'attachment; filename="images.{kind}"'}
    return StreamingResponse(parts(first, batches), media_type=_TYPES[kind], headers=headers)


def _csv(first: list[dict[str, Any]], others: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    for number, rows in enumerate(_chain(first, others)):
        text = io.StringIO()
        writer = CsvRows(text)
        if number == 0:
            writer.write(_SCHEMA.names)
        for row in rows:
            writer.write(row.values())
        yield text.getvalue().encode()


def _json(first: list[dict[str, Any]], others: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    before = b"["
    for rows in _chain(first, others):
        for row in rows:
            yield before + json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")
            before = b",\n"
    yield b"[]" if before == b"[" else b"]"


def _parquet(
    first: list[dict[str, Any]], others: Iterator[list[dict[str, Any]]]
) -> Iterator[bytes]:
    """The bytes of each group of rows as soon as they are written."""
    out = _Pipe()
    with pq.ParquetWriter(out, _SCHEMA) as writer:
        for rows in _chain(first, others):
            writer.write_table(pa.Table.from_pylist(rows, _SCHEMA))
            yield out.taken()
    yield out.taken()


class _Pipe(io.RawIOBase):
    """What is written is taken out again; Parquet's writer never goes back."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._length += len(part)
        return len(part)

    def tell(self) -> int:
        return self._length

    def taken(self) -> bytes:
        """All that was written since the last time."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found


def _chain(
    first: list[dict[str, Any]], others: Iterator[list[dict[str, Any]]]
) -> Iterator[list[dict[str, Any]]]:
    yield first
    yield from others
