"""What an archive holds: its records, and the bytes of their images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cosmic_morphology.csv_table import read_csv
from cosmic_morphology.errors import InputError
from cosmic_morphology.replica.quirks import hash_uniform

_NEEDED = ("file", "title", "description", "date")
_CENTERS = ("JPL", "GSFC", "HQ", "JSC", "KSC", "MSFC", "ARC", "LRC", "GRC", "SSC", "AFRC")


@dataclass(frozen=True, slots=True)
class ArchiveRecord:
    """What an archive says of one image. Empty texts are fields that it does not have.

    ``date`` is ISO 8601 or empty; ``avm`` an AVM ``Subject.Category`` code such as ``5.1.1``.
    """

    nasa_id: str
    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    date: str = ""
    center: str = ""
    credit: str = ""
    photographer: str = ""
    location: str = ""
    media_type: str = "image"
    albums: tuple[str, ...] = ()
    avm: str = ""
    file: str = ""

    @property
    def year(self) -> int:
        """The year of ``date``; 0 for an undated record."""
        return int(self.date[:4]) if self.date[:4].isdigit() else 0


@dataclass(frozen=True)
class ArchiveCatalogue:
    """Records in the order in which the archive lists them, and where their bytes are.

    Attributes
    ----------
    records : sequence of Record
        May compute its items on access, so that a large made-up archive takes no memory.
    read : callable
        Gives the original's bytes of a record; raises ``FileNotFoundError`` without one.
    archive : str
        What kind of archive the records come from; for the person who reads a log.
    """

    records: Sequence[ArchiveRecord]
    read: Callable[[ArchiveRecord], bytes]
    archive: str = "nasa"

    def __len__(self) -> int:
        return len(self.records)

    @classmethod
    def from_catalogue(
        cls,
        images: Path,
        catalogue: Path,
        *,
        where: Mapping[str, str] | None = None,
        duplicate_rate: float = 0.0,
    ) -> ArchiveCatalogue:
        """Records from a CSV beside a folder of images.

        Parameters
        ----------
        images : Path
            The folder that the column ``file`` is relative to.
        catalogue : Path
            CSV with the columns ``file, title, description, date``; optional: ``keywords``
            (separated by ``;`` or ``,``), ``credit``, ``center``, ``nasa_id`` (else the stem
            of the file name), ``photographer``, ``location``, ``media_type``, ``album`` (else
            ``collection``), ``avm``.
        where : mapping of str to str, optional
            Only the rows that have these values.
        duplicate_rate : float
            Share of the records that come a second time under another centre's id, as the
            real library does.

        Raises
        ------
        InputError
            Folder, file or columns are missing, or no row is left.
        """
        rows = _rows(Path(catalogue), dict(where or {}))
        records = [_record(row) for row in rows]
        records += [
            _duplicate_record(record)
            for record in records
            if hash_uniform("twin", record.nasa_id) < duplicate_rate
        ]
        folder = _Folder(Path(images))
        if not any(folder.path(record).is_file() for record in records):
            raise InputError(
                "none of the images that the catalogue names is here",
                where=str(images),
                todo="Give the folder that the column 'file' is relative to.",
            )
        return cls(records, folder.read)

    @classmethod
    def numbered(
        cls,
        n: int,
        *,
        heavy_year: int | None = None,
        heavy_share: float = 0.5,
        side_px: int = 128,
        seed: int = 0,
    ) -> ArchiveCatalogue:
        """``n`` made-up records, every one found by "galaxy", for archives of any size.

        Parameters
        ----------
        n : int
            How many.
        heavy_year, heavy_share : int and float
            One year that holds this share of all, to break the cap within one year.
        side_px : int
            Side of the images, px. Every record has its own bytes.
        seed : int
            Another seed, another archive.
        """
        from cosmic_morphology.replica.drawing import NumberedImages

        records = _Numbered(n, heavy_year, heavy_share, seed)
        return cls(records, NumberedImages(side_px, seed).read, "numbered")


@dataclass(frozen=True)
class _Folder:
    """Images of a folder, never outside it."""

    root: Path

    def path(self, record: ArchiveRecord) -> Path:
        return self.root / record.file

    def read(self, record: ArchiveRecord) -> bytes:
        path = self.path(record)
        if not record.file or not path.resolve().is_relative_to(self.root.resolve()):
            raise FileNotFoundError(record.file)
        if not path.is_file():  # a pipe would be waited for
            raise FileNotFoundError(record.file)
        return path.read_bytes()


# Every made-up record is found by the first word, about a third of them by each of the others.
_WORD = "galaxy"
_OTHERS = ("star", "nebula", "survey")
_YEARS = (1958, 2026)
_UNDATED = 0.02


@dataclass(frozen=True)
class _Numbered(Sequence[ArchiveRecord]):
    """Records computed from their number: 60,000 take no more memory than one."""

    n: int
    heavy_year: int | None
    heavy_share: float
    seed: int

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> ArchiveRecord:  # type: ignore[override]
        if not 0 <= i < self.n:
            raise IndexError(i)
        key = f"{self.seed}/{i}"
        center = _CENTERS[int(hash_uniform("center", key) ** 2 * len(_CENTERS))]
        extra = [word for word in _OTHERS if hash_uniform(word, key) < 1 / 3]
        return ArchiveRecord(
            nasa_id=f"{center}-{i:06d}",
            title=f"{_WORD.capitalize()} field {i:06d}",
            description=f"Exposure {i} of a {_WORD}" + "".join(f" with {w}" for w in extra),
            keywords=(_WORD, *extra, f"Group {i % 40}"),
            date=self._date(key),
            center=center,
            credit=f"NASA/{center}",
            albums=(f"Album_{i % 7}",),
            file=str(i),
        )

    def _date(self, key: str) -> str:
        if hash_uniform("undated", key) < _UNDATED:
            return ""
        first, last = _YEARS
        # The square root makes the density rise with time, as the real archive's does.
        year = first + int(hash_uniform("year", key) ** 0.5 * (last - first + 1))
        if self.heavy_year is not None and hash_uniform("heavy", key) < self.heavy_share:
            year = self.heavy_year
        day = 1 + int(hash_uniform("day", key) * 28)
        month = 1 + int(hash_uniform("month", key) * 12)
        return f"{year}-{month:02d}-{day:02d}T00:00:00Z"


def _rows(catalogue: Path, where: dict[str, str]) -> list[dict[str, str]]:
    table = read_csv(catalogue)
    missing = sorted(name for name in {*_NEEDED, *where} if not table.column(name))
    if missing:
        raise InputError(
            f"the catalogue lacks the columns {', '.join(missing)}",
            where=str(catalogue),
            todo=f"It needs at least {', '.join(_NEEDED)}.",
        )
    wanted = {table.column(name): value for name, value in where.items()}
    rows = [
        {name.lower(): cell for name, cell in row.items()}
        for _, row in table.rows()
        if all(row[name] == value for name, value in wanted.items())
    ]
    if not rows:
        raise InputError(
            "no row of the catalogue is left",
            where=str(catalogue),
            todo="Ask for less by replica.where, or give another catalogue.",
        )
    return rows


def _record(row: Mapping[str, str | None]) -> ArchiveRecord:
    def text(*columns: str) -> str:
        return next((value for c in columns if (value := (row.get(c) or "").strip())), "")

    keywords = text("keywords")
    separator = ";" if ";" in keywords else ","
    album = text("album", "collection")
    return ArchiveRecord(
        nasa_id=text("nasa_id") or Path(text("file")).stem,
        title=text("title"),
        description=text("description"),
        keywords=tuple(k.strip() for k in keywords.split(separator) if k.strip()),
        date=text("date"),
        center=text("center"),
        credit=text("credit"),
        photographer=text("photographer"),
        location=text("location"),
        media_type=text("media_type") or "image",
        albums=(album,) if album else (),
        avm=text("avm"),
        file=text("file"),
    )


def _duplicate_record(record: ArchiveRecord) -> ArchiveRecord:
    center = _CENTERS[int(hash_uniform("twin center", record.nasa_id) * len(_CENTERS))]
    return replace(record, nasa_id=f"{center}_{record.nasa_id}", center=center)
