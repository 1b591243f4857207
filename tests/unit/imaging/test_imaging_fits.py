"""FITS in every packing: the same numbers, or a refusal by name."""

from __future__ import annotations

import gzip
import io
import zlib

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from test_imaging import stars

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import ImageLimits, RejectionKind, ingest_image
from cosmic_morphology.imaging.formats.fits import decode_fits

INTEGERS = ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1", "NOCOMPRESS"]
SKY = np.rint(stars()).astype(np.int64)


def written(*units) -> bytes:
    out = io.BytesIO()
    fits.HDUList(list(units)).writeto(out)
    return out.getvalue()


def plain(counts: np.ndarray, **cards) -> bytes:
    return written(fits.PrimaryHDU(counts, header=fits.Header(cards)))


def packed(counts: np.ndarray, kind: str, **how) -> bytes:
    image = fits.CompImageHDU(counts, compression_type=kind, **how)
    return written(fits.PrimaryHDU(), image)


def levels(data: bytes) -> np.ndarray:
    return np.asarray(decode_fits(data, ImageLimits()).image).astype(int)


def refused(data: bytes, **limits) -> ImageError:
    with pytest.raises(ImageError) as caught:
        ingest_image(data, limits=ImageLimits(**limits))
    return caught.value


WANTED = levels(plain(SKY.astype(">i2")))


