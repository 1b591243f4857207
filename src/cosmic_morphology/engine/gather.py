"""What a function says of all rows, computed by an engine and handed to the driver."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.storage.column_files import ADDRESS
from cosmic_morphology.engine.engine import Engine
from cosmic_morphology.engine.handout import Handout
from cosmic_morphology.engine.plan import address_everywhere, plan_all
from cosmic_morphology.engine.task import lend_atlas
from cosmic_morphology.engine.work import ColumnWork


def gather(
    atlas: Atlas, work: ColumnWork, *, table: str = "catalogue", engine: Engine | None = None
) -> Iterator[pa.Table]:
    """Compute columns of all rows of a table, fragment by fragment; nothing is written.

    It is for columns whose values depend on all rows together: what one row says is computed
    where the row is read, and the driver decides over what comes back.

    Parameters
    ----------
    atlas : Atlas
        Read only, at one version.
    work : ColumnWork
        The function. It must write the key of the table, if the rows are to be told apart.
    table : str
        ``images`` or ``catalogue``.
    engine : Engine, optional
        Where it runs; without it on this machine.

    Yields
    ------
    pyarrow.Table
        What ``work`` writes of some rows, in any order.

    Raises
    ------
    EngineError
        The cluster does not answer, or workers die over the same rows again and again.
    """
    engine = engine or Engine()
    with atlas.held():
        to_do = plan_all(atlas, table)
        if not to_do.rows:
            return
        is_worth = engine.is_worth(work, to_do.rows)
        with engine.open(work.stage, is_worth=is_worth) as executor:
            packed = executor.pack(work, None)
            if executor.is_here:
                lend_atlas(atlas, address_everywhere(atlas), to_do.version)
            tasks = to_do.tasks(atlas, table, work, packed, executor.slots(), fills=False)
            for _, result in Handout(work.stage, work.writes).finished(executor, tasks):
                if result.values is not None:
                    yield result.values.drop([ADDRESS])
