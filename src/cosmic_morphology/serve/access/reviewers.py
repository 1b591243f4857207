"""Who may write: reviewers and their tokens."""

from __future__ import annotations

import hashlib
import secrets
import time
import tomllib
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cosmic_morphology.errors import InputError

LEAST_LENGTH = 16
"""A token has at least so many characters: fewer could be guessed."""
_TRIES, _WINDOW_S = 20, 60.0


@dataclass(frozen=True, slots=True)
class Reviewer:
    """A person whose verdicts are taken.

    Attributes
    ----------
    name : str
        Stands with each verdict.
    until : date or None
        The last day on which the token holds; None: always.
    """

    name: str
    until: date | None = None


class TooManyTriesError(Exception):
    """A client has given so many wrong tokens that none is looked at for a while."""


@dataclass(slots=True)
class Reviewers:
    """Tokens, of which only the hashes are held.

    Attributes
    ----------
    now : callable
        Seconds that only go up.
    """

    now: Callable[[], float] = time.monotonic
    _by_hash: dict[str, Reviewer] = field(default_factory=dict, repr=False)
    _wrong: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque), repr=False)

    def __bool__(self) -> bool:
        """Whether anybody may write."""
        return bool(self._by_hash)

    def invite(self, name: str) -> str:
        """A fresh token for a person."""
        token = secrets.token_urlsafe(24)
        self.add(token, Reviewer(name))
        return token

    def add(self, token: str, reviewer: Reviewer) -> None:
        """Take a token."""
        self._by_hash[_hash(token)] = reviewer

    def of(self, token: str, client: str) -> Reviewer | None:
        """Whose token this is; None for a wrong one, or one whose time is over.

        Parameters
        ----------
        token : str
            As it came.
        client : str
            Where it came from: wrong ones are counted for each.

        Raises
        ------
        TooManyTriesError
            There were 20 wrong ones within a minute.
        """
        wrong = self._wrong[client]
        while wrong and wrong[0] < self.now() - _WINDOW_S:
            wrong.popleft()
        if len(wrong) >= _TRIES:
            raise TooManyTriesError
        found = self._by_hash.get(_hash(token))
        if found is None or (found.until and datetime.now(UTC).date() > found.until):
            wrong.append(self.now())
            return None
        return found


def read_reviewers(path: Path) -> Iterable[tuple[str, Reviewer]]:
    """Tokens and their people from a TOML file.

    Each line is ``ann = "token"``, or ``ann = {token = "token", until = 2027-01-31}``.

    Raises
    ------
    InputError
        The file cannot be read, or a token is too short.
    """
    try:
        said: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"the file of tokens cannot be read ({error})",
            where=str(path),
            todo='Write lines such as: ann = "a long secret".',
        ) from error
    found = []
    for name, value in said.items():
        entry = value if isinstance(value, dict) else {"token": value}
        token, until = entry.get("token"), entry.get("until")
        if not isinstance(token, str) or len(token) < LEAST_LENGTH:
            raise InputError(
                f"the token of {name!r} is shorter than {LEAST_LENGTH} characters",
                where=str(path),
                todo="Take a long random one: python -c "
                '"import secrets; print(secrets.token_urlsafe(24))".',
            )
        if until is not None and (not isinstance(until, date) or isinstance(until, datetime)):
            raise InputError(
                f"the last day of {name!r} is no date", where=str(path), todo="Write 2027-01-31."
            )
        found.append((token, Reviewer(name, until)))
    return found


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
