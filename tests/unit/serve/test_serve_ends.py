"""The web application ends when it is asked to, and says that all is well."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import uvicorn

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.serve import serve
from cosmic_morphology.settings import Settings


def test_ctrl_c_ends_it_without_an_error(atlas: Atlas, tmp_path, monkeypatch):
    told: list[str] = []
    startup = uvicorn.Server.startup

    async def interrupted(self, sockets=None):
        await startup(self, sockets=sockets)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(uvicorn.Server, "startup", interrupted)
    settings = Settings(atlas=atlas.address, out=tmp_path, serve={"port": 0})
    serve(settings, read_only=True, tell=told.append)
    assert told[-1] == "Ctrl-C ends it."


def test_ctrl_c_right_after_the_last_word_is_no_error_either(atlas: Atlas, tmp_path):
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if line == "Ctrl-C ends it.":
            os.kill(os.getpid(), signal.SIGINT)

    serve(Settings(atlas=atlas.address, out=tmp_path, serve={"port": 0}), tell=tell)
    assert told[-1] == "Ctrl-C ends it."


class EndsWhenForgotten:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        # Python looks for signals when a function of its own is called.
        str(Path.cwd())


def test_ctrl_c_where_no_error_can_be_raised_ends_it_too(atlas: Atlas, tmp_path):
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if line == "Ctrl-C ends it.":
            EndsWhenForgotten()

    before = signal.getsignal(signal.SIGINT)
    serve(Settings(atlas=atlas.address, out=tmp_path, serve={"port": 0}), tell=tell)
    assert told[-1] == "Ctrl-C ends it."
    assert signal.getsignal(signal.SIGINT) is before
