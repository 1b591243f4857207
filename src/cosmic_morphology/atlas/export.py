"""Copies for other programs: an ImageFolder or a table (Parquet, CSV); credits travel along."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.credits import credit_ledger
from cosmic_morphology.atlas.decisions import checked_labels
from cosmic_morphology.errors import InputError
from cosmic_morphology.io_utils import CsvRows, whole_file, whole_folder, write_csv

FORMATS = ("imagefolder", "parquet", "csv")
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
    "image/fits+gzip": "fits.gz",
    "application/fits": "fits",
}


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What :func:`export_atlas` wrote.

    Attributes
    ----------
    images : int
        How many were written.
    path : Path
        The file or folder.
    left_out : dict of str to int
        How many of the atlas were not, by reason.
    """

    images: int
    path: Path
    left_out: dict[str, int]


def export_atlas(
    atlas: Atlas,
    path: Path,
    *,
    format_: str = "imagefolder",
    original: bool = False,
    where: str | None = None,
    columns: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> ExportResult:
    """Write images, labels and splits for other programs, whole or not at all.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    path : Path
        A new folder (``imagefolder``: ``<path>/<split>/<label>/<id>.jpg``), or a new file
        (``parquet``: one row an image with its bytes in ``thumbnail`` or ``image``; ``csv``: one
        row an image without its bytes).
    format_ : str
        ``imagefolder``, ``parquet`` or ``csv``.
    original : bool
        The bytes as fetched instead of the thumbnail.
    where : str, optional
        Which rows, in Lance's SQL. An ImageFolder takes labelled rows that are in a split.
    columns : sequence of str
        More columns of the catalogue for Parquet, such as ``embedding_resnet50``.

    Raises
    ------
    InputError
        The format is unknown, the target exists, or there is nothing to write.
    """
    if format_ not in FORMATS:
        raise InputError(
            f"there is no format {format_!r}", todo=f"There are: {', '.join(FORMATS)}."
        )
    if format_ == "csv" and original:
        raise InputError("a CSV holds no images", where=str(path), todo="Leave --original out.")
    if path.is_symlink() or path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise InputError("the target exists", where=str(path), todo="Give a new path.")
    ids = atlas.ids(where)
    there = len(atlas.ids()) if where is not None else len(ids)
    left_out = {
        "not what the filter asks for": there - len(ids),
        "a record without an image": atlas.count("catalogue") - there,
    }
    image = "image" if original else "thumbnail"
    if format_ == "imagefolder":
        with whole_folder(path) as folder:
            written = _imagefolder(atlas, folder, ids, image, left_out, progress)
            _write_credits(atlas, folder / "credits.csv")
    else:
        with whole_file(path) as file:
            if format_ == "parquet":
                written = _parquet(atlas, file, ids, image, columns, progress)
            else:
                written = _csv(atlas, file, ids, progress)
            # Before the table takes its name: a kill leaves no table without credits.
            _write_credits(atlas, path.with_suffix(".credits.csv"))
    return ExportResult(
        written, path, {why: number for why, number in left_out.items() if number > 0}
    )


def safe_name(text: str) -> str:
    """A file name for any id: ids come from outside and may hold anything."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".")[:120]
    return plain or "_"


def _parquet(
    atlas: Atlas,
    path: Path,
    ids: list[str],
    image: str,
    columns: Sequence[str],
    progress: Callable[[int, int], None] | None,
) -> int:
    checked = checked_labels(atlas)
    writer: pq.ParquetWriter | None = None
    done = 0
    wanted = ["id", *EXPORTED, *columns, "media_type", image]
    for batch in atlas.batches(wanted, ids=ids, batch_size=512):
        labels = pa.array([checked.get(i) for i in batch.column("id").to_pylist()], pa.string())
        rows = batch.append_column("checked_label", labels)
        if writer is None:
            writer = pq.ParquetWriter(path, rows.schema)
        writer.write_table(rows)
        done += rows.num_rows
        if progress:
            progress(done, len(ids))
    if writer is None:
        raise InputError("no image fits the filter", where=atlas.uri)
    writer.close()
    return done


def _csv(
    atlas: Atlas, path: Path, ids: list[str], progress: Callable[[int, int], None] | None
) -> int:
    checked = checked_labels(atlas)
    if not ids:
        raise InputError("no image fits the filter", where=atlas.uri)
    names = ["id", *EXPORTED, "media_type"]
    done = 0
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = CsvRows(file)
        table.write([*names, "checked_label"])
        for batch in atlas.batches(names, ids=ids, batch_size=2048):
            for row in batch.to_pylist():
                table.write([*(row[name] for name in names), checked.get(row["id"])])
            done += batch.num_rows
            if progress:
                progress(done, len(ids))
    return done


def _imagefolder(
    atlas: Atlas,
    path: Path,
    ids: list[str],
    image: str,
    left_out: dict[str, int],
    progress: Callable[[int, int], None] | None,
) -> int:
    done = 0
    taken: set[Path] = set()
    for batch in atlas.batches(["label", "split", "media_type", image], ids=ids, batch_size=128):
        for row in batch.to_pylist():
            if not row["label"] or row["split"] in (None, "none"):
                why = "in no split" if row["label"] else "without a label"
                left_out[why] = left_out.get(why, 0) + 1
                continue
            folder = path / safe_name(row["split"]) / safe_name(row["label"])
            folder.mkdir(parents=True, exist_ok=True)
            ending = "jpg" if image == "thumbnail" else _ENDINGS.get(row["media_type"], "bin")
            target = folder / f"{safe_name(row['id'])}.{ending}"
            if target in taken:  # two ids can become the same file name
                target = folder / f"{target.stem}-{len(taken)}.{ending}"
            taken.add(target)
            target.write_bytes(row[image])
            done += 1
        if progress:
            progress(done, len(ids))
    if not done:
        raise InputError(
            "no image has a label and a split",
            where=atlas.uri,
            todo="Run `cosmic curate` and `cosmic split` first.",
        )
    return done


def _write_credits(atlas: Atlas, path: Path) -> None:
    columns = ("source", "credit", "licence", "images", "may_be_redistributed")
    write_csv(path, columns, [asdict(each) for each in credit_ledger(atlas)])
