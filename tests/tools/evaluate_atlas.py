"""A small labelled, split and predicted atlas for the tests of evaluate and its report."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw, ImageFilter

from cosmic_morphology.atlas import VOTE_TYPE, Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.imaging import ingest_image

CLASSES = ("comet", "galaxy", "star")
HOSTILE = "<script>alert('x')</script> \"quoted\" & <img src=x onerror=alert(1)>"


def draw(kind: str, seed: int, size: int = 160) -> bytes:
    """A blurred object on a dark noisy sky."""
    random = np.random.default_rng(seed)
    sky = Image.fromarray(random.integers(4, 28, (size, size, 3), dtype=np.uint8))
    pen = ImageDraw.Draw(sky)
    x, y = (int(each) for each in random.integers(size // 3, 2 * size // 3, 2))
    colour = tuple(int(each) for each in random.integers(150, 255, 3))
    if kind == "galaxy":
        pen.ellipse((x - 40, y - 16, x + 40, y + 16), fill=colour)
    elif kind == "comet":
        pen.polygon([(x, y - 6), (x, y + 6), (x + 60, y - 50)], fill=colour)
    else:
        for _ in range(30):
            sx, sy = (int(each) for each in random.integers(0, size, 2))
            pen.ellipse((sx - 2, sy - 2, sx + 2, sy + 2), fill=colour)
    out = io.BytesIO()
    sky.filter(ImageFilter.GaussianBlur(2)).save(out, "JPEG", quality=85)
    return out.getvalue()


def make_atlas(place: Path, *, per_class: int = 12, label: bool = True) -> Atlas:
    """Images of three classes; the first of each class has a copy."""
    atlas = Atlas.create(place)
    arrivals = []
    for at, kind in enumerate(CLASSES):
        for number in range(per_class):
            data = draw(kind, 100 * at + number)
            arrivals.append(_arrival(kind, number, data))
            if number == 0:
                arrivals.append(_arrival(kind, 900, data))
    atlas.add(arrivals)
    if label:
        _believe(atlas)
    return atlas


def add_predictions(
    atlas: Atlas, run: str, *, wrong: float, seed: int = 0, checked: bool = True
) -> None:
    """A run that is wrong this often on the test images; people have checked their labels."""
    random = np.random.default_rng(seed)
    rows = atlas.read(["id", "label"], where="split = 'test'").sort_by("id").to_pylist()
    columns = {"id": [], "prediction": [], "confidence": [], "probabilities": []}
    for row in rows:
        right = CLASSES.index(row["label"])
        said = (right + 1) % len(CLASSES) if random.random() < wrong else right
        sure = float(random.uniform(0.4, 0.99))
        probabilities = np.full(len(CLASSES), (1 - sure) / 2)
        probabilities[said] = sure
        values = (row["id"], CLASSES[said], sure, probabilities.tolist())
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    table = pa.table(
        {
            "id": pa.array(columns["id"]),
            f"prediction_{run}": pa.array(columns["prediction"]),
            f"confidence_{run}": pa.array(columns["confidence"], pa.float32()),
            f"probabilities_{run}": pa.array(
                columns["probabilities"], pa.list_(pa.float32(), len(CLASSES))
            ),
        }
    )
    atlas.replace_columns(
        table, ColumnProvenance("predict", {"run": run, "classes": list(CLASSES)}, "1")
    )
    if checked:
        check(atlas, {row["id"]: row["label"] for row in rows})


def check(atlas: Atlas, labels: dict[str, str], verdict: str = "label") -> None:
    """People's verdicts."""
    from datetime import UTC, datetime

    at = datetime(2026, 11, 22, tzinfo=UTC)
    atlas.append_decisions(
        [
            {"id": each, "verdict": verdict, "label": name, "who": "ada", "at": at, "why": ""}
            for each, name in labels.items()
        ]
    )


def _arrival(kind: str, number: int, data: bytes) -> NewImage:
    record = Record(
        "nasa" if number % 3 else "folder",
        f"{kind}{number:03d}",
        title=HOSTILE if number == 1 else f"{kind} number {number}",
        credit="NASA/JPL <b>bold</b>" if number % 2 else "",
        licence="public domain" if number % 2 else "",
        page_url="https://images.example.org/x" if number % 2 else "javascript:alert(1)",
        queries=(f"nasa:{kind}",),
        collection="site-a" if number % 2 else "site-b",
    )
    return NewImage(record, ingest_image(data), data)


