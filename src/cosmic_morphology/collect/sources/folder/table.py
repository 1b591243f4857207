"""The table that goes with a folder of images: which columns, which rows, which files."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cosmic_morphology.atlas.export.image_folder import text_of_cell
from cosmic_morphology.csv_table import CsvTable
from cosmic_morphology.errors import InputError

REQUIRED = "file"
TEXTS = {
    "id": "",
    "title": "title",
    "description": "description",
    "label": "given_label",
    "date": "created_at",
    "source": "",
    "collection": "",
    "credit": "credit",
    "licence": "licence",
    "page_url": "page_url",
    "image_url": "image_url",
}
LISTS = ("keywords", "names", "albums", "subjects", "lineage")
COLUMNS = (*TEXTS, *LISTS)
_ALSO_CALLED = {
    REQUIRED: ("filename", "file_name", "image", "image_name", "path", "filepath"),
    "label": ("class",),
}
_SEPARATORS = re.compile(r"[;|]")


@dataclass(frozen=True)
class MetadataTable:
    """A table whose header has been checked.

    Attributes
    ----------
    csv : CsvTable
        The table.
    columns : dict of str to str
        Our name of each column that is there, and the table's own name of it.
    row_filter : dict of str to str
        Rows that count: the table's own column, and the value it must have (``!value``: must
        not).
    folder : str
        Folder of the table within the import: files may be named from there.
    inside : str
        Its relative path within the import; empty where it lies elsewhere.
    """

    csv: CsvTable
    columns: dict[str, str]
    row_filter: dict[str, str]
    folder: str = ""
    inside: str = ""

    @property
    def where(self) -> str:
        """Its path, for messages."""
        return self.csv.where

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Line and cells of each row that counts, under our names, in the order of the table."""
        for line, row in self.csv.rows():
            if all(_agrees(row[name], value) for name, value in self.row_filter.items()):
                yield line, {ours: text_of_cell(row[its]) for ours, its in self.columns.items()}


@dataclass(frozen=True, slots=True)
class Row:
    """One row with what it is identified by; ``file`` is empty where its file is not there."""

    table: MetadataTable
    line: int
    key: str
    file: str
    cells: dict[str, str]

    @property
    def named(self) -> str:
        """Its file, or the name of the one that is not there."""
        return self.file or self.cells[REQUIRED]


def open_table(
    csv: CsvTable,
    columns: Mapping[str, str] | None = None,
    row_filter: Mapping[str, str] | None = None,
) -> MetadataTable:
    """Check a table's header against what is asked of it.

    Parameters
    ----------
    csv : CsvTable
        The table.
    columns : mapping, optional
        Our name = the table's name, for columns that are called otherwise (see ``COLUMNS``).
    row_filter : mapping, optional
        See :class:`MetadataTable`.

    Raises
    ------
    InputError
        A column that is missing or there twice, or a name that is not ours.
    """
    chosen = csv.select(
        dict(columns or {}),
        needs=(REQUIRED,),
        may=COLUMNS,
        also=_ALSO_CALLED,
        option="--column file=NAME ('file' is the image's path within the folder)",
    )
    filters = {}
    for name, value in (row_filter or {}).items():
        its = csv.column(name, exactly=True)
        if not its:
            raise csv.lacks(name, name)
        filters[its] = value
    return MetadataTable(csv=csv, columns=chosen, row_filter=filters)


def split_list(cell: str) -> tuple[str, ...]:
    """Parts of a cell that holds a list, separated by ``;`` or ``|``."""
    return tuple(part.strip() for part in _SEPARATORS.split(cell) if part.strip())


