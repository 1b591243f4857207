"""A cluster in this process, whose workers die, or stand still, at a point that a test chooses."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Self

import pytest

from cosmic_morphology.atlas.storage import commit
from cosmic_morphology.collect.harvest.claims import OwnClaims
from cosmic_morphology.collect.http.client import Client
from cosmic_morphology.collect.http.shared_pace import NAME
from cosmic_morphology.engine import Call, Engine
from cosmic_morphology.engine.cluster import actors
from cosmic_morphology.engine.executors import Finished, Lost
from cosmic_morphology.errors import CosmicError

CLAIMED, FETCHED, COMMITTED = "claimed", "fetched", "committed"


class KilledError(Exception):
    """Ends a worker where a kill would."""


class PretendCluster:
    """Workers that take their turns, each with its points: claims, fetches, commits.

    Parameters
    ----------
    stop_at : int
        The point at which something happens; the first one of a worker has the number 0.
    kinds : tuple of str
        Points that count.
    dies : callable
        Whether the worker of a call dies there, told its number and how often it died before.
    meanwhile : bool
        Instead, while the first worker stands still at the point, all others do their work.

    Attributes
    ----------
    passed : list of str
        Points of the worker that came farthest.
    happened : bool
        Whether any worker came to the point.
    """

    is_here = False

    def __init__(
        self,
        stop_at: int = -1,
        kinds: tuple[str, ...] = (CLAIMED, FETCHED, COMMITTED),
        dies: Callable[[int, int], bool] = lambda _, deaths: not deaths,
        *,
        meanwhile: bool = False,
    ) -> None:
        self._stop_at, self._kinds = stop_at, kinds
        self._dies, self._meanwhile = dies, meanwhile
        self._waiting: deque[Call] = deque()
        self._finished: list[Finished] = []
        self._actors: dict[str, Any] = {}
        self._now: Call | None = None
        self._points: list[str] = []
        self._is_dead = False
        self.passed: list[str] = []
        self.happened = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._waiting.clear()

    def slots(self) -> int:
        """Two."""
        return 2

    def submit(self, task: Call) -> None:
        """Take a call."""
        self._waiting.append(task)

    def wait(self) -> list[Finished]:
        """Let the next worker do what it can."""
        self._do(self._waiting.popleft())
        done, self._finished = self._finished, []
        return done

    def _do(self, call: Call) -> None:
        self._now, self._points, self._is_dead = call, [], False
        try:
            result: Any = call.run()
        except KilledError:
            result = Lost("was killed by the test")
        except CosmicError as error:
            result = error
        self._now, self._is_dead = None, False
        self._finished.append((call, result))
        self.passed = max(self.passed, self._points, key=len)

    def reach(self, name: str) -> None:
        """A worker comes to a point."""
        if self._is_dead:
            raise KilledError
        if (call := self._now) is None or name not in self._kinds:
            return
        self._points.append(name)
        if len(self._points) - 1 != self._stop_at:
            return
        if self._meanwhile:
            self._let_others_work()
        elif self._dies(call.number, call.deaths):
            self.happened = self._is_dead = True
            raise KilledError

    def _let_others_work(self) -> None:
        call, points, self._now = self._now, self._points, None
        if self._waiting:
            self.happened = True
            while self._waiting:
                other = self._waiting.popleft()
                self._finished.append((other, other.run()))
        self._now, self._points = call, points

    def make_actor(self, settings: object, kind: type, name: str, **given: object) -> Any:
        """An object of this process in place of the actor."""
        del settings, given
        self._actors[name] = _NoPace() if name == NAME else _Claims(self)
        return self._actors[name]

    def find_actor(self, name: str) -> Any:
        """What was made of that name."""
        return self._actors[name]


class _Claims:
    def __init__(self, cluster: PretendCluster) -> None:
        self._cluster, self._claims = cluster, OwnClaims()
        self.claim = SimpleNamespace(remote=self._claim)

    async def _claim(self, *given: str) -> tuple[str, str]:
        done = await self._claims.claim(*given)
        self._cluster.reach(CLAIMED)
        return done


class _NoPace:
    def __init__(self) -> None:
        self.acquire = SimpleNamespace(remote=self._acquire)
        self.answered = self.rest = SimpleNamespace(remote=lambda *_: None)

    async def _acquire(self, *_: object) -> tuple[int, float]:
        return 0, asyncio.get_running_loop().time()


class _PretendEngine(Engine):
    def open(self, stage: str, *, is_worth: bool = True) -> PretendCluster:
        del stage, is_worth
        return _CLUSTERS[-1]


_CLUSTERS: list[PretendCluster] = []


@contextmanager
def pretended(cluster: PretendCluster) -> Iterator[Engine]:
    """The engine of a cluster, as long as it stands."""
    real, fetch = commit.commit, Client.image

    def committed(*given: Any, **more: Any) -> Any:
        done = real(*given, **more)
        cluster.reach(COMMITTED)
        return done

    async def fetched(*given: Any, **more: Any) -> Any:
        answer = await fetch(*given, **more)
        cluster.reach(FETCHED)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(actors, "make_actor", cluster.make_actor)
        patch.setattr(actors, "find_actor", cluster.find_actor)
        patch.setattr(commit, "commit", committed)
        patch.setattr(Client, "image", fetched)
        _CLUSTERS.append(cluster)
        yield _PretendEngine("ray")
        _CLUSTERS.pop()
