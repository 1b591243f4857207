"""What the checks can learn from: people's verdicts on images of the train split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import (
    Atlas,
    content_hash,
    embedding_columns,
    latest_decisions,
    level_columns,
)
from cosmic_morphology.curate.labels.doubt import (
    LEAST_VERDICTS,
    LearnedDoubt,
    Question,
    learn_doubt,
    looks_of,
)
from cosmic_morphology.curate.records import Records
from cosmic_morphology.curate.review.verdicts import verdict_labels_for_training
from cosmic_morphology.taxonomy import Taxonomy

_SCORED = ("val", "test")


@dataclass(frozen=True, slots=True)
class Learning:
    """People's verdicts on N images, and what may be learned from them.

    Attributes
    ----------
    atlas : Atlas
        Read only.
    records : Records
        The N images.
    labels : ndarray of int16, shape ``(N,)``
        Number of the class that a person gave; -1 where nobody has, and of images of the val and
        test splits: their labels choose and score models, and teach nothing.
    judged : ndarray of bool, shape ``(N,)``
        Whether a person has given the image a class, in any split.
    key : str
        Of all that it depends on, for stamps; empty where there are too few verdicts to learn.
    """

    atlas: Atlas
    records: Records
    labels: NDArray[np.int16]
    judged: NDArray[np.bool_]
    key: str

    @classmethod
    def of(cls, atlas: Atlas, records: Records, taxonomy: Taxonomy) -> Learning:
        """What there is to learn from in an atlas."""
        given = verdict_labels_for_training(latest_decisions(atlas), (), taxonomy)
        number = {name: at for at, name in enumerate(taxonomy.names_with_reject)}
        labels = np.full(len(records), -1, np.int16)
        places = records.numbers_of(pa.array(given, pa.string()))
        for name, place in zip(given.values(), places.tolist(), strict=True):
            if place >= 0:
                labels[place] = number[name]
        judged = labels >= 0
        labels[_is_scored(records)] = -1
        if np.count_nonzero(labels >= 0) < LEAST_VERDICTS:
            return cls(atlas, records, labels, judged, "")
        columns = (*embedding_columns(atlas), *level_columns(atlas))
        state = [
            (name, sorted(atlas.provenance_of(name).items()), atlas.count_filled(name))
            for name in columns
        ]
        key = content_hash(labels.tobytes().hex(), np.packbits(judged).tobytes().hex(), state)
        return cls(atlas, records, labels, judged, key)

    def doubt(
        self,
        answers: NDArray[np.bool_],
        evidence: NDArray[np.float64],
        claims: NDArray[np.int16],
        n_classes: int,
    ) -> LearnedDoubt:
        """Learn a question from the verdicts, and ask it of all other images.

        Parameters
        ----------
        answers : ndarray of bool, shape ``(N,)``
            What the verdicts say; only read where there is one.
        evidence : ndarray of float64, shape ``(N,)``
            Log-odds of "yes" by the votes alone; ``nan``: not asked.
        claims : ndarray of int16, shape ``(N,)``
            What each image is claimed to be.
        n_classes : int
            K.
        """
        if not self.key:
            n = np.count_nonzero(self.labels >= 0)
            why = f"{n} verdicts on images of the train split; {LEAST_VERDICTS} are needed"
            return LearnedDoubt.abstains(why, len(self.records), n_classes)
        known = np.where(self.judged, np.where(self.labels >= 0, answers, -2), -1).astype(np.int8)
        groups, _ = self.records.codes_of_ids("group")
        question = Question(known, self.labels, evidence, claims, groups)
        return learn_doubt(looks_of(self.atlas), question, n_classes)


def _is_scored(records: Records) -> NDArray[np.bool_]:
    split, splits = records.codes("split")
    return np.array([name in _SCORED for name in splits.to_pylist()], bool)[split]
