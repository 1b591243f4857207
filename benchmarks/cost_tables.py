"""Tables of what things cost, for the docs: measured at several sizes, and told for other ones."""

from __future__ import annotations

import re
from collections.abc import Callable

from rows import Row

CPU, BYTES = "CPU of one more image: ", "bytes of one more image: "
STORE = re.compile(r"requests to the store, (?P<n>\d+) images: (?P<stage>.+)")
STEP = re.compile(
    r"(?P<n>[\d,]+) (?P<of>rows|images of [^:]+): (?P<step>[^,]+)(?:, (?P<part>CPU|peak memory))?"
)
PROOF = "proof by pixels"
# Work on pixels alone: stages that read texts are measured with many records, and the proof, which
# is in the split, grows with the square.
OF_PIXELS = ("import", "embed", "duplicates", "train and report")
SIZES = {"10 k": 10**4, "100 k": 10**5, "1 M": 10**6}
Lines = dict[str, dict[str, str]]
"""Name of each line to its cells by heading."""


def _of_each(rows: list[Row], begins: str, told: Callable[[float], dict[str, str]]) -> Lines:
    parts = {row.what.removeprefix(begins): row for row in rows if row.what.startswith(begins)}
    return {part: told(row.value) for part, row in parts.items()}


def _cpu(ms: float) -> dict[str, str]:
    hours = {f"core-hours for {name}": f"{ms * n / 3.6e6:.2g}" for name, n in SIZES.items()}
    return {"ms an image": f"{ms:.3g}", **hours}


def _bytes(n_bytes: float) -> dict[str, str]:
    many = {f"GB for {name}": f"{n_bytes * n / 1e9:.2g}" for name, n in SIZES.items()}
    return {"bytes an image": f"{n_bytes:,.0f}", **many}


def _requests(rows: list[Row]) -> Lines:
    lines: Lines = {}
    for row in rows:
        if found := STORE.fullmatch(row.what):
            heading = f"requests, {found['n']} images"
            lines.setdefault(found["stage"], {})[heading] = f"{row.value:.0f}"
    return lines


def _proofs(rows: list[Row]) -> Lines:
    """A line a size: what was compared is in the name of the row."""
    lines: Lines = {}
    for row in rows:
        if (found := STEP.fullmatch(row.what)) and found["step"] == PROOF:
            heading = {None: "s", "CPU": "CPU s", "peak memory": "peak MB"}[found["part"]]
            lines.setdefault(f"{found['n']} {found['of']}", {})[heading] = f"{row.value:,.0f}"
    return lines


def _steps(rows: list[Row], is_meant: Callable[[str], bool]) -> Lines:
    """Time and memory of each step at the sizes measured, and what an image or row takes more."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    things: set[str] = set()
    for row in rows:
        step = STEP.fullmatch(row.what)
        if step and step["step"] != PROOF and is_meant(step["of"]):
            things.add(step["of"].partition(" ")[0])
            part = found.setdefault(step["step"], {}).setdefault(step["part"] or "time", {})
            part[int(step["n"].replace(",", ""))] = row.value
    return {step: _line(parts, *things) for step, parts in found.items() if "CPU" in parts}


def _line(parts: dict[str, dict[int, float]], things: str) -> dict[str, str]:
    cpu, memory = parts["CPU"], parts["peak memory"]
    line = {f"CPU s, {n:,} {things}": f"{cpu[n]:,.0f}" for n in sorted(cpu)}
    if len(cpu) > 1:
        few, many = min(cpu), max(cpu)
        # Of a stage that hardly notices more, starting up differs by more than the work does.
        each = max(0.0, (cpu[many] - cpu[few]) / (many - few))
        line[f"ms for one of the {things} more"] = f"{1000 * each:.3g}"
        for name, n in SIZES.items():
            # What was measured stands in the columns before.
            if n > many:
                line[f"core-hours for {name}"] = f"{(cpu[many] + each * (n - many)) / 3600:.2g}"
    return line | {f"peak MB, {n:,} {things}": f"{memory[n]:,.0f}" for n in sorted(memory)}


TABLES: dict[str, Callable[[list[Row]], Lines]] = {
    "cpu": lambda rows: {
        part: line for part, line in _of_each(rows, CPU, _cpu).items() if part in OF_PIXELS
    },
    "bytes": lambda rows: _of_each(rows, BYTES, _bytes),
    "store": _requests,
    "proof": _proofs,
    "curation": lambda rows: _steps(rows, lambda of: of == "rows"),
    "small": lambda rows: _steps(rows, lambda of: "(128 px)" in of),
    "large": lambda rows: _steps(
        rows, lambda of: of.startswith("images of") and "(128 px)" not in of
    ),
}
"""By the name that a page calls them by."""
