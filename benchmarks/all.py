"""Measure every number again, one benchmark after the other (``make bench``).

    python benchmarks/all.py            all topics but those that take hours
    python benchmarks/all.py main       one topic
    python benchmarks/all.py scale      one of those that take hours; goes on after a kill

Benchmarks that need the folder of real images are passed over, with a line, where it is missing.
Those of hours make atlases of up to ten million rows in ``build``: tens of GB.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parent / "build"
SHARED = HERE.parents[1] / "shared"
SKY = str(SHARED / "sky/images")
TRUTH = str(SHARED / "sky/truth.csv")
FOLDS = str(BUILD / "folds")
GALAXIES = str(BUILD / "galaxies")
# What sky.py makes.
CURATED, SKY_ATLAS = (str(BUILD / f"sky/{name}") for name in ("runs/curated", "atlas"))
# What scale_query.py and scale_curate.py make, and fast.py.
CATALOGUE, SMALL, LARGE, MANY = (
    str(BUILD / f"scale/{name}") for name in ("catalogue", "rows-100k", "rows-1m", "images")
)
PROBE = str(BUILD / "fast/probe.onnx")
HOURS = {"scale", "serve"}
"""Topics that are measured when they are named."""
MAKES = {"make", "build"}
"""Parts that have no rows: they make what the next ones read."""
FAST_PARTS = ("predict", "evaluate", "embed")
COLLECT_PARTS = ("collect", "import", "large", "growth", "floor")
ENGINE_PARTS = ("workers", "store")


def _net(name: str, *more: str) -> tuple[str, ...]:
    weights = str(SHARED / f"weights/{name}.safetensors")
    return ("--sky", str(SHARED / "sky"), "--weights", weights, "--backbone", name, *more)


B4 = _net("tf_efficientnet_b4")
MOBILE = str(SHARED / "weights/mobilenetv2_100.safetensors")
VIT = f"vit-tiny={SHARED / 'weights/vit_tiny_patch16_224.safetensors'}"
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
    ("curate", True, ("curate_doubt.py",)),
    ("curate", True, ("curate_sheets.py",)),
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
            *("train_folds.py", "--recipe", "two-backbones", "--other", VIT),
            *("--keep", FOLDS, "--no-shifted", "--no-external", *B4),
        ),
    ),
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
    ("learn", True, ("galaxy_zoo.py", "shapes", "--keep", GALAXIES)),
    ("learn", True, ("galaxy_zoo.py", "fractions", "--keep", GALAXIES)),
    ("learn", False, ("galaxy_zoo.py", "voters", "--keep", GALAXIES)),
    ("synthesize", False, ("render.py",)),
    ("synthesize", False, ("render.py", "--demo")),
    ("synthesize", True, ("studies.py",)),
    (
        "synthesize",
        True,
        ("render.py", "--transfer", "--images", SKY, "--truth", TRUTH, "--weights", B4[3]),
    ),
    *(("fast", True, ("fast.py", part, "--weights", B4[3])) for part in FAST_PARTS),
    *(("fast", False, ("fast_collect.py", part)) for part in COLLECT_PARTS),
    *(("fast", False, ("fast_copies.py", part)) for part in ("hashes", "proof", "demo")),
    ("trust", False, ("trust_commands.py",)),
    ("trust", True, ("trust_copies.py", "--folder", SKY, "--truth", TRUTH)),
    ("trust", False, ("trust_damage.py",)),
    ("trust", False, ("trust_fuzz.py",)),
    ("trust", False, ("trust_kills.py",)),
    ("trust", False, ("trust_models.py",)),
    ("trust", False, ("trust_pixels.py",)),
    ("trust", True, ("trust_search.py", "--images", SKY)),
    ("trust", False, ("trust_smooth.py",)),
    ("house", False, ("house.py",)),
    ("scale", False, ("scale_costs.py",)),
    ("scale", False, ("scale_store.py",)),
    *(("scale", True, ("scale_engines.py", part, "--weights", MOBILE)) for part in ENGINE_PARTS),
    ("scale", False, ("scale_curate.py", "make", SMALL, "--rows", "100000")),
    ("scale", False, ("scale_curate.py", "make", LARGE, "--rows", "1000000")),
    ("scale", False, ("scale_curate.py", "run", SMALL, LARGE)),
    ("scale", False, ("scale_images.py", MANY, "--images", "1000000")),
    ("scale", False, ("scale_query.py", "build", CATALOGUE)),
    ("scale", False, ("scale_query.py", "measure", CATALOGUE)),
    ("scale", False, ("scale_query.py", "write", CATALOGUE)),
    ("serve", False, ("scale_query.py", "build", CATALOGUE)),
    ("serve", False, ("serve.py", "pages", CATALOGUE)),
    ("serve", False, ("serve.py", "verdicts", CATALOGUE)),
    ("serve", True, ("serve.py", "predict", PROBE, CATALOGUE)),
)


def main() -> int:
    wanted = set(sys.argv[1:])
    failed = []
    for topic, needs_images, (script, *arguments) in RUNS:
        if topic not in wanted and (wanted or topic in HOURS):
            continue
        name = " ".join((script, *arguments))
        if needs_images and not SHARED.is_dir():
            print(f"passed over, the folder of real images is missing: {name}")
            continue
        print(f"== {topic}: {name}", flush=True)
        command = [sys.executable, str(HERE / script), *arguments]
        if not MAKES & set(arguments[:1]):
            command = [sys.executable, str(HERE / "record.py"), topic, "--", *command]
        done = subprocess.run(command, check=False)
        if done.returncode:
            failed.append(name)
    for name in failed:
        print(f"failed: {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
