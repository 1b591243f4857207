"""One harvest of one source, in one process: what there is, what is fetched, what is kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from cosmic_morphology.atlas import Atlas, Record, withdraw
from cosmic_morphology.collect.harvest.addresses import Addresses
from cosmic_morphology.collect.harvest.claims import OWN, Claims
from cosmic_morphology.collect.harvest.completeness import CompletenessCounter
from cosmic_morphology.collect.harvest.harvest import Harvest
from cosmic_morphology.collect.harvest.ledger import placeholder_files
from cosmic_morphology.collect.harvest.other_address import SourceAtOtherAddress
from cosmic_morphology.collect.harvest.reader import Reader
from cosmic_morphology.collect.harvest.source_health import PlaceholderDetector, SourceHealthCheck
from cosmic_morphology.collect.harvest.writer import Writer, rows_of_placeholders
from cosmic_morphology.collect.http.client import Client
from cosmic_morphology.collect.http.pace import Pace
from cosmic_morphology.collect.http.url_policy import UrlPolicy, origin_of_root
from cosmic_morphology.collect.sources import find_source
from cosmic_morphology.collect.sources.base import Source, SourceRequest, declared_rates
from cosmic_morphology.errors import AtlasFullError, CosmicError
from cosmic_morphology.imaging import ImageLimits
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CollectJob, CollectSettings
from cosmic_morphology.taxonomy import Taxonomy

_SIDES_READ = 20_000
_SWITCH_S = 0.0005

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HarvestOrder:
    """What is asked for, and how.

    Attributes
    ----------
    job : CollectJob
        Which source, what to ask for, where, how many.
    settings : CollectSettings
        Manners: rates, patience, tries.
    taxonomy : Taxonomy
        Its search words are asked for where the job has no queries.
    limits : ImageLimits
        What may come in.
    retry : set of str
        States of the ledger that are taken up again.
    since : datetime.date, optional
        Only records of this day or later.
    revalidate : bool
        Whether stored images are asked for again, on condition that they changed.
    """

    job: CollectJob
    settings: CollectSettings
    taxonomy: Taxonomy
    limits: ImageLimits
    retry: frozenset[str] = frozenset()
    since: date | None = None
    revalidate: bool = False

    def source(self) -> Source:
        """The source, ready to be read.

        Raises
        ------
        UsageError
            There is no such source, or the job makes no sense to it.
        """
        asked = SourceRequest(self.job, self.taxonomy, self.since, self.settings.contact)
        source = find_source(asked)
        if self.job.root:
            origin_of_root(self.job.root)
            return SourceAtOtherAddress(source, self.job)
        return source


@dataclass(frozen=True, slots=True)
class Sharing:
    """What harvests of other queries of the same source share with this one.

    Attributes
    ----------
    name : str
        Of this one.
    pace_of : callable
        The pace of a host.
    claims : Claims
        Who fetches what.
    """

    name: str
    pace_of: Callable[[str, float], Pace]
    claims: Claims


@dataclass(slots=True)
class Harvested:
    """What a harvest has found and done.

    Attributes
    ----------
    counter : CompletenessCounter
        What was found, and what became of it.
    stored, bytes : int
        Images that are new in the atlas, and their bytes: what workers had stored that died then is
        not among these.
    proxies : set of str
        Proxies that were connected to.
    placeholders : set of str
        SHA-256 of files that came for so many records that they are the image of none.
    left_to_others : dict of str to Record
        What was said of images that another harvest fetches.
    """

    counter: CompletenessCounter
    stored: int = 0
    bytes: int = 0
    proxies: set[str] = field(default_factory=set)
    placeholders: set[str] = field(default_factory=set)
    left_to_others: dict[str, Record] = field(default_factory=dict)


async def harvest(
    atlas: Atlas,
    order: HarvestOrder,
    source: Source,
    *,
    progress: Progress | None = None,
    sharing: Sharing | None = None,
) -> Harvested:
    """Read a source to its end, and fetch what is missing.

    Raises
    ------
    SourceError
        The source answers in a way that cannot be trusted; what came before is stored.
    AtlasFullError
        The disk is full; what was committed stands.
    """
    settings, job = order.settings, order.job
    url_policy, addresses = UrlPolicy(source.hosts, job.root), Addresses(job.root)
    pace_of = sharing.pace_of if sharing else None
    files = placeholder_files(atlas, source.name)
    _take_back(atlas, source.name, files)
    async with Client(settings, url_policy, declared_rates(source), pace_of) as client:
        reader = Reader(
            atlas,
            source,
            client,
            retry=set(order.retry),
            limit=job.limit,
            revalidate=order.revalidate,
            addresses=addresses,
            claims=sharing.claims if sharing else None,
            name=sharing.name if sharing else OWN,
        )
        if left := reader.known.withdrawn_but_stored():
            withdraw(atlas, left)
            reader.known.stored -= left
        hashes, sides_px = seen_before(atlas, source.name)
        earlier = {record_id for _, record_id in hashes}
        repeats = PlaceholderDetector(hashes, files)
        writer = Writer(
            atlas,
            reader.counter,
            # Another rendition or size on purpose is no change of the source.
            health=SourceHealthCheck(source.name, () if job.options else sides_px)
            if settings.stop_on_source_change
            else None,
            repeats=repeats,
            commit_rows=settings.commit_rows,
            addresses=addresses,
        )
        check_image = getattr(source, "check_image", None)
        run = Harvest(
            client, reader, writer, limits=order.limits, check_image=check_image, progress=progress
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
    return Harvested(
        counter=reader.counter,
        stored=writer.stored - len(writer.withdrawn - earlier),
        bytes=writer.bytes,
        proxies=set(client.proxies.used),
        placeholders=repeats.files,
        left_to_others=reader.left_to_others,
    )


def _take_back(atlas: Atlas, source: str, files: set[str]) -> None:
    """Take back images of known placeholders: who found one may have died before others knew."""
    known = {record_id for sha256, record_id in seen_before(atlas, source)[0] if sha256 in files}
    if known:
        atlas.upsert_ledger(list(rows_of_placeholders(atlas, known).values()))
        withdraw(atlas, known)


def seen_before(atlas: Atlas, source: str) -> tuple[list[tuple[str, str]], list[int]]:
    """Hashes with ids, and longest sides in px, of the source's images that are stored."""
    where = f"starts_with(id, '{source}:')"
    rows = atlas.read(["id", "sha256", "width", "height"], where=where, table="images")
    widths, heights = rows.column("width").to_pylist(), rows.column("height").to_pylist()
    sides_px = [max(w, h) for w, h in zip(widths, heights, strict=True)]
    hashes = zip(rows.column("sha256").to_pylist(), rows.column("id").to_pylist(), strict=True)
    return list(hashes), sides_px[-_SIDES_READ:]


def run_async(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
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
