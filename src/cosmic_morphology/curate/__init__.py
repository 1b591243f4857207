"""Curate: votes, labels, checks, people's verdicts, groups and the split."""

from cosmic_morphology.curate.explain import Explanation, explain_label
from cosmic_morphology.curate.labels import LabelSummary, label
from cosmic_morphology.curate.review import ReviewSummary, import_verdicts
from cosmic_morphology.curate.votes import VoteSummary, labels_of_voter, vote

__all__ = [
    "Explanation",
    "LabelSummary",
    "ReviewSummary",
    "VoteSummary",
    "explain_label",
    "import_verdicts",
    "label",
    "labels_of_voter",
    "vote",
]
