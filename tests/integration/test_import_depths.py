"""Deep, compressed, turned and lengthened files come into an atlas as what they are."""

from __future__ import annotations

import io
from pathlib import Path

import image_writers as write
import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from test_imaging import encoded, scene
from test_imaging_counts import star_counts
from test_imaging_said import exif_block, raw_profile, with_chunk

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect.import_folder import import_folder

SKY = star_counts()


def compressed() -> bytes:
    out = io.BytesIO()
    image = fits.CompImageHDU(SKY.astype(">i2"), compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(out)
    return out.getvalue()


@pytest.fixture
def imported(tmp_path: Path) -> dict[str, tuple[int, int, np.ndarray]]:
    """Size and grey thumbnail of each file, by its name."""
    files = {
        "grey16.tif": write.tiff(SKY.astype("u2")),
        "colour16.tif": write.tiff(np.dstack([SKY] * 3).astype("u2"), photometric=2),
        "colour16.png": write.png(np.dstack([SKY] * 3), 2),
        "grey32.tif": write.tiff((SKY * 2_000_000).astype("u4")),
        "negative.tif": write.tiff(~SKY.astype("u2"), photometric=0),
        "float.tif": write.tiff(np.dstack([SKY] * 3).astype("f4"), photometric=2),
        "packed.fits.fz": compressed(),
        "turned.png": with_chunk(encoded(scene(), "PNG"), raw_profile("exif", exif_block(6))),
        "longer.jpg": encoded(scene(), "JPEG")
        + b"\0\0\0\x18ftypmp42"
        + b"\xff\xda"
        + b"\x11" * 300,
    }
    folder = tmp_path / "set" / "star"
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    atlas = Atlas.create(tmp_path / "atlas")
    import_folder(atlas, folder.parent)
    rows = atlas.read(["id", "width", "height", "thumbnail"], table="images").to_pylist()
    found = {}
    for row in rows:
        grey = np.asarray(Image.open(io.BytesIO(row["thumbnail"])).convert("L")).astype(int)
        found[row["id"].rpartition("/")[2]] = (row["width"], row["height"], grey)
    assert found.keys() == files.keys()
    return found


def test_the_same_counts_are_one_thumbnail_and_nothing_is_lost(imported):
    wanted = imported["grey16.tif"][2]
    assert wanted.max() > 200
    for name in ("colour16.tif", "colour16.png", "grey32.tif", "negative.tif", "float.tif"):
        assert np.abs(imported[name][2] - wanted).max() <= 1
    assert imported["packed.fits.fz"][2].max() > 200
    assert imported["turned.png"][:2] == scene().size[::-1]
    assert imported["longer.jpg"][:2] == scene().size
