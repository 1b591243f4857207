"""``cosmic review``: people's verdicts, which always win."""

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
from typing import TYPE_CHECKING, Annotated, Self

import typer

from cosmic_morphology.cli.checked import CheckedCommand
from cosmic_morphology.cli.common import (
    AtlasOption,
    ColumnOption,
    ConfigOption,
    IdPrefixOption,
    JsonOption,
    atlas_with_images,
    pairs,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import say, say_next, tell
from cosmic_morphology.errors import CosmicError, InputError, UsageError

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.curate import QueueItem
    from cosmic_morphology.taxonomy import Taxonomy

QUIT = "q"
_ESCAPE = b"\x1b"

app = typer.Typer(
    help="Record people's verdicts on images, which always win.", no_args_is_help=True
)


@app.command("import", cls=CheckedCommand)
def import_(
    path: Annotated[Path, typer.Argument(help="CSV: id, verdict, label, who, when, why.")],
    only_split: Annotated[
        str,
        typer.Option(
            "--only-split", help="Take only verdicts on images of this split: train, val or test."
        ),
    ] = "",
    column: ColumnOption = None,
    id_prefix: IdPrefixOption = "",
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record verdicts (keep, drop, label) from a CSV; nothing is ever overwritten."""
    from cosmic_morphology.curate import import_verdicts
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    summary = import_verdicts(
        atlas_with_images(settings),
        path,
        only_split=only_split,
        taxonomy=load_taxonomy(settings.taxonomy),
        columns=pairs("--column", column),
        id_prefix=id_prefix,
    )
    show(summary, as_json=as_json, title="verdicts")
    if summary.stored + summary.already_there == 0:
        ids = ", ".join(summary.unknown_ids)
        why = f"the atlas has none of these ids: {ids}" if ids else "there is none in the table"
        raise InputError(
            f"no verdict was taken in ({why})",
            where=str(path),
            todo="Check the ids; --id-prefix puts something before each.",
        )
    if 2 * summary.unknown > summary.read:
        raise CosmicError(
            f"the atlas has none of {summary.unknown} of {summary.read} ids, such as "
            f"{summary.unknown_ids[0]}; the other verdicts are stored",
            where=str(path),
            todo="Check the ids; --id-prefix puts something before each.",
        )


@app.command(cls=CheckedCommand)
def queue(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most N images.")] = 20,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Images ordered by how much a verdict on them is worth."""
    from cosmic_morphology.curate import review_queue
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    taxonomy = load_taxonomy(settings.taxonomy)
    items = review_queue(atlas_with_images(settings), taxonomy=taxonomy, limit=limit)
    if as_json:
        show({"queue": items}, as_json=True)
        return
    for each in items:
        say(f"{each.worth:6.3f}  {each.id}  {each.label or '(open)'}  {each.reason}")


@app.command(cls=CheckedCommand)
def start(
    who: Annotated[
        str,
        typer.Option(
            "--who",
            help="Your name, which is kept with each verdict.",
            show_default="your user name",
        ),
    ] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Show at most N images.")
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give verdicts in the terminal: each image is opened, one key is one verdict."""
    from cosmic_morphology.curate import review_in_terminal, review_queue
    from cosmic_morphology.curate.review.import_verdicts import user_name
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    taxonomy = load_taxonomy(settings.taxonomy)
    opened = atlas_with_images(settings)
    with single_keys() as ask, Viewer(opened, taxonomy) as viewer:
        done = review_in_terminal(
            opened,
            review_queue(opened, taxonomy=taxonomy, limit=limit),
            taxonomy=taxonomy,
            who=who or user_name(),
            ask=ask,
            show=viewer.show,
        )
    show(done, as_json=as_json)
    if done.given and not as_json:
        say_next("cosmic curate", purpose="to compute the labels with these verdicts")


@app.command(cls=CheckedCommand)
def agreement(
    atlas: AtlasOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """How far people agree on the images that two people have reviewed: Cohen's kappa."""
    from cosmic_morphology.curate import agreements
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    found = agreements(atlas_with_images(settings), taxonomy=load_taxonomy(settings.taxonomy))
    show({"agreements": found}, as_json=as_json)
    if not found and not as_json:
        say("No two people have reviewed the same images.")


class Viewer:
    """Opens each image with the system's own viewer, from a folder that is gone afterwards."""

    def __init__(self, atlas: Atlas, taxonomy: Taxonomy) -> None:
        self._atlas = atlas
        self._taxonomy = taxonomy
        self._folder = Path(tempfile.mkdtemp(prefix="cosmic-review-"))
        self._file = self._folder / "image.jpg"

    def __enter__(self) -> Self:
        from cosmic_morphology.curate import keys_of

        keys = "  ".join(f"{key} {name}" for key, name in keys_of(self._taxonomy).items())
        tell(f"{keys}  k keep  d drop  s skip  u back  q quit")
        tell(f"Where no viewer opens, the image to judge is {self._file}")
        return self

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
