"""``cosmic serve`` in a process of its own, asked over loopback, and what the asking took."""

from __future__ import annotations

import http.client
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rows import Row

ROUNDS = 11
_TOKEN = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)")


class Server:
    """``cosmic serve`` in a process of its own."""

    def __init__(self, atlas: str, *more: str) -> None:
        began = time.perf_counter()
        command = [sys.executable, "-c", "from cosmic_morphology.cli import main; main()"]
        self.process = subprocess.Popen(
            [*command, "serve", "--atlas", atlas, "--port", "0", "--reviewer", "bench", *more],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        found = None
        while found is None:
            found = _TOKEN.search(self.process.stdout.readline())
        self.port, self.token = int(found[1]), found[2]
        self.ask("GET", "/gallery")
        self.started = time.perf_counter() - began

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request(method, path, body, {"Accept": "text/html", **headers})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {data[:300]!r}")
        return data


@contextmanager
def serving(atlas: str, *more: str) -> Iterator[Server]:
    server = Server(atlas, *more)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait()


def median(way: Callable[[int], object], rounds: int = ROUNDS) -> list[float]:
    """Milliseconds of each round, after one that is not counted."""
    way(0)
    found = []
    for number in range(1, rounds + 1):
        began = time.perf_counter()
        way(number)
        found.append((time.perf_counter() - began) * 1e3)
    return found


def row(what: str, values: list[float], target: float, unit: str, command: str) -> Row:
    low, middle, high = min(values), statistics.median(values), max(values)
    return Row(
        what, round(middle, 2), round(low, 2), round(high, 2), len(values), unit, target=target,
        better="lower", command=f"python benchmarks/serve.py {command}",
    )  # fmt: skip
