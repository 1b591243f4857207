"""``cosmic atlas query`` and ``cosmic atlas search``: rows of the atlas in a terminal."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    open_atlas,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import counted, say, say_next, show_table, tell
from cosmic_morphology.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from cosmic_morphology.atlas import Atlas

_SHOWN = {
    "images": ("id", "width", "height", "media_type"),
    "catalogue": ("id", "label", "label_confidence", "split", "title"),
    "decisions": ("id", "verdict", "label", "who", "at"),
    "ledger": ("url", "state", "error_kind"),
}
_SHORT = {"label_confidence": "confidence"}
# Longer texts are cut off in the terminal; --json has them whole.
_LONGEST = 160

VersionOption = Annotated[
    str | None,
    typer.Option(
        "--version", help="Read the atlas as it was at this tag or version.", show_default=False
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns", help="Columns to show, with commas between.", show_default="a few of them"
    ),
]
LimitOption = Annotated[
    int, typer.Option("--limit", min=1, max=10_000, help="Show this many rows at most.")
]


def query(
    where: Annotated[
        str | None,
        typer.Argument(
            help="Filter in SQL, such as \"label = 'comet' and label_confidence < 0.7\".",
            show_default="all rows",
        ),
    ] = None,
    order: Annotated[
        str, typer.Option("--order", help="Sort by this column; equal values are in order of id.")
    ] = "id",
    descending: Annotated[
        bool, typer.Option("--descending", help="Show the largest values first.")
    ] = False,
    limit: LimitOption = 20,
    after: Annotated[
        str | None,
        typer.Option("--after", help="Go on after a page: the token that it ended with."),
    ] = None,
    columns: ColumnsOption = None,
    count_by: Annotated[
        str | None,
        typer.Option("--count-by", help="Count the rows by the value of this column instead."),
    ] = None,
    table: Annotated[
        str,
        typer.Option(
            "--table",
            help="images, catalogue, decisions or ledger.",
            autocompletion=completion.tables,
        ),
    ] = "catalogue",
    version: VersionOption = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the rows that fit a filter, sorted, a page at a time; or count them.

    Columns of the images can be shown beside those of the catalogue.
    """
    from cosmic_morphology.atlas.query import page

    opened = open_atlas(settings_for(config, atlas=atlas), version=version)
    if count_by is not None:
        _count(opened, count_by, where, table, as_json=as_json)
        return
    names = _names(columns) or _default(opened, table, order)
    found = page(
        opened, where, columns=names, order=order, descending=descending, after=after,
        limit=limit, table=table,
    )  # fmt: skip
    if as_json:
        show({"rows": found.rows.to_pylist(), "next": found.next}, as_json=True)
        return
    _show_rows(found.rows)
    say(f"{counted(found.rows.num_rows, 'row')}{', and more' if found.next else ''}.")
    if found.next:
        options = [("--order", order, "id"), ("--table", table, "catalogue"),
                   ("--columns", columns, None), ("--limit", str(limit), "20"),
                   ("--version", version, None)]  # fmt: skip
        said = [word for name, value, usual in options if value != usual for word in (name, value)]
        words = [*([where] if where else []), *map(str, said)]
        words += ["--descending"] if descending else []
        again = " ".join(map(_quoted, [*words, "--after", found.next]))
        say_next(f"cosmic atlas query {again}")


