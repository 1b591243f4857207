"""Reading a list that may change under the reader, until one reading agrees with its count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from cosmic_morphology.collect.sources.base import CountChanged
from cosmic_morphology.errors import SourceError

MAX_READINGS = 4


@dataclass(frozen=True, slots=True)
class PageSet:
    """One page of a list: its items, and how many the whole list has by its own word."""

    items: list[Any]
    total: int | None


def at_most(asked: int, items: list[Any], where: str) -> None:
    """See that a page holds no more than was asked for.

    Raises
    ------
    SourceError
        It holds more.
    """
    if len(items) > asked:
        raise SourceError(
            f"a page holds {len(items):,} records where {asked:,} were asked for",
            where=where,
            todo="Has the interface changed? See docs/howto/collect.md.",
        )


async def until_repeated(
    pages: AsyncIterator[PageSet], key: Callable[[Any], str]
) -> AsyncIterator[PageSet]:
    """Pages up to the first that is empty or the same as the one before.

    An archive that repeats itself has no more, whatever it announces.
    """
    before: list[str] = []
    async for page in pages:
        names = [key(item) for item in page.items]
        if not page.items or names == before:
            return
        before = names
        yield page


async def read_until_stable(
    pages: Callable[[], AsyncIterator[PageSet]],
    key: Callable[[Any], str],
    announced: int | None,
) -> AsyncIterator[Any | CountChanged]:
    """Every item, as often as the first reading lists it, and what slipped through it.

    Records that come or go while a list is read shift its pages, and some slip through. The list
    is read again until one reading agrees with the list's count from its first page to its last.

    Parameters
    ----------
    pages : callable
        Reads the list from its beginning.
    key : callable
        The identifier of an item; empty where it has none.
    announced : int, optional
        The count before the first reading; None where the list has none: one reading is all.

    Yields
    ------
    Items, and last a :class:`CountChanged` where the count is not the one of before.
    """
    got: set[str] = set()
    expected = announced
    for reading in range(MAX_READINGS):
        now: set[str] = set()
        nameless, before = 0, len(got)
        total: int | None = 0
        async for page in until_repeated(pages(), key):
            total = page.total
            for item in page.items:
                name = key(item)
                nameless += not name
                if reading == 0 or (name and name not in got):
                    yield item
                now.add(name)
                got.add(name)
        if total is None or announced is None:
            return
        is_steady = total == expected and len(now - {""}) + nameless >= total
        if is_steady or (reading and total == expected and len(got) == before):
            break
        expected = total
    if expected is not None and expected != announced:
        yield CountChanged(expected)
