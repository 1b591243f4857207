"""The renderer: images a second and memory, and what its images teach about real ones.

::

    python benchmarks/render.py
    python benchmarks/render.py --transfer --images DIR --truth CSV --weights FILE
    python benchmarks/render.py --demo

The second trains a linear classifier on frozen features of rendered images only and tests it on
real images whose class a person has checked (CSV columns: file, class, object_name). Half of
the real objects, chosen by a hash of their names, served to look at while the renderer was
written; the numbers come from the other half. ``--development`` shows the first half instead, as
text that is no row. ``--cache FILE`` keeps the features of the real images.

The third scores the runs of the demo as it is without a model hub: on rendered images, by a net
that has seen rendered images (of other seeds) only.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from rows import Row, emit

from cosmic_morphology.pipeline.demo import demo
from cosmic_morphology.synthesize import RENDERED_CLASSES, render_images

TARGETS = [kind for kind in RENDERED_CLASSES if kind != "irrelevant"]
SPEED_TARGET, TRANSFER_TARGET, DEMO_TARGET = 40, 0.60, 0.85
N_BOOTSTRAP = 2000
BACKBONE = "tf_efficientnet_b4"
TRANSFER_COMMAND = "python benchmarks/render.py --transfer --images DIR --truth CSV --weights FILE"


def main() -> None:
    asked = _arguments()
    if asked.demo:
        _demo()
    elif asked.transfer:
        _transfer(asked)
    else:
        _speed(asked)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transfer", action="store_true")
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--per-class", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--shared-machine", action="store_true", help="leave out what other programs slow down"
    )
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    if asked.transfer and not (asked.images and asked.truth and asked.weights):
        parser.error("--transfer needs --images, --truth and --weights")
    return asked


# ---- demo --------------------------------------------------------------------------------------


def _demo() -> None:
    """Scores of the demo's runs; easy archives would score above 0.98, chance is 0.17."""
    with tempfile.TemporaryDirectory() as folder:
        summary = demo(Path(folder), offline=True)
    emit(
        Row(
            f"demo without the hub, rendered images: macro-F1 of {run['name']} (trained on "
            f"{run['trained_on']}, six classes, {run['labels']} labels, grouped by "
            f"{run['grouped_by']})",
            round(run["macro_f1"], 4), *(round(end, 4) for end in run["ci95"]), run["n_test"],
            "macro-F1", None if run["name"] == "search-words" else DEMO_TARGET, "higher",
            "python benchmarks/render.py --demo",
        )
        for run in summary.rows()
    )  # fmt: skip


# ---- speed -------------------------------------------------------------------------------------


def _speed(asked: argparse.Namespace) -> None:
    """Time a stream of every class after its workers have started, and watch their memory."""
    counts = dict.fromkeys(RENDERED_CLASSES, asked.per_class)
    total = sum(counts.values())
    warm = total // 5
    until = total
    process = psutil.Process()
    began, early, late, spent = 0.0, 0.0, 0.0, 0.0
    for done, _ in enumerate(render_images(counts, seed=asked.seed, workers=asked.workers), 1):
        if done == warm:
            began = time.perf_counter()
            early = _memory_mb(process)
            spent = _cpu_s(process)
        if done == total - 3 * 8 * asked.workers:
            late = _memory_mb(process)
            spent, until = _cpu_s(process) - spent, done
    rate = (total - warm) / (time.perf_counter() - began)
    command = f"python benchmarks/render.py --workers {asked.workers}"
    by_clock = Row(
        what=f"rendering: 256 px, all classes, {asked.workers} processes",
        value=round(rate, 1),
        n=total - warm,
        unit="images/s",
        target=SPEED_TARGET,
        command=command,
    )
    # Jobs already handed out when the clock started count on both ends: the queue is full at each.
    by_cpu = Row(
        what="rendering: 256 px, all classes, for each second of one core",
        value=round((until - warm) / spent, 1),
        n=until - warm,
        unit="images/CPU-s",
        # Two cores have to make 40 a second.
        target=SPEED_TARGET / 2,
        command=command,
    )
    memory = Row(
        what="rendering: growth of memory over the run",
        value=round(late / early, 3),
        n=total,
        unit="late/early",
        target=1.2,
        better="lower",
        command=command,
    )
    emit([by_cpu, memory] if asked.shared_machine else [by_clock, by_cpu, memory])


def _cpu_s(process: psutil.Process) -> float:
    """CPU time of this process and its workers, in seconds."""
    times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def _memory_mb(process: psutil.Process) -> float:
    children = process.children(recursive=True)
    return sum(p.memory_info().rss for p in (process, *children)) / 2**20


# ---- transfer ----------------------------------------------------------------------------------