def search(
    words: Annotated[str, typer.Argument(help='Words that all occur, in any order: "dust lane".')],
    within: Annotated[
        str, typer.Option("--in", help="Search in title, description or credit.")
    ] = "title",
    where: Annotated[
        str | None, typer.Option("--where", help="Filter in SQL, besides.", show_default=False)
    ] = None,
    by_phrase: Annotated[
        bool,
        typer.Option(
            "--by-phrase",
            help="Show the images that look like the phrase, by the text-image model of the "
            "settings.",
        ),
    ] = False,
    limit: LimitOption = 20,
    columns: ColumnsOption = None,
    version: VersionOption = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the rows whose title holds all of these words, the best first.

    Capitals, accents and endings make no difference: `galaxies` finds `galaxy`.
    """
    from cosmic_morphology.atlas.query import search as search_rows

    settings = settings_for(config, atlas=atlas)
    opened = open_atlas(settings, version=version)
    names = _names(columns) or _default(opened, "catalogue", "id")
    if by_phrase:
        model = settings.curate.votes.zero_shot_model
        if where is not None or within != "title":
            raise UsageError(
                "images are found by a phrase among all of them, and not in a text",
                where="--by-phrase",
                todo="Leave --where and --in out.",
            )
        _show_by_phrase(opened, words, model, names, limit, as_json=as_json)
        return
    found = search_rows(opened, words, within=within, where=where, columns=names, limit=limit)
    if as_json:
        rows = found.rows.to_pylist()
        show({"rows": rows, "is_indexed": found.is_indexed}, as_json=True)
        return
    _show_rows(found.rows)
    n = found.rows.num_rows
    say(f"{counted(n, 'row')} with {words!r} in the {within}{', or more' if n == limit else ''}.")
    if not n and within == "title":
        again = shlex.join(["cosmic", "atlas", "search", words, "--in", "description"])
        say_next(again, purpose="in the texts, too")
    if not found.is_indexed:
        tell(
            "note: no full-text index: every text was read. `cosmic atlas index` builds one"
            f"{'' if within == 'title' else f' with --column {within}'}."
        )


def _show_by_phrase(
    opened: Atlas,
    phrase: str,
    model: str,
    names: Sequence[str],
    limit: int,
    *,
    as_json: bool,
) -> None:
    import pyarrow as pa

    from cosmic_morphology.atlas.query import take
    from cosmic_morphology.curate.phrases_seen import find_by_phrase

    found = find_by_phrase(opened, phrase, model, limit=limit)
    rows = take(opened, [id_ for id_, _ in found], names, table="images")
    cosines = pa.array([round(cosine, 4) for _, cosine in found], pa.float32())
    rows = rows.append_column("cosine", cosines)
    if as_json:
        show({"rows": rows.to_pylist()}, as_json=True)
        return
    _show_rows(rows)
    say(f"{counted(rows.num_rows, 'image')} that {model} finds most like {phrase!r}.")


def _count(opened: Atlas, column: str, where: str | None, table: str, *, as_json: bool) -> None:
    from cosmic_morphology.atlas.query import count_by

    counts = count_by(opened, column, where, table=table)
    if as_json:
        each = [{"value": value, "rows": n} for value, n in counts.items()]
        show({"column": column, "counts": each, "rows": sum(counts.values())}, as_json=True)
        return
    rows = [(_cell(value) or "(none)", f"{n:,}") for value, n in counts.items()]
    show_table((column, "rows"), rows, wide=(column,), numbers=("rows",))
    say(f"{counted(sum(counts.values()), 'row')}, {counted(len(counts), 'value')}.")


def _names(columns: str | None) -> list[str]:
    if columns is None:
        return []
    names = [each.strip() for each in columns.split(",")]
    if not all(names):
        raise UsageError(
            "--columns takes names with commas between", where=columns, todo="Such as id,label."
        )
    return list(dict.fromkeys(names))


def _default(opened: Atlas, table: str, further: str) -> list[str]:
    from cosmic_morphology.atlas.query.columns import open_table

    there = open_table(opened, table).schema.names
    wanted = [*_SHOWN[table], *([] if further == "id" else [further])]
    return [name for name in dict.fromkeys(wanted) if name in there]


def _show_rows(rows: pa.Table) -> None:
    headings = [_SHORT.get(name, name) for name in rows.schema.names]
    values = rows.to_pylist()
    texts = [
        heading
        for heading, name in zip(headings, rows.schema.names, strict=True)
        if any(isinstance(row[name], str | list | dict) for row in values)
    ]
    cells = [tuple(_cell(value) for value in row.values()) for row in values]
    show_table(headings, cells, wide=texts, numbers=set(headings) - set(texts))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _quoted(word: str) -> str:
    """A word as a shell takes it; a filter, which holds single quotes, stays readable."""
    plain = not set(word) & set('"$`\\!')
    return f'"{word}"' if "'" in word and plain else shlex.quote(word)
