"""Which images an export takes, what it says of each, and why it leaves the others out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.credits import is_rendered, may_be_redistributed, shown_texts
from cosmic_morphology.atlas.decisions import RENDERER, Decision, latest_decisions
from cosmic_morphology.atlas.schema import SPLITS
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.safe_text import without_secrets
from cosmic_morphology.stats.score import CHECKED, COMPUTED, RENDERED, VOLUNTEERED

IMPORTED, NONE = "imported", "none"
KINDS = {
    CHECKED: "a person looked at the image and gave or confirmed its class",
    RENDERED: "a program drew the image and knew its class",
    IMPORTED: "the class came with the image (its folder or table), and nobody checked it here",
    VOLUNTEERED: "the majority of volunteers who were asked, from a catalogue of their votes",
    COMPUTED: "the votes of automatic voters, put together",
    NONE: "there is no label",
}
"""Kinds of labels in exports, with their meaning."""

COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "id": (pa.string(), "the image: its source and its id there"),
    "label": (pa.string(), "its class; empty where there is none"),
    "label_confidence": (pa.float32(), "probability of the label, in [0, 1]; 1 = checked"),
    "label_kind": (pa.string(), f"{', '.join(KINDS)}: how the label came about"),
    "label_by": (pa.string(), "who gave the label: a person, the renderer, or the voters for it"),
    "split": (pa.string(), "train, val, test, or none (left out)"),
    "group": (pa.string(), "images of one group (copies, one object, one series) share a split"),
    "source": (pa.string(), "the archive or folder that the image comes from"),
    "title": (pa.string(), "its title there"),
    "credit": (pa.string(), "who must be named wherever the image is shown"),
    "licence": (pa.string(), "what the source says of its use; empty = it says nothing"),
    "page_url": (pa.string(), "its page at the source"),
    "image_url": (pa.string(), "where its file was fetched"),
    "lineage": (pa.list_(pa.string()), "the images that it was made from, if any"),
    "media_type": (pa.string(), "type of the file at the source"),
    "width": (pa.int32(), "width of the file at the source, in pixels"),
    "height": (pa.int32(), "height of the file at the source, in pixels"),
}
"""Columns of every export: type and meaning."""
SCHEMA = pa.schema([(name, type_) for name, (type_, _) in COLUMNS.items()])

NO_IMAGE = "a record without an image"
NOT_ASKED = "not what the filter asks for"
NO_LABEL = "without a label"
TOO_UNSURE = "without a label: the best class was less sure than curation asks for"
DROPPED = "a person dropped it"
NO_SPLIT = "in no split"
NO_PERMISSION = "the licence does not say that copies may be given on"
NO_BYTES = "the bytes of the image are missing"
NO_READER = "FITS, which readers of image files cannot open (a WebDataset takes it)"

_BATCH = 4096
# Thumbnails are some 10 kB, originals up to 200 MB. What is in memory at once is one read more
# than the bytes held.
_THUMBNAILS_AT_ONCE, _ORIGINALS_AT_ONCE = 128, 2
_ROWS_HELD, _BYTES_HELD = 128, 32_000_000
# The voter that repeats the class which came with an image.
_GIVEN = "folder"
_READ = (
    "id", "source", "title", "credit", "licence", "page_url", "image_url", "lineage", "label",
    "label_confidence", "label_kind", "group", "split", "split_reason", "votes", "given_label",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RowSelection:
    """Which images an export takes.

    Attributes
    ----------
    where : str, optional
        A filter on the catalogue, in Lance's SQL.
    min_confidence : float
        Labels less sure than this are left out, in [0, 1].
    redistributable : bool
        Only images whose licence says that copies may be given on.
    labelled : bool
        Only images with a label and a split.
    readable : bool
        Only files that image libraries open: no FITS.
    """

    where: str | None = None
    min_confidence: float = 0.0
    redistributable: bool = False
    labelled: bool = False
    readable: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """The label that an export gives an image: class, probability, kind, and who gave it."""

    name: str
    confidence: float | None
    kind: str
    by: str


def choose_rows(atlas: Atlas, wanted: RowSelection) -> tuple[pa.Table, Counter[str]]:
    """Rows of an export, sorted by id, and how many rows of the atlas are left out, by reason.

    Returns
    -------
    rows : pyarrow.Table
        :data:`COLUMNS` of each image.
    left_out : Counter
        Number of records by reason.
    """
    images = atlas.read(["id", "media_type", "width", "height"], table="images")
    said = atlas.read(_READ, where=wanted.where)
    total = atlas.count("catalogue")
    left_out = Counter({NOT_ASKED: total - said.num_rows})
    rows = _with_image_files(said, images)
    left_out[NO_IMAGE] = said.num_rows - rows.num_rows
    decisions = latest_decisions(atlas)
    parts = []
    for batch in rows.to_batches(_BATCH):
        kept = []
        for row in batch.to_pylist():
            label = label_of(row, decisions.get(row["id"]))
            why = _why_not(row, label, wanted)
            if why:
                left_out[why] += 1
            else:
                kept.append(_facts(row, label))
        parts.append(pa.Table.from_pylist(kept, schema=SCHEMA))
    return pa.concat_tables(parts) if parts else SCHEMA.empty_table(), +left_out


def label_of(row: Mapping[str, Any], decision: Decision | None) -> Label:
    """The label of an image; a person's latest verdict wins over what curation has computed.

    Parameters
    ----------
    row : mapping
        ``label, label_confidence, label_kind, votes, given_label, licence``.
    decision : Decision, optional
        The latest verdict on the image.
    """
    if decision and decision.verdict != "drop" and decision.label:
        kind = RENDERED if decision.who == RENDERER else CHECKED
        return Label(decision.label, 1.0, kind, decision.who)
    name = row["label"] or ""
    if decision and decision.verdict == "drop" and row["label_kind"] != CHECKED:
        return Label("", None, NONE, decision.who)  # labels were computed before the verdict
    if not name:
        return Label("", None, NONE, "")
    confidence = None if row["label_confidence"] is None else float(row["label_confidence"])
    if row["label_kind"] == CHECKED or (decision and decision.verdict == "keep"):
        return Label(name, 1.0, CHECKED, decision.who if decision else "")
    if is_rendered(row["licence"] or "") and name == row["given_label"]:
        return Label(name, 1.0, RENDERED, RENDERER)
    voters = sorted({vote["voter"] for vote in row["votes"] or () if vote["label"] == name})
    kind = IMPORTED if voters == [_GIVEN] else COMPUTED
    kind = VOLUNTEERED if row["label_kind"] == VOLUNTEERED else kind
    return Label(name, confidence, kind, ", ".join(voters))


def stream_rows(
    atlas: Atlas,
    rows: pa.Table,
    column: str,
    left_out: Counter[str],
    progress: Progress | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """Rows with their bytes, a few at a time: only these are in memory.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    rows : pyarrow.Table
        As :func:`choose_rows` gives them, in any order.
    column : str
        ``thumbnail`` or ``image``, which goes under ``bytes``; empty: rows without bytes.
    left_out : Counter
        Images without bytes are counted here.
    progress : callable, optional
        Called with rows done and rows in all.
    """
    step = {"": _BATCH, "image": _ORIGINALS_AT_ONCE}.get(column, _THUMBNAILS_AT_ONCE)
    held: list[dict[str, Any]] = []
    n_bytes = 0
    for start in range(0, rows.num_rows, step):
        batch = rows.slice(start, step).to_pylist()
        for row in batch:
            if row["label_confidence"] is not None:  # single precision has no more digits
                row["label_confidence"] = round(row["label_confidence"], 6)
        if column:
            found = atlas.images([row["id"] for row in batch], ["id", column]).column(column)
            for row, data in zip(batch, found.to_pylist(), strict=True):
                row["bytes"] = data
            left_out[NO_BYTES] += sum(not row["bytes"] for row in batch)
            batch = [row for row in batch if row["bytes"]]
            n_bytes += sum(len(row["bytes"]) for row in batch)
        held += batch
        if not column or len(held) >= _ROWS_HELD or n_bytes >= _BYTES_HELD:
            if held:
                yield held
            held, n_bytes = [], 0
        if progress:
            progress(min(start + step, rows.num_rows), rows.num_rows)
    if held:
        yield held


def _with_image_files(said: pa.Table, images: pa.Table) -> pa.Table:
    """Rows that have an image, by id, with what is known of its file."""
    at = {each: row for row, each in enumerate(images.column("id").to_pylist())}
    said = said.sort_by("id")
    found = [at.get(each) for each in said.column("id").to_pylist()]
    said = said.filter(pa.array([each is not None for each in found], pa.bool_()))
    seen = images.take(pa.array([each for each in found if each is not None], pa.int64()))
    for name in seen.schema.names[1:]:
        said = said.append_column(name, seen.column(name))
    return said


def _why_not(row: Mapping[str, Any], label: Label, wanted: RowSelection) -> str:
    if wanted.labelled and not label.name:
        if label.by:
            return DROPPED
        return TOO_UNSURE if row["votes"] and row["label_confidence"] else NO_LABEL
    if wanted.labelled and row["split"] not in SPLITS:
        return f"{NO_SPLIT}: {row['split_reason']}" if row["split_reason"] else NO_SPLIT
    if wanted.min_confidence and (label.confidence or 0.0) < wanted.min_confidence:
        return f"label less sure than {wanted.min_confidence:g}" if label.name else NO_LABEL
    if wanted.redistributable and not may_be_redistributed(row["licence"] or ""):
        return NO_PERMISSION
    return NO_READER if wanted.readable and "fits" in (row["media_type"] or "") else ""


def _facts(row: Mapping[str, Any], label: Label) -> dict[str, Any]:
    return {
        **{name: row.get(name) for name in COLUMNS},
        **shown_texts(row),
        "label": label.name or None,
        "label_confidence": label.confidence,
        "label_kind": label.kind,
        "label_by": label.by,
        "image_url": without_secrets(row["image_url"] or ""),
        "lineage": row["lineage"] or [],
        "split": row["split"] or "none",
        "group": row["group"] or row["id"],
    }
