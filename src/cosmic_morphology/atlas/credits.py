"""Who must be credited for what, and what may not be given on."""

from __future__ import annotations

from dataclasses import dataclass

from cosmic_morphology.atlas.atlas import Atlas

OPEN_SIGNS = ("public domain", "cc0", "cc by", "cc-by", "creativecommons", "rendered")


@dataclass(frozen=True, slots=True)
class Credit:
    """Pictures of one source with one credit line and one licence."""

    source: str
    credit: str
    licence: str
    pictures: int
    may_be_redistributed: bool


def may_be_redistributed(licence: str) -> bool:
    """Whether a licence says openly that copies may be given on; silence is a no."""
    text = licence.lower()
    return any(sign in text for sign in OPEN_SIGNS) and "not redistribut" not in text


def credit_ledger(atlas: Atlas) -> list[Credit]:
    """One row for each source, credit line and licence, most pictures first."""
    counts: dict[tuple[str, str, str], int] = {}
    rows = atlas.read(["source", "credit", "licence"])
    for row in rows.to_pylist():
        key = (row["source"], row["credit"] or "", row["licence"] or "")
        counts[key] = counts.get(key, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Credit(*key, n, may_be_redistributed(key[2])) for key, n in ordered]
