"""What images and their copies add to the texts, and what they may not learn from."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate.labels.assign import label
from cosmic_morphology.curate.labels.mislabels import check_mislabels
from cosmic_morphology.curate.labels.relevance import check_relevance
from cosmic_morphology.curate.votes.cast import vote
from cosmic_morphology.curate.votes.derived import DerivedVoters, VoteBatch, VotingContext
from cosmic_morphology.curate.votes.embedding_probe import cross_fitted_probabilities, pca_features
from cosmic_morphology.curate.votes.label_model import DECISIVE_WEIGHT, naive_bayes_label_model
from cosmic_morphology.curate.votes.voter_accuracy import reweighted, verdicts_on_voters
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()
SETTINGS = CurateSettings()
TITLES = {"galaxy": "Spiral Galaxy", "nebula": "Emission Nebula", "irrelevant": "Rocket launch"}


def features(classes, *, seed=0, noise=0.3):
    """Points about one centre a class, in eight dimensions."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(3, 8))
    return (centres[classes] + noise * rng.normal(size=(len(classes), 8))).astype(np.float32)


def fill(atlas: Atlas, arrival, said, seen):
    """Images whose texts say ``said`` and which look like ``seen`` (both class names)."""
    names = list(TITLES)
    atlas.add(
        [
            arrival(n, title=f"{TITLES[name]} {chr(97 + n % 26)}" if name else "")
            for n, name in enumerate(said)
        ]
    )
    values = features(np.array([names.index(each) for each in seen]))
    kind = pa.list_(pa.float32(), 8)
    ids = [f"nasa:x{n:03d}" for n in range(len(said))]
    rows = pa.table({"id": ids, "embedding_tiny": pa.array(values.tolist(), kind)})
    atlas.replace_columns(rows, ColumnProvenance("embed"))
    return ids


def curate(atlas):
    vote(atlas, taxonomy=SIX, settings=SETTINGS)
    return label(atlas, taxonomy=SIX, settings=SETTINGS)


def column(atlas, name):
    rows = atlas.read(["id", name]).to_pylist()
    return {row["id"]: row[name] for row in rows}


def test_no_image_is_judged_by_a_model_that_has_seen_its_group():
    # Every group has features of its own and a random label: only leakage could predict it.
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(60), 4)
    values = np.eye(60, dtype=np.float32)[group]
    targets = rng.integers(0, 3, 60)[group]
    likely = cross_fitted_probabilities(
        values * 20, targets, np.ones(240), [f"g{n}" for n in group], 3, seed=1
    )
    assert (likely.argmax(axis=1) == targets).mean() < 0.5
    leaked = cross_fitted_probabilities(
        values * 20, targets, np.ones(240), [str(n) for n in range(240)], 3, seed=1
    )
    assert (leaked.argmax(axis=1) == targets).mean() > 0.9


def test_out_of_sample_probabilities_are_probabilities_and_repeatable():
    classes = np.arange(90) % 3
    values = pca_features(features(classes), seed=0)
    groups = [str(n) for n in range(90)]
    likely = cross_fitted_probabilities(values, classes, np.ones(90), groups, 3, seed=5)
    assert likely.sum(axis=1) == pytest.approx(1)
    assert (likely.argmax(axis=1) == classes).mean() > 0.9
    again = cross_fitted_probabilities(values, classes, np.ones(90), groups, 3, seed=5)
    np.testing.assert_array_equal(likely, again)


def test_a_silent_image_gets_the_label_of_what_it_looks_like(atlas, arrival):
    said = [*["galaxy"] * 30, *["nebula"] * 30, ""]
    ids = fill(atlas, arrival, said, [*said[:60], "nebula"])
    summary = curate(atlas)
    assert summary.evidence == ("embedding_tiny",)
    assert column(atlas, "label")[ids[-1]] == "nebula"
    cast = column(atlas, "votes")[ids[-1]]
    assert {each["voter"] for each in cast} == {"image"}


def test_without_embeddings_and_with_too_few_images_there_is_just_no_image_vote(atlas, arrival):
    fill(atlas, arrival, ["galaxy", "galaxy"], ["galaxy", "galaxy"])
    curate(atlas)
    voters = {each["voter"] for cast in column(atlas, "votes").values() for each in cast}
    assert "image" not in voters


def test_labelling_with_images_twice_changes_nothing(atlas, arrival):
    said = [*["galaxy"] * 20, *["nebula"] * 20]
    fill(atlas, arrival, said, said)
    curate(atlas)
    version = atlas.version
    assert not curate(atlas).changed
    assert atlas.version == version


