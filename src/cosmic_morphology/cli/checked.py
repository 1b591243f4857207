"""What holds for the words of every command line, before its verb sees them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import typer
from typer.core import TyperCommand


class CheckedCommand(TyperCommand):
    """A verb that takes no empty word, no text that is not UTF-8, and no number that is none."""

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
        """Refuse numbers that are none, and run the verb.

        Raises
        ------
        typer.BadParameter
            One is infinite, or not a number.
        """
        for name, value in ctx.params.items():
            if any(isinstance(each, float) and not math.isfinite(each) for each in _each(value)):
                option = f"--{name.replace('_', '-')}"
                raise typer.BadParameter(f"the value of {option} is not a number: {value}", ctx)
        return super().invoke(ctx)


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _is_text(word: str) -> bool:
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
