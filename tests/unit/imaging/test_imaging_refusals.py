"""Promises of the guards: what is refused, why, and without harm."""

from __future__ import annotations

import gzip
import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from test_imaging import encoded, fits_bytes, scene, stars

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import ImageLimits, RejectionKind, ingest_image, read_thumbnail

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def refused(data: bytes, **limits) -> ImageError:
    with pytest.raises(ImageError) as caught:
        ingest_image(data, limits=ImageLimits(**limits), source_hint="nasa:PIA1")
    assert caught.value.where == "nasa:PIA1"
    assert caught.value.kind in set(RejectionKind)
    return caught.value


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *, extra: bytes = b"", rows: bytes = b"") -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + extra + data + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "kind", "says"),
    [
        (b"", "empty", "zero bytes"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "not_an_image", "an HTML page"),
        (b"\xef\xbb\xbf\n  <HTML><svg></svg>", "not_an_image", "an HTML page"),
        (b"<!-- moved -->\n<html>", "not_an_image", "an HTML page"),
        (SVG, "svg", "SVG"),
        (b'<?xml version="1.0"?><!-- a --><!DOCTYPE svg PUBLIC "x">\n' + SVG, "svg", "SVG"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "svg", "SVG"),
        (b'<svg:svg xmlns:svg="x"/>', "svg", "SVG"),
        ("\ufeff<svg/>".encode("utf-16-le"), "svg", "SVG"),
        (b'<?xml version="1.0"?><Error>denied</Error>', "not_an_image", "an XML document"),
        (json.dumps({"reason": "gone"}).encode(), "not_an_image", "a JSON document"),
        (b"Service unavailable", "not_an_image", "plain text"),
        (b"%PDF-1.7\n", "not_an_image", "a PDF"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(40), "not_an_image", "a video"),
        (b"\x1aE\xdf\xa3" + bytes(40), "not_an_image", "WebM"),
        (b"PK\x03\x04" + bytes(40), "not_an_image", "a zip"),
        (bytes(range(200)), "not_an_image", "no known kind"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "unsupported", "HEIC"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "unsupported", "JPEG 2000"),
        (b"8BPS\x00\x01" + bytes(40), "unsupported", "Photoshop"),
    ],
)
def test_what_is_no_image_is_named_for_what_it_is(data, kind, says):
    error = refused(data)
    assert error.kind == kind
    assert says in error.what
    assert error.todo


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_an_image_cut_short_is_refused_and_never_patched(form, share):
    data = encoded(scene(300, 200), form)
    error = refused(data[: int(len(data) * share)])
    assert error.kind in {"truncated", "corrupt"}


@pytest.mark.parametrize("lost", [1, 2, 5, 12, 40])
@pytest.mark.parametrize(
    "data",
    [
        encoded(scene(), "JPEG"),
        encoded(scene(), "JPEG", progressive=True),
        encoded(scene(), "PNG"),
        encoded(scene(), "JPEG", exif=b"Exif\0\0" + encoded(scene(40, 40), "JPEG")),
    ],
)
def test_the_last_few_bytes_are_missed(data, lost):
    assert refused(data[:-lost]).kind == "truncated"


def test_a_jpeg_whose_rest_never_arrived_and_was_filled_with_zeros_is_refused():
    data = encoded(scene(300, 200), "JPEG")
    half = len(data) // 2
    assert refused(data[:half] + bytes(len(data) - half)).kind == "truncated"


def test_what_cameras_append_after_a_jpeg_does_no_harm():
    assert ingest_image(encoded(scene(), "JPEG") + b"appended by a phone" * 9).width == 96


