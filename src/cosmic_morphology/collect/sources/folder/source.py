"""Images that somebody already has: class folders, a folder with a table, or a zip of either.

What a folder or table calls an image is kept as ``given_label``: one vote among others. Every
third image of the collections that we looked at was in the wrong folder.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.sources.folder import spacenet
from cosmic_morphology.collect.sources.folder.choice import choose_tables, is_table
from cosmic_morphology.collect.sources.folder.labels import FolderLabels
from cosmic_morphology.collect.sources.folder.matcher import FileMatcher
from cosmic_morphology.collect.sources.folder.storage import (
    LINK_OUT,
    FileStorage,
    FolderStore,
    is_sidecar,
)
from cosmic_morphology.collect.sources.folder.table import (
    LISTS,
    TEXTS,
    Rows,
    split_list,
)
from cosmic_morphology.collect.sources.folder.zip_storage import ZipStore
from cosmic_morphology.errors import FetchError, InputError
from cosmic_morphology.imaging import ImageLimits
from cosmic_morphology.taxonomy import Taxonomy, load_taxonomy

DEFAULT_SOURCE = "folder"
_EXPORTED = frozenset({".parquet", ".tar", ".csv"})
Loader = Callable[[], bytes]
"""Reads the bytes of one image, when they are needed."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Control characters, what separates lines anywhere, bytes that are no text, and the escape sign.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff%\\\\]")


@dataclass
class Folder:
    """An opened import: everything has been checked but the images.

    Attributes
    ----------
    name : str
        What the import is called.
    store : Store
        Where its files are.
    files : list of str
        Relative paths of what may be images.
    rows : folder_table.Rows or None
        The rows of the table, where there is one.
    labeller : FolderLabels
        The label that an image's folders give it.
    max_bytes : int
        Loaders read one byte more at most.
    skipped : Counter of str
        What was left out, by reason.
    """

    name: str
    store: FileStorage
    files: list[str]
    rows: Rows | None
    labeller: FolderLabels
    max_bytes: int
    skipped: Counter[str]

    @property
    def total(self) -> int:
        """How many records it has."""
        return len(self.files) if self.rows is None else self.rows.total

    @property
    def table(self) -> str:
        """Path of the table that describes the images; empty without one."""
        return self.rows.where if self.rows else ""

    @property
    def labels_from(self) -> str:
        """Where the labels come from: the table, its votes, or which level of the folders."""
        if self.rows and self.rows.label_column:
            return f"the column {self.rows.label_column!r} of {self.table}"
        if self.rows and self.rows.has_votes:
            return f"volunteers' votes in {self.table}"
        return self.labeller.labels_from()

    @property
    def lost(self) -> list[str]:
        """Folders and tables that cannot be read or lie behind a link; classes of such links."""
        left_out = self.store.left_out
        taken = {"", *map(self.labeller, self.files)}
        links = [
            link
            for link in left_out.links
            if is_table(link) or (self.rows is None and self.labeller(link) not in taken)
        ]
        return sorted({*left_out.lost, *links})

    def records(self) -> Iterator[tuple[Record, Loader]]:
        """Each record with the loader of its bytes."""
        return self._listed() if self.rows is None else self._tabled(self.rows)

    def _listed(self) -> Iterator[tuple[Record, Loader]]:
        for file in self.files:
            said = {"given_label": self.labeller(file), "collection": self.name}
            yield self._record(file, file, said), self._loader(file)

    def _tabled(self, rows: Rows) -> Iterator[tuple[Record, Loader]]:
        for row in rows:
            said = _said(row.cells) | {"answers": row.answers}
            said["collection"] = said["collection"] or self.name
            if "label" not in row.table.columns and row.file:
                said["given_label"] = self.labeller(row.file)
            missing = partial(_not_there, row.named, row.table.where)
            loader = self._loader(row.file) if row.file else missing
            yield self._record(row.key, row.named, said), loader

    def _record(self, key: str, file: str, said: dict[str, Any]) -> Record:
        origin = spacenet.origin_of(file)
        if origin:
            said["lineage"] = (*said.get("lineage", ()), origin)
        return Record(source=DEFAULT_SOURCE, source_id=f"{self.name}/{safe_id(key)}", **said)

    def _loader(self, file: str) -> Loader:
        return partial(self.store.read, file, self.max_bytes + 1)


