"""Records and pictures from archives and folders, into the atlas."""

from __future__ import annotations

from cosmic_morphology.collect.collector import CollectSummary, collect
from cosmic_morphology.collect.harvest.completeness import SliceReport
from cosmic_morphology.collect.harvest.completeness import read_reports as certificate
from cosmic_morphology.collect.harvest.items import FetchState, Trouble
from cosmic_morphology.collect.sources import find_source, source_names
from cosmic_morphology.collect.sources.base import (
    Ask,
    Found,
    LeftOut,
    Recount,
    Slice,
    Source,
    Wanted,
    Why,
)
from cosmic_morphology.collect.status_report import Status, status

__all__ = [
    "Ask",
    "CollectSummary",
    "FetchState",
    "Found",
    "LeftOut",
    "Recount",
    "Slice",
    "SliceReport",
    "Source",
    "Status",
    "Trouble",
    "Wanted",
    "Why",
    "certificate",
    "collect",
    "find_source",
    "source_names",
    "status",
]
