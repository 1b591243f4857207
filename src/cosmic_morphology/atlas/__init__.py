"""The atlas: versioned Lance tables, the only place where data lives."""

from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.credits import (
    Credit,
    credit_ledger,
    is_rendered,
    may_be_redistributed,
    shown_texts,
)
from cosmic_morphology.atlas.decisions import (
    BEST,
    DIFFERENT,
    PAIR_VERDICTS,
    RENDERER,
    SAME,
    VERDICTS,
    WITHDRAW,
    WITHDRAW_PAIR,
    Decision,
    all_decisions,
    checked_labels,
    labels_by_construction,
    latest_decisions,
    standing_decisions,
    standing_pair_decisions,
)
from cosmic_morphology.atlas.embeddings import (
    embedding_column_for,
    embedding_columns,
    level_columns,
)
from cosmic_morphology.atlas.export import (
    FORMATS,
    ExportResult,
    LeakageWords,
    export_images,
    format_of_path,
)
from cosmic_morphology.atlas.provenance import ColumnProvenance, Fingerprint, content_hash
from cosmic_morphology.atlas.record import Answer, NewImage, Record
from cosmic_morphology.atlas.schema import (
    DERIVED_COLUMNS,
    SCHEMA_VERSION,
    SPLITS,
    TABLES,
    VOTE_TYPE,
    derived_field,
)
from cosmic_morphology.atlas.verification.problems import Problem
from cosmic_morphology.atlas.verification.verify import VerifyResult, verify_atlas, withdraw
from cosmic_morphology.atlas.versions import AtlasVersion, Commit
from cosmic_morphology.io_utils import Progress

__all__ = [
    "BEST",
    "DERIVED_COLUMNS",
    "DIFFERENT",
    "FORMATS",
    "PAIR_VERDICTS",
    "RENDERER",
    "SAME",
    "SCHEMA_VERSION",
    "SPLITS",
    "TABLES",
    "VERDICTS",
    "VOTE_TYPE",
    "WITHDRAW",
    "WITHDRAW_PAIR",
    "Answer",
    "Atlas",
    "AtlasVersion",
    "ColumnProvenance",
    "Commit",
    "Credit",
    "Decision",
    "ExportResult",
    "Fingerprint",
    "LeakageWords",
    "NewImage",
    "Problem",
    "Progress",
    "Record",
    "VerifyResult",
    "all_decisions",
    "checked_labels",
    "content_hash",
    "credit_ledger",
    "derived_field",
    "embedding_column_for",
    "embedding_columns",
    "export_images",
    "format_of_path",
    "is_rendered",
    "labels_by_construction",
    "latest_decisions",
    "level_columns",
    "may_be_redistributed",
    "shown_texts",
    "standing_decisions",
    "standing_pair_decisions",
    "verify_atlas",
    "withdraw",
]