def open_folder(
    path: str | Path,
    *,
    name: str = DEFAULT_SOURCE,
    csv: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    row_filter: Mapping[str, str] | None = None,
    max_bytes: int = ImageLimits.max_bytes,
    follow_links: bool = False,
    taxonomy: Taxonomy | None = None,
) -> Folder:
    """Open a folder or zip: its records, always in the same order, with the way to their bytes.

    Parameters
    ----------
    path : str or Path
        A folder or a zip file.
    name : str
        What the import is called; part of every id: ``folder:<name>/<path within the folder>``.
    csv : str or Path, optional
        A table with a row for each image, beside or inside ``path``. Without it the table is
        used that lies there and names most of the images, or several that do so together, such
        as one in each folder of a ready-made split; without any the folders are the labels (see
        :class:`~cosmic_morphology.collect.sources.folder.labels.FolderLabels`).
    columns : mapping, optional
        Our name = the table's name of a column: ``file`` (required), ``id``, ``title``,
        ``description``, ``label``, ``date``, ``source``, ``collection``, ``credit``,
        ``licence``, ``keywords``, ``names``, ``albums``, ``subjects``, ``lineage``, ``page_url``,
        ``image_url``; ``voters`` (how many people voted) of a catalogue of Galaxy Zoo, whose
        images are named by its ids where it has no column ``file``.
    row_filter : mapping, optional
        Rows of the table that count: its own column, and the value (``!value``: any other).
    max_bytes : int
        Loaders read one byte more at most, so that larger files are noticed and not read.
    follow_links : bool
        Take in what links lead to, also out of the folder.
    taxonomy : Taxonomy, optional
        Whose names tell which level of the folders is the label; the package's own without it.

    Returns
    -------
    Folder
        A loader of its records raises :class:`~cosmic_morphology.errors.FetchError` for a file
        that the table names and that is not there, ``ImageError`` for one that is damaged
        inside its zip.

    Raises
    ------
    InputError
        No such folder, a damaged or exploding zip, a missing column, a table that contradicts
        itself, or nothing here that may be an image.
    """
    place = Path(path)
    if not _SAFE_NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of an import",
            where=str(path),
            todo="Give one with --name: letters, digits, dots, dashes and underscores.",
        )
    store = _open_store(place, follow_links=follow_links)
    files = [each for each in store.names if not is_sidecar(each)]
    labeller = FolderLabels(files, taxonomy or load_taxonomy())
    labels = set(map(labeller, files)) - {""}
    # One folder around all images says what they are only if it is called like a class.
    labelled = len(labels) > 1 or any(map(labeller.is_known, labels))
    matcher = FileMatcher(files, str(place.absolute()))
    tables = choose_tables(
        store, place, files, matcher, csv, columns, row_filter, labelled=labelled
    )
    rows = Rows(tables, matcher) if tables else None
    skipped = Counter(store.left_out.counts)
    beside = {*filter(is_sidecar, store.names)} - {table.inside for table in tables}
    unused = {*filter(is_table, beside)}
    skipped["table that was not used"] += len(unused)
    skipped["not an image's name"] += len(beside - unused)
    if rows:
        skipped += rows.skipped
        skipped["not in the table"] += len(set(files) - rows.named)
    opened = Folder(name, store, files, rows, labeller, max_bytes, +skipped)
    if not opened.total:
        links = store.left_out.counts[LINK_OUT]
        lead = f"; {links} links lead out of it, and --follow-links takes them in" if links else ""
        raise InputError(
            f"there are no images here{lead}",
            where=str(path),
            todo=f"Give the folder that holds them.{_of_exports(store.names)}",
        )
    return opened


def safe_id(path: str) -> str:
    """A relative path as an identifier: one line, no ``..``, the same on every machine.

    What is unsafe is percent-encoded, so different paths stay different.
    """
    text = _UNSAFE.sub(lambda found: _escaped(found[0]), path)
    parts = (part.replace(".", "%2E") if part in {".", ".."} else part for part in text.split("/"))
    return "/".join(parts)


def _escaped(character: str) -> str:
    try:  # bytes of a file name that are no text
        raw = character.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = character.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in raw)


def _open_store(path: Path, *, follow_links: bool) -> FileStorage:
    try:
        if path.is_dir():
            return FolderStore(path, follow_links=follow_links)
        if not path.exists():
            raise InputError(
                "there is no such folder or zip file", where=str(path), todo="Check the path."
            )
    except (OSError, ValueError) as error:  # where we may not look, or no path at all
        raise InputError(
            f"this cannot be opened ({error})",
            where=repr(str(path)),
            todo="Check the path, and who may read there.",
        ) from error
    try:
        return ZipStore(path)
    except InputError as error:
        raise InputError(
            error.what, where=error.where, todo=f"{error.todo}{_of_exports([path.name])}"
        ) from error


def _of_exports(names: Iterable[str]) -> str:
    """What to say of files that other exports of an atlas consist of."""
    if all(PurePosixPath(name).suffix.lower() not in _EXPORTED for name in names):
        return ""
    return " Of what `cosmic atlas export` writes, --format imagefolder can be imported."


def _said(cells: dict[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {
        ours: cells[column] for column, ours in TEXTS.items() if ours and column in cells
    }
    for column in LISTS:
        if column in cells:
            said[column] = split_list(cells[column])
    if "given_label" in said:  # one class under two normal forms would be two
        said["given_label"] = unicodedata.normalize("NFC", said["given_label"])
    said["collection"] = cells.get("collection") or cells.get("source") or ""
    return said


def _not_there(file: str, where: str) -> bytes:
    raise FetchError(
        f"the table names {file!r}, which is no file of the folder, or could be several",
        where=where,
        todo="Paths in the table are relative to the folder.",
    )
