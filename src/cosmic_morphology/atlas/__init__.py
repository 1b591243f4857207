"""The atlas: versioned Lance tables, the only place where data lives."""

from cosmic_morphology.atlas.arrivals import Arrival
from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.decisions import (
    VERDICTS,
    Decision,
    all_decisions,
    checked_labels,
    latest_decisions,
)
from cosmic_morphology.atlas.engine import Applied, Progress, apply
from cosmic_morphology.atlas.records import Record
from cosmic_morphology.atlas.schema import (
    BELIEVED,
    SCHEMA_VERSION,
    TABLES,
    VOTE_TYPE,
    believed_field,
)
from cosmic_morphology.atlas.stamps import Stamp, fingerprint
from cosmic_morphology.atlas.versions import AtlasVersion, Commit

__all__ = [
    "BELIEVED",
    "SCHEMA_VERSION",
    "TABLES",
    "VERDICTS",
    "VOTE_TYPE",
    "Applied",
    "Arrival",
    "Atlas",
    "AtlasVersion",
    "Commit",
    "Decision",
    "Progress",
    "Record",
    "Stamp",
    "all_decisions",
    "apply",
    "believed_field",
    "checked_labels",
    "fingerprint",
    "latest_decisions",
]
