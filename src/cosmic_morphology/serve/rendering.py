"""Pages from templates; texts from outside are always escaped."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.report.html import safe_text, safe_url

ROOMS = (
    ("/", "Overview"),
    ("/gallery", "Gallery"),
    ("/review", "Review"),
    ("/classify", "Classify"),
    ("/map", "Map"),
    ("/runs", "Runs"),
    ("/conflicts", "Conflicts"),
    ("/classes", "Classes"),
    ("/harvest", "Harvest"),
)
"""Address and name of every page of the menu."""


def page(request: Request, template: str, *, status: int = 200, **content: Any) -> HTMLResponse:
    """Render a template of this room.

    Parameters
    ----------
    request : Request
        Says which page of the menu is open, and who asks.
    template : str
        Its file.
    status : int
        Of the answer.
    **content
        What the template shows.
    """
    known = {
        "rooms": ROOMS,
        "path": request.url.path,
        "reviewer": getattr(request.state, "reviewer", None),
        **content,
    }
    return HTMLResponse(_environment().get_template(template).render(**known), status)


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("cosmic_morphology.serve", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(safe_text=safe_text, safe_url=safe_url, integer=lambda n: f"{n:,}")
    found.globals.update(static=static, image_page=image_page, thumbnail=thumbnail)
    return found


@cache
def static(name: str) -> str:
    """The address of a file of ours; another file has another address, so browsers may keep it."""
    data = files("cosmic_morphology.serve").joinpath("static", name).read_bytes()
    return f"/static/{name}?{hashlib.sha256(data).hexdigest()[:10]}"


def image_page(id_: str) -> str:
    """The address of the page of an image.

    Examples
    --------
    >>> image_page("nasa:PIA 1/2")
    '/image/nasa%3APIA%201/2'
    """
    return f"/image/{quote(id_)}"


def thumbnail(id_: str) -> str:
    """The address of an image as it is stored small.

    Examples
    --------
    >>> thumbnail("nasa:PIA1")
    '/api/v1/thumbnail?id=nasa%3APIA1'
    """
    return f"/api/v1/thumbnail?{urlencode({'id': id_})}"
