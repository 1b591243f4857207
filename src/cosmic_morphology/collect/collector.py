"""``collect``: everything that a job asks for, politely, and with proof."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect.harvest.completeness import STORED, SliceCompleteness
from cosmic_morphology.collect.harvest.items import FetchState
from cosmic_morphology.collect.harvest.writer import write_reports
from cosmic_morphology.collect.http.url_policy import is_loopback
from cosmic_morphology.collect.one_harvest import Harvested, HarvestOrder, harvest, run_async
from cosmic_morphology.display import Tabular, facts_of
from cosmic_morphology.engine import Engine
from cosmic_morphology.errors import UsageError
from cosmic_morphology.imaging import ImageLimits
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CollectJob, CollectSettings, Settings
from cosmic_morphology.suggest import suggest_names
from cosmic_morphology.taxonomy import Taxonomy, load_taxonomy

DEFAULT_LIMITS = ImageLimits()
_STATES = frozenset(state.value for state in FetchState)


@dataclass(frozen=True, repr=False)
class CollectResult(Tabular):
    """What a harvest did; ``unique`` is the sum of stored, already there, failed and left out.

    Attributes
    ----------
    source : str
        The archive.
    found : int
        Records that its searches have shown, repeats included.
    unique : int
        Different images among them.
    stored : int
        Images that are new in the atlas.
    already_there : int
        Images that an earlier run had stored.
    failed : dict of str to int
        Images that could not be had, by the state of their URL.
    left_out : dict of str to int
        Records without an image to fetch, by reason.
    complete : bool
        Whether every slice adds up, every page was had, and nothing waits for another run.
    uncounted : int
        Slices for which the archive announces no count: that nothing is missing from them is
        not proven, however complete the run is.
    certificate : tuple of SliceCompleteness
        The account of each slice.
    bytes : int
        Of the images stored.
    seconds : float
        Wall time.
    proxy : str
        The proxy that was connected to, if any: behind it hosts were checked by their names,
        their addresses could not be.
    """

    source: str
    found: int
    unique: int
    stored: int
    already_there: int
    failed: dict[str, int]
    left_out: dict[str, int]
    complete: bool
    uncounted: int
    certificate: tuple[SliceCompleteness, ...]
    bytes: int
    seconds: float
    proxy: str = ""

    def _shown_facts(self) -> Iterable[tuple[str, Any]]:
        return facts_of(self, without="certificate")

    def rows(self) -> list[dict[str, Any]]:
        """One row for each slice of the archive, as the certificate has it."""
        return [asdict(each) for each in self.certificate]


class HowCollected(TypedDict, total=False):
    """What a person may ask for beside a job."""

    progress: Progress | None
    retry: set[str] | None
    since: date | None
    revalidate: bool


def collect_images(
    atlas: Atlas,
    job: CollectJob,
    settings: CollectSettings,
    taxonomy: Taxonomy,
    *,
    limits: ImageLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
    retry: set[str] | None = None,
    since: date | None = None,
    revalidate: bool = False,
    engine: Engine | None = None,
) -> CollectResult:
    """Fetch images and records of one source into an atlas; a rerun fetches what is missing.

    Parameters
    ----------
    atlas : Atlas
        Where they go. What is stored is never fetched again.
    job : CollectJob
        Which source, what to ask for, where, how many.
    settings : CollectSettings
        Manners: rates, patience, tries.
    taxonomy : Taxonomy
        Its search words are asked for where the job has no queries.
    limits : ImageLimits
        What may come in.
    progress : callable, optional
        Called with records handled and records announced so far.
    retry : set of str, optional
        States of the ledger (``refused``, ``gone``, …) or kinds of errors to take up again.
        Pending and failed URLs always are.
    since : datetime.date, optional
        Only records of this day or later, by the date that the source has.
    revalidate : bool
        Ask again, with conditional requests, whether stored images are still there unchanged;
        the ledger notes it, the stored bytes stay.
    engine : Engine, optional
        With ``ray``, the workers of a cluster share out the queries; each host is asked at one
        pace, however many they are. Else all is done in this process.

    Returns
    -------
    CollectResult
        What was found, stored and left out, with the certificate of completeness.

    Raises
    ------
    UsageError
        There is no such source or state, or the job makes no sense to the source.
    SourceError
        The source answers in a way that cannot be trusted; what came before is stored.
    AtlasFullError
        The disk is full; what was committed stands.

    Examples
    --------
    >>> from cosmic_morphology.replica import ArchiveCatalogue
    >>> from cosmic_morphology.settings import CollectJob, CollectSettings
    >>> new = cosmic.Atlas.create("new")
    >>> with cosmic.Replica(ArchiveCatalogue.from_catalogue(images, catalogue)) as replica:
    ...     job = CollectJob(type="nasa", root=replica.nasa_url, queries=("galaxy",))
    ...     done = cosmic.collect_images(new, job, CollectSettings(requests_per_s=100), taxonomy)
    >>> done.stored, done.complete
    (8, True)
    >>> sorted(new.read(["title"]).column("title").to_pylist())[:2]
    ['PIA10001', 'PIA10002']
    """
    started = time.monotonic()
    retried = frozenset(check_retry(retry or ()))
    order = HarvestOrder(job, settings, taxonomy, limits, retried, since, revalidate)
    source = order.source()
    if engine is not None and _is_for_cluster(engine, job):
        from cosmic_morphology.collect.distributed_collect import harvest_on_cluster

        done = harvest_on_cluster(atlas, order, source, engine=engine, progress=progress)
    else:
        done = run_async(partial(harvest, atlas, order, source, progress=progress))
    write_reports(atlas, done.counter)
    return _summary(source.name, done, time.monotonic() - started)


def collect_by_settings(
    atlas: Atlas,
    job: CollectJob,
    settings: Settings,
    *,
    taxonomy: Taxonomy | None = None,
    **how: Unpack[HowCollected],
) -> CollectResult:
    """Collect with the manners, limits, engine and taxonomy of some settings.

    Parameters
    ----------
    atlas : Atlas
        Where images and records go.
    job : CollectJob
        Which source, what to ask for, where, how many.
    settings : Settings
        ``collect``, ``imaging``, ``taxonomy`` and the engine are read.
    taxonomy : Taxonomy, optional
        Instead of that of the settings.
    **how
        ``progress``, ``retry``, ``since`` and ``revalidate``, as :func:`collect_images` has them.
    """
    return collect_images(
        atlas,
        job,
        settings.collect,
        taxonomy or load_taxonomy(settings.taxonomy),
        limits=ImageLimits(**settings.imaging.model_dump()),
        engine=Engine.of(settings),
        **how,
    )


def _is_for_cluster(engine: Engine, job: CollectJob) -> bool:
    """Whether workers can do it: those of other machines do not reach a server on this one."""
    is_here = is_loopback(urlsplit(job.root).netloc.rpartition("@")[2])
    return engine.kind == "ray" and not (is_here and engine.ray.address)


def _summary(source: str, done: Harvested, seconds: float) -> CollectResult:
    ends = done.counter.outcomes()
    stored = ends.pop(STORED, 0)
    reports = tuple(done.counter.reports())
    failed = {state: n for state, n in sorted(ends.items()) if state in _STATES}
    waiting = failed.get(FetchState.FAILED.value, 0) + failed.get(FetchState.PENDING.value, 0)
    return CollectResult(
        source=source,
        found=done.counter.seen,
        unique=done.counter.unique,
        stored=done.stored,
        already_there=stored - done.stored,
        failed=failed,
        left_out={why: n for why, n in sorted(ends.items()) if why not in _STATES},
        complete=all(each.is_complete and not each.not_read for each in reports) and not waiting,
        uncounted=sum(report.announced is None for report in reports),
        certificate=reports,
        bytes=done.bytes,
        seconds=round(seconds, 3),
        proxy=", ".join(sorted(done.proxies)),
    )


def check_retry(retry: Iterable[str]) -> Iterable[str]:
    """States of the ledger and kinds of errors, as given, where there are such.

    Raises
    ------
    UsageError
        There is no such state.

    Examples
    --------
    >>> check_retry(["gone", "http_500"])
    ['gone', 'http_500']
    """
    from cosmic_morphology.imaging import RejectionKind

    known = _STATES | {kind.value for kind in RejectionKind}
    unknown = sorted(each for each in retry if each not in known and not each.startswith("http_"))
    if unknown:
        raise UsageError(
            f"there is no state {unknown[0]!r}",
            where="--retry",
            todo=suggest_names(unknown[0], sorted(_STATES)),
        )
    return retry
