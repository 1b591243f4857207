"""``/classify``: what the model says of an image that is dropped, pasted or named."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.errors import CosmicError
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.classifier import chosen_model
from cosmic_morphology.serve.rendering import page

router = APIRouter(include_in_schema=False)


@router.get("/classify")
def classify(request: Request, sky: Sky) -> HTMLResponse:
    """The page; answers come from the interface. The model is loaded at the first question."""
    try:
        model = str(chosen_model(sky.settings).name)
        lacking = ""
    except CosmicError as error:
        model, lacking = "", f"{error.what}. {error.todo}"
    return page(
        request,
        "classify.html.j2",
        model=model,
        lacking=lacking,
        most_mb=sky.settings.serve.max_upload_mb,
    )
