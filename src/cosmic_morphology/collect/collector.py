"""``collect``: everything that a job asks for, politely, and with proof."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, TypeVar

from cosmic_morphology.atlas import Atlas, withdraw
from cosmic_morphology.collect.harvest.addresses import Addresses
from cosmic_morphology.collect.harvest.completeness import STORED, SliceCompleteness
from cosmic_morphology.collect.harvest.harvest import Harvest
from cosmic_morphology.collect.harvest.items import FetchState
from cosmic_morphology.collect.harvest.other_address import SourceAtOtherAddress
from cosmic_morphology.collect.harvest.reader import Reader
from cosmic_morphology.collect.harvest.source_health import PlaceholderDetector, SourceHealthCheck
from cosmic_morphology.collect.harvest.writer import Writer
from cosmic_morphology.collect.http.client import Client
from cosmic_morphology.collect.http.url_policy import UrlPolicy, origin_of_root
from cosmic_morphology.collect.sources import find_source
from cosmic_morphology.collect.sources.base import Source, SourceRequest, declared_rates
from cosmic_morphology.display import Tabular, facts_of
from cosmic_morphology.errors import AtlasFullError, CosmicError, UsageError
from cosmic_morphology.imaging import ImageLimits
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CollectJob, CollectSettings
from cosmic_morphology.suggest import suggest_names
from cosmic_morphology.taxonomy import Taxonomy

DEFAULT_LIMITS = ImageLimits()
_SIDES_READ = 20_000
_SWITCH_S = 0.0005
_STATES = frozenset(state.value for state in FetchState)

T = TypeVar("T")


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
        Whether every slice adds up and nothing waits for another run.
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
    retried = _checked(retry or set())
    source = find_source(SourceRequest(job, taxonomy, since, settings.contact))
    if job.root:
        origin_of_root(job.root)
        source = SourceAtOtherAddress(source, job)

    async def harvest() -> CollectResult:
        return await _harvest(
            atlas,
            source,
            settings,
            job,
            limits=limits,
            progress=progress,
            retry=retried,
            revalidate=revalidate,
        )

    return _run(harvest)


async def _harvest(
    atlas: Atlas,
    source: Source,
    settings: CollectSettings,
    job: CollectJob,
    *,
    limits: ImageLimits,
    progress: Progress | None,
    retry: set[str],
    revalidate: bool,
) -> CollectResult:
    started = time.monotonic()
    url_policy, addresses = UrlPolicy(source.hosts, job.root), Addresses(job.root)
    async with Client(settings, url_policy, declared_rates(source)) as client:
        reader = Reader(
            atlas,
            source,
            client,
            retry=retry,
            limit=job.limit,
            revalidate=revalidate,
            addresses=addresses,
        )
        if left := reader.known.withdrawn_but_stored():
            withdraw(atlas, left)
            reader.known.stored -= left
        hashes, sides_px = _seen_before(atlas, source.name)
        earlier = {record_id for _, record_id in hashes}
        writer = Writer(
            atlas,
            reader.counter,
            # Another rendition or size on purpose is no change of the source.
            health=SourceHealthCheck(source.name, () if job.options else sides_px)
            if settings.stop_on_source_change
            else None,
            repeats=PlaceholderDetector(hashes),
            commit_rows=settings.commit_rows,
            addresses=addresses,
        )
        check_image = getattr(source, "check_image", None)
        run = Harvest(
            client, reader, writer, limits=limits, check_image=check_image, progress=progress
        )
        try:
            await run.run()
        except AtlasFullError:
            raise
        except (CosmicError, asyncio.CancelledError):
            # Ctrl-C, or an archive that cannot be trusted: what is in hand is good and is kept.
            run.finish()
            raise
        run.finish()
        writer.write_reports()
    summary = _summary(source.name, reader, writer, earlier, time.monotonic() - started)
    return replace(summary, proxy=", ".join(sorted(client.proxies.used)))


def _summary(
    source: str, reader: Reader, writer: Writer, earlier: set[str], seconds: float
) -> CollectResult:
    # Images that turned out to be placeholders count as that, not as what they were before.
    of_before = {each for each in writer.withdrawn & earlier if reader.counter.has_met(each)}
    ends = reader.counter.outcomes()
    ends.pop(STORED, None)
    reports = tuple(reader.counter.reports())
    failed = {state: n for state, n in sorted(ends.items()) if state in _STATES}
    waiting = failed.get(FetchState.FAILED.value, 0) + failed.get(FetchState.PENDING.value, 0)
    return CollectResult(
        source=source,
        found=reader.counter.seen,
        unique=reader.counter.unique,
        stored=writer.stored - len(writer.withdrawn - earlier),
        already_there=reader.already_there - len(of_before),
        failed=failed,
        left_out={why: n for why, n in sorted(ends.items()) if why not in _STATES},
        complete=all(report.is_complete for report in reports) and not waiting,
        uncounted=sum(report.announced is None for report in reports),
        certificate=reports,
        bytes=writer.bytes,
        seconds=round(seconds, 3),
    )


def _seen_before(atlas: Atlas, source: str) -> tuple[list[tuple[str, str]], list[int]]:
    """Hashes with ids, and longest sides in px, of the source's images that are stored."""
    where = f"starts_with(id, '{source}:')"
    rows = atlas.read(["id", "sha256", "width", "height"], where=where, table="images")
    widths, heights = rows.column("width").to_pylist(), rows.column("height").to_pylist()
    sides_px = [max(w, h) for w, h in zip(widths, heights, strict=True)]
    hashes = zip(rows.column("sha256").to_pylist(), rows.column("id").to_pylist(), strict=True)
    return list(hashes), sides_px[-_SIDES_READ:]


def _checked(retry: set[str]) -> set[str]:
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


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end from ordinary code, and from a notebook whose event loop is running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _in_new_loop(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_in_new_loop, work).result()


def _in_new_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    before_s = sys.getswitchinterval()
    # Threads that decode hold the interpreter for up to this long each time the loop wants it.
    sys.setswitchinterval(_SWITCH_S)
    try:
        with asyncio.Runner(loop_factory=_fast_loop()) as runner:
            return runner.run(work())
    finally:
        sys.setswitchinterval(before_s)


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:  # there is none for Windows
        return None
    return new_event_loop
