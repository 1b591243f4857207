"""Rendered images as rows of an atlas, with lineage and their whole truth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pyarrow as pa

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.atlas.query import stream
from cosmic_morphology.engine import Call, Engine, run_calls
from cosmic_morphology.imaging import IngestedImage, ingest_image
from cosmic_morphology.imaging.workers.columns import INGESTED, ingested_table, read_ingested
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import LocalSettings
from cosmic_morphology.synthesize.renderer import Job, Rendered, check_job, jobs_for, render_image

SOURCE = "rendered"
STAGE = "synthesize"
BATCH = 64
_PER_CALL = 8
_WORTH_PROCESSES = 32
# AVM Subject.Category of what was drawn: certain, so labels need no guessing.
SUBJECTS = {
    "asteroid": "2.3",
    "comet": "2.2",
    "galaxy": "5",
    "nebula": "4",
    "planet": "1",
    "star": "3",
    "irrelevant": "8",
}
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_BESIDE = (pa.field("record", pa.string()), pa.field("data", pa.large_binary()))
RENDERED = pa.schema([*INGESTED, *_BESIDE])
"""Columns of :func:`render_arrivals`."""


@dataclass(frozen=True)
class Synthesized:
    """What :func:`synthesize_into` did.

    Attributes
    ----------
    added : int
        Images that are new in the atlas.
    already_there : int
        Images that an earlier call had added.
    classes : dict
        New images of each class.
    """

    added: int
    already_there: int
    classes: dict[str, int]


def synthesize_into(
    atlas: Atlas,
    counts: Mapping[str, int],
    *,
    seed: int,
    size_px: int = 256,
    progress: Progress | None = None,
    workers: int | None = None,
    engine: Engine | None = None,
) -> Synthesized:
    """Render images into an atlas; doing it twice changes nothing.

    The rows have the source ``rendered``, which the splitter keeps out of every test split, and
    ``lineage`` ``render:<class>:<seed>``. A call that was killed goes on where it stopped.

    Parameters
    ----------
    atlas : Atlas
        Gets the images.
    counts : mapping
        Images wanted for each class.
    seed : int
        Seed of the set; more images of the same seed contain the fewer.
    size_px : int, optional
        Longer side in pixels.
    progress : callable, optional
        Called with done and total.
    workers : int, optional
        Processes of this machine; by default one for each core.
    engine : Engine, optional
        Where they are rendered, instead.

    Examples
    --------
    >>> synthesize_into(atlas, {"comet": 2}, seed=1, size_px=64, workers=1).added
    2
    """
    there = rendered_before(atlas)
    wanted = jobs_for(counts, seed=seed, size_px=size_px)
    jobs = [job for job in wanted if f"{SOURCE}:{_source_id(*job)}" not in there]
    for job in jobs:
        check_job(*job)
    classes: Counter[str] = Counter()
    waiting: list[NewImage] = []
    done = len(wanted) - len(jobs)
    engine = engine or Engine(local=LocalSettings(processes=workers))
    calls = (
        Call(render_arrivals, (jobs[start : start + _PER_CALL],), gives=RENDERED)
        for start in range(0, len(jobs), _PER_CALL)
    )
    for rows in run_calls(engine, STAGE, calls, is_worth=len(jobs) >= _WORTH_PROCESSES):
        arrivals = _read_arrivals(rows)
        waiting.extend(arrivals)
        classes.update(each.record.given_label for each in arrivals)
        if len(waiting) >= BATCH:
            done += len(waiting)
            atlas.add(waiting)
            waiting = []
            if progress:
                progress(done, len(wanted))
    if waiting:
        atlas.add(waiting)
    if progress:
        progress(len(wanted), len(wanted))
    return Synthesized(
        added=len(jobs),
        already_there=len(wanted) - len(jobs),
        classes=dict(sorted(classes.items())),
    )


def rendered_before(atlas: Atlas) -> set[str]:
    """Ids of the rendered images that an atlas has."""
    batches = stream(atlas, ["id", "sha256"], f"source = '{SOURCE}'")
    # A record without an image is rendered again.
    return {
        id_
        for batch in batches
        for id_ in batch.column("id").filter(batch.column("sha256").is_valid()).to_pylist()
    }


def render_arrivals(jobs: Sequence[Job]) -> pa.Table:
    """Rendered images, a row each, with what an atlas holds of them."""
    arrivals = [
        _arrival(render_image(kind, seed, size_px=size_px), size_px) for kind, seed, size_px in jobs
    ]
    rows = ingested_table([cast("IngestedImage", each.intake) for each in arrivals])
    beside = [[each.record.to_json() for each in arrivals], [each.data for each in arrivals]]
    for field, values in zip(_BESIDE, beside, strict=True):
        rows = rows.append_column(field, pa.array(values, field.type))
    return rows


def _read_arrivals(rows: pa.Table) -> list[NewImage]:
    said, data = (rows.column(each.name).to_pylist() for each in _BESIDE)
    return [
        NewImage(Record.from_json(record), cast("IngestedImage", intake), image)
        for record, intake, image in zip(said, read_ingested(rows), data, strict=True)
    ]


def _source_id(kind: str, seed: int, size_px: int) -> str:
    return f"{kind}-{seed}-{size_px}"


def _arrival(image: Rendered, size_px: int) -> NewImage:
    """A rendered image with plain texts: the archive's misleading ones are for the demo."""
    data = image.jpeg()
    subtype = str(image.parameters["subtype"])
    said = {"title": image.title, "description": image.description}
    record = Record(
        source=SOURCE,
        source_id=_source_id(image.kind, image.seed, size_px),
        title=f"Rendered {image.kind} ({subtype})",
        keywords=(image.kind, subtype),
        credit="Cosmic Morphology",
        licence="rendered, CC0",
        created_at=EPOCH.date().isoformat(),
        given_label=image.kind,
        subjects=(SUBJECTS[image.kind],),
        collection="rendered",
        lineage=(f"render:{image.kind}:{image.seed}",),
        parameters=json.dumps({**image.parameters, "seed": image.seed, "said": said}),
        fetched_at=EPOCH,
    )
    return NewImage(record, ingest_image(data, source_hint=record.id), data)