def _believe(atlas: Atlas) -> None:
    rows = atlas.read(["id"]).sort_by("id").column("id").to_pylist()
    kind = [each.partition(":")[2].rstrip("0123456789") for each in rows]
    copy = [each.endswith("900") for each in rows]
    first = {
        name: next(e for e, k, c in zip(rows, kind, copy, strict=True) if k == name and not c)
        for name in CLASSES
    }
    side = ["none" if c else ("train", "val", "test")[n % 3] for n, c in enumerate(copy)]
    votes = [
        [
            {"voter": "search_word", "label": name, "weight": 0.5, "reason": f"search {name}"},
            {"voter": "title", "label": name, "weight": 0.7, "reason": "title"},
        ]
        for name in kind
    ]
    table = pa.table(
        {
            "id": pa.array(rows),
            "label": pa.array(kind),
            "label_confidence": pa.array([0.8] * len(rows), pa.float32()),
            "label_kind": pa.array(["computed"] * len(rows)),
            "group": pa.array(
                [f"g-{k}-{int(e[-3:]) // 2}" for e, k in zip(rows, kind, strict=True)]
            ),
            "split": pa.array(side),
            "duplicate_flag": pa.array(copy),
            "duplicate_score": pa.array([0.0 if c else 1.0 for c in copy], pa.float32()),
            "duplicate_reason": pa.array(
                [f"same bytes as {first[k]}" if c else "" for k, c in zip(kind, copy, strict=True)]
            ),
            "duplicate_of": pa.array(
                [first[k] if c else e for e, k, c in zip(rows, kind, copy, strict=True)]
            ),
            "votes": pa.array(votes, VOTE_TYPE),
        }
    )
    atlas.replace_columns(table, ColumnProvenance("test", {"made": "by hand"}, "1"))


def write_run(out: Path, name: str, *, recipe: str = "") -> Path:
    """The folder that training leaves behind, without its weights."""
    folder = out / "runs" / name
    folder.mkdir(parents=True)
    files = {
        "settings.json": {
            "name": name,
            "recipe_name": recipe or name,
            "labels": "label",
            "seed": 1,
            "backbone": "resnet10t",
            "weights_id": "random",
        },
        "classes.json": {"classes": list(CLASSES)},
        "metrics.json": {"val_macro_f1": 0.5, "epochs": 3, "seconds": 75.2, "n_train": 12},
        "environment.json": {"torch": "2", "device": "cpu"},
        "atlas.json": {"version": "i1-c2-d3-l4"},
        "preprocessing.json": {"size_px": 64, "mean": [0.5] * 3, "std": [0.25] * 3},
    }
    for file, content in files.items():
        (folder / file).write_text(json.dumps(content), "utf-8")
    rows = ["epoch,train_loss,val_loss,val_macro_f1,seconds"]
    rows += ["1,1.1,1.0,0.3,1", "2,0.9,,0.5,2", "3,0.7,0.8,0.6,3"]
    (folder / "history.csv").write_text("\n".join(rows) + "\n", "utf-8")
    (folder / "FINISHED").write_text("of these inputs\n", "utf-8")
    return folder


def add_embeddings(atlas: Atlas, column: str, width: int = 8) -> None:
    """Vectors that know the class well and the site a little."""
    rows = atlas.read(["id", "label", "collection"]).sort_by("id").to_pylist()
    random = np.random.default_rng(0)
    vectors = random.normal(0, 0.3, (len(rows), width))
    for at, row in enumerate(rows):
        vectors[at, CLASSES.index(row["label"])] += 3
        vectors[at, -1] += row["collection"] == "site-a"
    flat = pa.array(vectors.astype(np.float16).ravel())
    filled = pa.FixedSizeListArray.from_arrays(flat, width)
    table = pa.table({"id": [row["id"] for row in rows], column: filled})
    atlas.replace_columns(table, ColumnProvenance("embed", {"backbone": "net"}, "1"))
