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
from cosmic_morphology.atlas.export import Exported, export
from cosmic_morphology.atlas.provenance import Stamp, fingerprint
from cosmic_morphology.atlas.record import Arrival, Record
from cosmic_morphology.atlas.schema import (
    BELIEVED,
    SCHEMA_VERSION,
    TABLES,
    VOTE_TYPE,
    believed_field,
)
from cosmic_morphology.atlas.verification.problems import Problem
from cosmic_morphology.atlas.verification.verify import Verification, verify, withdraw
from cosmic_morphology.atlas.versions import AtlasVersion, Commit

__all__ = [
    "BELIEVED",
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
    "Exported",
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
    "export",
    "fingerprint",
    "is_rendered",
    "labels_by_construction",
    "latest_decisions",
    "may_be_redistributed",
    "shown_texts",
    "verify",
    "withdraw",
]
