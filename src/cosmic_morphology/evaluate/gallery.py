"""Pictures with their captions, and the explore section that two pages share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cosmic_morphology.atlas import Atlas, is_rendered, may_be_redistributed, shown_texts
from cosmic_morphology.evaluate import plots
from cosmic_morphology.evaluate.contents import Contents
from cosmic_morphology.evaluate.figures import to_svg
from cosmic_morphology.evaluate.pictures import data_uri, thumbnails

SAMPLE_PX = 150
COPY_PX = 130
_MOST_COPIES = 4


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture in a page; its texts come from outside.

    Attributes
    ----------
    id, title, credit, licence, page_url : str
        As the source says.
    picture : str
        The picture itself, as ``data:`` address.
    is_open : bool
        Whether its licence says that copies may be given on.
    is_rendered : bool
        Whether it was rendered, and shows no sky.
    """

    id: str
    title: str
    credit: str
    licence: str
    page_url: str
    picture: str
    is_open: bool
    is_rendered: bool


def tiles(atlas: Atlas, ids: Sequence[str], *, side_px: int = SAMPLE_PX) -> list[Tile]:
    """Tiles of these pictures, in their order."""
    if not ids:
        return []
    seen = thumbnails(atlas, ids)
    columns = ["title", "credit", "licence", "page_url"]
    rows = [row for part in atlas.batches(columns, ids=ids) for row in part.to_pylist()]
    return [
        Tile(
            id=row["id"],
            **shown_texts(row),
            picture=data_uri(seen[row["id"]], side_px),
            is_open=may_be_redistributed(row["licence"] or ""),
            is_rendered=is_rendered(row["licence"] or ""),
        )
        for row in rows
    ]


def explore_section(
    atlas: Atlas, contents: Contents, *, samples: int, copy_sets: int
) -> dict[str, Any]:
    """What the explore part of a page shows."""
    classes = list(contents.classes)
    figures = {
        "balance": to_svg(
            plots.class_balance(contents.classes, contents.sides),
            "balance",
            "Bar chart: pictures of each class. The table below has the same numbers.",
        ),
        "sources": to_svg(
            plots.source_balance(contents.sources, classes),
            "sources",
            "Bar chart: pictures of each source by class.",
        ),
        "sizes": to_svg(
            plots.sizes(contents.widths, contents.heights),
            "sizes",
            "Histograms: longest side in pixels, and how elongated the pictures are.",
        ),
    }
    if len(contents.collections) > 1:
        figures["collections"] = to_svg(
            plots.source_balance(contents.collections, classes),
            "collections",
            "Bar chart: pictures of each collection by class.",
        )
    shown = contents.copies[:copy_sets]
    flat = [each for found in shown for each in found.ids[:_MOST_COPIES]]
    by_id = {tile.id: tile for tile in tiles(atlas, list(dict.fromkeys(flat)), side_px=COPY_PX)}
    return {
        "contents": contents,
        "figures": figures,
        "samples": {
            name: tiles(atlas, contents.samples(name, samples)) for name in classes if samples
        },
        "copies": [
            {
                "reason": found.reason,
                "more": len(found.ids) - len(found.ids[:_MOST_COPIES]),
                "tiles": [by_id[each] for each in found.ids[:_MOST_COPIES]],
            }
            for found in shown
        ],
        "copy_sets": len(contents.copies),
    }
