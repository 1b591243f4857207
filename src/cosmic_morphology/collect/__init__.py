"""Records and pictures from archives and folders, into the atlas."""

from __future__ import annotations

from cosmic_morphology.collect.collecting import CollectSummary, collect
from cosmic_morphology.collect.overview import Status, status
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
from cosmic_morphology.collect.states import FetchState, Trouble
from cosmic_morphology.collect.tally import SliceReport
from cosmic_morphology.collect.tally import read_reports as certificate

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
