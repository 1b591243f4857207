"""The view that an address asks for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from cosmic_morphology.serve.view import View

_Text = Annotated[str, Query(max_length=500)]
_Share = Annotated[float | None, Query(ge=0, le=1)]


def _view(
    label: _Text = "",
    label_kind: _Text = "",
    split: _Text = "",
    source: _Text = "",
    collection: _Text = "",
    flagged: _Text = "",
    least: _Share = None,
    most: _Share = None,
    check: _Text = "",
    score_least: _Share = None,
    score_most: _Share = None,
    since: _Text = "",
    until: _Text = "",
    by: _Text = "",
    unique: bool = False,
    run: _Text = "",
    said: _Text = "",
    q: _Text = "",
    like: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006 - FastAPI copies it
    lasso: Annotated[str, Query(max_length=4000)] = "",
    order: _Text = "id",
    down: bool = False,
) -> View:
    return View(
        label=label,
        label_kind=label_kind,
        split=split,
        source=source,
        collection=collection,
        flagged=flagged,
        least=least,
        most=most,
        check=check,
        score_least=score_least,
        score_most=score_most,
        since=since,
        until=until,
        by=by,
        unique=unique,
        run=run,
        said=said,
        q=q.strip(),
        like=tuple(like),
        lasso=lasso,
        order=order,
        down=down,
    )


Asked = Annotated[View, Depends(_view)]
"""The view of the address."""
