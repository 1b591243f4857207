"""A rendered archive for a replica to serve, with the verdicts of somebody who knows the truth."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

from cosmic_morphology.atlas import RENDERER
from cosmic_morphology.errors import SettingsError
from cosmic_morphology.io_utils import CsvRows, whole_text, write_text
from cosmic_morphology.suggest import suggest_names


def render_archive(folder: Path, counts: dict[str, int], *, seed: int) -> tuple[Path, Path]:
    """Write images, their catalogue and ``verdicts.csv``; nothing when they are there.

    Parameters
    ----------
    folder : Path
        ``images/``, ``catalogue.csv`` and ``verdicts.csv`` go there.
    counts : dict of str to int
        Images of each class.
    seed : int
        Of every random choice.

    Returns
    -------
    tuple of Path
        The folder of images, and the catalogue.
    """
    from cosmic_morphology.synthesize import RENDERED_CLASSES
    from cosmic_morphology.synthesize.archive import write_archive

    unknown = sorted(set(counts) - set(RENDERED_CLASSES))
    if unknown:
        raise SettingsError(
            f"{unknown[0]!r} cannot be rendered",
            where="replica.rendered",
            todo=suggest_names(unknown[0], RENDERED_CLASSES),
        )
    images, catalogue, finished = (
        folder / "images",
        folder / "catalogue.csv",
        folder / "finished.json",
    )
    asked = {"counts": counts, "seed": seed}
    if not (finished.is_file() and json.loads(finished.read_text("utf-8")) == asked):
        if folder.exists():
            shutil.rmtree(folder)
        write_archive(folder, counts, seed=seed)
        _write_verdicts(folder / "truth.csv", folder / "verdicts.csv")
        write_text(finished, json.dumps(asked))
    return images, catalogue


def _write_verdicts(truth: Path, verdicts: Path) -> None:
    with truth.open(encoding="utf-8") as rows, whole_text(verdicts) as file:
        table = CsvRows(file)
        table.write(["id", "label", "who", "when", "why"])
        for row in csv.DictReader(rows):
            stem = Path(row["file"]).stem
            table.write([f"nasa:{stem}", row["class"], RENDERER, "2026-01-01", "drawn so"])
