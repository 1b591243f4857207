"""Images and atlases that tests make for themselves."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from cosmic_morphology.atlas import Atlas, NewImage, Record

# How long an example takes says how busy the machine is.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

SHARED = Path(__file__).parents[1].parent / "shared"


@dataclass(frozen=True)
class DrawnIntake:
    """What ingest_image would give, without the imaging room: tests of the atlas stand alone."""

    sha256: str
    thumbnail: bytes
    media_type: str = "image/jpeg"
    width: int = 48
    height: int = 40
    n_frames: int = 1
    phash: bytes = bytes(8)
    brightness: float = 0.2
    contrast: float = 0.1
    sharpness: float = 1.0
    blankness: float = 0.0
    colourfulness: float = 0.3


def draw_jpeg(seed: int, size: tuple[int, int] = (48, 40)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=80)
    return out.getvalue()


def make_arrival(number: int, **said: object) -> NewImage:
    data = draw_jpeg(number)
    record = Record("nasa", f"x{number:03d}", **{"title": f"image {number}", **said})
    return NewImage(record, DrawnIntake(hashlib.sha256(data).hexdigest(), data), data)


@pytest.fixture
def arrival() -> Callable[..., NewImage]:
    return make_arrival


@pytest.fixture
def atlas(tmp_path: Path) -> Atlas:
    return Atlas.create(tmp_path / "atlas")


@pytest.fixture
def filled(atlas: Atlas) -> Atlas:
    atlas.add([make_arrival(n, queries=("nasa:comet",)) for n in range(10)])
    return atlas


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder of real images is not beside this checkout")
    return SHARED
