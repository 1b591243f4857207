"""Taking back what should never have been stored: pictures that turned out to be stand-ins."""

from __future__ import annotations

from collections.abc import Collection

from cosmic_morphology.atlas import commit
from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.tables import sql_text
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
    chosen = f"id IN ({', '.join(map(sql_text, sorted(ids)))})"
    with commit.one_writer(atlas.uri):
        judged = set(atlas.read(["id"], where=chosen, table="decisions").column("id").to_pylist())
        commit.delete(atlas.table("images"), chosen)
        if unjudged := sorted(set(ids) - judged):
            listed = ", ".join(map(sql_text, unjudged))
            commit.delete(atlas.table("catalogue"), f"id IN ({listed})")
