"""Start-up, embedding and prediction on CPUs against plain scripts, as rows.

::

    python benchmarks/record.py fast -- python benchmarks/fast.py predict --weights B4.safetensors
    python benchmarks/record.py fast -- python benchmarks/fast.py evaluate --weights B4.safetensors
    python benchmarks/record.py fast -- python benchmarks/fast.py embed --weights B4.safetensors

``B4.safetensors`` are the weights of ``tf_efficientnet_b4`` at 224 px. Each part ends within three
minutes. What a part needs (images, an atlas, a run, its export) is made once, in ``build/fast``.
The ways that are compared take turns in one run; a value is the median of the rounds, ``low`` and
``high`` the smallest and the largest of them. The load of the machine is printed first.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from intake import drawn
from rows import Row, emit

from cosmic_morphology.atlas import VOTE_TYPE, Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.settings import LearnSettings

BUILD = Path(__file__).parents[1] / "build/fast"
BACKBONE, SIZE_PX = "tf_efficientnet_b4", 224
CLASSES = ("comet", "galaxy", "nebula")
N_IMAGES, N_TEST = 60, 12
BATCH = 16
ROUNDS = 5
SCRIPT = """
import json, sys
import numpy as np, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
side = session.get_inputs()[0].shape[1]
image = Image.open(sys.argv[2]).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
said = session.run(None, {"pixels": np.asarray(image)[None]})[0][0]
names = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
print(names[said.argmax()], said.max())
"""


def settings(weights: Path, runtime: str = "auto") -> LearnSettings:
    return LearnSettings(
        backbone=BACKBONE, weights=str(weights), image_size_px=SIZE_PX, runtime=runtime,
        accelerator="cpu",
    )  # fmt: skip


def atlas() -> Path:
    """An atlas of drawn skies with labels and a split."""
    place = BUILD / "cosmic-atlas"
    if (BUILD / "atlas-is-whole").exists():
        return place
    shutil.rmtree(place, ignore_errors=True)
    made = Atlas.create(place)
    arrivals, beliefs = [], []
    for number, data in enumerate(drawn(N_IMAGES)):
        record = Record("drawn", f"{number:03d}")
        arrivals.append(NewImage(record, ingest_image(data), data))
        split = "test" if number < N_TEST else ("train", "val")[number % 4 == 0]
        label = CLASSES[number % len(CLASSES)]
        beliefs.append({"id": record.id, "label": label, "split": split, "group": record.id})
    made.add(arrivals)
    rows = pa.Table.from_pylist(beliefs)
    empty = pa.array([[]] * len(beliefs), VOTE_TYPE)
    made.replace_columns(rows.append_column("votes", empty), ColumnProvenance("labels"))
    (BUILD / "atlas-is-whole").touch()
    return place


def fresh(place: Path) -> Path:
    """A copy of the atlas whose images nobody has looked at."""
    copy = BUILD / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(place, copy)
    there = [name for name in Atlas.open(copy).columns() if name.startswith("embedding_")]
    if there:
        Atlas.open(copy).table("images").dataset.drop_columns(there)
    return copy


def run(weights: Path) -> Path:
    """A linear probe of the atlas, by the command, in the folder that ``cosmic`` looks in."""
    place = BUILD / "cosmic-out/runs/probe"
    (BUILD / "cosmic.toml").write_text(
        f'[learn]\nbackbone = "{BACKBONE}"\nweights = "{weights.resolve()}"\n'
        f"image_size_px = {SIZE_PX}\n",
        "utf-8",
    )
    atlas()
    if not (place / "FINISHED").exists():
        subprocess.run([*cosmic(), "train", "probe"], cwd=BUILD, check=True, stdout=sys.stderr)
    return place


def exported(weights: Path) -> Path:
    place = BUILD / "probe.onnx"
    run(weights)
    if not place.exists():
        command = [*cosmic(), "export", "probe", "--onnx", str(place)]
        subprocess.run(command, cwd=BUILD, check=True, stdout=sys.stderr)
    return place


def cosmic() -> list[str]:
    return [sys.executable, "-c", "from cosmic_morphology.cli import main; main()"]


def in_turns(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each way takes, once before the rounds and then in turns."""
    for way in ways.values():
        way()
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
        told = ", ".join(f"{name} {took[-1]:.3f}" for name, took in found.items())
        sys.stderr.write(f"round {number + 1}: {told}\n")
    return found


def row(what: str, values: list[float], unit: str, command: str, **more: object) -> Row:
    low, middle, high = min(values), statistics.median(values), max(values)
    return Row(
        what, round(middle, 3), round(low, 3), round(high, 3), len(values), unit,
        command=f"python benchmarks/fast.py {command}", **more,
    )  # fmt: skip


