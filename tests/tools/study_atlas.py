"""A small atlas with embeddings, real and rendered images, for the tests of studies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import VOTE_TYPE, Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.taxonomy import SkyClass, Taxonomy

CLASSES = ("asteroid", "comet", "galaxy")
TAXONOMY = Taxonomy(classes=tuple(SkyClass(name=name) for name in CLASSES))
WIDTH = 16
COLUMN = "embedding_net"
SIDES = ("train", "train", "train", "val", "test")


def fill(
    place: Path,
    intake,
    *,
    groups: int = 10,
    copies: int = 2,
    rendered: int = 12,
    rendered_side: str | None = None,
    spread: float = 1.0,
    own_offset: float = 0.0,
    drawn_offset: float = 0.3,
) -> Atlas:
    """Real groups of copies that lie close together, and rendered images of each class.

    ``own_offset`` puts each group far from its class, at a place of its own: what a classifier
    learns of a group then helps with its copies, and with nothing else.
    """
    atlas = Atlas.create(place)
    random = np.random.default_rng(3)
    records, rows, vectors = [], [], []
    for number, kind in enumerate(CLASSES):
        middle = np.zeros(WIDTH)
        middle[number] = 2.0
        for group in range(groups):
            centre = middle + random.normal(0, spread, WIDTH) + own_offset * _one_hot(random)
            for copy in range(copies):
                records.append(Record("drawn", f"{kind}-{group:02d}-{copy}", given_label=kind))
                rows.append(_row(records[-1].id, kind, f"{kind}-{group}", SIDES[group % 5]))
                vectors.append(centre + random.normal(0, 0.05, WIDTH))
        for at in range(rendered):
            one = Record(
                "rendered", f"{kind}-{at}", given_label=kind, lineage=(f"render:{kind}:{at}",)
            )
            records.append(one)
            side = rendered_side or "train"
            rows.append({**_row(one.id, None, one.id, side), "label_kind": "none"})
            vectors.append(middle + random.normal(0, spread, WIDTH) + drawn_offset)
    arrivals = []
    for at, record in enumerate(records):
        data = intake(at)
        arrivals.append(NewImage(record, ingest_image(data), data))
    atlas.add(arrivals)
    believe(atlas, rows)
    embed(atlas, [row["id"] for row in rows], np.array(vectors))
    return atlas


def believe(atlas: Atlas, rows: list[dict[str, object]]) -> None:
    table = pa.Table.from_pylist(rows)
    votes = [
        [{"voter": "always_comet", "label": "comet", "weight": 0.5, "reason": ""}] for _ in rows
    ]
    table = table.append_column("votes", pa.array(votes, VOTE_TYPE))
    atlas.replace_columns(table, ColumnProvenance("test", {"made": "by hand"}, "1"))


def embed(
    atlas: Atlas, ids: list[str], vectors: np.ndarray, by: str = "net", column: str = COLUMN
) -> None:
    flat = pa.array(vectors.astype(np.float16).ravel())
    filled = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    table = pa.table({"id": ids, column: filled})
    atlas.replace_columns(table, ColumnProvenance("embed", {"backbone": by}, "1"))


def write_study(folder: Path, atlas: Atlas, text: str = "") -> Path:
    """A settings file with a taxonomy of three classes."""
    taxonomy = "".join(f'[[classes]]\nname = "{name}"\n' for name in CLASSES)
    (folder / "taxonomy.toml").write_text(taxonomy, "utf-8")
    head = (
        f'atlas = "{atlas.uri}"\nout = "results"\ntaxonomy = "taxonomy.toml"\n'
        '[study]\nseeds = [1, 2]\nbootstrap_resamples = 100\nrecipe = "quick"\n'
    )
    recipe = '[study.recipes.quick]\nextends = "linear-probe"\nepochs = 4\nlearning_rate = 0.02\n'
    path = folder / "cosmic.toml"
    path.write_text(head + recipe + text, "utf-8")
    return path


def _row(each: str, label: str | None, group: str, side: str) -> dict[str, object]:
    return {
        "id": each, "label": label, "label_kind": "computed", "label_confidence": 0.9,
        "group": group, "split": side,
    }  # fmt: skip


def _one_hot(random: np.random.Generator) -> np.ndarray:
    found = np.zeros(WIDTH)
    found[random.integers(len(CLASSES), WIDTH)] = random.choice([-1.0, 1.0])
    return found
