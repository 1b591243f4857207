"""A run on the command line: by its name, as ``cosmic train`` has it, or by its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cosmic_morphology.settings import Settings


def run_at(given: Path, settings: Settings) -> Path:
    """The folder of a finished run; torch is not imported to find it.

    Raises
    ------
    InputError
        There is no such run, it is not finished, or a file of it cannot be used.
    """
    from cosmic_morphology.learn import find_run

    return find_run(given, out=settings.out).path
