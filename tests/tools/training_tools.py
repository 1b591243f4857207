"""Small drawn images to learn from: a class is a colour, so that a small net can learn it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from cosmic_morphology.atlas import Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.cli import main
from cosmic_morphology.imaging import ingest_image

CLASSES = {"comet": (150, 20, 20), "galaxy": (20, 150, 20), "nebula": (20, 20, 150)}
# Learns within seconds; without a temperature, which perfect answers would drive to its limit.
QUICK = 'extends = "linear-probe"\nbatch_size = 6\nlearning_rate = 0.01\ncalibrate = false\n'
CONFIG = """
taxonomy = "taxonomy.toml"

[learn]
backbone = "resnet10t"
weights = "random"
image_size_px = 32
threads = 1
workers = 1
accelerator = "cpu"

[evaluate]
bootstrap_resamples = 50
"""


def drawn(name: str, seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 60, (40, 60, 3))
    out = io.BytesIO()
    Image.fromarray((noise + np.array(CLASSES[name])).astype(np.uint8)).save(out, "JPEG")
    return out.getvalue()


def coloured_atlas(place: Path, *, per_class: int = 10) -> Atlas:
    """Images that are labelled and split: of five, three to learn from, one val, one test."""
    atlas = Atlas.create(place)
    arrivals, rows = [], []
    for name in CLASSES:
        for n in range(per_class):
            data = drawn(name, 1000 * len(rows) + n)
            record = Record("drawn", f"{name}-{n:02d}")
            arrivals.append(NewImage(record, ingest_image(data), data))
            split = ("train", "train", "train", "val", "test")[n % 5]
            rows.append({"id": record.id, "label": name, "split": split, "group": record.id})
    atlas.add(arrivals)
    atlas.replace_columns(pa.Table.from_pylist(rows), ColumnProvenance("labels"))
    return atlas


def config_in(folder: Path, more: str = "") -> Path:
    """A settings file for these classes, with the recipe ``quick.toml`` beside it."""
    classes = "".join(f'[[classes]]\nname = "{name}"\n' for name in CLASSES)
    (folder / "taxonomy.toml").write_text(f"version = 1\n{classes}")
    (folder / "quick.toml").write_text(QUICK)
    (folder / "cosmic.toml").write_text(CONFIG + more)
    return folder / "cosmic.toml"


def call(words: tuple[object, ...], monkeypatch, capsys) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command line."""
    monkeypatch.setattr(sys, "argv", ["cosmic", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err
