"""Who must be credited for what, and what may not be given on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cosmic_morphology.atlas.atlas import Atlas

OPEN_SIGNS = ("public domain", "cc0", "cc by", "cc-by", "creativecommons", "rendered")


@dataclass(frozen=True, slots=True)
class Credit:
    """Images of one source with one credit line and one licence."""

    source: str
    credit: str
    licence: str
    images: int
    may_be_redistributed: bool


def may_be_redistributed(licence: str) -> bool:
    """Whether a licence says openly that copies may be given on; silence is a no.

    Examples
    --------
    >>> may_be_redistributed("CC BY 4.0"), may_be_redistributed("")
    (True, False)
    """
    text = licence.lower()
    return any(sign in text for sign in OPEN_SIGNS) and "not redistribut" not in text


def is_rendered(licence: str) -> bool:
    """Whether an image was rendered here: its licence says so first of all.

    Examples
    --------
    >>> is_rendered("rendered, CC0"), is_rendered("CC0")
    (True, False)
    """
    return licence.lower().startswith("rendered")


def shown_texts(row: Mapping[str, Any]) -> dict[str, str]:
    """What a page says of an image: title, credit, licence and address of its own page.

    A rendered image is called so in its title and its credit, and has no page of its own.
    """
    names = ("title", "credit", "licence", "page_url")
    said = {name: str(row.get(name) or "") for name in names}
    if is_rendered(said["licence"]):
        said["title"] = f"Rendered: {said['title']}" if said["title"] else "Rendered image"
        said["page_url"] = ""
        if "rendered" not in said["credit"].lower():
            said["credit"] = "Rendered, no rights reserved"
    return said


def credit_ledger(atlas: Atlas) -> list[Credit]:
    """One row for each source, credit line and licence, most images first.

    Examples
    --------
    >>> [(each.source, each.images) for each in credit_ledger(atlas)]
    [('folder', 24)]
    """
    counts: dict[tuple[str, str, str], int] = {}
    rows = atlas.read(["source", "credit", "licence"])
    for row in rows.to_pylist():
        said = shown_texts(row)
        key = (row["source"], said["credit"], said["licence"])
        counts[key] = counts.get(key, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Credit(*key, n, may_be_redistributed(key[2])) for key, n in ordered]
