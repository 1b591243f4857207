"""``cosmic audit``: how good votes, labels and checks are, by labels that somebody has checked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ColumnOption,
    ConfigOption,
    IdPrefixOption,
    JsonOption,
    atlas_with_images,
    pairs,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import counted, say, say_next, show_table
from cosmic_morphology.io_utils import write_json

if TYPE_CHECKING:
    from cosmic_morphology.curate import AuditTable

_SHOWN = 10


class Subset(StrEnum):
    """Halves of the groups of the table."""

    dev = "dev"
    held_out = "held-out"


def command(
    truth: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV of checked labels: id, label or class, and perhaps group."
        ),
    ],
    subset: Annotated[
        Subset | None,
        typer.Option(
            "--subset",
            help="Use half of the groups: dev to choose rules by, held-out to measure them on.",
            show_default="all groups",
        ),
    ] = None,
    column: ColumnOption = None,
    id_prefix: IdPrefixOption = "",
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure every voter, the labels and the checks against checked labels.

    Nothing is changed and nothing learns from the table. The numbers are kept in audit.json beside
    the runs, where the report finds them. Lines of the table that copies of the image or several
    models contradict are listed in audit_doubtful.csv, to be looked at again.
    """
    from cosmic_morphology.curate import audit_labels
    from cosmic_morphology.taxonomy import load_taxonomy

    settings = settings_for(config, atlas=atlas)
    found = audit_labels(
        atlas_with_images(settings),
        truth,
        taxonomy=load_taxonomy(settings.taxonomy),
        columns=pairs("--column", column),
        id_prefix=id_prefix,
        subset=subset.value if subset else "",
        seed=settings.seed,
    )
    kept = settings.out / "audit.json"
    write_json(kept, found)
    doubtful = settings.out / "audit_doubtful.csv"
    found.write_doubtful(doubtful)
    if as_json:
        show(found, as_json=True)
    else:
        _show(found, kept, doubtful)


def _show(found: AuditTable, kept: Path, doubtful: Path) -> None:
    rows = [
        (
            row.what,
            row.measure,
            f"{row.value:.3f}",
            f"[{row.low:.3f}, {row.high:.3f}]",
            str(row.n),
        )
        for row in found.rows
    ]
    show_table(("what", "measure", "value", "95 %", "n"), rows, wide=("what",))
    part = f" (subset {found.subset})" if found.subset else ""
    measured = f"{counted(found.n, 'checked label')} in {counted(found.groups, 'group')}"
    say(f"Measured on {measured}{part}; kept in {kept}.")
    if found.unknown:
        say(f"{found.unknown} lines name an image that the atlas does not have.")
    for each in found.doubtful[:_SHOWN]:
        say(f"doubtful: {each.id} is {each.label}, rather {each.rather}: {each.reason}")
    if found.doubtful:
        n = len({each.id for each in found.doubtful})
        say(f"{n} checked labels are doubtful themselves; look at them again: {doubtful}")
    say_next("cosmic report RUN", purpose="to see them beside the scores")
