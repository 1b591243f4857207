"""One module for each place that records come from."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from cosmic_morphology.collect.sources.base import Source, SourceRequest
from cosmic_morphology.collect.sources.plugged import PluggedIn
from cosmic_morphology.errors import UsageError
from cosmic_morphology.suggest import suggest_names

GROUP = "cosmic_morphology.sources"
"""The entry point group of plug-ins: a name and a callable that takes a :class:`SourceRequest`."""

BUILT_IN = {
    "nasa": ("nasa.source", "Nasa"),
    "apod": ("apod", "Apod"),
    "djangoplicity": ("djangoplicity", "Djangoplicity"),
    "commons": ("commons", "Commons"),
    "cutouts": ("cutouts", "Cutouts"),
}


def source_names() -> list[str]:
    """Names of all sources, built in and plugged in.

    Examples
    --------
    >>> [name for name in source_names() if name in ("nasa", "apod", "commons")]
    ['apod', 'commons', 'nasa']
    """
    return sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


def find_source(wanted: SourceRequest) -> Source:
    """The source that a job names, ready to be read.

    Raises
    ------
    UsageError
        There is no such source, or the job makes no sense to it.
    SourceError
        A plug-in cannot be loaded or is not a source.

    Examples
    --------
    >>> from cosmic_morphology.settings import CollectJob
    >>> find_source(SourceRequest(CollectJob(type="nasa"), taxonomy)).name
    'nasa'
    >>> find_source(SourceRequest(CollectJob(type="nass"), taxonomy))
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.UsageError: nass: there is no source 'nass'. Did you mean 'nasa'?...
    """
    name = wanted.job.type
    if name in BUILT_IN:
        module, cls = BUILT_IN[name]
        made = getattr(import_module(f"{__name__}.{module}"), cls)(wanted)
        return cast("Source", made)
    points = entry_points(group=GROUP, name=name)
    if not points:
        raise UsageError(
            f"there is no source {name!r}", todo=suggest_names(name, source_names()), where=name
        )
    return PluggedIn(next(iter(points)), wanted)
