"""The same counts give the same image, in whatever container, depth, sign or polarity they come."""

from __future__ import annotations

import io

import image_writers as write
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import ImageLimits, ingest_image
from cosmic_morphology.imaging.decode import decode
from cosmic_morphology.imaging.sniff import media_type_of

HEIGHT, WIDTH = 37, 53


def star_counts(seed: int = 5, most: int = 2000) -> np.ndarray:
    """Linear counts of a camera: a dark sky with a few stars, far from the full range."""
    rng = np.random.default_rng(seed)
    sky = rng.normal(most / 20, most / 200, (HEIGHT, WIDTH))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for _ in range(9):
        y, x, size = rng.uniform(0, HEIGHT), rng.uniform(0, WIDTH), rng.uniform(0.8, 3)
        near = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * size**2))
        sky += rng.uniform(0.2, 1) * most * near
    return np.clip(np.rint(sky), 0, most).astype(np.int64)


def expected(counts: np.ndarray) -> np.ndarray:
    """What is promised, said again without the program: linear between two percentiles."""
    low, high = np.percentile(counts, (0.5, 99.8), method="inverted_cdf")
    return np.rint((np.clip(counts, low, high) - low) / (high - low) * 255)


def levels(data: bytes) -> np.ndarray:
    """Upright 8-bit pixels, before they are made a JPEG."""
    decoded = decode(data, media_type_of(data), ImageLimits())
    assert (decoded.width, decoded.height) == decoded.image.size
    return np.asarray(decoded.image).astype(int)


def same(data: bytes, counts: np.ndarray) -> None:
    got, wanted = levels(data), expected(counts)
    if got.ndim == 3:
        assert np.ptp(got, axis=2).max() == 0
        got = got[..., 0]
    assert np.abs(got - wanted).max() <= 1


DEPTHS = ["u2", "u4", "u8", "i2", "i4", "i8", "f2", "f4", "f8", "12", "10", "14"]
layouts = st.fixed_dictionaries(
    {
        "order": st.sampled_from("<>"),
        "big": st.booleans(),
        "planar": st.booleans(),
        "packing": st.sampled_from(sorted(write.PACKINGS)),
        "tile": st.sampled_from([0, 16, 32]),
        "strip": st.sampled_from([0, 1, 5, 16]),
    }
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(DEPTHS),
    layouts,
    st.sampled_from([0, 1, 2]),
    st.sampled_from([1, 2, 3]),
    st.integers(0, 3),
    st.integers(1, 8),
)
def test_counts_in_every_tiff_layout_give_one_image(
    depth, layout, photometric, predictor, seed, orientation
):
    counts = star_counts(seed, 1000)
    kind = depth[0] if depth[0] in "uif" else "u"
    bits = int(depth) if depth.isdigit() else 0
    if (predictor == 3 and kind != "f") or bits:
        predictor = 1
    if bits:
        layout = layout | {"tile": 0}
    stored = counts.astype(depth if not bits else "u2")
    if kind == "i":
        stored = stored - 500
    if photometric == 0:  # white is zero
        stored = (1 << bits) - 1 - stored if bits else (-stored if kind == "f" else ~stored)
    if photometric == 2:
        stored = np.dstack([stored] * 3)
    turn = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    if turn is not None:
        planes = stored if stored.ndim == 3 else stored[..., None]
        ways = [lambda a: a[:, ::-1], lambda a: a[::-1]]
        moved = {
            2: ways[0],
            3: lambda a: a[::-1, ::-1],
            4: ways[1],
            5: lambda a: a.swapaxes(0, 1),
            6: lambda a: np.rot90(a, 1),
            7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
            8: lambda a: np.rot90(a, -1),
        }[orientation](planes)
        stored = np.ascontiguousarray(moved)
    stored = np.ascontiguousarray(stored)
    if layout["packing"] == "none":
        predictor = 1
    data = write.tiff(
        stored,
        photometric=photometric,
        bits=bits,
        predictor=predictor,
        tags={274: (3, [orientation])},
        **layout,
    )
    same(data, counts)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([0, 2, 4, 6]), st.booleans(), st.integers(0, 5), st.integers(300, 65535))
def test_counts_in_every_png_of_16_bits_give_one_image(colour_type, up, seed, most):
    counts = star_counts(seed, most)
    full = np.full_like(counts, 65535)
    planes = {
        0: [counts],
        2: [counts] * 3,
        4: [counts, full],
        6: [counts, counts, counts, full],
    }[colour_type]
    same(write.png(np.dstack(planes), colour_type, up=up), counts)


