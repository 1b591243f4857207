"""What holds for the words of every command line, before and after its verb sees them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand

from cosmic_morphology.errors import UsageError

# Options that say where a command works.
_PLACES = ("config", "atlas", "out")


class CheckedCommand(TyperCommand):
    """A verb that takes no empty word, no text that is not UTF-8, and no number that is none."""

    running: ClassVar[Any] = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The lines of a docstring are as long as those of the source, and a terminal is narrower.
        paragraphs = (self.help or "").split("\n\n")
        self.help = "\n\n".join(" ".join(each.split()) for each in paragraphs)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse empty words: '' as a path would be this folder, as a search word everything.

        Raises
        ------
        typer.BadParameter
            One of them is empty, or not text in UTF-8.
        """
        for before, word in zip(["", *args], args, strict=False):
            is_named = before.startswith("--") and "=" not in before
            name = before if is_named else "an argument"
            if not word.strip():
                raise typer.BadParameter(f"the value of {name} is empty", ctx)
            if word.startswith("--") and word.endswith("=") and word.count("=") == 1:
                raise typer.BadParameter(f"the value of {word[:-1]} is empty", ctx)
            if not _is_text(word):
                raise typer.BadParameter(
                    f"this is not text in UTF-8: {word!a}. Rename it, or write it again.", ctx
                )
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Refuse numbers that are none, and run the verb; errors name options, not parameters.

        Raises
        ------
        typer.BadParameter
            One is infinite, or not a number.
        UsageError
            What the verb raises.
        """
        for name, value in ctx.params.items():
            if any(isinstance(each, float) and not math.isfinite(each) for each in _each(value)):
                option = f"--{name.replace('_', '-')}"
                raise typer.BadParameter(f"the value of {option} is not a number: {value}", ctx)
        CheckedCommand.running = ctx
        try:
            return super().invoke(ctx)
        except UsageError as error:
            error.where = _option_of(error.where, ctx)
            raise
        finally:
            CheckedCommand.running = None


def place_options(command: str) -> Iterator[str]:
    """The options of the running command that say where it works, as they were given.

    Parameters
    ----------
    command : str
        The next command: it gets those that it knows.
    """
    running = CheckedCommand.running
    if running is None:
        return
    target = running.find_root().command
    for word in shlex.split(command)[1:]:
        target = getattr(target, "commands", {}).get(word, target)
    known = {(each.name, getattr(each, "help", "")) for each in target.params}
    for option in running.command.params:
        source = running.get_parameter_source(option.name)
        is_given = option.name in _PLACES and source is not None and source.name == "COMMANDLINE"
        # An --out that means something else there has another help.
        if is_given and (option.name, getattr(option, "help", "")) in known:
            yield option.opts[0]
            yield shlex.quote(str(running.params[option.name]))


def _option_of(where: str, ctx: Any) -> str:
    """The option whose parameter an error names, unless a word of the line is called so, too."""
    given = {str(each) for value in ctx.params.values() for each in _each(value)}
    names = {each.name: each.opts[0] for each in ctx.command.params if each.opts[0][0] == "-"}
    return where if where in given else names.get(where, where)


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _is_text(word: str) -> bool:
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
