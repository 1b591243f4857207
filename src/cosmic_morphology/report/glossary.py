"""Words that stand beside scores, explained in the page itself: it works without a network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the field.

    Attributes
    ----------
    name : str
        As it is written in a table.
    meaning : str
        One or two short sentences.
    """

    name: str
    meaning: str


TERMS: dict[str, Term] = {
    "macro-f1": Term(
        "macro-F1",
        "For each class, F1 is the harmonic mean of precision (how many answers of this class are "
        "right) and recall (how many images of it are found). Macro-F1 is the mean over the "
        "classes: a rare class counts as much as a common one.",
    ),
    "interval": Term(
        "95 % interval",
        "Where the score would probably lie with other test images of the same kind. The test "
        "groups are drawn again and again, and each draw is scored (bootstrap).",
    ),
    "group": Term(
        "group",
        "Images that belong together: copies, the same object, one series, images that were "
        "derived from another. A group is never divided between training and test.",
    ),
    "lineage": Term(
        "lineage",
        "What an image was made from: the original of an altered copy, or the seed of a rendered "
        "image. Images of one lineage stay together.",
    ),
    "prevalence": Term(
        "prevalence",
        "The share of a class among the test images. Who always answers the commonest class is "
        "right as often as that class is prevalent.",
    ),
    "ece": Term(
        "ECE",
        "Expected calibration error: the mean difference between the probability that the model "
        "states and how often it is right. 0 is best. Class-wise: the mean over the classes.",
    ),
    "guessing": Term(
        "guessing",
        "The macro-F1 that is reached without looking at the images: the better of guessing each "
        "class equally often, and always answering the commonest one.",
    ),
    "checked": Term(
        "checked, by construction, computed",
        "Who knows that the label is right: a person who looked at the image, the program that "
        "rendered it, or only the voters. A score on computed labels measures agreement.",
    ),
    "leak": Term(
        "leak",
        "Images that belong together stand in two splits. The model has then seen the test, and "
        "the score is too high.",
    ),
}
"""By the anchor in the page."""
