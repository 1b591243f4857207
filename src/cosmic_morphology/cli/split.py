"""``cosmic split``: whole groups into train, val and test, with a certificate."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    SeedOption,
    open_atlas,
    settings_for,
    show,
)

NAME = "split"


def command(
    redo: Annotated[
        bool, typer.Option("--redo", help="Assign every picture anew, not only new ones.")
    ] = False,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(
            "--hold-out",
            help="A source or collection that is for the test only; again for more.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds", min=0, max=100, help="Also deal train and val to folds.", show_default=False
        ),
    ] = None,
    seed: SeedOption = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Split without leakage, and prove it; exit code 1 when the proof fails."""
    from cosmic_morphology.curate import certify, group_pictures, split_pictures
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas, seed=seed)
    if hold_out:
        settings.split.hold_out = tuple(hold_out)
    if folds is not None:
        settings.split.folds = folds
    opened = open_atlas(settings)
    # Images that came in since the last `cosmic curate` have no group yet.
    group_pictures(opened, settings=settings.curate)
    summary = split_pictures(
        opened,
        settings=settings.split,
        seed=settings.seed,
        redo=redo,
        reject=load_taxonomy(settings.taxonomy).reject,
    )
    certificate = json.loads(certify(opened, settings=settings.curate).to_json())
    show({"split": summary, "certificate": certificate}, as_json=as_json)
