"""Does the atlas add up? Row counts, hashes of the bytes, schema, rows without partners."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.schema import BELIEVED_BY_NAME, KEYS, TABLES, table_schema


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not add up.

    ``kind`` is one of ``schema``, ``duplicate_id``, ``bytes_changed``, ``picture_without_record``,
    ``record_without_picture``, ``verdict_on_unknown_id``, ``tag_incomplete``. A record without a
    picture is what a killed run leaves: the next run of the same collect or import mends it.
    """

    kind: str
    table: str
    what: str

    @property
    def is_damage(self) -> bool:
        """Whether a rerun cannot mend it."""
        return self.kind not in ("record_without_picture", "tag_incomplete")


@dataclass(frozen=True, slots=True)
class Verification:
    """What :func:`verify` found."""

    rows: dict[str, int]
    hashed: int
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged."""
        return not any(problem.is_damage for problem in self.problems)


def verify(
    atlas: Atlas,
    *,
    hash_bytes: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Verification:
    """Check the atlas; nothing is changed.

    Parameters
    ----------
    atlas : Atlas
        Read in batches: memory does not grow with it.
    hash_bytes : bool
        Whether every picture's bytes are read and compared with their sha256.
    progress : callable, optional
        Called with pictures hashed and pictures in all.
    """
    problems = [
        *_schema_problems(atlas),
        *_duplicate_ids(atlas),
        *_partners(atlas),
        *_unfinished_tags(atlas),
    ]
    hashed = 0
    if hash_bytes:
        total = atlas.count()
        for batch in atlas.table("images").to_batches(
            columns=["id", "sha256", "image"], batch_size=64
        ):
            problems += _changed_bytes(batch)
            hashed += batch.num_rows
            if progress:
                progress(hashed, total)
    rows = {name: atlas.count(name) for name in TABLES}
    return Verification(rows, hashed, tuple(problems))


def _schema_problems(atlas: Atlas) -> Iterator[Problem]:
    for name in TABLES:
        found = atlas.table(name).schema
        for field in table_schema(name):
            if field.name not in found.names:
                yield Problem("schema", name, f"the column {field.name!r} is missing")
            elif found.field(field.name).type != field.type:
                yield Problem(
                    "schema",
                    name,
                    f"the column {field.name!r} is {found.field(field.name).type}, "
                    f"not {field.type}",
                )
        if name == "catalogue":
            for column, spec in BELIEVED_BY_NAME.items():
                if column in found.names and found.field(column).type != spec.type:
                    yield Problem(
                        "schema", name, f"the column {column!r} is {found.field(column).type}"
                    )


def _duplicate_ids(atlas: Atlas) -> Iterator[Problem]:
    for name in TABLES:
        keys = atlas.table(name).to_table(columns=[KEYS[name]]).column(KEYS[name])
        counts = keys.value_counts()
        for entry in counts:
            if entry["counts"].as_py() > 1:
                yield Problem("duplicate_id", name, f"{entry['values'].as_py()!r} stands twice")


def _partners(atlas: Atlas) -> Iterator[Problem]:
    pictures = set(atlas.positions())
    records = set(atlas.read(["id"]).column("id").to_pylist())
    for each in sorted(pictures - records):
        yield Problem("picture_without_record", "images", each)
    for each in sorted(records - pictures):
        yield Problem("record_without_picture", "catalogue", each)
    judged = set(atlas.read(["id"], table="decisions").column("id").to_pylist())
    for each in sorted(judged - records):
        yield Problem("verdict_on_unknown_id", "decisions", each)


def _unfinished_tags(atlas: Atlas) -> Iterator[Problem]:
    tags = {name: set(atlas.table(name).tags.list()) for name in TABLES}
    everywhere = set.intersection(*tags.values())
    for tag in sorted(set.union(*tags.values()) - everywhere):
        lacking = ", ".join(name for name in TABLES if tag not in tags[name])
        yield Problem("tag_incomplete", lacking, f"the tag {tag!r} is missing; tag again")


def _changed_bytes(batch: pa.RecordBatch) -> Iterator[Problem]:
    images = batch.column("image")
    for row, (each, sha256) in enumerate(
        zip(batch.column("id").to_pylist(), batch.column("sha256").to_pylist(), strict=True)
    ):
        found = hashlib.sha256(images[row].as_buffer()).hexdigest()
        if found != sha256:
            yield Problem("bytes_changed", "images", f"{each}: sha256 {found}, stored {sha256}")
