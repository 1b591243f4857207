"""Taking back what should never have been stored: pictures that turned out to be stand-ins."""

from __future__ import annotations

from collections.abc import Collection

from cosmic_morphology.atlas import tables
from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.errors import AtlasError


def withdraw(atlas: Atlas, ids: Collection[str]) -> None:
    """Take pictures and their records out of the newest version; older versions keep them.

    A record on which a person has given a verdict stays, without its picture. Safe to repeat
    after a kill.

    Raises
    ------
    AtlasError
        An old version is open.
    """
    if atlas.pinned:
        raise AtlasError("an old version can be read, not written", where=atlas.uri)
    if not ids:
        return
    chosen = f"id IN ({', '.join(map(tables.sql_text, sorted(ids)))})"
    with tables.one_writer(atlas.uri), tables.writing(atlas.uri):
        judged = set(atlas.read(["id"], where=chosen, table="decisions").column("id").to_pylist())
        atlas.table("images").delete(chosen)
        if unjudged := sorted(set(ids) - judged):
            listed = ", ".join(map(tables.sql_text, unjudged))
            atlas.table("catalogue").delete(f"id IN ({listed})")
