"""What every verb shares: options, progress, and the two ways of printing a result."""

from __future__ import annotations

import dataclasses
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosmic_morphology.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.settings import Settings

AtlasOption = Annotated[
    str | None,
    typer.Option("--atlas", help="Folder or address of the atlas (s3://…).", show_default=False),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="A settings file; otherwise cosmic.toml.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
SeedOption = Annotated[
    int | None, typer.Option("--seed", help="Of every random choice.", show_default=False)
]


def settings_for(config: Path | None, **overrides: Any) -> Settings:
    """The settings, with the command line on top."""
    from cosmic_morphology.settings import load_settings

    return load_settings(config, **overrides)


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
        It names a column that is not there, or is no SQL.
    """
    try:
        atlas.ids(where)
    except ValueError as error:
        why = str(error).partition(". Valid fields")[0].partition(", /")[0]
        raise UsageError(
            f"{option} cannot be used: {why.removeprefix('Invalid user input: ')}",
            where=where,
            todo="Write it as \"label = 'comet' AND source = 'nasa'\".",
        ) from error


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, fed with (done, in all)."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield show


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Turn a missing optional package into a line that says what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        root = (error.name or "").partition(".")[0]
        if root == "cosmic_morphology":
            raise
        raise MissingExtraError(
            f"this needs the package {root!r}, which is not installed",
            todo=f"Install it: pip install 'cosmic-morphology[{extra}]'.",
        ) from error


def pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """The values of an option that is given as NAME=VALUE, again and again."""
    wrong = [each for each in given or [] if "=" not in each]
    if wrong:
        raise UsageError(f"{option} takes NAME=VALUE", where=wrong[0])
    return dict(each.split("=", 1) for each in given or [])


def plain(value: Any) -> Any:
    """Any result as JSON-able values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return str(value)


def show(result: Any, *, as_json: bool, title: str = "") -> None:
    """Print a result: one JSON object, or a small table for people."""
    values = plain(result)
    if as_json:
        sys.stdout.write(json.dumps(values, ensure_ascii=False, default=str) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, show_header=False, box=None, pad_edge=False)
    for key, value in (values if isinstance(values, dict) else {"": values}).items():
        if value not in ("", None, {}, []):
            table.add_row(key.replace("_", " "), _cell(value))
    Console().print(table)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_cell(item)}" for key, item in value.items())
    if isinstance(value, list):
        shown = [_cell(item) for item in value[:8]]
        return ", ".join(shown) + (f", … ({len(value)} in all)" if len(value) > 8 else "")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def quiet_libraries() -> None:
    """Keep warnings of libraries out of the person's terminal; tests still see them as errors."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
