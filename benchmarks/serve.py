"""The web application on a large atlas, as rows: pages, verdicts, predictions.

::

    python benchmarks/record.py serve -- python benchmarks/serve.py pages ATLAS
    python benchmarks/record.py serve -- python benchmarks/serve.py verdicts ATLAS
    python benchmarks/record.py serve -- python benchmarks/serve.py predict MODEL.onnx ATLAS
    python benchmarks/record.py serve -- python benchmarks/serve.py schema
    python benchmarks/record.py serve -- python benchmarks/serve.py map ATLAS
    python benchmarks/record.py serve -- python benchmarks/serve.py memory ATLAS MODEL.onnx

``ATLAS`` is one of ``benchmarks/scale_query.py build``. ``verdicts`` writes into it; ``map``, which
shows at most 100,000 images, and ``memory`` give it made embeddings where it has none. ``memory``
takes half an hour; ``--minutes`` shortens it for a try. Each question is asked over loopback from
another process; a value is the median of the rounds, ``low`` and ``high`` the smallest and the
largest. The load of the machine is printed first.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import statistics
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from intake import drawn
from PIL import Image
from rows import Row, emit
from served import Server, median, row, serving

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))

CLIENTS, SECONDS = 8, 20.0


def pages(atlas: str) -> None:
    """The first pages of newcomers, each round another part of the atlas."""
    with serving(atlas) as server:
        rows = json.loads(server.ask("GET", "/api/v1/images?limit=1"))["total"]
        labels = ("comet", "galaxy", "nebula", "planet", "star", "asteroid")
        words = ("dust", "comet", "hubble", "cluster", "rings", "crater")

        def first(number: int) -> bytes:
            return server.ask("GET", f"/gallery?label={labels[number % 6]}")

        def after(number: int) -> None:
            html = first(number).decode()
            more = re.search(r'hx-get="([^"]+)"', html)[1].replace("&amp;", "&")
            began = time.perf_counter()
            server.ask("GET", more)
            nexts.append((time.perf_counter() - began) * 1e3)

        nexts: list[float] = []
        median(after)
        name = f"{rows:,} rows"

        def found(number: int) -> bytes:
            return server.ask("GET", f"/gallery?q={words[number % 6]}")

        def unsure(number: int) -> bytes:
            return server.ask("GET", f"/gallery?most={0.3 + number / 50}&order=label_confidence")

        measured = (
            ("start of cosmic serve to the first page", [server.started], 3, "s"),
            ("first gallery page", median(first), 300, "ms"),
            ("next gallery page", nexts[1:], 100, "ms"),
            ("search for a word", median(found), 200, "ms"),
            ("a filter by a score", median(unsure), 200, "ms"),
            ("transfer of the first page without images", [weight(server) / 1e3], 300, "kB"),
        )
        told = [row(f"{name}: {what}", *values, "pages") for what, *values in measured]
    emit(told)


def weight(server: Server) -> int:
    """Bytes of the first page with its scripts and styles."""
    html = server.ask("GET", "/gallery")
    files = set(re.findall(rb'(?:src|href)="(/static/[^"]+)"', html))
    return len(html) + sum(len(server.ask("GET", each.decode())) for each in files)


def verdicts(atlas: str) -> None:
    """The next image of a review, and the storing of a verdict."""
    with serving(atlas) as server:
        headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
        claimed = json.loads(
            server.ask("POST", "/api/v1/queue/claim?limit=100", b"", **headers)
        )["queue"]  # fmt: skip

        def decide(number: int) -> None:
            said = [{"id": claimed[number]["id"], "verdict": "keep"}]
            server.ask("POST", "/api/v1/decisions", json.dumps(said).encode(), **headers)

        def picture(number: int) -> None:
            server.ask("GET", f"/api/v1/thumbnail?id={claimed[50 + number]['id']}")

        emit(
            [
                row("review: next image after a key", median(picture), 50, "ms", "verdicts"),
                row("review: verdict stored", median(decide), 100, "ms", "verdicts"),
            ]
        )


def predict(model: str, atlas: str) -> None:
    """One image and many clients against the bare runtime with the same preprocessing."""
    import onnxruntime

    out = io.BytesIO()
    Image.open(io.BytesIO(drawn(1)[0])).save(out, "JPEG", quality=90)
    data = out.getvalue()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    side = session.get_inputs()[0].shape[1]

    def bare(_: int) -> None:
        image = Image.open(io.BytesIO(data)).convert("RGB").resize((side, side), Image.BICUBIC)
        session.run(None, {"pixels": np.asarray(image)[None]})

    os.environ["COSMIC_SERVE__MODEL"] = str(Path(model).resolve())
    os.environ["COSMIC_SERVE__REQUESTS_PER_MINUTE"] = "1000000"
    with serving(atlas) as server:
        alone, ours = (
            median(bare, 21),
            median(lambda _: server.ask("POST", "/api/v1/predict", data), 21),
        )
        taken: list[float] = []
        until = time.perf_counter() + SECONDS

        def client() -> None:
            while time.perf_counter() < until:
                began = time.perf_counter()
                server.ask("POST", "/api/v1/predict", data)
                taken.append((time.perf_counter() - began) * 1e3)

        threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        half, last = np.percentile(taken, [50, 99])
        rate = len(taken) / SECONDS

        def square() -> np.ndarray:
            image = Image.open(io.BytesIO(data)).convert("RGB").resize((side, side), Image.BICUBIC)
            return np.asarray(image)

        batch = median(
            lambda _: session.run(None, {"pixels": np.stack([square() for _ in range(8)])}), 7
        )
        possible = 8e3 / statistics.median(batch)
        ratios = [one / other for one, other in zip(ours, alone, strict=True)]
        emit(
            [
                row("/predict, one client, against bare", ratios, 1.3, "times", "predict"),
                row("/predict, 8 clients: p99 against p50", [last / half], 3, "times", "predict"),
                Row("/predict, 8 clients: images/s against the bare runtime in batches of 8, "
                    "both with decoding and shrinking",
                    round(rate / possible, 3), n=len(taken), unit="times", target=0.9,
                    better="higher", command="python benchmarks/serve.py predict"),
            ]
        )  # fmt: skip


def schema() -> None:
    """What schemathesis makes of the description of the interface, asked with a valid token.

    A rendered atlas, with a small network, is served over loopback with its limits raised.
    """
    from schema_calls import IMAGES, ask_described

    from cosmic_morphology.synthesize import RENDERED_CLASSES, render_image

    kinds = sorted(RENDERED_CLASSES)
    images = [
        render_image(kinds[seed % len(kinds)], seed, size_px=96).jpeg() for seed in range(IMAGES)
    ]
    with TemporaryDirectory() as place:
        found = ask_described(Path(place), images, examples=60, others=240, first=1)
    for kind, why in found.faults.items():
        sys.stderr.write(f"{kind}\n{why}\n")
    succeeded = found.succeeded()
    often = sum(n >= 50 for n in succeeded.values())
    command = "python benchmarks/serve.py schema"
    counts = (
        ("requests", found.requests, 5000, "higher"),
        ("operations that were answered 2xx at least 50 times", often, len(succeeded), "higher"),
        ("server errors", found.server_errors, 0, "lower"),
        ("kinds of answers that are not described", len(found.faults), 0, "lower"),
    )
    emit(
        Row(f"schemathesis: {what}", n, n=found.requests, target=target, better=better,
            command=command)
        for what, n, target, better in counts
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    from serve_load import memory, on_map

    parts = {
        "pages": pages,
        "verdicts": verdicts,
        "predict": predict,
        "schema": schema,
        "map": on_map,
        "memory": memory,
    }
    parser.add_argument("part", choices=parts)
    parser.add_argument("given", nargs="*")
    parser.add_argument("--minutes", type=float, default=30, help="of load, for memory")
    told = parser.parse_args()
    loads = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    sys.stderr.write(f"load of the last 1, 5 and 15 minutes: {loads}\n")
    more = {"minutes": told.minutes} if told.part == "memory" else {}
    parts[told.part](*told.given, **more)


if __name__ == "__main__":
    main()
