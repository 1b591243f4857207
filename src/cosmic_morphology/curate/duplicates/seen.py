"""What is held of images while copies are looked for, and their pixels when they are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas, Fingerprint
from cosmic_morphology.atlas.query import stream
from cosmic_morphology.curate.records import Records
from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import read_thumbnail

# Archives give credit, licence and texts with an image; folders give none.
# A GIF has lost colours, and a WebP may have lost more.
LOSSLESS = ("image/png", "image/tiff", "image/bmp", "image/fits", "image/fits+gzip")
ARCHIVES = ("apod", "commons", "esahubble", "esawebb", "eso", "nasa", "noirlab")


@dataclass(frozen=True, slots=True)
class SeenImages:
    """N images that have a record, in the order of their ids.

    Attributes
    ----------
    ids : pyarrow.Array
        Sorted.
    content : ndarray of uint64, shape ``(N,)``
        First quarter of the SHA-256 of the bytes: of a billion images two share it with a
        probability of 3 in a hundred, of ten million with 3 in a million.
    phash : ndarray of uint64, shape ``(N,)``
        Perceptual hash.
    area : ndarray of int64, shape ``(N,)``
        Pixels of the original.
    from_archive : ndarray of bool, shape ``(N,)``
        Whether an archive gives it.
    lossless : ndarray of bool, shape ``(N,)``
        Whether the original's format keeps every pixel.
    fingerprint : str
        Of ids, bytes and sources, for stamps.
    """

    ids: pa.Array
    content: NDArray[np.uint64]
    phash: NDArray[np.uint64]
    area: NDArray[np.int64]
    from_archive: NDArray[np.bool_]
    lossless: NDArray[np.bool_]
    fingerprint: str


def read_seen(atlas: Atlas, records: Records | None = None) -> SeenImages:
    """All images that have a record; they are read a batch at a time."""
    records = records or Records(atlas)
    n = len(records)
    has_image, from_archive, lossless = (np.zeros(n, bool) for _ in range(3))
    content, phash = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    area = np.zeros(n, np.int64)
    fingerprint = Fingerprint()
    facts = ["id", "sha256", "phash", "width", "height", "media_type"]
    for rows in stream(atlas, facts, table="images"):
        numbers = records.numbers_of(rows.column("id"))
        known = rows.filter(pa.array(numbers >= 0))
        numbers = numbers[numbers >= 0]
        has_image[numbers] = True
        texts = known.column("sha256").to_pylist()
        content[numbers] = [int(each[:16], 16) for each in texts]
        phash[numbers] = _as_number(known.column("phash"))
        width, height = (known.column(name).to_numpy() for name in ("width", "height"))
        area[numbers] = width.astype(np.int64) * height
        is_one = pc.is_in(known.column("media_type"), value_set=pa.array(LOSSLESS))
        lossless[numbers] = is_one.to_numpy(zero_copy_only=False)
        fingerprint.add(zip(known.column("id").to_pylist(), texts, strict=True))
    archives = pa.array(ARCHIVES)
    for places, table in records.batches(["id", "source"]):
        is_one = pc.is_in(table.column("source"), value_set=archives)
        from_archive[places] = is_one.to_numpy()
        of_image = table.filter(pa.array(has_image[places]))
        said = (of_image.column(name).to_pylist() for name in ("id", "source"))
        fingerprint.add(zip(*said, strict=True))
    return SeenImages(
        ids=records.ids.filter(pa.array(has_image)),
        content=content[has_image],
        phash=phash[has_image],
        area=area[has_image],
        from_archive=from_archive[has_image],
        lossless=lossless[has_image],
        fingerprint=str(fingerprint),
    )


def _as_number(hashes: pa.Array) -> NDArray[np.uint64]:
    """Perceptual hashes of eight bytes each, the first one in the highest bits."""
    flat = hashes.flatten().to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(flat.reshape(-1, 8)).view(">u8").ravel().astype(np.uint64)


def thumbnails_of(atlas: Atlas, ids: pa.Array, rows: list[int]) -> pa.ChunkedArray:
    """Thumbnails of some images, in the order of ``rows``."""
    asked = ids.take(pa.array(rows, pa.int64())).to_pylist()
    return atlas.images(asked, ["thumbnail"]).column("thumbnail")


def pixels_of(
    atlas: Atlas, ids: pa.Array, pairs: np.ndarray, *, size_px: int
) -> dict[int, np.ndarray]:
    """Pixels of all images of some pairs, by row."""
    rows = np.unique(pairs).tolist()
    taken = thumbnails_of(atlas, ids, rows)
    return {row: readable(data.as_py(), size_px) for row, data in zip(rows, taken, strict=True)}


def readable(thumbnail: bytes, size_px: int) -> np.ndarray:
    """Its pixels; black where it cannot be read, which is a copy of nothing."""
    try:
        return read_thumbnail(thumbnail, size=size_px)
    except ImageError:
        return np.zeros((size_px, size_px, 3), np.uint8)
