"""Objects on the pipes between a driver and the processes that it has started, and nobody else."""

from __future__ import annotations

import pickle
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">Q")


def send(pipe: BinaryIO, what: object) -> None:
    """Send one object."""
    data = pickle.dumps(what)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def receive(pipe: BinaryIO) -> Any:
    """Receive one object.

    Raises
    ------
    EOFError
        The other side is gone.
    """
    head = pipe.read(_LENGTH.size)
    data = pipe.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
    if not data:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - from a process of ours, over a pipe of its own
