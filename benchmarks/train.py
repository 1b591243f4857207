"""Numbers of learning. Rows go to standard output; images and weights are given, not found.

::

    python benchmarks/train.py speed --sky DIR --weights FILE --backbone NAME
    python benchmarks/train.py full --sky DIR --weights FILE --backbone NAME
    python benchmarks/train.py onnx --sky DIR --weights FILE --backbone NAME
    python benchmarks/train.py int8 --run RUN --atlas ATLAS

``speed``: the baseline against the usual loop, written out below, in one run. ``full``: the whole
net learns, against the usual loop on ImageFolder. ``onnx``: one image at a time against torch.
``int8``: what 8-bit integers cost a run of sky.py on its test images. Accuracy is measured by
train_folds.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rows import Row, emit
from sky_table import Sky
from torchvision import transforms
from torchvision.datasets import ImageFolder

from cosmic_morphology.learn import build_backbone, export_onnx, load_trained_model, train
from cosmic_morphology.learn.export.onnx_export import OnnxModel
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.taxonomy import load_taxonomy

SEED = 1
N_RUNS = 3
FULL_EPOCHS = 2


def speed(given: argparse.Namespace) -> None:
    """Seconds to the baseline's end: ours against the usual loop over twenty epochs."""
    table = Sky(given.sky, limit=given.limit or 200)
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


