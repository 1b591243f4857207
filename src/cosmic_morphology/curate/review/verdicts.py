"""What people's verdicts say of labels, which may train, and how far two people agree."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from cosmic_morphology.atlas import Atlas, Decision, standing_decisions
from cosmic_morphology.atlas.query import take
from cosmic_morphology.errors import UsageError
from cosmic_morphology.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two people and the images that both have given a class.

    Attributes
    ----------
    first, second : str
        The people, in alphabetical order.
    n : int
        Images that both have reviewed.
    agreed : float
        Share with the same class.
    kappa : float
        Cohen's kappa: 0 chance, 1 always; ``nan`` when both know one class only.
    differing : tuple of str
        Ids on which they differ.
    """

    first: str
    second: str
    n: int
    agreed: float
    kappa: float
    differing: tuple[str, ...]


def agreements(atlas: Atlas, *, taxonomy: Taxonomy) -> list[Agreement]:
    r"""Cohen's kappa of every two people (J. Cohen 1960, Educ. Psychol. Meas. 20, 37).

    A person's latest verdict on an image counts; ``drop`` is the reject class, and ``keep``
    without a class says nothing of which class.

    Examples
    --------
    >>> verdicts = "id,label,who\n{0},star,ann\n{0},comet,bob\n".format("folder:sky/star/0.jpg")
    >>> _ = Path("verdicts.csv").write_text(verdicts)
    >>> _ = cosmic.import_verdicts(atlas, Path("verdicts.csv"), taxonomy=taxonomy)
    >>> [(each.first, each.second, each.agreed) for each in agreements(atlas, taxonomy=taxonomy)]
    [('ann', 'bob', 0.0)]
    """
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for each in standing_decisions(atlas):
        name = taxonomy.reject if each.verdict == "drop" else each.label
        if name:
            said[each.who][each.id] = name
    return [
        _agreement(first, second, said[first], said[second])
        for first, second in combinations(sorted(said), 2)
        if said[first].keys() & said[second].keys()
    ]


def _agreement(first: str, second: str, mine: dict[str, str], yours: dict[str, str]) -> Agreement:
    from sklearn.metrics import cohen_kappa_score

    ids = sorted(mine.keys() & yours.keys())
    pairs = [(mine[each], yours[each]) for each in ids]
    same = sum(a == b for a, b in pairs)
    if len({name for pair in pairs for name in pair}) == 1:
        kappa = float("nan")
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kappa = float(cohen_kappa_score([a for a, _ in pairs], [b for _, b in pairs]))
    return Agreement(
        first=first,
        second=second,
        n=len(ids),
        agreed=same / len(ids),
        kappa=kappa,
        differing=tuple(each for each, (a, b) in zip(ids, pairs, strict=True) if a != b),
    )


def check_kept(atlas: Atlas, ids: Sequence[str]) -> None:
    """Make sure that images have labels, before a person keeps them without naming a class.

    Raises
    ------
    UsageError
        One has none: such a verdict would say nothing.

    Examples
    --------
    >>> check_kept(atlas, atlas.ids()[:3])
    >>> check_kept(cosmic.Atlas.create("new"), ["nasa:PIA1"])
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.UsageError: nasa:PIA1: 1 of 1 images have no label to keep, such ...
    """
    there = "label" in atlas.table("catalogue").schema.names
    rows = take(atlas, ids, ["label"]).column(0).to_pylist() if there else [None] * len(ids)
    without = [id_ for id_, label in zip(ids, rows, strict=True) if not label]
    if without:
        raise UsageError(
            f"{len(without):,} of {len(ids):,} images have no label to keep, such as this one",
            where=without[0],
            todo="Give a class, or drop it.",
        )


def label_from_verdict(
    decision: Decision | None, computed: str | None, taxonomy: Taxonomy
) -> str | None:
    """The class that a verdict gives, or None; ``keep`` without a class confirms the computed."""
    if decision is None:
        return None
    if decision.verdict == "drop":
        return taxonomy.reject
    named = decision.label or (computed if decision.verdict == "keep" else "")
    return named if named in taxonomy.names_with_reject else None


def verdict_labels_for_training(
    decisions: Mapping[str, Decision], withheld: Collection[str], taxonomy: Taxonomy
) -> dict[str, str]:
    """Labels by people that may be learned from: none of a withheld (test) image."""
    given = {id_: label_from_verdict(each, None, taxonomy) for id_, each in decisions.items()}
    return {id_: name for id_, name in given.items() if name and id_ not in withheld}
