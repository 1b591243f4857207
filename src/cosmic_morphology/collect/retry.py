"""Harvests that are taken up again, by the settings or by what the atlas remembers of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cosmic_morphology.atlas import Atlas, is_rendered
from cosmic_morphology.atlas.query import page
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.collect.collector import CollectResult, collect_by_settings
from cosmic_morphology.collect.harvest.completeness import read_reports
from cosmic_morphology.collect.harvest.items import UNFINISHED, FetchState
from cosmic_morphology.collect.sources import source_names
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CollectJob, Settings

_SETTLED = {FetchState.STORED, FetchState.LEFT_OUT, *UNFINISHED}
RETRIED = tuple(state.value for state in FetchState if state not in _SETTLED)
"""States that stay as they are unless they are named; what is pending or failed never has to be."""
_REPLICA = "replica"


def jobs_of(atlas: Atlas, source: str, archives: Iterable[CollectJob]) -> tuple[CollectJob, ...]:
    """The jobs that collected from a source, to be done again.

    Parameters
    ----------
    atlas : Atlas
        Its account of each search says what was asked for, where the settings do not.
    source : str
        Name of the source.
    archives : iterable of CollectJob
        Those of the settings; where any is of this source, these are the jobs.

    Raises
    ------
    UsageError
        Nobody knows what was asked for, or it was asked of a replica that only ``cosmic run`` or
        ``cosmic demo`` starts.
    """
    jobs = tuple(job for job in archives if job.type == source)
    if any(job.root == _REPLICA for job in jobs):
        raise UsageError(
            "this source is a replica, which a run starts for itself",
            where=source,
            todo="Run it again: cosmic run --config FILE.",
        )
    if not jobs and _were_rendered(atlas, source):
        raise UsageError(
            "its images were rendered here, and the archive itself would bring others",
            where=source,
            todo="Run again what made this atlas, such as cosmic demo.",
        )
    queries = {each.query for each in read_reports(atlas) if each.source == source}
    if not jobs and (not any(queries) or source not in source_names()):
        raise UsageError(
            "neither the settings nor the atlas say what was asked for",
            where=source,
            todo="Name the source in cosmic.toml ([[sources]]), or run cosmic collect again.",
        )
    return jobs or (CollectJob(type=source, queries=tuple(sorted(filter(None, queries)))),)


def _were_rendered(atlas: Atlas, source: str) -> bool:
    shown = page(atlas, f"source = {sql_literal(source)}", columns=["licence"], limit=1)
    return any(is_rendered(each or "") for each in shown.rows.column("licence").to_pylist())


def retry_source(
    atlas: Atlas,
    source: str,
    *,
    settings: Settings,
    states: Collection[str] = (),
    progress: Progress | None = None,
) -> tuple[CollectResult, ...]:
    """Collect from a source again, as ``cosmic collect --retry`` does: what is missing comes.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    source : str
        Name of the source.
    settings : Settings
        ``sources``, ``collect``, ``imaging`` and ``taxonomy`` are read.
    states : collection of str
        Of :data:`RETRIED`: what is taken up beside what is pending or failed.
    progress : callable, optional
        Called with records handled and records announced so far.

    Returns
    -------
    tuple of CollectResult
        One for each job.

    Raises
    ------
    UsageError
        It is not known what was asked for, or there is no such state.
    SourceError
        The source cannot be reached, or its answers cannot be trusted; what came before is stored.
    """
    return tuple(
        collect_by_settings(atlas, job, settings, retry=set(states), progress=progress)
        for job in jobs_of(atlas, source, settings.archives)
    )
