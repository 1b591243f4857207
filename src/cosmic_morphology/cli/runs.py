"""``cosmic runs``: all runs of a folder in one table, or two of them side by side."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
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
from cosmic_morphology.cli.printing import counted, say, say_next, show_table
from cosmic_morphology.cli.tables import show_runs

if TYPE_CHECKING:
    from cosmic_morphology.learn.run_folder.run_list import RunList
    from cosmic_morphology.learn.run_folder.run_pair import RunComparison
    from cosmic_morphology.settings import Settings


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
        _show_pair(pair, names or (), settings, as_json=as_json)
    elif folders:
        found = list_folders(folders, settings=scoring, seed=seed)
        _show_list(found, [str(each) for each in names or ()], settings, as_json=as_json)
    else:
        found = runs(settings.out, settings=scoring, seed=seed)
        # Other verbs know the folder of the settings only.
        words = [each.run if out is None else str(each.path) for each in found]
        _show_list(found, words, settings, as_json=as_json)


def _evaluation(names: Sequence[str], folder: Path, settings: Settings) -> str:
    """The command that evaluates runs, in the atlas that they were trained on."""
    from cosmic_morphology.learn.run_folder.folder import read_run

    runs, uri = shlex.join(names), str(read_run(folder).atlas.get("uri", ""))
    ours = str(settings.atlas)
    is_ours = uri == ours or ("://" not in ours and Path(ours).resolve() == Path(uri))
    if is_ours or not uri or not Path(uri).is_dir():
        return f"cosmic evaluate {runs}"
    return f"cosmic evaluate --atlas {shlex.quote(uri)} {runs}"


def _show_list(found: RunList, words: Sequence[str], settings: Settings, *, as_json: bool) -> None:
    if as_json:
        show({"runs": [row.cells() for row in found], "left_out": found.left_out}, as_json=True)
        return
    if found:
        show_runs(found)
    for name, why in found.left_out.items():
        say(f"left out: {name}: {why}")
    scored = sum(row.split == "test" for row in found)
    say(f"{counted(len(found), 'run')}, {scored} scored on a test split.")
    if any(row.split == "val" for row in found):
        say("Scores on val are too good: that split chose the best epoch.")
    if len(found) > 1:
        say_next(shlex.join(["cosmic", "runs", *words[:2]]))
    elif found:
        say_next(_evaluation(words[:1], found[0].path, settings))
    else:
        say_next("cosmic train")


def _show_pair(
    pair: RunComparison, names: Sequence[Path], settings: Settings, *, as_json: bool
) -> None:
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
        show_table(headings, pair.differing, wide=headings, whole=True)
    say(_judgement(pair))
    command = _evaluation([str(each) for each in names], pair.first.path, settings)
    say_next(command, purpose="on the test split")


def _judgement(pair: RunComparison) -> str:
    """One sentence on the difference."""
    gap = pair.difference
    if gap is None:
        said = "They share no images of a val split, so their scores there cannot be compared."
    elif gap.is_significant:
        better = pair.second.run if gap.value > 0 else pair.first.run
        said = f"{better} is better on the val split: {gap} macro-F1, {pair.second.run} less "
        said += f"{pair.first.run}."
    else:
        said = f"On the val split they do not differ beyond chance: {gap} macro-F1."
    return said
