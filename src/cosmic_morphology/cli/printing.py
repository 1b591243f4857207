"""The one place where the command line prints: whatever comes from outside is made safe here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cosmic_morphology.safe_text import safe_json, safe_text

if TYPE_CHECKING:
    from rich.console import Console


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