def test_verdicts_teach_the_image_voter_but_never_those_of_the_test_split(atlas, arrival):
    said = [""] * 60
    ids = fill(atlas, arrival, said, [*["galaxy"] * 30, *["nebula"] * 30])
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def judge(chosen, name):
        atlas.append_decisions(
            [
                {"id": i, "verdict": "label", "label": name, "who": "ada", "at": at, "why": ""}
                for i in chosen
            ]
        )

    judge(ids[:15], "galaxy")
    judge(ids[30:45], "nebula")
    atlas.replace_columns(pa.table({"id": ids, "split": ["test"] * 60}), ColumnProvenance("split"))
    curate(atlas)
    assert column(atlas, "label")[ids[20]] is None
    atlas.replace_columns(pa.table({"id": ids, "split": ["train"] * 60}), ColumnProvenance("split"))
    curate(atlas)
    assert column(atlas, "label")[ids[20]] == "galaxy"
    assert column(atlas, "label")[ids[50]] == "nebula"


def test_a_copy_from_another_collector_is_a_witness_and_one_from_the_same_is_not():
    def cast(label_, weight):
        return [{"voter": "folder", "label": label_, "weight": weight, "reason": ""}]

    def twins(origins, checked=None):
        images = VotingContext(
            ids=["a:1", "b:1"],
            groups=["g", "g"],
            copies=["t", "t"],
            origins=origins,
            checked=checked or {},
            withheld=frozenset(),
            embeddings=[],
        )
        batch = VoteBatch(np.arange(2, dtype=np.int32), images.ids, [cast("galaxy", 0.66), []])
        voters = DerivedVoters.learned(
            lambda only: [batch], images, SIX.names_with_reject, learn_from=0.8, seed=0
        )
        return voters.add_votes(batch)

    both = twins(["a", "b"])
    assert [each["voter"] for each in both[1]] == ["duplicate"]
    assert both[1][0]["reason"] == "a copy is a:1"
    assert twins(["a", "a"])[1] == []
    (gold,) = twins(["a", "a"], {"a:1": "nebula"})[1]
    assert (gold["label"], gold["weight"]) == ("nebula", 0.99)
    assert gold["reason"] == "a person has seen its copy a:1"


def test_only_votes_on_copies_and_on_checked_images_are_gone_through():
    ids, asked = ["a:1", "b:1", "c:1", "d:1"], []
    images = VotingContext(
        ids=ids,
        groups=ids,
        copies=["t", "t", "u", "v"],
        origins=["a", "b", "c", "d"],
        checked={"d:1": "star"},
        withheld=frozenset(),
        embeddings=[],
    )
    votes = folder_votes(4)

    def batches(only):
        asked.append(only.tolist())
        there = np.flatnonzero(only).astype(np.int32)
        yield VoteBatch(there, [ids[at] for at in there], [votes[at] for at in there])

    voters = DerivedVoters.learned(batches, images, SIX.names_with_reject, learn_from=0.8, seed=0)
    assert asked == [[False, False, False, True], [True, True, False, False]]
    cast = voters.add_votes(VoteBatch(np.arange(4, dtype=np.int32), ids, votes))
    assert [len(each) for each in cast] == [2, 2, 1, 1]


def test_a_verdict_on_one_image_leaves_the_weights_of_the_like_ones_as_they_are():
    votes, ids = folder_votes(4), ["p0", "p1", "p2", "p3"]
    weighed = reweight_by_verdicts(votes, ids, ["here"] * 4, {"p1": "galaxy", "p3": "star"}, 7)
    alike = reweight_by_verdicts(votes[:1], ids[:1], ["here"], {}, 7)
    assert weighed[0] == weighed[2] != alike[0]
    # A checked image's own verdict weighs nothing on it.
    assert [each["label"] for each in weighed[1]] == ["star"]
    assert weighed[3] != weighed[0]
    assert votes[0][0]["weight"] == 0.66


def test_a_wrong_title_is_flagged_and_the_right_class_suggested(atlas, arrival):
    said = [*["galaxy"] * 30, *["nebula"] * 30]
    seen = [*said]
    seen[3] = "nebula"
    ids = fill(atlas, arrival, said, seen)
    curate(atlas)
    done = check_mislabels(atlas, taxonomy=SIX, settings=SETTINGS)
    flags = column(atlas, "mislabel_flag")
    assert flags[ids[3]]
    assert sum(flags.values()) == done.flagged <= 3
    assert column(atlas, "suggested_label")[ids[3]] == "nebula"
    assert "title says galaxy" in column(atlas, "mislabel_reason")[ids[3]]
    assert not check_mislabels(atlas, taxonomy=SIX, settings=SETTINGS).changed


