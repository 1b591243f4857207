"""Files of several images: the one of the sky is taken, and nothing blank is stored as black."""

from __future__ import annotations

import io
import struct

import image_writers as write
import numpy as np
import pytest
from astropy.io import fits
from PIL import Image, TiffImagePlugin
from test_imaging import scene, stars
from test_imaging_fits import SKY, WANTED, levels, packed, plain, refused, written

from cosmic_morphology.imaging import ingest_image, read_image

SHAPE = SKY.shape
RNG = np.random.default_rng(5)
SPARSE = (RNG.random(SHAPE) < 0.05).astype(">i2")
NOISE = RNG.normal(5, 2, SHAPE).astype(">f4")
SCI = SKY.astype(">i2")


def unit(counts: np.ndarray, name: str = "", **cards) -> fits.ImageHDU:
    image = fits.ImageHDU(counts, header=fits.Header(cards))
    if name:
        image.header["EXTNAME"] = name
    return image


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("DQ", np.zeros(SHAPE, ">i2")),
        ("DQ", (SPARSE * 4096).astype(">i4")),
        ("DQ", RNG.integers(0, 2**14, SHAPE).astype(">i2")),
        ("ERR", NOISE),
        ("err", NOISE),
        ("WHT", NOISE),
        ("VAR_POISSON", NOISE),
        ("SKY.WEIGHT", NOISE),
        ("CHIP1.RMS", NOISE),
        ("MASK", SPARSE),
        ("BPM", SPARSE.astype("u1")),
        ("FLAGS", SPARSE * 64),
        ("UNCERT", NOISE),
        ("EXPOSURE", NOISE),
        ("COVERAGE1", NOISE),
        ("SIGMA", NOISE),
        ("", np.zeros(SHAPE, ">i2")),
        ("", np.full(SHAPE, 7.5, ">f4")),
        ("", np.full(SHAPE, np.nan, ">f8")),
        ("", np.full(SHAPE, np.inf, ">f4")),
        ("", (SPARSE * 4096).astype(">i4")),
        ("", SPARSE),
        ("", np.zeros((3, 3), ">i2")),
    ],
)
@pytest.mark.parametrize("science", ["SCI", "PRIMARY", "", "SCI_1"])
def test_what_stands_before_the_image_is_passed_over(name, counts, science):
    before, image = unit(counts, name), unit(SCI, science)
    assert np.array_equal(levels(written(fits.PrimaryHDU(), before, image)), WANTED)
    assert np.array_equal(levels(written(fits.PrimaryHDU(), image, before)), WANTED)
    first = fits.PrimaryHDU(counts)
    if name:
        first.header["EXTNAME"] = name
    assert np.array_equal(levels(written(first, image)), WANTED)


def test_what_is_named_science_comes_before_what_is_not():
    for other in ("", "PREVIEW", "MODEL"):
        file = written(fits.PrimaryHDU(), unit(NOISE, other), unit(SCI, "SCI"))
        assert np.array_equal(levels(file), WANTED)
    said = written(
        fits.PrimaryHDU(), unit(NOISE, "A", HDUCLAS2="ERROR"), unit(SCI, "B", HDUCLAS2="DATA")
    )
    assert np.array_equal(levels(said), WANTED)
    two = written(
        fits.PrimaryHDU(np.full(SHAPE, np.nan)),
        unit(np.full(SHAPE, np.nan), "SCI"),
        unit(SCI, "SCI"),
        unit(NOISE, "MODEL"),
    )
    assert np.array_equal(levels(two), WANTED)


def test_a_masked_image_and_a_field_are_no_masks():
    for name in ("MASKED", "FLAGSHIP", "ERRANT", "VARUNA", "DATA"):
        assert np.array_equal(levels(written(fits.PrimaryHDU(), unit(SCI, name))), WANTED)


def test_counts_of_few_photons_are_an_image_and_a_mask_alone_is_taken():
    photons = RNG.poisson(0.05, SHAPE).astype(">i2")
    assert levels(plain(photons)).any()
    assert np.array_equal(
        levels(plain(SPARSE)), levels(written(fits.PrimaryHDU(SPARSE), unit(SPARSE * 0)))
    )


@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_2"])
def test_planes_in_tiles_are_chosen_in_the_same_way(kind):
    mask = fits.CompImageHDU((SPARSE * 4096).astype(">i4"), name="DQ", compression_type=kind)
    blank = fits.CompImageHDU(np.zeros(SHAPE, ">i2"), compression_type=kind)
    image = fits.CompImageHDU(SCI, name="SCI", compression_type=kind)
    unnamed = fits.CompImageHDU(SCI, compression_type=kind)
    assert np.array_equal(levels(written(fits.PrimaryHDU(), mask, image)), WANTED)
    assert np.array_equal(levels(written(fits.PrimaryHDU(), mask, blank, unnamed)), WANTED)
    assert refused(packed(np.zeros(SHAPE, ">i2"), kind)).kind == "blank"


