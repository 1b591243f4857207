"""A server that sends exactly the bytes it is told to, over plain sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Talk = Callable[[socket.socket, bytes], None]
"""Answers one request: is given the connection and the request's head."""


@contextmanager
def wire(talk: Talk) -> Iterator[str]:
    """The address of a server that answers each request on each connection by ``talk``."""
    listening = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def serve(line: socket.socket) -> None:
        with line:
            try:
                while head := _head(line):
                    talk(line, head)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            open_ones.append(line)
            threading.Thread(target=serve, args=(line,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()
        for line in open_ones:
            line.close()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def _head(line: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = line.recv(65536)
        if not piece:
            return b""
        head += piece
    return head
