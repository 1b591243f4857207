"""Images a second that one core takes in (check, decode, thumbnail, hashes, statistics).

::

    python benchmarks/intake.py [DIR]

prints one row of the project's benchmark tables. ``DIR`` holds images; without it, 512 px JPEGs
are drawn here. Reading files is not measured, only the work on their bytes, in one thread of one
process; ``low`` and ``high`` are the slowest and the fastest of the runs.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from rows import Row, emit

from cosmic_morphology.imaging import ingest_image

N_RUNS = 5
N_DRAWN = 200
MAX_READ = 1000
TARGET_PER_S = 150


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    images = read(folder) if folder else drawn(N_DRAWN)
    speeds = [speed(images) for _ in range(N_RUNS)]
    kind = "real" if folder else "drawn"
    row = Row(
        what=f"intake: {kind} images of 512 px",
        value=round(statistics.median(speeds), 1),
        low=round(min(speeds), 1),
        high=round(max(speeds), 1),
        n=len(images) * N_RUNS,
        unit="images/s per core",
        target=TARGET_PER_S,
        command=f"python benchmarks/intake.py{' DIR' if folder else ''}",
    )
    emit([row])


def read(folder: Path) -> list[bytes]:
    paths = sorted(p for p in folder.iterdir() if p.is_file())
    step = 1 + len(paths) // MAX_READ
    if not paths:
        sys.exit(f"{folder} holds no files; name a folder with images")
    return [path.read_bytes() for path in paths[::step]]


def drawn(count: int) -> list[bytes]:
    """JPEGs with the clouds, the stars and the noise of the sky."""
    rng = np.random.default_rng(0)
    images = []
    for _ in range(count):
        clouds = Image.fromarray(rng.integers(0, 90, (12, 12, 3), dtype=np.uint8))
        sky = np.asarray(clouds.resize((512, 512), Image.Resampling.BICUBIC)).astype(float)
        sky += rng.normal(0, 4, sky.shape)
        sky[rng.integers(1, 511, 300), rng.integers(1, 511, 300)] += 150
        out = io.BytesIO()
        pixels = np.clip(sky, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(out, "JPEG", quality=90)
        images.append(out.getvalue())
    return images


def speed(images: list[bytes]) -> float:
    start = time.process_time()
    for data in images:
        ingest_image(data)
    return len(images) / (time.process_time() - start)


if __name__ == "__main__":
    main()
