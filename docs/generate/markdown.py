"""Parts of generated pages."""

from __future__ import annotations

import inspect
from typing import Any, get_origin


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """A table, and an empty line."""
    clean = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * len(heads),
        *("| " + " | ".join(row) + " |" for row in clean),
        "",
    ]


def toctree(pages: list[str], *, hidden: bool = False) -> list[str]:
    """A table of contents of pages."""
    return [
        "```{toctree}",
        ":maxdepth: 1",
        *([":hidden:"] if hidden else []),
        "",
        *pages,
        "```",
        "",
    ]


def cell(value: Any) -> str:
    """A value as code; empty without one."""
    return "" if value in ("", None) else f"`{value}`"


def type_name(annotation: Any) -> str:
    """A type as readers know it."""
    if get_origin(annotation) is None and inspect.isclass(annotation):
        return annotation.__name__
    return (
        str(annotation)
        .replace("typing.", "")
        .replace("pathlib._local.", "")
        .replace("pathlib.", "")
    )
