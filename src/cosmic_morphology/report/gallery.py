"""Images with captions, contact sheets, and the section on the atlas that two pages share."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from cosmic_morphology.atlas import Atlas, is_rendered, may_be_redistributed, shown_texts
from cosmic_morphology.io_utils import whole_file
from cosmic_morphology.report import plots
from cosmic_morphology.report.figures import to_svg
from cosmic_morphology.report.overview import AtlasOverview

SAMPLE_PX = 150
COPY_PX = 130
_MOST_COPIES = 4


@dataclass(frozen=True, slots=True)
class Tile:
    """One image in a page; its texts come from outside.

    Attributes
    ----------
    id, title, credit, licence, page_url : str
        As the source says.
    image : str
        The image itself, as ``data:`` address.
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
    image: str
    is_open: bool
    is_rendered: bool


def tiles(atlas: Atlas, ids: Sequence[str], *, side_px: int = SAMPLE_PX) -> list[Tile]:
    """Tiles of these images, in their order."""
    if not ids:
        return []
    seen = thumbnails(atlas, ids)
    columns = ["title", "credit", "licence", "page_url"]
    rows = [row for part in atlas.batches(columns, ids=ids) for row in part.to_pylist()]
    return [
        Tile(
            id=row["id"],
            **shown_texts(row),
            image=data_uri(seen[row["id"]], side_px),
            is_open=may_be_redistributed(row["licence"] or ""),
            is_rendered=is_rendered(row["licence"] or ""),
        )
        for row in rows
    ]


def explore_section(
    atlas: Atlas, contents: AtlasOverview, *, samples: int, copy_sets: int
) -> dict[str, Any]:
    """What the explore part of a page shows."""
    classes = list(contents.classes)
    figures = {
        "balance": to_svg(
            plots.class_balance(contents.classes, contents.splits),
            "balance",
            "Bar chart: images of each class. The table below has the same numbers.",
        ),
        "sources": to_svg(
            plots.source_balance(contents.sources, classes),
            "sources",
            "Bar chart: images of each source by class.",
        ),
        "sizes": to_svg(
            plots.sizes(contents.widths, contents.heights),
            "sizes",
            "Histograms: longest side in pixels, and how elongated the images are.",
        ),
    }
    if len(contents.collections) > 1:
        figures["collections"] = to_svg(
            plots.source_balance(contents.collections, classes),
            "collections",
            "Bar chart: images of each collection by class.",
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


_QUALITY = 78
_GAP_PX = 6


def data_uri(thumbnail: bytes, side_px: int) -> str:
    """A thumbnail as ``data:`` address, its longest side at most ``side_px``.

    The pixels are encoded again: nothing else that the bytes carry gets into a page.
    """
    out = io.BytesIO()
    _shrunk(thumbnail, side_px).save(out, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def thumbnails(atlas: Atlas, ids: Sequence[str]) -> dict[str, bytes]:
    """Thumbnails by id."""
    unique = list(dict.fromkeys(ids))
    found = atlas.images(unique, ["id", "thumbnail"])
    return dict(
        zip(found.column("id").to_pylist(), found.column("thumbnail").to_pylist(), strict=True)
    )


_SHEET_PX = 160


def write_sheet(path: Path, rows: Sequence[Sequence[bytes]]) -> None:
    """Write a contact sheet as PNG: rows of thumbnails, each centred in a square on white."""
    across = max((len(row) for row in rows), default=1)
    step = _SHEET_PX + _GAP_PX
    sheet = Image.new("RGB", (across * step + _GAP_PX, len(rows) * step + _GAP_PX), "white")
    for down, row in enumerate(rows):
        for right, thumbnail in enumerate(row):
            image = _shrunk(thumbnail, _SHEET_PX)
            left = _GAP_PX + right * step + (_SHEET_PX - image.width) // 2
            top = _GAP_PX + down * step + (_SHEET_PX - image.height) // 2
            sheet.paste(image, (left, top))
    with whole_file(path) as beside:
        sheet.save(beside, "PNG", optimize=True)


def _shrunk(thumbnail: bytes, side_px: int) -> Image.Image:
    with Image.open(io.BytesIO(thumbnail)) as opened:
        # The decoder can leave out what is not needed: JPEG scales by 2, 4 and 8 for free.
        opened.draft("RGB", (side_px, side_px))
        image = opened.convert("RGB")
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    return image
