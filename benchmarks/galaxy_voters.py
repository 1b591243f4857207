"""From a catalogue of simulated volunteers to a model, the product's own way, on the replica."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from fold_scores import SEED, Scored
from rows import Row
from sklearn.metrics import f1_score

import cosmic_morphology as cosmic
from cosmic_morphology.replica import ArchiveCatalogue
from cosmic_morphology.replica.archives.galaxy_zoo import write_galaxy_zoo
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.settings import (
    CollectJob,
    CollectSettings,
    LearnSettings,
    RunJob,
    Settings,
    SplitSettings,
)
from cosmic_morphology.stats.calibration import weighted_ece

SIZE_PX, SCALE_ARCSEC = 96, 0.396
NET = "tf_efficientnet_lite0"
TRUE = {
    "elliptical": "elliptical",
    "clockwise-spiral": "spiral",
    "anticlockwise-spiral": "spiral",
    "edge-on": "edge-on disk",
    "merger": "merger",
}


def voters(keep: Path, weights: Path, n_galaxies: int, command: str) -> list[Row]:
    folder = keep / "voters"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    truth = {
        each.identifier: TRUE[each.galaxy.shape]
        for each in write_galaxy_zoo(folder / "zoo.csv", n_galaxies, seed=SEED)
    }
    taxonomy = cosmic.load_taxonomy("galaxy-morphology")
    atlas = cosmic.Atlas.create(str(folder / "atlas"))
    options = {"table": str(folder / "zoo.csv"), "size_px": SIZE_PX, "scale_arcsec": SCALE_ARCSEC}
    manners = CollectSettings(contact="benchmark@example.org", requests_per_s=200.0)
    with cosmic.Replica(ArchiveCatalogue.numbered(1), quirks=Quirks.none()) as replica:
        job = CollectJob(type="cutouts", queries=("skyserver",), root=replica.url, options=options)
        cosmic.collect_images(atlas, job, manners, taxonomy)
    settings = Settings(taxonomy=Path("galaxy-morphology"))
    cosmic.curate_images(atlas, taxonomy=taxonomy, settings=settings)
    halves = SplitSettings(train=0.5, val=0.1, test=0.4)
    cosmic.split_images(atlas, settings=halves, seed=SEED)
    learn = LearnSettings(
        backbone=NET,
        weights=str(weights / f"{NET}.safetensors"),
        weights_mean=(127 / 255,) * 3,
        weights_std=(128 / 255,) * 3,
    )
    run = cosmic.train(
        atlas, RunJob(name="votes", recipe="volunteer-votes"), learn=learn, taxonomy=taxonomy,
        seed=SEED, out=folder,
    )  # fmt: skip
    cosmic.predict_images(atlas, cosmic.load_model(run.path))
    return _rows(atlas, taxonomy.names, truth, command)


def _rows(
    atlas: cosmic.Atlas, classes: tuple[str, ...], truth: dict[str, str], command: str
) -> list[Row]:
    columns = ["id", "names", "votes", "probabilities_votes"]
    rows = atlas.read(columns, where="split = 'test'").to_pylist()
    said = np.array([row["probabilities_votes"] for row in rows])
    shares = np.array([
        [sum(v["weight"] for v in row["votes"] if v["label"] == name and v["people"])
         for name in classes]
        for row in rows
    ])  # fmt: skip
    shares /= shares.sum(1, keepdims=True)
    true = np.array([classes.index(truth[row["names"][0]]) for row in rows])
    units = np.arange(len(rows))
    kinds = sorted(set(true.tolist()))

    def macro_f1(answers: np.ndarray, chosen: np.ndarray) -> float:
        return float(
            f1_score(true[chosen], answers[chosen], labels=kinds, average="macro", zero_division=0)
        )

    def share(chosen: np.ndarray) -> float:
        return macro_f1(said.argmax(1), chosen) / macro_f1(shares.argmax(1), chosen)

    def calibration(chosen: np.ndarray) -> float:
        ones = np.ones((1, len(chosen)), np.float32)
        return float(weighted_ece(said[chosen], shares[chosen])(ones)[0])

    score = Scored(said, true, units)
    title = (
        f"replica's galaxies through a catalogue of simulated volunteers ({len(kinds)} shapes, "
        f"volunteer-votes on {NET}, learned from their votes)"
    )
    of_truth = "true shapes as drawn, each galaxy a group"
    return [
        score.row(f"macro-F1 as a share of the volunteers' own majority: {title}, {of_truth}",
                  share, "ratio", 0.95, command),
        score.row(f"macro-F1: {title}, {of_truth}",
                  lambda chosen: macro_f1(said.argmax(1), chosen), "macro-F1", None, command),
        score.row(f"macro-F1 of the volunteers' majority: {title}, {of_truth}",
                  lambda chosen: macro_f1(shares.argmax(1), chosen), "macro-F1", None, command),
        score.row(f"class-wise ECE against the volunteers' shares: {title}, fractions of votes, "
                  "each galaxy a group", calibration, "class-wise ECE", 0.05, command, "lower"),
    ]  # fmt: skip
