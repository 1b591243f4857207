"""Voters of other packages: whatever they do wrong is an error of theirs, said in one line."""

from __future__ import annotations

import math
from importlib.metadata import EntryPoint
from typing import Any

from cosmic_morphology.curate.votes.base import SourceText, Vote
from cosmic_morphology.errors import CosmicError, InputError, kind_and_text
from cosmic_morphology.taxonomy import Taxonomy

_LONGEST_REASON = 300


class PluggedVoter:
    """A voter that another package brings, as the votes are cast.

    Parameters
    ----------
    point : importlib.metadata.EntryPoint
        Its name is that of the voter; it leads to a function of a :class:`SourceText` and a
        taxonomy that gives :class:`Vote` objects. The name inside a vote is not looked at.

    Raises
    ------
    InputError
        It cannot be loaded or is no function.
    """

    def __init__(self, point: EntryPoint) -> None:
        self._name, self._where = point.name, f"{point.name} = {point.value}"
        try:
            self._function: Any = point.load()
        except Exception as error:
            raise self._error(f"cannot be loaded ({kind_and_text(error)})") from error
        if not callable(self._function):
            raise self._error("is no function of a text and a taxonomy")

    def __call__(self, said: SourceText, taxonomy: Taxonomy) -> list[Vote]:
        """The plug-in's votes, checked: classes of the taxonomy, weights in (0, 1).

        Raises
        ------
        InputError
            It raises, or gives something else than votes.
        """
        try:
            votes = list(self._function(said, taxonomy))
        except CosmicError:
            raise
        except Exception as error:
            # Foreign code: whatever it raises is its failure, and is told as that.
            raise self._error(f"failed ({kind_and_text(error)})") from error
        return [self._checked(each, taxonomy) for each in votes]

    def _checked(self, vote: object, taxonomy: Taxonomy) -> Vote:
        if not isinstance(vote, Vote):
            raise self._error(f"gave a {type(vote).__name__} for a vote")
        if vote.label not in taxonomy.names_with_reject:
            raise self._error(f"voted for {vote.label!r}, which is no class of the taxonomy")
        weight = float(vote.weight)
        if not (math.isfinite(weight) and 0 < weight < 1):
            raise self._error(f"gave the weight {vote.weight!r}, which is no probability in (0, 1)")
        return Vote(self._name, vote.label, weight, str(vote.reason)[:_LONGEST_REASON])

    def _error(self, what: str) -> InputError:
        return InputError(
            f"the voter of another package {what}",
            where=self._where,
            todo="Update or uninstall the package that brings it, or name it in "
            "curate.votes.disabled.",
        )