def _transfer(asked: argparse.Namespace) -> None:
    rows = _real_rows(asked.truth)
    chosen = [row for row in rows if _served_development(row) == asked.development]
    real = _real_features(asked, rows)
    test = np.stack([real[row["file"]] for row in chosen])
    truth = np.array([row["class"] for row in chosen])
    objects = np.array([row["object_name"] or row["file"] for row in chosen])
    rendered, kinds = _rendered_features(asked, TARGETS)
    predicted = _fit(rendered, kinds).predict(test)
    value = _macro_f1(truth, predicted)
    low, high = _interval(truth, predicted, objects)
    if asked.development:
        _explain(truth, predicted, value)
        return
    emit(
        [
            Row(
                what="rendered only to real: macro-F1, six classes, frozen B4, linear",
                value=round(value, 4),
                low=round(low, 4),
                high=round(high, 4),
                n=len(truth),
                unit="macro-F1",
                target=TRANSFER_TARGET,
                command=TRANSFER_COMMAND,
            ),
            *(
                Row(
                    what=f"rendered only to real: F1 of {kind}",
                    value=round(_f1(truth, predicted, kind), 4),
                    n=int((truth == kind).sum()),
                    unit="F1",
                    command=TRANSFER_COMMAND,
                )
                for kind in TARGETS
            ),
        ]
    )


def _real_rows(truth: Path) -> list[dict[str, str]]:
    """Checked photographs of the six classes."""
    with truth.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [r for r in rows if r["class"] in TARGETS and r.get("part", "") != "extra"]


def _served_development(row: dict[str, str]) -> bool:
    """Which half an object belongs to: its name decides, not its looks."""
    name = row["object_name"] or row["file"]
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0


def _embedder(asked: argparse.Namespace):
    import torch

    from cosmic_morphology.learn.data.embedder import Embedder
    from cosmic_morphology.learn.models.backbones import build_backbone
    from cosmic_morphology.settings import LearnSettings

    torch.set_num_threads(asked.threads)
    learn = LearnSettings(
        backbone=BACKBONE,
        weights=str(asked.weights),
        timm_kwargs={"num_classes": 0},
        weights_mean=(0.485, 0.456, 0.406),
        weights_std=(0.229, 0.224, 0.225),
        image_size_px=224,
    )
    return Embedder(build_backbone(learn), learn)


def _real_features(asked: argparse.Namespace, rows: list[dict[str, str]]) -> dict[str, np.ndarray]:
    if asked.cache and asked.cache.is_file():
        kept = np.load(asked.cache)
        return dict(zip(kept["names"].tolist(), kept["features"], strict=True))
    embed = _embedder(asked)
    names = [row["file"] for row in rows]
    parts = []
    for start in range(0, len(names), 64):
        data = [(asked.images / name).read_bytes() for name in names[start : start + 64]]
        parts.append(embed(data)[0])
        print(f"real {start + len(data)}/{len(names)}", file=sys.stderr)
    features = np.concatenate(parts)
    if asked.cache:
        np.savez(asked.cache, names=np.array(names), features=features)
    return dict(zip(names, features, strict=True))


def _rendered_features(
    asked: argparse.Namespace, classes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    embed = _embedder(asked)
    counts = dict.fromkeys(classes, asked.per_class)
    parts, kinds, waiting = [], [], []
    for image in render_images(counts, seed=asked.seed, workers=asked.workers):
        kinds.append(image.kind)
        waiting.append(image.jpeg(quality=88))
        if len(waiting) == 64:
            parts.append(embed(waiting)[0])
            waiting = []
            print(f"rendered {len(kinds)}/{sum(counts.values())}", file=sys.stderr)
    if waiting:
        parts.append(embed(waiting)[0])
    return np.concatenate(parts), np.array(kinds)


def _fit(features: np.ndarray, kinds: np.ndarray):
    """Logistic regression; its regularisation is chosen on rendered images alone."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    search = LogisticRegressionCV(
        Cs=[1e-4, 1e-3, 1e-2], cv=3, max_iter=400, scoring="neg_log_loss",
        use_legacy_attributes=False, l1_ratios=(0,),
    )  # fmt: skip
    return make_pipeline(StandardScaler(), search).fit(features, kinds)


def _f1(truth: np.ndarray, predicted: np.ndarray, kind: str) -> float:
    hit = ((truth == kind) & (predicted == kind)).sum()
    return float(2 * hit / max(1, (truth == kind).sum() + (predicted == kind).sum()))


def _macro_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.mean([_f1(truth, predicted, kind) for kind in TARGETS]))


def _interval(truth: np.ndarray, predicted: np.ndarray, objects: np.ndarray) -> tuple[float, float]:
    """95 % interval from a bootstrap over whole objects."""
    rng = np.random.default_rng(0)
    names, which = np.unique(objects, return_inverse=True)
    members = [np.nonzero(which == k)[0] for k in range(len(names))]
    values = []
    for _ in range(N_BOOTSTRAP):
        drawn = np.concatenate([members[k] for k in rng.integers(0, len(names), len(names))])
        values.append(_macro_f1(truth[drawn], predicted[drawn]))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _explain(truth: np.ndarray, predicted: np.ndarray, value: float) -> None:
    """The development half, for people: confusion and F1 of each class."""
    print(f"development half: macro-F1 {value:.3f} on {len(truth)} images")
    print("true \\ said".rjust(12), *(kind[:8].rjust(9) for kind in TARGETS), "F1".rjust(6))
    for kind in TARGETS:
        counts = [int(((truth == kind) & (predicted == other)).sum()) for other in TARGETS]
        score = _f1(truth, predicted, kind)
        print(kind.rjust(12), *(str(c).rjust(9) for c in counts), f"{score:6.2f}")


if __name__ == "__main__":
    main()
