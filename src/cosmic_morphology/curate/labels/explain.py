"""Why an image has its label: who voted what, and what people said."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cosmic_morphology.atlas import Atlas, Decision, all_decisions
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.curate.votes.trained_runs import why_runs_abstain
from cosmic_morphology.curate.votes.voters import Vote
from cosmic_morphology.display import Tabular
from cosmic_morphology.errors import InputError
from cosmic_morphology.safe_text import safe_text
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(Tabular):
    """Everything that speaks for or against the label of one image.

    Attributes
    ----------
    id, title : str
        The image.
    label, label_kind : str
        The label (empty when open), and whether it is checked, computed or none.
    label_confidence : float
        In [0, 1].
    votes : tuple of Vote
        Who voted what and why, the strongest first.
    decisions : tuple of Decision
        People's verdicts, oldest first.
    checks : dict of str to str
        Reasons of the checks that raised their flag.
    abstained : dict of str to str
        Why trained runs of the settings do not vote on it.
    """

    id: str
    title: str
    label: str
    label_kind: str
    label_confidence: float
    votes: tuple[Vote, ...]
    decisions: tuple[Decision, ...]
    checks: dict[str, str]
    abstained: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "\n".join(map(safe_text, self.lines()))

    def rows(self) -> list[dict[str, Any]]:
        """One row for each vote, the strongest first."""
        return [asdict(each) for each in self.votes]

    def lines(self) -> list[str]:
        """For the terminal."""
        none = "none, since the voters are not sure enough" if self.votes else "none: no votes"
        head = self.label or none
        shown = [
            f"{self.id}  {self.title}".rstrip(),
            f"label: {head} ({self.label_kind}, confidence {self.label_confidence:.2f})",
        ]
        shown += [
            f"  {each.weight:.2f}  {each.label:<12} {each.voter}: "
            f"{each.reason.removeprefix(f'{each.voter}: ')}"
            for each in self.votes
        ]
        shown += [f"        {voter} abstains: {why}" for voter, why in self.abstained.items()]
        shown += [_decision_line(each) for each in self.decisions]
        return shown + [f"  {name}: {reason}" for name, reason in self.checks.items()]


def explain_label(
    atlas: Atlas,
    id_: str,
    *,
    taxonomy: Taxonomy | None = None,
    settings: CurateSettings | None = None,
) -> Explanation:
    """Who voted what on one image, and why.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    id_ : str
        Of the image.
    taxonomy, settings : optional
        With both of them, trained runs of the settings that abstain say why.

    Raises
    ------
    InputError
        The atlas has no such image.

    Examples
    --------
    >>> explain_label(atlas, "folder:sky/star/0.jpg")
    folder:sky/star/0.jpg  PIA10017
    label: star (computed, confidence 0.66)
      0.66  star         folder: came labelled “star”
      0.41  star         search_word: a search would find “star”
    >>> explain_label(atlas, "sky:lost.jpg")
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.InputError: sky:lost.jpg: there is no such image...
    """
    checks = ("relevance", "duplicate", "mislabel")
    asked = ["id", "title", "votes", "label", "label_kind", "label_confidence"]
    asked += [f"{name}_{part}" for name in checks for part in ("flag", "reason")]
    rows = atlas.read(asked, where=f"id = {sql_literal(id_)}").to_pylist()
    if not rows:
        raise InputError(
            "there is no such image",
            where=id_,
            todo="Ids look like nasa:PIA12345; `cosmic explore` shows some.",
        )
    row = rows[0]
    votes = [Vote(**each) for each in row["votes"] or ()]
    abstaining = (
        why_runs_abstain(atlas, id_, taxonomy=taxonomy, settings=settings)
        if taxonomy and settings
        else {}
    )
    return Explanation(
        id=id_,
        title=row["title"] or "",
        label=row["label"] or "",
        label_kind=row["label_kind"] or "none",
        label_confidence=float(row["label_confidence"] or 0.0),
        votes=tuple(sorted(votes, key=lambda each: (-each.weight, each.voter, each.label))),
        decisions=tuple(each for each in all_decisions(atlas) if _is_about(each, id_)),
        checks={name: row[f"{name}_reason"] or "" for name in checks if row[f"{name}_flag"]},
        abstained=abstaining,
    )


def _is_about(each: Decision, id_: str) -> bool:
    return each.id == id_ or (each.is_on_pair and each.label == id_)


def _decision_line(each: Decision) -> str:
    said = f"{each.who} says {each.verdict} {each.label}".rstrip()
    return f"  {each.at:%Y-%m-%d %H:%M}  {said} {each.why}".rstrip()
