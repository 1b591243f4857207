"""What a file says of its pixels is heeded: which way up, what its levels mean, what is seen."""

from __future__ import annotations

import struct
import zlib

import image_writers as write
import numpy as np
import pytest
from PIL import Image, ImageCms
from test_imaging import difference, encoded, opened, scene

from cosmic_morphology.imaging import ingest_image

TALL = scene(64, 96)
LYING = TALL.transpose(Image.Transpose.ROTATE_90)  # orientation 6 sets it up again


def exif_block(orientation: int, order: str = "<") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    body = struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return mark + body


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"><rdf:Description '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" {}</rdf:RDF></x:xmpmeta>'
)
XMPS = [
    XMP.format('tiff:Orientation="6"/>'),
    XMP.format("tiff:Orientation='6'/>"),
    XMP.format('tiff:Orientation = "6"/>'),
    XMP.format("><tiff:Orientation>6</tiff:Orientation></rdf:Description>"),
]


def raw_profile(name: str, body: bytes, *, packed: bool = True) -> bytes:
    """As ImageMagick writes them."""
    digits = body.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{name}\n{len(body):8d}\n{lines}\n".encode("latin-1")
    title = f"Raw profile type {name}\0".encode()
    if packed:
        return write.png_chunk(b"zTXt", title + b"\0" + zlib.compress(text))
    return write.png_chunk(b"tEXt", title + text)


def with_chunk(png: bytes, chunk: bytes, *, last: bool = False) -> bytes:
    at = png.rindex(b"IEND") - 4 if last else 33
    return png[:at] + chunk + png[at:]


def with_segment(jpeg: bytes, body: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def with_webp_chunk(webp: bytes, kind: bytes, flag: int, body: bytes) -> bytes:
    size = struct.pack("<I", LYING.width - 1)[:3] + struct.pack("<I", LYING.height - 1)[:3]
    extended = b"VP8X" + struct.pack("<I", 10) + bytes([flag, 0, 0, 0]) + size
    chunk = kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    inside = b"WEBP" + extended + webp[12:] + chunk
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def lying_files() -> dict[str, bytes]:
    jpeg, png = encoded(LYING, "JPEG", quality=95), encoded(LYING, "PNG")
    webp = encoded(LYING, "WEBP", quality=95)
    pixels = np.asarray(LYING)
    files = {}
    for order in "<>":
        exif = exif_block(6, order)
        files |= {
            f"JPEG {order}": with_segment(jpeg, b"Exif\0\0" + exif),
            f"PNG eXIf {order}": with_chunk(png, write.png_chunk(b"eXIf", exif)),
            f"PNG eXIf at the end {order}": with_chunk(
                png, write.png_chunk(b"eXIf", exif), last=True
            ),
            f"WebP {order}": with_webp_chunk(webp, b"EXIF", 8, exif),
            f"WebP with mark {order}": with_webp_chunk(webp, b"EXIF", 8, b"Exif\0\0" + exif),
            f"TIFF {order}": write.tiff(pixels, photometric=2, order=order, tags={274: (3, [6])}),
        }
        for name in ("exif", "APP1"):
            for body in (b"Exif\0\0" + exif, exif):
                for packed in (True, False):
                    for last in (True, False):
                        key = f"PNG {name} {order} {len(body)} {packed} {last}"
                        chunk = raw_profile(name, body, packed=packed)
                        files[key] = with_chunk(png, chunk, last=last)
    for number, xmp in enumerate(XMPS):
        text = xmp.encode()
        header = b"http://ns.adobe.com/xap/1.0/\0"
        itxt = b"XML:com.adobe.xmp\0\0\0\0\0" + text
        files |= {
            f"JPEG XMP {number}": with_segment(jpeg, header + text),
            f"PNG XMP {number}": with_chunk(png, write.png_chunk(b"iTXt", itxt)),
            f"PNG raw XMP {number}": with_chunk(png, raw_profile("xmp", text)),
            f"PNG APP1 XMP {number}": with_chunk(png, raw_profile("APP1", header + text)),
            f"WebP XMP {number}": with_webp_chunk(webp, b"XMP ", 4, text),
            f"TIFF XMP {number}": write.tiff(pixels, photometric=2, tags={700: (1, list(text))}),
            f"deep TIFF XMP {number}": write.tiff(
                pixels.astype("u2") * 257, photometric=2, tags={700: (1, list(text))}
            ),
        }
    deep = write.png(pixels.astype("u2") * 257, 2, chunks=raw_profile("exif", exif_block(6)))
    return files | {"deep PNG": deep}


FILES = lying_files()


@pytest.mark.parametrize("name", FILES)
def test_images_stand_upright_wherever_their_orientation_is_kept(name):
    got = ingest_image(FILES[name])
    assert (got.width, got.height) == TALL.size
    allowed = 30 if "deep" in name else 8  # deep ones are stretched
    assert difference(opened(got.thumbnail), np.asarray(TALL)) < allowed


def test_exif_is_asked_before_xmp():
    png = with_chunk(encoded(LYING, "PNG"), write.png_chunk(b"eXIf", exif_block(1)))
    xmp = write.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMPS[0].encode())
    assert ingest_image(with_chunk(png, xmp)).width == LYING.width


