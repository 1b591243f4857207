"""A run on the command line: by its name, as ``cosmic train`` has it, or by its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_morphology.errors import InputError

if TYPE_CHECKING:
    from cosmic_morphology.settings import Settings

# As `cosmic_morphology.learn.runs` writes it; that module needs torch, which takes seconds.
_FINISHED = "FINISHED"


def run_at(given: Path, settings: Settings) -> Path:
    """The folder of a finished run; torch is not imported to find it.

    Raises
    ------
    InputError
        There is no such run, or it is not finished.
    """
    named = settings.out / "runs" / given
    is_name = len(given.parts) == 1
    for place in (given, named) if is_name else (given,):
        if (place / _FINISHED).is_file():
            return place
    found = next((place for place in (given, named) if place.exists()), None)
    if found is None:
        runs = sorted(each.parent.name for each in (settings.out / "runs").glob(f"*/{_FINISHED}"))
        there = f"There are in {settings.out}: {', '.join(runs)}." if runs else ""
        raise InputError(
            "there is no such run",
            where=str(given),
            todo=there or "Give its folder, such as out/runs/baseline, or train it.",
        )
    raise InputError(
        "there is no finished run here",
        where=str(found),
        todo="Train it (an interrupted run goes on), or give another one.",
    )
