"""Taxonomies from TOML files, and those that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cosmic_morphology.errors import TaxonomyError
from cosmic_morphology.reading import read_text, toml_of
from cosmic_morphology.suggest import suggest_names
from cosmic_morphology.taxonomy.model import Taxonomy

_PACKAGE = resources.files("cosmic_morphology")


def shipped_taxonomies() -> list[str]:
    """Names of the taxonomies that come with the package beside the usual one.

    Examples
    --------
    >>> shipped_taxonomies()
    ['galaxy-morphology', 'galaxy-zoo-1', 'galaxy-zoo-2']
    """
    files = (each.name for each in (_PACKAGE / "taxonomies").iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def load_taxonomy(path: Path | str | None = None) -> Taxonomy:
    """Read a taxonomy file, or one that comes with the package.

    Parameters
    ----------
    path : Path or str, optional
        A TOML file, or one of :func:`shipped_taxonomies`; without it the six classes of the sky.

    Returns
    -------
    Taxonomy
        Classes, search words and text rules, checked.

    Raises
    ------
    TaxonomyError
        The file is missing, is not TOML, or does not hold a valid taxonomy.

    Examples
    --------
    >>> load_taxonomy().names
    ('asteroid', 'comet', 'galaxy', 'nebula', 'planet', 'star')
    >>> load_taxonomy("galaxy-morphology").names[:2]
    ('elliptical', 'spiral')
    >>> load_taxonomy(Path("sky.toml"))
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.TaxonomyError: sky.toml: there is no such file. Check the path.
    """
    return taxonomy_of(taxonomy_text(path), where=_named(path))


def taxonomy_text(path: Path | str | None = None) -> str:
    """The text of a taxonomy file, or of one that comes with the package.

    Raises
    ------
    TaxonomyError
        There is no such file or name, or it cannot be read.

    Examples
    --------
    >>> taxonomy_text("galaxy-zoo-1").count("[[classes]]")
    5
    """
    where = _named(path)
    own = _PACKAGE / (f"taxonomies/{path}.toml" if path else "taxonomy.toml")
    is_shipped = path is None or where in shipped_taxonomies()
    if not is_shipped and not Path(where).suffix:
        raise TaxonomyError(
            "there is no such taxonomy",
            where=where,
            todo=f"{suggest_names(where, shipped_taxonomies())} Or name a TOML file.",
        )
    with resources.as_file(own) as file:
        return read_text(file if is_shipped else Path(where), TaxonomyError)


def taxonomy_of(content: str | dict[str, Any], *, where: str) -> Taxonomy:
    """A taxonomy from the text of a file, or from its values.

    Parameters
    ----------
    content : str or dict
        TOML, or what it holds.
    where : str
        What errors say it is from.

    Raises
    ------
    TaxonomyError
        The text is not TOML, or does not hold a valid taxonomy.

    Examples
    --------
    >>> taxonomy_of("classes = []", where="sky.toml")
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.TaxonomyError: sky.toml: classes: Tuple should have at least 2 ...
    """
    values = toml_of(content, where, TaxonomyError) if isinstance(content, str) else content
    try:
        return Taxonomy.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TaxonomyError(
            f"{place or 'taxonomy'}: {first['msg'].removeprefix('Value error, ')}",
            where=where,
            todo="See src/cosmic_morphology/taxonomy.toml for a valid one.",
        ) from error


def _named(path: Path | str | None) -> str:
    return str(path) if path else "taxonomy.toml"
