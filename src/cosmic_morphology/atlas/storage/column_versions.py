"""Which files hold the values of a column: told by the manifest, however many rows there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cosmic_morphology.atlas.storage.lance_tables import Table


def column_versions(table: Table, columns: Sequence[str]) -> list[Any]:
    """Rows, deletions and files of some columns, fragment by fragment.

    A file is never written anew under its name. Where this is the same as before, so is every
    value of these columns, and no row has come or gone. After a merge of fragments it is another
    one though nothing was written. What other columns, indexes and notes do makes no difference.

    Parameters
    ----------
    table : Table
        Only its manifest is read.
    columns : sequence of str
        Columns that are not there have no file.

    Returns
    -------
    list
        To be hashed or compared.
    """
    with table.translate_errors():
        return [list(columns), files_of_columns(table.dataset, columns)]


def files_of_columns(dataset: Any, columns: Sequence[str]) -> list[Any]:
    """The same of a ``lance.LanceDataset``, without the names of the columns."""
    there = {field.name(): field for field in dataset.lance_schema.fields()}
    wanted = [set(_numbers(there[name])) if name in there else set() for name in columns]
    return [_of_fragment(each.metadata, wanted) for each in dataset.get_fragments()]


def field_numbers(dataset: Any) -> set[int]:
    """Numbers of all columns of a ``lance.LanceDataset``; one that is made again has another."""
    return {each for field in dataset.lance_schema.fields() for each in _numbers(field)}


def _of_fragment(fragment: Any, wanted: list[set[int]]) -> list[Any]:
    gone = fragment.deletion_file
    files = [
        [each.path for each in fragment.files if not numbers.isdisjoint(each.fields)]
        for numbers in wanted
    ]
    deleted = [gone.id, gone.read_version, gone.num_deleted_rows] if gone else []
    return [fragment.id, fragment.physical_rows, deleted, files]


def _numbers(field: Any) -> Iterator[int]:
    """The number of a field and of those in it: files name the innermost ones."""
    yield field.id()
    for child in field.children():
        yield from _numbers(child)
