"""A score in plain words: better than guessing or not, and how far the interval can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosmic_morphology.evaluate.scoring import LabelScores
from cosmic_morphology.stats.metrics import macro_f1
from cosmic_morphology.stats.score import COMPUTED, RENDERED, VOLUNTEERED, Score

USEFUL_WIDTH = 0.2
"""Widest 95 % interval that still tells a good classifier from a middling one."""
_NARROW_WIDTH = 0.1
# With no failure in n trials, up to 3/n of all cases may still fail (95 %): Hanley and
# Lippman-Hand 1983, J. Am. Med. Assoc. 249, 1743. A bootstrap of such a sample has no width.
_RULE_OF_THREE = 3.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the macro-F1 of a run means.

    Attributes
    ----------
    score : Score
        The macro-F1.
    guessing : float
        Macro-F1 of the better of two ways to guess: every class alike, or always the commonest.
    """

    score: Score
    guessing: float

    @property
    def is_better_than_guessing(self) -> bool:
        """Whether the whole interval lies above what guessing reaches."""
        return self.score.interval[0] > self.guessing

    @property
    def width(self) -> float:
        """Width of the interval, and no less than the rule of three allows for so few groups."""
        low, high = self.score.interval
        return max(high - low, min(1.0, _RULE_OF_THREE / max(self.score.n_groups, 1)))

    @property
    def is_wide(self) -> bool:
        """Whether the interval is too wide to choose between models by."""
        return self.width > USEFUL_WIDTH

    def images_wanted(self, labelled: int) -> int:
        """How many more labelled images would bring the interval to a useful width, about.

        The width of an interval falls with the square root of the number of independent groups.

        Parameters
        ----------
        labelled : int
            Labelled images in all splits now; their shares are kept.

        Returns
        -------
        int
            Rounded to one digit, since it is an estimate; 0 where the interval is no wider.
        """
        if not self.is_wide:
            return 0
        more = labelled * ((self.width / USEFUL_WIDTH) ** 2 - 1)
        step: int = 10 ** max(len(str(int(more))) - 1, 1)
        return max(step, round(more / step) * step)

    def sentence(self) -> str:
        """The judgement in one sentence, for a person who has never seen an interval."""
        low, high = self.score.interval
        words = (
            f"Better than guessing ({self.guessing:.2f})"
            if self.is_better_than_guessing
            else f"Not shown to be better than guessing ({self.guessing:.2f})"
        )
        n, groups = self.score.n, self.score.n_groups
        on = f"{n} test image{'' if n == 1 else 's'}"
        if groups < n:
            on += f" in {groups} independent group{'' if groups == 1 else 's'}"
        if self.is_wide and self.width > high - low:
            words += f"; {on} are too few for an interval that can be trusted"
        elif self.is_wide:
            words += f"; the interval is wide: {on}"
        elif self.width > _NARROW_WIDTH:
            words += f"; the interval is of middling width: {on}"
        else:
            words += f"; the interval is narrow: {on}"
        return f"{words}."

    @property
    def caution(self) -> str:
        """What the kind of the labels takes from the score; empty where people checked them."""
        return _CAUTION.get(self.score.labels, "")


_CAUTION = {
    COMPUTED: "Nobody has checked the labels: this is agreement with the voters.",
    VOLUNTEERED: "The labels are the majority of volunteers, who did not all agree.",
    RENDERED: "On rendered images: it says little about real ones.",
}


def judge_scores(scores: LabelScores) -> Judgement:
    """Judge a run's macro-F1 by its interval and by what guessing reaches on the same images."""
    return Judgement(scores.macro_f1, guessing_macro_f1(np.array(scores.confusion)))


def guessing_macro_f1(confusion: np.ndarray) -> float:
    """Macro-F1 that guessing reaches on average, on the images of a confusion matrix.

    Parameters
    ----------
    confusion : ndarray of int, shape ``(K, K + 1)``
        Rows are right; only their sums are used.

    Returns
    -------
    float
        The larger of guessing each of the K classes alike, and always the commonest class.
    """
    images = np.asarray(confusion).sum(1)
    alike, commonest = np.zeros(confusion.shape), np.zeros(confusion.shape)
    alike[:, :-1] = images[:, None] / len(images)
    commonest[:, int(images.argmax())] = images
    return max(float(macro_f1(alike)), float(macro_f1(commonest)))
