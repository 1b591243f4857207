"""Numbers of learning. Rows go to standard output; pictures and weights are given, not found.

::

    python benchmarks/train.py sky --sky DIR --weights FILE --backbone NAME --cache DIR
    python benchmarks/train.py speed --sky DIR --weights FILE --backbone NAME
    python benchmarks/train.py onnx --sky DIR --weights FILE --backbone NAME

``sky``: five folds on checked labels. A fold's test pictures are seen by nothing: a fifth of the
groups of the other folds chooses the epoch and the temperature. What the frozen backbone sees is
kept in ``--cache``, because folds share their pictures. ``speed``: the baseline against the usual
loop, written out below, in one run. ``onnx``: one picture at a time against torch.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from rows import Row, emit
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold

from cosmic_morphology.imaging import take_in
from cosmic_morphology.learn import build_backbone, export_onnx, load_run, train
from cosmic_morphology.learn.calibrate import classwise_ece
from cosmic_morphology.learn.onnx_export import OnnxModel
from cosmic_morphology.learn.pictures import Example
from cosmic_morphology.learn.preprocessing import Preprocessing
from cosmic_morphology.learn.views import Views, features_of_views
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.taxonomy import load_taxonomy

SEED = 1
N_FOLDS = 5
N_RESAMPLES = 1000
TARGETS = {"objects, six": 0.94, "collections, six": 0.92, "objects, seven": 0.90}
RECIPES = {
    "baseline": 'extends = "baseline"\n',
    "best": 'extends = "best"\n',
    "best without middle stages": 'extends = "best"\nlevels = false\n',
    "best without changed copies": 'extends = "best"\ntrain_views = 1\n',
    "best without turned views": 'extends = "best"\nviews = 1\n',
}


class Sky:
    """Checked pictures, split anew for each fold, seen once for all folds."""

    def __init__(self, folder: Path, cache: Path | None, limit: int | None) -> None:
        truth = csv.DictReader((folder / "truth.csv").read_text("utf-8").splitlines())
        rows = [row for row in truth if row["part"] != "extra"]
        self.rows = rows[:: max(1, len(rows) // limit)] if limit else rows
        said = csv.DictReader((folder / "catalogue.csv").read_text("utf-8").splitlines())
        self.collections = {row["file"]: row["collection"] for row in said}
        self.ids = [row["file"] for row in self.rows]
        self.label = {row["file"]: row["class"] for row in self.rows}
        self.object = {row["file"]: row["object_name"] or row["file"] for row in self.rows}
        self.split: dict[str, str] = {}
        self._images, self._cache = folder / "images", cache

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
        """Every picture at once, then those asked for."""
        names = (backbone.name, backbone.n_features, n_views, "changed" if augment else "turned")
        keep = self._cache / f"{'-'.join(map(str, names))}.npz" if self._cache else None
        found = features_of_views(
            table, self.ids, backbone, learn,
            n_views=n_views, augment=augment, seed=seed, keep=keep,
        )  # fmt: skip
        at = {each: row for row, each in enumerate(found.ids)}
        kept = [each for each in ids if each in at]
        return Views(found.vectors[[at[each] for each in kept]], kept, found.unreadable)


def sky(given: argparse.Namespace) -> None:
    """Macro-F1, calibration and precision at 80 % coverage, fold by fold."""
    table = Sky(given.sky, given.cache, given.limit)
    settings = [
        ("objects, six", table.object, False),
        ("collections, six", table.collections, False),
        ("objects, seven", table.object, True),
    ]
    for name, text in RECIPES.items():
        for what, groups, with_reject in settings:
            if given.only and given.only != name:
                continue
            ids, probabilities, classes = _folds(table, groups, text, with_reject, given)
            emit(_rows(table, ids, probabilities, classes, groups, name, what, given))


def _folds(
    table: Sky, groups: dict[str, str], recipe: str, with_reject: bool, given: argparse.Namespace
) -> tuple[list[str], np.ndarray, tuple[str, ...]]:
    taxonomy = load_taxonomy()
    classes = taxonomy.names_with_reject if with_reject else taxonomy.names
    ids = [each for each in table.ids if table.label[each] in classes]
    labels = np.array([table.label[each] for each in ids])
    apart = np.array([groups[each] for each in ids])
    found = np.zeros((len(ids), len(classes)), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "recipe.toml"
        file.write_text(f"{recipe}with_reject = {str(with_reject).lower()}\n", "utf-8")
        folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=SEED)
        for fold, (learnt, test) in enumerate(folds.split(ids, labels, apart)):
            inner = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=SEED)
            _, val = next(inner.split(learnt, labels[learnt], apart[learnt]))
            table.split = {ids[row]: "train" for row in learnt}
            table.split |= {ids[learnt[row]]: "val" for row in val}
            job = RunJob(name=f"fold{fold}", recipe=str(file))
            run = train(
                table, job, learn=_learn(given), taxonomy=taxonomy, seed=SEED, out=Path(folder)
            )
            found[test] = _judge(table, [ids[row] for row in test], load_run(run.path), given)
    return ids, found, classes


def _judge(table: Sky, ids: list[str], model, given: argparse.Namespace) -> np.ndarray:
    levels = type(model.network.backbone).__name__ == "Levels"
    backbone = build_backbone(_learn(given), levels=levels)
    seen = table.views(table, ids, backbone, _learn(given), n_views=model.views)
    with torch.inference_mode():
        scores = model.network.head(torch.from_numpy(seen.vectors)) / model.temperature
    return scores.softmax(1).numpy()


def _rows(
    table: Sky, ids: list[str], probabilities: np.ndarray, classes: tuple[str, ...],
    groups: dict[str, str], name: str, what: str, given: argparse.Namespace,
) -> list[Row]:  # fmt: skip
    targets = np.array([classes.index(table.label[each]) for each in ids])
    apart = np.array([groups[each] for each in ids])

    def coverage_precision(rows: np.ndarray) -> float:
        sure = rows[np.argsort(-probabilities[rows].max(1))][: int(0.8 * len(rows))]
        return float((probabilities[sure].argmax(1) == targets[sure]).mean())

    def macro(rows: np.ndarray) -> float:
        return float(f1_score(targets[rows], probabilities[rows].argmax(1), average="macro"))

    command = _command(given)
    title = f"{name}, {given.backbone}, {what} classes apart by group, checked labels"
    every = np.arange(len(ids))
    rows = []
    for label, measure, target, better in (
        ("macro-F1", macro, TARGETS[what], "higher"),
        ("class-wise ECE", lambda r: classwise_ece(probabilities[r], targets[r]), 0.05, "lower"),
        ("precision at 80 % coverage", coverage_precision, 0.98, "higher"),
    ):
        low, high = _interval(measure, apart)
        rows.append(
            Row(f"{label}: {title}", round(measure(every), 4), low, high, len(ids), label, target,
                better, command)
        )  # fmt: skip
    return rows


def _interval(measure: Callable[[np.ndarray], float], apart: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval over whole groups."""
    rng = np.random.default_rng(SEED)
    members = [np.nonzero(apart == group)[0] for group in np.unique(apart)]
    drawn = [
        measure(np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))]))
        for _ in range(N_RESAMPLES)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def speed(given: argparse.Namespace) -> None:
    """Seconds to the baseline's end: ours against the usual loop over twenty epochs."""
    table = Sky(given.sky, None, given.limit or 200)
    taxonomy = load_taxonomy()
    ids = [each for each in table.ids if table.label[each] in taxonomy.names]
    table.split = {each: "val" if n % 5 == 0 else "train" for n, each in enumerate(ids)}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = train(
            table, RunJob(name="ours"), learn=_learn(given), taxonomy=taxonomy, seed=SEED,
            out=Path(folder),
        )  # fmt: skip
        ours = time.perf_counter() - began
    epochs = run.metrics["epochs"]
    theirs = _usual_loop(table, ids, taxonomy.names, given) * epochs
    emit(
        [
            Row(
                f"time to the baseline's accuracy against the usual loop (one epoch of it, times "
                f"the epochs that ours took), {given.backbone}",
                round(theirs / ours, 1), None, None, len(ids), "times faster", 20.0, "higher",
                _command(given),
            )
        ]
    )  # fmt: skip


