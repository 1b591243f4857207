"""Texts of archives as plain text: no HTML, no control characters, no surprise in length."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from html import unescape
from typing import Any, TypeGuard
from urllib.parse import quote

import nh3

MAX_CHARS = 100_000
MAX_TITLE_CHARS = 1_000
MAX_KEYWORDS = 500
MAX_KEYWORD_CHARS = 1_000
MAX_ID = 300
MAX_COUNT = 10**12
"""No archive has more records."""
MAX_MARKUP = 200_000
"""HTML is read so far, characters; with many entities its parser is slower than linear."""
MAX_TAGS = 5_000
"""Markup beyond so many tags is not read: parsing HTML is slow where tags are nested deeply."""

_UNSEEN = frozenset({"script", "style", "template", "title"})
# These end a word; all others part nothing ("H<sub>2</sub>O").
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "br", "caption", "center", "dd", "div"),
        *("dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3"),
        *("h4", "h5", "h6", "header", "hr", "img", "li", "main", "nav", "ol", "p", "pre"),
        *("section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    }
)
_MARKUP = re.compile(r"</?[a-zA-Z!]|&[#a-zA-Z]")
# In what nh3 returns every "<" opens a tag without attributes.
_TAG = re.compile(r"<[^>]*>")
# Longer numbers than Unicode has are no characters (and too long for Python's own function).
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def plain(value: Any, max_chars: int = MAX_CHARS) -> str:
    """Any value of an archive as one line of plain text; anything but a text is empty.

    Examples
    --------
    >>> plain("<p>The <b>Crab</b> &amp; its pulsar</p>")
    'The Crab & its pulsar'
    >>> plain(None)
    ''
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    # Surrogates can be in JSON, and nowhere else.
    text = utf8(value[: 4 * max_chars])
    if _MARKUP.search(text):
        text = _without_tags(text[:MAX_MARKUP])
    return " ".join(_CONTROL.sub(" ", text).split())[:max_chars].rstrip()


def title(value: Any) -> str:
    """A title: plain, and short enough to be one.

    Examples
    --------
    >>> len(title("word " * 1000)) <= MAX_TITLE_CHARS
    True
    >>> title("<i>Comet</i>")
    'Comet'
    """
    return plain(value, MAX_TITLE_CHARS)


def listed(value: Any) -> tuple[str, ...]:
    """Keywords as plain texts: a list, or one string joined by commas, or a list of those.

    Examples
    --------
    >>> listed("galaxy, spiral, galaxy"), listed(["comet", "tail, dust"])
    (('galaxy', 'spiral'), ('comet', 'tail, dust'))
    """
    values: Iterable[Any] = value if isinstance(value, list) else [value]
    found: dict[str, None] = {}
    for each in values:
        text = plain(each, MAX_CHARS if isinstance(value, str) else MAX_KEYWORD_CHARS)
        parts = text.split(",") if not isinstance(value, list) or text.count(",") > 1 else [text]
        found.update(dict.fromkeys(part.strip() for part in parts if part.strip()))
    return tuple(found)[:MAX_KEYWORDS]


def utf8(text: str) -> str:
    r"""A text that can be stored: lone surrogates, which JSON may hold, become question marks.

    Examples
    --------
    >>> utf8("half \ud800 a pair")
    'half ? a pair'
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def safe_id(source_id: str) -> str:
    r"""An identifier in one line and of a sane length; the usual ones are not touched.

    Examples
    --------
    >>> safe_id(" PIA12345\n")
    'PIA12345'
    """
    one_line = "".join(
        c if c.isprintable() else quote(c, errors="replace") for c in source_id.strip()
    )
    if len(one_line) <= MAX_ID:
        return one_line
    digest = hashlib.sha256(source_id.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{one_line[: MAX_ID - 17]}-{digest}"


def is_count(value: object) -> TypeGuard[int]:
    """Whether a value of JSON can be a number of records.

    Examples
    --------
    >>> is_count(12), is_count(True), is_count("12"), is_count(-1)
    (True, False, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def whole_number(text: str) -> int | None:
    """The number of records or bytes that a header says; None where it says none.

    Examples
    --------
    >>> whole_number("120"), whole_number("1e3"), whole_number("-1")
    (120, None, None)
    """
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_COUNT))
    return int(text) if is_number else None


def _without_tags(text: str) -> str:
    """The text that a reader of the page would see, by the HTML parser of a browser engine.

    Its time grows with the square of nested tags; ``MAX_TAGS`` bounds it.
    """
    parts = text.split("<", MAX_TAGS + 1)
    if len(parts) > MAX_TAGS + 1:
        text = "<".join(parts[:-1])
    read = nh3.clean(
        text, tags=set(_BLOCKS), clean_content_tags=set(_UNSEEN), attributes={}, link_rel=None
    )
    read = _ENTITY.sub(_character, _TAG.sub(" ", read))
    # Some archives escape twice: "&amp;amp;".
    return _ENTITY.sub(_character, read) if "&" in read else read


def _character(entity: re.Match[str]) -> str:
    # A surrogate is no character either.
    return unescape(entity[0]).encode("utf-8", "replace").decode("utf-8")
