"""Pages and figures made from given numbers: the report, explore, a leaderboard, curation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmic_morphology.lazy import lazy_exports

if TYPE_CHECKING:
    from cosmic_morphology.report.curation_page import CurationPage as CurationPage
    from cosmic_morphology.report.curation_page import write_curation_page as write_curation_page
    from cosmic_morphology.report.explore_page import ExploreResult as ExploreResult
    from cosmic_morphology.report.explore_page import explore_atlas as explore_atlas
    from cosmic_morphology.report.leaderboard_page import Leaderboard as Leaderboard
    from cosmic_morphology.report.leaderboard_page import write_leaderboard as write_leaderboard
    from cosmic_morphology.report.report import write_report as write_report

_HOMES = {
    "CurationPage": "curation_page",
    "ExploreResult": "explore_page",
    "Leaderboard": "leaderboard_page",
    "explore_atlas": "explore_page",
    "write_curation_page": "curation_page",
    "write_leaderboard": "leaderboard_page",
    "write_report": "report",
}

__all__ = [*_HOMES]  # noqa: PLE0604
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
