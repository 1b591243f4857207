"""The one place where the command line prints: whatever comes from outside is made safe here."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from cosmic_morphology.cli.checked import place_options
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.safe_text import safe_json, safe_text

if TYPE_CHECKING:
    from rich.console import Console

_SECONDS_BETWEEN_LINES = 10.0
# Characters that a table leaves to each name.
_SHORT_NAME = 14
_GAP = "  "


def say(line: object) -> None:
    """One line on standard output."""
    sys.stdout.write(f"{safe_text(line)}\n")
    sys.stdout.flush()


def tell(line: object) -> None:
    """One line on standard error: remarks, progress, errors."""
    sys.stderr.write(f"{safe_text(line)}\n")
    sys.stderr.flush()


def in_its_place(command: str) -> str:
    """A command with the options that say where the running one works."""
    return " ".join([command, *place_options(command)])


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
    say(f"{what}: {in_its_place(command)}{beside}")


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
    wide: Sequence[str],
    numbers: Collection[str] = (),
    whole: bool = False,
    title: str = "",
) -> None:
    """Print a small table that no long name breaks; nothing where there are no rows.

    A name in the first wide column that is too long gets a line of its own, since it may have to
    be typed again. Other wide columns lose the middle of what is too long. Where that does not
    help, each row becomes a paragraph, in which nothing is left out.

    Parameters
    ----------
    headings : sequence of str
        One for each column.
    rows : iterable of sequence of str
        The cells.
    wide : sequence of str
        Headings of the columns with names and texts; the first one says what a row is about.
    numbers : collection of str
        Headings of the columns that stand to the right.
    whole : bool
        Whether no wide column may lose the middle of a text.
    title : str
        Stands above it.
    """
    # Before their lengths are counted: what is made safe is longer.
    cells = [[safe_text(cell) for cell in row] for row in rows]
    if not cells:
        return
    if title:
        say(title)
    screen = get_terminal_size().columns
    widths = [max(map(cell_len, column)) for column in zip(headings, *cells, strict=True)]
    may_shrink = [headings.index(name) for name in wide if name in headings]
    named = may_shrink[:1]
    steps = [(at, _SHORT_NAME) for at in (named if whole else may_shrink)]
    for at, least in [*steps, *((at, 0) for at in named)]:
        spare = widths[at] - max(least, cell_len(headings[at]))
        widths[at] -= max(0, min(_total(widths) - screen, spare))
    if _total(widths) > screen:
        lines = _as_paragraphs(headings, cells, screen)
    else:
        to_the_right = [name in numbers for name in headings]
        lines = _as_columns([headings, *cells], widths, named, to_the_right)
    for line in lines:
        for at in range(0, max(1, len(line)), screen):
            say(line[at : at + screen])


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _as_columns(
    rows: Iterable[Sequence[str]],
    widths: Sequence[int],
    named: Sequence[int],
    to_the_right: Sequence[bool],
) -> Iterator[str]:
    for number, row in enumerate(rows):
        if number == 1:
            yield "─" * _total(widths)
        shown = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            gap, half = width - cell_len(cell), (width - 1) // 2
            if gap < 0 and at in named:
                yield cell
                shown.append(" " * width)
            elif gap < 0:
                shown.append(f"{cell[: width - 1 - half]}…{cell[len(cell) - half :]}")
            else:
                shown.append(" " * gap + cell if to_the_right[at] else cell + " " * gap)
        yield _GAP.join(shown).rstrip()


def _as_paragraphs(
    headings: Sequence[str], cells: Iterable[Sequence[str]], screen: int
) -> Iterator[str]:
    for row in cells:
        # A row that goes on about the one before it has no name of its own.
        if row[0]:
            yield f"{headings[0]} {row[0]}"
        beside = zip(headings[1:], row[1:], strict=True)
        line = " "
        for part in (f"{name.strip()} {cell}" for name, cell in beside if cell):
            if line.strip() and cell_len(line) + cell_len(part) + len(_GAP) > screen:
                yield line
                line = " "
            line += f" {part}" if not line.strip() else f"{_GAP}{part}"
        if line.strip():
            yield line


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
