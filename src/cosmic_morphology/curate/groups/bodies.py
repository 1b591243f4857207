"""Test images of single bodies (the Sun, a planet) of which a run has learned other images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.query import take
from cosmic_morphology.curate.groups.keys import broad_names
from cosmic_morphology.curate.groups.titles import named_in
from cosmic_morphology.settings import GroupSettings

_SAID = ("id", "title", "names")
_LEARNED_FROM = "split IN ('train', 'val')"


def shows_learned_body(atlas: Atlas, ids: list[str]) -> np.ndarray:
    """Whether each image names a single body that images of train or val name, too.

    The Sun and each planet are one object. Where their images are kept together by near copies
    only (``curate.groups.single_bodies = "copies"``), a test asks for bodies that a run has seen
    from other sides; without these images it asks for objects that it has never seen.

    Parameters
    ----------
    atlas : Atlas
        Only read; its groups say which bodies these are.
    ids : list of str
        Of N test images.

    Returns
    -------
    ndarray of bool, shape ``(N,)``
    """
    bodies = _bodies_of(atlas)
    if not set(_SAID) <= set(atlas.columns()):
        return np.zeros(len(ids), bool)
    asked = [_named(row, bodies) for row in take(atlas, ids, [*_SAID]).to_pylist()]
    wanted = frozenset().union(*asked)
    learned: frozenset[str] = frozenset()
    if wanted:
        for batch in atlas.batches([*_SAID], where=_LEARNED_FROM):
            learned = learned.union(*(_named(row, wanted) for row in batch.to_pylist()))
            if learned == wanted:
                break
    return np.array([bool(each & learned) for each in asked], bool)


def _bodies_of(atlas: Atlas) -> frozenset[str]:
    stamp = atlas.provenance_of("group") or {}
    said = json.loads(stamp.get(b"parameters", b"{}"))
    known = {key: value for key, value in said.items() if key in GroupSettings.model_fields}
    return broad_names(GroupSettings.model_validate(known))


def _named(row: Mapping[str, Any], bodies: frozenset[str]) -> frozenset[str]:
    source_id = str(row["id"]).partition(":")[2]
    said = named_in(row["title"] or "", names=row["names"] or (), file_name=source_id)
    return said.objects & bodies
