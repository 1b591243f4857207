"""Promises of the intake: what comes in, how it comes out, and what the numbers mean."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path

import imagehash
import numpy as np
import pytest
from astropy.io import fits
from PIL import Image, ImageCms, ImageDraw, ImageOps

from cosmic_morphology.imaging import ImageLimits, ingest_image, perceptual_hash, read_thumbnail
from cosmic_morphology.imaging.statistics import measure

SHARED_IMAGES = Path(__file__).parents[3].parent / "shared" / "sky" / "images"


def scene(width: int = 96, height: int = 64, seed: int = 7) -> Image.Image:
    """A smooth coloured scene with a bright disc in its upper left."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 200, (6, 8, 3), dtype=np.uint8))
    image = small.resize((width, height), Image.Resampling.BICUBIC)
    box = (width // 10, height // 10, width // 4, height // 3)
    ImageDraw.Draw(image).ellipse(box, fill=(255, 240, 200))
    return image


def encoded(image: Image.Image, form: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def fits_bytes(data: np.ndarray | None, *more: fits.ImageHDU) -> bytes:
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(data), *more]).writeto(out)
    return out.getvalue()


def stars(height: int = 60, width: int = 80) -> np.ndarray:
    """Noise around 100 counts with one very bright star at row 10, column 20."""
    sky = np.random.default_rng(3).normal(100, 5, (height, width)).astype(np.float32)
    sky[8:13, 18:23] += 5000
    return sky


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_every_common_format_comes_in_with_its_true_type_and_size(form):
    options = {"lossless": True} if form == "WEBP" else {}
    got = ingest_image(encoded(scene(), form, **options), source_hint="misleading.txt")
    assert got.media_type == f"image/{form.lower()}"
    assert (got.width, got.height, got.n_frames) == (96, 64, 1)
    assert len(got.phash) == 8
    assert len(got.sha256) == 64
    assert difference(opened(got.thumbnail), np.asarray(scene())) < 6


def test_a_small_upright_jpeg_is_its_own_thumbnail_byte_for_byte():
    for image in (scene(), scene().convert("L")):
        data = encoded(image, "JPEG", quality=80)
        assert ingest_image(data).thumbnail == data


def test_megabytes_of_metadata_do_not_ride_along_in_the_thumbnail():
    data = encoded(scene(), "JPEG")
    segment = b"\xff\xe5\xff\xff" + bytes(0xFFFD)
    got = ingest_image(data[:2] + segment * 20 + data[2:])
    assert len(got.thumbnail) < 100_000


def test_a_large_image_gets_a_thumbnail_of_the_asked_side():
    got = ingest_image(encoded(scene(1500, 900), "JPEG"), limits=ImageLimits(thumbnail_side_px=200))
    assert (got.width, got.height) == (1500, 900)
    thumbnail = Image.open(io.BytesIO(got.thumbnail))
    assert (thumbnail.size, thumbnail.mode) == ((200, 120), "RGB")
    assert difference(np.asarray(thumbnail), np.asarray(scene(1500, 900).resize((200, 120)))) < 4


