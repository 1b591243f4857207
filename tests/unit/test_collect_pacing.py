"""Rates and places: told by a clock of our own, so that no machine is too slow for them."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmic_morphology.collect.gates import _Places
from cosmic_morphology.collect.pacing import Pacer


class Clock:
    """Time that passes only in sleep, and a little late, as an event loop's does."""

    def __init__(self, seed: int, latest_s: float) -> None:
        self.now = 1000.0
        self._random = random.Random(seed)
        self._latest_s = latest_s

    def __call__(self) -> float:
        return self.now

    async def sleep(self, wait_s: float) -> None:
        self.now += wait_s + self._random.uniform(0, self._latest_s)


def turns(rate: float, count: int, *, latest_s: float, idle_s: float = 0.0) -> list[float]:
    """When each of ``count`` requests was let through; half-way nobody asks for a while."""
    clock = Clock(7, latest_s)
    pacer = Pacer(rate, clock=clock, sleep=clock.sleep)

    async def ask() -> list[float]:
        times = []
        for n in range(count):
            await pacer.turn()
            times.append(clock.now)
            if n == count // 2:
                clock.now += idle_s
        return times

    return asyncio.run(ask())


def fullest_second(times: list[float]) -> int:
    return max(bisect_left(times, t + 1.0) - n for n, t in enumerate(times))


@settings(deadline=None)
@given(st.floats(0.2, 300), st.floats(0, 0.05), st.floats(0, 30))
def test_no_second_ever_has_more_than_the_allowed_requests(rate, latest_s, idle_s):
    times = turns(rate, int(5 * rate) + 20, latest_s=latest_s, idle_s=idle_s)
    assert fullest_second(times) <= max(1, int(rate))


@pytest.mark.parametrize("rate", [1, 2, 5, 10, 100, 1000])
@pytest.mark.parametrize("latest_s", [0.0, 0.002, 0.01])
def test_late_wakings_cost_next_to_nothing(rate, latest_s):
    times = turns(rate, 30 * rate, latest_s=latest_s)
    assert (len(times) - 1) / (times[-1] - times[0]) >= 0.97 * rate


def test_a_server_that_sees_requests_up_to_20_ms_late_sees_no_fuller_second():
    late = random.Random(3)
    times = turns(100, 3000, latest_s=0.003)
    seen = sorted(t + late.uniform(0, 0.02) for t in times)
    assert fullest_second(seen) <= 100


def test_an_idle_hour_buys_no_crowd():
    times = turns(10, 40, latest_s=0.0, idle_s=3600)
    after = times[21:]
    assert after[3] - after[0] > 0.2


def test_pages_of_a_search_go_before_the_pictures_that_wait():
    async def order() -> list[str]:
        places, went = _Places(1), []

        async def go(name: str, *, first: bool) -> None:
            await places.take(first=first)
            went.append(name)
            await asyncio.sleep(0)
            places.give_back()

        async with asyncio.TaskGroup() as group:
            for name in ("a", "b", "c", "page"):
                group.create_task(go(name, first=name == "page"))
        return went

    assert asyncio.run(order()) == ["a", "page", "b", "c"]


def test_a_place_given_to_one_who_left_is_passed_on():
    async def two() -> bool:
        places = _Places(1)
        await places.take(first=False)
        gone = asyncio.create_task(places.take(first=False))
        waits = asyncio.create_task(places.take(first=False))
        await asyncio.sleep(0)
        places.give_back()
        gone.cancel()
        await asyncio.wait([waits], timeout=5)
        return waits.done() and gone.cancelled()

    assert asyncio.run(two())