class _Folder(torch.utils.data.Dataset):
    def __init__(self, table: Sky, ids: list[str], names: tuple[str, ...], how: Preprocessing):
        self._items = [(data, names.index(table.label[i])) for i, data in table.thumbnails(ids)]
        self._how = how

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        data, label = self._items[row]
        return torch.tensor(self._how.pixels(data)).permute(2, 0, 1), label


def _usual_loop(
    table: Sky, ids: list[str], names: tuple[str, ...], given: argparse.Namespace
) -> float:
    """Seconds of one epoch that decodes and passes every picture through the frozen net."""
    backbone = build_backbone(_learn(given))
    model, head = backbone.model.eval(), torch.nn.Linear(backbone.n_features, len(names))
    optimiser = torch.optim.Adam(head.parameters(), lr=1e-3)
    pictures = _Folder(table, ids, names, backbone.preprocessing)
    batches = torch.utils.data.DataLoader(pictures, batch_size=32, shuffle=True, num_workers=2)
    began = time.perf_counter()
    for pixels, labels in batches:
        with torch.no_grad():
            features = model(backbone.preprocessing.normalised(pixels))
        loss = torch.nn.functional.cross_entropy(head(features), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return time.perf_counter() - began


def onnx(given: argparse.Namespace) -> None:
    """Parity on real pictures, and the time for one picture against eager torch."""
    table = Sky(given.sky, None, given.limit or 100)
    ids = [each for each in table.ids if table.label[each] != "irrelevant"]
    table.split = {each: "val" if n % 5 == 0 else "train" for n, each in enumerate(ids)}
    thumbnails = [data for _, data in table.thumbnails(ids)]
    command = _command(given)
    with tempfile.TemporaryDirectory() as folder:
        run = train(
            table, RunJob(name="m"), learn=_learn(given), taxonomy=load_taxonomy(), seed=SEED,
            out=Path(folder),
        )  # fmt: skip
        model = load_run(run.path)
        exported = OnnxModel(export_onnx(model, Path(folder) / "m.onnx").path)
        parity = float(np.abs(exported.predict(thumbnails) - model.predict(thumbnails)).max())
        ours, theirs = _latency(exported.predict, thumbnails), _latency(model.predict, thumbnails)
    half, whole = np.percentile(ours, [50, 99]) * 1000, np.percentile(theirs, [50, 99]) * 1000
    what = f"one picture on the CPU, {given.backbone}"
    emit(
        [
            Row(f"ONNX against torch, {given.backbone}", parity, None, None, len(ids),
                "largest difference", 1e-4, "lower", command),
            Row(f"{what}: ONNX against torch", round(half[0] / whole[0], 3), None, None, len(ids),
                "of the time", 0.5, "lower", command),
            Row(f"{what}: ONNX, p50 (high: p99)", round(half[0], 1), None, round(half[1], 1),
                len(ids), "ms", None, "lower", command),
        ]
    )  # fmt: skip


def _latency(predict: Callable[[list[bytes]], np.ndarray], thumbnails: list[bytes]) -> list[float]:
    seconds = []
    for thumbnail in thumbnails:
        began = time.perf_counter()
        predict([thumbnail])
        seconds.append(time.perf_counter() - began)
    return seconds


def _command(given: argparse.Namespace) -> str:
    asked = f"python benchmarks/train.py {given.what} --sky DIR --weights FILE"
    few = f" --limit {given.limit}" if given.limit else ""
    return f"{asked} --backbone {given.backbone} --size {given.size}{few}"


def _learn(given: argparse.Namespace) -> LearnSettings:
    return LearnSettings(
        backbone=given.backbone, weights=given.weights, image_size_px=given.size,
        mean=given.mean, std=given.std,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["sky", "speed", "onnx"])
    parser.add_argument("--sky", type=Path, required=True, help="pictures with checked labels")
    parser.add_argument("--weights", required=True, help="a safetensors file, 'hub' or 'none'")
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--mean", type=float, nargs=3)
    parser.add_argument("--std", type=float, nargs=3)
    parser.add_argument("--cache", type=Path, help="folder for what the backbone sees")
    parser.add_argument("--limit", type=int, help="about so many pictures only")
    parser.add_argument("--only", help="one recipe of the ablation")
    given = parser.parse_args()
    {"sky": sky, "speed": speed, "onnx": onnx}[given.what](given)


if __name__ == "__main__":
    main()