@pytest.mark.parametrize("size", [(5000, 40), (9, 3000), (8, 8)])
def test_extreme_shapes_keep_at_least_one_pixel_a_side(size):
    got = ingest_image(encoded(scene(*size), "JPEG"), limits=ImageLimits(thumbnail_side_px=100))
    assert (got.width, got.height) == size
    assert max(Image.open(io.BytesIO(got.thumbnail)).size) <= 100


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright_by_their_exif(form, orientation):
    turn_away = {
        1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4,
    }[orientation]  # fmt: skip
    upright = scene()
    stored = upright if turn_away is None else upright.transpose(Image.Transpose(turn_away))
    exif = Image.Exif()
    exif[0x0112] = orientation
    quality = {"quality": 95} if form == "JPEG" else {}
    got = ingest_image(encoded(stored, form, exif=exif, **quality))
    assert (got.width, got.height) == (96, 64)
    assert difference(opened(got.thumbnail), np.asarray(upright)) < 6


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow says so, and that is all
def test_broken_exif_does_not_cost_the_image():
    got = ingest_image(encoded(scene(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff"))
    assert (got.width, got.height) == (96, 64)


def test_an_animated_gif_counts_its_frames_and_shows_the_first():
    frames = [scene(seed=s).quantize(64) for s in range(5)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    got = ingest_image(data)
    assert got.n_frames == 5
    assert difference(opened(got.thumbnail), np.asarray(frames[0].convert("RGB"))) < 8


def test_pages_and_frames_of_other_formats_are_counted():
    more = [scene(seed=s) for s in range(1, 4)]
    for form in ("TIFF", "PNG", "WEBP"):
        assert ingest_image(encoded(scene(), form, save_all=True, append_images=more)).n_frames == 4
    big = encoded(scene(), "TIFF", save_all=True, append_images=more, big_tiff=True)
    assert ingest_image(big).n_frames == 4
    assert ingest_image(big, limits=ImageLimits(max_frames_counted=2)).n_frames == 2


def test_cmyk_comes_out_in_its_true_colours_whether_adobe_inverted_it_or_not():
    inks = Image.new("CMYK", (64, 64), (0, 200, 220, 10))  # a strong red
    adobe = encoded(inks, "JPEG", quality=95)
    # Without Adobe's marker the stored numbers mean ink as they stand: store them inverted.
    inverted = encoded(Image.eval(inks, lambda v: 255 - v), "JPEG", quality=95)
    marker = inverted.index(b"\xff\xee")
    plain = inverted[:marker] + inverted[marker + 16 :]
    for data in (adobe, plain, encoded(inks, "TIFF")):
        red, green, blue = opened(ingest_image(data).thumbnail).mean(axis=(0, 1))
        assert red > 200
        assert green < 90
        assert blue < 90


def test_sixteen_bit_grey_is_stretched_not_cut():
    ramp = np.tile(np.linspace(1000, 3000, 80), (60, 1)).astype(np.uint16)
    ramp[0, 0] = 65535  # one hot pixel must not darken the rest
    for form in ("PNG", "TIFF"):
        got = ingest_image(encoded(Image.fromarray(ramp), form))
        row = opened(got.thumbnail)[30, :, 0]
        assert row[:5].mean() < 20
        assert row[-5:].mean() > 235


def test_float_images_with_missing_values_are_stretched():
    sky = stars().astype(np.float32)
    sky[:5] = np.nan
    sky[5, 5] = np.inf
    got = ingest_image(encoded(Image.fromarray(sky), "TIFF"))
    assert opened(got.thumbnail)[:4].max() < 40
    assert got.contrast > 0.05


def test_float_images_of_enormous_range_do_not_overflow():
    sky = np.full((20, 20), -3e38, np.float32)
    sky[:, 10:] = 3e38
    assert ingest_image(encoded(Image.fromarray(sky), "TIFF")).width == 20


def test_transparent_parts_turn_black():
    glass = scene().convert("RGBA")
    glass.putalpha(0)
    palette = scene().quantize(32)
    clear = bytes([0]) * 32
    for data in (
        encoded(glass, "PNG"),
        encoded(glass.convert("LA"), "PNG"),
        encoded(palette, "PNG", transparency=clear),
        encoded(Image.new("L", (40, 40), 200), "PNG", transparency=200),
    ):
        got = ingest_image(data)
        assert got.brightness < 0.01
        assert got.blankness > 0.9


def test_one_bit_images_come_in():
    assert ingest_image(encoded(scene().convert("1"), "PNG")).contrast > 0.2


def test_an_embedded_profile_is_applied():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same profile under another name, its red and green primaries exchanged.
    other = srgb.replace(b"rXYZ", b"tXYZ").replace(b"gXYZ", b"rXYZ").replace(b"tXYZ", b"gXYZ")
    other = other.replace("sRGB".encode("utf-16-be"), "xxxx".encode("utf-16-be"))
    pure_red = Image.new("RGB", (32, 32), (255, 0, 0))
    red, green, _ = opened(ingest_image(encoded(pure_red, "PNG", icc_profile=other)).thumbnail)[
        16, 16
    ]
    assert green > red
    data = encoded(scene(), "JPEG", icc_profile=srgb)
    assert ingest_image(data).thumbnail == data


def test_an_unusable_profile_is_left_out():
    for profile in (b"not a profile at all" * 20, bytes(16) + b"RGB " + bytes(300)):
        data = encoded(scene(), "JPEG", icc_profile=profile)
        assert ingest_image(data).thumbnail == data


def test_a_fits_plane_is_stretched_and_stands_upright():
    got = ingest_image(fits_bytes(stars()))
    assert (got.media_type, got.width, got.height) == ("image/fits", 80, 60)
    pixels = opened(got.thumbnail)[..., 0]
    row, column = np.unravel_index(pixels.argmax(), pixels.shape)
    assert abs(row - (59 - 10)) < 4  # FITS counts rows from below
    assert abs(column - 20) < 4
    assert got.colourfulness == pytest.approx(0, abs=0.02)


def test_three_fits_planes_become_red_green_and_blue():
    cube = np.stack([stars(), np.full((60, 80), 7.0), np.full((60, 80), np.nan)])
    pixels = opened(ingest_image(fits_bytes(cube.astype(np.float32))).thumbnail)
    assert pixels[..., 0].max() > 150
    assert pixels[..., 1:].max() < 80


def test_fits_with_missing_pixels_integers_and_extensions_comes_in():
    holes = stars()
    holes[::3] = np.nan
    assert ingest_image(fits_bytes(holes)).contrast > 0
    assert ingest_image(fits_bytes(stars().astype(np.int16)[None])).height == 60
    assert ingest_image(fits_bytes(None, fits.ImageHDU(stars()))).width == 80


def test_a_large_fits_image_is_averaged_down_before_the_stretch():
    sky = np.random.default_rng(1).normal(10, 1, (700, 900))
    sky[100, :] = np.nan
    got = ingest_image(fits_bytes(sky), limits=ImageLimits(thumbnail_side_px=64))
    assert (got.width, got.height) == (900, 700)
    assert Image.open(io.BytesIO(got.thumbnail)).size == (64, 50)


def test_the_hash_is_that_of_imagehash_bit_for_bit():
    rng = np.random.default_rng(0)
    for n in range(60):
        width, height = rng.integers(8, 300, 2)
        image = scene(int(width), int(height), seed=n)
        if n % 4 == 0:
            image = Image.new("RGB", (int(width), int(height)), (n, n, n))
        if n % 4 == 1:
            # Many frequencies of its own mirror image are zero: nothing but rounding orders them.
            image.paste(
                ImageOps.mirror(image.crop((0, 0, image.width // 2, image.height))),
                (image.width - image.width // 2, 0),
            )
        expected = bytes.fromhex(str(imagehash.phash(image)))
        assert perceptual_hash(image) == expected
        assert ingest_image(encoded(image, "PNG")).phash == expected


def test_the_quick_look_never_changes_how_blank_an_image_is():
    rng = np.random.default_rng(4)
    for n in range(80):
        width, height = (int(side) for side in rng.integers(8, 200, 2))
        levels = rng.normal(rng.integers(0, 256), rng.choice([0, 3, 9, 20, 60]), (height, width, 3))
        levels[: n % 5, :3] = 255
        image = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
        far = []
        for band in image.split():
            sorted_levels = np.sort(np.asarray(band).ravel()).astype(int)
            middle = sorted_levels[-(-len(sorted_levels) // 2) - 1]
            far.append(max(sorted_levels[-4] - middle, middle - sorted_levels[3]))
        assert measure(image).blankness == max(0.0, 1 - max(far) / 32)


def test_a_reencoded_and_resized_copy_keeps_its_hash_nearly():
    one = ingest_image(encoded(scene(400, 300), "PNG")).phash
    other = ingest_image(encoded(scene(400, 300).resize((200, 150)), "JPEG", quality=60)).phash
    stranger = ingest_image(encoded(scene(400, 300, seed=8), "PNG")).phash
    apart = [(int.from_bytes(one) ^ int.from_bytes(h)).bit_count() for h in (other, stranger)]
    assert apart[0] <= 4
    assert apart[1] > 12


def test_a_black_sky_with_five_stars_is_not_blank_and_an_empty_cutout_is():
    sky = np.zeros((400, 400), np.uint8)
    for n in range(5):
        sky[50 * n + 20, 70 * n + 10] = 230
    empty = np.full((400, 400, 3), 17) + np.random.default_rng(0).integers(0, 2, (400, 400, 3))
    assert ingest_image(encoded(Image.fromarray(sky), "PNG")).blankness == 0
    assert ingest_image(encoded(Image.fromarray(empty.astype(np.uint8)), "JPEG")).blankness > 0.85
    assert ingest_image(encoded(Image.new("RGB", (90, 90), (1, 2, 200)), "PNG")).blankness == 1


def test_statistics_mean_what_they_say():
    half = Image.new("L", (100, 100), 0)
    half.paste(255, (50, 0, 100, 100))
    got = ingest_image(encoded(half, "PNG"))
    assert got.brightness == pytest.approx(0.5)
    assert got.contrast == pytest.approx(0.5)
    assert got.colourfulness == 0
    sharp = ingest_image(encoded(scene(), "PNG"))
    blurred = ingest_image(encoded(scene().reduce(4).resize((96, 64)), "PNG"))
    assert sharp.sharpness > blurred.sharpness
    assert sharp.colourfulness > ingest_image(encoded(scene().convert("L"), "PNG")).colourfulness


def test_a_mirrored_thumbnail_of_an_odd_height_is_read_in_its_place():
    """Decoders that halve 301 rows give 151: the last of them is half an image row."""
    disc = Image.new("RGB", (512, 301))
    ImageDraw.Draw(disc).ellipse((160, 60, 350, 250), fill=(200, 190, 180))
    upright, flipped = (
        read_thumbnail(encoded(each, "JPEG", quality=95), size=256).astype(int)
        for each in (disc, ImageOps.flip(disc))
    )
    assert upright.shape == (150, 256, 3)
    rows = np.arange(150) - 74.5
    middle = [float((each.sum((1, 2)) * rows).sum() / each.sum()) for each in (upright, flipped)]
    assert middle[0] == pytest.approx(-middle[1], abs=0.05)


def test_read_thumbnail_gives_writable_rgb_of_the_asked_size():
    data = ingest_image(encoded(scene(900, 600), "PNG")).thumbnail
    assert read_thumbnail(data).shape == (341, 512, 3)
    small = read_thumbnail(data, size=100)
    assert (small.shape, small.dtype, small.flags.writeable) == ((67, 100, 3), np.uint8, True)
    assert read_thumbnail(encoded(scene(20, 30).convert("L"), "JPEG"), size=99).shape == (30, 20, 3)


def test_taking_in_is_silent_and_repeatable():
    data = encoded(scene(700, 500), "JPEG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ingest_image(data) == ingest_image(data)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED_IMAGES.is_dir(), reason="the real images are not beside this")
def test_real_images_come_in_unchanged_and_none_of_them_is_blank():
    paths = sorted(SHARED_IMAGES.iterdir())[::25]
    assert len(paths) > 50
    for path in paths:
        data = path.read_bytes()
        got = ingest_image(data)
        image = Image.open(path)
        assert (got.width, got.height) == image.size
        assert got.thumbnail == data
        assert got.phash == bytes.fromhex(str(imagehash.phash(image)))
        assert got.blankness < 0.5


def test_the_webp_header_is_read_for_all_three_kinds():
    lossy = encoded(scene(), "WEBP", quality=70)
    lossless = encoded(scene(), "WEBP", lossless=True)
    extended = encoded(scene(), "WEBP", exif=struct.pack("<4sHHI", b"II*\0", 8, 0, 0))
    kinds = {d[12:16] for d in (lossy, lossless, extended)}
    assert kinds == {b"VP8 ", b"VP8L", b"VP8X"}
    for data in (lossy, lossless, extended):
        assert (ingest_image(data).width, ingest_image(data).height) == (96, 64)
