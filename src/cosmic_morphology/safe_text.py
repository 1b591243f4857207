"""Text from outside, made safe to print, to log and to open in a spreadsheet.

Everything that a person sees in the terminal goes through :func:`safe_text` (the one place is
``cli/printing.py``), every cell of an exported CSV through :func:`csv_cell`. Secrets that are known
(:func:`hide`) and those that an address carries are replaced by ``***``.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

HIDDEN = "***"
_SHORTEST_SECRET = 4
# Control characters, directions and joiners, lone surrogates, private and unassigned ones, and
# the two separators that some programs take for the end of a line.
_UNSAFE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
# What a spreadsheet takes for a formula (OWASP, "CSV injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_USER = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*:/{2,3})[^\s/?#'\"<>]*@")
# Values in addresses and in settings that are named so: X-Amz-Signature=…, aws_secret_access_key=…
_NAMED = r"secret|token|passw|pwd|signature|credential|api_?key|access_?key|auth(?!or)"
_VALUE = re.compile(
    rf"(?P<name>(?<![\w.-])(?:[\w.-]*(?:{_NAMED})[\w.-]*|sig|key))=(?P<value>[^\s&#'\"<>,;]+)",
    re.IGNORECASE,
)
# Options of object stores that say where, not who.
_PUBLIC = re.compile(
    r"region|endpoint|allow|virtual|timeout|retr|proxy|version|bucket", re.IGNORECASE
)
_secrets: set[str] = set()


def safe_text(text: object, *, keep_lines: bool = False) -> str:
    r"""A text without secrets, in which nothing can steer a terminal.

    Control characters, characters that change the direction of writing, and lone surrogates become
    ``\x1b``, ``\u202e``, ``\udc80``.

    Parameters
    ----------
    text : object
        Anything; its ``str`` is taken.
    keep_lines : bool
        Leave line feeds and tabs as they are.

    Examples
    --------
    >>> print(safe_text("red \x1b[31m text"))
    red \x1b[31m text
    """
    found = without_secrets(str(text))
    if found.isascii() and found.isprintable():
        return found
    return "".join(
        each if (keep_lines and each in "\n\t") or not _is_unsafe(each) else _escaped(each)
        for each in found
    )


def safe_json(value: Any) -> str:
    """JSON on one line, with the unsafe characters as escapes: it parses to the same text.

    Numbers that JSON does not have (NaN, infinity) become ``null``.

    Examples
    --------
    >>> safe_json({"n": float("nan"), "title": "comet"})
    '{"n": null, "title": "comet"}'
    """
    text = json.dumps(_known(value), ensure_ascii=False, default=str, allow_nan=False)
    return "".join(_json_escaped(each) if _is_unsafe(each) else each for each in text)


def csv_cell(value: Any) -> Any:
    """A cell of an exported CSV: a text that a spreadsheet would run gets a quote before it.

    Numbers, also those written as text, are left alone. See OWASP, "CSV injection".

    Examples
    --------
    >>> csv_cell("=1+1"), csv_cell("comet"), csv_cell("-12.5")
    ("'=1+1", 'comet', '-12.5')
    """
    if not isinstance(value, str) or not _is_formula(value) or _is_number(value):
        return value
    return f"'{value}"


def csv_text(cell: str) -> str:
    """What :func:`csv_cell` was given.

    Examples
    --------
    >>> csv_text("'=1+1"), csv_text("comet")
    ('=1+1', 'comet')
    """
    return cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell


def without_secrets(text: str) -> str:
    """The text without users and passwords in addresses, signatures, and what :func:`hide` got.

    Examples
    --------
    >>> without_secrets("https://ann:pass@archive.org/a.jpg?token=12345")
    'https://***@archive.org/a.jpg?token=***'
    """
    found = _USER.sub(rf"\g<scheme>{HIDDEN}@", text) if "@" in text else text
    if "=" in found:
        found = _VALUE.sub(rf"\g<name>={HIDDEN}", found)
    for secret in sorted(_secrets, key=len, reverse=True):
        found = found.replace(secret, HIDDEN)
    return found


def public_url(url: str) -> str:
    """An address as it may be kept: without a user and password, and without a signed query.

    A query that carries a secret goes as a whole: how long a signature holds and who gave it are
    another text at each search, and an address that is kept has to stay the same.

    Examples
    --------
    >>> public_url("https://archive.org/a.jpg?page=2")
    'https://archive.org/a.jpg?page=2'
    >>> public_url("https://archive.org/a.jpg?X-Amz-Signature=abc")
    'https://archive.org/a.jpg?***'
    """
    before, mark, query = url.partition("?")
    kept = without_secrets(query)
    return without_secrets(before) + mark + (query if kept == query else HIDDEN)


def hide(options: Mapping[str, str]) -> None:
    """Print the values of these options of an object store nowhere; regions and the like may be."""
    for name, value in options.items():
        if len(str(value)) >= _SHORTEST_SECRET and not _PUBLIC.search(name):
            _secrets.add(str(value))


def _known(value: Any) -> Any:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {without_secrets(str(key)): _known(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [_known(item) for item in value]
    return value


def _is_unsafe(character: str) -> bool:
    return unicodedata.category(character) in _UNSAFE


def _escaped(character: str) -> str:
    code = ord(character)
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if short:
        return short
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def _json_escaped(character: str) -> str:
    pair = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pair[at : at + 2].hex()}" for at in range(0, len(pair), 2))


def _is_formula(text: str) -> bool:
    # Quotes count as nothing, so that one more of them can always be taken off again.
    return text.lstrip(" '").startswith(_FORMULA)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()
