"""The account of a pipeline: how many images came, went and stayed, and who labelled them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosmic_morphology.atlas import (
    Atlas,
    checked_labels,
    is_rendered,
    labels_by_construction,
    latest_decisions,
)
from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import bootstrap_interval, group_numbers
from cosmic_morphology.stats.score import CHECKED, RENDERED, Score
from cosmic_morphology.taxonomy import Taxonomy

# States of the ledger in which a URL gave no image; other rows are fetched, waiting, or slices.
_FAILED = frozenset(
    {
        "gone",
        "refused",
        "placeholder",
        "not_an_image",
        "too_large",
        "opted_out",
        "forbidden",
        "left_out",
        "failed",
    }
)


@dataclass(frozen=True, slots=True)
class VoterStats:
    """One voter: on how many images it spoke, and how often it was right where people looked."""

    voter: str
    images: int
    classes: int
    right: Score | None


@dataclass(frozen=True, slots=True)
class PipelineCounts:
    """What became of all images.

    Attributes
    ----------
    images, duplicates, rejected, open : int
        In the atlas; copies among them; of no class of the taxonomy (or dropped by a person);
        without a label.
    checked : int
        Labels that people gave.
    splits : dict of str to int
        Images in train, val and test.
    failed : dict of str to int
        What was not taken, by reason.
    voters : tuple of VoterStats
        Most images first.
    seconds : dict of str to float
        Time of each stage.
    """

    images: int
    duplicates: int
    rejected: int
    open: int
    checked: int
    by_construction: int
    rendered: int
    splits: dict[str, int]
    failed: dict[str, int]
    voters: tuple[VoterStats, ...]
    seconds: dict[str, float]


def count_pipeline(
    atlas: Atlas,
    taxonomy: Taxonomy,
    summary: Mapping[str, Any] | None,
    *,
    resamples: int,
    seed: int,
) -> PipelineCounts:
    """Count what is there; the summary of a run adds what only that run knows.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    taxonomy : Taxonomy
        Its reject class.
    summary : mapping, optional
        ``summary.json``.
    resamples, seed : int
        Of the intervals of voters.
    """
    columns = ["id", "label", "group", "split", "duplicate_flag", "votes", "licence"]
    there = [name for name in columns if name in atlas.columns()]
    found = atlas.read(there).sort_by("id").to_pylist()
    rows = [{**dict.fromkeys(columns), **row} for row in found]
    dropped = {each.id for each in latest_decisions(atlas).values() if each.verdict == "drop"}
    splits = Counter(row["split"] for row in rows)
    checked = checked_labels(atlas)
    drawn = labels_by_construction(atlas)
    return PipelineCounts(
        images=atlas.count(),
        duplicates=sum(bool(row["duplicate_flag"]) for row in rows),
        rejected=sum(row["label"] == taxonomy.reject or row["id"] in dropped for row in rows),
        open=sum(not row["label"] for row in rows),
        checked=len(set(checked) - drawn),
        by_construction=len(set(checked) & drawn),
        rendered=sum(is_rendered(row["licence"] or "") for row in rows),
        splits={split: splits[split] for split in ("train", "val", "test")},
        failed=dict((summary or {}).get("failed") or _failed(atlas)),
        voters=_voters(rows, checked, drawn, taxonomy, resamples=resamples, seed=seed),
        seconds=dict((summary or {}).get("seconds") or {}),
    )


def _failed(atlas: Atlas) -> dict[str, int]:
    rows = atlas.read(["state", "error_kind"], table="ledger").to_pylist()
    counts = Counter(
        str(row["error_kind"] or row["state"]) for row in rows if row["state"] in _FAILED
    )
    return dict(counts.most_common())


def _voters(
    rows: Sequence[Mapping[str, Any]],
    checked: Mapping[str, str],
    drawn: frozenset[str],
    taxonomy: Taxonomy,
    *,
    resamples: int,
    seed: int,
) -> tuple[VoterStats, ...]:
    spoke: dict[str, list[tuple[str, str, str]]] = {}
    for row in rows:
        heaviest: dict[str, tuple[float, str]] = {}
        for vote in row["votes"] or ():
            best = heaviest.get(vote["voter"])
            weight = vote["weight"] or 0.0
            if best is None or weight > best[0]:
                heaviest[vote["voter"]] = (weight, vote["label"])
        for voter, (_, name) in heaviest.items():
            spoke.setdefault(voter, []).append((row["id"], row["group"] or row["id"], name))
    accounts = []
    for voter, votes in spoke.items():
        scored = [vote for vote in votes if vote[0] in checked]
        by_people = [vote for vote in scored if vote[0] not in drawn]
        kind = CHECKED if by_people else RENDERED
        classes = len({name for _, _, name in votes})
        right = (
            _rightness(voter, by_people or scored, checked, kind, taxonomy, resamples, seed)
            if scored
            else None
        )
        accounts.append(VoterStats(voter, len(votes), classes, right))
    return tuple(sorted(accounts, key=lambda each: (-each.images, each.voter)))


def _rightness(
    voter: str,
    scored: Sequence[tuple[str, str, str]],
    checked: Mapping[str, str],
    kind: str,
    taxonomy: Taxonomy,
    resamples: int,
    seed: int,
) -> Score:
    names = sorted({*taxonomy.names_with_reject, *(checked[each] for each, _, _ in scored)})
    y_true = metrics.encode([checked[each] for each, _, _ in scored], names)
    y_pred = metrics.encode([name for _, _, name in scored], names)
    groups = np.array([group for _, group, _ in scored], object)
    interval = bootstrap_interval(
        metrics.accuracy, y_true, y_pred, groups, n=resamples, seed=seed, n_classes=len(names)
    )
    value = float((y_true == y_pred).mean())
    n_groups = group_numbers(groups)[1]
    return Score(f"{voter} right", value, interval, len(scored), n_groups, kind, "group")
