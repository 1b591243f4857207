"""Galaxy Zoo: shapes of real galaxies, fractions of real votes, and simulated volunteers.

::

    python benchmarks/record.py learn -- python benchmarks/galaxy_zoo.py shapes --keep DIR
    python benchmarks/record.py learn -- python benchmarks/galaxy_zoo.py fractions --keep DIR
    python benchmarks/record.py learn -- python benchmarks/galaxy_zoo.py voters --keep DIR

``shapes``: five folds of real SDSS galaxies in a stranger's folders; whatever is chosen is chosen
by four folds within the training images. ``fractions``: real DECaLS galaxies, learned from
automated fractions, scored on the fractions of volunteers' votes. ``voters``: the product's own
way from a catalogue of simulated volunteers to a model, on the replica's galaxies, whose true
shapes only score. ``--keep`` keeps what backbones see.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from fold_scores import N_RESAMPLES, SEED, Scored
from galaxy_measures import measures, radius_px
from galaxy_voters import voters
from PIL import Image
from rows import Row, emit
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cosmic_morphology.learn import build_backbone
from cosmic_morphology.settings import LearnSettings

SHARED = Path(__file__).parents[2] / "shared"
WEIGHTS = {
    "tf_efficientnet_b4": (None, None),
    "vit_tiny_patch16_224": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "tf_efficientnet_lite0": ((127 / 255,) * 3, (128 / 255,) * 3),
}
# Net and side of the square around the galaxy, in its radii (0: the whole image).
LOOKS = (("vit_tiny_patch16_224", 1.4), ("tf_efficientnet_b4", 1.4))
WHOLE = ("tf_efficientnet_lite0", 0.0)
COMPONENTS = 40
SPIRALS = ("spiral_anticlockwise", "spiral_clockwise")
LABELS = "labels of a stranger's folders, each galaxy a group"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["shapes", "fractions", "voters"])
    parser.add_argument("--keep", type=Path, required=True, help="folder for features and runs")
    parser.add_argument("--galaxies", type=int, default=600, help="of the replica (voters)")
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    command = f"python benchmarks/galaxy_zoo.py {given.what} --keep DIR"
    if given.what == "voters":
        few = (
            ""
            if given.galaxies == parser.get_default("galaxies")
            else (f" --galaxies {given.galaxies}")
        )
        emit(voters(given.keep, SHARED / "weights", given.galaxies, command + few))
    else:
        emit((shapes if given.what == "shapes" else fractions)(given.keep, command))


# ---- real shapes --------------------------------------------------------------------------------


def shapes(keep: Path, command: str) -> list[Row]:
    table = rows_of("sdss")
    files = [row["file"] for row in table]
    six = np.array([row["cls"] for row in table])
    five = np.where(np.isin(six, SPIRALS), "spiral", six)
    same, signed = measured(files, keep / "sdss-measures.npz")
    nets = [seen(files, net, radii, keep) for net, radii in LOOKS]
    # The last stage alone, of the whole image: the plain probe.
    width = build_backbone(learn_settings(WHOLE[0])).n_features
    whole = seen(files, *WHOLE, keep)[:, -width:]
    found, plain = np.zeros((len(five), 5)), np.zeros((len(five), 5))
    turns = np.zeros(len(five))
    for learned, test in _folds(5, SEED).split(same, five):
        found[test] = _answers(same, nets, five, learned, test)
        plain[test] = _probe(whole, five, learned, test)
        turns[test] = _clockwise(signed, six, learned, test)
    rows = _rows_of_shapes("five shapes", found, plain, five, 0.75, command)
    at = sorted(set(five)).index("spiral")
    both = [np.column_stack([
        np.delete(each, at, 1), each[:, at] * (1 - chance), each[:, at] * chance
    ]) for each, chance in ((found, turns), (plain, np.full(len(five), 0.5)))]  # fmt: skip
    names = [*np.delete(sorted(set(five)), at), *SPIRALS]
    order = np.argsort(names)
    return rows + _rows_of_shapes(
        "six, with the direction of the spiral", both[0][:, order], both[1][:, order], six, 0.70,
        command,
    )  # fmt: skip


def _rows_of_shapes(
    kind: str,
    found: np.ndarray,
    plain: np.ndarray,
    names: np.ndarray,
    target: float,
    command: str,
) -> list[Row]:
    targets = np.unique(names, return_inverse=True)[1]
    units = np.arange(len(names))
    one, other = Scored(found, targets, units), Scored(plain, targets, units)
    how = "measures and nets, trees or probe as four inner folds choose"
    title = f"real SDSS galaxies, {kind}, {LABELS}, 5 folds"
    drawn = np.random.default_rng(SEED).integers(0, len(names), (N_RESAMPLES, len(names)))
    gains = [one.macro_f1(rows) - other.macro_f1(rows) for rows in drawn]
    low, high = np.percentile(gains, [2.5, 97.5])
    gain = one.macro_f1(units) - other.macro_f1(units)
    return [
        one.row(f"macro-F1: {how}, {title}", one.macro_f1, "macro-F1", target, command),
        other.row(
            f"macro-F1: plain probe on Lite0, {title}", other.macro_f1, "macro-F1", None, command
        ),
        Row(f"macro-F1 less that of the plain probe: {how}, {title}", round(gain, 4),
            round(low, 4), round(high, 4), len(names), "macro-F1", command=command),
        one.row(
            f"class-wise ECE: {how}, {title}", one.ece, "class-wise ECE", None, command, "lower"
        ),
    ]  # fmt: skip


def _answers(
    same: np.ndarray,
    nets: Sequence[np.ndarray],
    names: np.ndarray,
    learned: np.ndarray,
    test: np.ndarray,
) -> np.ndarray:
    """Probabilities of the test images by what does best on folds of the training images."""
    inner = np.zeros((len(learned), 2, len(set(names))))
    for some, held in _folds(4, SEED + 1).split(learned, names[learned]):
        inner[held] = _both(same, nets, names, learned[some], learned[held])
    kinds = np.array(sorted(set(names)))
    choices = {"trees": [1, 0], "probe": [0, 1], "mean": [0.5, 0.5]}
    best = max(choices, key=lambda name: f1_score(
        names[learned], kinds[_mixed(inner, choices[name]).argmax(1)], average="macro"
    ))  # fmt: skip
    return _mixed(_both(same, nets, names, learned, test), choices[best])


def _mixed(both: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    mean = np.exp(np.tensordot(np.log(both + 0.003), weights, (1, 0)))
    return np.asarray(mean / mean.sum(1, keepdims=True))


def _both(
    same: np.ndarray,
    nets: Sequence[np.ndarray],
    names: np.ndarray,
    learned: np.ndarray,
    test: np.ndarray,
) -> np.ndarray:
    """Answers of trees and of a linear probe, shape ``(N, 2, K)``."""
    parts = [same]
    for net in nets:
        scaled = make_pipeline(StandardScaler(), PCA(COMPONENTS, random_state=SEED))
        scaled.fit(net[learned])
        parts.append(scaled.transform(net))
    features = np.hstack(parts)
    trees = ExtraTreesClassifier(
        300, min_samples_leaf=2, max_features=0.2, class_weight="balanced", random_state=SEED
    )
    probe = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=500)
    )
    return np.stack(
        [
            each.fit(features[learned], names[learned]).predict_proba(features[test])
            for each in (trees, probe)
        ],
        axis=1,
    )


def _probe(
    features: np.ndarray, names: np.ndarray, learned: np.ndarray, test: np.ndarray
) -> np.ndarray:
    probe = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=500)
    )
    return np.asarray(probe.fit(features[learned], names[learned]).predict_proba(features[test]))


def _clockwise(
    signed: np.ndarray, six: np.ndarray, learned: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """The chance that a spiral turns clockwise: a mirror changes it to one less it.

    A model without intercept on what changes its sign in a mirror knows this by itself: as if
    each spiral had been seen mirrored, too, under the other name.
    """
    spirals = learned[np.isin(six[learned], SPIRALS)]
    scale = np.sqrt((signed[spirals] ** 2).mean(0))
    model = LogisticRegression(C=0.03, fit_intercept=False, max_iter=1000)
    model.fit(signed[spirals] / scale, six[spirals] == SPIRALS[1])
    return np.asarray(model.predict_proba(signed[test] / scale)[:, 1])


def _folds(parts: int, seed: int) -> StratifiedKFold:
    return StratifiedKFold(parts, shuffle=True, random_state=seed)


# ---- real fractions -----------------------------------------------------------------------------


def fractions(keep: Path, command: str) -> list[Row]:
    table = rows_of("decals")
    files = [row["file"] for row in table]
    same, _ = measured(files, keep / "decals-measures.npz")
    net = seen(files, *WHOLE, keep)
    voted = np.array([bool(row["volunteer_total_votes"]) for row in table])
    automated = np.array(
        [float(row["smooth-or-featured_featured-or-disk_fraction"]) for row in table]
    )
    learned, test = np.flatnonzero(~voted), np.flatnonzero(voted)
    said = np.array([float(table[row]["volunteer_featured_or_disk_fraction"]) for row in test])
    predicted = _fraction_by_best(same, net, automated[learned], learned, test)
    usual = np.full(len(test), automated[learned].mean())
    drawn = np.random.default_rng(SEED).integers(0, len(test), (N_RESAMPLES, len(test)))

    def ratio(rows: np.ndarray) -> float:
        errors = [np.sqrt(((each[rows] - said[rows]) ** 2).mean()) for each in (predicted, usual)]
        return float(errors[0] / errors[1])

    everything = np.arange(len(test))
    low, high = np.percentile([ratio(rows) for rows in drawn], [2.5, 97.5])
    what = (
        "real DECaLS galaxies: RMS error of the featured fraction against that of predicting the "
        f"mean; learned from automated fractions of {len(learned)} others, scored on fractions of "
        "volunteers' votes (37 to 50 each), each galaxy a group"
    )
    spread = np.sqrt((said * (1 - said) / [_votes(table[row]) for row in test]).mean())
    error = np.sqrt(((predicted - said) ** 2).mean())
    return [
        Row(what, round(ratio(everything), 4), round(low, 4), round(high, 4), len(test), "ratio",
            1.0, "lower", command),
        Row(f"{what}: the error itself (of it {spread:.3f} is chance of so many votes)",
            round(float(error), 4), n=len(test), unit="RMSE", better="lower", command=command),
    ]  # fmt: skip


def _votes(row: dict[str, str]) -> float:
    return float(row["volunteer_total_votes"])


def _fraction_by_best(
    same: np.ndarray, net: np.ndarray, fraction: np.ndarray, learned: np.ndarray, test: np.ndarray
) -> np.ndarray:
    """Predicted fractions of the test images; five folds of the others choose who predicts."""
    models = {
        "ridge on the net": (net, _ridge()),
        "ridge on measures": (same, _ridge()),
        "trees on measures": (
            same,
            ExtraTreesRegressor(300, min_samples_leaf=5, max_features=0.2, random_state=SEED),
        ),
    }
    errors = {}
    for name, (features, model) in models.items():
        held = np.zeros(len(learned))
        for some, other in KFold(5, shuffle=True, random_state=SEED).split(learned):
            model.fit(features[learned[some]], fraction[some])
            held[other] = model.predict(features[learned[other]])
        errors[name] = float(((held - fraction) ** 2).mean())
    features, model = models[min(errors, key=errors.__getitem__)]
    return np.asarray(model.fit(features[learned], fraction).predict(features[test]))


def _ridge() -> RidgeCV:
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(2, 6, 9)))


# ---- what is seen -------------------------------------------------------------------------------


def rows_of(name: str) -> list[dict[str, str]]:
    with (SHARED / "galaxyzoo" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def measured(files: Sequence[str], kept: Path) -> tuple[np.ndarray, np.ndarray]:
    if not kept.is_file():
        found = [measures(_pixels(file)) for file in files]
        np.savez(kept, same=[each for each, _ in found], signed=[each for _, each in found])
    with np.load(kept) as found:
        return found["same"], found["signed"]


def seen(files: Sequence[str], net: str, radii: float, keep: Path) -> np.ndarray:
    """What the stages of a net see of each galaxy and of its mirror image, averaged."""
    kept = keep / f"{files[0].split('/')[0]}-{net}-{radii:g}.npy"
    if not kept.is_file():
        learn = learn_settings(net)
        backbone = build_backbone(learn, levels=True)
        parts = []
        with torch.inference_mode():
            for file in files:
                square = torch.from_numpy(_square(_pixels(file), radii, 224)).permute(2, 0, 1)
                views = torch.stack([square, square.flip(-1)])
                parts.append(backbone.model(backbone.preprocessing.normalised(views)).mean(0))
        np.save(kept, torch.stack(parts).numpy())
    return np.asarray(np.load(kept), np.float32)


def learn_settings(net: str) -> LearnSettings:
    mean, std = WEIGHTS[net]
    weights = str(SHARED / "weights" / f"{net}.safetensors")
    return LearnSettings(backbone=net, weights=weights, weights_mean=mean, weights_std=std)


def _square(pixels: np.ndarray, radii: float, side: int) -> np.ndarray:
    half = len(pixels) / 2
    if radii:
        half = min(max(radii * radius_px(pixels), 20.0), half)
    middle = len(pixels) / 2
    box = [round(middle - half)] * 2 + [round(middle + half)] * 2
    cut = Image.fromarray(pixels).crop(box).resize((side, side), Image.Resampling.BICUBIC)
    return np.array(cut)


def _pixels(file: str) -> np.ndarray:
    return np.array(Image.open(SHARED / "galaxyzoo" / file).convert("RGB"))


if __name__ == "__main__":
    main()
