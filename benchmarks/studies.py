"""The studies on real images, with checked test labels, as rows.

    python benchmarks/record.py synthesize -- python benchmarks/studies.py
    python benchmarks/record.py synthesize -- python benchmarks/studies.py realism learning-curve
    python benchmarks/record.py learn -- python benchmarks/studies.py backbones vit-tiny=FILE

It needs the atlas that benchmarks/sky.py leaves (labels computed without truth; truth came in as
verdicts on images of the test split, for scoring only), and the weights named in sky.toml. Cells
that are done already are not done again: a killed run goes on. Backbones are compared when they are
asked for: those of the model hub's cache and of the files that are named, with the one of sky.toml
as the default.
"""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

from rows import Row, emit

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.learn import embed_images
from cosmic_morphology.settings import load_settings
from cosmic_morphology.studies import run_study
from cosmic_morphology.synthesize.to_atlas import synthesize_into

HERE = Path(__file__).parent
COMMAND = "python benchmarks/studies.py"
# Enough for 4x of the rare classes cut to 25, and for half of what is real of the others.
RENDERED = {
    "asteroid": 100, "comet": 100, "galaxy": 155, "nebula": 100, "planet": 120, "star": 100,
}  # fmt: skip
RARE_TARGET, ALONE_TARGET = 0.05, 0.60


def main() -> None:
    files = [tuple(each.split("=", 1)) for each in sys.argv[1:] if "=" in each]
    wanted = [each for each in sys.argv[1:] if "=" not in each]
    wanted = wanted or [name for name in ROWS if name != "backbones"]
    settings = load_settings(HERE / "studies.toml")
    settings.learn = load_settings(HERE / "sky.toml").learn
    copy_atlas(Path(settings.atlas))
    render_into(Path(settings.study.synthetic.rendered_atlas))
    for name in wanted:
        done = run_study(
            name,
            settings,
            weights=files if name == "backbones" else (),
            progress=lambda n, of, name=name: tell(f"{name} {n}/{of}"),
        )
        for line in done.conclusion:
            tell(f"  {line}")
        emit(ROWS[name](done.csv.parent))


def tell(line: str) -> None:
    print(line, file=sys.stderr)


def copy_atlas(place: Path) -> None:
    """A copy of the atlas of benchmarks/sky.py, made once."""
    settings = load_settings(HERE / "sky.toml")
    if place.is_dir():
        return
    unfinished = place.with_name("atlas.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(settings.atlas, unfinished)
    unfinished.rename(place)


def render_into(place: Path) -> None:
    """Rendered images with the same embeddings."""
    settings = load_settings(HERE / "sky.toml")
    atlas = Atlas.create(place)
    synthesize_into(atlas, RENDERED, seed=settings.seed, workers=1)
    embed_images(atlas, learn=settings.learn.model_copy(update={"threads": 1}))


def rows_of(path: Path, **wanted: str | float) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    numbers = {"x"}
    return [
        row
        for row in found
        if all(float(row[k]) == v if k in numbers else row[k] == v for k, v in wanted.items())
    ]


def row(what: str, cells: dict[str, str], unit: str, target=None, better="higher") -> Row:
    value, low, high = (round(float(cells[name]), 4) for name in ("value", "low", "high"))
    return Row(what, value, low, high, int(cells["n"]), unit, target, better, COMMAND)


def leak(folder: Path) -> list[Row]:
    told = rows_of(folder / "study.csv", seed="all", measure="macro-F1")
    apart = rows_of(folder / "differences.csv", measure="macro-F1")
    what = "leak: what a random split by file claims beyond grouped parts"
    return [
        *(row(f"leak: macro-F1, {c['arm']} ({c['labels']} labels)", c, "macro-F1") for c in told),
        *(row(what, cells, "macro-F1", better="lower") for cells in apart),
    ]


def synthetic(folder: Path) -> list[Row]:
    setting = "asteroid and comet cut to 25 real training images each, checked labels"
    found = [
        row(f"real only: mean F1 of {cells['name']} ({setting})", cells, "mean F1")
        for cells in rows_of(folder / "study.csv", seed="all", arm="real only", measure="mean F1")
    ]
    for cells in rows_of(folder / "differences.csv", arm="rendered of the rare classes"):
        x = float(cells["x"])
        title = f"{x:g}x rendered of the rare classes added ({setting})"
        if cells["measure"] == "mean F1":
            is_rare = cells["name"] == "asteroid and comet"
            target = (RARE_TARGET if is_rare else 0.0) if x == 4 else None
            what = f"change of the mean F1 of {cells['name']}: {title}"
            found.append(row(what, cells, "mean F1", target))
        elif x == 4 and cells["name"] in ("asteroid", "comet"):
            what = f"change of the F1 of {cells['name']}: {title}"
            found.append(row(what, cells, "F1", RARE_TARGET))
    for arm in ("rendered of every class", "rendered first, then real"):
        for cells in rows_of(folder / "differences.csv", arm=arm, x=0.5, measure="mean F1"):
            what = f"change of the mean F1 of {cells['name']}: {arm}, 0.5x ({setting})"
            found.append(row(what, cells, "mean F1"))
    for cells in rows_of(
        folder / "study.csv", seed="all", arm="rendered only", x=0.5, measure="macro-F1"
    ):
        what = "rendered only (0.5x) to real: macro-F1, six classes, frozen B4, checked test labels"
        found.append(row(what, cells, "macro-F1", ALONE_TARGET))
    return found


def noise(folder: Path) -> list[Row]:
    found = []
    for x in (0.0, 0.4, 0.6):
        for cells in rows_of(folder / "study.csv", seed="all", x=x, measure="macro-F1"):
            what = f"noise: macro-F1 with {x:.0%} of the labels made wrong, {cells['arm']}"
            found.append(row(f"{what} (checked test labels)", cells, "macro-F1"))
    return found


def size(folder: Path) -> list[Row]:
    found = []
    for cells in rows_of(folder / "study.csv", seed="all", measure="macro-F1"):
        what = f"size: macro-F1 from {float(cells['x']):.0%} of the training images"
        found.append(row(f"{what} (checked test labels)", cells, "macro-F1"))
    return found


def realism(folder: Path) -> list[Row]:
    found = []
    for cells in rows_of(folder / "study.csv"):
        what = f"realism: {cells['arm']}, {cells['name']}, linear on frozen B4"
        found.append(row(what, cells, "balanced accuracy", better="lower"))
    return found


def backbones(folder: Path) -> list[Row]:
    found = []
    for cells in rows_of(folder / "study.csv", seed="all", measure="macro-F1"):
        what = (
            f"backbone: macro-F1, linear on frozen {cells['model']} at {cells['size_px']} px "
            f"(weights {cells['weights']}, folds of whole groups, {cells['labels']} labels)"
        )
        found.append(row(what, cells, "macro-F1"))
    for cells in rows_of(folder / "differences.csv", measure="macro-F1"):
        what = (
            f"backbone: macro-F1 of {cells['arm']} (weights {cells['weights']}) beyond "
            f"{cells['reference']} (weights {cells['reference_weights']}), the same images, "
            f"paired, folds of whole groups, {cells['labels']} labels"
        )
        found.append(row(what, cells, "macro-F1"))
    return found


ROWS = {
    "backbones": backbones,
    "leakage": leak,
    "synthetic": synthetic,
    "label-noise": noise,
    "learning-curve": size,
    "realism": realism,
}


if __name__ == "__main__":
    main()
