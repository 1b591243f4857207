"""What the model says of an image that is sent, or that stands at an address."""

from __future__ import annotations

import io
import threading
import zipfile
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from cosmic_morphology.atlas import embedding_column_for
from cosmic_morphology.atlas.query import nearest, take
from cosmic_morphology.collect.http.fetch_one import image_at
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.learn.data.embedding_names import read_embeddings
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.classifier import Classifier
from cosmic_morphology.serve.rows import columns_there
from cosmic_morphology.serve.served_atlas import ServedAtlas

router = APIRouter(prefix="/api/v1", tags=["predict"])
_FETCHING = threading.BoundedSemaphore(8)
_MOST_FILES = 500
_MOST_UNPACKED = 500_000_000
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _classifier(request: Request) -> Classifier:
    found: Classifier = request.app.state.classifier
    return found


Model = Annotated[Classifier, Depends(_classifier)]
"""What classifies."""
Address = Annotated[
    str, Query(max_length=4000, examples=["https://images-assets.nasa.gov/image/a/a~medium.jpg"])
]
"""Where an image stands."""


@router.post("/predict", openapi_extra=BODY)
async def predict(request: Request, model: Model) -> dict[str, Any]:
    """Classify the image, or the images of the zip archive, that is the body."""
    data = await request.body()
    return await run_in_threadpool(_answers, model, data)


@router.get("/predict")
def predict_address(
    url: Address,
    model: Model,
    sky: Sky,
) -> dict[str, Any]:
    """Classify the image at a public address; private addresses are never asked."""
    data = fetched(url, sky)
    return _with_model(model, {url: data})


@router.get("/similar")
def similar(
    id: Annotated[list[str], Query(min_length=1, max_length=20, examples=[["nasa:PIA00001"]])],  # noqa: A002 - a word of the address
    sky: Sky,
    limit: Annotated[int, Query(ge=1, le=500)] = 24,
) -> dict[str, Any]:
    """Images of the atlas that look like one or several of it, the nearest first."""
    with sky.reading() as atlas:
        column = embedding_column_for(atlas)
        if not column:
            raise UsageError(
                "no image has an embedding", where=atlas.address, todo="Compute them: cosmic embed."
            )
        take(atlas, id, table="images")  # an unknown id is told
        found = nearest(atlas, column, read_embeddings(atlas, column, id), limit=limit + len(id))
        near = [(id_, cosine) for id_, cosine in found if id_ not in id][:limit]
        shown = columns_there(atlas, ("id", "title", "label", "credit", "licence", "page_url"))
        rows = take(atlas, [id_ for id_, _ in near], shown, table="images").to_pylist()
    cosines = dict(near)
    return {
        "column": column,
        "images": jsonable([row | {"cosine": round(cosines[row["id"]], 4)} for row in rows]),
    }


def fetched(url: str, sky: ServedAtlas) -> bytes:
    """The bytes at an address; few are waited for at once, since each holds a thread."""
    if not _FETCHING.acquire(blocking=False):
        raise HTTPException(429, "other addresses are being fetched: try again in a moment")
    try:
        patience = sky.settings.serve.fetch_seconds
        return image_at(url, sky.settings, this_machine=False, within_s=patience)
    finally:
        _FETCHING.release()


def _answers(model: Classifier, data: bytes) -> dict[str, Any]:
    if not data:
        raise UsageError("the body is empty", where="/predict", todo="Send an image, or a zip.")
    return _with_model(
        model, _unpacked(data) if zipfile.is_zipfile(io.BytesIO(data)) else {"": data}
    )


def _with_model(model: Classifier, images: dict[str, bytes]) -> dict[str, Any]:
    answers = model.predict(images)
    return {
        "model": model.model.name,
        "reject_below": model.model.reject_below,
        "answers": jsonable(answers),
    }


def _unpacked(data: bytes) -> dict[str, bytes]:
    """The files of an archive by name, as far as their sizes are true."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [each for each in archive.infolist() if not each.is_dir()]
            if not 0 < len(entries) <= _MOST_FILES:
                raise UsageError(
                    f"the archive holds {len(entries):,} files, not 1 to {_MOST_FILES}",
                    where="/predict",
                    todo="Send it in parts, or use cosmic predict on the folder.",
                )
            found, left = {}, _MOST_UNPACKED
            for each in entries:
                with archive.open(each) as file:
                    found[each.filename] = file.read(left + 1)
                left -= len(found[each.filename])
                if left < 0:
                    raise UsageError(
                        f"the archive unpacks to more than {_MOST_UNPACKED:,} bytes",
                        where=each.filename,
                        todo="Send it in parts.",
                    )
            return found
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise UsageError(
            f"the archive cannot be read ({error})", where="/predict", todo="Pack it again."
        ) from error