@pytest.mark.parametrize("kind", ["u1", ">i2", ">u2", ">i4", ">u4", ">i8", ">f4", ">f8"])
def test_the_same_counts_in_every_fits_type_give_one_image(kind):
    counts = (SKY // 30).astype(kind)
    assert np.abs(levels(plain(counts)) - levels(plain((SKY // 30).astype(">i2")))).max() <= 1


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("dtype", [">i2", ">u2", ">i4"])
@pytest.mark.parametrize("tile", [None, (20, 20), (60, 80)])
def test_compressed_integers_are_those_of_the_plain_file(kind, dtype, tile):
    if kind == "HCOMPRESS_1" and tile is None:
        tile = (60, 80)
    if kind == "PLIO_1" and dtype == ">u2":
        pytest.skip("PLIO holds no offsets")
    assert np.array_equal(levels(packed(SKY.astype(dtype), kind, tile_shape=tile)), WANTED)


@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
def test_compressed_floats_are_nearly_those_of_the_plain_file(kind):
    sky = stars().astype(">f4")
    tile = (60, 80) if kind == "HCOMPRESS_1" else None
    got = levels(packed(sky, kind, tile_shape=tile, quantize_level=64.0))
    assert np.abs(got - levels(plain(sky))).mean() < 1.5
    exact = packed(sky, "GZIP_1", quantize_level=0.0)
    assert np.array_equal(levels(exact), levels(plain(sky)))


def test_a_gzipped_fits_file_is_that_file():
    for data in (plain(SKY.astype(">i2")), packed(SKY.astype(">i2"), "RICE_1")):
        got = ingest_image(gzip.compress(data))
        assert got.media_type == "image/fits+gzip"
        assert got.thumbnail == ingest_image(data).thumbnail


def test_scaled_and_blank_numbers_mean_what_the_header_says():
    counts = SKY.astype(np.int16)
    scaled = plain(counts)
    raw = fits.open(io.BytesIO(scaled), do_not_scale_image_data=True)
    raw[0].header["BZERO"], raw[0].header["BSCALE"] = 1000.0, 0.5
    out = io.BytesIO()
    raw.writeto(out)
    assert np.abs(levels(out.getvalue()) - WANTED).max() <= 1
    for offset, kind in ((0, ">i2"), (32768, ">u2")):
        holes = SKY.copy()
        holes[:9] = 0
        unit = fits.PrimaryHDU(holes.astype(kind))
        unit.header["BLANK"] = -offset
        missing = holes.astype(">f8")
        missing[:9] = np.nan
        got = levels(written(unit))
        assert got[-9:].max() == 0
        assert np.abs(got - levels(plain(missing))).max() <= 1


def test_numbers_that_are_not_finite_are_black():
    sky = stars().astype(">f4")
    sky[3, 4], sky[5, 6], sky[7, 8] = np.nan, np.inf, -np.inf
    got = levels(plain(sky))[::-1]
    assert {got[3, 4], got[5, 6], got[7, 8]} == {0}


def test_small_differences_on_a_high_level_are_kept():
    assert np.abs(levels(plain((SKY + 4_000_000_000).astype(">u4"))) - WANTED).max() <= 1
    assert np.abs(levels(plain((SKY + 4e9).astype(">f8"))) - WANTED).max() <= 1


def test_rows_from_the_top_stay_at_the_top():
    upside = levels(plain(SKY.astype(">i2"), ROWORDER="TOP-DOWN"))
    assert np.array_equal(upside[::-1], WANTED)


def test_the_first_image_counts_and_a_cube_is_named():
    image = fits.ImageHDU(SKY.astype(">i2"))
    other = fits.ImageHDU(np.zeros((30, 30), ">i2"))
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(4))])
    assert np.array_equal(levels(written(fits.PrimaryHDU(), table, image, other)), WANTED)
    cube = np.stack([SKY] * 3).astype(">i2")
    assert levels(plain(cube)).shape == (60, 80, 3)
    assert levels(packed(cube, "RICE_1")).shape == (60, 80, 3)
    for axis in ("FREQ", "WAVE", "STOKES", "VELO-LSR"):
        error = refused(plain(cube, CTYPE3=axis))
        assert (error.kind, axis in error.what) == ("unsupported", True)
    assert refused(packed(np.stack([SKY] * 5).astype(">i2"), "RICE_1")).kind == "unsupported"


@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_1", "PLIO_1"])
def test_a_compressed_file_cut_short_is_refused(kind):
    data = packed(SKY.astype(">i2"), kind)
    used = len(data.rstrip(b"\0"))
    for lost in (1, 300, 900):
        assert refused(data[: used - lost]).kind == "truncated"
    whole = gzip.compress(data)
    for lost in (1, 9, 200):
        assert refused(whole[:-lost]).kind in {"truncated", "not_an_image"}


def test_a_flipped_bit_in_a_gzipped_file_fails_its_checksum():
    data = bytearray(gzip.compress(plain(SKY.astype(">i2"))))
    data[len(data) // 2] ^= 4
    assert refused(bytes(data)).kind in {"corrupt", "truncated"}


def test_bombs_in_gzip_and_in_tiles_are_refused_before_they_grow():
    head = plain(np.zeros((100, 100), ">i2"))
    bomb = gzip.compress(head + bytes(30_000_000))
    assert refused(bomb, max_decoded_bytes=5_000_000).kind == "too_many_pixels"
    data = packed(np.zeros((100, 100), ">i2"), "GZIP_1", tile_shape=(100, 100))
    with fits.open(io.BytesIO(data), disable_image_compression=True) as units:
        table = units[1]
        begins, heap = table.fileinfo()["datLoc"], table.header["NAXIS1"]
        header = table.header.copy()
    tile = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = tile.compress(bytes(40_000_000)) + tile.flush()
    header["PCOUNT"] = len(body)
    place = np.array([len(body), 0], ">i4").tobytes()
    swollen = data[:begins].replace(
        table.header.tostring().encode(), header.tostring().encode()
    ) + (place.ljust(heap, b"\0") + body)
    swollen += bytes(-len(swollen) % 2880)
    assert refused(swollen).kind == "too_many_pixels"
    grown = data.replace(b"ZNAXIS1 =                  100", b"ZNAXIS1 =                99000")
    grown = grown.replace(b"ZNAXIS2 =                  100", b"ZNAXIS2 =                99000")
    assert refused(grown).kind == "too_many_pixels"


def test_a_file_of_endless_header_units_comes_to_an_end():
    empty = written(fits.PrimaryHDU(), fits.ImageHDU())
    assert refused(empty[:2880] + empty[2880:] * 3000).kind == "unsupported"


def test_tiles_without_number_are_refused():
    data = packed(SKY.astype(">i2"), "RICE_1")
    many = data.replace(
        b"NAXIS2  =                   60", b"NAXIS2  =               200000"
    ) + bytes(2_000_000)
    assert refused(many).kind == "unsupported"


SEEDS = [packed(SKY[:20, :24].astype(">i2"), k, tile_shape=(20, 24)) for k in INTEGERS[:5]]


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), min_size=1, max_size=5),
)
def test_damaged_compressed_files_are_taken_or_refused_and_nothing_else(seed, changes):
    data = bytearray(seed)
    begins = 5760  # the table; what stands before is tried in other tests
    used = len(seed.rstrip(b"\0")) - begins
    for where, new in changes:
        at = begins + int(where * (used - 1))
        data[at : at + len(new)] = new
    kinds = set(RejectionKind)
    try:
        ingest_image(bytes(data))
    except ImageError as error:
        kinds.add(error.kind)
    assert kinds == set(RejectionKind)
