"""A voter's record: where people have checked its votes, its weight is what they found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

# So many verdicts count as much as what the voter thinks of itself.
_PRIOR_VERDICTS = 8.0
_LEAST, _MOST = 0.02, 0.985

Key = tuple[str, str, str]


def on_record(
    votes: Sequence[Sequence[Mapping[str, Any]]],
    ids: Sequence[str],
    origins: Sequence[str],
    checked: Mapping[str, str],
    *,
    but: Collection[str] = (),
) -> list[list[dict[str, Any]]]:
    """The votes with weights as people's verdicts bear them out.

    A collector whose folder "star" holds raw frames is soon not believed on stars, and still is
    on galaxies: the record is kept for each voter, origin and class. A verdict never weighs
    votes on its own picture, so that a weight stays a forecast.

    Parameters
    ----------
    votes : sequence of N sequences
        With ``voter``, ``label`` and ``weight``; they are not changed.
    ids, origins : sequence of N str
        Ids, and who collected each picture.
    checked : mapping
        People's labels by id.
    but : collection of str
        Voters that are left as they are.
    """
    right: dict[Key, float] = defaultdict(float)
    seen: dict[Key, float] = defaultdict(float)
    for cast, id_, origin in zip(votes, ids, origins, strict=True):
        if id_ in checked:
            for each in cast:
                key = (each["voter"], origin, each["label"])
                seen[key] += 1
                right[key] += each["label"] == checked[id_]
    out = []
    for cast, id_, origin in zip(votes, ids, origins, strict=True):
        weighed = [dict(each) for each in cast]
        for each in weighed:
            key = (each["voter"], origin, each["label"])
            own = id_ in checked
            n = seen[key] - own
            if n > 0 and each["voter"] not in but:
                hits = right[key] - (own and each["label"] == checked[id_])
                prior = _PRIOR_VERDICTS * each["weight"]
                weight = (prior + hits) / (_PRIOR_VERDICTS + n)
                each["weight"] = min(max(weight, _LEAST), _MOST)
        out.append(weighed)
    return out
