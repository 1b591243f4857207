"""Images that somebody already has, into the atlas: ``cosmic import DIR``."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cosmic_morphology.atlas import Atlas, Record
from cosmic_morphology.collect.distributed_intake import decode_with
from cosmic_morphology.collect.import_batch import CHANGED, Batch, ImportedRecord
from cosmic_morphology.collect.import_result import ImportResult
from cosmic_morphology.collect.sources.folder.source import (
    DEFAULT_SOURCE,
    Folder,
    Loader,
    open_folder,
)
from cosmic_morphology.engine import Engine
from cosmic_morphology.errors import FetchError, ImageError, InputError
from cosmic_morphology.imaging import ImageLimits, ingest_image
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.taxonomy import Taxonomy

# Each commit leaves a file, and 33 of them are merged into one: of so many rows it is then large
# enough never to be merged again. With 256, small images were written five times.
BATCH_ROWS = 2048
MAX_WORKERS = 8
DEFAULT_LIMITS = ImageLimits()


def import_folder(
    atlas: Atlas,
    path: str | Path,
    *,
    name: str = DEFAULT_SOURCE,
    csv: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    row_filter: Mapping[str, str] | None = None,
    follow_links: bool = False,
    taxonomy: Taxonomy | None = None,
    limits: ImageLimits = DEFAULT_LIMITS,
    commit_rows: int = BATCH_ROWS,
    workers: int | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Take in a folder or zip of images; killed at any instant, a rerun completes it.

    Doing it twice changes nothing. Images are known by the name of the set and their path in
    it, and compared by their bytes: a file that has changed is counted, and the image in the
    atlas keeps its bytes and its label. A folder may move; another set under a name that is
    taken is refused.

    Parameters
    ----------
    atlas : Atlas
        Where they go.
    path : str or Path
        A folder or zip: class folders, or any folders with a table.
    name : str
        What the set is called; part of every id: ``folder:<name>/<path within the folder>``.
    csv : str or Path, optional
        A table with a row for each image; without it one that lies there and names most of the
        images; without any the folders are the labels.
    columns : mapping, optional
        Our name to the table's name, such as ``{"file": "path", "label": "class"}``; all names
        stand at :func:`cosmic_morphology.collect.sources.folder.source.open_folder`.
    row_filter : mapping, optional
        Rows of the table that count: its own column, and the value (``!value``: any other).
    follow_links : bool
        Take in what links lead to, also out of the folder.
    taxonomy : Taxonomy, optional
        Its names tell which level of the folders is the label; the package's own without it.
    limits : ImageLimits
        What may come in.
    commit_rows : int
        Images between two commits (fewer when they are large).
    workers : int, optional
        Threads that read and decode; one a core without it.
    engine : Engine, optional
        Where images are decoded; without it, and with a local one, in these threads.
    progress : callable, optional
        Called with images done and images in all.

    Returns
    -------
    ImportResult
        How many images are new, known, and refused and why.

    Raises
    ------
    InputError
        The folder, zip or table cannot be used, or the name belongs to another set; nothing was
        changed.
    AtlasFullError
        The disk is full; what was committed stands.

    Examples
    --------
    >>> new = cosmic.Atlas.create("new")
    >>> done = cosmic.import_folder(new, images, name="mine", csv=catalogue)
    >>> done.stored, done.refused
    (24, {})
    >>> cosmic.import_folder(new, images, name="mine", csv=catalogue).already_there
    24
    """
    folder = open_folder(
        path,
        name=name,
        csv=csv,
        columns=columns,
        row_filter=row_filter,
        max_bytes=limits.max_bytes,
        follow_links=follow_links,
        taxonomy=taxonomy,
    )
    batch = Batch(atlas, name, commit_rows)
    n_workers = workers or min(MAX_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(n_workers, thread_name_prefix="intake") as pool:
        counter = _ProgressCounter(progress, folder.total)
        compared: dict[str, ImportedRecord | None] = {}
        for each in counter.each(_compared(pool, folder, batch.stored_before, 2 * n_workers)):
            compared[each.record.id] = each if each.error else None
        _claim_name(atlas, Path(path), name, len(batch.stored_before), [*compared.values()])
        for record, _ in folder.records():
            if record.id in compared:
                batch.add(compared[record.id] or ImportedRecord(record))
                batch.commit_when_full()
        take_in = partial(_take_in, limits=limits)
        if engine is not None and engine.kind == "ray":
            read = _outcomes(pool, folder, compared.keys(), _load, 2 * n_workers)
            outcomes = decode_with(engine, read, limits)
        else:
            outcomes = _outcomes(pool, folder, compared.keys(), take_in, 2 * n_workers)
        for outcome in counter.each(outcomes):
            batch.add(outcome)
            batch.commit_when_full()
    batch.commit()
    return batch.summary(folder)


@dataclass
class _ProgressCounter:
    """Counts records for a progress bar, over several passes."""

    progress: Progress | None
    total: int
    done: int = 0

    def each(self, outcomes: Iterator[ImportedRecord]) -> Iterator[ImportedRecord]:
        for outcome in outcomes:
            yield outcome
            self.done += 1
            if self.progress:
                self.progress(self.done, self.total)


def _compared(
    pool: ThreadPoolExecutor, folder: Folder, stored_before: Mapping[str, str], ahead: int
) -> Iterator[ImportedRecord]:
    """Outcomes of the records that the atlas has: the same bytes, or an error."""
    return _in_order(
        (
            pool.submit(_compare, record, loader, stored_before[record.id])
            for record, loader in folder.records()
            if record.id in stored_before
        ),
        ahead,
    )


def _outcomes(
    pool: ThreadPoolExecutor,
    folder: Folder,
    compared: Container[str],
    take_in: Callable[[Record, Loader], ImportedRecord],
    ahead: int,
) -> Iterator[ImportedRecord]:
    """Outcomes of the records that are new to the atlas."""
    return _in_order(
        (
            pool.submit(take_in, record, loader)
            for record, loader in folder.records()
            if record.id not in compared
        ),
        ahead,
    )


def _in_order(futures: Iterator[Future[ImportedRecord]], ahead: int) -> Iterator[ImportedRecord]:
    """Outcomes in the order of the records, with no more than ``ahead`` images in memory."""
    waiting: deque[Future[ImportedRecord]] = deque()
    try:
        for future in futures:
            waiting.append(future)
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # Ctrl-C, a full disk: what was not begun is not begun any more
        for future in waiting:
            future.cancel()


def _compare(record: Record, loader: Loader, sha256: str) -> ImportedRecord:
    def same(data: bytes) -> ImportedRecord:
        if hashlib.sha256(data).hexdigest() == sha256:
            return ImportedRecord(record)
        error = FetchError(
            "the file has other bytes than the image of this name in the atlas",
            where=record.id,
            todo="To take it in again, import the folder under another name, with --name.",
        )
        return ImportedRecord(record, error=error, kind=CHANGED)

    return _read(record, loader, same)


def _load(record: Record, loader: Loader) -> ImportedRecord:
    return _read(record, loader, lambda data: ImportedRecord(record, data))


def _take_in(record: Record, loader: Loader, limits: ImageLimits) -> ImportedRecord:
    def decoded(data: bytes) -> ImportedRecord:
        return ImportedRecord(
            record, data, ingest_image(data, limits=limits, source_hint=record.id)
        )

    return _read(record, loader, decoded)


def _read(
    record: Record, loader: Loader, then: Callable[[bytes], ImportedRecord]
) -> ImportedRecord:
    try:
        return then(loader())
    except ImageError as error:
        return ImportedRecord(record, error=error, kind=str(error.kind))
    except FetchError as error:
        return ImportedRecord(record, error=error, kind="missing")
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        return ImportedRecord(
            record,
            error=FetchError(what, where=record.id, todo="See who may read it (ls -l)."),
            kind="unreadable",
        )


def _claim_name(
    atlas: Atlas, path: Path, name: str, n_stored: int, compared: list[ImportedRecord | None]
) -> None:
    """Refuse another set under a name that is taken; note where this one came from.

    A set is known by its content: it may have moved, grown, or lost files. Another place where
    nothing is the same, or where files have other bytes, is another set; and so is the same place
    when most files there have other bytes.
    """
    note, place = f"import:{name}", str(path.resolve())
    n_changed = sum(each is not None and each.kind == CHANGED for each in compared)
    n_same = compared.count(None)
    before = atlas.note(note)
    elsewhere = before != place
    if n_stored and (n_changed > n_same or (elsewhere and (n_changed or not n_same))):
        known = f" from {before}" if before and elsewhere else ""
        how = f"{n_changed} files here have other bytes" if n_changed else "none of them is here"
        raise InputError(
            f"the atlas has another set{known} under the name {name!r}: {n_stored} images, "
            f"and {how}",
            where=str(path),
            todo="Give this one a name of its own, with --name.",
        )
    if elsewhere:
        atlas.set_note(note, place)
