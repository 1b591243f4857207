"""``/classes``: the phrases that speak for each class, and what changes of them would change."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from cosmic_morphology.serve.access.sessions import Sky
from cosmic_morphology.serve.rendering import page
from cosmic_morphology.serve.rows import facets
from cosmic_morphology.taxonomy import Taxonomy

router = APIRouter(include_in_schema=False)
_WHERE = {
    "title": "title",
    "lead": "first sentences",
    "text": "rest of the description",
    "keywords": "keywords",
    "name": "folder and file name",
}


@router.get("/classes")
def classes(request: Request, sky: Sky) -> HTMLResponse:
    """Every phrase of the taxonomy, to be changed and tried; counts come from the interface."""
    with sky.reading() as atlas:
        labels = facets(sky, atlas)["label"]
    taxonomy = sky.taxonomy
    found = [(name, labels.get(name, 0), _places(taxonomy, name)) for name in
             taxonomy.names_with_reject]  # fmt: skip
    return page(
        request,
        "classes.html.j2",
        classes=found,
        ignore=taxonomy.ignore,
        named=str(sky.settings.taxonomy or "the classes of the sky, which come with the package"),
    )


def _places(taxonomy: Taxonomy, name: str) -> list[dict[str, Any]]:
    """Search words and rules of a class: where they stand, what they are, their phrases."""
    places = [
        {"place": f"rule:{at}", "words": ", ".join(_WHERE[each] for each in rule.where),
         "weight": rule.weight, "phrases": rule.phrases}
        for at, rule in enumerate(taxonomy.rules)
        if rule.label == name
    ]  # fmt: skip
    search = [each.search for each in taxonomy.classes if each.name == name]
    return [
        *(
            {"place": f"search:{name}", "words": "search words", "weight": None, "phrases": words}
            for words in search
        ),
        *places,
    ]
