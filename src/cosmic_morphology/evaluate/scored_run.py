"""One run with its scores, and the sizes of the objects in its test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.evaluate.evaluate import Evaluation
from cosmic_morphology.evaluate.object_size import by_target_size, target_shares
from cosmic_morphology.evaluate.run_facts import RunFacts
from cosmic_morphology.evaluate.scoring import LabelScores, Measure, PartScores
from cosmic_morphology.settings import EvaluateSettings


@dataclass(frozen=True, slots=True)
class Judged:
    """One run with its scores, for the page."""

    facts: RunFacts
    evaluation: Evaluation

    @property
    def scores(self) -> LabelScores:
        """On checked labels where there are any."""
        return self.evaluation.best_known


def sizes_of_targets(
    atlas: Atlas, judged: Sequence[Judged], *, settings: EvaluateSettings, seed: int
) -> dict[str, tuple[PartScores, ...]]:
    """Scores of each run for small, medium and large targets, by the run's name."""
    own = {each.facts.name: each.evaluation.answers[each.scores.labels] for each in judged}
    ids = sorted({str(one) for answers in own.values() for one in answers.ids})
    share = dict(zip(ids, target_shares(atlas, ids).tolist(), strict=True))
    found = {}
    for each in judged:
        answers = own[each.facts.name]
        score = each.scores.macro_f1
        measure = Measure(
            score.labels, score.grouped_by, len(each.evaluation.classes), settings, seed
        )
        shares = [share[str(one)] for one in answers.ids]
        found[each.facts.name] = by_target_size(measure, answers, shares)
    return found
