"""``/``: what is in the atlas, and what to do next."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.atlas import RENDERER, SPLITS, Atlas
from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.rows import facets, labels_of_the_renderer
from cosmic_morphology.serve.served_atlas import ServedAtlas
from cosmic_morphology.serve.view import NONE, NOT, View
from cosmic_morphology.stats.score import CHECKED, RENDERED

router = APIRouter(include_in_schema=False)
_NAMES = {"label": "Classes", "label_kind": "Label kinds", "split": "Splits", "source": "Sources"}


@router.get("/")
def overview(request: Request, sky: Sky) -> HTMLResponse:
    """Counts, each with a link to the images behind it."""
    with sky.reading() as atlas:
        counts = facets(sky, atlas)
        counts = counts | {"label_kind": _kinds(counts, len(labels_of_the_renderer(sky, atlas)))}
        return page(
            request,
            "overview.html.j2",
            images=atlas.count(),
            records=atlas.count("catalogue"),
            version=str(atlas.version),
            address=atlas.address,
            bars=[(_NAMES[name], _bars(name, found)) for name, found in counts.items()],
            became=sky.remembered(atlas, ("became",), lambda: _became(sky, atlas)),
            advice=sky.remembered(atlas, ("advice",), lambda: _advice(sky, atlas)),
        )


def _became(sky: ServedAtlas, atlas: Atlas) -> list[tuple[str, int, float, str]]:
    """What became of all records: parts that together are all of them, each with its images."""
    columns = set(atlas.table("catalogue").schema.names)
    records = atlas.count("catalogue")
    if not {"label", "duplicate_flag"} <= columns or not records:
        return []
    reject = sky.taxonomy.reject
    parts = [
        ("copies of others", View(flagged="duplicate")),
        (f"{reject}: no object of the taxonomy", View(label=reject, unique=True)),
        ("without a label", View(label=NONE, unique=True)),
    ]
    if "split" in columns:
        objects = NOT + reject
        parts += [
            (f"labelled, in {name}", View(label=objects, split=name, unique=True))
            for name in SPLITS
        ]
    found = [
        (words, atlas.count("catalogue", view.where()), view.address()) for words, view in parts
    ]
    left = records - sum(rows for _, rows, _ in found)
    if left > 0:
        found.append(
            (
                "labelled, in no split",
                left,
                View(label=NOT + reject, split="none", unique=True).address(),
            )
        )
    return [(words, rows, rows / records, link) for words, rows, link in found if rows]


def _kinds(counts: dict[str, dict[Any, int]], rendered: int) -> dict[str | None, int]:
    """Rows by label kind; what a renderer wrote has been checked by nobody."""
    kinds = dict(counts["label_kind"])
    if rendered:
        kinds[CHECKED] = kinds.get(CHECKED, 0) - rendered
        kinds[RENDERED] = rendered
    return {kind: rows for kind, rows in kinds.items() if rows > 0}


def _bars(name: str, counts: dict[str | None, int]) -> list[tuple[str, int, float, str]]:
    """Value, rows, share of the largest, and the address of the images."""
    most = max(counts.values(), default=1) or 1

    def link(value: str | None) -> str:
        if (name, value) == ("label_kind", RENDERED):
            return View(by=RENDERER).address()
        only: dict[str, Any] = {name: value or NONE}
        return View(**only).address()

    return [(value or "none", rows, rows / most, link(value)) for value, rows in counts.items()]


def _advice(sky: ServedAtlas, atlas: Atlas) -> list[tuple[str, str]]:
    """What to do next, in words, each with its address."""
    columns = set(atlas.table("catalogue").schema.names)
    if "label" not in columns:
        return [("No image has a label yet. Compute them: cosmic curate.", "")]
    found = []
    if "mislabel_flag" in columns:
        for split in ("test", "val", "train"):
            view = View(split=split, flagged="mislabel")
            rows = atlas.count("catalogue", view.where()) if "split" in columns else 0
            if rows:
                errors = _counted(rows, "likely error", "likely errors")
                found.append(
                    (f"{errors} in {split}: review {'it' if rows == 1 else 'them'}", "/review")
                    if split == "test"
                    else (f"{errors} in {split}", view.address())
                )
    open_ = atlas.count("catalogue", "label IS NULL")
    if open_:
        found.append(
            (_counted(open_, "image has", "images have") + " no label", View(label="-").address())
        )
    if "split" not in columns:
        found.append(("No split yet: cosmic split.", ""))
    if not (sky.settings.out / "runs").is_dir():
        found.append(("No model yet: cosmic train.", ""))
    return found


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
