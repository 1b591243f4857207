"""What `curate`, `split` and `embed` print: a small table, one sentence, and the next command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cosmic_morphology.cli.printing import counted, in_its_place, say, say_next, show_table

if TYPE_CHECKING:
    from cosmic_morphology.curate import CurateResult, LeakageResult, SplitResult
    from cosmic_morphology.learn import EmbedResult
    from cosmic_morphology.learn.data.layout import LayoutResult
    from cosmic_morphology.pipeline.embedding import EmbeddedFirst
    from cosmic_morphology.report import CurationPage


_SHOWN = 6


def show_curated(done: CurateResult, embedded: EmbeddedFirst, page: CurationPage) -> None:
    """Print the classes with where their labels come from and what the checks flag."""
    headings = ("class", "images", "people", "rendered", "volunteers", "voters", *page.checks)
    numbers = [(row.images, *row.by_kind, *row.flags.values()) for row in page.classes]
    # Few atlases have volunteers' votes, and a column of zeros would take the classes' room.
    shown = [
        at for at, name in enumerate(headings[1:]) if name != "volunteers" or _any(numbers, at)
    ]
    rows = [
        (row.name, *(f"{line[at]:,}" for at in shown))
        for row, line in zip(page.classes, numbers, strict=True)
        if any(line)
    ]
    headings = ("class", *(headings[1 + at] for at in shown))
    show_table(headings, rows, wide=("class",), numbers=headings[1:])
    empty = [row.name for row, line in zip(page.classes, numbers, strict=True) if not any(line)]
    if empty:
        names = ", ".join(empty[:_SHOWN]) + (", …" if len(empty) > _SHOWN else "")
        say(f"note: {len(empty)} of {len(page.classes)} classes have no image: {names}")
    for line in _curated_remarks(done, embedded):
        say(line)
    labels, copies = done.labels, done.duplicates
    images = sum(row.images for row in page.classes)
    say(
        f"{images:,} images: {images - labels.abstained:,} have a label and {labels.abstained:,} "
        f"are left open; {copies.duplicates:,} are copies of another one; "
        f"{done.groups.groups:,} groups."
    )
    say(f"Page: {page.page}")
    queue = in_its_place("cosmic review queue")
    say_next("cosmic split", beside=f"; or {queue}, for images that a person should look at")


def _any(numbers: Sequence[Sequence[int]], at: int) -> bool:
    return any(line[at] for line in numbers)


def _curated_remarks(done: CurateResult, embedded: EmbeddedFirst) -> Iterator[str]:
    labels = done.labels
    if embedded.without:
        yield f"note: no embeddings: {embedded.without}"
    for name, n in labels.unknown_classes.items():
        yield f"note: {n} verdicts name {name!r}, which is no class of this taxonomy"
    for what, check in (("wrong labels", done.mislabels), ("irrelevant images", done.relevance)):
        if check.learned_from:
            yield f"Doubt of {what} was learned from {check.learned_from:,} verdicts."
        elif labels.checked:
            yield f"note: doubt of {what} is by the votes alone: {check.not_learned}"


def show_split(summary: SplitResult, report: LeakageResult, *, tied: int) -> None:
    """Print the classes by split, and what the leakage report compared and found."""
    from cosmic_morphology.atlas import SPLITS

    rows = [
        (name, *(f"{counts.get(split, 0):,}" for split in SPLITS))
        for name, counts in summary.classes.items()
    ]
    totals = ("all", *(f"{summary.images.get(split, 0):,}" for split in SPLITS))
    show_table(("class", *SPLITS), [*rows, totals], wide=("class",), numbers=SPLITS)
    for line in _split_remarks(summary, report, tied=tied):
        say(line)
    divided = sum(summary.images.get(split, 0) for split in SPLITS)
    say(
        f"{divided:,} images in {summary.groups:,} groups are divided; "
        f"{report.compared:,} pairs were compared across the splits and {report.leaks} leaks found."
    )
    say_next("cosmic train")


def _split_remarks(summary: SplitResult, report: LeakageResult, *, tied: int) -> Iterator[str]:
    for each in report.searched:
        yield f"compared: {each}"
    for each in report.not_looked_for:
        yield f"not compared: {each}"
    for why, n in (*summary.left_out.items(), *report.left_out.items()):
        yield f"left out: {counted(n, 'image')} ({why})"
    if summary.folds:
        folds = ", ".join(f"{fold}: {n}" for fold, n in summary.folds.items() if fold >= 0)
        yield f"folds of train and val: {folds} images"
    if tied:
        yield f"{tied} copies that the comparison found were put into one group, and split again"


def say_laid_out(found: LayoutResult) -> None:
    """Say how many images have a place on the map."""
    images = found.filled + found.already_there
    done = "laid out now" if found.filled else "as before"
    say(f"{images:,} images have a place on the map ({done}, by UMAP of {found.embeddings}).")


def show_embedded(found: Sequence[EmbedResult]) -> None:
    """Print how many images were embedded, and into which columns."""
    headings = ("column", "embedded now", "before", "unreadable", "weights")
    rows = [
        (each.column, *(f"{n:,}" for n in counts), each.weights)
        for each in found
        for counts in [(each.filled, each.already_there, each.unreadable)]
    ]
    show_table(headings, rows, wide=("column", "weights"), numbers=headings[1:4])
    images = found[0].filled + found[0].already_there
    say(f"{images:,} images have an embedding; `cosmic curate` and `cosmic train` use them.")
    say_next("cosmic curate")
