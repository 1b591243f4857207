"""Copies for other programs, whole or not at all, with a card, credits and a Croissant file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cosmic_morphology._version import __version__
from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.credits import may_be_redistributed
from cosmic_morphology.atlas.export.card import write_card_text
from cosmic_morphology.atlas.export.counts import DataFile, ExportCounts
from cosmic_morphology.atlas.export.croissant import croissant_text
from cosmic_morphology.atlas.export.description import Description, LeakageWords
from cosmic_morphology.atlas.export.image_folder import write_image_folder
from cosmic_morphology.atlas.export.rows import RowSelection, choose_rows, stream_rows
from cosmic_morphology.atlas.export.tables import (
    write_csv_table,
    write_hugging_face,
    write_parquet,
)
from cosmic_morphology.atlas.export.web_dataset import write_tar, write_web_dataset
from cosmic_morphology.display import Shown
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.io_utils import Progress, whole_file, whole_folder, write_csv, write_text
from cosmic_morphology.suggest import suggest_names

FORMATS = ("imagefolder", "csv", "parquet", "webdataset", "hf")
"""Formats of exports; see :func:`export_images`."""
_ENDINGS = {"": "imagefolder", ".csv": "csv", ".parquet": "parquet", ".tar": "webdataset"}
# Every image of the atlas is a row of these; the others are for training and take what has a split.
_WHOLE_TABLES = ("csv", "parquet")


@dataclass(frozen=True, slots=True, repr=False)
class ExportResult(Shown):
    """What :func:`export_images` wrote.

    Attributes
    ----------
    path : Path
        The file or folder.
    card : Path
        The data card.
    format : str
        One of :data:`FORMATS`.
    images : int
        How many images were written.
    splits, classes : dict of str to int
        Images by split and by class.
    left_out : dict of str to int
        How many records of the atlas were not written, by reason.
    not_redistributable : int
        Images whose licence does not say that copies may be given on.
    """

    path: Path
    card: Path
    format: str
    images: int
    splits: dict[str, int]
    classes: dict[str, int]
    left_out: dict[str, int]
    not_redistributable: int


def format_of_path(path: Path) -> str:
    """The format that a path's ending asks for.

    Raises
    ------
    UsageError
        The ending says nothing.

    Examples
    --------
    >>> format_of_path(Path("a.parquet")), format_of_path(Path("a.tar"))
    ('parquet', 'webdataset')
    """
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        raise UsageError(
            f"the ending {path.suffix} does not say what is to be written",
            where=str(path),
            todo="Write .csv, .parquet, .tar or no ending (a folder), or give --format.",
        )
    return _ENDINGS[ending]


def export_images(
    atlas: Atlas,
    path: Path,
    *,
    format_: str = "imagefolder",
    original: bool = False,
    where: str | None = None,
    min_confidence: float = 0.0,
    redistributable: bool = False,
    leakage: LeakageWords | None = None,
    progress: Progress | None = None,
) -> ExportResult:
    """Write images, labels, splits and credits for other programs, whole or not at all.

    Beside the data there are a data card (``README.md``), the credits (``credits.csv``) and a
    Croissant description (``croissant.json``); beside a single file their names begin with its.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    path : Path
        A new folder or file.
    format_ : str
        ``imagefolder`` (``<split>/<class>/<image>.jpg`` and ``<split>/metadata.csv``),
        ``webdataset`` (tar files of samples, or one where the path ends with ``.tar``), ``hf`` (a
        folder that ``datasets.load_dataset`` reads): labelled images that are in a split.
        ``parquet`` (one row an image, with its bytes), ``csv`` (without them): all images.
    original : bool
        The bytes as fetched instead of the thumbnail.
    where : str, optional
        Which rows, in Lance's SQL.
    min_confidence : float
        Leave out images whose label is less sure than this, in [0, 1].
    redistributable : bool
        Leave out images whose licence does not say that copies may be given on.
    leakage : LeakageWords, optional
        What the leakage check of the split said, for the card.
    progress : callable, optional
        Called with images done and images in all.

    Returns
    -------
    ExportResult
        What was written, and what was left out and why.

    Raises
    ------
    InputError
        The format is unknown, the target exists, or there is nothing to write.

    Examples
    --------
    >>> done = cosmic.export_images(atlas, Path("labels.csv"), format_="csv")
    >>> done.images, done.path.name
    (24, 'labels.csv')
    >>> done = cosmic.export_images(atlas, Path("folder"), where="label = 'star'")
    >>> done.classes, done.card.name
    ({'star': 8}, 'README.md')
    """
    if format_ not in FORMATS:
        raise InputError(
            f"there is no format {format_!r}",
            todo=suggest_names(format_, FORMATS),
            where="--format",
        )
    if format_ == "csv" and original:
        raise InputError("a CSV holds no images", where=str(path), todo="Leave --original out.")
    if path.is_symlink() or path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise InputError("the target exists", where=str(path), todo="Give a new path.")
    wanted = RowSelection(
        where=where,
        min_confidence=min_confidence,
        redistributable=redistributable,
        labelled=format_ not in _WHOLE_TABLES,
        readable=original and format_ != "webdataset",
    )
    rows, left_out = choose_rows(atlas, wanted)
    if not rows.num_rows:
        raise _nothing(atlas, left_out)
    is_file = format_ in _WHOLE_TABLES or (format_ == "webdataset" and path.suffix == ".tar")
    counts = ExportCounts()
    column = "" if format_ == "csv" else "image" if original else "thumbnail"
    if format_ == "webdataset":
        rows = _shuffled(rows)
    batches = counts.counted(stream_rows(atlas, rows, column, left_out, progress))
    classes = sorted({each for each in rows.column("label").to_pylist() if each})

    def describe(files: list[DataFile], prefix: str) -> Description:
        if not counts.images:
            raise _nothing(atlas, left_out)
        return Description(
            name=path.stem if is_file else path.name,
            format_=format_,
            files=files,
            counts=counts,
            classes=classes,
            left_out=+left_out,
            wanted=wanted,
            original=original,
            credits_file=f"{prefix}credits.csv",
            croissant_file=f"{prefix}croissant.json",
            version=_version(atlas),
            date=max(each.at for each in atlas.versions() if _is_read(atlas, each)),
            software=__version__,
            leakage=leakage,
        )

    if is_file:
        with whole_file(path) as beside:
            file = _write_file(beside, path.name, format_, batches, classes, original=original)
            # Before the data take their name: a kill leaves no data without card and credits.
            about = describe([file], f"{path.name}.")
            _write_about(about, path.parent, f"{path.name}.")
    else:
        with whole_folder(path) as folder:
            files = _write_folder(folder, format_, batches, classes, original=original)
            about = describe(files, "")
            _write_about(about, folder, "")
    return ExportResult(
        path=path,
        card=path.parent / f"{path.name}.README.md" if is_file else path / "README.md",
        format=format_,
        images=counts.images,
        splits={name: counts.of_splits()[name] for name in about.splits},
        classes=counts.of_classes(),
        left_out=dict(+left_out),
        not_redistributable=counts.not_redistributable(),
    )


def _write_file(
    path: Path,
    name: str,
    format_: str,
    batches: Iterator[list[dict[str, Any]]],
    classes: list[str],
    *,
    original: bool,
) -> DataFile:
    if format_ == "csv":
        return write_csv_table(path, name, batches)
    if format_ == "parquet":
        return write_parquet(path, name, batches, original=original)
    return write_tar(path, name, batches, classes, original=original)


def _write_folder(
    folder: Path,
    format_: str,
    batches: Iterator[list[dict[str, Any]]],
    classes: list[str],
    *,
    original: bool,
) -> list[DataFile]:
    if format_ == "imagefolder":
        return write_image_folder(folder, batches, original=original)
    write = write_hugging_face if format_ == "hf" else write_web_dataset
    return write(folder, batches, classes, original=original)


def _write_about(about: Description, folder: Path, prefix: str) -> None:
    """The card, the credits and the Croissant file."""
    credited = sorted(about.counts.credits.items(), key=lambda item: (-item[1], item[0]))
    columns = ("source", "credit", "licence", "images", "may_be_redistributed")
    lines = [
        dict(zip(columns, (*key, number, may_be_redistributed(key[2])), strict=True))
        for key, number in credited
    ]
    write_csv(folder / about.credits_file, columns, lines)
    write_text(folder / f"{prefix}README.md", write_card_text(about))
    write_text(folder / about.croissant_file, croissant_text(about))


def _shuffled(rows: pa.Table) -> pa.Table:
    keys = [hashlib.sha256(each.encode()).digest() for each in rows.column("id").to_pylist()]
    return rows.take(pa.array(sorted(range(len(keys)), key=keys.__getitem__), pa.int64()))


def _version(atlas: Atlas) -> str:
    """Versions of the tables that an export reads, in the form that Croissant asks for."""
    version = atlas.version
    return f"{version.images}.{version.catalogue}.{version.decisions}"


def _is_read(atlas: Atlas, commit: Any) -> bool:
    return bool(commit.version <= getattr(atlas.version, commit.table))


def _nothing(atlas: Atlas, left_out: dict[str, int]) -> InputError:
    reasons = [f"{number:,} ({why})" for why, number in left_out.items() if number]
    return InputError(
        f"there is no image to export; left out: {', '.join(reasons) or 'none, it is empty'}",
        where=atlas.address,
        todo="Run `cosmic curate` and `cosmic split` first, or leave out fewer images.",
    )
