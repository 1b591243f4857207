"""Frames on the pipes between this process and those that work for it: JSON and bytes, no code.

A mark, two lengths (of a text in JSON, 4 bytes; of the bytes that follow it, 8 bytes; big-endian),
the text, the bytes. Whoever reads foreign bytes may be steered by them, so that what it sends is
read like a foreign file: nothing in it is run, and no memory is taken before the bytes are there.
"""

from __future__ import annotations

import json
import os
import signal
import struct
from typing import Any, BinaryIO

_HEAD = struct.Struct(">4sIQ")
_MARK = b"CMf1"
_MOST_TEXT = 2**26
_MOST_BYTES = 2**34
_BLOCK = 2**20


def take_over_output() -> BinaryIO:
    """The pipe to the parent of a process that works for one; whatever prints goes to errors.

    Ctrl-C reaches the whole group of processes; the parent decides when this one ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "wb")
    # The parent reads frames there: nothing else may come between them.
    os.dup2(2, 1)
    return out


def write_frame(pipe: BinaryIO, said: Any, data: bytes = b"") -> None:
    """Send one frame at once.

    Parameters
    ----------
    pipe : file
        Open for writing.
    said : object
        Of numbers, texts, lists and dicts with texts as keys.
    data : bytes
        What JSON is not for.

    Raises
    ------
    TypeError
        ``said`` is not plain; nothing was sent.
    ValueError
        The frame would be larger than any reader takes; nothing was sent.
    """
    text = json.dumps(said).encode()
    if len(text) > _MOST_TEXT or len(data) > _MOST_BYTES:
        msg = f"a message of {len(text):,} and {len(data):,} bytes is too large"
        raise ValueError(msg)
    pipe.write(_HEAD.pack(_MARK, len(text), len(data)) + text)
    pipe.write(data)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> tuple[Any, bytes] | None:
    """Receive one frame; None at the end of the pipe, also in the middle of a frame.

    Raises
    ------
    ValueError
        What came is no frame.
    """
    head = _read(pipe, _HEAD.size)
    if head is None:
        return None
    mark, of_text, of_data = _HEAD.unpack(head)
    if mark != _MARK or of_text > _MOST_TEXT or of_data > _MOST_BYTES:
        msg = "this is no frame"
        raise ValueError(msg)
    text = _read(pipe, of_text)
    data = _read(pipe, of_data)
    if text is None or data is None:
        return None
    try:
        return json.loads(text), data
    except RecursionError as error:
        msg = "the text of this frame is nested too deeply"
        raise ValueError(msg) from error


def _read(pipe: BinaryIO, size: int) -> bytes | None:
    """So many bytes; None where there are fewer."""
    blocks = []
    while size:
        # A pipe takes the memory for all that it is asked for, whether it comes or not.
        block = pipe.read(min(size, _BLOCK))
        if not block:
            return None
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)
