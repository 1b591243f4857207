"""``cosmic split``: whole groups into train, val and test, with a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    SeedOption,
    atlas_with_images,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.cli.stage_tables import show_split

if TYPE_CHECKING:
    from cosmic_morphology.curate import SplitResult


def command(
    redo: Annotated[
        bool, typer.Option("--redo", help="Assign every image again, not only new ones.")
    ] = False,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(
            "--hold-out",
            help="Source or collection that is used for testing only; repeat for more.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds",
            min=0,
            max=100,
            help="Also divide train and val into N folds; 0: into none.",
            show_default="that of the settings",
        ),
    ] = None,
    seed: SeedOption = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Split into train, val and test without leakage; exit code 1 where a leak is found."""
    from cosmic_morphology.curate import group_images, split_images
    from cosmic_morphology.curate.split.mending import certify_and_mend, splits_before
    from cosmic_morphology.pipeline.proof import CERTIFICATE_FILE, write_proof
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas, seed=seed)
    if hold_out:
        settings.split.hold_out = tuple(hold_out)
    if folds is not None:
        settings.split.folds = folds
    opened = atlas_with_images(settings)
    # Images that came in since the last `cosmic curate` have no group yet.
    group_images(opened, settings=settings.curate)
    before = splits_before(opened)
    if redo:
        before = before.slice(0, 0)

    def split(*, again: bool = True) -> SplitResult:
        return split_images(
            opened,
            settings=settings.split,
            seed=settings.seed,
            redo=redo and not again,
            reject=load_taxonomy(settings.taxonomy).reject,
        )

    summary = split(again=False)
    with progress("comparing every pair across the split") as report:
        mended = certify_and_mend(
            opened, settings=settings.curate, before=before, split_again=split, progress=report
        )
    certificate, tied = mended.certificate, mended.tied
    if tied:
        summary = split()
    write_proof(opened, certificate, settings.out / CERTIFICATE_FILE)
    if as_json:
        found = {"split": summary, "tied_by_the_proof": tied, "certificate": certificate}
        show(found, as_json=True)
    else:
        show_split(summary, certificate, tied=tied)
