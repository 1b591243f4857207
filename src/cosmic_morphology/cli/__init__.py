"""The command line: one small module for each verb, no logic in them."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from cosmic_morphology.cli.faults import asks_for_json, end, log_faults_of_threads
from cosmic_morphology.cli.printing import JsonAnswer, say
from cosmic_morphology.cli.verbs import VerbGroup
from cosmic_morphology.errors import CosmicError
from cosmic_morphology.without_pandas import do_without_pandas

app = typer.Typer(
    cls=VerbGroup,
    name="cosmic",
    help="From public archives of sky images to trustworthy data sets and honest classifiers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _say_version(asked: bool) -> None:
    if asked:
        from cosmic_morphology._version import __version__

        say(f"cosmic {__version__}")
        raise typer.Exit


@app.callback()
def options_of_all(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Show the version and end."
        ),
    ] = False,
) -> None:
    """From public archives of sky images to trustworthy data sets and honest classifiers."""


# What shells expect of a program that Ctrl-C has ended: 128 + SIGINT.
INTERRUPTED = 130


def main() -> None:
    """Run the command line; whatever happens becomes one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Unicode must not end the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    log_faults_of_threads()
    do_without_pandas()
    JsonAnswer.is_given = False
    as_json = asks_for_json(sys.argv[1:])
    try:
        code = app(prog_name="cosmic", standalone_mode=False) or 0
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
        code = end(error, as_json=as_json)
    if code == INTERRUPTED:
        end(_stopped(), as_json=as_json)
    sys.exit(code)


def _stopped() -> CosmicError:
    stopped = CosmicError(
        "stopped by Ctrl-C; what was committed is kept",
        todo="Run the same command again to go on.",
    )
    stopped.exit_code = INTERRUPTED
    return stopped
