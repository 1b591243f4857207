"""Reading a person's text files, with errors that say what is wrong with them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from cosmic_morphology.errors import CosmicError, InputError


def read_text(path: Path, error: type[CosmicError] = InputError) -> str:
    r"""The text of a file in UTF-8, without the byte-order mark that some editors write.

    Raises
    ------
    CosmicError
        Of the given kind: the file is missing, a folder, not readable, or not UTF-8.

    Examples
    --------
    >>> _ = Path("a.txt").write_bytes(b"\xef\xbb\xbfcomet")
    >>> read_text(Path("a.txt"))
    'comet'
    """
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError as why:
        raise error("there is no such file", where=str(path), todo="Check the path.") from why
    except IsADirectoryError as why:
        raise error(
            "this is a folder, and a file is needed", where=str(path), todo="Give a file."
        ) from why
    except UnicodeDecodeError as why:
        raise error(
            f"this is not text in UTF-8 (byte {why.start + 1})",
            where=str(path),
            todo="Save it as UTF-8 in your editor.",
        ) from why
    except OSError as why:
        raise error(
            f"this cannot be read ({why.strerror})",
            where=str(path),
            todo="See who may read there (ls -l).",
        ) from why


def read_toml(path: Path, error: type[CosmicError] = InputError) -> dict[str, Any]:
    """The values of a TOML file.

    Raises
    ------
    CosmicError
        Of the given kind: as :func:`read_text`, or the text is not TOML.

    Examples
    --------
    >>> _ = Path("a.toml").write_text("seed = 3")
    >>> read_toml(Path("a.toml"))
    {'seed': 3}
    """
    return toml_of(read_text(path, error), str(path), error)


def toml_of(text: str, where: str, error: type[CosmicError] = InputError) -> dict[str, Any]:
    """The values of a text in TOML; ``where`` is what errors name.

    Raises
    ------
    CosmicError
        Of the given kind: the text is not TOML.

    Examples
    --------
    >>> toml_of("seed = 3", "a.toml")
    {'seed': 3}
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as why:
        raise error(
            f"this is not TOML ({why})", where=where, todo="Mend this place of the file."
        ) from why