@pytest.mark.parametrize(
    "counts",
    [
        np.full(SHAPE, np.nan, ">f4"),
        np.full(SHAPE, np.inf, ">f4"),
        np.full(SHAPE, -1.5, ">f8"),
        np.where(SPARSE, 3.0, np.nan),
        np.where(SPARSE, np.inf, 3.0),
        np.zeros(SHAPE, "u1"),
        np.full(SHAPE, 300, ">i2"),
        np.full(SHAPE, 40000, ">u2"),
        np.stack([np.full(SHAPE, level, ">f4") for level in (1, 2, 3)]),
        np.full((1, *SHAPE), np.nan, ">f4"),
    ],
)
def test_a_fits_file_of_nothing_is_refused_as_blank(counts):
    for file in (
        plain(counts),
        written(fits.PrimaryHDU(), unit(counts, "SCI"), unit(NOISE, "ERR")),
    ):
        assert refused(file).kind == "blank"
    assert refused(written(fits.PrimaryHDU(), *(unit(counts) for _ in range(40)))).kind == "blank"


def test_a_fits_file_all_blank_by_its_header_is_refused():
    for blank in (0, -32768):
        image = fits.PrimaryHDU(np.where(SPARSE, 1, blank).astype(">i2"))
        image.header["BLANK"] = blank
        assert refused(written(image)).kind == "blank"


def test_masks_alone_are_no_image():
    error = refused(written(fits.PrimaryHDU(), unit(NOISE, "ERR"), unit(SPARSE, "DQ")))
    assert error.kind == "unsupported"
    assert "ERR" in error.what


def test_numbers_further_apart_than_a_float_can_say_are_no_black():
    far = np.where(SPARSE, 1.7e308, -1.7e308)
    assert np.array_equal(levels(plain(far)), levels(plain(np.where(SPARSE, 1.0, -1.0))))


def pages(*files: bytes) -> bytes:
    out = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out) as joined:
        for file in files:
            joined.write(file)
            joined.newFrame()
    return out.getvalue()


SMALL = np.asarray(scene(20, 16).convert("L"))
LARGE = np.asarray(scene(80, 64).convert("L"))
COUNTS = np.rint(stars()).astype("u2")


@pytest.mark.parametrize(
    "before",
    [
        write.tiff(SMALL, tags={254: (4, [1])}),
        write.tiff(SMALL, tags={255: (3, [2])}),
        write.tiff(SMALL.astype("u2"), tags={254: (4, [3])}),
        write.tiff((SMALL > 99).astype("u1"), bits=1, photometric=4, tags={254: (4, [4])}),
        write.tiff((SMALL > 99).astype("u1"), bits=1, photometric=4),
        write.tiff((SMALL > 99).astype("u1"), bits=1, tags={254: (4, [5])}),
    ],
)
@pytest.mark.parametrize("full", [LARGE, COUNTS])
def test_a_tiff_that_begins_with_a_preview_or_a_mask_is_its_whole_image(before, full):
    alone = write.tiff(full)
    for file in (pages(before, alone), pages(before, before, alone), pages(alone, before)):
        assert np.array_equal(read_image(file), read_image(alone))
    assert ingest_image(pages(before, alone)).n_frames == 2
    assert refused(pages(before, before)).kind == "unsupported"


def test_pages_that_are_alike_are_the_first_one_and_damage_ends_the_search():
    first = write.tiff(LARGE, tags={254: (4, [2])})
    assert np.array_equal(read_image(pages(first, write.tiff(SMALL))), read_image(first))
    data = bytearray(write.tiff(SMALL, tags={254: (4, [1])}))
    for place in (4, len(data) - 4):  # the first and the next directory
        for to in (0, 4, len(data) - 1, len(data) + 9):
            broken = data.copy()
            broken[place : place + 4] = struct.pack("<I", to)
            assert refused(bytes(broken)).kind in {"unsupported", "truncated", "corrupt"}


@pytest.mark.parametrize("level", [np.nan, np.inf, 0.0, 3.5])
@pytest.mark.parametrize("photometric", [0, 1, 2])
def test_counts_of_nothing_in_a_tiff_are_refused_as_blank(level, photometric):
    flat = np.full((20, 30, 3 if photometric == 2 else 1), level, "f4")
    assert refused(write.tiff(flat, photometric=photometric)).kind == "blank"
    flat[3, 4] = np.nan
    assert refused(write.tiff(flat, photometric=photometric)).kind == "blank"


def test_counts_of_nothing_in_a_png_are_refused_and_levels_of_nothing_are_measured():
    assert refused(write.png(np.full((20, 30, 1), 700, "u2"), 0)).kind == "blank"
    hidden = np.dstack([COUNTS, COUNTS * 0])
    assert refused(write.png(hidden, 4)).kind == "blank"
    out = io.BytesIO()
    Image.new("L", (30, 20), 9).save(out, "PNG")
    assert ingest_image(out.getvalue()).blankness == 1
