"""Trying again, by stamina, as often as the kind of trouble deserves."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import stamina

from cosmic_morphology.collect.harvest.items import FetchFailedError
from cosmic_morphology.settings import CollectSettings

# Each planned try is logged as a warning; without logging set up, Python would print it.
logging.getLogger("stamina").addHandler(logging.NullHandler())

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempted(Generic[T]):
    """What came of it in the end, and after how many tries."""

    value: T
    attempts: int


async def with_retries(settings: CollectSettings, once: Callable[[], Awaitable[T]]) -> Attempted[T]:
    """Await ``once`` until it succeeds or another try would not help.

    Raises
    ------
    FetchFailedError
        The last one; its attribute ``tried`` says how many tries there were.
    """
    # Nearly all succeed at once: stamina, which costs more than a request, is for the others.
    try:
        return Attempted(await once(), 1)
    except FetchFailedError as trouble:
        failed = trouble
    decide = _Patience()
    tries = 0
    try:
        async for attempt in stamina.retry_context(
            on=decide,
            attempts=settings.attempts,
            timeout=None,
            wait_initial=settings.backoff_s,
            wait_max=settings.max_wait_s,
            wait_jitter=settings.backoff_s / 4,
        ):
            with attempt:
                tries += 1
                if tries == 1:
                    raise failed
                return Attempted(await once(), tries)
    except FetchFailedError as trouble:
        trouble.tried = tries
        raise
    msg = "stamina ends with a result or an error"
    raise AssertionError(msg)


class _Patience:
    """What stamina asks: is there another try, and when?"""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def __call__(self, error: Exception) -> bool | float:
        if not isinstance(error, FetchFailedError):
            return False
        self._seen[error.kind] += 1
        if self._seen[error.kind] >= error.tries:
            return False
        return True if error.wait_s is None else error.wait_s
