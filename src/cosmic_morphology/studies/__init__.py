"""Studies: what a split claims, what rendered images, clean labels and more images are worth.

A study is a grid of cells (what is learned from x seed x fold). Each finished cell is kept as one
small JSON file and not done again; the tables, curves and conclusions are computed from the cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmic_morphology.lazy import lazy_exports

if TYPE_CHECKING:
    from cosmic_morphology.studies.results import StudyResult as StudyResult
    from cosmic_morphology.studies.run import STUDIES as STUDIES
    from cosmic_morphology.studies.run import run_study as run_study

# Imported when first used: a study needs torch.
_HOMES = {
    "STUDIES": "run",
    "StudyResult": "results",
    "run_study": "run",
}

__all__ = [*_HOMES]  # noqa: PLE0604
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
