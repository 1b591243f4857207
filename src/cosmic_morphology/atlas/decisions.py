"""People's verdicts: append-only, the latest on an image wins, and always over the computed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime

from cosmic_morphology.atlas.atlas import Atlas

VERDICTS = ("keep", "drop", "label")
# Takes a person's own last verdict on an image back; what was said stays in the history.
WITHDRAW = "withdraw"
# Of two images: copies of one, not so, and copies of which the first is kept.
SAME, DIFFERENT, BEST = PAIR_VERDICTS = ("same", "different", "best")
# Takes a person's own last verdict on two images back.
WITHDRAW_PAIR = "withdraw pair"
# Who gives the verdicts of a rendered archive: they hold by construction, and nobody has looked.
RENDERER = "renderer"


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's verdict on one image, or on two.

    Attributes
    ----------
    id : str
        The image.
    verdict : str
        ``keep`` (the computed label is right), ``drop`` (not for this data set), ``label``, or
        ``withdraw`` (the person's last verdict on the image counts no more). Of two images
        ``same``, ``different``, ``best`` or ``withdraw pair``.
    label : str
        The class, when the verdict is ``label`` (or ``keep`` with a class named); the id of the
        other image, when the verdict is on two.
    who, why : str
        The person and their words.
    at : datetime
        When, UTC.
    """

    id: str
    verdict: str
    label: str
    who: str
    at: datetime
    why: str

    @property
    def is_on_pair(self) -> bool:
        """Whether it is a verdict on two images."""
        return self.verdict in (*PAIR_VERDICTS, WITHDRAW_PAIR)


def all_decisions(atlas: Atlas) -> list[Decision]:
    r"""Every verdict ever given, oldest first.

    Examples
    --------
    >>> _ = Path("verdicts.csv").write_text("id,label,who\nfolder:sky/star/0.jpg,comet,ann\n")
    >>> _ = cosmic.import_verdicts(atlas, Path("verdicts.csv"), taxonomy=taxonomy)
    >>> [(each.who, each.label) for each in all_decisions(atlas)]
    [('ann', 'comet')]
    """
    found = [
        Decision(
            id=row["id"],
            verdict=row["verdict"],
            label=row["label"] or "",
            who=row["who"] or "",
            at=row["at"],
            why=row["why"] or "",
        )
        for row in atlas.read(table="decisions").to_pylist()
    ]
    return sorted(found, key=lambda each: (each.at, each.id, each.who))


def standing_decisions(atlas: Atlas) -> list[Decision]:
    r"""Verdicts on single images that nobody has taken back, oldest first.

    Examples
    --------
    >>> _ = Path("verdicts.csv").write_text("id,label,who\nfolder:sky/star/0.jpg,comet,ann\n")
    >>> _ = cosmic.import_verdicts(atlas, Path("verdicts.csv"), taxonomy=taxonomy)
    >>> back = {"id": "folder:sky/star/0.jpg", "verdict": "withdraw", "label": "", "who": "ann"}
    >>> from datetime import UTC, datetime
    >>> _ = atlas.append_decisions([back | {"at": datetime.now(UTC), "why": ""}])
    >>> len(all_decisions(atlas)), standing_decisions(atlas)
    (2, [])
    """
    given = [each for each in all_decisions(atlas) if not each.is_on_pair]
    return _standing(given, WITHDRAW, lambda each: (each.id, each.who))


def standing_pair_decisions(atlas: Atlas) -> list[Decision]:
    """Verdicts on two images that nobody has taken back, oldest first.

    Examples
    --------
    >>> standing_pair_decisions(atlas)
    []
    """
    given = [each for each in all_decisions(atlas) if each.is_on_pair]
    return _standing(
        given, WITHDRAW_PAIR, lambda each: (frozenset((each.id, each.label)), each.who)
    )


def _standing(
    given: list[Decision], taken_back: str, of: Callable[[Decision], Hashable]
) -> list[Decision]:
    """Those that their own people have not taken back; ``of`` says what one is about."""
    about: dict[Hashable, list[Decision]] = {}
    for each in given:
        own = about.setdefault(of(each), [])
        if each.verdict != taken_back:
            own.append(each)
        elif own:
            own.pop()
    standing = [each for own in about.values() for each in own]
    return sorted(standing, key=lambda each: (each.at, each.id, each.who))


def latest_decisions(atlas: Atlas) -> dict[str, Decision]:
    r"""The verdict that counts for each image: the latest one.

    Examples
    --------
    >>> _ = Path("verdicts.csv").write_text("id,label,who\nfolder:sky/star/0.jpg,comet,ann\n")
    >>> _ = cosmic.import_verdicts(atlas, Path("verdicts.csv"), taxonomy=taxonomy)
    >>> latest_decisions(atlas)["folder:sky/star/0.jpg"].label
    'comet'
    """
    return {decision.id: decision for decision in standing_decisions(atlas)}


def labels_by_construction(atlas: Atlas) -> frozenset[str]:
    """Ids whose label a renderer wrote, and which no person has reviewed since.

    Examples
    --------
    >>> labels_by_construction(atlas)
    frozenset()
    """
    return frozenset(each.id for each in latest_decisions(atlas).values() if each.who == RENDERER)


def checked_labels(atlas: Atlas) -> dict[str, str]:
    r"""Labels that a person or a renderer gave: id to class (dropped images are left out).

    Examples
    --------
    >>> _ = Path("verdicts.csv").write_text("id,label,who\nfolder:sky/star/0.jpg,comet,ann\n")
    >>> _ = cosmic.import_verdicts(atlas, Path("verdicts.csv"), taxonomy=taxonomy)
    >>> checked_labels(atlas)
    {'folder:sky/star/0.jpg': 'comet'}
    """
    return {
        each.id: each.label
        for each in latest_decisions(atlas).values()
        if each.verdict != "drop" and each.label
    }
