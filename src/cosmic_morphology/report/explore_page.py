"""``cosmic explore``: what is in an atlas, as a table, PNG files and one page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.display import Tabular
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.report import plots
from cosmic_morphology.report.figures import write_png
from cosmic_morphology.report.gallery import explore_section, thumbnails, write_sheet
from cosmic_morphology.report.html import write_page
from cosmic_morphology.report.overview import AtlasOverview, summarise_atlas
from cosmic_morphology.taxonomy import Taxonomy

if TYPE_CHECKING:
    from rich.table import Table

_SAMPLES = 18
_ACROSS = 6
_COPY_SETS = 24
_MOST_COPIES = 6


@dataclass(frozen=True, slots=True, repr=False)
class ExploreResult(Tabular):
    """What is in an atlas, and where it can be looked at.

    Attributes
    ----------
    images, duplicates : int
        Images, and copies among them.
    label_source : str
        Where the classes come from: ``label``, ``votes``, ``queries``, or empty.
    classes, sources : dict of str to int
        Images of each class and source.
    splits : dict of str to int
        Images in train, val, test and none; empty without a split.
    median_side_px : int
        Of the longest sides.
    page : str
        The page.
    files : tuple of str
        The PNG files.
    """

    images: int
    duplicates: int
    label_source: str
    classes: dict[str, int]
    sources: dict[str, int]
    splits: dict[str, int]
    median_side_px: int
    page: str
    files: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One row for each class."""
        total = max(self.images, 1)
        return [
            {"class": name, "images": count, "share": round(count / total, 4)}
            for name, count in self.classes.items()
        ]

    def table(self) -> Table:
        """The classes as a table for the terminal."""
        from rich.table import Table

        by = {"label": "labels", "votes": "votes", "queries": "search words"}
        found = Table(title=f"{self.images} images, by {by.get(self.label_source, 'nothing')}")
        found.add_column("class")
        found.add_column("images", justify="right")
        found.add_column("share", justify="right")
        for row in self.rows():
            found.add_row(row["class"], f"{row['images']:,}", f"{row['share']:.1%}")
        return found


def explore_atlas(
    atlas: Atlas,
    out: Path,
    *,
    taxonomy: Taxonomy | None = None,
    progress: Progress | None = None,
) -> ExploreResult:
    """Write class and source balance, sizes, samples and copies as PNG and ``explore.html``.

    Works on any atlas, also without labels, split, torch or network: classes are those of
    ``label``, else of the votes, else of the search words that found an image.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    out : Path
        Folder of the files.
    taxonomy : Taxonomy, optional
        Gives the order of the classes and the class of a search word.
    progress : callable, optional
        Called with steps done and steps in all.

    Returns
    -------
    ExploreResult
        The counts, the page and the files.

    Examples
    --------
    >>> cosmic.explore_atlas(atlas, Path("explore")).classes
    {'galaxy': 8, 'nebula': 8, 'star': 8}
    """
    contents = summarise_atlas(atlas, taxonomy=taxonomy)
    out.mkdir(parents=True, exist_ok=True)
    report = progress or (lambda _done, _total: None)
    files = _write_plots(contents, out)
    report(1, 3)
    files += _write_sheets(atlas, contents, out)
    report(2, 3)
    section = explore_section(atlas, contents, samples=_SAMPLES, copy_sets=_COPY_SETS)
    page = write_page(
        out / "explore.html",
        "explore.html.j2",
        {"explore": section, "atlas_version": str(atlas.version), "title": "What is in the atlas"},
    )
    report(3, 3)
    return _summary(contents, page, files)


def _write_plots(contents: AtlasOverview, out: Path) -> list[Path]:
    figures = {
        "class-balance.png": plots.class_balance(contents.classes, contents.splits),
        "source-balance.png": plots.source_balance(contents.sources, list(contents.classes)),
        "sizes.png": plots.sizes(contents.widths, contents.heights),
    }
    for name, figure in figures.items():
        write_png(figure, out / name)
    return [out / name for name in figures]


def _write_sheets(atlas: Atlas, contents: AtlasOverview, out: Path) -> list[Path]:
    files = []
    for name in contents.classes:
        ids = contents.samples(name, _SAMPLES)
        seen = thumbnails(atlas, ids)
        lines = [ids[at : at + _ACROSS] for at in range(0, len(ids), _ACROSS)]
        files.append(out / f"samples-{_file_name(name)}.png")
        write_sheet(files[-1], [[seen[each] for each in line] for line in lines])
    if contents.copies:
        sets = [found.ids[:_MOST_COPIES] for found in contents.copies[:_COPY_SETS]]
        seen = thumbnails(atlas, [each for ids in sets for each in ids])
        files.append(out / "duplicates.png")
        write_sheet(files[-1], [[seen[each] for each in ids] for ids in sets])
    return files


def _file_name(name: str) -> str:
    """A class as part of a file name: labels of imported folders may hold anything."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "other"


def _summary(contents: AtlasOverview, page: Path, files: list[Path]) -> ExploreResult:
    longest = sorted(max(w, h) for w, h in zip(contents.widths, contents.heights, strict=True))
    splits: dict[str, int] = {}
    for counts in contents.splits.values():
        for split, number in counts.items():
            splits[split] = splits.get(split, 0) + number
    return ExploreResult(
        images=contents.images,
        duplicates=contents.duplicates,
        label_source=contents.label_source,
        classes=contents.classes,
        sources={name: sum(counts.values()) for name, counts in contents.sources.items()},
        splits=splits,
        median_side_px=int(longest[len(longest) // 2]) if longest else 0,
        page=str(page),
        files=tuple(str(each) for each in files),
    )
