"""Which parts of an image an answer rests on, when somebody asks."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from collections import OrderedDict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from cosmic_morphology.imaging.heat import overlay
from cosmic_morphology.learn.inference.occlusion import Occlusion, occlude
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.api.predict import BODY, Address, Model, fetched
from cosmic_morphology.serve.classifier import Classifier
from cosmic_morphology.serve.rows import facts_of

router = APIRouter(prefix="/api/v1/saliency", tags=["predict"])
_Id = Annotated[str, Query(max_length=2000, examples=["nasa:PIA00001"])]
_WAITING = threading.BoundedSemaphore(4)
"""One answer is explained at a time, since it takes the network fifty times as long as giving it;
a few wait, and whoever comes then is told to."""
_AT_WORK = threading.Lock()
_KEPT = 256
_found: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()


@router.get("")
def of_image(id: _Id, model: Model, sky: Sky) -> dict[str, Any]:  # noqa: A002 - a word of the address
    """What the model's answer on an image of the atlas rests on: a picture, and words.

    Squares of the image are covered one after the other; where the probability of the answer falls
    most, it rests. ``overlay`` is a JPEG in base64.
    """
    with sky.reading() as atlas:
        data = facts_of(atlas, id, ("thumbnail",))["thumbnail"]
    return _explained(model, data)


@router.post("", openapi_extra=BODY)
async def of_body(request: Request, model: Model) -> dict[str, Any]:
    """The same of the image that is the body."""
    return await run_in_threadpool(_explained, model, await request.body())


@router.get("/address")
def of_address(url: Address, model: Model, sky: Sky) -> dict[str, Any]:
    """The same of the image at a public address."""
    return _explained(model, fetched(url, sky))


def _explained(model: Classifier, data: bytes) -> dict[str, Any]:
    key = (model.model.fingerprint(), hashlib.sha256(data).hexdigest())
    if key in _found:
        return _found[key]
    square = model.square(data)
    if not _WAITING.acquire(blocking=False):
        raise HTTPException(429, "other answers are being explained: try again in a moment")
    try:
        with _AT_WORK:
            # Whoever waited for the same image finds it here.
            if key not in _found:
                _found[key] = _told(occlude(model.model, square), square, model.model.name)
                while len(_found) > _KEPT:
                    _found.popitem(last=False)
            return _found[key]
    finally:
        _WAITING.release()


def _told(found: Occlusion, square: Any, model: str) -> dict[str, Any]:
    out = io.BytesIO()
    Image.fromarray(overlay(square, found.heat)).save(out, "JPEG", quality=85)
    return {
        "model": model,
        "answer": found.answer,
        "probability": round(found.probability, 4),
        "least": round(found.least, 4),
        "words": found.in_words(),
        "overlay": base64.b64encode(out.getvalue()).decode(),
    }
