"""What every verb shares: options, progress, and the two ways of printing a result."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.printing import console, say_json
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.safe_text import hide
from cosmic_morphology.suggest import suggest_names

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.settings import Settings

# What numpy, torch and scikit-learn all take.
LARGEST_SEED = 2**32 - 1

AtlasOption = Annotated[
    str | None,
    typer.Option(
        "--atlas",
        help="Folder of the atlas, or its address (s3://…).",
        show_default="that of the settings",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file (TOML).",
        show_default="cosmic.toml, where there is one",
    ),
]


class EngineName(StrEnum):
    """Values of ``--engine``."""

    LOCAL = "local"
    RAY = "ray"


EngineOption = Annotated[
    EngineName | None,
    typer.Option(
        "--engine",
        help="Fill columns on this machine, or on a Ray cluster (settings ray.*).",
        show_default="that of the settings",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output, also of an error.")
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        min=0,
        max=LARGEST_SEED,
        help="Seed for all random choices.",
        show_default="that of the settings",
    ),
]

OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of runs and reports.", show_default="that of the settings"),
]
RunArgument = Annotated[
    Path, typer.Argument(help="Name of a run, or its folder.", autocompletion=completion.runs)
]
RunsArgument = Annotated[
    list[Path],
    typer.Argument(help="Names of runs, or their folders.", autocompletion=completion.runs),
]
AblateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--ablate",
        metavar="COMPONENT=RUN",
        help="Measure a component that the first run has and RUN lacks; repeat for more.",
    ),
]
LabelsOption = Annotated[
    str, typer.Option("--labels", help="Train on the column 'label', or on the votes of one voter.")
]
TrackOption = Annotated[
    bool,
    typer.Option("--mlflow", help="Also log to MLflow: <out>/mlflow, or MLFLOW_TRACKING_URI."),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="OURS=THEIRS",
        help="Name of a column of the table where it is not ours: id=file; repeat for more.",
    ),
]
IdPrefixOption = Annotated[
    str,
    typer.Option("--id-prefix", help="Text put before each id of the table that lacks it: nasa:."),
]


def settings_for(config: Path | None, **overrides: Any) -> Settings:
    """The settings, with the command line on top."""
    from cosmic_morphology.settings import load_settings

    settings = load_settings(config, **overrides)
    hide(settings.storage_options)
    return settings


def run_at(given: Path, settings: Settings) -> Path:
    """The folder of a finished run, given by its name or its folder; torch is not imported.

    Raises
    ------
    InputError
        There is no such run, it is not finished, or a file of it cannot be used.
    """
    from cosmic_morphology.learn import find_run

    return find_run(given, out=settings.out).path


def model_at(given: Path, settings: Settings) -> Path:
    """An exported file as it is, or the folder of a finished run as :func:`run_at` finds it.

    Raises
    ------
    InputError
        As :func:`run_at` says it, or there is no such file.
    """
    if given.suffix != ".onnx" or given.is_dir():
        return run_at(given, settings)
    if not given.is_file():
        beside = sorted(str(each) for each in given.parent.glob("*.onnx"))
        near = suggest_names(str(given), beside) if beside else "Write it with `cosmic export`."
        raise InputError("there is no such exported file", where=str(given), todo=near)
    return given


def runs_and_ablated(
    runs: list[Path],
    ablate: list[str] | None,
    settings: Settings,
    find: Callable[[Path, Settings], Path] = run_at,
) -> tuple[list[Path], dict[str, Path]]:
    """Places of all runs of a command line, and of those that lack a component, by its name."""
    lacking = {n: find(Path(each), settings) for n, each in pairs("--ablate", ablate).items()}
    given = [find(each, settings) for each in runs]
    return list(dict.fromkeys([*given, *lacking.values()])), lacking


def atlas_with_images(settings: Settings) -> Atlas:
    """The atlas that the settings name, for what works on images: there has to be one."""
    opened = open_atlas(settings)
    opened.need_images()
    return opened


def open_atlas(settings: Settings, *, create: bool = False, version: str | None = None) -> Atlas:
    """The atlas that the settings name."""
    from cosmic_morphology.atlas import Atlas

    options = settings.storage_options or None
    if create:
        return Atlas.create(settings.atlas, storage_options=options)
    return Atlas.open(settings.atlas, version=version, storage_options=options)


def check_filter(atlas: Atlas, where: str, *, option: str) -> None:
    """Refuse a filter in SQL that the atlas cannot use, before anything long begins.

    Raises
    ------
    UsageError
        It names a column that is not there, is no SQL, or continues after its end.
    """
    from cosmic_morphology.atlas.query import check_filter as check

    check(atlas.table("catalogue"), where, what=option)


def pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """The values of an option that is given as NAME=VALUE, again and again."""
    return dict(name_value_pairs(option, given))


def name_value_pairs(option: str, given: list[str] | None) -> list[tuple[str, str]]:
    """The same in their order, where one name may come twice."""
    wrong = [each for each in given or [] if not each.partition("=")[0] or "=" not in each]
    if wrong:
        raise UsageError(
            f"{option} takes NAME=VALUE", where=wrong[0], todo=f"Write {option} NAME=VALUE."
        )
    split = (each.partition("=") for each in given or [])
    return [(name, value) for name, _, value in split]


def show(result: Any, *, as_json: bool, title: str = "") -> None:
    """Print a result: one JSON object, or a small table for people."""
    values = jsonable(result)
    if as_json:
        say_json(values)
        return
    from rich.table import Table

    table = Table(title=title or None, show_header=False, box=None, pad_edge=False)
    for key, value in (values if isinstance(values, dict) else {"": values}).items():
        if value not in ("", None, {}, []):
            table.add_row(key.replace("_", " "), _cell(value))
    console().print(table)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key or '(none)'} {_cell(item)}" for key, item in value.items())
    if isinstance(value, list):
        shown = [_cell(item) for item in value[:8]]
        return ", ".join(shown) + (f", … ({len(value)} in all)" if len(value) > 8 else "")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def quiet_libraries() -> None:
    """Keep warnings of libraries out of the person's terminal; tests still see them as errors."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