@pytest.mark.parametrize("body", [b"Exif\0\0junk", b"zz", b"", b"Exif\0\0" + exif_block(99)])
def test_a_damaged_profile_does_not_cost_the_image(body):
    chunk = raw_profile("exif", body)
    assert ingest_image(with_chunk(encoded(LYING, "PNG"), chunk)).width == LYING.width
    broken = write.png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 4\nnot hex")
    assert ingest_image(with_chunk(encoded(LYING, "PNG"), broken)).width == LYING.width


def profile(name: str, gamma: float, space: bytes) -> bytes:
    """A version 2 profile of one curve: sRGB's primaries, or grey."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = name.encode() + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    described += bytes(-len(described) % 4)

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    tags = {
        b"desc": described,
        b"wtpt": xyz(0.9642, 1, 0.8249),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
    }
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
        tags |= {
            b"rXYZ": xyz(0.4361, 0.2225, 0.0139),
            b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
            b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        }
    at = 128 + 4 + 12 * len(tags)
    table, bodies = struct.pack(">I", len(tags)), b""
    for kind, body in tags.items():
        table += kind + struct.pack(">II", at + len(bodies), len(body))
        bodies += body
    head = struct.pack(">I", at + len(bodies)) + b"lcms" + b"\x02\x10\0\0" + b"mntr" + space
    head += b"XYZ " + bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + bodies


@pytest.mark.parametrize("space", [b"RGB ", b"GRAY"])
@pytest.mark.parametrize("name", ["Linear sRGB", "sRGB-elle-V4-g10", "any"])
def test_a_linear_profile_is_applied_whatever_it_is_called(space, name):
    image = scene() if space == b"RGB " else scene().convert("L")
    light = (np.asarray(image) / 255.0) ** 2.2
    linear = Image.fromarray(np.rint(light * 255).astype(np.uint8))
    icc = profile(name, 1.0, space)
    got = ingest_image(encoded(linear, "PNG", icc_profile=icc))
    assert difference(opened(got.thumbnail), np.asarray(image.convert("RGB"))) < 8
    assert (
        difference(opened(ingest_image(encoded(linear, "PNG")).thumbnail), opened(got.thumbnail))
        > 15
    )


def test_a_profile_that_changes_nothing_leaves_the_bytes_alone():
    for icc in (
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        .tobytes()
        .replace(b"s\0R\0G", b"x\0y\0z"),
    ):
        data = encoded(scene(), "JPEG", icc_profile=icc)
        assert ingest_image(data).thumbnail == data


def test_the_gamma_that_a_png_states_is_heeded():
    light = (np.asarray(scene()) / 255.0) ** 2.2
    linear = encoded(Image.fromarray(np.rint(light * 255).astype(np.uint8)), "PNG")
    said = with_chunk(linear, write.png_chunk(b"gAMA", struct.pack(">I", 100_000)))
    assert difference(opened(ingest_image(said).thumbnail), np.asarray(scene())) < 8
    usual = with_chunk(encoded(scene(), "PNG"), write.png_chunk(b"gAMA", struct.pack(">I", 45_455)))
    assert ingest_image(usual).thumbnail == ingest_image(encoded(scene(), "PNG")).thumbnail
    both = with_chunk(said, write.png_chunk(b"sRGB", b"\0"))
    assert ingest_image(both).thumbnail == ingest_image(linear).thumbnail


def test_a_bmp_whose_fourth_byte_was_left_at_zero_can_be_seen():
    glass = scene().convert("RGBA")
    glass.putalpha(0)
    data = bytearray(encoded(glass, "BMP"))
    got = ingest_image(bytes(data))
    assert difference(opened(got.thumbnail), np.asarray(scene())) < 8


def test_lab_colours_come_out_as_they_are():
    lab = ImageCms.profileToProfile(
        scene(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert difference(opened(ingest_image(encoded(lab, "TIFF")).thumbnail), np.asarray(scene())) < 8


@pytest.mark.parametrize("extra", [1, 2])
def test_half_transparent_colours_lie_over_black(extra):
    colours = np.asarray(scene()).astype(int)
    half = np.full(colours.shape[:2], 128)
    stored = colours // 2 if extra == 1 else colours
    four = np.dstack([stored, half]).astype(np.uint8)
    got = opened(ingest_image(write.tiff(four, photometric=2, extra=(extra,))).thumbnail)
    assert difference(got, colours // 2) < 6
