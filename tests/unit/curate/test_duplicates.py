"""Copies of one image are found whatever was done to them; other images are left alone."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.duplicates.candidates import same_bytes, unique_pairs
from cosmic_morphology.curate.duplicates.find import find_duplicates
from cosmic_morphology.curate.duplicates.hash_index import (
    near_reoriented_hashes,
    pairs_within_hamming,
    reoriented_hash,
)
from cosmic_morphology.curate.duplicates.keypoint_index import (
    ORIENTATIONS,
    pairs_by_keys,
    reoriented,
)
from cosmic_morphology.curate.duplicates.keypoints import Keypoints, detect_keypoints
from cosmic_morphology.curate.duplicates.neighbours import near_embeddings
from cosmic_morphology.curate.duplicates.thumbnail_match import (
    agreeing_orientations,
    extract_features,
    prefilter,
)
from cosmic_morphology.curate.groups.group import group_images
from cosmic_morphology.curate.split.leakage import check_leakage
from cosmic_morphology.curate.split.split import split_images
from cosmic_morphology.errors import LeakError
from cosmic_morphology.imaging import ingest_image, perceptual_hash
from cosmic_morphology.settings import CurateSettings, SplitSettings

Change = Callable[[Image.Image], Image.Image]
CHANGES: dict[str, Change] = {
    "re-encoded": lambda im: encoded(im, 40),
    "resized": lambda im: im.resize((im.width // 2, im.height // 2)),
    "cropped": lambda im: im.crop((30, 40, 30 + im.width * 7 // 10, 40 + im.height * 7 // 10)),
    "rotated": lambda im: im.transpose(Image.Transpose.ROTATE_90),
    "flipped": lambda im: im.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "grey": lambda im: im.convert("L").convert("RGB"),
    "false colour": lambda im: Image.merge("RGB", im.split()[::-1]),
    "captioned": lambda im: captioned(im, "NGC 1234, a credit line"),
    "bordered": lambda im: ImageOps.expand(im, 20, "white"),
    "thumbnail": lambda im: im.resize((128, 128 * im.height // im.width)),
}


def encoded(im: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(jpeg(im, quality))).convert("RGB")


def jpeg(im: Image.Image, quality: int = 90) -> bytes:
    out = io.BytesIO()
    im.save(out, "JPEG", quality=quality)
    return out.getvalue()


def captioned(im: Image.Image, text: str) -> Image.Image:
    out = im.copy()
    ImageDraw.Draw(out).rectangle((0, im.height - 24, im.width, im.height), fill="black")
    ImageDraw.Draw(out).text((8, im.height - 20), text, fill="white")
    return out


def sky(seed: int, *, grain: int | None = None) -> Image.Image:
    """Clouds and stars; the same seed with other grain is another photograph of one field."""
    rng = np.random.default_rng(seed)
    clouds = rng.integers(0, 120, (9, 12, 3), dtype=np.uint8)
    pixels = np.asarray(
        Image.fromarray(clouds).resize((400, 300), Image.Resampling.BICUBIC), dtype=float
    ).copy()
    y, x = np.mgrid[:300, :400]
    for _ in range(90):
        at_x, at_y, size = rng.uniform(0, 400), rng.uniform(0, 300), rng.uniform(1, 5)
        star = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * size**2))
        pixels += star[..., None] * rng.uniform(40, 200)
    noise = np.random.default_rng(seed if grain is None else grain)
    pixels += noise.normal(0, 14, pixels.shape[:2])[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def arrival(name: str, im: Image.Image, quality: int = 90) -> NewImage:
    data = jpeg(im, quality)
    return NewImage(Record("nasa", name, title=name), ingest_image(data), data)


def originals(atlas: Atlas) -> dict[str, str]:
    found = find_duplicates(atlas, settings=CurateSettings(duplicates={"search": "thorough"}))
    assert found.changed
    rows = atlas.read(["id", "duplicate_of"]).to_pylist()
    return {row["id"]: row["duplicate_of"] for row in rows}


def test_every_kind_of_copy_is_found_and_the_largest_is_kept(atlas: Atlas) -> None:
    atlas.add([arrival(f"sky{seed}", sky(seed)) for seed in range(4)])
    atlas.add([arrival(f"copy of sky1 {name}", change(sky(1))) for name, change in CHANGES.items()])
    found = originals(atlas)
    keeper = found["nasa:sky1"]
    missed = {name for name in CHANGES if found[f"nasa:copy of sky1 {name}"] != keeper}
    assert not missed
    assert keeper == "nasa:copy of sky1 bordered"
    assert all(found[f"nasa:sky{seed}"] == f"nasa:sky{seed}" for seed in (0, 2, 3))


def test_copies_of_a_plain_image_are_found(atlas: Atlas) -> None:
    y, x = np.mgrid[:240, :320]
    soft = [
        np.exp(-((x - at) ** 2 + (y - 120) ** 2 / flat) / (2 * wide**2))
        for at, flat, wide in ((150, 0.4, 40), (90, 1.0, 55))
    ]
    plain = [Image.fromarray((each * 200).astype(np.uint8)).convert("RGB") for each in soft]
    atlas.add([arrival(name, im) for name, im in zip("ab", plain, strict=True)])
    copies = ("re-encoded", "rotated", "flipped", "grey", "thumbnail")
    atlas.add([arrival(f"{name} copy of a", CHANGES[name](plain[0]), 40) for name in copies])
    found = originals(atlas)
    assert {found[f"nasa:{name} copy of a"] for name in copies} == {found["nasa:a"]}
    assert found["nasa:b"] == "nasa:b"


def test_two_photographs_of_one_field_are_not_one_image(atlas: Atlas) -> None:
    atlas.add([arrival("one", sky(5, grain=1)), arrival("other", sky(5, grain=2))])
    assert originals(atlas) == {"nasa:one": "nasa:one", "nasa:other": "nasa:other"}


def test_black_frames_and_lone_stars_are_not_copies_of_each_other(atlas: Atlas) -> None:
    images = []
    for at in range(6):
        im = Image.new("RGB", (200, 200))
        ImageDraw.Draw(im).ellipse((20 + 25 * at, 90, 30 + 25 * at, 100), fill="white")
        images.append(arrival(f"dark{at}", im))
    atlas.add(images)
    assert len(set(originals(atlas).values())) == 6


def test_equal_bytes_are_one_image_and_a_second_run_changes_nothing(atlas: Atlas) -> None:
    atlas.add([arrival(name, sky(7)) for name in ("a", "b")])
    assert set(originals(atlas).values()) == {"nasa:a"}
    again = find_duplicates(atlas, settings=CurateSettings(duplicates={"search": "thorough"}))
    assert not again.changed
    assert again.kinds == {"same bytes": 1}


def test_a_copy_on_the_other_side_fails_the_certificate(atlas: Atlas) -> None:
    import pyarrow as pa

    from cosmic_morphology.atlas import ColumnProvenance

    images = [arrival(f"sky{seed}", sky(seed)) for seed in range(9)]
    atlas.add([*images, arrival("turned", CHANGES["rotated"](sky(0)))])
    find_duplicates(atlas, settings=CurateSettings(duplicates={"search": "thorough"}))
    group_images(atlas, settings=CurateSettings(duplicates={"search": "thorough"}))
    ids = atlas.ids()
    atlas.replace_columns(pa.table({"id": ids, "label": ["comet"] * 10}), ColumnProvenance("test"))
    split_images(atlas, settings=SplitSettings(), seed=1)
    assert (
        check_leakage(atlas, settings=CurateSettings(duplicates={"search": "thorough"})).leaks == 0
    )
    parted = ["test" if each == "nasa:turned" else "train" for each in ids]
    atlas.replace_columns(
        pa.table({"id": ids, "split": parted, "group": ids, "duplicate_of": ids}),
        ColumnProvenance("test"),
    )
    with pytest.raises(LeakError, match=r"nasa:turned"):
        check_leakage(atlas, settings=CurateSettings(duplicates={"search": "thorough"}))
    found = check_leakage(
        atlas, settings=CurateSettings(duplicates={"search": "thorough"}), raise_on_leak=False
    )
    assert found.leaks_by_kind["copy"] == 1


def test_the_quick_search_finds_copies_of_one_framing(atlas: Atlas) -> None:
    image = sky(5)
    small = image.resize((image.width * 2 // 3, image.height * 2 // 3))
    atlas.add([arrival("a", image), arrival("b", small, 60), arrival("c", sky(6))])
    found = find_duplicates(atlas, settings=CurateSettings())
    rows = atlas.read(["id", "duplicate_of"]).to_pylist()
    of = {row["id"]: row["duplicate_of"] for row in rows}
    first, second, third = sorted(of)
    assert of == {first: first, second: first, third: third}
    assert found.duplicates == 1


def test_the_quick_search_finds_turned_and_mirrored_copies_and_no_other_field(atlas: Atlas) -> None:
    orientations = [each.name.lower() for each in Image.Transpose]
    copies = [sky(5).transpose(each) for each in Image.Transpose]
    atlas.add([arrival("first", sky(5)), arrival("other", sky(6))])
    atlas.add([arrival(name, im, 60) for name, im in zip(orientations, copies, strict=True)])
    find_duplicates(atlas, settings=CurateSettings())
    of = {row["id"]: row["duplicate_of"] for row in atlas.read(["id", "duplicate_of"]).to_pylist()}
    missed = [name for name in orientations if of[f"nasa:{name}"] != of["nasa:first"]]
    assert not missed
    assert of["nasa:other"] == "nasa:other"


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_hash_of_a_turned_image_can_be_told_from_its_hash(
    orientation: tuple[int, int, int],
) -> None:
    transposed, left_right, top_bottom = orientation
    off = []
    for seed in range(12):
        im = sky(seed)
        over = im.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if left_right else im
        over = over.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if top_bottom else over
        over = over.transpose(Image.Transpose.TRANSPOSE) if transposed else over
        told = reoriented_hash(hash_of(im), orientation)
        off.append(int(np.bitwise_count(told ^ hash_of(over))[0]))
    assert np.median(off) <= 6
    assert max(off) <= 12


def hash_of(im: Image.Image) -> np.ndarray:
    return np.frombuffer(perceptual_hash(im), ">u8").astype(np.uint64)


def test_near_hashes_finds_every_pair_and_no_other() -> None:
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 2**64, 3000, dtype=np.uint64)
    for at in range(100):
        for bit in rng.choice(64, at % 9, replace=False):
            hashes[at] ^= np.uint64(1) << np.uint64(bit)
        hashes[1000 + at] = hashes[at]
        for bit in rng.choice(64, at % 9, replace=False):
            hashes[1000 + at] ^= np.uint64(1) << np.uint64(bit)
    expected = {(at, 1000 + at) for at in range(100) if at % 9 <= 6}
    assert {tuple(pair) for pair in pairs_within_hamming(hashes, max_bits=6).tolist()} == expected


@pytest.mark.parametrize("max_bits", [0, 1, 6, 9])
def test_every_pair_that_is_near_in_any_form_is_found_and_no_other(max_bits: int) -> None:
    rng = np.random.default_rng(4)
    hashes = rng.integers(0, 2**64, 400, dtype=np.uint64)
    # Hashes that are almost their own mirror images stand in a table in several forms at once.
    hashes[:40] |= reoriented_hash(hashes[:40], (1, 0, 0))
    hashes[:30] ^= np.uint64(0x0102000000400000)
    for orientation, copies in zip(ORIENTATIONS, np.split(np.arange(80, 400), 8), strict=True):
        hashes[copies] = reoriented_hash(hashes[:40], orientation)
        for row in copies:
            for bit in rng.choice(64, max_bits + (row % 4 == 0), replace=False):
                hashes[row] ^= np.uint64(1) << np.uint64(bit)
    off = np.min(
        [
            np.bitwise_count(reoriented_hash(hashes, orientation)[:, None] ^ hashes)
            for orientation in ORIENTATIONS
        ],
        axis=0,
    )
    expected = np.argwhere(np.triu(off <= max_bits, 1))
    assert near_reoriented_hashes(hashes, max_bits=max_bits).tolist() == expected.tolist()


def test_very_many_equal_hashes_are_tied_together_in_little_work() -> None:
    hashes = np.full(5000, 0xF0F0F0F00F0F0F0F, np.uint64)
    pairs = near_reoriented_hashes(hashes, max_bits=6)
    assert len(pairs) < 200 * len(hashes)
    sets = UnionFind(len(hashes))
    for one, other in pairs.tolist():
        sets.union(one, other)
    assert not sets.labels().any()


def test_the_look_at_blocks_loses_no_pair_that_whole_images_tie() -> None:
    images = [sky(seed).transpose(turn) for seed in range(4) for turn in Image.Transpose]
    images += [each.resize((48, 40)).resize((60, 45)) for each in images[:8]]
    features = dict(
        enumerate(extract_features([np.asarray(each.resize((64, 48))) for each in images]))
    )
    pairs = np.array([(a, b) for a in features for b in features])
    possible = prefilter(features, pairs, np.ones((len(pairs), len(ORIENTATIONS)), bool))
    alike = [
        [
            bool(agreeing_orientations(features[a], features[b], [orientation]))
            for orientation in ORIENTATIONS
        ]
        for a, b in pairs
    ]
    assert np.sum(alike) > len(features)
    assert not (np.array(alike) & ~possible).any()
    assert possible.mean() < 0.5


def test_pairs_of_equal_bytes_tie_each_to_the_first() -> None:
    found = same_bytes(np.array(["b", "a", "b", "a", "b", "c"]))
    assert sorted(found.tolist()) == [[0, 2], [0, 4], [1, 3]]
    assert not len(same_bytes(np.array([], dtype=str)))


def test_unique_pairs_are_sorted_and_without_self() -> None:
    assert unique_pairs(np.array([[3, 1], [1, 3], [2, 2], [0, 5]])).tolist() == [[0, 5], [1, 3]]


def test_codes_of_a_turned_image_are_the_turned_codes() -> None:
    # Sides of 8 n + 1 px: every level of the pyramid then has the same pixels from both ends.
    pixels = np.asarray(sky(2).resize((161, 121)))
    straight = detect_keypoints(pixels)
    for transposed, left_right, top_bottom in ORIENTATIONS:
        changed = pixels[:: -1 if top_bottom else 1, :: -1 if left_right else 1]
        changed = changed.transpose(1, 0, 2) if transposed else changed
        here = detect_keypoints(np.ascontiguousarray(changed))
        alike = (
            reoriented(straight.descriptor, (transposed, left_right, top_bottom))
            @ here.descriptor.T
        )
        assert (alike.max(axis=1) > 0.99).mean() > 0.95


def test_fingerprints_survive_being_stored() -> None:
    keypoints = detect_keypoints(np.asarray(sky(2).resize((160, 120))))
    again = Keypoints.unpacked(keypoints.packed())
    np.testing.assert_allclose(again.x, keypoints.x, atol=1e-4)
    assert ((again.descriptor * keypoints.descriptor).sum(axis=1) > 0.999).all()


def test_no_blobs_make_no_pairs() -> None:
    code = detect_keypoints(np.zeros((100, 100, 3), np.uint8)).descriptor
    pairs, shared = pairs_by_keys(code, np.zeros(3, np.int64))
    assert len(pairs) == len(shared) == 0


def test_near_embeddings_are_paired_through_the_index() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(5000, 16)).astype(np.float32)
    vectors[2500:2600] = vectors[:100] * 3
    vectors[4000] = np.nan
    pairs = {tuple(pair) for pair in near_embeddings(vectors, min_cosine=0.999).tolist()}
    planted = {(at, 2500 + at) for at in range(100)}
    assert len(planted & pairs) >= 95
    assert not any(4000 in pair for pair in pairs)
