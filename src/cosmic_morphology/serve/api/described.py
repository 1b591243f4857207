"""How the interface is described: refusals that any question may meet, and kinds of content."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field


class Refused(BaseModel):
    """Why a question has no answer."""

    error: str = Field(
        description="what is wrong, where, and what to do", examples=["the body is empty"]
    )


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused, "description": words}
    for status, words in {
        HTTPStatus.BAD_REQUEST: "The question cannot be answered as it is asked.",
        HTTPStatus.UNAUTHORIZED: "The token is wrong, or its time is over; or writing needs one.",
        HTTPStatus.FORBIDDEN: "The request was made by a page of another site.",
        HTTPStatus.NOT_FOUND: "There is no such image, or nothing at this address.",
        HTTPStatus.REQUEST_TIMEOUT: "The body came too slowly.",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
        HTTPStatus.MISDIRECTED_REQUEST: "The server is not called by this name.",
        HTTPStatus.UNPROCESSABLE_ENTITY: "A parameter, or the body, is not of its kind.",
        HTTPStatus.TOO_MANY_REQUESTS: "Too many requests, or wrong tokens, within a minute.",
        HTTPStatus.NOT_IMPLEMENTED: "An optional part of the program is not installed.",
        HTTPStatus.SERVICE_UNAVAILABLE: "The atlas cannot be read or written now.",
    }.items()
}
"""Answers that every question may get, by status."""


def bytes_of(*kinds: str, kept: bool = False) -> dict[int | str, dict[str, Any]]:
    """An answer that is no JSON, by its kinds of content.

    Parameters
    ----------
    *kinds : str
        Such as ``image/jpeg``.
    kept : bool
        Whether a browser that has it already is told so.
    """
    found: dict[int | str, dict[str, Any]] = {
        200: {
            "description": "The bytes.",
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds},
        }
    }
    if kept:
        found[304] = {"description": "It is as it was when it was asked for before."}
    return found
