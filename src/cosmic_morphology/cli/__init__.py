"""The command line: one small module for each verb, no logic in them."""

from __future__ import annotations

import io
import os
import sys

import typer

from cosmic_morphology.cli import (
    atlas,
    card,
    collect,
    curate,
    demo,
    embed,
    evaluate,
    explain_label,
    explore,
    export,
    import_,
    predict,
    replica,
    review,
    run,
    split,
    status,
    study,
    synthesize,
    train,
)
from cosmic_morphology.cli.checked import CheckedCommand
from cosmic_morphology.cli.faults import end, log_faults_of_threads
from cosmic_morphology.cli.printing import tell

app = typer.Typer(
    name="cosmic",
    help="From public archives of sky images to trustworthy data sets and honest classifiers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (
    demo,
    run,
    collect,
    import_,
    synthesize,
    status,
    explore,
    embed,
    curate,
    explain_label,
    split,
    train,
    evaluate,
    predict,
    export,
    card,
    study,
    replica,
):
    app.command(module.NAME, cls=CheckedCommand)(module.command)
app.add_typer(review.app, name="review")
app.add_typer(atlas.app, name="atlas")

# What shells expect of a program that Ctrl-C has ended: 128 + SIGINT.
INTERRUPTED = 130


def main() -> None:
    """Run the command line; whatever happens becomes one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Unicode must not end the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    log_faults_of_threads()
    try:
        code = app(standalone_mode=False) or 0
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`): Python must not flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - also a panic of a library in Rust, which is no Exception
        code = end(error)
    if code == INTERRUPTED:
        _tell_stopped()
    sys.exit(code)


def _tell_stopped() -> None:
    tell(
        "cosmic: stopped by Ctrl-C; what was committed is kept. "
        "Run the same command again to go on."
    )
