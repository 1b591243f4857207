"""The terminal of ``cosmic review``: images in the system's own viewer, and single keys."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import typer

from cosmic_morphology.cli.printing import tell
from cosmic_morphology.errors import UsageError

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.curate import QueueItem, Sheet
    from cosmic_morphology.taxonomy import Taxonomy

QUIT = "q"
_ESCAPE = b"\x1b"
_ACROSS = 6
_LONGEST_TITLE = 70


class Viewer:
    """Opens images and sheets of them with the system's own viewer, from a folder
    that is gone afterwards.
    """

    def __init__(self, atlas: Atlas, taxonomy: Taxonomy) -> None:
        self._atlas = atlas
        self._taxonomy = taxonomy
        self._folder = Path(tempfile.mkdtemp(prefix="cosmic-review-"))
        self._file = self._folder / "image.jpg"
        self._sheet = self._folder / "sheet.png"

    def __enter__(self) -> Self:
        return self

    def explain(self) -> None:
        """Say which keys there are for single images, and where these are."""
        from cosmic_morphology.curate import keys_in_words

        tell(keys_in_words(self._taxonomy))
        tell(f"Where no viewer opens, the image to judge is {self._file}")

    def explain_sheets(self) -> None:
        """Say which keys there are for sheets, and where these are."""
        from cosmic_morphology.curate import sheet_keys_in_words

        tell(sheet_keys_in_words(self._taxonomy))
        tell("A class or d is what all of a sheet are.")
        tell("First e, a letter and a class (s: passed over) for each exception.")
        tell(f"Where no viewer opens, the sheet is {self._sheet}, row by row from a on; ")
        tell(f"its images are {self._folder / 'a.jpg'} and so on.")

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def show(self, item: QueueItem) -> None:
        """Open the image and say which label it has."""
        image = self._atlas.images([item.id], ["thumbnail"]).column(0)[0].as_py()
        self._file.write_bytes(image)
        open_with_viewer(self._file)
        label = item.label or "(open)"
        hint = f", perhaps {item.suggested}" if item.suggested else ""
        tell(f"{item.title}  [{item.id}]: {label}{hint}  ({item.reason})")

    def show_sheet(self, sheet: Sheet) -> None:
        """Open a sheet, list its images by their letters, and say what they are taken for."""
        from cosmic_morphology.atlas.query import take
        from cosmic_morphology.curate import SHEET_LETTERS
        from cosmic_morphology.report.gallery import write_sheet

        ids = [item.id for item in sheet.items]
        images = self._atlas.images(ids, ["thumbnail"]).column(0).to_pylist()
        for letter, image in zip(SHEET_LETTERS, images, strict=False):
            (self._folder / f"{letter}.jpg").write_bytes(image)
        write_sheet(self._sheet, [images[k : k + _ACROSS] for k in range(0, len(ids), _ACROSS)])
        open_with_viewer(self._sheet)
        pages = take(self._atlas, ids, ["page_url"]).column(0).to_pylist()
        for letter, item, page in zip(SHEET_LETTERS, sheet.items, pages, strict=False):
            title = item.title[:_LONGEST_TITLE]
            tell("  ".join(part for part in (letter, title, f"[{item.id}]", page or "") if part))
        what = f"all {sheet.suggested}?" if sheet.suggested else "what are they?"
        tell(f"{len(ids)} images: {what}")


def open_with_viewer(file: Path) -> None:
    """Show a file with the system's own program; what that program says is not shown."""
    if sys.platform == "win32":
        os.startfile(file)  # noqa: S606 - the image was written by this program
        return
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener:
        quiet = subprocess.DEVNULL
        subprocess.Popen([opener, file], stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603 - as above


@contextmanager
def single_keys() -> Iterator[Callable[[], str]]:
    """What waits for one key; in a terminal, those typed before are kept, each for an image.

    Typer's own reader changes the terminal's mode for each key: what is typed in between waits for
    a line's end, and two keys that come together are one text.
    """
    if sys.platform == "win32" or not sys.stdin.isatty():
        _need_terminal()
        yield typer.getchar
        return
    import termios
    import tty

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)

    def key() -> str:
        typed = os.read(fd, 1)
        if typed == _ESCAPE:
            # The rest of an arrow's or a function key's code is no key of its own.
            while select.select([fd], [], [], 0)[0]:
                os.read(fd, 1)
        return typed.decode("utf-8", "replace") or QUIT

    tty.setcbreak(fd)
    try:
        yield key
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _need_terminal() -> None:
    """Where the input is no terminal, typer opens the one that the program was started in."""
    if sys.platform == "win32":
        return
    try:
        Path(os.ctermid()).open().close()
    except OSError as error:
        raise UsageError(
            "keys are read from a terminal, and there is none",
            where="review start",
            todo="Judge in a browser: `cosmic serve`. Or write verdicts into a table: `cosmic "
            "review import`.",
        ) from error