def full(given: argparse.Namespace) -> None:
    """Images a second while the whole net learns, decoding included: ours against the usual."""
    table = Sky(given.sky, limit=given.limit or 200)
    taxonomy = load_taxonomy()
    ids = [each for each in table.ids if table.label[each] in taxonomy.names]
    table.split = dict.fromkeys(ids, "train")
    ours, theirs = [], []
    for number in range(N_RUNS):
        with tempfile.TemporaryDirectory() as folder:
            recipe = Path(folder) / "full.toml"
            recipe.write_text(f'extends = "finetune"\ntrainable = "all"\nepochs = {FULL_EPOCHS}\n')
            job = RunJob(name=f"full{number}", recipe=str(recipe))
            began = time.perf_counter()
            train(table, job, learn=_learn(given), taxonomy=taxonomy, seed=SEED, out=Path(folder))
            ours.append(FULL_EPOCHS * len(ids) / (time.perf_counter() - began))
            theirs.append(_image_folder_per_s(table, ids, Path(folder) / "images", given))
    ratios = sorted(mine / other for mine, other in zip(ours, theirs, strict=True))
    what = f"full fine-tuning on the CPU, {given.backbone}, decoding included"
    emit(
        [
            Row(f"{what}: against the usual loop on ImageFolder", round(ratios[N_RUNS // 2], 2),
                round(ratios[0], 2), round(ratios[-1], 2), len(ids), "times as fast", 1.5,
                "higher", _command(given)),
            Row(f"{what}", round(sorted(ours)[N_RUNS // 2], 1), round(min(ours), 1),
                round(max(ours), 1), len(ids), "images/s", None, "higher", _command(given)),
        ]
    )  # fmt: skip


def _image_folder_per_s(
    table: Sky, ids: list[str], folder: Path, given: argparse.Namespace
) -> float:
    """The loop of the tutorials: ImageFolder, two workers, the same changes, float32."""
    for each, data in table.thumbnails(ids):
        file = folder / table.label[each] / each
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    backbone = build_backbone(_learn(given))
    how = backbone.preprocessing
    changes = transforms.Compose(
        [
            transforms.Resize((how.size_px, how.size_px)),
            transforms.RandomRotation(180),
            transforms.RandomHorizontalFlip(),
            transforms.RandomVerticalFlip(),
            transforms.ColorJitter(0.2, 0.2, 0.2),
            transforms.RandomApply([transforms.GaussianBlur(5, (0.5, 1.5))], 0.2),
            transforms.ToTensor(),
            transforms.Normalize(how.mean, how.std),
        ]
    )
    images = ImageFolder(str(folder), changes)
    batches = torch.utils.data.DataLoader(images, batch_size=32, shuffle=True, num_workers=2)
    head = torch.nn.Linear(backbone.n_features, len(images.classes))
    network = torch.nn.Sequential(backbone.model, head).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    began = time.perf_counter()
    for _ in range(FULL_EPOCHS):
        for pixels, labels in batches:
            loss = torch.nn.functional.cross_entropy(network(pixels), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return FULL_EPOCHS * len(ids) / (time.perf_counter() - began)


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
    """Seconds of one epoch that decodes and passes every image through the frozen net."""
    backbone = build_backbone(_learn(given))
    model, head = backbone.model.eval(), torch.nn.Linear(backbone.n_features, len(names))
    optimiser = torch.optim.Adam(head.parameters(), lr=1e-3)
    images = _Folder(table, ids, names, backbone.preprocessing)
    batches = torch.utils.data.DataLoader(images, batch_size=32, shuffle=True, num_workers=2)
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
    """Parity on real images, and the time for one image against eager torch."""
    table = Sky(given.sky, limit=given.limit or 130)
    ids = [each for each in table.ids if table.label[each] != "irrelevant"][:100]
    table.split = {each: "val" if n % 5 == 0 else "train" for n, each in enumerate(ids)}
    thumbnails = [data for _, data in table.thumbnails(ids)]
    command = _command(given)
    with tempfile.TemporaryDirectory() as folder:
        run = train(
            table, RunJob(name="m"), learn=_learn(given), taxonomy=load_taxonomy(), seed=SEED,
            out=Path(folder),
        )  # fmt: skip
        model = load_trained_model(run.path)
        exported = OnnxModel(export_onnx(model, Path(folder) / "m.onnx").path)
        parity = float(np.abs(exported.predict(thumbnails) - model.predict(thumbnails)).max())
        ours, theirs = _latency(exported.predict, thumbnails), _latency(model.predict, thumbnails)
    half, whole = np.percentile(ours, [50, 99]) * 1000, np.percentile(theirs, [50, 99]) * 1000
    what = f"one image on the CPU, {given.backbone}"
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


def int8(given: argparse.Namespace) -> None:
    """What 8-bit integers cost, on the test images of the atlas that the run was trained from."""
    with tempfile.TemporaryDirectory() as folder:
        cosmic = str(Path(sys.executable).with_name("cosmic"))
        asked = ["export", str(given.run), "--onnx", f"{folder}/m.onnx", "--int8"]
        done = subprocess.run(
            [cosmic, *asked, "--atlas", given.atlas, "--json"],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    told = json.loads(done.stdout)
    backbone = json.loads((given.run / "settings.json").read_text("utf-8"))["backbone"]
    emit(
        [
            Row(
                f"lost by 8-bit integers, {backbone}, {found['labels']} labels, groups apart: "
                f"{found['grouped_by']}: {kind.replace('_', '-')}",
                round(found["value"], 4), *(round(end, 4) for end in found["ci95"]), found["n"],
                kind, better="lower", command="python benchmarks/train.py int8 --run RUN --atlas A",
            )
            for kind in ("accuracy", "macro_f1")
            if (found := told[f"{kind}_loss"])
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
        weights_mean=given.mean, weights_std=given.std,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["speed", "full", "onnx", "int8"])
    parser.add_argument("--sky", type=Path, help="images with checked labels")
    parser.add_argument("--weights", help="a safetensors file, 'pretrained' or 'random'")
    parser.add_argument("--backbone")
    parser.add_argument("--run", type=Path, help="for int8")
    parser.add_argument("--atlas", help="for int8")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--mean", type=float, nargs=3)
    parser.add_argument("--std", type=float, nargs=3)
    parser.add_argument("--limit", type=int, help="about so many images only")
    given = parser.parse_args()
    needed = ("run", "atlas") if given.what == "int8" else ("sky", "weights", "backbone")
    if lacking := [name for name in needed if getattr(given, name) is None]:
        parser.error(f"{given.what} needs --{' and --'.join(lacking)}")
    {"speed": speed, "full": full, "onnx": onnx, "int8": int8}[given.what](given)


if __name__ == "__main__":
    main()
