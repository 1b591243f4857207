"""How the command line ends when something goes wrong: one line, an exit code, and a log."""

from __future__ import annotations

import errno
import io
import os
import re
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cosmic_morphology.cli.printing import JsonAnswer, say_json, tell
from cosmic_morphology.errors import CosmicError, UsageError
from cosmic_morphology.extras import missing
from cosmic_morphology.safe_text import safe_text
from cosmic_morphology.suggest import nearest_name

_USAGE = {
    errno.ENOENT: ("there is no such file or folder", "Check the path."),
    errno.EISDIR: ("this is a folder, and a file is needed", "Give the path of a file."),
    errno.ENOTDIR: ("a file stands where a folder is needed", "Give another path."),
    errno.EEXIST: ("there is something here already", "Give another path."),
    errno.ENOTEMPTY: ("there is something here already", "Give another path."),
    errno.EACCES: ("you are not allowed to use this", "See who may read and write there (ls -l)."),
    errno.EPERM: ("you are not allowed to do this", "See who may read and write there (ls -l)."),
    errno.EROFS: ("this disk is read-only", "Give a place that can be written to."),
    errno.ENAMETOOLONG: ("this name is too long", "Give a shorter one."),
    errno.ELOOP: ("these links lead in a circle", "Give the path of the file itself."),
    errno.EADDRINUSE: ("this address is taken by another program", "Give another --port."),
    errno.EINVAL: ("this cannot be used as a path", "Check it for odd characters."),
    errno.ENXIO: ("this is a special file, and a plain one is needed", "Give another path."),
}
_FAILED = {
    errno.ENOSPC: ("the disk is full", "Make room, or give another place, and run it again."),
    errno.EDQUOT: ("your share of the disk is full", "Make room, or give another place."),
    errno.EFBIG: ("the disk does not take so large a file", "Give another place."),
    errno.EIO: ("the disk cannot be read or written here", "Check the disk."),
    errno.EMFILE: ("too many files are open", "Raise the limit: ulimit -n 4096."),
    errno.ENFILE: ("too many files are open on this machine", "End other programs."),
    errno.ENOMEM: ("there is not enough memory", "End other programs, or take fewer images."),
    errno.ECONNREFUSED: ("nobody answers at this address", "Check the address and the network."),
}
# Lance and other libraries in Rust say the number in words only.
_IN_WORDS = re.compile(r"\(os error (\d+)\)")
_FULL = re.compile(r"no space left|quota exceeded|disk full", re.IGNORECASE)
# How Typer says that a verb, or a value of a choice, is not known.
_NO_VERB = re.compile(r"No such command '([^']*)'")
_NO_CHOICE = re.compile(r"'([^']*)' is not one of ((?:'[^']*'(?:, )?)+)")
_PATH = re.compile(r"(?:^|[\s'\"(:=,])(/[^\s'\",():]+)")


def end(error: BaseException, *, as_json: bool = False) -> int:
    """Say what went wrong in one line on standard error; the exit code to end with.

    With ``as_json`` also as one JSON object on standard output, ``{"error": {…}}``, where the verb
    has not printed its own before it failed.
    """
    if type(error).__name__ == "NoArgsIsHelpError":  # the help was printed, as was asked
        return 0
    message = wrong_usage(error) if hasattr(error, "format_message") else explained(error)
    kind = {} if message else {"kind": "ProgramFault"}
    message = message or _own_fault(error, write_log(error))
    tell(f"cosmic: {message}")
    if as_json and not JsonAnswer.is_given:
        say_json({"error": _in_parts(message) | kind})
    return message.exit_code


def _in_parts(error: CosmicError) -> dict[str, str | int]:
    return {
        "kind": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "todo": error.todo,
        "exit_code": error.exit_code,
    }


def asks_for_json(words: Sequence[str]) -> bool:
    """Whether a command line has ``--json``: also one that cannot be parsed."""
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options


def explained(error: BaseException) -> CosmicError | None:
    """The error as one that says what, where and what to do; ``None``: a fault of the program."""
    for each in _leaves(error):
        if isinstance(each, CosmicError):
            return each
        if isinstance(each, MemoryError):
            return CosmicError("there is not enough memory", todo="Take fewer or smaller images.")
        if isinstance(each, OSError):
            return _of_the_system(each)
        if isinstance(each, ModuleNotFoundError):
            return missing(each)
        if isinstance(each, ValueError) and "embedded null" in str(each):
            return UsageError("a path holds the character 0", todo="Check the settings.")
    return None


