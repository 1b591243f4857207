"""How good the labels are: what an audit by checked labels has measured, as the report shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CHECKS = ("relevance", "mislabel")
_LABEL = "label"


@dataclass(frozen=True, slots=True)
class Measured:
    """One number: ``value`` with its 95 % ``interval``, on ``n`` images."""

    value: float
    interval: tuple[float, float]
    n: int


@dataclass(frozen=True, slots=True)
class AuditedRow:
    """What was measured of a voter, a check or a class; None where there was nothing to measure."""

    who: str
    coverage: Measured | None
    precision: Measured | None
    recall: Measured | None


@dataclass(frozen=True, slots=True)
class Audited:
    """An audit, for the page.

    Attributes
    ----------
    n, groups : int
        Images with a checked label, and independent groups of them.
    subset : str
        The half of the checked labels; empty: all of them.
    atlas_version : str
        What was measured.
    label : tuple of AuditedRow
        The label that the voters agreed on: all classes, then one by one.
    voters, checks : tuple of AuditedRow
        Each voter, the one with most images first; each check.
    """

    n: int
    groups: int
    subset: str
    atlas_version: str
    label: tuple[AuditedRow, ...]
    voters: tuple[AuditedRow, ...]
    checks: tuple[AuditedRow, ...]


def audited(given: Mapping[str, Any] | None) -> Audited | None:
    """The tables of an audit, from what ``cosmic audit`` keeps in ``audit.json``.

    Parameters
    ----------
    given : mapping or None
        ``rows`` (``what``, ``measure``, ``value``, ``low``, ``high``, ``n``), ``n``, ``groups``,
        and perhaps ``subset`` and ``atlas_version``.
    """
    if not given:
        return None
    found: dict[str, dict[str, Measured]] = {}
    for row in given["rows"]:
        one = Measured(row["value"], (row["low"], row["high"]), row["n"])
        found.setdefault(row["what"], {})[row["measure"]] = one
    label, voters = [], []
    for what, measures in found.items():
        who, _, name = what.partition("=")
        if who == _LABEL:
            label.append(_row(name or "all classes", measures))
        elif not name and who not in _CHECKS:
            voters.append(_row(who, measures))
    return Audited(
        n=given["n"],
        groups=given["groups"],
        subset=given.get("subset", ""),
        atlas_version=given.get("atlas_version", ""),
        label=tuple(label),
        voters=tuple(sorted(voters, key=lambda row: -row.coverage.value if row.coverage else 0.0)),
        checks=tuple(_row(check, found[check]) for check in _CHECKS if check in found),
    )


def _row(who: str, measures: Mapping[str, Measured]) -> AuditedRow:
    return AuditedRow(who, *(measures.get(name) for name in ("coverage", "precision", "recall")))
