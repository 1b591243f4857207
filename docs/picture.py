"""The README's picture: the first screen of the demo's report, taken with Chromium.

python docs/picture.py              # renders, trains and reports first (minutes)
python docs/picture.py PAGE.html    # of a report that is there
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

import cosmic_morphology as cosmic

PICTURE = Path(__file__).parent / "_static" / "report.webp"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIZE_PX = (1280, 860)
MOST_BYTES = 150_000


def main() -> None:
    """Write the picture; whatever else is made is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1:]:
            page = Path(sys.argv[1])
        else:
            page = Path(cosmic.demo(Path(folder) / "demo", offline=True).report)
        shot = photograph(page, Path(folder) / "shot.png")
        data = compressed(shot)
    PICTURE.write_bytes(data)
    sys.stdout.write(f"{PICTURE}: {len(data)} bytes\n")


def photograph(page: Path, shot: Path) -> Path:
    """The first screen of a page as PNG."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"a browser is needed: {', '.join(BROWSERS)}")
    width, height = SIZE_PX
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    flags += [f"--window-size={width},{height}", f"--screenshot={shot}"]
    subprocess.run(
        [browser, *flags, page.resolve().as_uri()], check=True, stderr=subprocess.DEVNULL
    )
    return shot


def compressed(shot: Path) -> bytes:
    """The picture as WebP without loss."""
    out = io.BytesIO()
    with Image.open(shot) as image:
        image.convert("RGB").save(out, "WEBP", lossless=True, method=6)
    if out.tell() > MOST_BYTES:
        sys.exit(f"the picture has {out.tell()} bytes, more than {MOST_BYTES}")
    return out.getvalue()


if __name__ == "__main__":
    main()
