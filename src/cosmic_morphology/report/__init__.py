"""Pages and figures made from given numbers: the report, explore, a leaderboard, curation."""

from cosmic_morphology.report.curation_page import Curated, write_curated
from cosmic_morphology.report.explore_page import ExploreSummary, explore
from cosmic_morphology.report.leaderboard_page import Board, write_board
from cosmic_morphology.report.report import write_report

__all__ = [
    "Board",
    "Curated",
    "ExploreSummary",
    "explore",
    "write_board",
    "write_curated",
    "write_report",
]
