"""What a loop of training leaves, for those who do without Lightning, too."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class FitResult:
    """What came out of a loop.

    Attributes
    ----------
    history : list of dict
        What ``history.csv`` shows: one row an epoch (or a penalty, where a head was solved for).
    best_epoch : int
        Row of the history that was taken, counted from 1.
    batch_size : int
        What fitted into memory in the end.
    notes : list of str
        What a person should know.
    """

    history: list[dict[str, float]]
    best_epoch: int
    batch_size: int
    notes: list[str] = field(default_factory=list)
