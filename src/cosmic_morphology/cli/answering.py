"""Printing answers of a model, and counting them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_morphology.cli.common import plain
from cosmic_morphology.cli.printing import say
from cosmic_morphology.errors import InputError

if TYPE_CHECKING:
    from cosmic_morphology.learn import Answer


@dataclass(slots=True)
class Tally:
    """Counts answers as they pass.

    Attributes
    ----------
    alone : bool
        One picture was asked for: that it is none is then an error.
    keep : bool
        Keep the answers for the summary.
    """

    alone: bool
    keep: bool
    classes: Counter[str] = field(default_factory=Counter)
    left_open: int = 0
    without_answer: int = 0
    kept: list[Answer] = field(default_factory=list)

    def watch(self, answers: Iterator[Answer]) -> Iterator[Answer]:
        """The same answers, counted.

        Raises
        ------
        InputError
            The only one has no answer.
        """
        for answer in answers:
            if answer.error and self.alone:
                raise InputError(
                    answer.error,
                    where=answer.file,
                    todo="Give a picture: JPEG, PNG, GIF, TIFF, WebP or FITS.",
                )
            if answer.error:
                self.without_answer += 1
            elif answer.sure:
                self.classes[answer.prediction] += 1
            else:
                self.left_open += 1
            if self.keep:
                self.kept.append(answer)
            yield answer

    def summary(self, out: Path | None) -> dict[str, Any]:
        """How many got which class, were left open, or have no answer."""
        found: dict[str, Any] = {
            "pictures": self.classes.total() + self.left_open,
            "sure": dict(self.classes.most_common()),
            "left_open": self.left_open,
            "no_picture": self.without_answer,
        }
        if out is not None:
            found["out"] = str(out)
        if self.keep:
            found["answers"] = plain(self.kept)
        return found


def show_answer(answer: Answer) -> None:
    """One line for a person: the class, how sure, and what else it could be."""
    if answer.error:
        say(f"{answer.file}: no answer ({answer.error})")
        return
    ranked = sorted(answer.probabilities.items(), key=lambda each: -each[1])
    shares = ", ".join(f"{name} {p:.3f}" for name, p in ranked)
    said = answer.prediction if answer.sure else f"left open, most like {answer.prediction}"
    say(f"{answer.file}: {said} ({shares})")
