"""One run with its scores, and the sizes of the objects in its test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.evaluate.evaluate import EvaluateResult
from cosmic_morphology.evaluate.judgement import Judgement, judge_scores
from cosmic_morphology.evaluate.object_size import by_target_size, object_area_fraction
from cosmic_morphology.evaluate.scoring import LabelScores, PartScores, Scorer
from cosmic_morphology.learn.run_folder.folder import Run
from cosmic_morphology.settings import EvaluateSettings


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """One run with its scores, for the page."""

    facts: Run
    evaluation: EvaluateResult

    @property
    def scores(self) -> LabelScores:
        """On checked labels where there are any."""
        return self.evaluation.best_known

    @property
    def judgement(self) -> Judgement:
        """What its macro-F1 means, in words."""
        return judge_scores(self.scores)


def leading_run(scored: Sequence[ScoredRun]) -> ScoredRun:
    """The run that a report leads with: the best on the val split, never on the test split.

    Runs that learned from the curated labels come first: what another one scores on val is
    measured by its own labels.

    Parameters
    ----------
    scored : sequence of ScoredRun
        One or more; of equal ones the first.
    """
    curated = [each for each in scored if each.facts.labels == "label"]
    return max(curated or scored, key=lambda each: each.facts.metrics.get("val_macro_f1") or 0.0)


def sizes_of_targets(
    atlas: Atlas, scored: Sequence[ScoredRun], *, settings: EvaluateSettings, seed: int
) -> dict[str, tuple[PartScores, ...]]:
    """Scores of each run for small, medium and large targets, by the run's name."""
    own = {each.facts.name: each.evaluation.answers[each.scores.labels] for each in scored}
    ids = sorted({str(one) for answers in own.values() for one in answers.ids})
    share = dict(zip(ids, object_area_fraction(atlas, ids).tolist(), strict=True))
    found = {}
    for each in scored:
        answers = own[each.facts.name]
        score = each.scores.macro_f1
        measure = Scorer(
            score.labels, score.grouped_by, len(each.evaluation.classes), settings, seed
        )
        shares = [share[str(one)] for one in answers.ids]
        found[each.facts.name] = by_target_size(measure, answers, shares)
    return found
