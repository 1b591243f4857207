"""An atlas of colours and short recipes, for the tests of training."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from cosmic_morphology.atlas import Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.learn import load_recipe, train
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.taxonomy import SkyClass, Taxonomy

CLASSES = {"comet": (200, 40, 40), "galaxy": (40, 200, 40), "nebula": (40, 40, 200)}
TAXONOMY = Taxonomy(classes=tuple(SkyClass(name=name) for name in CLASSES))
LEARN = LearnSettings(
    backbone="resnet10t",
    weights="random",
    image_size_px=32,
    threads=1,
    workers=1,
    accelerator="cpu",
)
SEED = 7
BEHIND = (
    'extends = "finetune-cached"\nepochs = 4\ntta_views = 2\ncached_views = 2\nbatch_size = 6\n'
    "stages = 1\n[augment]\nzoom = [1.0, 1.0]\n"
)
LEVELS = 'extends = "multilayer-probe"\ntta_views = 2\ncv_folds = 3\n'
STEPPED = """extends = "linear-probe"
multi_layer = true
standardise = true
epochs = 8
tta_views = 2
cached_views = 2
batch_size = 6
"""


def drawn(colour: tuple[int, int, int], seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 50, (40, 48, 3))
    out = io.BytesIO()
    Image.fromarray((noise + np.array(colour)).astype(np.uint8)).save(out, "JPEG")
    return out.getvalue()


def fill(folder: Path, *, per_class: int = 10, wrong: int = 0) -> Atlas:
    atlas = Atlas.create(folder)
    arrivals, beliefs = [], []
    for name, colour in CLASSES.items():
        for number in range(per_class):
            data = drawn(colour, 1000 * len(beliefs) + number)
            record = Record("drawn", f"{name}-{number:02d}")
            arrivals.append(NewImage(record, ingest_image(data), data))
            split = ("train", "train", "train", "val", "test")[number % 5]
            beliefs.append({"id": record.id, "label": name, "split": split, "group": record.id})
    atlas.add(arrivals)
    write(atlas, beliefs, wrong=wrong)
    return atlas


def write(atlas: Atlas, beliefs: list[dict[str, str]], *, wrong: int = 0) -> None:
    import pyarrow as pa

    from cosmic_morphology.atlas import VOTE_TYPE

    for row in beliefs[:wrong]:
        row["label"] = "nebula"
    labels = pa.Table.from_pylist(beliefs)
    votes = [
        [
            {"voter": "always_comet", "label": "comet", "weight": 0.3, "reason": ""},
            {"voter": "folder", "label": row["label"], "weight": 0.9, "reason": ""},
        ]
        for row in beliefs
    ]
    rows = labels.append_column("votes", pa.array(votes, VOTE_TYPE))
    atlas.replace_columns(rows, ColumnProvenance("labels"))


def recipe_file(folder: Path, text: str) -> str:
    path = folder / f"recipe-{abs(hash(text))}.toml"
    path.write_text(text, "utf-8")
    return str(path)


def runs_in(out: Path):
    """A short way to train: a source of images, a name, a recipe."""

    def run(source, name="linear-probe", recipe="linear-probe", learn=LEARN, **more):
        job = RunJob(
            name=name,
            recipe=recipe,
            label_column=more.pop("labels_of", "label"),
            init_from=more.pop("init_from", ""),
        )
        given = {"taxonomy": TAXONOMY, "seed": SEED, "out": out, **more}
        return train(source, job, learn=learn, **given)

    return run


def short_recipe(name: str):
    """The packaged recipes for few images; with ``-once`` at the name's end for one epoch."""
    if name.endswith("-once"):
        return load_recipe(name.removesuffix("-once")).model_copy(update={"epochs": 1})
    if name == "linear-probe":
        quick = {"batch_size": 6, "learning_rate": 0.03, "patience": 0}
        return load_recipe(name).model_copy(update=quick)
    return load_recipe(name)
