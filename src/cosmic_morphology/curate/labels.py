"""Labels: people's verdicts first, else what the voters agree on, else nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, Decision, Progress, Stamp, fingerprint, latest_decisions
from cosmic_morphology.curate.consensus import consensus
from cosmic_morphology.curate.votes import taxonomy_key
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

STAGE = "labels"
CODE = "1"
CHECKED, COMPUTED, NONE = "checked", "computed", "none"


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """What :func:`label` did.

    Attributes
    ----------
    labels : dict of str to int
        Pictures of each class, the reject class included.
    checked, computed, abstained : int
        Labels by people, by the voters, and pictures left open.
    unknown_classes : dict of str to int
        People's labels that are not in this taxonomy, with their number; they are left open.
    changed : bool
        False when everything was up to date already.
    """

    labels: dict[str, int] = field(default_factory=dict)
    checked: int = 0
    computed: int = 0
    abstained: int = 0
    unknown_classes: dict[str, int] = field(default_factory=dict)
    changed: bool = True


def label(
    atlas: Atlas,
    *,
    taxonomy: Taxonomy,
    settings: CurateSettings,
    progress: Progress | None = None,
) -> LabelSummary:
    """Write ``label``, ``label_confidence`` and ``label_kind`` of every picture.

    A person's verdict always wins: ``label`` gives its class, ``drop`` the reject class, ``keep``
    confirms the class it names or else the computed one. Without a verdict the voters decide,
    and where their best class is less likely than ``min_label_confidence`` the label is open.

    Parameters
    ----------
    atlas : Atlas
        Read (``votes``, decisions) and written.
    taxonomy : Taxonomy
        The classes.
    settings : CurateSettings
        ``min_label_confidence``.
    progress : callable, optional
        Called with rows done and rows in all.
    """
    rows = atlas.read(["id", "votes"]).sort_by("id")
    ids, votes = rows.column("id").to_pylist(), rows.column("votes").to_pylist()
    decisions = latest_decisions(atlas)
    stamp = Stamp(
        STAGE,
        {"taxonomy": taxonomy_key(taxonomy), "least": settings.min_label_confidence},
        CODE,
        inputs=fingerprint(
            ids, votes, sorted((d.id, d.verdict, d.label) for d in decisions.values())
        ),
    )
    changed = not stamp.is_current(atlas.stamp_of("label"))
    if changed:
        table = _believed(ids, votes, decisions, taxonomy, settings.min_label_confidence)
        atlas.replace_columns(table, stamp)
    if progress:
        progress(len(ids), len(ids))
    return _summary(atlas, decisions, taxonomy, changed=changed)


def _believed(
    ids: list[str],
    votes: list[list[dict[str, object]] | None],
    decisions: dict[str, Decision],
    taxonomy: Taxonomy,
    least: float,
) -> pa.Table:
    classes = taxonomy.names_with_reject
    likely = consensus([each or [] for each in votes], classes)
    best = likely.argmax(axis=1)
    sure = likely[np.arange(len(ids)), best]
    out: dict[str, list[object]] = {"label": [], "label_confidence": [], "label_kind": []}
    for at, each in enumerate(ids):
        computed = classes[best[at]] if sure[at] >= least and votes[at] else None
        given = _given(decisions.get(each), computed, taxonomy)
        name, confidence, kind = (
            (given, 1.0, CHECKED)
            if given
            else (computed, float(sure[at]), COMPUTED if computed else NONE)
        )
        for column, value in zip(out, (name, confidence, kind), strict=True):
            out[column].append(value)
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "label": pa.array(out["label"], pa.string()),
            "label_confidence": pa.array(out["label_confidence"], pa.float32()),
            "label_kind": pa.array(out["label_kind"], pa.string()),
        }
    )


def _given(decision: Decision | None, computed: str | None, taxonomy: Taxonomy) -> str | None:
    if decision is None:
        return None
    if decision.verdict == "drop":
        return taxonomy.reject
    named = decision.label or (computed if decision.verdict == "keep" else "")
    return named if named in taxonomy.names_with_reject else None


def _summary(
    atlas: Atlas, decisions: dict[str, Decision], taxonomy: Taxonomy, *, changed: bool
) -> LabelSummary:
    rows = atlas.read(["id", "label", "label_kind"])
    kinds = Counter(rows.column("label_kind").to_pylist())
    counted = Counter(each for each in rows.column("label").to_pylist() if each)
    there = set(rows.column("id").to_pylist())
    unknown = Counter(
        each.label
        for each in decisions.values()
        if each.id in there and each.label and each.label not in taxonomy.names_with_reject
    )
    return LabelSummary(
        labels={name: counted[name] for name in taxonomy.names_with_reject},
        checked=kinds[CHECKED],
        computed=kinds[COMPUTED],
        abstained=kinds[NONE],
        unknown_classes=dict(unknown),
        changed=changed,
    )
