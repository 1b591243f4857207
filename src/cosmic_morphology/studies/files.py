"""What a study leaves behind: its table, its settings, and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cosmic_morphology import __version__
from cosmic_morphology.atlas import Atlas
from cosmic_morphology.io_utils import CsvRows, whole_text, write_json
from cosmic_morphology.studies.settings import SECTIONS, StudySettings


@dataclass(frozen=True, slots=True)
class StudySummary:
    """What a study found and where it stands.

    Attributes
    ----------
    study : str
        Its name.
    cells, new_cells : int
        Models that it needs, and those that were learnt now.
    conclusion : tuple of str
        In plain words, computed from the numbers.
    csv, png, page : Path
        The table, the curves, and the page that holds both.
    """

    study: str
    cells: int
    new_cells: int
    conclusion: tuple[str, ...]
    csv: Path
    png: Path
    page: Path


def write_points(path: Path, rows: Sequence[Any], kind: type[Any]) -> None:
    """Rows of one dataclass as CSV, whole or not at all."""
    with whole_text(path) as file:
        table = CsvRows(file)
        table.write([field.name for field in fields(kind)])
        for row in rows:
            table.write(
                [
                    f"{cell:.5f}" if isinstance(cell, float) else cell
                    for cell in asdict(row).values()
                ]
            )


def write_notes(path: Path, study: StudySettings, name: str, atlas: Atlas) -> None:
    """Everything that makes the study again: settings, version of the atlas and of this package."""
    said = study.model_dump(mode="json")
    others = {other for other in SECTIONS if other != name}
    write_json(
        path,
        {
            "study": name,
            "version": __version__,
            "atlas_version": str(atlas.version),
            "settings": {key: value for key, value in said.items() if key not in others},
        },
    )
