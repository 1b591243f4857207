"""The page of a study: one file, no network, the same look as the report."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from cosmic_morphology.io_utils import write_text
from cosmic_morphology.report import html as report_page


def write_study_page(path: Path, template: str, content: Mapping[str, Any]) -> Path:
    """Render a template of this room into one file, whole or not at all."""
    text = _study_environment().get_template(template).render(**content, policy=report_page.POLICY)
    write_text(path, text)
    return path


@cache
def _study_environment() -> Environment:
    found = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("cosmic_morphology.studies", "templates"),
                # The frame, the style and the macros of the report.
                PackageLoader("cosmic_morphology.evaluate", "templates"),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        said=report_page.said,
        safe_url=report_page.safe_url,
        count=report_page.count,
        seconds=report_page.seconds,
        drawing=report_page.drawing,
        share=report_page.share,
    )
    return found
