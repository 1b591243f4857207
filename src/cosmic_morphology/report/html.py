"""Rendering pages: one file each, no network, texts from outside always escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cosmic_morphology.io_utils import write_text
from cosmic_morphology.stats.bootstrap import Difference
from cosmic_morphology.stats.score import Score

# What a page may do at all: show what is inside it. Even a hole in the escaping loads nothing.
POLICY = Markup("default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'")
_LONGEST = 220


def write_page(path: Path, template: str, content: Mapping[str, Any]) -> Path:
    """Render a template of this package into one file, whole or not at all."""
    text = _environment().get_template(template).render(**content, policy=POLICY)
    write_text(path, text)
    return path


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("cosmic_morphology.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        safe_text=safe_text,
        safe_url=safe_url,
        integer=integer,
        seconds=seconds,
        trusted_svg=trusted_svg,
        percent=percent,
    )
    found.tests["score"] = lambda value: isinstance(value, Score)
    found.tests["difference"] = lambda value: isinstance(value, Difference)
    return found


def safe_text(text: object, longest: int = _LONGEST) -> str:
    """A text from outside on one line: no control or direction characters, not too long."""
    words = "".join(
        " " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each
        for each in str(text or "")
        if unicodedata.category(each) not in ("Cf", "Cs", "Co", "Cn")
    )
    short = " ".join(words.split())
    return short if len(short) <= longest else short[: longest - 1].rstrip() + "…"


def safe_url(text: object) -> str:
    """The address when it is a plain http(s) one, else nothing.

    Examples
    --------
    >>> safe_url("https://images.nasa.gov/a"), safe_url("javascript:alert(1)")
    ('https://images.nasa.gov/a', '')
    """
    address = str(text or "").strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    plain = address.isprintable() and not any(each in address for each in "\"'<>\\ `")
    return address if parts.scheme in ("http", "https") and parts.netloc and plain else ""


def integer(number: float) -> str:
    """A number of things."""
    return f"{number:,.0f}"


def percent(value: float) -> str:
    """A position in [0, 1] as CSS percentage.

    Examples
    --------
    >>> percent(0.125), percent(7)
    ('12.50%', '100.00%')
    """
    return f"{100 * min(max(float(value), 0.0), 1.0):.2f}%"


def seconds(value: float) -> str:
    """A time as people say it.

    Examples
    --------
    >>> seconds(3.21), seconds(125)
    ('3.2 s', '2 min 05 s')
    """
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s"


def trusted_svg(svg: str) -> Markup:
    """A drawing that this package made: its texts were escaped by matplotlib and `to_svg`."""
    return Markup(svg)  # noqa: S704
