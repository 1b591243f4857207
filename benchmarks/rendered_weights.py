"""Make the small weights that come with the package: a net that has seen rendered images only.

    python benchmarks/rendered_weights.py --keep DIR

For machines that cannot reach the model hub (``learn.weights = "bundled"``): the demo stands on
them. Every image is drawn by our own renderer, from seeds that no demo uses; nothing is learned
from real images or from other weights. The file in the package was made when captions were
worded a little otherwise and edges were dark, so a new one will not be the same to the bit.
``--keep`` keeps the rendered images and the run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.learn import Example, train
from cosmic_morphology.learn.models.weights import BUNDLED_WEIGHTS
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.synthesize import render_images
from cosmic_morphology.taxonomy import load_taxonomy

# Far from the seeds of demos and tests, which are dates and small numbers.
SEED = 977_000
PER_CLASS = 1200
BACKBONE, SIZE_PX = "mobilenetv3_small_075", 128
RECIPE = """
extends = "scratch"
include_reject_class = true
epochs = 16
batch_size = 64
"""
COMMAND = "python benchmarks/rendered_weights.py --keep DIR"


class RenderedImages:
    """Images of all classes and junk; every tenth chooses the epoch."""

    def __init__(self, folder: Path, per_class: int) -> None:
        names = load_taxonomy().names_with_reject
        self._files = {}
        self._label = {}
        folder.mkdir(parents=True, exist_ok=True)
        wanted = [f"{name}-{k:05d}" for k in range(per_class) for name in names]
        self._files = {each: folder / f"{each}.jpg" for each in wanted}
        if not all(file.is_file() for file in self._files.values()):
            counts = dict.fromkeys(names, per_class)
            for each, image in zip(wanted, render_images(counts, seed=SEED), strict=True):
                self._files[each].write_bytes(ingest_image(image.jpeg()).thumbnail)

    def where(self) -> dict[str, str]:
        return {"uri": "rendered images", "version": "1"}

    def examples(self, labels: str) -> list[Example]:
        del labels
        return [
            Example(each, each.rpartition("-")[0], "val" if each.endswith("0") else "train", each)
            for each in self._files
        ]

    def thumbnails(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for each in ids:
            yield each, self._files[each].read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder for rendered images and the run")
    parser.add_argument("--per-class", type=int, default=PER_CLASS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep = given.keep or Path(folder)
        table = RenderedImages(keep / "images", given.per_class)
        recipe = keep / "recipe.toml"
        recipe.write_text(RECIPE, "utf-8")
        run = train(
            table,
            RunJob(name="rendered", recipe=str(recipe)),
            learn=LearnSettings(backbone=BACKBONE, weights="random", image_size_px=SIZE_PX),
            taxonomy=load_taxonomy(),
            seed=SEED,
            out=keep,
        )
        write(run.path, given.per_class)
    print(f"val macro-F1 {run.metrics['val_macro_f1']:.3f} on {run.metrics['n_val']} rendered ones")


def write(run: Path, per_class: int) -> None:
    """The backbone of the run in float16, and beside it what it is."""
    tensors = {
        name.removeprefix("backbone."): value.half() if value.dtype == torch.float32 else value
        for name, value in load_file(run / "weights.safetensors").items()
        if name.startswith("backbone.")
    }
    BUNDLED_WEIGHTS.parent.mkdir(exist_ok=True)
    save_file({name: value.contiguous() for name, value in tensors.items()}, BUNDLED_WEIGHTS)
    about = {
        "backbone": BACKBONE,
        "image_size_px": SIZE_PX,
        "seed": SEED,
        "images": per_class * len(load_taxonomy().names_with_reject),
        "command": COMMAND,
    }
    BUNDLED_WEIGHTS.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
