"""What curating found, as a table and a gallery: labels, and the images that each check flags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas import Atlas, labels_by_construction
from cosmic_morphology.display import Tabular
from cosmic_morphology.report.gallery import Tile, tiles
from cosmic_morphology.report.html import write_page
from cosmic_morphology.stats.score import CHECKED, LABEL_KINDS, RENDERED
from cosmic_morphology.taxonomy import Taxonomy

UNLABELLED = "(open)"
_KINDS = (*LABEL_KINDS, "none")
_COLUMNS = ("label", "label_kind", "suggested_label")
# Of every check the title of its part, and what the worst of them look like.
_CHECKS = {
    "mislabel": "Labels that the evidence contradicts",
    "relevance": "Images that may show no object of the taxonomy",
    "duplicate": "Copies of another image",
}


@dataclass(frozen=True, slots=True)
class ClassCount:
    """Images of one class: by people, by construction, by voters, and what each check flags."""

    name: str
    images: int
    kinds: dict[str, int]
    flags: dict[str, int]

    @property
    def by_kind(self) -> tuple[int, ...]:
        """Images whose label people gave, the renderer, volunteers' votes, and voters."""
        return tuple(self.kinds[kind] for kind in LABEL_KINDS)


@dataclass(frozen=True, slots=True, repr=False)
class CurationPage(Tabular):
    """What :func:`write_curation_page` counted, and the page that shows it."""

    page: str
    classes: tuple[ClassCount, ...]

    @property
    def checks(self) -> tuple[str, ...]:
        """Names of the checks, in the order of the flags."""
        return tuple(_CHECKS)

    def _shown_facts(self) -> Iterator[tuple[str, Any]]:
        yield "page", self.page

    def rows(self) -> list[dict[str, Any]]:
        """One row for each class: images, by whom they are labelled, and what checks flag."""
        return [
            {"class": each.name, "images": each.images, **each.kinds, **each.flags}
            for each in self.classes
        ]


@dataclass(frozen=True, slots=True)
class FlaggedImage:
    """An image that a check flags; the texts come from outside."""

    tile: Tile
    label: str
    suggested: str
    score: float
    reason: str


def write_curation_page(
    atlas: Atlas, path: Path, *, taxonomy: Taxonomy, shown: int = 24
) -> CurationPage:
    """Write one page about an atlas that was curated.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    path : Path
        The page.
    taxonomy : Taxonomy
        The order of the classes.
    shown : int
        Images of each check, those with the lowest scores first.
    """
    names = [f"{check}_{part}" for check in _CHECKS for part in ("score", "flag", "reason")]
    read = atlas.read(["id", *_COLUMNS, *names], with_image=True).sort_by("id").to_pylist()
    drawn = labels_by_construction(atlas)
    rows = [_by_kind(row, drawn) for row in read]
    classes = count_classes(rows, taxonomy)
    page = write_page(
        path,
        "curation.html.j2",
        {
            "title": "What curating found",
            "atlas_version": str(atlas.version),
            "images": len(rows),
            "checks": _CHECKS,
            "classes": classes,
            "found": {check: len(_flagged(rows, check)) for check in _CHECKS},
            "gallery": {check: _gallery(atlas, rows, check, shown) for check in _CHECKS},
        },
    )
    return CurationPage(str(page), tuple(classes))


def count_classes(rows: Sequence[dict[str, Any]], taxonomy: Taxonomy) -> list[ClassCount]:
    """The table: one row for each class of the taxonomy, what is open last."""
    found = []
    for name in (*taxonomy.names_with_reject, UNLABELLED):
        own = [row for row in rows if (row["label"] or UNLABELLED) == name]
        kinds = Counter(row["label_kind"] or "none" for row in own)
        flags = {check: len(_flagged(own, check)) for check in _CHECKS}
        found.append(ClassCount(name, len(own), {kind: kinds[kind] for kind in _KINDS}, flags))
    return found


def _by_kind(row: dict[str, Any], drawn: frozenset[str]) -> dict[str, Any]:
    """The column calls checked what any verdict says, also the renderer's."""
    is_drawn = row["label_kind"] == CHECKED and row["id"] in drawn
    return {**row, "label_kind": RENDERED} if is_drawn else row


def _flagged(rows: Sequence[dict[str, Any]], check: str) -> list[dict[str, Any]]:
    return [row for row in rows if row[f"{check}_flag"]]


def _gallery(
    atlas: Atlas, rows: Sequence[dict[str, Any]], check: str, shown: int
) -> list[FlaggedImage]:
    worst = sorted(_flagged(rows, check), key=lambda row: (row[f"{check}_score"] or 0, row["id"]))
    worst = worst[:shown]
    return [
        FlaggedImage(
            tile,
            row["label"] or UNLABELLED,
            row["suggested_label"] or "" if check == "mislabel" else "",
            float(row[f"{check}_score"] or 0),
            row[f"{check}_reason"] or "",
        )
        for row, tile in zip(worst, tiles(atlas, [row["id"] for row in worst]), strict=True)
    ]
