"""What people's verdicts say of labels, and which of them may teach."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cosmic_morphology.atlas import Decision
from cosmic_morphology.taxonomy import Taxonomy


def label_given(decision: Decision | None, computed: str | None, taxonomy: Taxonomy) -> str | None:
    """The class that a verdict gives, or None; ``keep`` without a class confirms the computed."""
    if decision is None:
        return None
    if decision.verdict == "drop":
        return taxonomy.reject
    named = decision.label or (computed if decision.verdict == "keep" else "")
    return named if named in taxonomy.names_with_reject else None


def teaching_labels(
    decisions: Mapping[str, Decision], withheld: Collection[str], taxonomy: Taxonomy
) -> dict[str, str]:
    """Labels by people that may be learned from: none of a withheld (test) picture."""
    given = {id_: label_given(each, None, taxonomy) for id_, each in decisions.items()}
    return {id_: name for id_, name in given.items() if name and id_ not in withheld}
