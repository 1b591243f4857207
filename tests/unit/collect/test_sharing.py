"""What the workers of one harvest share: who fetches what, and when a host may be asked."""

from __future__ import annotations

import asyncio

from cosmic_morphology.collect.harvest.claims import NOBODY, OwnClaims
from cosmic_morphology.collect.harvest.completeness import CompletenessCounter
from cosmic_morphology.collect.http.shared_pace import SharedPace, SharedPaces
from cosmic_morphology.collect.sources.base import Slice

URL = "https://images.example.org/a.jpg"


def test_an_image_is_fetched_by_the_first_that_meets_it_also_when_that_one_starts_again():
    async def ask() -> list[tuple[str, str]]:
        claims = OwnClaims()
        return [
            await claims.claim(URL, "nasa:a", "nasa:a", "galaxy"),
            await claims.claim(URL, "nasa:a", "nasa:a", "comet"),
            # Its worker has died.
            await claims.claim(URL, "nasa:a", "nasa:a", "galaxy"),
            # The same file under another id is not fetched at all.
            await claims.claim(URL, "nasa:b", "nasa:b", "comet"),
        ]

    assert asyncio.run(ask()) == [("nasa:a", "galaxy")] * 4


def test_an_address_of_an_image_that_nobody_has_met_is_fetched_by_who_meets_it():
    async def ask() -> list[tuple[str, str]]:
        claims = OwnClaims()
        # By the ledger the address is that of a.
        return [
            await claims.claim(URL, "nasa:b", "nasa:a", "galaxy"),
            await claims.claim(URL, "nasa:a", "nasa:a", "comet"),
            await claims.claim(URL, "nasa:a", "nasa:a", "galaxy"),
        ]

    assert asyncio.run(ask()) == [("nasa:a", NOBODY), ("nasa:a", "comet"), ("nasa:a", "comet")]


def test_the_lowest_rate_that_was_asked_for_holds_for_all():
    async def ask() -> list[bool]:
        paces = SharedPaces()
        slow = paces._pace("archive", 5.0)
        return [
            paces._pace("archive", 9.0) is slow,
            paces._pace("archive", 5.0) is slow,
            paces._pace("archive", 2.0) is slow,
            paces._pace("other", 5.0) is slow,
            # A pace that begins knows nothing of a moment ago, and lets one window pass.
            slow._rests_until > asyncio.get_running_loop().time(),
        ]

    assert asyncio.run(ask()) == [True, True, False, False, True]


class Late:
    """An actor some of whose answers are long on their way."""

    def __init__(self, *delays_s: float) -> None:
        self._delays_s, self.given = list(delays_s), 0
        self.acquire = self.answered = self

    def remote(self, host: str, of: float) -> asyncio.Future:
        future = asyncio.get_running_loop().create_future()
        if of == 5.0:
            self.given += 1
            # Its clock is another one.
            given_at = asyncio.get_running_loop().time() - self._delays_s.pop(0) - 1000.0
            future.set_result((self.given, given_at))
        return future


def test_a_turn_that_was_long_on_its_way_is_given_up():
    async def ask() -> list[int]:
        pace = SharedPace(Late(0.2, 0.0, 0.5, 7.0, 0.0), "archive", 5.0)
        return [await pace.acquire() for _ in range(3)]

    # The first sets what is usual until a quicker one comes; the third and fourth are not used.
    assert asyncio.run(ask()) == [1, 2, 5]


def test_accounts_of_several_readers_add_up_to_that_of_one():
    parts = [Slice("a", "a", 2, 2), Slice("b", "b", 3, 3)]
    shown = {"a": ["s:1", "s:2"], "b": ["s:2", "s:3", "s:4"]}
    ends = {"s:1": "stored", "s:2": "stored", "s:3": "gone", "s:4": "no_image"}
    one, together = CompletenessCounter("s"), CompletenessCounter("s")
    for part in parts:
        mine = CompletenessCounter("s")
        for counter in (one, mine):
            counter.open(part)
            for key in shown[part.name]:
                counter.count(part, key)
                counter.resolve(key, ends[key])
        # The second search leaves to the first what that one fetches.
        states = {k: v for k, v in mine.states().items() if (part.name, k) != ("b", "s:2")}
        together.absorb(mine.slices(), states)
    assert together.outcomes() == one.outcomes()
    assert (together.seen, together.unique) == (one.seen, one.unique) == (5, 4)
    assert [each.reasons for each in together.reports()] == [each.reasons for each in one.reports()]
    assert all(each.is_complete for each in together.reports())
