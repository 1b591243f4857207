"""Neighbours by embedding are compared where a column is named, by the search and the proof."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from cosmic_morphology.atlas import Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.curate import check_leakage, find_duplicates
from cosmic_morphology.errors import LeakError, UsageError
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.settings import CurateSettings

BY_HASH = CurateSettings(duplicates={"embedding": "none"})
BY_EMBEDDING = CurateSettings(duplicates={"embedding": "embedding_tiny"})

VECTOR = pa.list_(pa.float32(), 2)
CROP_LEFT, CROP_RIGHT = (0, 0, 224, 168), (96, 72, 320, 240)


def clouds(seed: int, quality: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize((160, 120)).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture
def sky(atlas: Atlas) -> Atlas:
    """Two encodings of one image, whose hashes do not show it, and another image."""
    for name, seed, quality in (("a", 1, 95), ("b", 1, 70), ("c", 2, 90)):
        data = clouds(seed, quality)
        intake = ingest_image(data)
        if name == "b":
            intake = replace(intake, phash=bytes(255 - each for each in intake.phash))
        atlas.add([NewImage(Record("nasa", name), intake, data)])
    vectors = [[1.0, 0.0], [0.99, 0.1], [1.0, 0.01]]
    rows = pa.table(
        {
            "id": ["nasa:a", "nasa:b", "nasa:c"],
            "embedding_tiny": pa.array(vectors, VECTOR),
        }
    )
    atlas.replace_columns(rows, ColumnProvenance("embed"))
    return atlas


def originals(atlas: Atlas) -> list[str]:
    return atlas.read(["id", "duplicate_of"]).sort_by("id").column("duplicate_of").to_pylist()


def test_a_copy_that_hashes_miss_is_found_by_its_embedding_and_no_other_image_is(sky):
    assert find_duplicates(sky, settings=BY_HASH).duplicates == 0
    done = find_duplicates(sky, settings=BY_EMBEDDING)
    assert (done.changed, done.duplicates) == (True, 1)
    assert originals(sky) == ["nasa:a", "nasa:a", "nasa:c"]
    assert not find_duplicates(sky, settings=BY_EMBEDDING).changed


def test_new_embeddings_are_looked_at(sky):
    find_duplicates(sky, settings=BY_EMBEDDING)
    ids = ["nasa:a", "nasa:b", "nasa:c"]
    apart = pa.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], VECTOR)
    sky.replace_columns(
        pa.table({"id": ids, "embedding_tiny": apart}), ColumnProvenance("embed", {"v": 2})
    )
    assert find_duplicates(sky, settings=BY_EMBEDDING).duplicates == 0


def test_the_certificate_finds_neighbours_on_two_sides(sky):
    ids = ["nasa:a", "nasa:b", "nasa:c"]
    split = pa.table({"id": ids, "split": ["train", "test", "test"], "group": ids})
    sky.replace_columns(split, ColumnProvenance("test"))
    # By hash they are not found; the comparison of every pair, which needs no hash, sees them, too.
    for settings in (BY_HASH, BY_EMBEDDING):
        with pytest.raises(LeakError, match=r"nasa:a \(train\) and nasa:b \(test\): copy"):
            check_leakage(sky, settings=settings)


def test_a_column_that_is_not_there_is_named_with_those_that_are(sky):
    lacking = CurateSettings(duplicates={"embedding": "embedding_large"})
    with pytest.raises(UsageError, match=r"embedding_large.*cosmic embed.*embedding_tiny"):
        find_duplicates(sky, settings=lacking)


def test_any_column_of_embeddings_will_do(sky):
    assert find_duplicates(sky, settings=CurateSettings()).duplicates == 1


def test_without_embeddings_hashes_alone_are_compared(atlas: Atlas):
    data = clouds(1, 95)
    atlas.add([NewImage(Record("nasa", "a"), ingest_image(data), data)])
    assert find_duplicates(atlas, settings=CurateSettings()).duplicates == 0


def field_of_stars(seed: int, *, crop: bool = False) -> bytes:
    rng = np.random.default_rng(seed)
    pixels = rng.normal(30, 4, (240, 320))
    down, right = np.mgrid[:240, :320]
    for x, y, size in zip(*rng.uniform([[0], [0], [1]], [[320], [240], [4]], (3, 80)), strict=True):
        star = np.exp(-((right - x) ** 2 + (down - y) ** 2) / (2 * size * size))
        pixels += star * rng.uniform(60, 200)
    grey = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).convert("RGB")
    out = io.BytesIO()
    (grey.crop((40, 30, 264, 198)) if crop else grey).save(out, "JPEG", quality=90)
    return out.getvalue()


def test_a_crop_is_found_among_neighbours_by_embedding_and_not_by_hash(atlas: Atlas):
    for name, data in (
        ("a", field_of_stars(1)),
        ("crop", field_of_stars(1, crop=True)),
        ("other", field_of_stars(2)),
    ):
        atlas.add([NewImage(Record("nasa", name), ingest_image(data), data)])
    rows = pa.table(
        {
            "id": ["nasa:a", "nasa:crop", "nasa:other"],
            "embedding_tiny": pa.array([[1.0, 0.0], [0.9, 0.3], [0.95, 0.1]], VECTOR),
        }
    )
    atlas.replace_columns(rows, ColumnProvenance("embed"))
    assert find_duplicates(atlas, settings=BY_HASH).duplicates == 0
    find_duplicates(atlas, settings=BY_EMBEDDING)
    assert originals(atlas) == ["nasa:a", "nasa:a", "nasa:other"]


def test_two_crops_of_an_image_without_a_side_are_a_leak(atlas: Atlas):
    """They share a corner only, so neither is a copy of the other."""
    whole = Image.open(io.BytesIO(field_of_stars(1)))
    for name, box in (("whole", (0, 0, 320, 240)), ("left", CROP_LEFT), ("right", CROP_RIGHT)):
        out = io.BytesIO()
        whole.crop(box).save(out, "JPEG", quality=92)
        atlas.add([NewImage(Record("nasa", name), ingest_image(out.getvalue()), out.getvalue())])
    ids = ["nasa:left", "nasa:right", "nasa:whole"]
    near = pa.array([[1.0, 0.0], [0.0, 1.0], [0.7, 0.7]], VECTOR)
    sides = {"split": ["train", "test", "none"], "group": ids, "embedding_tiny": near}
    atlas.replace_columns(pa.table({"id": ids, **sides}), ColumnProvenance("test"))
    with pytest.raises(LeakError, match=r"left \(train\) and nasa:right \(test\).*other copies"):
        check_leakage(atlas, settings=BY_EMBEDDING)


@pytest.mark.parametrize("search", ["quick", "thorough"])
def test_images_that_cannot_be_read_are_copies_of_nothing(atlas: Atlas, search: str):
    for name in ("a", "b"):
        data = field_of_stars(len(name))
        broken = replace(ingest_image(data), thumbnail=b"no image", sha256=name.encode() * 32)
        atlas.add([NewImage(Record("nasa", name), broken, data)])
    near = pa.array([[1.0, 0.0], [1.0, 0.0]], VECTOR)
    atlas.replace_columns(
        pa.table({"id": ["nasa:a", "nasa:b"], "embedding_tiny": near}), ColumnProvenance("embed")
    )
    found = find_duplicates(atlas, settings=CurateSettings(duplicates={"search": search}))
    assert (found.images, found.duplicates) == (2, 0)
    assert found.candidates > 0
