"""Removing old versions that no tag holds, with the files that only they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cosmic_morphology.atlas.schema import TABLES
from cosmic_morphology.atlas.storage import upkeep
from cosmic_morphology.atlas.storage.checksums import referenced
from cosmic_morphology.atlas.storage.faults import translate_errors
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.atlas.storage.store import is_local
from cosmic_morphology.errors import UsageError

if TYPE_CHECKING:
    from cosmic_morphology.atlas.atlas import Atlas

KEPT_DAYS = 14
"""Versions younger than this stay, for readers that have one of them open."""


@dataclass(frozen=True, slots=True)
class CleanupResult:
    """What was, or would be, removed from one table.

    Attributes
    ----------
    table : str
        Its name.
    versions : int
        Versions before.
    removed : int
        Versions that go.
    tagged : int
        Old versions that stay since a tag holds them.
    files : int
        Files that only the removed versions needed.
    bytes : int
        Their size; 0 for a dry run on an object store, where sizes are not asked for.
    """

    table: str
    versions: int
    removed: int
    tagged: int
    files: int
    bytes: int


def clean_up(
    atlas: Atlas,
    *,
    older_than: timedelta = timedelta(days=KEPT_DAYS),
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[CleanupResult]:
    """Remove versions older than a time, but never the newest one and never a tagged one.

    A reader that has a removed version open can no longer read all of it: choose a time longer than
    any command takes. Writers may go on, since files that no version knows yet are left alone.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    older_than : datetime.timedelta
        By the clock of the machine that wrote a version.
    dry_run : bool
        Whether to say only what would be removed.
    progress : callable, optional
        Called with tables done and tables in all.

    Returns
    -------
    list of CleanupResult
        One for each table.

    Raises
    ------
    UsageError
        The time is negative.

    Examples
    --------
    >>> {each.removed for each in clean_up(atlas)}
    {0}
    """
    if older_than < timedelta(0):
        raise UsageError(
            "the time to keep versions is negative", where=str(older_than), todo="Give 0 or more."
        )
    if not dry_run:
        atlas.need_writable()
    before = datetime.now() - older_than  # noqa: DTZ005 - Lance gives local times
    results = []
    for done, name in enumerate(TABLES, start=1):
        results.append(_clean_table(atlas.table(name), before, dry_run=dry_run))
        if progress:
            progress(done, len(TABLES))
    return results


def _clean_table(table: Table, before: datetime, *, dry_run: bool) -> CleanupResult:
    listed = table.versions()
    tagged = set(table.tags().values())
    old = {
        int(each["version"])
        for each in listed
        if each["timestamp"] < before and int(each["version"]) != table.version
    }
    going = old - tagged
    files = _only_in(table, going) if going else set()
    n_bytes = 0
    if going and dry_run and is_local(table.store.uri):
        n_bytes = sum(table.store.size(f"{table.name}.lance/{path}") for path in files)
    elif going and not dry_run:
        n_bytes = upkeep.remove_versions(table, sorted(going), files)
    return CleanupResult(
        table.name, len(listed), len(going), len(old & tagged), len(files), n_bytes
    )


def _only_in(table: Table, versions: set[int]) -> set[str]:
    """Paths of the files that no other version needs."""
    with translate_errors(table.store.uri, table.name):
        by_version = referenced(table.dataset)
    needed = {path for version, files in by_version.items() if version not in versions
              for path in files}  # fmt: skip
    return {path for version in versions for path in by_version.get(version, ())} - needed
