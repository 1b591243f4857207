"""The view that an address asks for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from cosmic_morphology.serve.sky_map import LAYOUTS
from cosmic_morphology.serve.view import CHECKS, ORDERS, View

_Text = Annotated[str, Query(max_length=500)]
_Check = Annotated[str, Query(max_length=500, json_schema_extra={"enum": ["", *CHECKS]})]
_Order = Annotated[str, Query(max_length=500, json_schema_extra={"enum": [*ORDERS]})]
_Day = Annotated[
    str,
    Query(
        max_length=500,
        json_schema_extra={"pattern": r"^([0-9]{4}(-[0-9]{2}){0,2})?$"},
        examples=["2019-04-10"],
    ),
]
_Layout = Annotated[str, Query(max_length=500, json_schema_extra={"enum": [*LAYOUTS]})]
_Lasso = Annotated[str, Query(max_length=4000, examples=["0,0 1,0 1,1 0,1"])]
_Share = Annotated[float | None, Query(ge=0, le=1)]


def _view(
    label: _Text = "",
    label_kind: _Text = "",
    split: _Text = "",
    source: _Text = "",
    collection: _Text = "",
    flagged: _Check = "",
    least: _Share = None,
    most: _Share = None,
    check: _Check = "",
    score_least: _Share = None,
    score_most: _Share = None,
    since: _Day = "",
    until: _Day = "",
    by: _Text = "",
    unique: bool = False,
    run: _Text = "",
    said: _Text = "",
    q: _Text = "",
    like: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006 - FastAPI copies it
    lasso: _Lasso = "",
    layout: _Layout = "pca",
    phrase: _Text = "",
    order: _Order = "id",
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
        layout=layout,
        phrase=phrase.strip(),
        order=order,
        down=down,
    )


Asked = Annotated[View, Depends(_view)]
"""The view of the address."""
