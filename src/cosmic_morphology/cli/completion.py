"""What the Tab key offers: names that are cheap to look up. Without any, the shell offers files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from cosmic_morphology.errors import CosmicError

if TYPE_CHECKING:
    from cosmic_morphology.settings import Settings


def runs(context: typer.Context, incomplete: str) -> list[str]:
    """Finished runs of the folder that the settings name."""
    from cosmic_morphology.learn.run_folder.folder import FINISHED

    settings = _settings(context)
    if settings is None:
        return []
    finished = settings.out.glob(f"runs/*/{FINISHED}")
    return _beginning(incomplete, sorted(each.parent.name for each in finished))


def recipes(incomplete: str) -> list[str]:
    """Recipes that are bundled."""
    from cosmic_morphology.learn.recipes import recipe_names

    return _beginning(incomplete, recipe_names())


def sources(incomplete: str) -> list[str]:
    """Archives and plug-ins."""
    from cosmic_morphology.collect import source_names

    return _beginning(incomplete, source_names())


def tables(incomplete: str) -> list[str]:
    """Tables of an atlas."""
    from cosmic_morphology.atlas import TABLES

    return _beginning(incomplete, TABLES)


def formats(incomplete: str) -> list[str]:
    """Formats of exports."""
    from cosmic_morphology.atlas.export.exporter import FORMATS

    return _beginning(incomplete, FORMATS)


def backbones(incomplete: str) -> list[str]:
    """Short names of backbones; timm's own are too many."""
    from cosmic_morphology.learn.models.presets import PRESETS

    return _beginning(incomplete, PRESETS)


def classes(context: typer.Context, incomplete: str) -> list[str]:
    """Classes of the taxonomy that the settings name."""
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = _settings(context)
    try:
        taxonomy = load_taxonomy(settings.taxonomy if settings else None)
    except CosmicError:
        return []
    return _beginning(incomplete, taxonomy.names_with_reject)


def _settings(context: typer.Context) -> Settings | None:
    """The settings of the command line so far; ``None`` where they are not valid.

    An error would be printed into the line that is being typed: it comes when the verb is run.
    """
    from cosmic_morphology.settings import load_settings

    try:
        return load_settings(context.params.get("config"), out=context.params.get("out"))
    except CosmicError:
        return None


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
