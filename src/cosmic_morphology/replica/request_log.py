"""What a replica was asked, and when: the witness of every test of politeness."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

_KEPT = 1_000_000


@dataclass(slots=True)
class LoggedRequest:
    """One request. ``time_s`` is its arrival on the machine's monotonic clock, s.

    ``status`` is 0 until the answer has begun.
    """

    method: str
    path: str
    query: str
    time_s: float
    status: int = 0


class RequestLog:
    """All requests in the order of their arrival; the last million."""

    def __init__(self) -> None:
        self._seen: deque[LoggedRequest] = deque(maxlen=_KEPT)

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(list(self._seen))

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, seen: LoggedRequest) -> None:
        """Take down one request."""
        self._seen.append(seen)

    def clear(self) -> None:
        """Forget all of them."""
        self._seen.clear()

    def count(self, prefix: str = "", *, status: int | None = None) -> int:
        """How many requests for paths that begin so (and were answered with this status)."""
        return sum(seen.path.startswith(prefix) and status in (None, seen.status) for seen in self)

    def by_path(self, prefix: str = "", *, status: int | None = None) -> Counter[str]:
        """How often each path with its query was asked for."""
        return Counter(
            f"{seen.path}?{seen.query}" if seen.query else seen.path
            for seen in self
            if seen.path.startswith(prefix) and status in (None, seen.status)
        )

    def most_in_a_second(self) -> int:
        """The most requests in any window of one second."""
        times = sorted(seen.time_s for seen in self)
        most = first = 0
        for last, time_s in enumerate(times):
            while times[first] <= time_s - 1:
                first += 1
            most = max(most, last - first + 1)
        return most
