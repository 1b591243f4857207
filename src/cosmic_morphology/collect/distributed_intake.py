"""Images of an import, decoded by the workers of an engine.

The driver reads the files, so that only it needs to see them; what travels back is the thumbnail
and what is known of the image, not its bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import pyarrow as pa

from cosmic_morphology.collect.import_batch import ImportedRecord
from cosmic_morphology.engine import Call, Engine, run_calls
from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import ImageLimits, IngestedImage, ingest_image
from cosmic_morphology.imaging.workers.columns import INGESTED, ingested_table, read_ingested

STAGE = "intake"
_IMAGES_PER_CALL = 32


def decode_with(
    engine: Engine, read: Iterable[ImportedRecord], limits: ImageLimits
) -> Iterator[ImportedRecord]:
    """Records with their bytes in, records with their decoded images out, in the same order.

    Parameters
    ----------
    engine : Engine
        Where images are decoded.
    read : iterable of ImportedRecord
        With ``data``, or with an error, which stays as it is. No more of them are taken than are
        worked on.
    limits : ImageLimits
        What may come in.
    """
    begun: deque[list[ImportedRecord]] = deque()

    def calls() -> Iterator[Call]:
        records = iter(read)
        while part := list(islice(records, _IMAGES_PER_CALL)):
            begun.append(part)
            given = [(each.record.id, each.data) for each in part if each.error is None]
            yield Call(ingest_all, (given, limits), gives=INGESTED)

    for answers in run_calls(engine, STAGE, calls()):
        decoded = iter(read_ingested(answers))
        for each in begun.popleft():
            yield each if each.error is not None else _with_image(each, next(decoded))


def ingest_all(images: Sequence[tuple[str, bytes]], limits: ImageLimits) -> pa.Table:
    """What is known of each image, or why it is refused: a row each."""
    found: list[IngestedImage | ImageError] = []
    for where, data in images:
        try:
            found.append(ingest_image(data, limits=limits, source_hint=where))
        except ImageError as error:
            found.append(error)
    return ingested_table(found)


def _with_image(read: ImportedRecord, decoded: IngestedImage | ImageError) -> ImportedRecord:
    if isinstance(decoded, ImageError):
        return replace(read, data=b"", error=decoded, kind=str(decoded.kind))
    return replace(read, intake=decoded)
