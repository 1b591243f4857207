"""Copies for other programs: an ImageFolder, or one Parquet file; credits travel with both."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.credits import credit_ledger
from cosmic_morphology.atlas.decisions import checked_labels
from cosmic_morphology.atlas.tables import writing
from cosmic_morphology.errors import InputError

FORMATS = ("imagefolder", "parquet")
EXPORTED = (
    "source",
    "title",
    "credit",
    "licence",
    "page_url",
    "image_url",
    "lineage",
    "label",
    "label_confidence",
    "label_kind",
    "group",
    "split",
)
_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/tiff": "tif",
    "image/bmp": "bmp",
    "image/fits": "fits",
    "application/fits": "fits",
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What :func:`export` wrote."""

    pictures: int
    path: Path


def export(
    atlas: Atlas,
    path: Path,
    *,
    format_: str = "imagefolder",
    original: bool = False,
    where: str | None = None,
    columns: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Exported:
    """Write pictures, labels and splits for other programs.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    path : Path
        A new folder (``imagefolder``: ``<path>/<split>/<label>/<id>.jpg``), or a new file
        (``parquet``: one row a picture with its bytes in ``thumbnail`` or ``image``).
    format_ : str
        ``imagefolder`` or ``parquet``.
    original : bool
        The bytes as fetched instead of the thumbnail.
    where : str, optional
        Which rows, in Lance's SQL. An ImageFolder takes labelled rows that are in a split.
    columns : sequence of str
        More columns of the catalogue for Parquet, such as ``embedding_resnet50``.

    Raises
    ------
    InputError
        The format is unknown or the target exists.
    """
    if format_ not in FORMATS:
        raise InputError(f"there is no format {format_!r}", todo=f"There are: {FORMATS}.")
    if path.exists() and (path.is_file() or any(path.iterdir())):
        raise InputError("the target exists", where=str(path), todo="Give a new path.")
    ids = atlas.ids(where)
    picture = "image" if original else "thumbnail"
    with writing(str(path)):
        if format_ == "parquet":
            written = _parquet(atlas, path, ids, picture, columns, progress)
            beside = path.with_suffix(".credits.csv")
        else:
            written = _imagefolder(atlas, path, ids, picture, progress)
            beside = path / "credits.csv"
        _write_credits(atlas, beside)
    return Exported(written, path)


def safe_name(text: str) -> str:
    """A file name for any id: ids come from outside and may hold anything."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".")[:120]
    return plain or "_"


def _parquet(
    atlas: Atlas,
    path: Path,
    ids: list[str],
    picture: str,
    columns: Sequence[str],
    progress: Callable[[int, int], None] | None,
) -> int:
    checked = checked_labels(atlas)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(path.suffix + ".unfinished")
    writer: pq.ParquetWriter | None = None
    done = 0
    wanted = ["id", *EXPORTED, *columns, "media_type", picture]
    for batch in atlas.batches(wanted, ids=ids, batch_size=512):
        labels = pa.array([checked.get(i) for i in batch.column("id").to_pylist()], pa.string())
        rows = batch.append_column("checked_label", labels)
        if writer is None:
            writer = pq.ParquetWriter(unfinished, rows.schema)
        writer.write_table(rows)
        done += rows.num_rows
        if progress:
            progress(done, len(ids))
    if writer is None:
        raise InputError("no picture fits the filter", where=atlas.uri)
    writer.close()
    unfinished.rename(path)
    return done


def _imagefolder(
    atlas: Atlas,
    path: Path,
    ids: list[str],
    picture: str,
    progress: Callable[[int, int], None] | None,
) -> int:
    done = 0
    taken: set[Path] = set()
    for batch in atlas.batches(["label", "split", "media_type", picture], ids=ids, batch_size=128):
        for row in batch.to_pylist():
            if not row["label"] or row["split"] in (None, "none"):
                continue
            folder = path / safe_name(row["split"]) / safe_name(row["label"])
            folder.mkdir(parents=True, exist_ok=True)
            ending = "jpg" if picture == "thumbnail" else _ENDINGS.get(row["media_type"], "bin")
            target = folder / f"{safe_name(row['id'])}.{ending}"
            if target in taken:  # two ids can become the same file name
                target = folder / f"{target.stem}-{len(taken)}.{ending}"
            taken.add(target)
            target.write_bytes(row[picture])
            done += 1
        if progress:
            progress(done, len(ids))
    if not done:
        raise InputError(
            "no picture has a label and a split",
            where=atlas.uri,
            todo="Run `cosmic curate` and `cosmic split` first.",
        )
    return done


def _write_credits(atlas: Atlas, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["source", "credit", "licence", "pictures", "may_be_redistributed"])
        for each in credit_ledger(atlas):
            table.writerow(
                [each.source, each.credit, each.licence, each.pictures, each.may_be_redistributed]
            )
