"""Reading a person's table of verdicts or checked labels: which columns, which images."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.query import stream
from cosmic_morphology.csv_table import read_csv

# People call the column of the label by either name.
_ALSO_CALLED = {"label": ("class",)}
_OPTION = "--column id=NAME"


def read_table(
    path: Path,
    names: Mapping[str, str],
    *,
    needs: Sequence[str],
    may: Sequence[str] = (),
    one_of: Sequence[str] = (),
) -> list[tuple[int, dict[str, str]]]:
    """Lines of a CSV table as (line number, our column name to text without outer spaces).

    Parameters
    ----------
    path : Path
        A CSV file with a header; see :func:`cosmic_morphology.csv_table.parse_csv`.
    names : mapping
        Our name to the table's name, where they differ; a name given here must be there.
    needs, may, one_of : sequence of str
        Our names of columns that must be there, may be there, and one of which must be.

    Raises
    ------
    InputError
        The file cannot be read, is no such table, or a column is missing or there twice.
    """
    table = read_csv(path)
    chosen = table.select(
        names, needs=needs, may=(*one_of, *may), also=_ALSO_CALLED, option=_OPTION
    )
    if one_of and not any(ours in chosen for ours in one_of):
        raise table.lacks(one_of[0], one_of[0], _OPTION)
    return [(line, {ours: row[its] for ours, its in chosen.items()}) for line, row in table.rows()]


class Ids:
    """Finds the id of the atlas that a cell means, in either normal form of Unicode.

    A Mac writes “é” as two characters where a spreadsheet writes one. Ids that differ in
    nothing else are different images: then only the very id is found.

    Parameters
    ----------
    ids : iterable of str
        Ids of the atlas.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = set(ids)
        self._alike: dict[str, list[str]] = defaultdict(list)
        for each in self._ids:
            self._alike[unicodedata.normalize("NFC", each)].append(each)

    def find(self, cell: str) -> str:
        """The id, or the cell itself where there is none."""
        if cell in self._ids:
            return cell
        alike = self._alike.get(unicodedata.normalize("NFC", cell), [])
        return alike[0] if len(alike) == 1 else cell


def ids_like(atlas: Atlas, cells: Iterable[str]) -> Ids:
    """Of all ids of an atlas those that some cells may mean; the others are not held."""
    wanted = {unicodedata.normalize("NFC", each) for each in cells}
    ids = (id_ for batch in stream(atlas) for id_ in batch.column("id").to_pylist())
    return Ids(id_ for id_ in ids if unicodedata.normalize("NFC", id_) in wanted)
