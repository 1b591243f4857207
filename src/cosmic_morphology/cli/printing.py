"""The one place where the command line prints: whatever comes from outside is made safe here."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from cosmic_morphology.cli.checked import place_options
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.safe_text import safe_json, safe_text

if TYPE_CHECKING:
    from rich.console import Console

_SECONDS_BETWEEN_LINES = 10.0
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


def say_next(command: str, *, purpose: str = "", beside: str = "") -> None:
    """The line that ends a result: what to type next, in the same atlas and folder of results.

    Parameters
    ----------
    command : str
        The next command. The options that say where this one has worked are added to it, where
        the command knows them: ``--config``, ``--atlas`` and ``--out``.
    purpose : str
        What it is for, such as "to measure it on the test split".
    beside : str
        What follows it, such as another command.
    """
    what = f"Next, {purpose}" if purpose else "Next"
    say(f"{what}: {' '.join([command, *place_options(command)])}{beside}")


def counted(n: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 copy``, ``2,000 copies``."""
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"


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
    numbers: Collection[str] = (),
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
    numbers : collection of str
        Headings of the columns that stand to the right.
    title : str
        Stands above it.
    """
    # Before their lengths are counted: what is made safe is longer.
    cells = [[safe_text(cell) for cell in row] for row in rows]
    if not cells:
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if title:
        say(title)
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
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
            justify: Literal["left", "right"] = "right" if heading in numbers else "left"
            table.add_column(heading, no_wrap=True, width=width, justify=justify)
    for row in cells:
        table.add_row(*row)
    screen.print(table)


def _shares(columns: Sequence[tuple[int, int]], width: int) -> Iterator[int]:
    """Widths of columns that fold, from the lengths of their headings and of their longest cells.

    The names of the first one are typed again, so it comes first. Of the others the narrow ones
    keep their width, and the wide ones share what is left. Headings fold, too, where all else
    would not fit.
    """
    named = sum(heading for heading, _ in columns) <= width
    shares: dict[int, int] = {}
    narrow_first = sorted(range(1, len(columns)), key=lambda at: columns[at][1])
    for waiting, at in zip(range(len(columns), 0, -1), [0, *narrow_first], strict=False):
        heading, longest = columns[at]
        others = sum(columns[each][0] for each in range(len(columns)) if each not in (*shares, at))
        room = width - others if named else width // waiting
        fair = max(width // waiting, _SHORT_NAME if at == 0 else 0)
        if at == 0:  # what the others leave over
            fair = max(fair, width - sum(max(each) for each in columns[1:]))
        shares[at] = max(heading if named else 1, min(longest, fair, room))
        width -= shares[at]
    yield from (shares[at] for at in range(len(columns)))


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """A progress bar on standard error, fed with (done, in all).

    Where that is no terminal: sparse lines. A pipe or a log gets one after ten seconds, and
    then one at each tenth of the work, at least ten seconds apart: nothing for what is short, and
    at most ten lines for what is long.
    """
    where = console(stderr=True)
    if not where.is_terminal:
        yield _SparseLines(title).show
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as ProgressBar,
    )

    bar = ProgressBar(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=where,
        transient=True,
    )
    with bar:
        task = bar.add_task(safe_text(title), total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield show


class _SparseLines:
    """Progress as lines.

    Parameters
    ----------
    title : str
        What is done.
    clock : callable
        Gives seconds.
    """

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title = title
        self._clock = clock
        self._said_at = clock()
        self._tenths = 0

    def show(self, done: int, total: int) -> None:
        """Print a line where one is due."""
        now = self._clock()
        if now - self._said_at < _SECONDS_BETWEEN_LINES:
            return
        tenths = 10 * done // total if total else self._tenths + 1
        if tenths <= self._tenths:
            return
        self._said_at, self._tenths = now, tenths
        share = f" of {total:,} ({100 * done // total} %)" if total else ""
        tell(f"{self._title}: {done:,}{share}")
