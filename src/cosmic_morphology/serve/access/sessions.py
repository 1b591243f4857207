"""From a request to the reviewer: by a token in a header, or by a cookie that a link has set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cosmic_morphology.serve.access.reviewers import Reviewer, Reviewers, TooManyTriesError
from cosmic_morphology.serve.served_atlas import ServedAtlas

COOKIE = "cosmic_token"
_PARAMETER = "token"
_DAYS_30_S = 30 * 24 * 3600


@dataclass(slots=True)
class Sessions:
    """The application, told who asks; a link with a token becomes a cookie.

    Attributes
    ----------
    app : ASGIApp
        What comes behind.
    reviewers : Reviewers
        Whose token is whose.
    """

    app: ASGIApp
    reviewers: Reviewers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note who asks, and pass the request on."""
        if scope["type"] == "http":
            answer = self._before(Request(scope))
            if answer is not None:
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _before(self, request: Request) -> Response | None:
        """An answer that ends the request here; None: it goes on."""
        client = request.client.host if request.client else ""
        request.state.reviewer = None
        from_link = request.query_params.get(_PARAMETER) if request.method == "GET" else None
        token = from_link or _token_of(request)
        if not token:
            return None
        try:
            found = request.state.reviewer = self.reviewers.of(token, client)
        except TooManyTriesError:
            return JSONResponse({"error": "too many wrong tokens: wait a minute"}, 429)
        if found is not None:
            return _with_cookie(request, token) if from_link else None
        if from_link or COOKIE in request.cookies:
            # An old link or cookie lets look on; pages say that nothing can be written.
            return None
        return JSONResponse({"error": "this token is wrong, or its time is over"}, 401)


def _with_cookie(request: Request, token: str) -> Response:
    """The same address without the token, which leaves the history of the browser so."""
    there = request.url.remove_query_params(_PARAMETER)
    answer = RedirectResponse(str(there.replace(scheme="", netloc="")) or "/", 303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=_DAYS_30_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


def _token_of(request: Request) -> str:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip() if kind.lower() == "bearer" else request.cookies.get(COOKIE, "")


def _reviewer(
    request: Request,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(HTTPBearer(auto_error=False))],
) -> Reviewer:
    found: Reviewer | None = request.state.reviewer
    if found is None:
        raise HTTPException(
            401,
            "to write, give a token: open the link that `cosmic serve` printed, or send "
            "Authorization: Bearer TOKEN",
            {"www-authenticate": "Bearer"},
        )
    return found


def _sky(request: Request) -> ServedAtlas:
    found: ServedAtlas = request.app.state.sky
    return found


Writer = Annotated[Reviewer, Depends(_reviewer)]
"""Whoever asks, when it is someone who may write."""
Sky = Annotated[ServedAtlas, Depends(_sky)]
"""What is served."""
