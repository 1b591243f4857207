"""Doubt learned from verdicts: wrong labels in strangers' folders, before and after 100 and 300.

    python benchmarks/curate_labels.py                  # fills build/curate-labels first
    python benchmarks/record.py curate -- python benchmarks/curate_doubt.py

The truth stands for the person: it answers for images that are drawn at random, several times, and
scores the others, none of which is of a group that has been judged. "Precision = recall": as many
images are doubted as labels are wrong.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from curate_labels import ROOT, SETTINGS, SKY, TAXONOMY, WEIGHTS, Truth, column, table, verdict
from rows import Row, emit

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate import check_mislabels, label
from cosmic_morphology.settings import LearnSettings
from cosmic_morphology.stats.bootstrap import bootstrap_ratio

COMMAND = "python benchmarks/curate_doubt.py"
BACKBONE = "vit_tiny_patch16_224"
TARGETS = {0: 0.65, 100: 0.72, 300: 0.80}
DRAWN = ("planet", "asteroid")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build/curate-labels")
    parser.add_argument("--draws", type=int, default=10)
    given = parser.parse_args()
    add_levels(Atlas.open(given.work / "atlas"))
    truth = Truth()
    for n, target in TARGETS.items():
        draws = given.draws if n else 1
        found = [Scored.of(given.work, truth, n, seed) for seed in range(draws)]
        emit(rows_of(found, n, target))


def add_levels(atlas: Atlas) -> None:
    """What ViT-Tiny's blocks see of each image, where it is not there yet."""
    from cosmic_morphology.learn.data.embed import embed_images

    half = (0.5, 0.5, 0.5)
    learn = LearnSettings(
        backbone=BACKBONE,
        weights=str(WEIGHTS.with_name(f"{BACKBONE}.safetensors")),
        weights_mean=half,
        weights_std=half,
    )
    embed_images(atlas, learn=learn, levels=True)


class Scored:
    """One draw of verdicts: what is doubted among the images that nobody has judged."""

    def __init__(self, doubt: np.ndarray, wrong: np.ndarray, groups: list[str]) -> None:
        self.wrong, self.groups = wrong, groups
        self.doubted = np.zeros(len(doubt), bool)
        self.doubted[np.argsort(-doubt, kind="stable")[: int(wrong.sum())]] = True
        self.artwork = np.zeros(len(doubt), bool)
        self.learned_from = 0

    @classmethod
    def of(cls, work: Path, truth: Truth, n: int, seed: int) -> Scored:
        strangers = sorted(truth.given)
        drawn = np.random.default_rng(seed).choice(strangers, n, replace=False).tolist()
        with tempfile.TemporaryDirectory(dir=work) as folder:
            shutil.copytree(work / "atlas", Path(folder) / "atlas")
            atlas = Atlas.open(Path(folder) / "atlas")
            if drawn:
                atlas.append_decisions([verdict(each, truth, 0) for each in drawn])
            label(atlas, taxonomy=TAXONOMY, settings=SETTINGS)
            done = check_mislabels(atlas, taxonomy=TAXONOMY, settings=SETTINGS)
            print(f"{n} verdicts, draw {seed}: {done}", file=sys.stderr)
            score, group = column(atlas, "mislabel_score"), column(atlas, "group")
        judged = {group[each] or each for each in drawn}
        left = [each for each in strangers if (group[each] or each) not in judged]
        # Without a score nothing is doubted.
        doubt = np.array([1.0 - (1.0 if score[each] is None else score[each]) for each in left])
        wrong = np.array([truth.label[each] != truth.given[each] for each in left])
        found = cls(doubt, wrong, [truth.object[each] for each in left])
        found.artwork = wrong & np.array([each in artwork() for each in left])
        found.learned_from = done.learned_from
        return found

    @property
    def precision(self) -> float:
        return float(self.wrong[self.doubted].mean())

    @property
    def artwork_found(self) -> float:
        return float(self.doubted[self.artwork].mean())


def artwork() -> set[str]:
    """Drawn images in folders of planets and asteroids: no pixel tells the good ones."""
    return {
        f"noisy:{row['file']}"
        for row in table("noisy_truth.csv")
        if row["given_label"] in DRAWN
        and row["true_label"] == TAXONOMY.reject
        and any(word in row["note"] for word in ("art", "render", "drawn"))
    }


def rows_of(found: list[Scored], n: int, target: float) -> list[Row]:
    when = f"after {n} verdicts" if n else "without verdicts"
    how = f"interval: {len(found)} draws of verdicts" if n else "interval: objects"
    how = f"strangers' folders, truth version 2; {how}"
    rows = []
    for what, aim, among in (
        ("precision = recall", target, "wrong"),
        ("artwork of planets and asteroids found", None, "artwork"),
    ):
        name = "precision" if among == "wrong" else "artwork_found"
        values = [getattr(each, name) for each in found]
        low, high = np.percentile(values, [2.5, 97.5])
        if not n:
            hits = found[0].wrong if among == "wrong" else found[0].doubted
            of = found[0].doubted if among == "wrong" else found[0].artwork
            group = np.unique(found[0].groups, return_inverse=True)[1]
            low, high = bootstrap_ratio(hits, of, group, n=1000, seed=0)
        size = round(float(np.mean([getattr(each, among).sum() for each in found])))
        ends = (round(float(np.mean(values)), 4), round(float(low), 4), round(float(high), 4))
        what_in_full = f"wrong labels {when}: {what} ({how})"
        rows.append(Row(what_in_full, *ends, size, "share", aim, "higher", COMMAND))
    return rows


if __name__ == "__main__":
    if not SKY.is_dir():
        sys.exit(f"{SKY} is missing")
    main()
