"""What the texts of a record alone say of its class: for models that answer from both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from cosmic_morphology.curate.votes.label_model import naive_bayes_label_model
from cosmic_morphology.curate.votes.source_voters import AVM, OBJECT_NAME
from cosmic_morphology.curate.votes.text_voters import TEXT, TITLE
from cosmic_morphology.curate.votes.voters import NO_CLASS_NAMED

TEXT_VOTERS = frozenset({TITLE, "lead", TEXT, "keywords", OBJECT_NAME, AVM, NO_CLASS_NAMED})
"""Voters that read what the record says: not the folder that somebody put the image in, not the
word that somebody searched for, and nothing that was learned from labels or said by a person."""

TEXT_PROBABILITIES = pa.list_(pa.float32())


def text_probabilities(
    votes: Sequence[Sequence[Mapping[str, Any]]], classes: Sequence[str]
) -> pa.Array:
    """Probabilities of the K classes by the votes of texts alone; null where these are silent."""
    said = [[each for each in cast if each["voter"] in TEXT_VOTERS] for cast in votes]
    found = naive_bayes_label_model(said, classes).tolist()
    return pa.array(
        [row if cast else None for cast, row in zip(said, found, strict=True)], TEXT_PROBABILITIES
    )
