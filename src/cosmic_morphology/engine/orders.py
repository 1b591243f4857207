"""Orders: what a driver sends to its workers, pickled, and the only pickles of this room.

A function, its arguments and its model's name travel this way, of whatever classes a stage needs.
They come from the process that has started the worker, over the worker's own standard input, and a
driver could as well have started it with another program. Nothing ever comes back this way: a
worker decodes pictures of strangers, and its answers are plain (:mod:`.answers`).
"""

from __future__ import annotations

import pickle
from typing import Any


def pack_order(what: object) -> bytes:
    """An order, for the worker that gets it."""
    return pickle.dumps(what)


def unpack_order(data: bytes) -> Any:
    """An order; to be called by a worker alone."""
    return pickle.loads(data)  # noqa: S301 - by the driver, which started this process
