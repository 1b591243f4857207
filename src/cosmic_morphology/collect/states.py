"""What became of a URL, as typed values, and the error that says so."""

from __future__ import annotations

from enum import StrEnum

from cosmic_morphology.errors import FetchError


class FetchState(StrEnum):
    """The state of one URL in the ledger."""

    PENDING = "pending"
    """Known, not fetched yet."""
    STORED = "stored"
    """Its picture is in the atlas."""
    GONE = "gone"
    """404 or 410."""
    REFUSED = "refused"
    """401, 403 again after a pause, or another 4xx."""
    PLACEHOLDER = "placeholder"
    """A stand-in: a logo, one file for many records, a blank cutout."""
    NOT_A_PICTURE = "not_a_picture"
    """Bytes that cannot be decoded; the ledger's ``error_kind`` says why."""
    TOO_LARGE = "too_large"
    """More bytes or pixels than the settings allow."""
    OPTED_OUT = "opted_out"
    """The answer asks not to be used (``X-Robots-Tag``)."""
    FORBIDDEN = "forbidden"
    """The address leads where this collector does not go."""
    LEFT_OUT = "left_out"
    """A record without a picture to fetch; the ledger's ``error_kind`` says why."""
    FAILED = "failed"
    """Every try failed for a reason that may pass; the next run tries again."""


UNFINISHED = frozenset({FetchState.PENDING, FetchState.FAILED})
"""States that every run takes up again; the others need ``--retry``."""


class Trouble(FetchError):  # noqa: N818 - read as a word: "in trouble"
    """One try at one URL that did not give a picture.

    Parameters
    ----------
    state : FetchState
        What the URL is when no other try follows.
    kind : str
        The reason in one word, such as ``timeout`` or ``http_500``.
    what, where : str
        As in :class:`~cosmic_morphology.errors.CosmicError`.
    tries : int
        How many tries of this kind one run makes; 1 where another would give the same.
    wait_s : float, optional
        How long the server asks to wait; without it the wait grows from try to try.
    status_code : int, optional
        Of the answer.
    """

    def __init__(
        self,
        state: FetchState,
        kind: str,
        what: str,
        *,
        where: str = "",
        tries: int = 1,
        wait_s: float | None = None,
        status_code: int | None = None,
    ) -> None:
        self.state = state
        self.kind = kind
        self.tries = tries
        self.wait_s = wait_s
        self.status_code = status_code
        self.tried = 1
        super().__init__(what, where=where)
