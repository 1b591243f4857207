"""How addresses of a replica are kept: without its port, which is another one in each run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.http.url_policy import is_loopback
from cosmic_morphology.safe_text import HIDDEN, public_url

REPLICA = "http://replica.invalid/"
"""Stands for a server on this machine; no such host can exist (RFC 2606)."""


class Addresses:
    """Addresses as they are asked, and as the atlas keeps them.

    Those of an archive are kept as they are. Of a server on this machine the port says nothing
    of the image: the same files behind another port are the same rows of the ledger. A user and
    password in the address are never kept.

    Parameters
    ----------
    root : str
        Address that is asked in place of the archive's; empty for the archive itself.
    """

    def __init__(self, root: str = "") -> None:
        parts = urlsplit(root)
        user, at, host = parts.netloc.rpartition("@")
        self._here = f"{parts.scheme}://{parts.netloc}/" if is_loopback(host) or user else ""
        self._kept = REPLICA if is_loopback(host) else f"{parts.scheme}://{HIDDEN}{at}{host}/"

    def kept(self, text: str) -> str:
        """An address, or a text that holds some, as the atlas keeps it."""
        return text.replace(self._here, self._kept) if self._here else text

    def asked(self, text: str) -> str:
        """An address that the atlas has kept, or a text that holds some, as it is asked now."""
        return text.replace(self._kept, self._here) if self._here else text

    def kept_record(self, record: Record) -> Record:
        """A record with its addresses as the atlas keeps them."""
        if not self._here:
            return record
        image, page = self.kept(record.image_url), self.kept(record.page_url)
        return replace(record, image_url=image, page_url=page)

    def kept_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row of the ledger with its addresses as the atlas keeps them."""
        kept = {
            name: self.kept(value) if isinstance(value, str) else value
            for name, value in row.items()
        }
        return kept | {"url": ledger_url(kept["url"], str(kept.get("id") or ""))}


def ledger_url(url: str, record_id: str) -> str:
    """The address by which the ledger knows a file: a signed one without its signature.

    Only the next search can sign it again. What was signed may have told files apart, so the id
    of the record does.
    """
    kept = public_url(url)
    return url if kept == url or not needs_signature(kept) else f"{kept}#{record_id}"


def needs_signature(url: str) -> bool:
    """Whether the atlas has kept this address without what is needed to ask for it."""
    return url.startswith(("http://", "https://")) and HIDDEN in url
