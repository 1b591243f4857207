"""Curate: votes, labels, checks, people's verdicts, groups and the split."""

from cosmic_morphology.curate.certificate import Certificate, Leak, certify
from cosmic_morphology.curate.duplicates import DuplicateSummary, find_duplicates
from cosmic_morphology.curate.explain import Explanation, explain_label
from cosmic_morphology.curate.grouping import GroupSummary, group_pictures
from cosmic_morphology.curate.labels import LabelSummary, label
from cosmic_morphology.curate.review import ReviewSummary, import_verdicts
from cosmic_morphology.curate.split import SplitSummary, split_pictures
from cosmic_morphology.curate.split_assign import folds
from cosmic_morphology.curate.votes import VoteSummary, labels_of_voter, vote

__all__ = [
    "Certificate",
    "DuplicateSummary",
    "Explanation",
    "GroupSummary",
    "LabelSummary",
    "Leak",
    "ReviewSummary",
    "SplitSummary",
    "VoteSummary",
    "certify",
    "explain_label",
    "find_duplicates",
    "folds",
    "group_pictures",
    "import_verdicts",
    "label",
    "labels_of_voter",
    "split_pictures",
    "vote",
]
