"""The one place where the command line prints: whatever comes from outside is made safe here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cosmic_morphology.safe_text import safe_json, safe_text

if TYPE_CHECKING:
    from rich.console import Console

# Characters of a name that a table does not fold.
_SHORT_NAME = 14


def say(line: object) -> None:
    """One line on standard output."""
    sys.stdout.write(f"{safe_text(line)}\n")
    sys.stdout.flush()


def tell(line: object) -> None:
    """One line on standard error: remarks, progress, errors."""
    sys.stderr.write(f"{safe_text(line)}\n")
    sys.stderr.flush()


class JsonAnswer:
    """The one JSON object that ``--json`` promises, so that an error does not add a second one."""

    is_given = False


def say_json(value: Any) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(f"{safe_json(value)}\n")
    sys.stdout.flush()
    JsonAnswer.is_given = True


def console(*, stderr: bool = False) -> Console:
    """A console for tables: texts are shown as they are, and never read as markup."""
    from rich.console import Console
    from rich.text import Text

    class SafeConsole(Console):
        def render_str(self, text: str, **how: Any) -> Text:
            return super().render_str(safe_text(text, keep_lines=True), **how)

    return SafeConsole(stderr=stderr, markup=False, emoji=False, highlight=False)


def show_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    fold: Collection[str],
    title: str = "",
) -> None:
    """Print a small table that stays whole at 80 columns; nothing where there are no rows.

    Parameters
    ----------
    headings : sequence of str
        One for each column.
    rows : iterable of sequence of str
        The cells.
    fold : collection of str
        Headings of the columns with names and paths: these go on in another line where they are
        too long, so that numbers never do, and nothing is cut off that has to be typed again.
    title : str
        Stands above it.
    """
    cells = list(rows)
    if not cells:
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title=title or None,
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    screen = console()
    longest = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    whole = sum(n for n, name in zip(longest, headings, strict=True) if name not in fold)
    gaps = 2 * len(headings)
    folding = [(len(name), n) for n, name in zip(longest, headings, strict=True) if name in fold]
    shares = _shares(folding, screen.width - whole - gaps)
    for heading, width in zip(headings, longest, strict=True):
        if heading in fold:
            table.add_column(heading, overflow="fold", width=next(shares))
        else:
            table.add_column(heading, no_wrap=True, width=width)
    for row in cells:
        table.add_row(*row)
    screen.print(table)


def _shares(columns: Sequence[tuple[int, int]], width: int) -> Iterator[int]:
    """Widths of columns that fold, from the lengths of their headings and of their longest cells.

    The names of the first one are typed again, so it comes first. Of the others the narrow ones
    keep their width, and the wide ones share what is left.
    """
    shares: dict[int, int] = {}
    narrow_first = sorted(range(1, len(columns)), key=lambda at: columns[at][1])
    for waiting, at in zip(range(len(columns), 0, -1), [0, *narrow_first], strict=False):
        heading, longest = columns[at]
        fair = width // waiting
        shares[at] = max(heading, min(longest, max(fair, _SHORT_NAME) if at == 0 else fair))
        width -= shares[at]
    yield from (shares[at] for at in range(len(columns)))


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, fed with (done, in all)."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    where = console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=where,
        transient=True,
        disable=not where.is_terminal,
    )
    with bar:
        task = bar.add_task(safe_text(title), total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield show
