"""Slices to records to bytes to rows: bounded streams, so that memory does not grow."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.harvest.addresses import ledger_url
from cosmic_morphology.collect.harvest.items import (
    FetchFailedError,
    FetchResult,
    FetchState,
    PendingFetch,
)
from cosmic_morphology.collect.harvest.reader import Reader
from cosmic_morphology.collect.harvest.writer import Writer
from cosmic_morphology.collect.http.client import Client
from cosmic_morphology.collect.http.retries import with_retries
from cosmic_morphology.errors import CosmicError, ImageError, SourceError
from cosmic_morphology.imaging import DecodePool, ImageLimits, RejectionKind
from cosmic_morphology.io_utils import Progress

# Items that may wait for another try while others go on; waiting costs nothing but its record.
_FETCHERS_PER_REQUEST = 16
_MAX_FETCHERS = 512
_TO_FETCH = 256
_TO_WRITE = 128
# Bodies in memory for each open request: one coming, some being decoded or written.
_BODIES_PER_REQUEST = 3

# An edge server's page or half a file may be a hiccup; it is asked for once or twice more.
_SUSPECT_TRIES = 3
_SUSPECT = frozenset(
    {
        RejectionKind.EMPTY,
        RejectionKind.NOT_AN_IMAGE,
        RejectionKind.TRUNCATED,
        RejectionKind.CORRUPT,
    }
)
_TOO_LARGE = frozenset({RejectionKind.TOO_LARGE, RejectionKind.TOO_MANY_PIXELS})


class Harvest:
    """One reader, many fetchers, one writer, with bounded queues between them.

    Parameters
    ----------
    client : Client
        How images are fetched.
    reader : Reader
        What there is.
    writer : Writer
        Where it goes.
    limits : ImageLimits
        What may come in.
    check_image : callable, optional
        The source's own look at an image: a word for what is wrong with it, or nothing.
    progress : callable, optional
        Called with records handled and records announced so far.
    """

    def __init__(
        self,
        client: Client,
        reader: Reader,
        writer: Writer,
        *,
        limits: ImageLimits,
        check_image: Any = None,
        progress: Progress | None = None,
    ) -> None:
        self._client = client
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._check_image = check_image
        self._progress = progress
        self._done = 0
        self._flying: dict[str, PendingFetch] = {}
        self._stopped_by: CosmicError | None = None
        settings = client.settings
        self._fetchers = min(_MAX_FETCHERS, _FETCHERS_PER_REQUEST * settings.concurrency)
        self._to_fetch: asyncio.Queue[PendingFetch | None] = asyncio.Queue(_TO_FETCH)
        self._to_write: asyncio.Queue[PendingFetch | FetchResult | Record | None] = asyncio.Queue(
            _TO_WRITE
        )
        self._bodies = asyncio.Semaphore(_BODIES_PER_REQUEST * settings.concurrency)

    async def run(self) -> None:
        """Harvest to the end, or until something stops it; what was found is kept.

        Raises
        ------
        SourceError
            The source cannot be trusted; what came before is written.
        CosmicError
            The atlas cannot be written.
        """
        decoders = DecodePool(self._client.settings.decode_workers, self._limits)
        scribe = ThreadPoolExecutor(1, "commit")
        try:
            with decoders:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._read_and_fetch(decoders))
                    group.create_task(self._write(scribe))
        except BaseExceptionGroup as many:
            # The first failure ends the others; it is the one that the person should see.
            raise _first(many) from None
        finally:
            scribe.shutdown(wait=True)
        if self._stopped_by is not None:
            raise self._stopped_by

    def finish(self) -> None:
        """Write what is still in hand: after a run, and after Ctrl-C."""
        self._writer.commit(self._writer.take(), last=True)

    async def _read_and_fetch(self, decoders: DecodePool) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._fetchers):
                group.create_task(self._fetch_all(decoders))
            await self._read(decoders)
            for _ in range(self._fetchers):
                await self._to_fetch.put(None)
        await self._to_write.put(None)

    async def _read(self, decoders: DecodePool) -> None:
        try:
            async for step in self._reader.read():
                if isinstance(step, PendingFetch) and not decoders.started:
                    decoders.expect(self._reader.expected)
                if isinstance(step, Record) and (item := self._flying.get(step.id)):
                    # Found by a second search while the first finding is on its way.
                    item.queries.update(step.queries)
                    continue
                await self._to_write.put(step)
                if isinstance(step, PendingFetch):
                    self._flying[step.record.id] = step
                    await self._to_fetch.put(step)
        except (SourceError, FetchFailedError) as error:
            # What is on its way is fetched and written; then the run ends with this error.
            self._stopped_by = error

    async def _fetch_all(self, decoders: DecodePool) -> None:
        while (item := await self._to_fetch.get()) is not None:
            await self._to_write.put(await self._fetch(item, decoders))

    async def _fetch(self, item: PendingFetch, decoders: DecodePool) -> FetchResult:
        async def once() -> FetchResult:
            async with self._bodies:
                return await self._try(item, decoders)

        try:
            tried = await with_retries(self._client.settings, once)
        except FetchFailedError as trouble:
            state = FetchState.STORED if item.revalidate else trouble.state
            return FetchResult(
                item,
                state,
                f"revalidate_{trouble.kind}" if item.revalidate else trouble.kind,
                str(trouble),
                trouble.tried,
                status_code=trouble.status_code,
                etag=item.etag if item.revalidate else "",
            )
        tried.value.attempts = tried.attempts
        return tried.value

    async def _try(self, item: PendingFetch, decoders: DecodePool) -> FetchResult:
        answer = await self._client.image(
            item.url,
            max_bytes=self._limits.max_bytes,
            etag=item.etag,
            last_modified=item.last_modified,
        )
        outcome = FetchResult(
            item,
            FetchState.STORED,
            status_code=answer.status_code,
            etag=answer.etag,
            last_modified=answer.last_modified,
        )
        if item.revalidate:
            outcome.kind = "unchanged" if answer.unchanged else "changed"
            return outcome
        if answer.unchanged:
            outcome.state = self._reader.known.rows[ledger_url(item.url, item.record.id)].state
            outcome.kind = "unchanged"
            return outcome
        loop = asyncio.get_running_loop()
        try:
            intake = await loop.run_in_executor(
                decoders.threads, decoders.ingest_image, answer.data, item.url
            )
        except ImageError as error:
            raise _as_trouble(error, answer.status_code) from error
        wrong = self._check_image(item.record, intake) if self._check_image is not None else ""
        if wrong:
            outcome.state, outcome.kind = FetchState.PLACEHOLDER, wrong
            outcome.error = f"the source's own check calls it {wrong}"
            return outcome
        outcome.data, outcome.intake = answer.data, intake
        return outcome

    async def _write(self, scribe: ThreadPoolExecutor) -> None:
        """Collect the next batch while the last one is committed: fetching never waits for it."""
        writing: asyncio.Future[None] | None = None
        try:
            while (step := await self._to_write.get()) is not None:
                self._take(step)
                if writing is not None and (writing.done() or self._writer.is_full):
                    await writing
                    writing = None
                if self._writer.is_full:
                    batch = self._writer.take()
                    writing = asyncio.wrap_future(scribe.submit(self._writer.commit, batch))
            if writing is not None:
                await writing
        except CosmicError:
            # What came after a batch that cannot be trusted or written goes with it.
            self._writer.take()
            raise

    def _take(self, step: PendingFetch | FetchResult | Record) -> None:
        self._writer.add(step)
        if isinstance(step, FetchResult):
            self._flying.pop(step.item.record.id, None)
            if step.state is FetchState.STORED:
                self._reader.known.stored.add(step.item.record.id)
        self._report(step)

    def _report(self, step: PendingFetch | FetchResult | Record) -> None:
        if self._progress is not None and not isinstance(step, PendingFetch):
            self._done += 1
            self._progress(self._done, max(self._done, self._reader.counter.announced))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _as_trouble(error: ImageError, status_code: int) -> FetchFailedError:
    kind = RejectionKind(error.kind)
    return FetchFailedError(
        FetchState.TOO_LARGE if kind in _TOO_LARGE else FetchState.NOT_AN_IMAGE,
        kind.value,
        error.what,
        where=error.where,
        tries=_SUSPECT_TRIES if kind in _SUSPECT else 1,
        status_code=status_code,
    )
