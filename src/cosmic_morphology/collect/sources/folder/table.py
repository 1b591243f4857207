"""The table that goes with a folder of images: which columns, which rows, which files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cosmic_morphology.atlas import Answer
from cosmic_morphology.atlas.export.image_folder import text_of_cell
from cosmic_morphology.collect.sources.folder.matcher import FileMatcher, composed
from cosmic_morphology.collect.sources.galaxy_zoo import VolunteerColumns, checked_identifier
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
    "voters": "",
}
LISTS = ("keywords", "names", "albums", "subjects", "lineage")
COLUMNS = (*TEXTS, *LISTS)
_ALSO_CALLED = {
    REQUIRED: ("filename", "file_name", "image", "image_name", "path", "filepath"),
    "label": ("class",),
}
# Galaxies are known by these, and so are the files of their images.
_IDENTIFIERS = ("id", "objid", "dr7objid", "iauname", "id_str")
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
    volunteers : VolunteerColumns or None
        Where it is a catalogue of volunteers' votes, the columns that hold them.
    """

    csv: CsvTable
    columns: dict[str, str]
    row_filter: dict[str, str]
    folder: str = ""
    inside: str = ""
    volunteers: VolunteerColumns | None = None

    @property
    def where(self) -> str:
        """Its path, for messages."""
        return self.csv.where

    def rows(self) -> Iterator[tuple[int, dict[str, str], tuple[Answer, ...]]]:
        """Line, cells under our names and volunteers' answers of each row that counts, in order."""
        for line, row in self.csv.rows():
            if all(_agrees(row[name], value) for name, value in self.row_filter.items()):
                cells = {ours: text_of_cell(row[its]) for ours, its in self.columns.items()}
                answers: tuple[Answer, ...] = ()
                if self.volunteers:
                    named, place = self.columns[REQUIRED], f"line {line}"
                    checked_identifier(cells[REQUIRED], named, f"{self.where}, {place}")
                    answers = self.volunteers.answers(row, place)
                yield line, cells, answers


@dataclass(frozen=True, slots=True)
class Row:
    """One row with what it is identified by; ``file`` is empty where its file is not there."""

    table: MetadataTable
    line: int
    key: str
    file: str
    cells: dict[str, str]
    answers: tuple[Answer, ...] = ()

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
        A column that is missing or there twice, a name that is not ours, or a catalogue of
        votes that lacks answers or the number of voters.
    """
    given = dict(columns or {})
    volunteers = VolunteerColumns(csv.header, csv.where, given.get("voters", ""))
    names = (REQUIRED, *_ALSO_CALLED[REQUIRED])
    if volunteers and REQUIRED not in given and not any(map(csv.column, names)):
        # Images of a catalogue are named by what it calls the galaxies.
        its = next(filter(None, map(csv.column, _IDENTIFIERS)), "")
        given |= {REQUIRED: its} if its else {}
    chosen = csv.select(
        given,
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
    return MetadataTable(csv, chosen, filters, volunteers=volunteers or None)


def split_list(cell: str) -> tuple[str, ...]:
    """Parts of a cell that holds a list, separated by ``;`` or ``|``."""
    return tuple(part.strip() for part in _SEPARATORS.split(cell) if part.strip())


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
        Two rows give one file different labels, two files have one id, or no row of a catalogue
        of votes holds one.
    """

    tables: Sequence[MetadataTable]
    matcher: FileMatcher
    total: int = 0
    named: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        answered: dict[str, list[tuple[Answer, ...]]] = {}
        for row in self._checked():
            self.total += 1
            answered.setdefault(row.table.where, []).append(row.answers)
        for table in self.tables:
            if table.volunteers:
                table.volunteers.refuse_silence(answered.get(table.where, ()))

    @property
    def where(self) -> str:
        """Path of the first table, and how many more there are."""
        more = len(self.tables) - 1
        return self.tables[0].where + (f" and {more} more" if more else "")

    @property
    def label_column(self) -> str:
        """What the column of labels is called; empty where no table has one."""
        return next((t.columns["label"] for t in self.tables if "label" in t.columns), "")

    @property
    def has_votes(self) -> bool:
        """Whether a table is a catalogue of volunteers' votes."""
        return any(table.volunteers for table in self.tables)

    def __iter__(self) -> Iterator[Row]:
        seen: set[str] = set()
        for row in self._all():
            if row.key and row.key not in seen:
                seen.add(row.key)
                yield row

    def _all(self) -> Iterator[Row]:
        for table in self.tables:
            for line, cells, answers in table.rows():
                named = cells[REQUIRED]
                file = self.matcher.find(named, table.folder)
                key = (cells.get("id") or file or named) if named else ""
                yield Row(table, line, key, file, cells, answers)

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
            if before.answers != row.answers:
                raise _clash(f"{row.named!r} has two different sets of votes", before, row)
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
        return composed(cell) != composed(wanted[1:])
    return composed(cell) == composed(wanted)
