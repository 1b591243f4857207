"""Curate: votes, labels, checks, people's verdicts, groups and the split."""

from cosmic_morphology.curate.duplicates.find import DuplicateResult, find_duplicates
from cosmic_morphology.curate.groups.group import GroupResult, group_images
from cosmic_morphology.curate.labels.assign import LabelResult, label
from cosmic_morphology.curate.labels.audit import AuditRow, AuditTable, audit_labels
from cosmic_morphology.curate.labels.checks import CheckResult
from cosmic_morphology.curate.labels.explain import Explanation, explain_label
from cosmic_morphology.curate.labels.mislabels import check_mislabels
from cosmic_morphology.curate.labels.phrase_effects import (
    PhraseEffects,
    SampledTexts,
    effects_of,
    sample_texts,
)
from cosmic_morphology.curate.labels.relevance import check_relevance
from cosmic_morphology.curate.new_verdicts import unweighed, weigh_again
from cosmic_morphology.curate.review.import_verdicts import ReviewResult, import_verdicts
from cosmic_morphology.curate.review.pairs import judge_pair, pairs_said
from cosmic_morphology.curate.review.queue import QueueItem, review_queue
from cosmic_morphology.curate.review.sheets import Sheet, review_sheets, sheet_verdicts
from cosmic_morphology.curate.review.terminal import (
    TerminalReviewResult,
    keys_in_words,
    keys_of,
)
from cosmic_morphology.curate.review.terminal import review as review_in_terminal
from cosmic_morphology.curate.review.terminal_sheets import (
    SHEET_LETTERS,
    SheetReviewResult,
    review_sheets_in_terminal,
    sheet_keys_in_words,
)
from cosmic_morphology.curate.review.verdicts import Agreement, agreements, check_kept
from cosmic_morphology.curate.split.assign import folds
from cosmic_morphology.curate.split.leakage import LeakageResult, check_leakage
from cosmic_morphology.curate.split.leaks import Leak
from cosmic_morphology.curate.split.split import SplitResult, split_images
from cosmic_morphology.curate.stages import CURATION, CurateResult, curate_images
from cosmic_morphology.curate.text.phrase_changes import PhraseChange, changed_text, with_changes
from cosmic_morphology.curate.votes.cast import VoteResult, labels_of_voter, vote
from cosmic_morphology.curate.votes.trained_runs import (
    TrainedVoter,
    TrainedVoteResult,
    check_runs,
    predict_with_runs,
    voter_of,
)
from cosmic_morphology.curate.votes.zero_shot import ZeroShotResult, ask_zero_shot

__all__ = [
    "CURATION",
    "SHEET_LETTERS",
    "Agreement",
    "AuditRow",
    "AuditTable",
    "CheckResult",
    "CurateResult",
    "DuplicateResult",
    "Explanation",
    "GroupResult",
    "LabelResult",
    "Leak",
    "LeakageResult",
    "PhraseChange",
    "PhraseEffects",
    "QueueItem",
    "ReviewResult",
    "SampledTexts",
    "Sheet",
    "SheetReviewResult",
    "SplitResult",
    "TerminalReviewResult",
    "TrainedVoteResult",
    "TrainedVoter",
    "VoteResult",
    "ZeroShotResult",
    "agreements",
    "ask_zero_shot",
    "audit_labels",
    "changed_text",
    "check_kept",
    "check_leakage",
    "check_mislabels",
    "check_relevance",
    "check_runs",
    "curate_images",
    "effects_of",
    "explain_label",
    "find_duplicates",
    "folds",
    "group_images",
    "import_verdicts",
    "judge_pair",
    "keys_in_words",
    "keys_of",
    "label",
    "labels_of_voter",
    "pairs_said",
    "predict_with_runs",
    "review_in_terminal",
    "review_queue",
    "review_sheets",
    "review_sheets_in_terminal",
    "sample_texts",
    "sheet_keys_in_words",
    "sheet_verdicts",
    "split_images",
    "unweighed",
    "vote",
    "voter_of",
    "weigh_again",
    "with_changes",
]
