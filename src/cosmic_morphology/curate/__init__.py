"""Curate: votes, labels, checks, people's verdicts, groups and the split."""

from cosmic_morphology.curate.agreement import Agreement, agreements
from cosmic_morphology.curate.audit import AuditRow, AuditTable, audit
from cosmic_morphology.curate.certificate import Certificate, Leak, certify
from cosmic_morphology.curate.duplicates import DuplicateSummary, find_duplicates
from cosmic_morphology.curate.explain import Explanation, explain_label
from cosmic_morphology.curate.grouping import GroupSummary, group_pictures
from cosmic_morphology.curate.labels import LabelSummary, label
from cosmic_morphology.curate.mislabels import check_mislabels
from cosmic_morphology.curate.queue import QueueItem, review_queue
from cosmic_morphology.curate.relevance import CheckSummary, check_relevance
from cosmic_morphology.curate.review import ReviewSummary, import_verdicts
from cosmic_morphology.curate.split import SplitSummary, split_pictures
from cosmic_morphology.curate.split_assign import folds
from cosmic_morphology.curate.terminal import Reviewed, keys_of
from cosmic_morphology.curate.terminal import review as review_in_terminal
from cosmic_morphology.curate.trained import (
    TrainedSummary,
    TrainedVoter,
    ask_runs,
    check_runs,
    voter_of,
)
from cosmic_morphology.curate.votes import VoteSummary, labels_of_voter, vote
from cosmic_morphology.curate.zero_shot import ZeroShotSummary, ask_zero_shot

__all__ = [
    "Agreement",
    "AuditRow",
    "AuditTable",
    "Certificate",
    "CheckSummary",
    "DuplicateSummary",
    "Explanation",
    "GroupSummary",
    "LabelSummary",
    "Leak",
    "QueueItem",
    "ReviewSummary",
    "Reviewed",
    "SplitSummary",
    "TrainedSummary",
    "TrainedVoter",
    "VoteSummary",
    "ZeroShotSummary",
    "agreements",
    "ask_runs",
    "ask_zero_shot",
    "audit",
    "certify",
    "check_mislabels",
    "check_relevance",
    "check_runs",
    "explain_label",
    "find_duplicates",
    "folds",
    "group_pictures",
    "import_verdicts",
    "keys_of",
    "label",
    "labels_of_voter",
    "review_in_terminal",
    "review_queue",
    "split_pictures",
    "vote",
    "voter_of",
]
