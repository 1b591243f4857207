"""Does the atlas add up? Files against their checksums, rows, schema, rows without partners.

Taking back what should never have been stored: images that turned out to be placeholders.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.schema import TABLES
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.atlas.storage import commit
from cosmic_morphology.atlas.storage.creation import has_marker, holds_something
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.atlas.storage.opening import open_table
from cosmic_morphology.atlas.storage.store import Store
from cosmic_morphology.atlas.verification.contents import (
    changed_images,
    duplicate_keys,
    lonely_rows,
    schema_problems,
    unfinished_tags,
)
from cosmic_morphology.atlas.verification.files import check_files
from cosmic_morphology.atlas.verification.problems import Problem
from cosmic_morphology.display import Tabular
from cosmic_morphology.errors import AtlasDamagedError, AtlasNotFoundError
from cosmic_morphology.io_utils import Progress

_BATCH = 64


@dataclass(frozen=True, slots=True, repr=False)
class VerifyResult(Tabular):
    """What :func:`verify_atlas` found.

    Attributes
    ----------
    rows : dict of str to int
        Rows of each table that can be read.
    files : int
        Files whose bytes are those that were recorded when they were committed.
    hashed : int
        Images whose bytes were compared with their own hash.
    problems : tuple of Problem
        What does not add up.
    not_checked : tuple of str
        Files without a record: a writer was killed between its commit and its record.
    """

    rows: dict[str, int]
    files: int
    hashed: int
    problems: tuple[Problem, ...]
    not_checked: tuple[str, ...] = ()

    def _shown_rows(self) -> list[dict[str, Any]]:
        return [asdict(each) for each in self.problems]

    @property
    def is_damaged(self) -> bool:
        """Whether something is there that a rerun cannot mend."""
        return any(problem.is_damage for problem in self.problems)

    @property
    def is_sound(self) -> bool:
        """Whether everything was checked and nothing is damaged."""
        return not self.is_damaged and not self.not_checked


def verify_atlas(
    atlas: Atlas | str | Path,
    *,
    storage_options: dict[str, str] | None = None,
    hash_bytes: bool = True,
    progress: Progress | None = None,
) -> VerifyResult:
    """Check the newest version of an atlas, however damaged it is; nothing is changed.

    Parameters
    ----------
    atlas : Atlas, str or Path
        The atlas, or its folder or address: an atlas that is damaged may not open.
    storage_options : dict, optional
        Passed to Lance for object stores, when an address is given.
    hash_bytes : bool
        Whether the bytes of every file and of every image are read and compared with their
        SHA-256; otherwise files are looked for and their sizes compared.
    progress : callable, optional
        Called with images hashed and images in all.

    Raises
    ------
    AtlasNotFoundError
        There is no atlas here.

    Examples
    --------
    >>> found = verify_atlas(atlas)
    >>> found.is_sound, found.problems
    (True, ())
    """
    store = atlas.store if isinstance(atlas, Atlas) else Store(str(atlas), storage_options)
    opened, problems = _opened(store)
    whole = dict(opened)
    files = 0
    not_checked: list[str] = []
    for name in TABLES:
        if any(each.kind == "table_missing" and each.table == name for each in problems):
            continue
        found = check_files(store, name, opened.get(name), hash_bytes=hash_bytes)
        files += found.sound
        problems += found.problems
        not_checked += found.not_checked
        if any(each.is_damage for each in found.problems):
            # What its rows say is not worth a word before its files are mended.
            whole.pop(name, None)
    problems += _readable(whole, lambda table: [*schema_problems(table), *duplicate_keys(table)])
    if whole:
        problems += _problems_or_unreadable(
            "", lambda: [*lonely_rows(whole), *unfinished_tags(whole)]
        )
    hashed = 0
    if hash_bytes and "images" in whole:
        hashed, changed = _hash_images(whole["images"], progress)
        problems += changed
    rows = {name: table.count_rows() for name, table in whole.items()}
    return VerifyResult(rows, files, hashed, tuple(problems), tuple(not_checked))


def _opened(store: Store) -> tuple[dict[str, Table], list[Problem]]:
    """The tables that can be opened, and a problem for each other one."""
    opened: dict[str, Table] = {}
    problems: list[Problem] = []
    missing: dict[str, AtlasNotFoundError] = {}
    for name in TABLES:
        try:
            opened[name] = open_table(store, name)
        except AtlasNotFoundError as error:
            missing[name] = error
        except AtlasDamagedError as error:
            problems.append(Problem("table_unreadable", name, error.what))
    try:
        marked = has_marker(store)
    except AtlasDamagedError as error:
        problems.append(Problem("marker_damaged", "", error.what, todo=error.todo))
        marked = True
    begun = marked or problems or holds_something(store, opened)
    if missing and not begun:
        raise next(iter(missing.values()))
    problems += [_missing_table(name) for name in missing]
    if not marked:
        problems.append(
            Problem(
                "marker_missing",
                "",
                "the file that lists the tables is missing",
                todo="The next collect or import writes it",
            )
        )
    return opened, problems


def _missing_table(name: str) -> Problem:
    return Problem(
        "table_missing",
        name,
        f"the table is missing: there is no readable version in {name}.lance",
        todo="Put the folder back from a copy, or collect or import into a new atlas",
    )


def _readable(tables: dict[str, Table], check: Callable[[Table], list[Problem]]) -> list[Problem]:
    return [
        problem
        for name, table in tables.items()
        for problem in _problems_or_unreadable(name, lambda table=table: check(table))  # type: ignore[misc]
    ]


def _problems_or_unreadable(name: str, check: Callable[[], Iterable[Problem]]) -> list[Problem]:
    try:
        return list(check())
    except AtlasDamagedError as error:
        return [Problem("table_unreadable", name, error.what)]


def _hash_images(images: Table, progress: Progress | None) -> tuple[int, list[Problem]]:
    hashed = 0

    def changed() -> Iterator[Problem]:
        nonlocal hashed
        total = images.count_rows()
        for batch in images.to_batches(["id", "sha256", "image"], _BATCH):
            yield from changed_images(batch)
            hashed += batch.num_rows
            if progress:
                progress(hashed, total)

    found = _problems_or_unreadable("images", changed)
    return hashed, found


def withdraw(atlas: Atlas, ids: Collection[str]) -> None:
    """Take images and their records out of the newest version; older versions keep them.

    A record on which a person has given a verdict stays, without its image. Safe to repeat
    after a kill.

    Raises
    ------
    AtlasError
        An old version is open.
    """
    atlas.need_writable()
    if not ids:
        return
    chosen = f"id IN ({', '.join(map(sql_literal, sorted(ids)))})"
    judged = set(atlas.read(["id"], where=chosen, table="decisions").column("id").to_pylist())
    if not_judged := sorted(set(ids) - judged):
        listed = ", ".join(map(sql_literal, not_judged))
        commit.delete(atlas.table("catalogue"), f"id IN ({listed})")
    # Last: by its image the next harvest finds what a kill has left half done.
    commit.delete(atlas.table("images"), chosen)
