"""Reading a table for words where it has no full-text index."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cosmic_morphology.atlas.storage.faults import translate_errors
from cosmic_morphology.atlas.storage.lance_tables import Table


@contextmanager
def with_empty_text_index(table: Table, column: str) -> Iterator[Table]:
    """The same rows at the same addresses, with a full-text index that holds none of them.

    Lance reads rows that are in no index as the index would; without any it compares whole words
    with their capitals, so that a search would find other rows. The index is in a copy of the
    table's manifest in a temporary folder: the atlas is not written to, and no row is copied.

    Parameters
    ----------
    table : Table
        At the version that is read.
    column : str
        A column of texts.
    """
    with tempfile.TemporaryDirectory() as folder:
        with translate_errors(table.store.uri, table.name):
            clone = table.dataset.shallow_clone(
                str(Path(folder) / f"{table.name}.lance"),
                table.version,
                storage_options=table.store.storage_options,
            )
            clone.create_scalar_index(column, "INVERTED", train=False)
        yield Table(table.store, table.name, clone)