def test_what_is_irrelevant_is_flagged_with_a_reason_and_darkness_is_not(atlas, arrival):
    said = [*["galaxy"] * 20, *["nebula"] * 20, *["irrelevant"] * 20, ""]
    ids = fill(atlas, arrival, said, [*said[:60], "irrelevant"])
    curate(atlas)
    done = check_relevance(atlas, taxonomy=SIX, settings=SETTINGS)
    flags = column(atlas, "relevance_flag")
    assert done.looked == 61
    assert all(flags[each] for each in ids[40:])
    assert not any(flags[each] for each in ids[:40])
    reasons = column(atlas, "relevance_reason")
    assert "launch" in reasons[ids[45]]
    voters = [part.split(": ")[0] for part in reasons[ids[45]].split("; ")]
    assert not any(f"{each}: {each}:" in reasons[ids[45]] for each in voters)
    assert reasons[ids[60]] == "image: looks like confident ones of it"


def test_images_nobody_voted_on_are_not_judged(filled):
    label(filled, taxonomy=SIX, settings=SETTINGS)
    relevance = check_relevance(filled, taxonomy=SIX, settings=SETTINGS)
    mislabel = check_mislabels(filled, taxonomy=SIX, settings=SETTINGS)
    assert (relevance.looked, relevance.flagged) == (0, 0)
    assert (mislabel.looked, mislabel.flagged) == (0, 0)


def test_a_class_with_two_images_is_no_error(atlas, arrival):
    said = [*["galaxy"] * 30, "nebula", "nebula"]
    fill(atlas, arrival, said, said)
    assert curate(atlas).labels["nebula"] == 2
    check_mislabels(atlas, taxonomy=SIX, settings=SETTINGS)


def folder_votes(count, name="star", weight=0.66):
    return [
        [{"voter": "folder", "label": name, "weight": weight, "reason": ""}] for _ in range(count)
    ]


def reweight_by_verdicts(votes, ids, origins, checked, n_classes):
    found = verdicts_on_voters(votes, ids, origins, checked, into={})
    return reweighted(votes, ids, origins, checked, found, n_classes)


def test_a_voter_that_people_found_wrong_is_believed_less_in_that_class_and_origin_only():
    votes = [*folder_votes(40), *folder_votes(40, "galaxy"), *folder_votes(40)]
    ids = [f"p{n}" for n in range(120)]
    origins = [*["here"] * 80, *["elsewhere"] * 40]
    checked = {f"p{n}": "irrelevant" for n in range(20)}
    weighed = reweight_by_verdicts(votes, ids, origins, checked, 7)
    likely = naive_bayes_label_model(weighed, SIX.names_with_reject)
    assert likely[30, SIX.names_with_reject.index("star")] < 0.25
    assert weighed[50][0]["weight"] == 0.66
    assert weighed[100][0]["weight"] == 0.66
    assert votes[30][0]["weight"] == 0.66


def test_what_people_found_where_a_voter_was_wrong_is_expected_there_again():
    votes, ids = folder_votes(40), [f"p{n}" for n in range(40)]
    checked = {f"p{n}": "irrelevant" if n < 12 else "star" for n in range(20)}
    classes = SIX.names_with_reject
    weighed = reweight_by_verdicts(votes, ids, ["here"] * 40, checked, len(classes))
    assert [each["voter"] for each in weighed[30]] == ["folder", "record_of_folder"]
    assert "12 of 20" in weighed[30][1]["reason"]
    # 8 verdicts stand for the voter's own weight: 5.28 right, the rest even over six classes.
    expected = np.full(len(classes), 8 * 0.34 / 6)
    expected[classes.index("star")] = 8 * 0.66 + 8
    expected[classes.index("irrelevant")] += 12
    assert np.allclose(
        naive_bayes_label_model(weighed[30:31], classes)[0], expected / expected.sum(), atol=1e-6
    )
    # An image that people have seen does not speak for itself.
    assert "11 of 19" in weighed[0][1]["reason"]


def test_gold_stays_gold_until_people_find_it_wrong():
    votes, ids = folder_votes(9, weight=0.99), [f"p{n}" for n in range(9)]
    for said, gold in (("star", True), ("comet", False)):
        checked = {"p0": "star", "p1": said}
        weighed = reweight_by_verdicts(votes, ids, ["here"] * 9, checked, 7)
        assert (weighed[5][0]["weight"] >= DECISIVE_WEIGHT) is gold


def test_a_verdict_does_not_weigh_votes_on_its_own_image():
    weighed = reweight_by_verdicts(folder_votes(3), ["a", "b", "c"], ["x"] * 3, {"a": "comet"}, 7)
    assert [each["label"] for each in weighed[0]] == ["star"]
    assert [each["label"] for each in weighed[1]] == ["star", "comet"]
