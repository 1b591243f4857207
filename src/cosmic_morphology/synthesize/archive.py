"""A rendered archive on disk for the replica: images, catalogue, and the truth apart."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cosmic_morphology.display import Shown
from cosmic_morphology.io_utils import write_csv
from cosmic_morphology.synthesize.renderer import Rendered, render_images
from cosmic_morphology.synthesize.texts.texts import write_texts

CATALOGUE = ("file", "source", "title", "description", "keywords", "date", "credit", "object_name")
TRUTH = ("file", "class", "object_name", "lineage")


@dataclass(frozen=True, repr=False)
class ArchiveResult(Shown):
    """What :func:`write_archive` wrote.

    Attributes
    ----------
    folder : str
        Where it is: ``images/``, ``catalogue.csv``, ``truth.csv``.
    images : int
        Files in all.
    planted_duplicates : int
        How many of them are copies of others under other names.
    classes : dict
        Files of each true class, copies included.
    """

    folder: str
    images: int
    planted_duplicates: int
    classes: dict[str, int]


def write_archive(
    folder: Path,
    counts: Mapping[str, int],
    *,
    seed: int,
    size_px: int = 256,
    planted_duplicates: float = 0.08,
    workers: int | None = None,
) -> ArchiveResult:
    """Write an archive of rendered images with the faults of real ones.

    ``catalogue.csv`` holds what an archive says (never the class); ``truth.csv`` holds the truth,
    for scoring and as a person's review. Some images come twice, re-encoded and resized under
    another identifier and title. The same arguments write the same files.

    Parameters
    ----------
    folder : Path
        Made when missing.
    counts : mapping
        Images of each class, without the copies.
    seed : int
        Of every choice.
    size_px : int, optional
        Longer side of the images.
    planted_duplicates : float, optional
        Copies as a fraction of the images, 0 to 1.
    workers : int, optional
        Processes; by default one for each core.

    Examples
    --------
    >>> write_archive(Path("archive"), {"star": 2}, seed=1, size_px=64, planted_duplicates=0).images
    2
    """
    total = sum(counts.values())
    copies = min(round(total * planted_duplicates), total)
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng([seed, 71])
    numbers = rng.permutation(total + copies)
    copied = {int(i): total + k for k, i in enumerate(rng.permutation(total)[:copies])}
    rows: dict[int, _Row] = {}
    stream = render_images(dict(counts), seed=seed, size_px=size_px, workers=workers)
    for index, image in enumerate(stream):
        number = int(numbers[index])
        rows[number] = _stored(images, number, image)
        if index in copied:
            number = int(numbers[copied[index]])
            rows[number] = _copied(rng, images, number, image)
    ordered = [rows[number] for number in sorted(rows)]
    _write_table(folder / "catalogue.csv", CATALOGUE, [row.said for row in ordered])
    _write_table(folder / "truth.csv", TRUTH, [row.true for row in ordered])
    return ArchiveResult(
        folder=str(folder),
        images=len(ordered),
        planted_duplicates=copies,
        classes=dict(sorted(Counter(row.true["class"] for row in ordered).items())),
    )


@dataclass(frozen=True)
class _Row:
    said: dict[str, str]
    true: dict[str, str]


def _stored(images: Path, number: int, image: Rendered) -> _Row:
    """Write one image; its row says what its own texts say."""
    name = _file_name(number)
    (images / name).write_bytes(image.jpeg(quality=88))
    said = {
        "title": image.title,
        "description": image.description,
        "keywords": ";".join(image.keywords),
        "date": image.date,
    }
    return _row(name, said, image)


def _copied(rng: np.random.Generator, images: Path, number: int, image: Rendered) -> _Row:
    """Write a near-duplicate: smaller, compressed again, told in other words."""
    name = _file_name(number)
    opened = Image.open(io.BytesIO(image.jpeg(quality=88)))
    scale = float(rng.uniform(0.6, 1.0))
    small = opened.resize(
        (max(16, round(opened.width * scale)), max(16, round(opened.height * scale)))
    )
    small.save(images / name, "JPEG", quality=int(rng.integers(60, 90)))
    subtype = str(image.parameters["subtype"])
    texts = write_texts(rng, image.kind, subtype, name=image.object_name)
    # Half of the copies keep the title, as releases through two centers do.
    title = image.title if rng.random() < 0.5 else texts.title
    said = {
        "title": title,
        "description": texts.description,
        "keywords": ";".join(texts.keywords),
        "date": texts.date,
    }
    return _row(name, said, image)


def _row(name: str, said: dict[str, str], image: Rendered) -> _Row:
    extra = {"file": name, "source": "rendered", "credit": "Rendered, no rights reserved"}
    truth = {
        "file": name,
        "class": image.kind,
        "object_name": image.object_name,
        "lineage": f"render:{image.kind}:{image.seed}",
    }
    return _Row({**extra, **said, "object_name": image.object_name}, truth)


def _file_name(number: int) -> str:
    """A name in the style of the Photojournal; it says nothing about the class."""
    return f"PIA{10000 + number}.jpg"


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    write_csv(path, columns, rows)