class FileMatcher:
    """Finds the file that a cell means; a looser reading counts only where it means one file.

    A path may begin at the table's own folder, at the top, or above it with the names of the
    folders there (``set/a.jpg`` for the folder ``set``, or the whole path). In this order: the
    very path; the same in Unicode's composed form (a Mac writes ``é`` as two
    characters); in any capitals; without its ending; the end of one path (``0.jpg`` for
    ``images/0.jpg``).

    Parameters
    ----------
    files : iterable of str
        Relative paths.
    root : str
        Where the files are, as a whole path.
    """

    def __init__(self, files: Iterable[str], root: str = "") -> None:
        self._root = PurePosixPath(root)
        self._tables: list[tuple[_Reading, dict[str, list[str]]]] = []
        listed = list(files)
        for of_file, of_cell in _READINGS:
            table: dict[str, list[str]] = defaultdict(list)
            for file in listed:
                table[of_file(file)].append(file)
            self._tables.append((of_cell, table))
        # The ends of paths, with and without the file's ending, by the name alone.
        self._ends: list[dict[str, list[tuple[str, str]]]] = []
        for of_file in (_any_capitals, _without_ending):
            names: dict[str, list[tuple[str, str]]] = defaultdict(list)
            for file in listed:
                read = of_file(file)
                names[PurePosixPath(read).name].append((f"/{read}", file))
            self._ends.append(names)
        self._folders = {str(above) for file in listed for above in PurePosixPath(file).parents}

    def find(self, cell: str, folder: str = "") -> str:
        """The file; empty where there is none, several, or the path leads outside.

        ``folder`` is that of the table; where images lie in it, the end of a path means those.
        """
        if not cell:
            return ""
        clean = posixpath.normpath(cell.replace("\\", "/"))
        if clean.startswith("/"):
            clean = _below(clean, f"{self._root}/")
        if clean.startswith("../") or clean in {"", ".", ".."}:
            return ""
        nearer = posixpath.normpath(posixpath.join(folder, clean))
        farther = _below(clean, f"{self._root.name}/")
        for reading, table in self._tables:
            for path in dict.fromkeys((nearer, clean, farther)):
                found = table.get(reading(path), [])
                if len(found) == 1:
                    return found[0]
                if found:  # several: which of them is meant cannot be known
                    return ""
        ending = "/" + _any_capitals(clean)
        below = f"{folder}/" if folder in self._folders else ""
        for names in self._ends:
            named = names.get(ending.rpartition("/")[2], [])
            ends = [file for path, file in named if path.endswith(ending)]
            ends = [file for file in ends if file.startswith(below)]
            if ends:
                return ends[0] if len(ends) == 1 else ""
        return ""


@dataclass
class Rows:
    """The rows of all tables with their files, checked as a whole before anything is stored.

    Attributes
    ----------
    tables : sequence of MetadataTable
        The tables: one, or the parts that lie in the folders of a ready-made split.
    matcher : FileMatcher
        Finds their files.
    total : int
        Records: rows that name a file, each once.
    named : set of str
        Files that rows name.
    skipped : Counter of str
        Rows that were left out, by reason.

    Raises
    ------
    InputError
        Two rows give one file different labels, or two files have one id.
    """

    tables: Sequence[MetadataTable]
    matcher: FileMatcher
    total: int = 0
    named: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for _ in self._checked():
            self.total += 1

    @property
    def where(self) -> str:
        """Path of the first table, and how many more there are."""
        more = len(self.tables) - 1
        return self.tables[0].where + (f" and {more} more" if more else "")

    @property
    def label_column(self) -> str:
        """What the column of labels is called; empty where no table has one."""
        return next((t.columns["label"] for t in self.tables if "label" in t.columns), "")

    def __iter__(self) -> Iterator[Row]:
        seen: set[str] = set()
        for row in self._all():
            if row.key and row.key not in seen:
                seen.add(row.key)
                yield row

    def _all(self) -> Iterator[Row]:
        for table in self.tables:
            for line, cells in table.rows():
                named = cells[REQUIRED]
                file = self.matcher.find(named, table.folder)
                key = (cells.get("id") or file or named) if named else ""
                yield Row(table, line, key, file, cells)

    def _checked(self) -> Iterator[Row]:
        owners: dict[str, Row] = {}
        labels: dict[str, Row] = {}
        for row in self._all():
            if not row.key:
                self.skipped["rows that name no file"] += 1
                continue
            first = owners.setdefault(row.key, row)
            if first.named != row.named:
                raise _clash(f"the id {row.key!r} is given to two files", first, row)
            before = labels.setdefault(row.named, row)
            said, label = (each.cells.get("label", "") for each in (before, row))
            if said != label:
                raise _clash(f"{row.named!r} is labelled both {said!r} and {label!r}", before, row)
            if first is row:
                self.named |= {row.file} - {""}
                yield row
            else:
                self.skipped["listed twice"] += 1


def _clash(what: str, first: Row, second: Row) -> InputError:
    where = f"{first.table.where}, lines {first.line} and {second.line}"
    if first.table is not second.table:
        where = f"{first.table.where}, line {first.line}; {second.table.where}, line {second.line}"
    return InputError(
        what, where=where, todo="Keep one row for each image, or choose rows with --row-filter."
    )


def _agrees(cell: str, wanted: str) -> bool:
    if wanted.startswith("!"):
        return _composed(cell) != _composed(wanted[1:])
    return _composed(cell) == _composed(wanted)


def _below(path: str, above: str) -> str:
    """The rest of a path below another; empty where it is not below it."""
    return path.removeprefix(above) if path.startswith(above) else ""


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def _any_capitals(path: str) -> str:
    return _composed(_composed(path).casefold())


def _without_ending(path: str) -> str:
    return _any_capitals(posixpath.splitext(path)[0])


_Reading = Callable[[str], str]
# How a file's path is read, and how a cell is: a cell without an ending means a file with one,
# and ``0.jpg`` never means ``0.png``.
_READINGS: tuple[tuple[_Reading, _Reading], ...] = (
    (str, str),
    (_composed, _composed),
    (_any_capitals, _any_capitals),
    (_without_ending, _any_capitals),
)
