"""Five folds on checked labels: scores with objects apart and with whole collections apart.

::

    python benchmarks/train_folds.py --sky DIR --weights FILE --backbone NAME --recipe best

A fold's test pictures are seen by nothing: an eighth of the groups of the other folds chooses the
epoch and the temperature. One model of seven classes (six and ``irrelevant``) is trained for each
fold; the six-class scores are those of its six classes on pictures of these. ``--keep DIR`` keeps
the folds' runs, so that a killed benchmark goes on, and what a frozen backbone sees. Two recipes
with the same ``--keep`` are compared in pairs.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from rows import Row, emit
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold

from cosmic_morphology.imaging import take_in
from cosmic_morphology.learn import build_backbone, load_run, train
from cosmic_morphology.learn.calibrate import classwise_ece
from cosmic_morphology.learn.model import TrainedModel, softmax
from cosmic_morphology.learn.pictures import Example
from cosmic_morphology.learn.recipes import load_recipe
from cosmic_morphology.learn.runs import Run
from cosmic_morphology.learn.views import Views, features_of_views
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.taxonomy import load_taxonomy

SEED = 1
N_FOLDS = 5
N_VAL_PARTS = 8
N_RESAMPLES = 1000
COVERAGE = 0.8
TARGETS = {
    ("objects", "six"): 0.94,
    ("collections", "six"): 0.92,
    ("objects", "seven"): 0.90,
    ("collections", "seven"): None,
}


class Sky:
    """Checked pictures, split anew for each fold."""

    def __init__(self, folder: Path, keep: Path | None = None, limit: int | None = None) -> None:
        truth = csv.DictReader((folder / "truth.csv").read_text("utf-8").splitlines())
        rows = [row for row in truth if row["part"] != "extra"]
        rows = rows[:: max(1, len(rows) // limit)] if limit else rows
        said = csv.DictReader((folder / "catalogue.csv").read_text("utf-8").splitlines())
        self.collection = {row["file"]: row["collection"] for row in said}
        self.ids = [row["file"] for row in rows]
        self.label = {row["file"]: row["class"] for row in rows}
        self.object = {row["file"]: row["object_name"] or row["file"] for row in rows}
        self.split: dict[str, str] = {}
        self._images, self._keep = folder / "images", keep

    def where(self) -> dict[str, str]:
        return {"uri": "pictures with checked labels", "version": "1"}

    def examples(self, labels: str) -> list[Example]:
        del labels
        return [
            Example(each, self.label[each], self.split[each], self.object[each])
            for each in self.ids
            if self.split.get(each) in ("train", "val")
        ]

    def thumbnails(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for each in ids:
            yield each, take_in((self._images / each).read_bytes()).thumbnail

    def embeddings(self, ids, learn, backbone, progress) -> np.ndarray:
        """The plain vector of each picture, for recipes that need no more."""
        del progress
        return self.views(self, ids, backbone, learn, n_views=1).vectors[:, 0].astype(np.float32)

    def views(self, table, ids, backbone, learn, *, n_views, augment=None, seed=0, **_) -> Views:
        """Every picture at once, then those asked for: folds share what a frozen net sees."""
        names = (backbone.name, backbone.n_features, n_views, "changed" if augment else "turned")
        keep = self._keep / f"{'-'.join(map(str, names))}.npz" if self._keep else None
        found = features_of_views(
            table, self.ids, backbone, learn,
            n_views=n_views, augment=augment, seed=seed, keep=keep,
        )  # fmt: skip
        at = {each: row for row, each in enumerate(found.ids)}
        kept = [each for each in ids if each in at]
        return Views(found.vectors[[at[each] for each in kept]], kept, found.unreadable)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sky", type=Path, required=True, help="pictures with checked labels")
    parser.add_argument("--weights", required=True, help="a safetensors file, 'hub' or 'none'")
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--recipe", default="best")
    parser.add_argument("--starts-from", help="a recipe that is trained first")
    parser.add_argument("--apart", choices=["objects", "collections"], action="append")
    parser.add_argument("--keep", type=Path, required=True, help="folder for the folds' runs")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--mean", type=float, nargs=3)
    parser.add_argument("--std", type=float, nargs=3)
    parser.add_argument("--limit", type=int, help="about so many pictures only")
    given = parser.parse_args()
    table = Sky(given.sky, given.keep, given.limit)
    for apart in given.apart or ("objects", "collections"):
        groups = table.object if apart == "objects" else table.collection
        probabilities = out_of_fold(table, groups, apart, given)
        emit(rows_of(table, probabilities, groups, apart, given))


def out_of_fold(
    table: Sky, groups: dict[str, str], apart: str, given: argparse.Namespace
) -> np.ndarray:
    """Probabilities of seven classes for each picture, from the fold that has not seen it."""
    taxonomy = load_taxonomy()
    found = np.zeros((len(table.ids), len(taxonomy.names_with_reject)), np.float32)
    every = np.arange(len(table.ids))
    for fold, (learnt, test) in enumerate(_folds(table, groups, N_FOLDS, every)):
        _, val = next(iter(_folds(table, groups, N_VAL_PARTS, learnt)))
        table.split = {table.ids[row]: "train" for row in learnt}
        table.split |= {table.ids[row]: "val" for row in val}
        where = f"{given.backbone}-{apart}-{fold}"
        first = _trained(table, given.starts_from, where, given) if given.starts_from else None
        run = _trained(table, given.recipe, where, given, first)
        found[test] = _judge(table, [table.ids[row] for row in test], load_run(run.path), given)
    return found


def _trained(
    table: Sky, recipe: str, where: str, given: argparse.Namespace, first: Run | None = None
) -> Run:
    file = given.keep / f"{Path(recipe).stem}-seven.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'extends = "{recipe}"\nwith_reject = true\n', "utf-8")
    after = f"-after-{given.starts_from}" if first else ""
    job = RunJob(
        name=f"{Path(recipe).stem}{after}-{where}",
        recipe=str(file),
        starts_from=first.name if first else "",
    )
    return train(
        table, job, learn=_learn(given), taxonomy=load_taxonomy(), seed=SEED, out=given.keep
    )


def _folds(
    table: Sky, groups: dict[str, str], parts: int, rows: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    labels = np.array([table.label[table.ids[row]] for row in rows])
    apart = np.array([groups[table.ids[row]] for row in rows])
    folds = StratifiedGroupKFold(parts, shuffle=True, random_state=SEED)
    for learnt, held in folds.split(rows, labels, apart):
        yield rows[learnt], rows[held]


def _judge(table: Sky, ids: list[str], model: TrainedModel, given) -> np.ndarray:
    recipe = load_recipe(given.recipe)
    if recipe.trains != "head":
        return model.predict([data for _, data in table.thumbnails(ids)])
    backbone = build_backbone(_learn(given), levels=recipe.levels)
    seen = table.views(table, ids, backbone, _learn(given), n_views=model.views).vectors
    scores = [model.predict_embeddings(seen[:, view]) for view in range(seen.shape[1])]
    return softmax(np.log(scores).mean(0))


def rows_of(
    table: Sky, probabilities: np.ndarray, groups: dict[str, str], apart: str, given
) -> list[Row]:
    """Macro-F1, F1 of each class, calibration and precision, of seven and of six classes."""
    taxonomy = load_taxonomy()
    targets = np.array([taxonomy.names_with_reject.index(table.label[e]) for e in table.ids])
    units = np.array([groups[each] for each in table.ids])
    found = []
    for kind, names in (("six", taxonomy.names), ("seven", taxonomy.names_with_reject)):
        rows = np.flatnonzero(targets < len(names))
        chances = probabilities[rows, : len(names)]
        chances = chances / chances.sum(1, keepdims=True)
        score = Scored(chances, targets[rows], units[rows])
        title = f"{given.recipe}, {given.backbone}, {kind} classes, {apart} apart, checked labels"
        found += [
            score.row(f"macro-F1: {title}", score.macro_f1, "macro-F1",
                      TARGETS[apart, kind], given),
            score.row(f"class-wise ECE: {title}", score.ece, "class-wise ECE", 0.05, given,
                      better="lower"),
            score.row(f"precision at 80 % coverage: {title}", score.precision, "share",
                      0.98, given),
        ]  # fmt: skip
        if kind == "six":
            found += [
                score.row(f"F1 of {name}: {title}", score.f1_of(at), "F1", None, given)
                for at, name in enumerate(names)
            ]
    return found


class Scored:
    """Measures of answers, with 95 % bootstrap intervals over whole groups."""

    def __init__(self, chances: np.ndarray, targets: np.ndarray, units: np.ndarray) -> None:
        self._chances, self._targets = chances, targets
        rng = np.random.default_rng(SEED)
        members = [np.flatnonzero(units == unit) for unit in np.unique(units)]
        self._drawn = [
            np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
            for _ in range(N_RESAMPLES)
        ]

    def macro_f1(self, rows: np.ndarray) -> float:
        answers = self._chances[rows].argmax(1)
        return float(f1_score(self._targets[rows], answers, average="macro"))

    def f1_of(self, at: int) -> Callable[[np.ndarray], float]:
        def measure(rows: np.ndarray) -> float:
            said, right = self._chances[rows].argmax(1) == at, self._targets[rows] == at
            return float(f1_score(right, said, zero_division=0))

        return measure

    def ece(self, rows: np.ndarray) -> float:
        return classwise_ece(self._chances[rows], self._targets[rows])

    def precision(self, rows: np.ndarray) -> float:
        surest = rows[np.argsort(-self._chances[rows].max(1))][: int(COVERAGE * len(rows))]
        return float((self._chances[surest].argmax(1) == self._targets[surest]).mean())

    def row(
        self, what: str, measure: Callable[[np.ndarray], float], unit: str,
        target: float | None, given: argparse.Namespace, better: str = "higher",
    ) -> Row:  # fmt: skip
        low, high = np.percentile([measure(rows) for rows in self._drawn], [2.5, 97.5])
        n = len(self._targets)
        return Row(
            what, round(measure(np.arange(n)), 4), round(float(low), 4), round(float(high), 4), n,
            unit, target, better, _command(given),
        )  # fmt: skip


def _command(given: argparse.Namespace) -> str:
    after = f" --starts-from {given.starts_from}" if given.starts_from else ""
    few = f" --limit {given.limit}" if given.limit else ""
    return (
        f"python benchmarks/train_folds.py --sky DIR --weights FILE --backbone {given.backbone} "
        f"--recipe {given.recipe}{after} --keep DIR{few}"
    )


def _learn(given: argparse.Namespace) -> LearnSettings:
    return LearnSettings(
        backbone=given.backbone, weights=given.weights, image_size_px=given.size,
        mean=given.mean, std=given.std,
    )  # fmt: skip


if __name__ == "__main__":
    main()
