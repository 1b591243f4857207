"""The atlas: versioned Lance tables, the only place where data lives."""

from cosmic_morphology.atlas.arrivals import Arrival
from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.credits import (
    Credit,
    credit_ledger,
    is_rendered,
    may_be_redistributed,
    shown_texts,
)
from cosmic_morphology.atlas.decisions import (
    RENDERER,
    VERDICTS,
    Decision,
    all_decisions,
    checked_labels,
    labels_by_construction,
    latest_decisions,
)
from cosmic_morphology.atlas.embeddings import embedding_column_for, embedding_columns
from cosmic_morphology.atlas.engine import Applied, Progress, apply
from cosmic_morphology.atlas.export import (
    FORMATS,
    ExportResult,
    LeakageWords,
    export_images,
    format_of_path,
)
from cosmic_morphology.atlas.problems import Problem
from cosmic_morphology.atlas.records import Record
from cosmic_morphology.atlas.schema import (
    BELIEVED,
    SCHEMA_VERSION,
    TABLES,
    VOTE_TYPE,
    believed_field,
)
from cosmic_morphology.atlas.stamps import Stamp, fingerprint
from cosmic_morphology.atlas.verify import Verification, verify
from cosmic_morphology.atlas.versions import AtlasVersion, Commit
from cosmic_morphology.atlas.withdrawing import withdraw

__all__ = [
    "BELIEVED",
    "FORMATS",
    "RENDERER",
    "SCHEMA_VERSION",
    "TABLES",
    "VERDICTS",
    "VOTE_TYPE",
    "Applied",
    "Arrival",
    "Atlas",
    "AtlasVersion",
    "Commit",
    "Credit",
    "Decision",
    "ExportResult",
    "LeakageWords",
    "Problem",
    "Progress",
    "Record",
    "Stamp",
    "Verification",
    "all_decisions",
    "apply",
    "believed_field",
    "checked_labels",
    "credit_ledger",
    "embedding_column_for",
    "embedding_columns",
    "export_images",
    "fingerprint",
    "format_of_path",
    "is_rendered",
    "labels_by_construction",
    "latest_decisions",
    "may_be_redistributed",
    "shown_texts",
    "verify",
    "withdraw",
]
