"""The pictures of the web application: gallery and sheets of the demo, taken with Chromium.

python docs/serve_pictures.py FOLDER    # of ``cosmic demo``; its images are rendered
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PLACE = Path(__file__).parent / "_static"
PAGES = {"gallery": "/gallery?label=%21irrelevant", "sheets": "/review/sheets"}
SIZE_PX = (1280, 860)
QUALITY, MOST_BYTES = 62, 90_000


def main() -> None:
    """Serve the demo, write both pictures, and end the server."""
    folder = Path(sys.argv[1])
    serve = "from cosmic_morphology.cli import main; main()"
    given = ["serve", "--atlas", str(folder / "atlas"), "--out", str(folder), "--port", "0"]
    server = subprocess.Popen(
        [sys.executable, "-c", serve, *given, "--reviewer", "ann"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        link = next(
            found[0] for line in server.stdout if (found := re.search(r"http\S+=\S+", line))
        )
        photograph(link)
    finally:
        server.terminate()
        server.wait()


def photograph(link: str) -> None:
    """Open each page as a reviewer does, and keep its first screen."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        width, height = SIZE_PX
        size = {"width": width, "height": height}
        page = opened.new_page(viewport=size, color_scheme="dark")
        page.goto(link)
        for name, address in PAGES.items():
            page.goto(link.partition("/?")[0] + address)
            page.wait_for_selector(".tile img, .out img")
            page.wait_for_timeout(3000)
            out = io.BytesIO()
            with Image.open(io.BytesIO(page.screenshot())) as image:
                image.convert("RGB").save(out, "WEBP", quality=QUALITY, method=6)
            if out.tell() > MOST_BYTES:
                sys.exit(f"{name} has {out.tell()} bytes, more than {MOST_BYTES}")
            file = PLACE / f"serve-{name}.webp"
            file.write_bytes(out.getvalue())
            sys.stdout.write(f"{file}: {out.tell()} bytes\n")
        opened.close()


if __name__ == "__main__":
    main()
