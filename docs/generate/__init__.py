"""Pages of the reference that are made from the code, so that they cannot drift from it."""

from __future__ import annotations

from pathlib import Path

from generate.interface import MODULES, api_page, name_page, public_names, room_page, rooms
from generate.keys import recipes_page, settings_page
from generate.numbers import benchmarks_page, columns_page
from generate.program import cli_page, exit_codes_page


def write_all(folder: Path) -> None:
    """Write every generated page into a folder, touching only pages that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "cli.md": cli_page(),
        "settings.md": settings_page(),
        "recipes.md": recipes_page(),
        "columns.md": columns_page(),
        "exit-codes.md": exit_codes_page(),
        "benchmarks.md": benchmarks_page(),
        "api.md": api_page(),
    }
    pages |= {f"name-{name}.md": name_page(name) for name in public_names()}
    pages |= {f"api-{place}.md": room_page(place) for place in (*rooms(), *MODULES)}
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        file = folder / name
        if not file.is_file() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
