"""Which tables describe the images of a folder: the one that a person names, or what fits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from cosmic_morphology.collect.sources.folder.matcher import FileMatcher
from cosmic_morphology.collect.sources.folder.storage import FileStorage
from cosmic_morphology.collect.sources.folder.table import (
    REQUIRED,
    MetadataTable,
    open_table,
)
from cosmic_morphology.csv_table import MAX_TABLE_BYTES, parse_csv, read_csv
from cosmic_morphology.errors import ImageError, InputError

_TABLES = frozenset({".csv", ".tsv"})
# A table beside class folders is about them when it names at least this share of the images.
_ENOUGH = 0.5
# Some data sets have a table for each image: the outermost ones are enough to look at.
_TRIED = 1000
_SHOWN = 6
_SAY_WHICH = "Say which one describes the images, with --csv."


def choose_tables(
    store: FileStorage,
    path: Path,
    files: list[str],
    matcher: FileMatcher,
    csv: str | Path | None,
    columns: Mapping[str, str] | None,
    row_filter: Mapping[str, str] | None,
    *,
    labelled: bool,
) -> list[MetadataTable]:
    """The tables of the images, opened; none where their folders say what they are.

    Several tables count as one where they have one name in several folders (``metadata.csv`` in
    each folder of a ready-made split) or one header (``train.csv`` and ``test.csv``), and no image
    is in two of them.

    Parameters
    ----------
    store : Store
        The files.
    path : Path
        Folder or zip, for messages.
    files : list of str
        Those that may be images.
    matcher : FileMatcher
        Finds the files that a table names.
    csv, columns, row_filter
        As in :func:`cosmic_morphology.collect.sources.folder.source.open_folder`.
    labelled : bool
        Whether the folders say what the images are.

    Raises
    ------
    InputError
        There is no such table, several would fit, or the only one does not and nothing else says
        what the images are.
    """
    if csv is not None:
        return [_named(store, path, csv, columns, row_filter)]
    if not files:
        return []
    inside = sorted(filter(is_table, store.names), key=lambda name: name.count("/"))[:_TRIED]
    named: dict[str, tuple[MetadataTable, set[str]]] = {}
    for each in inside:
        try:
            table = _open(store, path, each, columns, row_filter)
            named_files = (row[REQUIRED] for _, row, _ in table.rows())
            images = {matcher.find(file, table.folder) for file in named_files} - {""}
        except InputError:
            continue  # a table of something else; where it alone says anything, it is asked below
        if images:
            named[each] = (table, images)
    fitting = _fitting(named, files)
    # A flat folder has no other labels: its table is meant, whatever is wrong with it.
    flat = [each for each in inside if "/" not in each and _is_flat(files, each)]
    if len(fitting) > 1 or (not fitting and len(flat) > 1):
        names = sorted(set().union(*fitting)) or flat
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        raise InputError(f"there are several tables ({shown})", where=str(path), todo=_SAY_WHICH)
    if fitting:
        return [named[each][0] for each in inside if each in fitting[0]]
    if columns or row_filter:  # a person has said that there is a table
        if len(inside) == 1:
            return [_open(store, path, inside[0], columns, row_filter)]
        what = f"there is {'no table' if not inside else 'no table that fits'}"
        raise InputError(what, where=str(path), todo=_SAY_WHICH)
    # Nor have images in no class folder, such as those of ``images/`` beside it.
    alone = flat or (inside if len(inside) == 1 and not labelled else [])
    return [_open(store, path, alone[0], columns, row_filter)] if alone else []


def _fitting(
    named: Mapping[str, tuple[MetadataTable, set[str]]], files: list[str]
) -> list[frozenset[str]]:
    """The tables, or sets of them that belong together, that name enough of the images."""
    together: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for each, (table, _) in named.items():
        together["alone", each] = {each}
        together["name", PurePosixPath(each).name.lower()].add(each)
        together["header", *table.csv.header].add(each)
    found = []
    for tables in {frozenset(names) for names in together.values()}:
        images = set().union(*(named[each][1] for each in tables))
        once = len(images) == sum(len(named[each][1]) for each in tables)
        flat = len(tables) == 1 and _is_flat(files, *tables)
        if once and (flat or len(images) >= _ENOUGH * len(files)):
            found.append(tables)
    return [tables for tables in found if not any(tables < others for others in found)]


def _named(
    store: FileStorage,
    path: Path,
    csv: str | Path,
    columns: Mapping[str, str] | None,
    row_filter: Mapping[str, str] | None,
) -> MetadataTable:
    place = Path(csv)
    if place.is_file():
        table = open_table(read_csv(place), columns, row_filter)
        same = [each for each in filter(is_table, store.names) if _is_same(path, each, place)]
        inside = same[0] if same else ""
        return replace(table, inside=inside, folder=_folder(inside))
    inside = FileMatcher(store.names).find(str(csv))
    if inside:
        return _open(store, path, inside, columns, row_filter)
    raise InputError(
        "there is no such table",
        where=str(csv),
        todo="Give its path, or its place inside the folder or zip file.",
    )


def _open(
    store: FileStorage,
    path: Path,
    inside: str,
    columns: Mapping[str, str] | None,
    row_filter: Mapping[str, str] | None,
) -> MetadataTable:
    where = f"{path}/{inside}"
    try:
        content = store.read(inside, MAX_TABLE_BYTES + 1)
    except (OSError, ImageError) as error:
        why = error.what if isinstance(error, ImageError) else error.strerror
        raise InputError(
            f"the table cannot be read ({why})", where=where, todo="Unpack it, and give the file."
        ) from error
    table = open_table(parse_csv(content, where), columns, row_filter)
    return replace(table, inside=inside, folder=_folder(inside))


def _is_flat(files: list[str], table: str) -> bool:
    """Whether all images lie in the table's own folder, and none of them in a class folder."""
    return all(_folder(file) == _folder(table) for file in files)


def is_table(name: str) -> bool:
    """Whether a name is that of a table that could describe images."""
    return PurePosixPath(name).suffix.lower() in _TABLES


def _folder(name: str) -> str:
    parent = str(PurePosixPath(name).parent)
    return "" if parent == "." else parent


def _is_same(path: Path, inside: str, csv: Path) -> bool:
    try:
        return (path / inside).samefile(csv)
    except OSError:  # inside a zip
        return False
