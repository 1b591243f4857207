"""Measure every number again, one benchmark after the other (``make bench``).

    python benchmarks/all.py            all topics
    python benchmarks/all.py main       one topic

Benchmarks that need the folder of real images are passed over, with a line, where it is missing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "shared"
SKY = str(SHARED / "sky/images")
TRUTH = str(SHARED / "sky/truth.csv")
FOLDS = str(HERE.parent / "build/folds")
# What sky.py makes.
CURATED, SKY_ATLAS = (str(HERE.parent / f"build/sky/{name}") for name in ("runs/curated", "atlas"))


def _net(name: str, *more: str) -> tuple[str, ...]:
    weights = str(SHARED / f"weights/{name}.safetensors")
    return ("--sky", str(SHARED / "sky"), "--weights", weights, "--backbone", name, *more)


B4 = _net("tf_efficientnet_b4")
# Its mean and deviation are not ImageNet's.
LITE0 = _net(
    "tf_efficientnet_lite0",
    *("--mean", *["0.498039"] * 3, "--std", *["0.501961"] * 3),
)

# Topic, needs the real images, script and arguments.
RUNS: tuple[tuple[str, bool, tuple[str, ...]], ...] = (
    ("main", False, ("main.py", "help")),
    ("main", True, ("intake.py", SKY)),
    ("main", False, ("collect.py", "main")),
    ("main", True, ("sky.py",)),
    ("main", True, ("sky.py", "lite")),
    ("main", False, ("main.py", "demo")),
    ("collect", False, ("collect.py",)),
    ("curate", True, ("curate_labels.py",)),
    ("curate", True, ("curate_duplicates.py", "--images", SKY, "--truth", TRUTH)),
    (
        "curate",
        True,
        (
            *("curate_duplicates.py", "--images", SKY, "--truth", TRUTH),
            *("--search", "near", "--weights", B4[3]),
        ),
    ),
    ("curate", True, ("sky.py", "gain")),
    ("curate", True, ("sky.py", "lite", "gain")),
    ("curate", False, ("curate_duplicates.py", "--scale", "10000,100000,1000000")),
    ("curate", False, ("curate_peers.py",)),
    ("learn", True, ("train.py", "speed", *LITE0)),
    ("learn", True, ("train.py", "full", *LITE0)),
    ("learn", True, ("train.py", "onnx", *B4)),
    ("learn", True, ("train.py", "int8", "--run", CURATED, "--atlas", SKY_ATLAS)),
    ("learn", True, ("train_folds.py", "--recipe", "linear-probe", "--keep", FOLDS, *LITE0)),
    ("learn", True, ("train_folds.py", "--recipe", "multilayer-probe", "--keep", FOLDS, *B4)),
    (
        "learn",
        True,
        (
            *("train_folds.py", "--recipe", "finetune-cached", "--init-from", "linear-probe"),
            *("--keep", FOLDS, "--no-shifted", *B4),
        ),
    ),
    (
        "learn",
        True,
        (
            *("train_folds.py", "--recipe", "finetune-deep", "--init-from", "linear-probe"),
            *("--keep", FOLDS, *LITE0),
        ),
    ),
    ("learn", False, ("board.py", "--keep", FOLDS)),
    ("synthesize", False, ("render.py",)),
    ("synthesize", False, ("render.py", "--demo")),
    ("synthesize", True, ("studies.py",)),
    (
        "synthesize",
        True,
        ("render.py", "--transfer", "--images", SKY, "--truth", TRUTH, "--weights", B4[3]),
    ),
)


def main() -> int:
    wanted = set(sys.argv[1:])
    failed = []
    for topic, needs_images, (script, *arguments) in RUNS:
        if wanted and topic not in wanted:
            continue
        name = " ".join((script, *arguments))
        if needs_images and not SHARED.is_dir():
            print(f"passed over, the folder of real images is missing: {name}")
            continue
        print(f"== {topic}: {name}", flush=True)
        command = [sys.executable, str(HERE / "record.py"), topic, "--"]
        done = subprocess.run(
            [*command, sys.executable, str(HERE / script), *arguments], check=False
        )
        if done.returncode:
            failed.append(name)
    for name in failed:
        print(f"failed: {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
