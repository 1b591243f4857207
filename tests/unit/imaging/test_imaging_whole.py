"""What follows a whole image does no harm; what is missing from one cannot be made up for."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_imaging import encoded, scene

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import ingest_image


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "text " * 400)
    return out.getvalue()


SMALL = scene(96, 64)
JPEGS = {
    "plain": encoded(SMALL, "JPEG", quality=88),
    "progressive": encoded(SMALL, "JPEG", progressive=True),
    "grey": encoded(SMALL.convert("L"), "JPEG"),
    "inks": encoded(SMALL.convert("CMYK"), "JPEG"),
    "restarts": encoded(SMALL, "JPEG", restart_marker_blocks=2),
    "with a preview": encoded(SMALL, "JPEG", exif=b"Exif\0\0" + encoded(scene(40, 40), "JPEG")),
}
# Less than this is no part of an image: another JPEG behind it would be one.
HEADS = {form: data.rindex(b"\xff\xdb") + 4 for form, data in JPEGS.items()}
TRAILERS = {
    "motion photo": b"\0\0\0\x18ftypmp42" + bytes(range(200)) + b"\xff\xda" + b"\x11" * 300,
    "second JPEG": encoded(scene(40, 30, seed=2), "JPEG"),
    "ZIP": zipped(),
    "end marker": b"\xff\xd9",
    "text": b"appended by a phone " * 40,
    "text and end marker": b"appended by a phone " * 400 + b"\xff\xd9",
    "zeros and end marker": bytes(3000) + b"\xff\xd9",
    "scan without end": b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x77" * 99,
}


@pytest.mark.parametrize("form", JPEGS)
@pytest.mark.parametrize("trailer", TRAILERS)
def test_what_is_appended_to_a_whole_jpeg_does_no_harm_and_does_not_ride_along(form, trailer):
    whole = JPEGS[form]
    got, plain = ingest_image(whole + TRAILERS[trailer]), ingest_image(whole)
    assert got.thumbnail == plain.thumbnail
    assert (got.phash, got.width) == (plain.phash, plain.width)


@pytest.mark.parametrize("form", JPEGS)
@pytest.mark.parametrize("trailer", ["", *TRAILERS])
def test_a_cut_jpeg_is_refused_whatever_follows(form, trailer):
    whole = JPEGS[form]
    for share in (0.02, 0.3, 0.6, 0.8, 0.95):
        cut = whole[: int(len(whole) * share)]
        with pytest.raises(ImageError) as caught:
            ingest_image(cut + TRAILERS.get(trailer, b""))
        assert caught.value.kind in {"truncated", "corrupt", "unsupported", "not_an_image"}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(JPEGS)),
    st.floats(0, 1),
    st.one_of(st.sampled_from(sorted(TRAILERS.values())), st.binary(max_size=3000)),
    st.sampled_from([b"", b"\xff\xd9", b"\xff\xd8\xff\xd9"]),
)
def test_a_jpeg_cut_at_any_place_with_any_bytes_behind_it_is_refused(form, place, junk, end):
    whole = JPEGS[form]
    # Coded data have no check sum: a few bytes may by chance stand for the last few that are gone.
    at = HEADS[form] + int(place * (len(whole) - 100 - HEADS[form]))
    with pytest.raises(ImageError):
        ingest_image(whole[:at] + junk + end)


def test_padding_before_the_end_marker_is_not_damage():
    plain = JPEGS["plain"]
    for padding in (b"\0", b"\0" * 700, b"\xff" * 33):
        got = ingest_image(plain[:-2] + padding + plain[-2:])
        assert got.phash == ingest_image(plain).phash


def test_bytes_before_the_end_marker_that_are_no_padding_are_damage():
    plain = JPEGS["plain"]
    with pytest.raises(ImageError):
        ingest_image(plain[:-2] + b"something else " * 40 + plain[-2:])


def test_a_jpeg_of_endless_scans_is_refused():
    data = JPEGS["progressive"]
    scan = data.rindex(b"\xff\xda")
    with pytest.raises(ImageError) as caught:
        ingest_image(data[:-2] + data[scan:-2] * 600 + data[-2:])
    assert caught.value.kind == "unsupported"


def test_a_jpeg_of_unusual_sampling_or_12_bits_is_read_or_named():
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        assert ingest_image(encoded(SMALL, "JPEG", subsampling=sampling)).width == 96
    odd = bytearray(JPEGS["plain"])
    at = odd.index(b"\xff\xc0")
    odd[at + 4] = 12
    with pytest.raises(ImageError) as caught:
        ingest_image(bytes(odd))
    assert caught.value.kind == "unsupported"


ANIMATED = {"save_all": True, "append_images": [scene(seed=3), scene(seed=4)]}
OTHERS = {
    "PNG": encoded(SMALL, "PNG"),
    "APNG": encoded(SMALL, "PNG", **ANIMATED),
    "GIF": encoded(SMALL.quantize(64), "GIF"),
    "interlaced GIF": encoded(SMALL.quantize(64), "GIF", interlace=1),
    "WebP": encoded(SMALL, "WEBP", quality=80),
    "lossless WebP": encoded(SMALL, "WEBP", lossless=True),
    "animated WebP": encoded(SMALL, "WEBP", **ANIMATED),
    "BMP": encoded(SMALL, "BMP"),
}


@pytest.mark.parametrize("form", OTHERS)
@pytest.mark.parametrize("trailer", TRAILERS)
def test_what_is_appended_to_other_images_does_no_harm(form, trailer):
    whole = OTHERS[form]
    got, plain = ingest_image(whole + TRAILERS[trailer]), ingest_image(whole)
    assert (got.thumbnail, got.n_frames) == (plain.thumbnail, plain.n_frames)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(OTHERS)), st.floats(0, 1))
def test_other_images_cut_at_any_place_are_refused(form, place):
    whole = OTHERS[form]
    if form == "animated WebP":
        place /= 3
    with pytest.raises(ImageError):
        ingest_image(whole[: int(place * (len(whole) - 14))])


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["PNG", "APNG"]),
    st.floats(0, 1),
    st.one_of(st.sampled_from(sorted(TRAILERS.values())), st.binary(max_size=3000)),
)
def test_a_cut_png_is_refused_whatever_follows(form, place, junk):
    whole = OTHERS[form]
    with pytest.raises(ImageError):
        ingest_image(whole[: 8 + int(place * (len(whole) - 22))] + junk)


def test_full_size_pixels_are_those_that_pillow_decodes():
    for form, data in JPEGS.items():
        image = Image.open(io.BytesIO(data))
        wanted = np.asarray(image.convert("L" if form == "grey" else "RGB"))
        got = ingest_image(data)
        stored = np.asarray(Image.open(io.BytesIO(got.thumbnail)))
        if form != "inks":
            assert np.array_equal(stored, wanted)
