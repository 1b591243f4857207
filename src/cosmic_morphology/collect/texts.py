"""Texts of archives as plain text: no HTML, no control characters, no surprise in length."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from html.parser import HTMLParser
from typing import Any

MAX_CHARS = 100_000
MAX_TITLE_CHARS = 1_000
MAX_KEYWORDS = 500
_UNSEEN = frozenset({"script", "style", "head", "template"})
# Inside a word these tags part nothing ("H<sub>2</sub>O"); all others end it.
_INLINE = frozenset({"a", "b", "em", "font", "i", "span", "strong", "sub", "sup", "u"})
_MARKUP = re.compile(r"</?[a-zA-Z!]|&[#a-zA-Z]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def plain(value: Any, max_chars: int = MAX_CHARS) -> str:
    """Any value of an archive as one line of plain text; anything but a text is empty."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    # Surrogates can stand in JSON, and nowhere else.
    text = value[: 4 * max_chars].encode("utf-8", "replace").decode("utf-8")
    if _MARKUP.search(text):
        text = _without_tags(text)
    return " ".join(_CONTROL.sub(" ", text).split())[:max_chars].rstrip()


def title(value: Any) -> str:
    """A title: plain, and short enough to be one."""
    return plain(value, MAX_TITLE_CHARS)


def listed(value: Any) -> tuple[str, ...]:
    """Keywords as plain texts: a list, or one string joined by commas, or a list of those."""
    values: Iterable[Any] = value if isinstance(value, list) else [value]
    found: dict[str, None] = {}
    for each in values:
        text = plain(each)
        parts = text.split(",") if not isinstance(value, list) or text.count(",") > 1 else [text]
        found.update(dict.fromkeys(part.strip() for part in parts if part.strip()))
    return tuple(found)[:MAX_KEYWORDS]


def _without_tags(text: str) -> str:
    reader = _Text()
    reader.feed(text)
    reader.close()
    read = "".join(reader.parts)
    # Some archives escape twice: "&amp;amp;".
    return unescape(read) if "&" in read else read


class _Text(HTMLParser):
    """The text that a reader of the page would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self._unseen += tag in _UNSEEN
        if tag not in _INLINE:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if tag not in _INLINE:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)
