"""Reading a person's CSV table, with errors that name the file, the column and the line."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from cosmic_morphology.errors import InputError

# People call the column of the label by either name.
_ALSO_CALLED = {"label": "class"}


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
        A CSV file in UTF-8 with a header.
    names : mapping
        Our name to the table's name, where they differ; a name given here must be there.
    needs, may, one_of : sequence of str
        Our names of columns that must be there, may be there, and one of which must be.

    Raises
    ------
    InputError
        The file cannot be read, is no such table, or a column is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            chosen = _chosen(header, names, path, needs, may, one_of)
            return [
                (reader.line_num, {ours: (row.get(name) or "").strip() for ours, name in chosen})
                for row in reader
            ]
    except OSError as error:
        raise InputError(
            "the table cannot be read", where=str(path), todo="Check the path."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"this is not a CSV table in UTF-8 ({error})",
            where=str(path),
            todo="Save it as CSV (UTF-8).",
        ) from error


def _chosen(
    header: list[str],
    names: Mapping[str, str],
    path: Path,
    needs: Sequence[str],
    may: Sequence[str],
    one_of: Sequence[str],
) -> list[tuple[str, str]]:
    chosen: dict[str, str] = {}
    for ours in (*needs, *one_of, *may):
        theirs = names.get(ours, ours)
        other = _ALSO_CALLED.get(ours, theirs)
        if ours not in names and theirs not in header and other in header:
            theirs = other
        if theirs in header:
            chosen[ours] = theirs
        elif ours in names or ours in needs:
            raise _missing(theirs, ours, header, path)
    if one_of and not any(ours in chosen for ours in one_of):
        raise _missing(one_of[0], one_of[0], header, path)
    return list(chosen.items())


def _missing(name: str, ours: str, header: list[str], path: Path) -> InputError:
    role = "" if name == ours else f" (it was to be read as {ours!r})"
    return InputError(
        f"there is no column {name!r}{role}; there is: {', '.join(header) or 'nothing'}",
        where=str(path),
        todo="Rename a column, or say which one it is with --columns.",
    )
