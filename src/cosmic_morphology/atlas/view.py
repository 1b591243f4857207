"""How an atlas looks in a notebook: what is in it, and some of its images as a grid."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from cosmic_morphology.atlas.interface.reading import AtlasReader
from cosmic_morphology.atlas.query.counting import count_by
from cosmic_morphology.display import facts_html
from cosmic_morphology.errors import InputError
from cosmic_morphology.safe_text import safe_text

_SHOWN = 24
_FIGURE = Markup(
    '<figure style="margin:0;width:160px;font-size:11px;overflow-wrap:anywhere">'
    '<img src="data:{kind};base64,{data}" alt="{title}" loading="lazy" '
    'style="width:160px;height:160px;object-fit:contain;background:#111">'
    "<figcaption><b>{label}</b> {title}<br><code>{id}</code></figcaption></figure>"
)
_GRID = Markup('<div style="display:flex;flex-wrap:wrap;gap:8px">{}</div>')


@dataclass(frozen=True, slots=True)
class ShownImage:
    """One image of a grid.

    Attributes
    ----------
    id, title : str
        The image; the title comes from outside.
    label : str
        Its class and where that is from, such as ``galaxy (checked)``; empty without one.
    thumbnail : bytes
        A JPEG.
    """

    id: str
    title: str
    label: str
    thumbnail: bytes


class ImageGrid(Sequence[ShownImage]):
    """Some images of an atlas; a notebook shows their thumbnails with label, title and id.

    Parameters
    ----------
    images : sequence of ShownImage
        In the order in which they are shown.

    Examples
    --------
    >>> grid = atlas.show(atlas.ids()[:3])
    >>> len(grid)
    3
    >>> grid._repr_html_().count("<img src")
    3
    """

    def __init__(self, images: Sequence[ShownImage]) -> None:
        self._images = tuple(images)

    def __getitem__(self, at: Any) -> Any:
        """One image, or some."""
        return self._images[at]

    def __len__(self) -> int:
        return len(self._images)

    def __repr__(self) -> str:
        lines = (
            safe_text(f"{image.id}  {image.label or 'no label'}  {image.title}".rstrip())
            for image in self
        )
        return "\n".join(lines) or "<no images>"

    def _repr_html_(self) -> str:
        figures = (
            _FIGURE.format(
                kind="image/jpeg",
                data=b64encode(image.thumbnail).decode("ascii"),
                **{name: safe_text(getattr(image, name)) for name in ("id", "title", "label")},
            )
            for image in self
        )
        return str(_GRID.format(Markup("").join(figures)))


class AtlasView(AtlasReader):
    """What an :class:`~cosmic_morphology.Atlas` shows of itself."""

    def __repr__(self) -> str:
        return f"<Atlas {self.address}: {self.count():,} images, version {self.version}>"

    def _repr_html_(self) -> str:
        return facts_html(f"Atlas {safe_text(self.address)}", _contents(self))

    def show(
        self, ids: Iterable[str] | None = None, *, where: str | None = None, n: int = _SHOWN
    ) -> ImageGrid:
        """Some images as a grid of thumbnails, for a notebook.

        Parameters
        ----------
        ids : iterable of str, optional
            Images in the order wanted; all of them are shown. Without it ``n`` images, evenly
            spaced among all ids.
        where : str, optional
            A filter on the catalogue in Lance's SQL, such as ``"label = 'galaxy'"``, in place of
            ids.
        n : int
            How many images without ``ids``.

        Returns
        -------
        ImageGrid
            A sequence of images with their labels and thumbnails.

        Raises
        ------
        InputError
            An id has no image.

        Examples
        --------
        >>> atlas.show(where="label = 'galaxy'", n=2)
        folder:sky/galaxy/0.jpg  galaxy (computed)  PIA10001
        folder:sky/galaxy/4.jpg  galaxy (computed)  PIA10005
        """
        if ids is None:
            found = self.sorted_ids(where)
            step = max(1, -(-len(found) // max(n, 1)))
            chosen = found.take(pa.array(range(0, len(found), step)[:n], pa.int64())).to_pylist()
        else:
            chosen = list(ids)
        return ImageGrid(_images(self, chosen))


def _images(atlas: AtlasReader, ids: Sequence[str]) -> list[ShownImage]:
    images = atlas.table("images")
    addresses = atlas.address_book(images).find(images, ids)
    missing = [each for each, at in zip(ids, addresses, strict=True) if at is None]
    if missing:
        raise InputError(
            "there is no such image",
            where=missing[0],
            todo="`cosmic atlas query` lists what there is.",
        )
    columns = ("id", "title", "label", "label_kind", "thumbnail")
    return [
        ShownImage(
            id=row["id"],
            title=row["title"] or "",
            label=f"{row['label']} ({row['label_kind']})" if row["label"] else "",
            thumbnail=row["thumbnail"],
        )
        for batch in atlas.batches(columns, ids=ids)
        for row in batch.to_pylist()
    ]


def _contents(atlas: AtlasReader) -> list[tuple[str, Any]]:
    counts = {
        name: {value: n for value, n in count_by(atlas, name).items() if value is not None}
        for name in ("source", "label", "label_kind", "split")
    }
    return [
        ("images", atlas.count()),
        ("records", atlas.count("catalogue")),
        ("sources", counts["source"]),
        ("classes", counts["label"]),
        ("label kinds", counts["label_kind"]),
        ("splits", counts["split"]),
        ("version", str(atlas.version)),
    ]
