"""A harvest by the workers of a cluster: each takes a query, and all share one pace for each host.

The slices of a query are read in their order by one worker, since the last ones hold what the
others did not. Workers write by themselves: every write is by key, so that what a worker that died
had written is found by the one that does its query again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import pyarrow as pa

from cosmic_morphology.atlas import Atlas, Record, withdraw
from cosmic_morphology.collect.harvest.addresses import Addresses
from cosmic_morphology.collect.harvest.claims import OwnClaims, SharedClaims
from cosmic_morphology.collect.harvest.completeness import STORED, CompletenessCounter
from cosmic_morphology.collect.harvest.items import FetchState
from cosmic_morphology.collect.harvest.ledger import placeholder_files
from cosmic_morphology.collect.harvest.source_health import SAME_BYTES
from cosmic_morphology.collect.harvest.writer import rows_found_again, rows_of_placeholders
from cosmic_morphology.collect.http.shared_pace import NAME, SharedPace, SharedPaces
from cosmic_morphology.collect.one_harvest import (
    Harvested,
    HarvestOrder,
    Sharing,
    harvest,
    run_async,
    seen_before,
)
from cosmic_morphology.collect.sources.base import Source
from cosmic_morphology.engine import Call, Engine, address_everywhere, run_calls
from cosmic_morphology.io_utils import Progress

STAGE = "collect"
_TOLD = pa.schema([("what", pa.string()), ("key", pa.string()), ("value", pa.string())])
_SLICE, _STATE, _RECORD, _TOTALS = "slice", "state", "record", "totals"


def harvest_on_cluster(
    atlas: Atlas,
    order: HarvestOrder,
    source: Source,
    *,
    engine: Engine,
    progress: Progress | None = None,
) -> Harvested:
    """Harvest a source with all workers of a cluster.

    Parameters
    ----------
    atlas : Atlas
        In a place that all machines reach.
    order : HarvestOrder
        What is asked for. With a limit one worker does all, since its queries share the limit.
    source : Source
        As the order makes it.
    engine : Engine
        With its cluster.
    progress : callable, optional
        Called with records handled and records announced, when a query is done.

    Raises
    ------
    EngineError
        The cluster does not answer, or workers die over one query again and again.
    SourceError
        The source answers in a way that cannot be trusted; what came before is stored.
    """
    from cosmic_morphology.engine.cluster.actors import make_actor

    hashes, _ = seen_before(atlas, source.name)
    before = {record_id for _, record_id in hashes}
    shares = _shares(order, source)
    with engine.open(STAGE) as executor:
        workers = min(executor.slots(), len(shares))
    # Kept in hand: actors end with those who know them.
    claims_name = f"claims {uuid.uuid4().hex}"
    kept = (
        make_actor(engine.ray, SharedPaces, NAME, outlives=True),
        make_actor(engine.ray, OwnClaims, claims_name),
    )
    # Open requests of a host are shared out, too.
    open_each = max(1, order.settings.concurrency // workers)
    manners = order.settings.model_copy(update={"concurrency": open_each})
    place = address_everywhere(atlas), dict(atlas.store.storage_options or {})
    calls = (
        Call(harvest_share, (*place, replace(each, settings=manners), claims_name), _TOLD)
        for each in shares
    )
    done = Harvested(CompletenessCounter(source.name))
    try:
        for told in run_calls(engine, STAGE, calls, in_order=False):
            _take_in(done, told)
            if progress:
                progress(done.counter.seen, max(done.counter.announced, done.counter.seen))
    finally:
        atlas.see_others()
        # Also where another query fails: what these have said of its images is good.
        _keep_said(atlas, done.left_to_others, Addresses(order.job.root))
    del kept
    done.counter.sort(source.queries)
    states = done.counter.states()
    stored = {key for key, state in states.items() if state == STORED}
    there = _take_back_placeholders(atlas, source.name, stored - before, done.placeholders)
    # One worker may have found there what another one has taken back since.
    for each in stored - there:
        done.counter.resolve(each, FetchState.PLACEHOLDER.value)
    done.stored = len(stored & there - before)
    return done


def harvest_share(
    uri: str, storage_options: dict[str, str], order: HarvestOrder, claims_name: str
) -> pa.Table:
    """Harvest some queries, in a worker of a cluster; what was found, as rows of text."""
    from cosmic_morphology.engine.cluster.actors import find_actor

    atlas = Atlas.open(uri, storage_options=storage_options or None)
    source = order.source()
    sharing = Sharing(
        name="|".join(source.queries),
        pace_of=partial(SharedPace, find_actor(NAME)),
        claims=SharedClaims(find_actor(claims_name)),
    )
    return _told(run_async(partial(harvest, atlas, order, source, sharing=sharing)))


def _shares(order: HarvestOrder, source: Source) -> list[HarvestOrder]:
    """The order, query by query where each can be asked for alone."""
    if order.job.limit is not None or len(source.queries) < 2:
        return [order]
    shares = [
        replace(order, job=order.job.model_copy(update={"queries": (query,)}))
        for query in source.queries
    ]
    alone = all(
        each.source().queries == (query,)
        for each, query in zip(shares, source.queries, strict=True)
    )
    return shares if alone else [order]


def _told(done: Harvested) -> pa.Table:
    rows = [(_SLICE, each["name"], json.dumps(each)) for each in done.counter.slices()]
    others = done.left_to_others
    rows += [
        (_STATE, key, state) for key, state in done.counter.states().items() if key not in others
    ]
    rows += [(_RECORD, key, record.to_json()) for key, record in others.items()]
    found = {"proxies": sorted(done.proxies), "placeholders": sorted(done.placeholders)}
    rows.append((_TOTALS, "", json.dumps({"bytes": done.bytes, **found})))
    return pa.Table.from_arrays([pa.array(each) for each in zip(*rows, strict=True)], schema=_TOLD)


def _take_in(done: Harvested, told: pa.Table) -> None:
    def of(what: str) -> Iterator[tuple[str, str]]:
        return ((row["key"], row["value"]) for row in rows if row["what"] == what)

    rows = told.to_pylist()
    done.counter.absorb([json.loads(value) for _, value in of(_SLICE)], dict(of(_STATE)))
    for key, value in of(_RECORD):
        record, before = Record.from_json(value), done.left_to_others.get(key)
        queries = {*record.queries, *(before.queries if before else ())}
        done.left_to_others[key] = replace(record, queries=tuple(sorted(queries)))
    for _, value in of(_TOTALS):
        totals = json.loads(value)
        done.bytes += totals["bytes"]
        done.proxies |= set(totals["proxies"])
        done.placeholders |= set(totals["placeholders"])


def _keep_said(atlas: Atlas, said: Mapping[str, Record], addresses: Addresses) -> None:
    """Write what queries have said of images that another one was to fetch, or tried to."""
    records = [addresses.kept_record(record) for _, record in sorted(said.items())]
    if again := rows_found_again(atlas, atlas.refresh_records(records), {}):
        atlas.upsert_ledger(list(again.values()))


def _take_back_placeholders(atlas: Atlas, source: str, new: set[str], files: set[str]) -> set[str]:
    """Take back files that came too often in all queries together, or in another one of them.

    Returns
    -------
    set of str
        Ids of the source's images that stay.
    """
    ids: dict[str, set[str]] = {}
    # Who found a placeholder and died cannot tell of it; the ledger does.
    files = files | placeholder_files(atlas, source)
    for sha256, record_id in seen_before(atlas, source)[0]:
        ids.setdefault(sha256, set()).add(record_id)
    placeholders: set[str] = set()
    for sha256, same in ids.items():
        if (len(same) >= SAME_BYTES or sha256 in files) and same & new:
            placeholders |= same
    if placeholders:
        atlas.upsert_ledger(list(rows_of_placeholders(atlas, placeholders).values()))
        # After the ledger: what a kill leaves here is found by the next run's beginning.
        withdraw(atlas, placeholders)
    return set().union(*ids.values()) - placeholders
