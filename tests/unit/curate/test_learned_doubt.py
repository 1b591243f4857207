"""Doubt learned from verdicts: it needs enough of them, of the train split, and says how many."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from drawn_images import make_arrival

from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.curate.labels.doubt import LEAST_VERDICTS, Question, learn_doubt
from cosmic_morphology.curate.labels.mislabels import check_mislabels
from cosmic_morphology.curate.labels.relevance import check_relevance
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()
SETTINGS = CurateSettings()
AT = datetime(2026, 1, 1, tzinfo=UTC)
N = 160
IDS = [f"nasa:x{n:03d}" for n in range(N)]
# Of a folder "planet" a third is artwork, which looks otherwise; the votes do not see it.
IS_ARTWORK = np.arange(N) % 3 == 0


def looks(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.4, (N, 8))
    noise[:, 0] += np.where(IS_ARTWORK, 1.5, -1.5)
    return noise.astype(np.float32)


def question(judged: np.ndarray, **changed: np.ndarray) -> Question:
    answers = np.where(judged, IS_ARTWORK, -1).astype(np.int8)
    given = {
        "answers": answers,
        "labels": np.where(judged, np.where(IS_ARTWORK, 1, 0), -1).astype(np.int16),
        "evidence": np.random.default_rng(1).normal(size=N),
        "claims": np.zeros(N, np.int16),
        "groups": np.arange(N, dtype=np.int32),
    }
    return Question(**(given | changed))


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_look_alikes_of_what_people_found_wrong_are_doubted():
    judged = np.arange(N) < 90
    found = learn_doubt(unit(looks()), question(judged), 2)
    assert (found.verdicts, found.why_not) == (90, "")
    assert np.isnan(found.likely[judged]).all()
    asked = ~judged
    assert ((found.likely[asked] > 0.5) == IS_ARTWORK[asked]).mean() > 0.95
    assert (found.classes[asked].argmax(axis=1) == IS_ARTWORK[asked]).mean() > 0.95


@pytest.mark.parametrize(("n", "says"), [(LEAST_VERDICTS - 1, "50 and 10"), (0, "0 of 0 verdicts")])
def test_it_abstains_below_the_number_that_suffices(n, says):
    found = learn_doubt(unit(looks()), question(np.arange(N) < n), 2)
    assert found.verdicts == 0
    assert says in found.why_not
    assert np.isnan(found.likely).all()


def test_it_abstains_where_one_kind_of_answer_is_rare():
    judged = (np.arange(N) < 120) & ~(IS_ARTWORK & (np.arange(N) > 20))
    assert learn_doubt(unit(looks()), question(judged), 2).verdicts == 0


def test_copies_of_one_image_on_both_sides_do_not_make_it_look_able():
    # Nothing but the group tells the answers: pairs look the same, and nothing else does.
    pair = np.arange(N) // 2
    seen = unit(np.random.default_rng(2).normal(size=(N, 60)))[pair].astype(np.float32)
    answers = (pair % 2).astype(np.int8)
    told = {
        "answers": answers,
        "labels": answers.astype(np.int16),
        "evidence": answers + np.random.default_rng(3).normal(0, 0.7, N),
    }
    everyone = np.ones(N, bool)
    together = question(everyone, groups=pair.astype(np.int32), **told)
    found = learn_doubt(seen, together, 2)
    assert (found.verdicts, "the votes alone" in found.why_not) == (0, True)
    assert learn_doubt(seen, question(everyone, **told), 2).verdicts == N


def test_images_without_embeddings_or_claim_are_not_asked():
    seen, judged = unit(looks()), np.arange(N) < 90
    seen[100] = np.nan
    asked = question(judged)
    asked.evidence[101] = np.nan
    found = learn_doubt(seen, asked, 2)
    assert np.isnan(found.likely[[100, 101]]).all()
    assert np.isfinite(found.likely[102:]).all()
    assert learn_doubt(np.empty((N, 0), np.float32), asked, 2).verdicts == 0


@pytest.fixture
def strangers(atlas):
    """A folder "planet", a third of it artwork; other voters know nothing of it."""
    atlas.add([make_arrival(n, queries=()) for n in range(N)])
    chance = np.random.default_rng(5)
    votes = [
        [
            {"voter": "folder", "label": "planet", "weight": 0.66, "reason": ""},
            {"voter": "title", "label": chance.choice(["planet", SIX.reject]), "weight": 0.5,
             "reason": ""},
        ]
        for _ in range(N)
    ]  # fmt: skip
    atlas.replace_columns(pa.table({"id": IDS, "votes": votes}), ColumnProvenance("votes"))
    splits = ["test" if n >= 140 else "train" for n in range(N)]
    atlas.replace_columns(pa.table({"id": IDS, "split": splits}), ColumnProvenance("split"))
    flat = pa.array(looks().astype(np.float16).ravel())
    vectors = pa.FixedSizeListArray.from_arrays(flat, 8)
    atlas.replace_columns(
        pa.table({"id": pa.array(IDS), "levels_net": vectors}), ColumnProvenance("embed")
    )
    return atlas


def judge(atlas, places):
    atlas.append_decisions(
        [
            {
                "id": IDS[at],
                "verdict": "drop" if IS_ARTWORK[at] else "label",
                "label": "" if IS_ARTWORK[at] else "planet",
                "who": "ada",
                "at": AT,
                "why": "",
            }
            for at in places
        ]
    )


def columns(atlas, *names):
    return atlas.read(["id", *names]).sort_by("id").to_pydict()


def test_the_checks_say_how_many_verdicts_they_have_learned_from(strangers):
    judge(strangers, range(80))
    done = check_mislabels(strangers, taxonomy=SIX, settings=SETTINGS)
    assert (done.learned_from, done.not_learned) == (80, "")
    found = columns(strangers, "mislabel_flag", "mislabel_reason", "suggested_label")
    flags = np.array(found["mislabel_flag"])
    assert (flags[80:] == IS_ARTWORK[80:]).mean() > 0.95
    at = 80 + int(np.flatnonzero(flags[80:] & IS_ARTWORK[80:])[0])
    assert "learned from 80 verdicts" in found["mislabel_reason"][at]
    assert found["suggested_label"][at] == SIX.reject
    relevance = check_relevance(strangers, taxonomy=SIX, settings=SETTINGS)
    assert relevance.learned_from == 80
    flags = np.array(columns(strangers, "relevance_flag")["relevance_flag"])
    assert (flags[80:] == IS_ARTWORK[80:]).mean() > 0.95


def test_verdicts_on_test_images_teach_nothing(strangers):
    judge(strangers, [*range(45), *range(140, N)])
    done = check_mislabels(strangers, taxonomy=SIX, settings=SETTINGS)
    assert done.learned_from == 0
    assert "45 verdicts on images of the train split" in done.not_learned
    before = columns(strangers, "mislabel_score", "mislabel_flag")
    judge(strangers, range(45, 60))
    learned = check_mislabels(strangers, taxonomy=SIX, settings=SETTINGS)
    assert (learned.learned_from, learned.changed) == (60, True)
    after = columns(strangers, "mislabel_score", "mislabel_flag")
    assert after != before
    assert not check_mislabels(strangers, taxonomy=SIX, settings=SETTINGS).changed


def test_without_embeddings_the_votes_decide_as_before(strangers):
    strangers_votes = check_mislabels(strangers, taxonomy=SIX, settings=SETTINGS)
    assert strangers_votes.learned_from == 0
    assert "0 verdicts" in strangers_votes.not_learned
