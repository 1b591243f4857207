"""From answers of volunteers to shares of the classes, by the ways of a taxonomy."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cosmic_morphology.taxonomy import Taxonomy

# Where more of the answers lead nowhere (a question further on was not asked, or is not in the
# catalogue), the rest says nothing of the whole.
_LEAST_KNOWN = 0.9


def shares_of_classes(fractions: Mapping[str, float], taxonomy: Taxonomy) -> dict[str, float]:
    """The share of volunteers that each class has, by the fractions of their answers.

    The share of a way through the questions is the product of the fractions on it, and that of a
    class the sum over its ways. A class that comes before others (a merger, whatever else it is)
    takes its share first. The shares sum to one.

    Parameters
    ----------
    fractions : mapping of str to float
        ``<question>_<answer>`` to the share of those who were asked; a question that nobody was
        asked is missing.
    taxonomy : Taxonomy
        Which ways lead to which class.

    Returns
    -------
    dict of str to float
        By class, the reject class included; empty where more than a tenth of the answers lead to
        no class.

    Examples
    --------
    >>> from cosmic_morphology.taxonomy import load_taxonomy
    >>> said = {"shape_elliptical": 0.75, "shape_edge-on": 0.25}
    >>> found = shares_of_classes(said, load_taxonomy("galaxy-morphology"))
    >>> found["elliptical"], found["edge-on disk"], found["merger"]
    (0.75, 0.25, 0.0)
    """
    first = {each.name for each in taxonomy.classes if each.before_others}
    found = {name: _share(fractions, taxonomy, name) for name in taxonomy.names_with_reject}
    taken = min(sum(found[name] for name in first), 1.0)
    left = sum(share for name, share in found.items() if name not in first)
    if left + taken < _LEAST_KNOWN or (left == 0 and taken < 1):
        return {}
    scale = (1 - taken) / left if left else 0.0
    return {name: share if name in first else share * scale for name, share in found.items()}


def _share(fractions: Mapping[str, float], taxonomy: Taxonomy, name: str) -> float:
    return sum(_along(fractions, way) for way in taxonomy.ways_to(name))


def _along(fractions: Mapping[str, float], way: tuple[str, ...]) -> float:
    if not all(step in fractions for step in way):
        return 0.0
    return math.prod(fractions[step] for step in way)
