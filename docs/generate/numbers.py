"""Pages on data: the columns of the atlas and of exports, and all measured numbers."""

from __future__ import annotations

import csv
from pathlib import Path

from cosmic_morphology.atlas import schema
from cosmic_morphology.atlas.export.rows import COLUMNS as EXPORTED
from cosmic_morphology.atlas.export.rows import KINDS
from generate.markdown import table

ROOT = Path(__file__).parents[2]


def columns_page() -> str:
    """Every column of every table."""
    lines = ["# Columns of the atlas", ""]
    for name, meaning, fields in (
        ("images", "bytes and what one decode saw", schema.IMAGES),
        ("catalogue", "what is reported and derived", schema.REPORTED_COLUMNS),
        ("decisions", "verdicts of people", schema.DECISIONS),
        ("ledger", "the state of each URL", schema.LEDGER),
    ):
        lines += [f"## `{name}`: {meaning}", ""]
        rows = [(f"`{f.name}`", f"`{f.type}`") for f in fields]
        lines += table(("column", "type"), rows)
    lines += ["## Derived columns of `catalogue`", ""]
    rows = [(f"`{c.name}`", f"`{c.type}`", c.stage, c.meaning) for c in schema.DERIVED_COLUMNS]
    lines += table(("column", "type", "written by", "meaning"), rows)
    lines += ["## Columns of exports", "", "What `cosmic atlas export` says of each image.", ""]
    rows = [(f"`{name}`", f"`{type_}`", told) for name, (type_, told) in EXPORTED.items()]
    lines += table(("column", "type", "meaning"), rows)
    lines += ["Kinds of labels in exports:", ""]
    lines += table(("kind", "meaning"), [(f"`{kind}`", told) for kind, told in KINDS.items()])
    return "\n".join(lines) + "\n"


def benchmarks_page() -> str:
    """All measured numbers with their targets."""
    lines = [
        "# Benchmarks",
        "",
        (
            "Every number is made again by the command beside it "
            "(`make bench` runs them all). Intervals are 95 % intervals or the spread of the runs."
        ),
        "",
    ]
    for file in sorted((ROOT / "benchmarks" / "results").glob("*.csv")):
        lines += [f"## {file.stem}", ""]
        with file.open(encoding="utf-8", newline="") as rows:
            measured = [
                (r["what"], _measured(r), r["n"], _target(r), f"`{r['command']}`")
                for r in csv.DictReader(rows)
            ]
        lines += table(("what", "measured", "n", "target", "command"), measured)
    return "\n".join(lines) + "\n"


def _measured(row: dict[str, str]) -> str:
    value = f"{float(row['value']):.4g}"
    spread = f" [{row['low']}, {row['high']}]" if row["low"] or row["high"] else ""
    missed = ""
    if row["target"]:
        hits = (
            float(row["value"]) >= float(row["target"])
            if row["better"] == "higher"
            else float(row["value"]) <= float(row["target"])
        )
        missed = "" if hits else " (missed)"
    return f"{value}{spread} {row['unit']}{missed}"


def _target(row: dict[str, str]) -> str:
    return f"{'≥' if row['better'] == 'higher' else '≤'} {row['target']}" if row["target"] else ""
