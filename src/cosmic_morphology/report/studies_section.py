"""What studies have found, for the report: conclusions and curves, read from their folders."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from cosmic_morphology.errors import InputError


@dataclass(frozen=True, slots=True)
class FinishedStudy:
    """One study.

    Attributes
    ----------
    name : str
        As ``cosmic study`` has it.
    atlas_version : str
        What it was made on.
    conclusion : tuple of str
        In plain words, with intervals.
    curves : str
        The figure as a data address; empty where there is none.
    """

    name: str
    atlas_version: str
    conclusion: tuple[str, ...]
    curves: str


def finished_studies(folder: Path | None) -> tuple[FinishedStudy, ...]:
    """The finished studies below a folder, by name; none where there is no such folder."""
    if folder is None or not folder.is_dir():
        return ()
    return tuple(_read(notes.parent) for notes in sorted(folder.glob("*/study.json")))


def check_studies(folder: Path) -> None:
    """Refuse a folder that a person has named and that holds no finished study.

    Raises
    ------
    InputError
        It is no folder, or none of its folders holds a ``study.json``.
    """
    if not any(folder.glob("*/study.json")):
        raise InputError(
            "there is no finished study in this folder",
            where=str(folder),
            todo="Give the folder that `cosmic study` wrote to, above those of the studies.",
        )


def _read(folder: Path) -> FinishedStudy:
    notes = json.loads((folder / "study.json").read_text("utf-8"))
    conclusion, curves = folder / "conclusion.txt", folder / "curves.png"
    lines = conclusion.read_text("utf-8").splitlines() if conclusion.is_file() else []
    image = base64.b64encode(curves.read_bytes()).decode() if curves.is_file() else ""
    return FinishedStudy(
        name=str(notes["study"]),
        atlas_version=str(notes.get("atlas_version", "unknown")),
        conclusion=tuple(line for line in lines if line.strip()),
        curves=f"data:image/png;base64,{image}" if image else "",
    )
