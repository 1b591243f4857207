"""Write the tables of the README and the docs from the measured rows (``make tables``)."""

from __future__ import annotations

import re
from pathlib import Path

import cost_tables
from rows import BOARD, Row, read

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "docs/explanation/costs.md",
    "docs/explanation/labels.md",
    "docs/explanation/models.md",
    "docs/explanation/results.md",
    "docs/howto/object-store.md",
    "docs/howto/query.md",
)
BLOCK = re.compile(r"(<!-- table: (\w+)(?: (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)
OF_REAL = re.compile(
    r"real images: macro-F1 of .+? \((?P<recipe>\S+) on (?P<backbone>\w+), "
    r"trained on (?P<labels>\w+);"
)
# Rows that were measured before the recipes were renamed.
RECIPES = {"baseline": "linear-probe", "levels": "multilayer-probe", "best": "finetune-deep"}
TRAINED_ON = {"search words": "search_word", "curated labels": "label", "checked labels": "checked"}
BY_PEOPLE = re.compile(
    r"macro-F1: (?P<recipe>[\w-]+), taught (?P<labels>curated|checked) labels of the images in "
    r"curated\.csv, (?P<backbone>\w+), six classes, objects apart"
)
# Rows that were added by the benchmark of writes are counted, too.
QUESTIONS, ON_S3 = ("10,000,000 rows: ", "10,100,000 rows: "), "S3 requests"
ON_BOARD = re.compile(rf"{BOARD}(?P<test>.+?): \d+\. (?P<run>.+?)(?P<gap>, less .+)?$")
TO_THE_BEST = ", less the best"
OF_FOLDS = re.compile(
    r"(?P<score>(?:[^:(]|\([^)]*\))+): (?P<run>.+), (?P<backbone>[\w.+-]+), "
    r"(?P<test>(?:six|seven) classes, .+|(?:objects|collections) apart|bodies by copies)"
)


def main() -> None:
    for name in PAGES:
        page = ROOT / name
        if page.is_file():
            page.write_text(filled(page.read_text("utf-8")), "utf-8")


def filled(text: str) -> str:
    """The page with every table made again."""
    return BLOCK.sub(lambda m: m[1] + table(read(m[2]), m[3]) + m[4], text)


def table(rows: list[Row], part: str | None) -> str:
    is_real = [row.what.startswith("real images") for row in rows]
    if part in cost_tables.TABLES:
        lines = cost_tables.TABLES[part](rows)
        return _grid("", *_with_headings(lines)) if lines else ""
    match part:
        case "board":
            return board(rows)
        case "folds":
            return folds(rows)
        case "readme":
            return trained_on(rows)
        case "real":
            rows = [row for row, real in zip(rows, is_real, strict=True) if real]
        case "speed":
            rows = [row for row, real in zip(rows, is_real, strict=True) if not real]
        case "questions":
            rows = [row for row in rows if row.what.startswith(QUESTIONS)]
        case "requests":
            rows = [row for row in rows if row.what.startswith(ON_S3)]
        case "other":
            rows = [
                row
                for row in rows
                if not row.what.startswith(BOARD) and not OF_FOLDS.fullmatch(row.what)
            ]
    return as_markdown(rows)


def as_markdown(rows: list[Row]) -> str:
    lines = ["| what | measured | n | target |", "|---|---|---|---|"]
    for row in rows:
        digits = ".3f" if 0.1 < abs(row.value) < 1 else ".4g"
        measured = f"{row.value:{digits}}{_spread(row)} {row.unit}"
        missed = " (missed)" if row.hits is False else ""
        n = "" if row.n is None else str(row.n)
        lines.append(f"| {row.what} | {measured}{missed} | {n} | {_target(row)} |")
    return "\n".join(lines) + "\n"


def trained_on(rows: list[Row]) -> str:
    """A line a recipe and backbone, a column a kind of training labels; all on real images."""
    lines: dict[str, dict[str, str]] = {}
    for row in rows:
        if found := OF_REAL.match(row.what):
            name = f"{_recipe(found)} on {found['backbone']} (n = {row.n})"
            lines.setdefault(name, {})[found["labels"]] = f"{row.value:.3f}{_spread(row)}"
    for row in read("learn"):
        if found := BY_PEOPLE.match(row.what):
            name = f"{_recipe(found)} on {found['backbone']}, five folds (n = {row.n})"
            column = {"curated": "label"}.get(found["labels"], found["labels"])
            lines.setdefault(name, {})[column] = f"{row.value:.3f}{_spread(row)}"
    return _grid("macro-F1 [95 %] of a model trained on", TRAINED_ON, lines)


def _recipe(found: re.Match[str]) -> str:
    return RECIPES.get(found["recipe"], found["recipe"])


def board(rows: list[Row]) -> str:
    """A line a run, a column a test; behind a score what it lacks of the column's best."""
    cells: dict[str, dict[str, str]] = {}
    tests: dict[str, int | None] = {}
    for row in rows:
        if (found := ON_BOARD.match(row.what)) is None:
            continue
        tests[found["test"]] = row.n
        line = cells.setdefault(found["run"], {})
        if found["gap"] and found["gap"] != TO_THE_BEST:
            continue
        if found["gap"]:
            line[found["test"]] += f" ({row.value:+.3f}{_spread(row, '+')})"
        else:
            line[found["test"]] = f"{row.value:.3f}{_spread(row)}"
    return _grid("run", {f"{test} (n = {n})": test for test, n in tests.items()}, cells)


def folds(rows: list[Row]) -> str:
    """For each test a line a run and a column a score."""
    tests: dict[str, dict[str, dict[str, Row]]] = {}
    for row in rows:
        if found := OF_FOLDS.fullmatch(row.what):
            runs = tests.setdefault(found["test"], {})
            run = f"{found['run']} on {found['backbone']}"
            runs.setdefault(run, {})[found["score"]] = row
    return "\n".join(_scores(test, runs) for test, runs in tests.items())


def _scores(test: str, runs: dict[str, dict[str, Row]]) -> str:
    scores = {score: row for line in runs.values() for score, row in line.items()}
    columns = {
        f"{score} ({_target(row)})" if row.target is not None else score: score
        for score, row in scores.items()
    }
    cells = {
        run: {score: f"{row.value:.3f}{_spread(row)}" for score, row in line.items()}
        for run, line in runs.items()
    }
    first, n = next((score, row.n) for score, row in scores.items())
    cells = dict(sorted(cells.items(), key=lambda line: line[1].get(first, ""), reverse=True))
    return f"\n{test[0].upper()}{test[1:]}, n = {n}:\n\n" + _grid("run", columns, cells)


def _with_headings(
    lines: dict[str, dict[str, str]],
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    headings = dict.fromkeys(heading for line in lines.values() for heading in line)
    return {heading: heading for heading in headings}, lines


def _grid(corner: str, columns: dict[str, str], lines: dict[str, dict[str, str]]) -> str:
    """``columns``: heading to key; ``lines``: name to cells by key."""
    table = [f"| {corner} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, line in lines.items():
        table.append(
            f"| {name} | " + " | ".join(line.get(key, "") for key in columns.values()) + " |"
        )
    return "\n".join(table) + "\n"


def _spread(row: Row, sign: str = "") -> str:
    if row.low is None and row.high is None:
        return ""
    digits = f"{sign}.3f" if abs(row.value) < 1 else ".4g"
    ends = ["" if end is None else f"{end:{digits}}" for end in (row.low, row.high)]
    return f" [{ends[0]}, {ends[1]}]"


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    return f"{'≥' if row.better == 'higher' else '≤'} {row.target:g}"


if __name__ == "__main__":
    main()
