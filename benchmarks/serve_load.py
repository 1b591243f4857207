"""Parts of ``benchmarks/serve.py``: the map in a browser, and memory under load for a long time."""

from __future__ import annotations

import io
import json
import os
import shutil
import statistics
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
from PIL import Image
from rows import Row, emit
from served import Server, row, serving

from cosmic_morphology.atlas import Atlas, ColumnProvenance, embedding_columns

VISITS, PAN_S = 5, 4.0
_WIDTH = 32
# When the first picture with points in it is on the screen, and how long each frame takes.
_WATCH = """
window.seen = 0; window.frames = [];
const put = CanvasRenderingContext2D.prototype.putImageData;
CanvasRenderingContext2D.prototype.putImageData = function (picture, ...where) {
  const drawn = put.call(this, picture, ...where);
  if (!window.seen && new Uint32Array(picture.data.buffer).some((pixel) => pixel)) {
    window.seen = -1;
    requestAnimationFrame(() => requestAnimationFrame(() => { window.seen = performance.now(); }));
  }
  return drawn;
};
(function frame(before) {
  requestAnimationFrame((now) => { window.frames.push(now - before); frame(now); });
})(performance.now());
"""


def on_map(place: str) -> None:
    """First paint, and frames while panning, in headless Chromium without a GPU."""
    from playwright.sync_api import sync_playwright

    embed_made(place)
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
    painted, frames = [], []
    with serving(place) as server, sync_playwright() as playwright:
        points = json.loads(server.ask("GET", "/api/v1/health"))["images"]
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(VISITS + 1):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.add_init_script(_WATCH)
            page.goto(f"http://127.0.0.1:{server.port}/map")
            # The policy of the pages forbids what Playwright waits by.
            while (seen := page.evaluate("window.seen")) <= 0:
                time.sleep(0.05)
            painted.append(seen)
            if len(painted) > VISITS:
                frames = pan(page)
            page.close()
        browser.close()
    name = f"map of {min(points, 100_000):,} points: "
    emit(
        [
            row(f"{name}first paint, first visit of a version", painted[:1], 2000, "ms", "map"),
            row(f"{name}first paint", painted[1:], 2000, "ms", "map"),
            row(f"{name}frame while panning", frames, 33, "ms", "map"),
            row(f"{name}frame while panning, 95th percentile",
                [float(np.percentile(frames, 95))], 33, "ms", "map"),
        ]
    )  # fmt: skip


def pan(page: object) -> list[float]:
    """Milliseconds of each frame while the map is dragged to and fro."""
    box = page.locator("#map").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.evaluate("window.frames.length = 0")
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < PAN_S:
        page.mouse.move(middle[0] + 200 * np.sin(3 * passed), middle[1] + 120 * np.cos(2 * passed))
    found = page.evaluate("window.frames")
    page.mouse.up()
    return found


def embed_made(place: str) -> None:
    """Give the images of an atlas embeddings in three clouds, where it has none."""
    atlas = Atlas.open(place)
    if embedding_columns(atlas):
        return
    ids = atlas.read(["id"], table="images").column("id").to_pylist()
    vectors = np.random.default_rng(0).normal(0, 0.2, (len(ids), _WIDTH)).astype(np.float16)
    vectors[np.arange(len(ids)), np.arange(len(ids)) % 3] += 1
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), _WIDTH)
    table = pa.table({"id": ids, "embedding_made": flat})
    atlas.replace_columns(table, ColumnProvenance("embed"))


def memory(place: str, model: str, *, minutes: float) -> None:
    """Resident memory under four clients: the largest departure from what it was at minute 5.

    They read pages, images, words, views and the map, and have images classified and explained.
    """
    embed_made(place)
    os.environ["COSMIC_SERVE__MODEL"] = str(Path(model).resolve())
    os.environ["COSMIC_SERVE__REQUESTS_PER_MINUTE"] = "1000000"
    settled_s = 60 * minutes / 6
    with serving(place) as server:
        until = time.monotonic() + 60 * minutes
        asked = [0] * 4
        clients = [
            threading.Thread(target=ask_around, args=(server, number, until, asked))
            for number in range(len(asked))
        ]
        for each in clients:
            each.start()
        began, sizes = time.monotonic(), []
        process = psutil.Process(server.process.pid)
        while time.monotonic() < until:
            sizes.append((time.monotonic() - began, resident(process)))
            time.sleep(min(5.0, settled_s / 10))
        for each in clients:
            each.join()
    # Medians of a sixth of the time at least smooth what single answers hold for a moment.
    window = max(60.0, settled_s / 5) if minutes >= 6 else settled_s
    first = statistics.median(mb for at, mb in sizes if settled_s <= at < settled_s + window)
    later = [
        statistics.median(mb for at, mb in sizes if start <= at < start + window)
        for start in np.arange(settled_s, 60 * minutes - window + 1, window)
    ]
    departures = [100 * (each / first - 1) for each in later]
    sys.stderr.write(f"{first:.0f} MB at first, then {[round(each) for each in later]} MB\n")
    emit(
        [
            Row(
                f"resident memory under load, minute {minutes / 6:g} to {minutes:g}: "
                "largest departure",
                round(max(map(abs, departures)), 2), round(min(departures), 2),
                round(max(departures), 2), sum(asked), "%", target=5, better="lower",
                command="python benchmarks/serve.py memory",
            )
        ]
    )  # fmt: skip


def ask_around(server: Server, number: int, until: float, asked: list[int]) -> None:
    """One client: everything in turn, each time of another part of the atlas."""
    rng = np.random.default_rng(number)
    listed = json.loads(server.ask("GET", "/api/v1/images?limit=1000"))["images"]
    ids = [each["id"] for each in listed]
    words = ("dust", "comet", "hubble", "cluster", "rings", "crater", "nebula", "halo")
    while time.monotonic() < until:
        id_ = ids[rng.integers(len(ids))]
        picture = jpeg(int(rng.integers(1000)))
        for method, path, body in (
            ("GET", f"/gallery?most={rng.random():.4f}&order=label_confidence", None),
            ("GET", f"/gallery?q={rng.choice(words)}", None),
            ("GET", f"/gallery?like={id_}", None),
            ("GET", f"/image/{id_}", None),
            ("GET", f"/api/v1/image/{id_}", None),
            ("GET", f"/api/v1/images?limit=200&least={rng.random() / 2:.4f}", None),
            ("GET", "/api/v1/map/points", None),
            ("GET", "/review", None),
            ("GET", "/api/v1/queue?limit=20", None),
            ("POST", "/api/v1/predict", picture),
            *((("POST", "/api/v1/saliency", picture),) if number == 0 else ()),
        ):
            server.ask(method, path, body)
            asked[number] += 1


def jpeg(seed: int) -> bytes:
    clouds = np.random.default_rng(seed).integers(0, 120, (12, 12, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(clouds).resize((512, 512)).save(out, "JPEG", quality=90)
    return out.getvalue()


def resident(process: psutil.Process) -> float:
    """Of a server and what it has started, MB."""
    found = 0.0
    for each in (process, *process.children(recursive=True)):
        try:
            found += each.memory_info().rss / 1e6
        except psutil.NoSuchProcess:
            continue
    return found
