"""Records and images from archives and folders, into the atlas."""

from __future__ import annotations

from cosmic_morphology.collect.collector import (
    CollectResult,
    check_retry,
    collect_by_settings,
    collect_images,
)
from cosmic_morphology.collect.harvest.completeness import SliceCompleteness
from cosmic_morphology.collect.harvest.completeness import read_reports as certificate
from cosmic_morphology.collect.harvest.items import FetchFailedError, FetchState
from cosmic_morphology.collect.retry import RETRIED, jobs_of, retry_source
from cosmic_morphology.collect.sources import find_source, source_names
from cosmic_morphology.collect.sources.base import (
    CountChanged,
    JsonClient,
    SkippedRecord,
    SkipReason,
    Slice,
    Source,
    SourceItem,
    SourceRequest,
)
from cosmic_morphology.collect.status_report import Status, status

__all__ = [
    "RETRIED",
    "CollectResult",
    "CountChanged",
    "FetchFailedError",
    "FetchState",
    "JsonClient",
    "SkipReason",
    "SkippedRecord",
    "Slice",
    "SliceCompleteness",
    "Source",
    "SourceItem",
    "SourceRequest",
    "Status",
    "certificate",
    "check_retry",
    "collect_by_settings",
    "collect_images",
    "find_source",
    "jobs_of",
    "retry_source",
    "source_names",
    "status",
]