def test_a_flipped_bit_in_a_png_fails_its_checksum():
    data = bytearray(encoded(scene(), "PNG"))
    data[len(data) // 2] ^= 4
    assert refused(bytes(data)).kind == "corrupt"


@pytest.mark.parametrize(
    "data",
    [
        png(50_000, 50_000),
        png(2**31 - 1, 2**31 - 1),
        b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\x3f\x3f\0" * 2,
        b"GIF89a" + struct.pack("<HH", 50_000, 50_000) + b"\0\0\0" + b"\x2c" + bytes(9) + b"\x02\0",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 50_000, 50_000, 1, 24, *[0] * 6),
    ],
)
def test_fifty_thousand_pixels_square_are_refused_from_the_header(data):
    tracemalloc.start()
    error = refused(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.kind == "too_many_pixels"
    assert peak < 5_000_000


def test_a_jpeg_and_a_tiff_that_declare_too_much_are_refused_from_the_header():
    jpeg = bytearray(encoded(scene(), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 50_000, 50_000)
    tiff = bytearray(encoded(scene(), "TIFF"))
    for tag in (256, 257):
        at = tiff.index(struct.pack("<HHI", tag, 4, 1), 8)
        tiff[at + 8 : at + 12] = struct.pack("<I", 50_000)
    for data in (jpeg, tiff):
        assert refused(bytes(data)).kind == "too_many_pixels"


def test_a_fits_header_that_declares_too_much_or_more_than_there_is_is_refused():
    data = fits_bytes(stars())
    for side, kind in ((b"50000", "too_many_pixels"), (b"  900", "truncated")):
        grown = data.replace(b"NAXIS1  =                   80", b"NAXIS1  =                " + side)
        grown = grown.replace(
            b"NAXIS2  =                   60", b"NAXIS2  =                " + side
        )
        assert refused(grown).kind == kind


def test_a_fits_file_cut_short_or_without_image_is_refused():
    data = fits_bytes(stars())
    assert refused(data[: 2880 + 500]).kind == "truncated"
    assert refused(fits_bytes(None)).kind == "unsupported"
    assert refused(fits_bytes(np.zeros((7, 20, 20)))).kind == "unsupported"
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(4))])
    assert refused(fits_bytes(None, table)).kind == "unsupported"


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt", b"iTXt"])
def test_a_png_that_hides_a_bomb_in_its_texts_is_refused_without_growing(kind):
    bomb = zlib.compress(bytes(300_000_000), 9)
    between = b"\0\x01\0\0\0" if kind == b"iTXt" else b"\0\0"
    data = png(8, 8, extra=png_chunk(kind, b"a" + between + bomb), rows=bytes(8 * 25))
    tracemalloc.start()
    error = refused(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.kind == "too_large"
    assert peak < 20_000_000


def test_a_gzip_bomb_is_not_even_opened():
    assert refused(gzip.compress(bytes(50_000_000))).kind == "not_an_image"


def test_sizes_outside_the_limits_are_refused():
    assert refused(encoded(scene(7, 90), "PNG")).kind == "too_small"
    assert refused(encoded(scene(), "PNG"), max_bytes=100).kind == "too_large"
    assert refused(encoded(scene(), "PNG"), max_pixels=6_000).kind == "too_many_pixels"
    assert ingest_image(encoded(scene(), "PNG"), limits=ImageLimits(max_pixels=6_144)).width == 96


def test_endless_frames_are_not_counted_to_the_end():
    gif = encoded(scene().quantize(8), "GIF")
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    got = ingest_image(gif[:-1] + frame * 50_000 + b";")
    assert got.n_frames == ImageLimits().max_frames_counted


def test_a_tiff_whose_pages_run_in_a_circle_comes_to_an_end():
    data = bytearray(encoded(scene(), "TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    assert ingest_image(bytes(data)).n_frames == 1


def test_a_damaged_thumbnail_is_a_typed_refusal_too():
    data = encoded(scene(), "JPEG")
    for damaged in (b"", b"<html>", data[:200], data[:30]):
        with pytest.raises(ImageError):
            read_thumbnail(damaged)


PLAIN = [
    encoded(scene(48, 40), "JPEG"),
    encoded(scene(48, 40), "PNG"),
    encoded(scene(48, 40), "JPEG", progressive=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
    encoded(scene(48, 40).quantize(8), "GIF"),
    encoded(scene(48, 40), "TIFF"),
    encoded(scene(48, 40), "TIFF", compression="tiff_lzw"),
    encoded(scene(48, 40), "BMP"),
    encoded(scene(48, 40), "WEBP"),
    fits_bytes(stars(20, 20)),
]
HEADS = [b"", *(data[:24] for data in PLAIN)]


def taken_or_refused(data: bytes) -> None:
    kinds = set(RejectionKind)
    try:
        got = ingest_image(data, limits=ImageLimits(max_pixels=1_000_000))
    except ImageError as error:
        kinds.add(error.kind)
    else:
        assert 0 <= got.blankness <= 1
        assert read_thumbnail(got.thumbnail).ndim == 3
    assert kinds == set(RejectionKind)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow comments on what it meets
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(HEADS), st.binary(max_size=400))
def test_arbitrary_bytes_only_ever_meet_a_typed_refusal(head, tail):
    taken_or_refused(head + tail)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow comments on what it meets
@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(PLAIN),
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), min_size=1, max_size=6),
    st.floats(0.2, 1),
)
def test_mutated_images_are_taken_or_refused_and_nothing_else(plain, changes, share):
    data = bytearray(plain)
    for where, new in changes:
        at = int(where**2 * (len(data) - 1))  # headers are hit more often than pixels
        data[at : at + len(new)] = new
    taken_or_refused(bytes(data[: int(len(data) * share)] if share < 0.6 else data))


def test_a_png_without_pixels_is_refused():
    damaged = encoded(scene(), "PNG").replace(b"IDAT", b"IDAX")
    assert refused(damaged).kind in {"corrupt", "truncated"}
