"""Versions of the four tables together, and tags that pin them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cosmic_morphology.atlas.schema import TABLES
from cosmic_morphology.errors import AtlasError


@dataclass(frozen=True, slots=True)
class AtlasVersion:
    """One version of each table; its text form can be given back to open it again."""

    images: int
    catalogue: int
    decisions: int
    ledger: int

    def __str__(self) -> str:
        return "-".join(f"{name[0]}{getattr(self, name)}" for name in TABLES)

    @classmethod
    def parse(cls, text: str) -> AtlasVersion | None:
        """Read the text form, such as ``i3-c17-d2-l5``; None when the text is a tag's name."""
        parts = text.split("-")
        if len(parts) != len(TABLES):
            return None
        numbers: dict[str, int] = {}
        for name, part in zip(TABLES, parts, strict=True):
            if part[:1] != name[0] or not part[1:].isdigit():
                return None
            numbers[name] = int(part[1:])
        return cls(**numbers)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of one table."""

    table: str
    version: int
    at: datetime
    tags: tuple[str, ...]


def commits(datasets: dict[str, Any]) -> list[Commit]:
    """All commits of all tables, oldest first."""
    found: list[Commit] = []
    for name, dataset in datasets.items():
        tags: dict[int, list[str]] = {}
        for tag, entry in dataset.tags.list().items():
            tags.setdefault(int(entry["version"]), []).append(tag)
        for entry in dataset.versions():
            number = int(entry["version"])
            stamp = entry["timestamp"]
            found.append(Commit(name, number, stamp, tuple(sorted(tags.get(number, [])))))
    return sorted(found, key=lambda commit: (commit.at, commit.table))


def tag_all(datasets: dict[str, Any], name: str) -> None:
    """Pin the newest version of every table under one name.

    Raises
    ------
    AtlasError
        The name is taken (a tag never moves) or is not a plain name.
    """
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise AtlasError(
            f"{name!r} cannot be a tag", todo="Use letters, digits, '-', '_' and '.' only."
        )
    if AtlasVersion.parse(name):
        raise AtlasError(f"{name!r} reads like a version", todo="Choose another name.")
    taken = [table for table, dataset in datasets.items() if name in dataset.tags.list()]
    if len(taken) == len(datasets):
        raise AtlasError(f"the tag {name!r} exists", todo="Tags never move: choose a new name.")
    for table, dataset in datasets.items():
        # A kill half-way leaves some tables tagged: the same command finishes the others.
        if table not in taken:
            dataset.tags.create(name, dataset.version)
