"""The command line: one small module for each verb, no logic in them."""

from __future__ import annotations

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
from cosmic_morphology.errors import CosmicError

app = typer.Typer(
    name="cosmic",
    help="From public archives of sky pictures to trustworthy data sets and honest classifiers.",
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
    app.command(module.NAME)(module.command)
app.add_typer(review.app, name="review")
app.add_typer(atlas.app, name="atlas")

# What shells expect of a program that Ctrl-C has ended: 128 + SIGINT.
INTERRUPTED = 130


def main() -> None:
    """Run the command line; errors become one line and an exit code."""
    try:
        app()
    except CosmicError as error:
        sys.stderr.write(f"cosmic: {error}\n")
        sys.exit(error.exit_code)
    except SystemExit as ended:
        # Typer turns Ctrl-C into this exit without a word.
        if ended.code == INTERRUPTED:
            sys.stderr.write(
                "cosmic: stopped by Ctrl-C; what was committed is kept. "
                "Run the same command again to go on.\n"
            )
        raise
