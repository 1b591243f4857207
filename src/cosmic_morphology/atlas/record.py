"""A record (what a source says of one image), and a new image: record, measurements and bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow as pa
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from cosmic_morphology.atlas.schema import IMAGES, REPORTED_COLUMNS
from cosmic_morphology.atlas.storage.originals import stored_original
from cosmic_morphology.safe_text import public_url


@dataclass(frozen=True, slots=True)
class Answer:
    """What volunteers said to one question about an image, such as those of Galaxy Zoo.

    Attributes
    ----------
    answer : str
        Question and answer in the words of Galaxy Zoo: ``smooth-or-featured_smooth``.
    fraction : float
        Share of the people who were asked that gave it, in [0, 1].
    people : int
        How many were asked this question.
    """

    answer: str
    fraction: float
    people: int


@dataclass(frozen=True, slots=True)
class Record:
    """One image as its source describes it.

    Everything here was *said* by somebody; nothing was looked at. Texts are plain (no HTML).

    Attributes
    ----------
    source : str
        Name of the archive or import, such as ``nasa``; the first half of ``id``.
    source_id : str
        The source's own identifier, unique within the source.
    title, description, credit, licence : str
        Plain texts; empty when the source gives none.
    keywords : tuple of str
        The source's keywords, as given.
    created_at : str
        Date of the image, ISO 8601 as precise as the source has it, or empty.
    page_url, image_url : str
        The page for people, and the rendition that is fetched. The atlas keeps them without
        passwords and signatures.
    queries : tuple of str
        Each search that found it, such as ``nasa:comet``.
    given_label : str
        The label that came with an imported folder or table: a vote, not the truth.
    answers : tuple of Answer
        What volunteers answered, where a catalogue of theirs came with the image.
    subjects : tuple of str
        AVM ``Subject.Category`` codes, such as ``5.1.6``.
    names : tuple of str
        Object names that the source gives, such as ``M 31``.
    albums : tuple of str
        Albums or galleries that the source keeps the image in.
    collection : str
        The site or survey within the source.
    lineage : tuple of str
        What a rendered or derived image comes from; images that share one are one group.
    parameters : str
        JSON of the parameters of a rendered image, or empty.
    fetched_at : datetime
        When the record was read, UTC.

    Examples
    --------
    >>> record = cosmic.Record("nasa", "PIA12345", title="A comet", queries=("nasa:comet",))
    >>> record.id
    'nasa:PIA12345'
    >>> Record.from_json(record.to_json()) == record
    True
    """

    source: str
    source_id: str
    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    credit: str = ""
    licence: str = ""
    created_at: str = ""
    page_url: str = ""
    image_url: str = ""
    queries: tuple[str, ...] = ()
    given_label: str = ""
    answers: tuple[Answer, ...] = ()
    subjects: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    collection: str = ""
    lineage: tuple[str, ...] = ()
    parameters: str = ""
    fetched_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def id(self) -> str:
        """Identifier of the image in the atlas: ``<source>:<source id>``."""
        return f"{self.source}:{self.source_id}"

    def row(self) -> dict[str, Any]:
        """The said columns of the catalogue, as one row."""
        row: dict[str, Any] = {"id": self.id}
        public = self._public()
        for item in dataclasses.fields(self):
            value = getattr(public, item.name)
            row[item.name] = list(value) if isinstance(value, tuple) else value
        row["answers"] = [dataclasses.asdict(each) for each in self.answers]
        del row["source_id"]
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Record:
        """The record of a row of the catalogue that has the said columns."""
        names = {item.name for item in dataclasses.fields(cls)}
        said = {name: row[name] for name in names.intersection(row) if row[name] is not None}
        texts = {name: tuple(said[name]) for name in said if isinstance(said[name], list)}
        return cls(source_id=row["id"].removeprefix(f"{row['source']}:"), **(said | texts))

    def to_json(self) -> str:
        """The record as JSON, for the ledger: a fetch can be repeated without a new search."""
        return json.dumps(to_jsonable_python(self._public()), ensure_ascii=False)

    def _public(self) -> Record:
        # Signed addresses hold a key, which is not to be stored.
        return dataclasses.replace(
            self, page_url=public_url(self.page_url), image_url=public_url(self.image_url)
        )

    @classmethod
    def from_json(cls, text: str) -> Record:
        """The record that :meth:`to_json` wrote."""
        return _RECORD.validate_json(text)


_RECORD = TypeAdapter(Record)


class ImageMeasurements(Protocol):
    """What the one decode at intake gives (``imaging.IngestedImage``)."""

    @property
    def sha256(self) -> str: ...  # noqa: D102
    @property
    def phash(self) -> bytes: ...  # noqa: D102
    @property
    def thumbnail(self) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class NewImage:
    """One image that was fetched and decoded."""

    record: Record
    intake: ImageMeasurements
    data: bytes


def image_table(arrivals: Sequence[NewImage]) -> pa.Table:
    """Rows of the ``images`` table."""
    columns: dict[str, list[Any]] = {name: [] for name in IMAGES.names}
    for arrival in arrivals:
        columns["id"].append(arrival.record.id)
        columns["image"].append(stored_original(arrival.data, arrival.intake.thumbnail))
        columns["phash"].append(list(arrival.intake.phash))
        for name in IMAGES.names:
            if name not in ("id", "image", "phash"):
                columns[name].append(getattr(arrival.intake, name))
    return pa.table(columns, schema=IMAGES)


def new_and_changed(records: Sequence[Record], before: pa.Table) -> pa.Table:
    """Rows of the said columns that are new, or say something else than before.

    A record found by two searches keeps both in ``queries``. A record that was only read again
    (another ``fetched_at``) is left out.
    """
    known = {row["id"]: row for row in before.to_pylist()}
    merged: dict[str, dict[str, Any]] = {}
    for record in records:
        row = record.row()
        earlier = merged.get(record.id) or known.get(record.id) or {"queries": []}
        row["queries"] = sorted({*(earlier["queries"] or ()), *row["queries"]})
        merged[record.id] = row
    rows = [row for each, row in merged.items() if each not in known or _differ(row, known[each])]
    return pa.Table.from_pylist(rows, schema=REPORTED_COLUMNS)


def _differ(row: dict[str, Any], earlier: dict[str, Any]) -> bool:
    return any(
        row[name] != earlier[name] for name in REPORTED_COLUMNS.names if name != "fetched_at"
    )