def write_log(error: BaseException) -> Path | None:
    """Write the traceback and what was asked for into a file of its own; ``None``: it cannot be."""
    import platform

    from cosmic_morphology._version import __version__

    text = "".join(traceback.format_exception(error))
    message = (
        f"cosmic {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {_here()}\n"
        f"cosmic {' '.join(map(repr, sys.argv[1:]))}\n\n{text}"
    )
    name = f"fault-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in _log_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            log = folder / name
            log.write_text(safe_text(message, keep_lines=True), "utf-8", "backslashreplace")
        except OSError:
            continue  # the next place is tried, and the caller says when there is none
        return log
    return None


def log_faults_of_threads() -> None:
    """Write the traceback of an error in a thread to a log, and one line to the terminal."""

    def hook(given: threading.ExceptHookArgs) -> None:
        if given.exc_value is not None and not isinstance(given.exc_value, SystemExit):
            end(given.exc_value)

    threading.excepthook = hook


def wrong_usage(error: Any) -> UsageError:
    """An option or argument that cannot be: what Typer says of it, and what may have been meant."""
    said = " ".join(str(error.format_message()).split()).rstrip(".").replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    said, meant = _meant(error, said, context)
    path = context.command_path if context else "cosmic"
    return UsageError(said, todo=f"{meant}Try: {path} --help")


def _meant(error: Any, said: str, context: Any) -> tuple[str, str]:
    """What was said without Typer's own guess, and ours: one form for verbs, options and values."""
    near = None
    if hasattr(error, "possibilities") and hasattr(error, "option_name"):
        said = said.partition(" (Possible options")[0]
        options = [each for known in context.command.params for each in known.opts]
        near = nearest_name(error.option_name, [each for each in options if each[:2] == "--"])
    elif verb := _NO_VERB.match(said):
        said = verb[0]
        near = nearest_name(verb[1], context.command.commands)
    elif value := _NO_CHOICE.search(said):
        near = nearest_name(value[1], re.findall(r"'([^']*)'", value[2]))
    return said, f"Did you mean {near!r}? " if near else ""


def _here() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return "(a folder that is gone)"


def _log_folders() -> Iterator[Path]:
    from platformdirs import user_log_path

    yield user_log_path("cosmic-morphology", appauthor=False)
    yield Path(tempfile.gettempdir())


def _own_fault(error: BaseException, log: Path | None) -> CosmicError:
    what = f"this is a fault of the program, not yours ({type(error).__name__})"
    if log is None:
        lines = " | ".join(traceback.format_exception(error)[-2:])
        todo = f"Please send this line to its developers: {lines}"
        return CosmicError(f"{what}, and no log could be written", todo=todo)
    todo = (
        "Please send the command and the log to its developers, after a look whether it says "
        f"anything private: {log}"
    )
    return CosmicError(what, todo=todo)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Errors of tasks that ran together come as a group."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _of_the_system(error: OSError) -> CosmicError | None:
    text = str(error)
    in_words = _IN_WORDS.search(text)
    number = error.errno or (int(in_words[1]) if in_words else None)
    if number is None and _FULL.search(text):
        number = errno.ENOSPC
    where = _place_of(error, text)
    if number in _USAGE:
        what, todo = _USAGE[number]
        return UsageError(what, where=where, todo=todo)
    if number in _FAILED:
        what, todo = _FAILED[number]
        return CosmicError(what, where=where, todo=todo)
    if isinstance(error, socket.gaierror):
        return CosmicError("this host is not known", where=where, todo="Check the address.")
    if number is None:
        return None
    return CosmicError(
        f"the system refuses this ({os.strerror(number)})", where=where, todo="Check the path."
    )


def _place_of(error: OSError, text: str) -> str:
    """The path that it happened to."""
    for name in (error.filename, error.filename2):
        if name is not None and not isinstance(name, int):
            return os.fsdecode(name)
    found = _PATH.search(text)
    if found:
        return found[1].rstrip(".")
    return _file_in_hand(error)


def _file_in_hand(error: BaseException) -> str:
    """A write to a full disk names no file: take the one that the failing call had open."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        for value in reversed(frame.f_locals.values()):
            name = value if isinstance(value, Path) else getattr(value, "name", None)
            is_file = isinstance(value, Path | io.IOBase) and isinstance(name, str | Path)
            if is_file and str(name) not in ("<stdout>", "<stderr>"):
                return str(name)
    return ""
