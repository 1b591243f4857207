"""Tables: CSV without the images, Parquet with them, and a folder of Parquet files by split.

The Parquet files carry the feature types of Hugging Face's ``datasets`` in their schema, so that
it opens the images; other readers see ``image.bytes``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cosmic_morphology.atlas.export.counts import DataFile, data_file
from cosmic_morphology.atlas.export.names import FileNames, ending_of
from cosmic_morphology.atlas.export.rows import COLUMNS, SCHEMA
from cosmic_morphology.atlas.export.shards import Shards
from cosmic_morphology.io_utils import CsvRows

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_SHARD_BYTES, _SHARD_IMAGES = 500_000_000, 1_000_000
IMAGE_KEY, THUMBNAIL = b"cosmic_image", b"thumbnail"
"""Key and value in the schema of a Parquet file whose images are thumbnails, not originals."""


def write_csv_table(path: Path, name: str, batches: Iterable[list[dict[str, Any]]]) -> DataFile:
    """Write one CSV, without images; ``name`` is what the file will be called."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = CsvRows(file)
        table.write(COLUMNS)
        for batch in batches:
            for row in batch:
                cells = (row[column] for column in COLUMNS)
                table.write("; ".join(c) if isinstance(c, list) else c for c in cells)
    return data_file(path, name)


def write_parquet(
    path: Path, name: str, batches: Iterable[list[dict[str, Any]]], *, original: bool
) -> DataFile:
    """Write one Parquet file with images; ``name`` is what the file will be called."""
    schema = _schema(original=original)
    names = FileNames()
    with pq.ParquetWriter(path, schema) as writer:
        for batch in batches:
            writer.write_table(_table(batch, schema, names, original=original))
    return data_file(path, name)


def write_hugging_face(
    folder: Path,
    batches: Iterable[list[dict[str, Any]]],
    classes: Sequence[str],
    *,
    original: bool,
    shard_bytes: int = _SHARD_BYTES,
) -> list[DataFile]:
    """Write ``data/<split>-00000.parquet`` and so on, in which the label is a class of a list.

    Parameters
    ----------
    folder : Path
        An empty folder.
    batches : iterable of lists of dict
        Rows with ``bytes``.
    classes : sequence of str
        The classes; the label becomes its place in them, as ``datasets.ClassLabel`` has it.
    original : bool
        Whether the bytes are those of the source, or JPEG thumbnails.
    shard_bytes : int
        A file with this many bytes of images gets no more.
    """
    (folder / "data").mkdir()
    schema = _schema(original=original, classes=classes)
    numbers = {each: number for number, each in enumerate(classes)}
    names = FileNames()
    shards = Shards(
        folder / "data",
        ".parquet",
        lambda path: pq.ParquetWriter(path, schema),
        max_images=_SHARD_IMAGES,
        max_bytes=shard_bytes,
    )
    with shards:
        for batch in batches:
            for split in sorted({row["split"] for row in batch}):
                rows = [row for row in batch if row["split"] == split]
                n_bytes = sum(len(row["bytes"]) for row in rows)
                numbered = [{**row, "label": numbers[row["label"]]} for row in rows]
                table = _table(numbered, schema, names, original=original)
                shards.writer(split, len(rows), n_bytes).write_table(table)
    return shards.files(folder)


def _schema(*, original: bool, classes: Sequence[str] = ()) -> pa.Schema:
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    fields = dict(zip(SCHEMA.names, SCHEMA.types, strict=True))
    if classes:
        features["label"] = {"names": list(classes), "_type": "ClassLabel"}
        fields["label"] = pa.int64()
    metadata = {
        b"huggingface": json.dumps({"info": {"features": features}}).encode(),
        IMAGE_KEY: b"original" if original else THUMBNAIL,
    }
    return pa.schema([("image", _IMAGE), *fields.items()], metadata)


def _table(
    rows: list[dict[str, Any]], schema: pa.Schema, names: FileNames, *, original: bool
) -> pa.Table:
    for row in rows:
        ending = ending_of(row["media_type"]) if original else "jpg"
        row["image"] = {"bytes": row["bytes"], "path": f"{names.give('', row['id'])}.{ending}"}
    return pa.Table.from_pylist(rows, schema=schema)
