"""Which verbs there are; the module of a verb is imported when the verb is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from cosmic_morphology.cli.checked import CheckedCommand

# By the panel of the help that they stand in.
PANELS = {
    "Everything at once": ("demo", "start", "run"),
    "Get images": ("collect", "import", "synthesize", "replica", "status", "explore"),
    "Curate labels and split": (
        *("embed", "curate", "explain", "duplicates", "audit", "split", "review"),
    ),
    "Train and measure": ("train", "sweep", "runs", "evaluate", "report", "predict", "study"),
    "Look and give on": ("serve", "export", "model-card", "cite", "atlas"),
}
_PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names}
# Those with verbs of their own.
_GROUPS = {"review", "atlas"}
# What is a word of Python cannot be the name of a module.
_MODULES = {"import": "import_"}


class VerbGroup(TyperGroup):
    """All verbs: their names are known, and each is made when it is looked at."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands: Any = _Verbs()


class _Verbs(Mapping[str, Any]):
    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _made(name, _PANEL_OF[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_PANEL_OF)

    def __len__(self) -> int:
        return len(_PANEL_OF)

    def __contains__(self, name: object) -> bool:
        # That of a mapping would make the verb.
        return name in _PANEL_OF


def _made(name: str, panel: str) -> Any:
    module = import_module(f"{__package__}.{_MODULES.get(name, name.replace('-', '_'))}")
    alone = typer.Typer(add_completion=False)
    if name in _GROUPS:
        alone.add_typer(module.app, name=name, rich_help_panel=panel)
    else:
        alone.command(name, cls=CheckedCommand, rich_help_panel=panel)(module.command)
    return typer.main.get_group(alone).commands[name]