def test_the_colours_of_deep_images_stay():
    counts = star_counts()
    colours = np.dstack([counts, counts // 2, counts // 4]).astype(np.uint16)
    low, high = np.percentile(colours, (0.5, 99.8), method="inverted_cdf")
    wanted = np.rint((np.clip(colours, low, high) - low) / (high - low) * 255)
    for data in (write.tiff(colours, photometric=2), write.png(colours, 2)):
        assert np.abs(levels(data) - wanted).max() <= 1


def test_pillow_and_our_writers_agree_on_16_bits():
    counts = star_counts()
    for form in ("PNG", "TIFF"):
        out = io.BytesIO()
        Image.fromarray(counts.astype(np.uint16)).save(out, form)
        same(out.getvalue(), counts)


@pytest.mark.parametrize("depth", ["u2", "i2", "f4"])
def test_what_is_transparent_is_black_and_does_not_set_the_limits(depth):
    counts = star_counts()
    hidden = counts.copy()
    hidden[:, :20] = np.iinfo("i2").max  # junk under the mask
    full = 1 if depth == "f4" else np.iinfo(depth).max
    mask = np.full_like(counts, full)
    mask[:, :20] = 0
    for extra in (1, 2):
        four = np.dstack([hidden] * 3 + [mask]).astype(depth)
        got = levels(write.tiff(four, photometric=2, extra=(extra,)))
        assert got[:, :20].max() == 0
        wanted = expected(counts[:, 20:])
        assert np.abs(got[:, 20:, 0] - wanted).max() <= 1


def test_one_transparent_colour_is_compared_in_all_its_bits():
    counts = star_counts(most=60_000)
    counts[:, :20] = 513
    for colour_type, planes in ((0, 1), (2, 3)):
        key = write.png_chunk(b"tRNS", b"\x02\x01" * planes)
        got = levels(write.png(np.dstack([counts] * planes), colour_type, chunks=key))
        assert got[:, :20].max() == 0
        near = write.png_chunk(b"tRNS", b"\x02\x02" * planes)
        same(write.png(np.dstack([counts] * planes), colour_type, chunks=near), counts)


def test_an_extra_sample_that_is_no_mask_is_left_out():
    counts = star_counts()
    four = np.dstack([counts, counts, counts, counts * 0]).astype(np.uint16)
    same(write.tiff(four, photometric=2, extra=(0,)), counts)


def test_floats_that_are_not_numbers_are_black():
    counts = star_counts().astype(np.float32)
    counts[3, 4], counts[5, 6], counts[7, 8] = np.nan, np.inf, -np.inf
    got = levels(write.tiff(counts))
    assert {got[3, 4], got[5, 6], got[7, 8]} == {0}


@pytest.mark.parametrize("offset", [0, 4_000_000_000])
def test_small_differences_on_a_high_level_are_kept(offset):
    counts = star_counts()
    for kind in ("u4", "f8"):
        same(write.tiff((counts + offset).astype(kind)), counts)


def ramp(depth: int, *, inverted: bool = False) -> np.ndarray:
    values = np.tile(np.arange(WIDTH) * (1 << depth) // WIDTH, (HEIGHT, 1)).astype(np.uint8)
    return (1 << depth) - 1 - values if inverted else values


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_levels_up_to_8_bits_are_spread_over_the_full_range_and_not_stretched(depth):
    wanted = np.rint(ramp(depth) * (255 / ((1 << depth) - 1)))
    palette = np.rint(np.arange(1 << depth) * (255 / ((1 << depth) - 1))).astype(int)
    tiff_map = {320: (3, (palette * 257).tolist() * 3)}
    back_map = {320: (3, (palette[::-1] * 257).tolist() * 3)}
    small_map = {320: (3, palette.tolist() * 3)}  # 8-bit numbers, as some programs write them
    plte = write.png_chunk(b"PLTE", bytes(np.repeat(palette, 3).tolist()))
    inverted = ramp(depth, inverted=True)
    for data in (
        write.tiff(ramp(depth), bits=depth),
        write.tiff(ramp(depth), bits=depth, order=">", big=True),
        write.tiff(inverted, bits=depth, photometric=0),
        write.tiff(ramp(depth), bits=depth, photometric=3, tags=tiff_map),
        write.tiff(inverted, bits=depth, photometric=3, tags=back_map),
        write.tiff(ramp(depth), bits=depth, photometric=3, tags=small_map),
        write.tiff(np.dstack([ramp(depth)] * 3), bits=depth, photometric=2),
        write.png(ramp(depth)[..., None], 0, depth=depth),
        write.png(ramp(depth)[..., None], 3, depth=depth, chunks=plte),
    ):
        got = levels(data)
        got = got[..., 0] if got.ndim == 3 else got
        assert np.abs(got - wanted).max() <= 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (write.tiff(star_counts().astype("f4"), tags={258: (3, [24])}), "24 bits"),
        (write.tiff(star_counts().astype("u2"), tags={259: (3, [7])}), "compression 7"),
        (write.tiff(star_counts().astype("u2"), tags={259: (3, [34887])}), "compression 34887"),
        (write.tiff(star_counts().astype("u2"), tags={339: (3, [6])}), "format 6"),
        (write.tiff(star_counts().astype("u2"), photometric=32803), "camera"),
        (write.tiff(star_counts().astype("u2"), tags={254: (4, [1])}), "preview"),
        (write.tiff(star_counts().astype("u1"), tags={50706: (1, [1, 4, 0, 0])}), "camera"),
        (write.tiff(star_counts().astype("u2"), photometric=8), "pixel mode"),
        (write.tiff(np.dstack([star_counts()] * 2).astype("u2"), photometric=2), "2 samples"),
    ],
)
def test_what_is_not_read_is_refused_by_name(data, says):
    with pytest.raises(ImageError, match=says) as caught:
        ingest_image(data)
    assert caught.value.kind == "unsupported"


def test_a_deep_tiff_that_unpacks_to_too_much_is_refused_before_it_is_unpacked():
    data = write.tiff(star_counts().astype("f8"), packing="deflate")
    with pytest.raises(ImageError) as caught:
        ingest_image(data, limits=ImageLimits(max_decoded_bytes=8 * HEIGHT * WIDTH - 1))
    assert caught.value.kind == "too_many_pixels"


@pytest.mark.parametrize("packing", ["none", "deflate", "lzw", "packbits"])
def test_a_deep_tiff_cut_anywhere_is_refused(packing):
    whole = write.tiff(star_counts().astype("u2"), packing=packing, strip=4)
    directory = whole[-200:]
    for lost in range(1, len(whole) - 300, 97):
        # The directory moves up, so that the header still finds it and the data are missed.
        cut = bytearray(whole[: len(whole) - 200 - lost] + directory)
        cut[4:8] = (int.from_bytes(whole[4:8], "little") - lost).to_bytes(4, "little")
        with pytest.raises(ImageError):
            ingest_image(bytes(cut))
