"""Calls of a function, done by an engine, their results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from cosmic_morphology.engine.engine import Engine
from cosmic_morphology.engine.executors import NO_ANSWER, Lost
from cosmic_morphology.errors import EngineError

# Calls for each slot that are begun: some wait, since the first may take longest.
_AHEAD = 3
_MOST_DEATHS = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes
    ----------
    function : callable
        Of a module.
    arguments : tuple
        They can be pickled.
    gives : pyarrow.Schema
        Of the table that it returns.
    number : int
        Its place among all.
    deaths : int
        Workers that have died over it.
    """

    function: Callable[..., pa.Table]
    arguments: tuple[Any, ...]
    gives: pa.Schema
    number: int = 0
    deaths: int = 0

    def run(self) -> pa.Table:
        """Do it."""
        return self.function(*self.arguments)


def run_calls(
    engine: Engine,
    stage: str,
    calls: Iterable[Call],
    *,
    is_worth: bool = True,
    in_order: bool = True,
) -> Iterator[pa.Table]:
    """What calls give, with no more than a few of them in memory.

    Parameters
    ----------
    engine : Engine
        Where they run.
    stage : str
        As the settings name it.
    calls : iterable of Call
        Taken as they are needed.
    is_worth : bool
        Whether there is enough to do for processes of this machine.
    in_order : bool
        Whether they come in the order of the calls, or as soon as they are there: before one that
        fails all come that were done.

    Raises
    ------
    EngineError
        The cluster does not answer, or workers die over one call again and again.
    """
    waiting = enumerate(calls)
    found: dict[int, pa.Table] = {}
    following = in_flight = 0
    with engine.open(stage, is_worth=is_worth) as executor:
        while True:
            while in_flight + len(found) < _AHEAD * executor.slots():
                number, call = next(waiting, (0, None))
                if call is None:
                    break
                executor.submit(replace(call, number=number))
                in_flight += 1
            while following in found or (found and not in_order):
                yield found.pop(following if in_order else next(iter(found)))
                following += 1
            if not in_flight:
                if not found:
                    return
                continue
            for call, done in executor.wait():
                in_flight -= 1
                if (lost := _why_lost(call, done)) is None:
                    found[call.number] = done
                else:
                    executor.submit(_again(call, lost, stage))
                    in_flight += 1


def _why_lost(call: Call, done: object) -> Lost | None:
    """Why a call is to be made again; None where it was done. What has failed is raised."""
    if isinstance(done, Lost):
        return done
    if isinstance(done, Exception):
        raise done
    is_table = isinstance(done, pa.Table) and done.schema.equals(call.gives)
    return None if is_table else Lost(NO_ANSWER)


def _again(call: Call, lost: Lost, stage: str) -> Call:
    """The same call once more.

    Raises
    ------
    EngineError
        Too many workers have died over it.
    """
    deaths = call.deaths + (not lost.is_node)
    if deaths < _MOST_DEATHS:
        return replace(call, deaths=deaths)
    raise EngineError(
        f"{deaths} workers died over the same work: the last one {lost.why}",
        where=f"{stage}, part {call.number}",
        todo="Give workers more memory (local.processes, ray.resources), or see what is wrong "
        "with what they read.",
    )
