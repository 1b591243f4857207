"""Thumbnails for people: small JPEGs inside a page, and contact sheets as PNG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.io_utils import whole_file

_QUALITY = 78
_GAP_PX = 6


def data_uri(thumbnail: bytes, side_px: int) -> str:
    """A thumbnail as ``data:`` address, its longest side at most ``side_px``.

    The pixels are encoded anew: nothing else that the bytes carry gets into a page.
    """
    out = io.BytesIO()
    _shrunk(thumbnail, side_px).save(out, "JPEG", quality=_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def thumbnails(atlas: Atlas, ids: Sequence[str]) -> dict[str, bytes]:
    """Thumbnails by id."""
    unique = list(dict.fromkeys(ids))
    found = atlas.pictures(unique, ["id", "thumbnail"])
    return dict(
        zip(found.column("id").to_pylist(), found.column("thumbnail").to_pylist(), strict=True)
    )


def write_sheet(path: Path, rows: Sequence[Sequence[bytes]], *, side_px: int = 160) -> None:
    """Write a contact sheet as PNG: rows of thumbnails, each centred in a square on white."""
    across = max((len(row) for row in rows), default=1)
    step = side_px + _GAP_PX
    sheet = Image.new("RGB", (across * step + _GAP_PX, len(rows) * step + _GAP_PX), "white")
    for down, row in enumerate(rows):
        for right, thumbnail in enumerate(row):
            picture = _shrunk(thumbnail, side_px)
            left = _GAP_PX + right * step + (side_px - picture.width) // 2
            top = _GAP_PX + down * step + (side_px - picture.height) // 2
            sheet.paste(picture, (left, top))
    with whole_file(path) as beside:
        sheet.save(beside, "PNG", optimize=True)


def _shrunk(thumbnail: bytes, side_px: int) -> Image.Image:
    with Image.open(io.BytesIO(thumbnail)) as opened:
        # The decoder can leave out what is not needed: JPEG scales by 2, 4 and 8 for free.
        opened.draft("RGB", (side_px, side_px))
        picture = opened.convert("RGB")
    picture.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    return picture