def ratio(what: str, many: list[float], few: list[float], command: str, **more: object) -> Row:
    """How many times as long the first takes, round by round."""
    shares = [one / other for one, other in zip(many, few, strict=True)]
    return row(what, shares, "times", command, **more)


def embed(weights: Path) -> None:
    """Images of an atlas to vectors, decoding and writing included, with the network loaded."""
    import torch

    from cosmic_morphology.learn import build_backbone, embed_images

    place = atlas()

    def by_cosmic(runtime: str) -> Callable[[], float]:
        learn = settings(weights, runtime)
        backbone = build_backbone(learn)

        def way() -> float:
            opened = Atlas.open(fresh(place))
            began = time.perf_counter()
            done = embed_images(opened, learn=learn, backbone=backbone)
            took = time.perf_counter() - began
            assert done.filled == N_IMAGES
            return took / N_IMAGES * 1e3

        return way

    plain = build_backbone(settings(weights))
    network, how = plain.model.eval(), plain.preprocessing
    opened = Atlas.open(place)

    def eager() -> float:
        began, n = time.perf_counter(), 0
        for batch in opened.batches(["thumbnail"], batch_size=BATCH):
            squares = [how.pixels(each) for each in batch.column("thumbnail").to_pylist()]
            pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
            with torch.inference_mode():
                n += len(network(how.normalised(pixels).contiguous()))
        assert n == N_IMAGES
        return (time.perf_counter() - began) / N_IMAGES * 1e3

    names = "torch, float32, eager", "cosmic embed by torch", "cosmic embed"
    ways = (eager, by_cosmic("torch"), by_cosmic("auto"))
    found = in_turns(dict(zip(names, ways, strict=True)), ROUNDS)
    slow, before, now = (found[name] for name in names)
    what = "B4 at 224 px from the atlas"
    emit(
        [
            *(row(f"{what}: {name}", took, "ms an image", "embed", better="lower")
              for name, took in found.items()),
            ratio(f"{what}: cosmic embed against eager", slow, now, "embed", target=2.3),
            ratio(f"{what}: cosmic embed by ONNX Runtime against by torch", before, now, "embed",
                  target=1.4),
        ]
    )  # fmt: skip


def as_installed() -> dict[str, str]:
    """The environment without what keeps Python from storing bytecode: installers store it."""
    return {key: each for key, each in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def timed(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=BUILD, check=True, capture_output=True, env=as_installed())
    return time.perf_counter() - began


def predict(weights: Path) -> None:
    """One image by the command, from start to answer, against a script that does only that."""
    model, image = exported(weights), BUILD / "one.jpg"
    image.write_bytes(drawn(1)[0])
    bare = [sys.executable, "-c", SCRIPT, str(model), str(image)]
    ours = [*cosmic(), "predict", str(model), str(image)]
    names = "a bare onnxruntime script", "cosmic predict model.onnx image.jpg"
    commands = dict(zip(names, (bare, ours), strict=True))
    ways = {name: lambda line=line: timed(line) for name, line in commands.items()}
    found = in_turns(ways, 2 * ROUNDS + 1)
    script, mine = (found[name] for name in names)
    emit(
        [
            *(row(f"start to answer, B4: {name}", took, "s", "predict", better="lower")
              for name, took in found.items()),
            ratio("start to answer, B4: cosmic predict against the script", mine, script, "predict",
                  target=1.5, better="lower"),
        ]
    )  # fmt: skip


def evaluate(weights: Path) -> None:
    """CPU seconds of ``cosmic evaluate`` on 12 test images that were not predicted before."""
    run(weights)
    place = atlas()

    def cpu(command: list[str]) -> float:
        fresh(place)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [*command, "--atlas", "copy"], cwd=BUILD, check=True, capture_output=True,
            env=as_installed(),
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    file = str(exported(weights))
    ways = {
        "a torch run": lambda: cpu([*cosmic(), "evaluate", "probe"]),
        "an ONNX file": lambda: cpu([*cosmic(), "evaluate", file]),
    }
    found = in_turns(ways, ROUNDS)
    targets = {"a torch run": 7.0, "an ONNX file": 2.5}
    emit(
        row(f"cosmic evaluate of {N_TEST} images: {name}", took, "s of CPU", "evaluate",
            target=targets[name], better="lower")
        for name, took in found.items()
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"embed": embed, "predict": predict, "evaluate": evaluate}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--weights", type=Path, required=True)
    given = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    loads = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    sys.stderr.write(f"load of the last 1, 5 and 15 minutes: {loads}\n")
    parts[given.part](given.weights)


if __name__ == "__main__":
    main()
