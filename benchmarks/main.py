"""Numbers of the whole system: help, demo, memory. Rows go to standard output.

python benchmarks/record.py main -- python benchmarks/main.py help
python benchmarks/record.py main -- python benchmarks/main.py demo
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rows import Row, emit

ROOT = Path(__file__).parents[1]
BARE = """
import typer
app = typer.Typer(name="bare", help="A bare program.", pretty_exceptions_enable=False)
@app.command()
def one(name: str = "x") -> None:
    "Do one thing."
@app.command()
def two(name: str = "x") -> None:
    "Do another thing."
app()
"""


def help_ratio(pairs: int = 15) -> None:
    """``cosmic --help`` against a bare typer program, in turn."""
    cosmic = [str(Path(sys.executable).parent / "cosmic"), "--help"]
    with tempfile.NamedTemporaryFile("w", suffix=".py") as bare:
        bare.write(BARE)
        bare.flush()
        ratios = []
        for _ in range(pairs + 1):
            ours = _seconds(cosmic)
            ratios.append(ours / _seconds([sys.executable, bare.name, "--help"]))
    ratios = ratios[1:]  # the first pair warms the disk cache
    emit(
        [
            Row(
                "cosmic --help against a bare typer program",
                round(statistics.median(ratios), 3),
                round(min(ratios), 3),
                round(max(ratios), 3),
                pairs,
                "times as long",
                2.0,
                "lower",
                "python benchmarks/main.py help",
            )
        ]
    )


def demo_minutes(caches: tuple[str, ...] = ("an empty", "a warm")) -> None:
    """``make demo`` in a fresh clone: with an empty package cache, then with a warm one.

    ``main.py demo warm`` and ``main.py demo empty`` measure one of them alone.
    """
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        keep = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "PIP_CERT")
        bare = {key: os.environ[key] for key in keep if key in os.environ}
        if "an empty" in caches:
            bare |= {"UV_CACHE_DIR": f"{folder}/uv", "PIP_CACHE_DIR": f"{folder}/pip"}
        rows = []
        for what in caches:
            target = {"an empty": 600.0, "a warm": 300.0}[what]
            shutil.rmtree(clone / ".venv", ignore_errors=True)
            shutil.rmtree(clone / "cosmic-demo", ignore_errors=True)
            began = time.perf_counter()
            subprocess.run(["make", "demo"], cwd=clone, env=bare, check=True, stdout=sys.stderr)
            rows.append(
                Row(
                    f"make demo in a fresh clone with {what} package cache",
                    round(time.perf_counter() - began, 1),
                    n=1,
                    unit="s",
                    target=target,
                    better="lower",
                    command="python benchmarks/main.py demo",
                )
            )
        summary = json.loads((clone / "cosmic-demo/summary.json").read_text("utf-8"))
        rows.append(
            Row(
                "peak memory of the demo, all processes together",
                round(summary["peak_memory_mb"] / 1000, 2),
                n=1,
                unit="GB",
                target=6.0,
                better="lower",
                command="python benchmarks/main.py demo",
            )
        )
    emit(rows)


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    if sys.argv[1:] in (["demo", "warm"], ["demo", "empty"]):
        demo_minutes((f"a{'n' if sys.argv[2] == 'empty' else ''} {sys.argv[2]}",))
    else:
        {"help": help_ratio, "demo": demo_minutes}[sys.argv[1]]()
