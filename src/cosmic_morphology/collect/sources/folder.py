"""Pictures that somebody already has: class folders, a flat folder with a CSV, or a zip of either.

What a folder or table calls a picture is kept as ``given_label``: one vote among others. Every
third picture of the collections that we looked at was in the wrong folder.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.sources import folder_table, spacenet
from cosmic_morphology.collect.sources.folder_store import Store, ZipStore, is_sidecar, open_store
from cosmic_morphology.errors import FetchError, InputError
from cosmic_morphology.imaging import ImageLimits

SOURCE = "folder"
Loader = Callable[[], bytes]
"""Reads the bytes of one picture, when they are needed."""

# Data sets often come already divided; these folders are no classes.
SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_MAX_TABLE_BYTES = 2_000_000_000
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Control characters, what separates lines anywhere, bytes that are no text, and the escape sign.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff%\\\\]")


def records(
    path: str | Path,
    *,
    name: str = SOURCE,
    csv: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    only: Mapping[str, str] | None = None,
    max_bytes: int = ImageLimits.max_bytes,
    skipped: Counter[str] | None = None,
) -> Iterator[tuple[Record, Loader]]:
    """Records of a folder or zip with the way to their bytes, always in the same order.

    Parameters
    ----------
    path : str or Path
        A folder or a zip file.
    name : str
        What the import is called; part of every id: ``folder:<name>/<path within the folder>``.
    csv : str or Path, optional
        A table with a row for each picture, beside or inside ``path``. Without it the pictures'
        folders are their labels (``DIR/<label>/…``); a flat folder with one CSV in it uses that.
    columns : mapping, optional
        Our name = the table's name of a column: ``file`` (required), ``id``, ``title``,
        ``description``, ``label``, ``date``, ``source``, ``collection``, ``credit``,
        ``licence``, ``keywords``, ``names``, ``albums``, ``subjects``, ``lineage``, ``page_url``,
        ``image_url``.
    only : mapping, optional
        Rows of the table that count: its own column, and the value (``!value``: any other).
    max_bytes : int
        Loaders read one byte more at most, so that larger files are noticed and not read.
    skipped : Counter, optional
        Receives what was left out, by reason.

    Yields
    ------
    Record, callable
        A loader raises :class:`~cosmic_morphology.errors.FetchError` for a file that the table
        names and that is not there, ``PictureError`` for one that is damaged inside its zip.

    Raises
    ------
    InputError
        Before the first record: no such folder, a damaged or exploding zip, a missing column.
    """
    opened = open_folder(path, name=name, csv=csv, columns=columns, only=only, max_bytes=max_bytes)
    if skipped is not None:
        skipped.update(opened.skipped)
    return opened.records()


@dataclass
class Folder:
    """An opened import: everything has been checked but the pictures.

    Parameters
    ----------
    name : str
        What the import is called.
    total : int
        How many records it has.
    skipped : Counter of str
        What was left out, by reason.
    """

    name: str
    store: Store
    files: list[str]
    table: folder_table.Table | None
    max_bytes: int
    total: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def records(self) -> Iterator[tuple[Record, Loader]]:
        """Each record with the loader of its bytes."""
        return self._listed() if self.table is None else self._tabled(self.table)

    def _listed(self) -> Iterator[tuple[Record, Loader]]:
        label_of = Labeller(self.files, wrapped=isinstance(self.store, ZipStore))
        for file in self.files:
            said = {"given_label": label_of(file), "collection": self.name}
            yield self._record(file, file, said), self._loader(file)

    def _tabled(self, table: folder_table.Table) -> Iterator[tuple[Record, Loader]]:
        there = set(self.files)
        for cells, key in _unique(table):
            said = _said(cells)
            said["collection"] = said["collection"] or self.name
            file = _located(cells["file"], there)
            loader = self._loader(file) if file else partial(_not_there, cells["file"], table.where)
            yield self._record(key, cells["file"], said), loader

    def _record(self, key: str, file: str, said: dict[str, Any]) -> Record:
        origin = spacenet.origin_of(file)
        if origin:
            said["lineage"] = (*said.get("lineage", ()), origin)
        return Record(source=SOURCE, source_id=f"{self.name}/{safe_id(key)}", **said)

    def _loader(self, file: str) -> Loader:
        return partial(self.store.read, file, self.max_bytes + 1)


def open_folder(
    path: str | Path,
    *,
    name: str = SOURCE,
    csv: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    only: Mapping[str, str] | None = None,
    max_bytes: int = ImageLimits.max_bytes,
) -> Folder:
    """Open a folder or zip for :func:`records` (parameters and errors as there)."""
    if not _SAFE_NAME.fullmatch(name):
        todo = "Use letters, digits, dots, dashes and underscores."
        raise InputError(f"{name!r} cannot be the name of an import", where=str(path), todo=todo)
    store = open_store(Path(path))
    table = _table(store, Path(path), csv, columns, only)
    files = [each for each in store.names if not is_sidecar(each)]
    used = {str(Path(table.where))} if table else set()
    beside = [n for n in store.names if is_sidecar(n) and str(Path(path, n)) not in used]
    skipped = Counter(store.skipped)
    skipped["not a picture's name"] += len(beside)
    opened = Folder(name, store, files, table, max_bytes, len(files), skipped)
    if table is not None:
        _count_rows(opened, table)
    if not opened.total:
        raise InputError(
            "there are no pictures here", where=str(path), todo="Give the folder that holds them."
        )
    opened.skipped = +opened.skipped
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


class Labeller:
    """The folder that says what a picture shows.

    Parameters
    ----------
    files : list of str
        All relative paths.
    wrapped : bool
        Whether one folder around all class folders is no class (as zip programs make it).
    """

    def __init__(self, files: list[str], *, wrapped: bool) -> None:
        folders = {PurePosixPath(file).parts[:-1] for file in files}
        tops = {parts[:1] for parts in folders}
        one_top = len(tops) == 1 and all(folders) and any(len(parts) > 1 for parts in folders)
        self._outer = 1 if wrapped and one_top else 0

    def __call__(self, file: str) -> str:
        """Label of one picture; empty where it lies in no class folder."""
        parts = PurePosixPath(file).parts[self._outer : -1]
        if parts and parts[0].lower() in SPLIT_FOLDERS:
            parts = parts[1:]
        text = parts[0].encode("utf-8", "replace").decode() if parts else ""
        return " ".join(text.split())


def _table(
    store: Store,
    path: Path,
    csv: str | Path | None,
    columns: Mapping[str, str] | None,
    only: Mapping[str, str] | None,
) -> folder_table.Table | None:
    if csv is None:
        inside = _only_table(store, path)
        if inside is None:
            return None
        content, where = store.read(inside, _MAX_TABLE_BYTES), f"{path}/{inside}"
    elif Path(csv).is_file():
        content, where = Path(csv).read_bytes(), str(csv)
    elif str(csv) in store.names:
        content, where = store.read(str(csv), _MAX_TABLE_BYTES), f"{path}/{csv}"
    else:
        raise InputError("there is no such table", where=str(csv))
    return folder_table.open_table(content, where, columns, only)


def _only_table(store: Store, path: Path) -> str | None:
    """The one CSV in a flat folder; class folders may have any tables beside them."""
    flat = [each for each in store.names if "/" not in each]
    tables = [each for each in flat if PurePosixPath(each).suffix.lower() in {".csv", ".tsv"}]
    if not tables or all(is_sidecar(each) for each in flat):
        return None
    if len(tables) > 1:
        raise InputError(
            f"there are several tables ({', '.join(tables)})",
            where=str(path),
            todo="Say which one describes the pictures, with --csv.",
        )
    return tables[0]


def _count_rows(opened: Folder, table: folder_table.Table) -> None:
    """Count what the table names: the whole table is checked before anything is stored."""
    rows = sum(1 for _ in table.rows())
    there, named, opened.total = set(opened.files), set(), 0
    for cells, _ in _unique(table):
        opened.total += 1
        named.add(_located(cells["file"], there))
    opened.skipped["listed twice"] += rows - opened.total
    opened.skipped["not in the table"] += len(there - named)


def _unique(table: folder_table.Table) -> Iterator[tuple[dict[str, str], str]]:
    """Rows with what they are identified by; of several with the same, the first."""
    seen = set()
    for cells in table.rows():
        key = cells.get("id") or cells["file"]
        if key not in seen:
            seen.add(key)
            yield cells, key


def _said(cells: dict[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {
        ours: cells[column]
        for column, ours in folder_table.TEXTS.items()
        if ours and column in cells
    }
    for column in folder_table.LISTS:
        if column in cells:
            said[column] = folder_table.split_list(cells[column])
    said["collection"] = cells.get("collection") or cells.get("source") or ""
    return said


def _located(file: str, there: set[str]) -> str:
    """Which of the files a cell means; empty where there is none (outside counts as none)."""
    clean = posixpath.normpath(file.replace("\\", "/")) if file else ""
    return clean if clean in there else ""


def _not_there(file: str, where: str) -> bytes:
    raise FetchError(
        f"the table names {file!r}, which is not in the folder",
        where=where,
        todo="Paths in the table are relative to the folder.",
    )
