"""An ImageFolder: a folder for each split and class, with a ``metadata.csv`` beside them.

Torchvision and Keras read the folders; ``datasets.load_dataset("imagefolder", data_dir=…)`` reads
the ``metadata.csv`` of each split, too (Hugging Face, "Create an image dataset").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas.export.counts import DataFile, data_files
from cosmic_morphology.atlas.export.names import FileNames, ending_of, safe_name
from cosmic_morphology.atlas.export.rows import COLUMNS
from cosmic_morphology.io_utils import CsvRows

METADATA = "metadata.csv"
NOT_STATED = "not stated"
# What pandas, with which `datasets` reads the table, takes for a number, a truth value or nothing.
_NO_TEXT = re.compile(
    r"\s*([+-]?(\d[\d_]*\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?|true|false"
    r"|#?n/?a( n/a)?|<na>|null|none|-?nan|-?1\.#(ind|qnan))\s*",
    re.IGNORECASE,
)


def write_image_folder(
    folder: Path, batches: Iterable[list[dict[str, Any]]], *, original: bool
) -> list[DataFile]:
    """Write ``<split>/<class>/<id>.<ending>`` and ``<split>/metadata.csv``.

    Parameters
    ----------
    folder : Path
        An empty folder.
    batches : iterable of lists of dict
        Rows with ``bytes``.
    original : bool
        Whether the bytes are those of the source, in any format, or JPEG thumbnails.
    """
    names = FileNames()
    tables: dict[str, CsvRows] = {}
    found: list[tuple[Path, str]] = []
    with ExitStack() as opened:
        for row in _each(batches):
            split = row["split"]
            if split not in tables:
                path = folder / split / METADATA
                path.parent.mkdir()
                file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
                tables[split] = CsvRows(opened.enter_context(file))
                tables[split].write(["file_name", *COLUMNS, "sha256"])
                found.append((path, split))
            class_folder = safe_name(row["label"])
            ending = ending_of(row["media_type"]) if original else "jpg"
            place = f"{class_folder}/{names.give(f'{split}/{class_folder}', row['id'])}.{ending}"
            (folder / split / class_folder).mkdir(exist_ok=True)
            (folder / split / place).write_bytes(row["bytes"])
            digest = hashlib.sha256(row["bytes"]).hexdigest()
            tables[split].write([place, *metadata_cells(row), digest])
    return data_files(folder, sorted(found))


def metadata_cells(row: dict[str, Any]) -> list[Any]:
    """Cells of :data:`COLUMNS` whose type every reader infers alike in each split.

    ``datasets`` refuses splits whose columns differ in type, and a column is a number where all
    its texts look like one, or where all are empty. So a text that looks like a number gets an
    apostrophe before it, as in spreadsheets, and an empty one says :data:`NOT_STATED`.
    """
    return [_cell(row[name]) for name in COLUMNS]


def text_of_cell(cell: str) -> str:
    """The text of which :func:`metadata_cells` made a cell.

    Examples
    --------
    >>> text_of_cell("'007"), text_of_cell("not stated"), text_of_cell("M 31")
    ('007', '', 'M 31')
    """
    if cell == NOT_STATED:
        return ""
    return cell[1:] if cell.startswith("'") and _looks_untyped(cell[1:]) else cell


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(value)
    if value is None or isinstance(value, str):
        text = value or NOT_STATED
        return f"'{text}" if _looks_untyped(text) else text
    return value


def _looks_untyped(text: str) -> bool:
    # Apostrophes count as nothing, so that one more of them can always be taken off again.
    return bool(_NO_TEXT.fullmatch(text.lstrip("'")))


def _each(batches: Iterable[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for batch in batches:
        yield from batch
