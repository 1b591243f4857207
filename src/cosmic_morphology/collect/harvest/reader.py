"""The reading half of a harvest: slices to records, and what is to be done with each."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import replace

from cosmic_morphology.atlas import Atlas, Record
from cosmic_morphology.collect.harvest.addresses import Addresses, ledger_url, needs_signature
from cosmic_morphology.collect.harvest.claims import NOBODY, OWN, Claims, OwnClaims
from cosmic_morphology.collect.harvest.completeness import (
    PAGE_FAILED,
    STORED,
    CompletenessCounter,
)
from cosmic_morphology.collect.harvest.items import (
    PAGE_PREFIX,
    FetchFailedError,
    FetchResult,
    FetchState,
    PendingFetch,
)
from cosmic_morphology.collect.harvest.ledger import LedgerState, UrlState
from cosmic_morphology.collect.http.client import Client
from cosmic_morphology.collect.sources.base import (
    CountChanged,
    SkippedRecord,
    SkipReason,
    Slice,
    Source,
)
from cosmic_morphology.collect.sources.checked import checked, checked_slice

SAME_FILE = "same_file"
UNSIGNED = "unsigned"
_UNSIGNED_ERROR = (
    "the address was signed, the atlas keeps no signatures, and no search has shown it again"
)


class Reader:
    """Reads a source and decides what each record needs.

    Parameters
    ----------
    atlas : Atlas
        For what earlier runs have left.
    source : Source
        What is read.
    client : Client
        How it is asked.
    retry : set of str
        States that are taken up again.
    limit : int, optional
        Records with an image, shared out between the queries.
    revalidate : bool
        Whether stored images are asked for again, on condition that they changed.
    addresses : Addresses
        How the atlas keeps addresses.
    claims : Claims, optional
        Shared by readers of other queries; without it this is the only reader.
    name : str
        Of this reader among those.

    Attributes
    ----------
    left_to_others : dict of str to Record
        Images that another reader fetches, and what was said of them here.
    """

    def __init__(
        self,
        atlas: Atlas,
        source: Source,
        client: Client,
        *,
        retry: set[str],
        limit: int | None,
        revalidate: bool,
        addresses: Addresses,
        claims: Claims | None = None,
        name: str = OWN,
    ) -> None:
        self.counter = CompletenessCounter(source.name)
        self.known = LedgerState(atlas, source.name, retry, addresses)
        self.already_there = 0
        self._source = source
        self._client = client
        self._limit = limit
        self._revalidate = revalidate
        self._met: set[str] = set()
        self._claims = claims or OwnClaims()
        self._name = name
        self.left_to_others: dict[str, Record] = {}
        self._taken = 0

    @property
    def expected(self) -> int:
        """Images that are announced and not there yet, as far as is known by now."""
        announced = max(0, self.counter.announced - self.already_there)
        return announced if self._limit is None else min(announced, self._limit)

    async def read(self) -> AsyncIterator[PendingFetch | FetchResult | Record]:
        """What there is to do, in the order of the archive.

        A :class:`PendingFetch` is to be fetched, a :class:`FetchResult` is settled without that, a
        :class:`Record` has its image already and may say something new.
        """
        quota, asked = _Quota(self._limit, len(self._source.queries)), ""
        async for given in self._source.slices(self._client):
            part = checked_slice(given, self._source.name)
            if part.query != asked:
                asked = part.query
                quota.next_query(self._taken)
            self.counter.open(part)
            if quota.is_used(self._taken):
                self.counter.truncate(part, "limit")
                continue
            try:
                async for step in self._slice(part, quota):
                    yield step
            except FetchFailedError as trouble:
                # One page that cannot be had does not end the harvest: the certificate names it.
                if part.announced is None:
                    raise
                self.counter.truncate(part, PAGE_FAILED)
                yield _page_outcome(self._source.name, part, trouble)
        if self._limit is None:
            async for step in self._left_over():
                yield step

    async def _left_over(self) -> AsyncIterator[PendingFetch | FetchResult]:
        """What earlier runs did not finish and no search of this one has shown."""
        unfinished = self.known.unfinished_not_seen(self._met, self._source.queries)
        for url, name, record in unfinished:
            if self.counter.has_met(record.id):
                continue
            claim = (record.image_url, record.id, record.id, self._name)
            _, whose = await self._claims.claim(*claim)
            if whose in (NOBODY, self._name):
                yield self._left_behind(record, url, name)

    async def _slice(
        self, part: Slice, quota: _Quota
    ) -> AsyncIterator[PendingFetch | FetchResult | Record]:
        async for given in self._source.records(self._client, part):
            found = checked(given, self._source.name)
            if isinstance(found, CountChanged):
                self.counter.recount(part, found.announced)
                continue
            key = _key(self._source.name, found)
            seen_before = self.counter.has_met(key)
            if not self.counter.count(part, key):
                continue
            if isinstance(found, SkippedRecord):
                if not seen_before:
                    self.counter.resolve(key, found.why.value)
                    for outcome in self._left_out(found, key, part):
                        yield outcome
                continue
            step = await self._decide(found, part, seen_before=seen_before)
            if step is not None:
                yield step
            if quota.is_used(self._taken):
                self.counter.truncate(part, "limit")
                return

    async def _decide(
        self, record: Record, part: Slice, *, seen_before: bool
    ) -> PendingFetch | FetchResult | Record | None:
        try:
            url = self._client.url_policy.normalise(record.image_url)
        except FetchFailedError as trouble:
            why = (trouble.state, trouble.kind, str(trouble))
            return None if seen_before else self._without_url(record, part, *why)
        record = replace(record, image_url=url)
        if seen_before:
            return self._said_again(record)
        self._taken += 1
        known = self.known.image_id_of(url) or record.id
        owner, whose = await self._claims.claim(url, record.id, known, self._name)
        is_others = owner == record.id and whose != self._name
        if record.id in self.known.stored:
            return self._stored(record, url, part, is_others=is_others)
        if is_others:
            return self._said_again(record, is_others=True)
        if owner != record.id:
            what = f"its file is that of {owner}"
            return self._without_url(record, part, FetchState.LEFT_OUT, SAME_FILE, what)
        settled = self._is_settled(url, record.id)
        return None if settled else self._item(record, url, part.name)

    def _said_again(self, record: Record, *, is_others: bool = False) -> Record | None:
        """What one more search says of an image: nothing here where another reader fetches it."""
        before = self.left_to_others.get(record.id)
        if before is None and not is_others:
            return record
        queries = {*record.queries, *(before.queries if before else ())}
        self.left_to_others[record.id] = replace(record, queries=tuple(sorted(queries)))
        return None

    def _without_url(
        self, record: Record, part: Slice, state: FetchState, kind: str, what: str
    ) -> FetchResult | None:
        """A record whose address is not to be asked; the ledger knows it by its id."""
        if self._is_settled(record.id, record.id):
            self.counter.resolve(record.id, kind if state is FetchState.LEFT_OUT else state.value)
            return None
        return FetchResult(self._item(record, record.id, part.name), state, kind, what)

    def _is_settled(self, url: str, key: str) -> bool:
        """Whether an earlier run came to an end with a URL; the certificate counts it again."""
        row = self.known.row_of(url, key)
        if row is None or not self.known.is_settled(url, key):
            return False
        self._met.add(ledger_url(url, key))
        self.counter.resolve(key, row.state.value)
        return True

    def _left_behind(self, record: Record, url: str, name: str) -> PendingFetch | FetchResult:
        """What an earlier run did not finish and no search of this one has shown."""
        signed = needs_signature(url)
        item = self._item(record, url if signed else record.image_url, name)
        if record.id in self.known.stored:
            return self._recovered(item, self.known.row_of(item.url, record.id))
        if signed:
            return FetchResult(item, FetchState.FAILED, UNSIGNED, _UNSIGNED_ERROR)
        return item

    def _stored(
        self, record: Record, url: str, part: Slice, *, is_others: bool
    ) -> PendingFetch | FetchResult | Record:
        self.already_there += 1
        self.counter.resolve(record.id, STORED)
        if is_others:
            return record
        row = self.known.row_of(url, record.id)
        if self._revalidate and row is not None and (row.etag or row.last_modified):
            item = self._item(record, url, part.name)
            item.revalidate = True
            return item
        if row is None or row.state is not FetchState.STORED:
            # Killed after the image was stored and before the ledger said so.
            return self._recovered(self._item(record, url, part.name), row)
        return record

    def _recovered(self, item: PendingFetch, row: UrlState | None) -> FetchResult:
        """What the ledger would say, had the run not been killed: the answer was noted before."""
        outcome = FetchResult(item, FetchState.STORED, attempts=0 if item.attempts_before else 1)
        if row is not None:
            outcome.status_code = row.status_code
            outcome.etag, outcome.last_modified = row.etag, row.last_modified
        return outcome

    def _item(self, record: Record, url: str, name: str) -> PendingFetch:
        self._met.add(ledger_url(url, record.id))
        row = self.known.row_of(url, record.id)
        queries = {*record.queries, *self.known.found_by(url, record.id)}
        item = PendingFetch(record, url, name, queries=queries)
        if row is not None:
            item.attempts_before = row.attempts
            there = row.state is FetchState.STORED and record.id in self.known.stored
            if there or row.state is FetchState.PLACEHOLDER:
                item.etag, item.last_modified = row.etag, row.last_modified
        return item

    def _left_out(self, found: SkippedRecord, key: str, part: Slice) -> list[FetchResult]:
        if found.why is SkipReason.BEFORE_SINCE or self.known.is_settled(key, key):
            return []
        item = self._item(Record(self._source.name, found.source_id), key, part.name)
        stands_in = found.why is SkipReason.PLACEHOLDER
        state = FetchState.PLACEHOLDER if stands_in else FetchState.LEFT_OUT
        return [FetchResult(item, state, found.why.value, found.detail)]


class _Quota:
    """Shares a limit out: what one query leaves goes to those after it."""

    def __init__(self, limit: int | None, queries: int) -> None:
        self._limit = limit
        self._queries_left = max(1, queries)
        self._until: float = math.inf

    def next_query(self, taken: int) -> None:
        if self._limit is not None:
            share = math.ceil((self._limit - taken) / max(1, self._queries_left))
            self._until = taken + share
            self._queries_left -= 1

    def is_used(self, taken: int) -> bool:
        return taken >= self._until


def _key(source: str, found: Record | SkippedRecord) -> str:
    return f"{source}:{found.source_id}" if found.source_id else ""


def _page_outcome(source: str, part: Slice, trouble: FetchFailedError) -> FetchResult:
    item = PendingFetch(
        Record(source, f"page of {part.name}"), f"{PAGE_PREFIX}{source}:{part.name}", part.name
    )
    code = trouble.status_code
    return FetchResult(
        item, FetchState.FAILED, trouble.kind, str(trouble), trouble.tried, status_code=code
    )
