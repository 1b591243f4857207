"""``/runs``: the leaderboard, and what one run says and confuses."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.errors import CosmicError
from cosmic_morphology.learn import find_run, runs
from cosmic_morphology.learn.run_folder.folder import Run
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.stats.score import LABEL_KINDS

router = APIRouter(include_in_schema=False)


@router.get("/runs")
def board(request: Request, sky: Sky) -> HTMLResponse:
    """Every run with its score, its interval, and what it was measured on."""
    try:
        found = runs(sky.settings.out)
        rows, left_out = list(found), found.left_out
    except CosmicError:
        rows, left_out = [], {}
    ranked = sorted(rows, key=lambda row: -row.macro_f1.value if row.macro_f1 else 0.0)
    ranked.sort(key=lambda row: row.split != "test")
    return page(request, "runs.html.j2", rows=ranked, left_out=left_out)


@router.get("/runs/{name}")
def run(
    request: Request,
    name: str,
    sky: Sky,
    beside: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """One run, or two side by side."""
    shown = [find_run(each, out=sky.settings.out) for each in (name, beside) if each]
    others = [each.run for each in runs(sky.settings.out) if each.run not in (name, beside)]
    return page(
        request,
        "run.html.j2",
        found=[(each, _best_scores(each)) for each in shown],
        others=others,
        name=name,
    )


def _best_scores(found: Run) -> dict[str, Any]:
    """The scores on the best known kind of label; empty where the test split was not predicted."""
    test = found.metrics.get("test") or {}
    return next((test[kind] for kind in LABEL_KINDS if test.get(kind)), {})
