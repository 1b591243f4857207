"""Rates and places: told by a clock of our own, so that no machine is too slow for them."""

from __future__ import annotations

import asyncio
import heapq
import random
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmic_morphology.collect.http.host_limiter import PrioritySemaphore
from cosmic_morphology.collect.http.rate_limiter import RateLimiter, SentRequest


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
    """When each of ``count`` requests was let through; half-way nobody asks for a while.

    All are answered at once.
    """
    clock = Clock(7, latest_s)
    pacer = RateLimiter(rate, clock=clock, sleep=clock.sleep)

    async def ask() -> list[float]:
        times = []
        for n in range(count):
            sent = await pacer.acquire()
            pacer.answered(sent)
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


@pytest.mark.parametrize(("stalls", "share"), [(0.0, 0.97), (0.01, 0.85)])
@pytest.mark.parametrize("trip_s", [0.002, 0.05, 0.2])
def test_the_seconds_of_the_server_are_kept_however_late_requests_reach_it(trip_s, stalls, share):
    late = random.Random(3)
    clock = Clock(5, 0.002)
    pacer = RateLimiter(100, clock=clock, sleep=clock.sleep)
    arrivals: list[float] = []

    async def ask() -> None:
        coming: list[tuple[float, int, SentRequest]] = []
        busy_until = 0.0
        for _ in range(3000):
            sent = await pacer.acquire()
            if late.random() < stalls:
                busy_until = clock.now + late.uniform(0, 0.2)  # the server looks away
            arrivals.append(max(clock.now + trip_s / 2 + late.uniform(0, 0.004), busy_until))
            heapq.heappush(coming, (arrivals[-1] + trip_s / 2, len(arrivals), sent))
            now = clock.now
            while coming and coming[0][0] <= now:
                clock.now, _, answered = heapq.heappop(coming)
                pacer.answered(answered)
            clock.now = now

    asyncio.run(ask())
    arrivals.sort()
    assert fullest_second(arrivals) <= 100
    assert (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]) >= share * 100


def test_an_idle_hour_buys_no_crowd():
    times = turns(10, 40, latest_s=0.0, idle_s=3600)
    after = times[21:]
    assert after[3] - after[0] > 0.2


def test_pages_of_a_search_go_before_the_images_that_wait():
    async def order() -> list[str]:
        places, went = PrioritySemaphore(1), []

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
        places = PrioritySemaphore(1)
        await places.take(first=False)
        gone = asyncio.create_task(places.take(first=False))
        waits = asyncio.create_task(places.take(first=False))
        await asyncio.sleep(0)
        places.give_back()
        gone.cancel()
        await asyncio.wait([waits], timeout=1800)
        return waits.done() and gone.cancelled()

    assert asyncio.run(two())
