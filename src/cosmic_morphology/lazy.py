"""Names that a package exports and imports on first use (PEP 562), so that a front stays light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from cosmic_morphology.extras import needs


def lazy_exports(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose names live in other modules.

    Parameters
    ----------
    package : str
        Name of the package, ``__name__`` in its front.
    homes : mapping of str to str
        Exported name to the module inside the package that defines it. A name must not be that of
        a module of the package: importing the module would put it in the name's place.

    Examples
    --------
    >>> get, names = lazy_exports("cosmic_morphology.stats", {"Score": "score"})
    >>> get("Score").__name__, names()
    ('Score', ['Score'])
    """

    def get(name: str) -> Any:
        if name not in homes:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        with needs(name):
            return getattr(import_module(f"{package}.{homes[name]}"), name)

    def names() -> list[str]:
        return sorted(homes)

    return get, names
