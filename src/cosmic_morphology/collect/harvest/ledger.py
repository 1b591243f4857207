"""What an atlas knows of a source before a harvest begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.compute as pc

from cosmic_morphology.atlas import Atlas, Record
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.collect.harvest.addresses import Addresses, ledger_url
from cosmic_morphology.collect.harvest.items import PAGE_PREFIX, UNFINISHED, FetchState
from cosmic_morphology.collect.harvest.source_health import SAME_BYTES_KIND, file_of_error

SLICE_PREFIX = "slice:"
"""Rows of the ledger that are no URL but the account of a slice begin so."""


@dataclass(frozen=True, slots=True)
class UrlState:
    """The state of one URL."""

    id: str
    state: FetchState
    attempts: int
    etag: str
    last_modified: str
    status_code: int | None = None


def placeholder_files(atlas: Atlas, source: str) -> set[str]:
    """Hashes (hex) of files that a harvest of a source has found to be placeholders."""
    where = f"source = '{source}' AND state = '{FetchState.PLACEHOLDER.value}'"
    where += f" AND error_kind = '{SAME_BYTES_KIND}' AND error IS NOT NULL"
    errors = atlas.read(["error"], where=where, table="ledger").column("error")
    return {file_of_error(each) for each in pc.unique(errors).to_pylist()}


class LedgerState:
    """Ids that have an image, and the state of every URL of one source.

    Parameters
    ----------
    atlas : Atlas
        Read once, now.
    source : str
        Name of the source.
    retry : set of str
        States (or kinds of errors) that are taken up again beside the unfinished ones.
    addresses : Addresses
        How the atlas keeps addresses.
    """

    def __init__(self, atlas: Atlas, source: str, retry: set[str], addresses: Addresses) -> None:
        self._atlas = atlas
        self._source = source
        self._addresses = addresses
        prefix = f"{source}:"
        where = f"starts_with(id, '{prefix}')"
        images = atlas.read(["id"], where=where, table="images").column("id")
        self._images = set(images.to_pylist())
        # An image that a kill left without its record is fetched again: what is said of it is lost.
        self.stored = self._images & set(atlas.read(["id"], where=where).column("id").to_pylist())
        self.rows: dict[str, UrlState] = {}
        self._again: set[str] = set()
        columns = ["url", "id", "state", "attempts", "error_kind", "etag"]
        columns += ["last_modified", "status_code"]
        others = (f"NOT starts_with(url, '{each}')" for each in (SLICE_PREFIX, PAGE_PREFIX))
        where = " AND ".join((f"source = '{source}'", *others))
        for row in atlas.read(columns, where=where, table="ledger").to_pylist():
            state = FetchState(row["state"])
            etag, modified = row["etag"] or "", row["last_modified"] or ""
            url = addresses.asked(row["url"])
            tries, code = row["attempts"] or 0, row["status_code"]
            self.rows[url] = UrlState(row["id"], state, tries, etag, modified, code)
            if state in UNFINISHED or retry & {state.value, row["error_kind"] or ""}:
                self._again.add(url)
        self._found_by = self._searches(source) if self._again else {}

    def _searches(self, source: str) -> dict[str, tuple[str, ...]]:
        states = {sql_literal(self.rows[url].state.value) for url in self._again}
        where = f"source = '{source}' AND state IN ({', '.join(sorted(states))})"
        rows = self._atlas.read(["url", "record"], where=where, table="ledger").to_pylist()
        return {
            self._addresses.asked(row["url"]): Record.from_json(row["record"]).queries
            for row in rows
            if row["record"]
        }

    def found_by(self, url: str, record_id: str) -> tuple[str, ...]:
        """Searches of earlier runs that found an image which is taken up again."""
        return self._found_by.get(ledger_url(url, record_id), ())

    def withdrawn_but_stored(self) -> set[str]:
        """Ids that the ledger knows as placeholders and whose image a kill has left behind."""
        placeholders = {r.id for r in self.rows.values() if r.state is FetchState.PLACEHOLDER}
        stored = {r.id for r in self.rows.values() if r.state is FetchState.STORED}
        return (placeholders - stored) & self._images

    def row_of(self, url: str, record_id: str) -> UrlState | None:
        """The state of a record's URL; ``None`` when it is new."""
        return self.rows.get(ledger_url(url, record_id))

    def image_id_of(self, url: str) -> str:
        """The id whose image a URL is; empty when nobody has claimed it."""
        row = self.rows.get(url)
        return row.id if row else ""

    def is_settled(self, url: str, record_id: str) -> bool:
        """Whether a URL came to an end in an earlier run that is not to be repeated."""
        url = ledger_url(url, record_id)
        row = self.rows.get(url)
        # "Stored" without its image: the atlas lost it (an older copy was put back).
        return row is not None and row.state is not FetchState.STORED and url not in self._again

    def unfinished_not_seen(
        self, met: set[str], queries: tuple[str, ...]
    ) -> Iterator[tuple[str, str, Record]]:
        """URLs to take up again that no search has shown in this run: with slice and record."""
        urls = sorted(self._again - met)
        for start in range(0, len(urls), 500):
            part = ", ".join(
                sql_literal(self._addresses.kept(url)) for url in urls[start : start + 500]
            )
            rows = self._atlas.read(
                ["url", "slice", "record"], where=f"url IN ({part})", table="ledger"
            ).to_pylist()
            for row in sorted(rows, key=lambda row: str(row["url"])):
                name = row["slice"] or ""
                asked = any(name == query or name.startswith(f"{query}/") for query in queries)
                if row["record"] and asked:
                    url, record = map(self._addresses.asked, (row["url"], row["record"]))
                    yield url, name, Record.from_json(record)
