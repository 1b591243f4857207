"""Pages and figures made from given numbers: the report, explore, a leaderboard, curation."""

from cosmic_morphology.report.curation_page import CurationPage, write_curation_page
from cosmic_morphology.report.explore_page import ExploreResult, explore_atlas
from cosmic_morphology.report.leaderboard_page import Leaderboard, write_leaderboard
from cosmic_morphology.report.report import write_report

__all__ = [
    "CurationPage",
    "ExploreResult",
    "Leaderboard",
    "explore_atlas",
    "write_curation_page",
    "write_leaderboard",
    "write_report",
]
