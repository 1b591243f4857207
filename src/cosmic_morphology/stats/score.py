"""A score, which cannot be told without its number of images, interval, grouping and labels."""

from __future__ import annotations

from dataclasses import dataclass

from cosmic_morphology.display import facts_html

# By people; by construction, as the renderer drew the image; by the majority of a catalogue's
# volunteers; by voters.
CHECKED, RENDERED, VOLUNTEERED, COMPUTED = "checked", "rendered", "volunteers", "computed"
# What is known best stands first.
LABEL_KINDS = (CHECKED, RENDERED, VOLUNTEERED, COMPUTED)
GROUPED_BY = "duplicates, object, series and lineage"


@dataclass(frozen=True, slots=True, repr=False)
class Score:
    """One number with everything that makes it mean something.

    Attributes
    ----------
    name : str
        Such as ``macro-F1``.
    value : float
        In [0, 1].
    interval : tuple of float
        95 % bootstrap interval over groups.
    n, n_groups : int
        Images it was measured on, and independent groups of them.
    labels : str
        ``checked`` (by people), ``rendered`` (what the renderer drew), ``volunteers`` (their
        majority) or ``computed`` (by voters: the score then measures agreement).
    grouped_by : str
        What the split kept together.

    Examples
    --------
    >>> score = Score("macro-F1", 0.812, (0.75, 0.86), 240, 110, "checked", "object")
    >>> score
    macro-F1 0.812 [0.750, 0.860] (95 %, n=240 in 110 groups, checked labels, grouped by object)
    """

    name: str
    value: float
    interval: tuple[float, float]
    n: int
    n_groups: int
    labels: str
    grouped_by: str

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.name} {self.value:.3f} [{low:.3f}, {high:.3f}] "
            f"(95 %, n={self.n} in {self.n_groups} groups, {self.labels} labels, "
            f"grouped by {self.grouped_by})"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        low, high = self.interval
        facts = {
            self.name: f"{self.value:.3f}",
            "95 % interval": f"{low:.3f} to {high:.3f}",
            "images": self.n,
            "groups": self.n_groups,
            "labels": self.labels,
            "grouped by": self.grouped_by,
        }
        return facts_html("score", facts.items())

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)
