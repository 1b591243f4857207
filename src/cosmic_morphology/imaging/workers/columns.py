"""What is known of images, or why they are refused, as columns that travel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging.ingest import IngestedImage

_REFUSED = ("kind", "what", "where", "todo")
_KNOWN = pa.schema(
    [
        ("sha256", pa.string()),
        ("media_type", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("thumbnail", pa.binary()),
        ("phash", pa.binary(8)),
        *((name, pa.float64()) for name in ("brightness", "contrast", "sharpness")),
        *((name, pa.float64()) for name in ("blankness", "colourfulness")),
        ("n_frames", pa.int32()),
    ]
)
INGESTED = pa.schema([*_KNOWN, *((name, pa.string()) for name in _REFUSED)])
"""The attributes of :class:`IngestedImage`, or those of the error, with ``kind``."""


def ingested_table(images: Sequence[IngestedImage | ImageError]) -> pa.Table:
    """A row for each image; :func:`read_ingested` gives them back."""
    rows = [
        {
            name: getattr(each, name)
            for name in (_REFUSED if isinstance(each, ImageError) else _KNOWN.names)
        }
        for each in images
    ]
    return pa.Table.from_pylist(rows, schema=INGESTED)


def read_ingested(table: pa.Table) -> list[IngestedImage | ImageError]:
    """Images and refusals, row by row."""
    return [_read(row) for row in table.select(INGESTED.names).to_pylist()]


def _read(row: dict[str, Any]) -> IngestedImage | ImageError:
    if row["kind"] is None:
        return IngestedImage(**{name: row[name] for name in _KNOWN.names})
    return ImageError(row["kind"], row["what"], where=row["where"], todo=row["todo"])
