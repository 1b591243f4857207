"""People's verdicts on two images: whether they are copies of one, and which of them is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cosmic_morphology.atlas import (
    BEST,
    DIFFERENT,
    PAIR_VERDICTS,
    SAME,
    WITHDRAW_PAIR,
    Atlas,
    content_hash,
    standing_pair_decisions,
)
from cosmic_morphology.atlas.query import take
from cosmic_morphology.errors import UsageError


@dataclass(frozen=True, slots=True)
class PairsSaid:
    """What people say of pairs of images; of each pair the latest verdict.

    Attributes
    ----------
    same : tuple of tuple of str
        Pairs of ids that are copies of one image.
    apart : tuple of tuple of str
        Pairs that are not.
    kept : tuple of str
        Images that are to be kept of all their copies, the latest last.
    """

    same: tuple[tuple[str, str], ...] = ()
    apart: tuple[tuple[str, str], ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Changes with what is said."""
        return content_hash(self.same, self.apart, self.kept)


def pairs_said(atlas: Atlas) -> PairsSaid:
    """What people say of pairs of images now.

    Examples
    --------
    >>> pairs_said(atlas)
    PairsSaid(same=(), apart=(), kept=())
    """
    latest = {frozenset((each.id, each.label)): each for each in standing_pair_decisions(atlas)}
    given = sorted(latest.values(), key=lambda each: (each.at, each.id))

    def of(verdicts: Iterable[str]) -> tuple[tuple[str, str], ...]:
        return tuple((each.id, each.label) for each in given if each.verdict in verdicts)

    best = dict.fromkeys(each.id for each in reversed(given) if each.verdict == BEST)
    return PairsSaid(of((SAME, BEST)), of((DIFFERENT,)), tuple(reversed(best)))


def judge_pair(atlas: Atlas, verdict: str, id_: str, other: str, *, who: str, why: str = "") -> int:
    """Store a person's verdict on two images; ``cosmic curate`` computes copies with it.

    Parameters
    ----------
    atlas : Atlas
        Gets the verdict.
    verdict : str
        ``same`` (copies of one image), ``different`` (not), ``best`` (copies, of which ``id_`` is
        kept), or ``withdraw pair`` (the person's last verdict on both counts no more).
    id_, other : str
        The images.
    who, why : str
        The person and their words.

    Returns
    -------
    int
        Verdicts that were stored: 1, or 0 where the person has no word on both to take back.

    Raises
    ------
    UsageError
        They are one image, or have the same bytes and are called different.
    InputError
        There is no such image.

    Examples
    --------
    >>> judge_pair(atlas, "same", "folder:sky/star/0.jpg", "folder:sky/star/1.jpg", who="ann")
    1
    >>> pairs_said(atlas).same
    (('folder:sky/star/0.jpg', 'folder:sky/star/1.jpg'),)
    """
    if verdict not in (*PAIR_VERDICTS, WITHDRAW_PAIR):
        raise UsageError(
            f"{verdict!r} is no verdict on two images",
            where="decisions",
            todo=f"Give one of: {', '.join((*PAIR_VERDICTS, WITHDRAW_PAIR))}.",
        )
    if id_ == other:
        raise UsageError("an image is itself", where=id_, todo="Name another one beside it.")
    bytes_of = take(atlas, [id_, other], ["sha256"], table="images").column("sha256").to_pylist()
    if verdict == DIFFERENT and bytes_of[0] == bytes_of[1]:
        raise UsageError(
            "both have the same bytes, so they are one image",
            where=f"{id_}, {other}",
            todo="Say which one is kept instead.",
        )
    if verdict == WITHDRAW_PAIR and not any(
        {each.id, each.label} == {id_, other} and each.who == who
        for each in standing_pair_decisions(atlas)
    ):
        return 0
    now = datetime.now(UTC)
    row = {"id": id_, "verdict": verdict, "label": other, "who": who, "at": now, "why": why}
    return atlas.append_decisions([row])
