"""A voter's record: where people have checked its votes, its weight is what they found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

# So many verdicts count as much as what the voter thinks of itself.
_PRIOR_VERDICTS = 8.0
_LEAST, _MOST = 0.02, 0.985
RECORD = "record_of_"
"""The names of what people found beside a voter's opinions begin so."""

Key = tuple[str, Hashable, str]
"""A voter, who collected the image, and what the voter calls it."""

_Changes = tuple[dict[str, Any], list[dict[str, Any]]]


def verdicts_on_voters(
    votes: Sequence[Sequence[Mapping[str, Any]]],
    ids: Sequence[str],
    origins: Sequence[Hashable],
    checked: Mapping[str, str],
    *,
    into: dict[Key, Counter[str]],
) -> dict[Key, Counter[str]]:
    """Add to ``into`` which classes people found where each voter said what, for each origin."""
    for cast, id_, origin in zip(votes, ids, origins, strict=True):
        if id_ in checked:
            for each in cast:
                key = each["voter"], origin, each["label"]
                into.setdefault(key, Counter())[checked[id_]] += 1
    return into


def reweighted(
    votes: Sequence[Sequence[Mapping[str, Any]]],
    ids: Sequence[str],
    origins: Sequence[Hashable],
    checked: Mapping[str, str],
    found: Mapping[Key, Counter[str]],
    n_classes: int,
    *,
    but: Collection[str] = (),
) -> list[list[dict[str, Any]]]:
    """The votes with weights as people's verdicts bear them out.

    A collector whose folder "star" holds raw frames is soon not believed on stars, and still is
    on galaxies: the record is kept for each voter, origin and class. What people found instead
    becomes a vote of its own, so the other images of that folder may be raw frames, too. A
    verdict never weighs votes on its own image, so that a weight stays a forecast.

    Parameters
    ----------
    votes : sequence of N sequences
        With ``voter``, ``label`` and ``weight``; they are not changed.
    ids, origins : sequence of N str
        Ids, and who collected each image.
    checked : mapping
        People's labels by id.
    found : mapping
        What people found of all images, from :func:`verdicts_on_voters`.
    n_classes : int
        K, the reject class included.
    but : collection of str
        Voters that are left as they are.
    """
    out = []
    # Few votes differ in more than their reason, which the votes beside them do not repeat.
    known: dict[tuple[Key, float], _Changes] = {}
    for cast, id_, origin in zip(votes, ids, origins, strict=True):
        reweighted_votes: list[dict[str, Any]] = []
        beside: list[dict[str, Any]] = []
        for each in cast:
            key = each["voter"], origin, each["label"]
            seen = found.get(key)
            # Shares of people are what they are: nobody's opinion to be believed more or less.
            if not seen or each["voter"] in but or each.get("people"):
                reweighted_votes.append(dict(each))
                continue
            if id_ in checked:
                others = seen - Counter([checked[id_]])
                changes = _as_found(each, others, n_classes) if others else ({}, [])
            else:
                changes = known.get((key, each["weight"])) or known.setdefault(
                    (key, each["weight"]), _as_found(each, seen, n_classes)
                )
            reweighted_votes.append({**each, **changes[0]})
            beside += [{**each, **more} for more in changes[1]]
        out.append(reweighted_votes + beside)
    return out


def _as_found(vote: Mapping[str, Any], found: Counter[str], n_classes: int) -> _Changes:
    """What changes in a vote, and in one more like it for each other class that people found.

    The voter's own weight stands for some verdicts, spread evenly over the other classes where
    it is wrong. A weight *w* multiplies the odds of its class by ``w (K - 1) / (1 - w)``: the
    weights are those with which all classes get the odds that people found.
    """
    unseen = _PRIOR_VERDICTS * (1 - vote["weight"]) / (n_classes - 1)

    def weight(expected: float, most: float = _MOST) -> float:
        return float(min(max(expected / (expected + unseen * (n_classes - 1)), _LEAST), most))

    n, right = found.total(), found[vote["label"]]
    # Gold stays gold until people find it wrong.
    most = max(_MOST, vote["weight"]) if right == n else _MOST
    return {"weight": weight(_PRIOR_VERDICTS * vote["weight"] + right, most)}, [
        {
            "voter": RECORD + vote["voter"],
            "label": name,
            "weight": weight(unseen + times),
            "reason": f"people found it in {times} of {n} that {vote['voter']} calls "
            f"{vote['label']} there",
        }
        for name, times in sorted(found.items())
        if name != vote["label"]
    ]
