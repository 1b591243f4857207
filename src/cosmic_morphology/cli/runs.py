"""``cosmic runs``: all runs of a folder in one table, or two of them side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    ConfigOption,
    JsonOption,
    OutOption,
    run_at,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import say, show_table
from cosmic_morphology.cli.tables import show_runs

if TYPE_CHECKING:
    from cosmic_morphology.learn.run_folder.run_list import RunList
    from cosmic_morphology.learn.run_folder.run_pair import RunComparison

NAME = "runs"


def command(
    names: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Two runs to compare, by name or folder; without any, all are listed.",
            autocompletion=completion.runs,
            show_default=False,
        ),
    ] = None,
    out: OutOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List trained runs with recipe, backbone, scores and seconds, or compare two of them."""
    from cosmic_morphology.learn.run_folder.run_list import list_folders, runs
    from cosmic_morphology.learn.run_folder.run_pair import compare_two

    settings = settings_for(config, out=out)
    scoring, seed = settings.evaluate, settings.seed
    folders = [run_at(each, settings) for each in names or ()]
    if len(folders) == 2:
        pair = compare_two(folders[0], folders[1], settings=scoring, seed=seed)
        _show_pair(pair, as_json=as_json)
    elif folders:
        _show_list(list_folders(folders, settings=scoring, seed=seed), as_json=as_json)
    else:
        _show_list(runs(settings.out, settings=scoring, seed=seed), as_json=as_json)


def _show_list(found: RunList, *, as_json: bool) -> None:
    if as_json:
        show({"runs": [row.cells() for row in found], "left_out": found.left_out}, as_json=True)
        return
    if found:
        show_runs(found)
    for name, why in found.left_out.items():
        say(f"left out: {name}: {why}")
    scored = sum(row.split == "test" for row in found)
    say(f"{len(found)} runs, {scored} of them scored on a test split.")
    if any(row.split == "val" for row in found):
        say("Scores on val are too good: that split chose the best epoch.")
    if len(found) > 1:
        say(f"Next: cosmic runs {found[0].run} {found[1].run}")
    elif found:
        say(f"Next: cosmic evaluate {found[0].run}")
    else:
        say("Next: cosmic train")


def _show_pair(pair: RunComparison, *, as_json: bool) -> None:
    if as_json:
        show(
            {
                "runs": [row.cells() for row in (pair.first, pair.second)],
                "differing": {what: each for what, *each in pair.differing},
                "val_difference": pair.difference,
            },
            as_json=True,
        )
        return
    show_runs((pair.first, pair.second))
    if pair.differing:
        headings = ("differs in", pair.first.run, pair.second.run)
        show_table(headings, pair.differing, fold=headings)
    for line in _judgement(pair):
        say(line)


def _judgement(pair: RunComparison) -> list[str]:
    """One sentence on the difference, and the next command."""
    names = f"{pair.first.run} {pair.second.run}"
    gap = pair.difference
    if gap is None:
        said = "They share no images of a val split, so their scores there cannot be compared."
    elif gap.is_significant:
        better = pair.second.run if gap.value > 0 else pair.first.run
        said = f"{better} is better on the val split: {gap} macro-F1, {pair.second.run} less "
        said += f"{pair.first.run}."
    else:
        said = f"On the val split they do not differ beyond chance: {gap} macro-F1."
    return [said, f"Next, on the test split: cosmic evaluate {names}"]
