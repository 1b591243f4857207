"""Rows of the tables: schema, keys, partners in other tables, and the hash of each image."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import pyarrow as pa

from cosmic_morphology.atlas.schema import DERIVED_BY_NAME, KEYS, TABLES, table_schema
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.atlas.verification.problems import Problem


def schema_problems(table: Table) -> Iterator[Problem]:
    """Columns that have another type than the schema says."""
    found = table.schema
    expected = {field.name: field.type for field in table_schema(table.name)}
    if table.name == "catalogue":
        expected |= {name: column.type for name, column in DERIVED_BY_NAME.items()}
    for name, type_ in expected.items():
        if name in found.names and found.field(name).type != type_:
            yield Problem(
                "schema",
                table.name,
                f"the column {name!r} is {found.field(name).type}, not {type_}",
            )


def duplicate_keys(table: Table) -> Iterator[Problem]:
    """Keys that stand more than once."""
    key = KEYS[table.name]
    for entry in table.to_table([key]).column(key).value_counts():
        if entry["counts"].as_py() > 1:
            what = f"{entry['values'].as_py()!r} stands twice"
            yield Problem("duplicate_id", table.name, what, rows=entry["counts"].as_py())


def lonely_rows(tables: Mapping[str, Table]) -> Iterator[Problem]:
    """Rows whose partner in another table is not there; tables that are damaged are left out."""
    ids = {
        name: set(tables[name].to_table(["id"]).column("id").to_pylist())
        for name in ("images", "catalogue", "decisions")
        if name in tables
    }
    pairs = (
        ("images", "catalogue", "image_without_record"),
        ("catalogue", "images", "record_without_image"),
        ("decisions", "catalogue", "verdict_on_unknown_id"),
    )
    for name, partner, kind in pairs:
        if name in ids and partner in ids:
            for each in sorted(ids[name] - ids[partner]):
                yield Problem(kind, name, each)


def unfinished_tags(tables: Mapping[str, Table]) -> Iterator[Problem]:
    """Tags that some tables have and others lack: a kill while tagging."""
    tags = {name: set(table.tags()) for name, table in tables.items()}
    everywhere = set.intersection(*tags.values())
    for tag in sorted(set.union(*tags.values()) - everywhere):
        lacking = ", ".join(name for name in TABLES if tag not in tags.get(name, {tag}))
        yield Problem("tag_incomplete", lacking, f"the tag {tag!r} is missing; tag again")


def changed_images(batch: pa.RecordBatch) -> Iterator[Problem]:
    """Images whose bytes do not have the hash that was taken when they came in."""
    images = batch.column("image")
    for row, (each, sha256) in enumerate(
        zip(batch.column("id").to_pylist(), batch.column("sha256").to_pylist(), strict=True)
    ):
        found = hashlib.sha256(images[row].as_buffer()).hexdigest()
        if found != sha256:
            yield Problem("bytes_changed", "images", f"{each}: sha256 {found}, stored {sha256}")
