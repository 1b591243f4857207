"""Write the tables of the README and the docs from the measured rows (``make tables``)."""

from __future__ import annotations

import re
from pathlib import Path

from rows import Row, read

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/curation.md", "docs/learning.md", "docs/collecting.md")
BLOCK = re.compile(r"(<!-- table: (\w+)(?: (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    for name in PAGES:
        page = ROOT / name
        if page.is_file():
            page.write_text(filled(page.read_text("utf-8")), "utf-8")


def filled(text: str) -> str:
    """The page with every table made again."""
    return BLOCK.sub(lambda m: m[1] + as_markdown(chosen(m[2], m[3])) + m[4], text)


def chosen(topic: str, part: str | None) -> list[Row]:
    rows = read(topic)
    if part == "real":
        return [row for row in rows if row.what.startswith("real pictures")]
    if part == "speed":
        return [row for row in rows if not row.what.startswith("real pictures")]
    if part in ("board", "folds"):
        is_board = [row.what.startswith("board") for row in rows]
        return [row for row, yes in zip(rows, is_board, strict=True) if yes == (part == "board")]
    return rows


def as_markdown(rows: list[Row]) -> str:
    lines = ["| what | measured | n | target |", "|---|---|---|---|"]
    for row in rows:
        spread = f" [{row.low:.4g}, {row.high:.4g}]" if row.low is not None else ""
        sign = "≥" if row.better == "higher" else "≤"
        target = "" if row.target is None else f"{sign} {row.target:g}"
        missed = " (missed)" if row.hits is False else ""
        n = "" if row.n is None else str(row.n)
        lines.append(
            f"| {row.what} | {row.value:.4g}{spread} {row.unit}{missed} | {n} | {target} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
