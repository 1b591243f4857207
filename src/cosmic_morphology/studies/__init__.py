"""Studies: what a split claims, what rendered pictures, clean labels and more pictures are worth.

A study is a grid of cells (what is learnt from x seed x fold). Each finished cell is kept as one
small JSON file and not done again; the tables, curves and conclusions are computed from the cells.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cosmic_morphology.extras import needs

if TYPE_CHECKING:
    from cosmic_morphology.studies.files import StudySummary as StudySummary
    from cosmic_morphology.studies.running import STUDIES as STUDIES
    from cosmic_morphology.studies.running import run_study as run_study
    from cosmic_morphology.studies.settings import StudySettings as StudySettings
    from cosmic_morphology.studies.settings import load_study as load_study

# Imported when first used: a study needs torch.
_HOMES = {
    "STUDIES": "running",
    "StudySettings": "settings",
    "StudySummary": "files",
    "load_study": "settings",
    "run_study": "running",
}

__all__ = [*_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    with needs(name):
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
