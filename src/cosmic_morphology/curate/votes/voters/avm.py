"""The AVM voter: ``Subject.Category`` codes that the archive itself gave are gold."""

from __future__ import annotations

from collections import Counter

from cosmic_morphology.curate.votes.voters.base import Said, Vote
from cosmic_morphology.taxonomy import Taxonomy

AVM = "avm"
_AVM_WEIGHT = 0.99


def avm_votes(said: Said, taxonomy: Taxonomy) -> list[Vote]:
    """A vote for each class among the codes; a reject code (technology, people) wins alone.

    Codes name everything in view, the main subject most often first: an artist's view of a
    galaxy carries both 5 and 8.
    """
    classes = [(taxonomy.class_of_avm(code), code) for code in said.subjects]
    known = [(label, code) for label, code in classes if label]
    if not known:
        return []
    if any(label == taxonomy.reject for label, _ in known):
        known = [pair for pair in known if pair[0] == taxonomy.reject]
    counts = Counter(label for label, _ in known)
    return [
        Vote(
            AVM, label, _AVM_WEIGHT if len(counts) == 1 else _AVM_WEIGHT * share / len(known), code
        )
        for (label, share), code in (
            ((label, counts[label]), _codes(known, label)) for label in counts
        )
    ]


def _codes(known: list[tuple[str, str]], label: str) -> str:
    return "AVM " + ", ".join(code for each, code in known if each == label)
