"""Versions of the four tables together, and tags that pin them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from cosmic_morphology.atlas.schema import TABLES
from cosmic_morphology.atlas.storage import commit
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.errors import AtlasError, AtlasVersionError

# What Lance takes for the name of a reference, which becomes a file's name.
_LONGEST = 100
_TAG = re.compile(rf"(?=.{{1,{_LONGEST}}}\Z)(?!.*\.lock\Z)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


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
        """Read the text form, such as ``i3-c17-d2-l5``; None when the text is a tag's name.

        Examples
        --------
        >>> AtlasVersion.parse("i2-c5-d1-l2").catalogue
        5
        """
        parts = text.split("-")
        if len(parts) != len(TABLES):
            return None
        numbers: dict[str, int] = {}
        for name, part in zip(TABLES, parts, strict=True):
            if not re.fullmatch(rf"{name[0]}[0-9]{{1,18}}", part):
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


def commits(tables: dict[str, Table]) -> list[Commit]:
    """All commits of all tables, oldest first."""
    found: list[Commit] = []
    for name, table in tables.items():
        tags: dict[int, list[str]] = {}
        for tag, version in table.tags().items():
            tags.setdefault(version, []).append(tag)
        for entry in table.versions():
            number = int(entry["version"])
            stamp = entry["timestamp"]
            found.append(Commit(name, number, stamp, tuple(sorted(tags.get(number, [])))))
    return sorted(found, key=lambda each: (each.at, each.table))


def tag_all(tables: dict[str, Table], name: str) -> None:
    """Pin the newest version of every table under one name: all of them, or none.

    Raises
    ------
    AtlasVersionError
        The name is taken (a tag never moves) or is not a plain name.
    """
    if not _TAG.fullmatch(name):
        raise AtlasVersionError(
            f"{name[:_LONGEST]!r} cannot be a tag",
            todo=f"Use up to {_LONGEST} of a to z, digits, '-', '_', and '.' in between.",
            where=name[:_LONGEST],
        )
    if AtlasVersion.parse(name):
        raise AtlasVersionError(
            f"{name!r} reads like a version", todo="Choose another name.", where=name
        )
    taken = [name_ for name_, table in tables.items() if name in table.tags()]
    if len(taken) == len(tables):
        raise AtlasVersionError(
            f"the tag {name!r} exists", todo="Tags never move: choose a new name.", where=name
        )
    # A kill half-way leaves some tables tagged: the same command finishes the others.
    todo = [table for name_, table in tables.items() if name_ not in taken]
    for done, table in enumerate(todo):
        try:
            commit.tag(table, name)
        except AtlasError:
            for each in todo[: done + 1]:
                commit.untag(each, name)
            raise
