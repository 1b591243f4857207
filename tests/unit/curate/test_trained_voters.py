"""Trained runs vote where they have learned nothing and are not scored; else they say why not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate import (
    TrainedVoter,
    audit_labels,
    explain_label,
    label,
    predict_with_runs,
    vote,
    voter_of,
)
from cosmic_morphology.curate.votes.label_model import naive_bayes_label_model
from cosmic_morphology.errors import InputError
from cosmic_morphology.settings import CurateSettings, load_settings
from cosmic_morphology.taxonomy import SkyClass, Taxonomy, load_taxonomy

SIX = load_taxonomy()
SETTINGS = CurateSettings(votes={"trained_runs": ("old",)})
GROUPS = {0: "g0", 1: "g0", 2: "nasa:x002", 3: "nasa:x003", 4: "g4", 5: "g5"}
SPLITS = {0: "train", 1: "train", 2: "val", 3: "test", 4: "train", 5: "none"}


def name(n: int) -> str:
    return f"nasa:x{n:03d}"


class Answers:
    """A run that says galaxy of everything, and remembers what it was asked."""

    def __init__(self, classes, sure=0.9):
        self.asked: list[str] = []
        self._row = np.full(len(classes), (1 - sure) / (len(classes) - 1), np.float32)
        self._row[classes.index("galaxy")] = sure

    def __call__(self, ids):
        self.asked += ids
        return np.tile(self._row, (len(ids), 1))


def old_run(*, classes=SIX.names_with_reject, sure=0.9, **changed) -> TrainedVoter:
    """It has learned from image 0 only."""
    given = {
        "name": voter_of("out/runs/old"),
        "classes": classes,
        "fingerprint": "f",
        "learned": frozenset({name(0)}),
        "groups": frozenset({"g0"}),
        "answer": Answers(list(classes), sure),
    }
    return TrainedVoter(**{**given, **changed})


def set_beliefs(atlas: Atlas, groups=GROUPS, splits=SPLITS) -> None:
    ids = [name(n) for n in groups]
    for column, values in (("group", groups), ("split", splits)):
        if values is not None:
            rows = pa.table({"id": ids, column: pa.array(list(values.values()), pa.string())})
            atlas.replace_columns(rows, ColumnProvenance(column))


@pytest.fixture
def sky(atlas: Atlas, arrival) -> Atlas:
    atlas.add([arrival(n, title="") for n in GROUPS])
    set_beliefs(atlas)
    vote(atlas, taxonomy=SIX, settings=SETTINGS)
    return atlas


def ask(atlas, run, settings=SETTINGS, taxonomy=SIX):
    done = predict_with_runs(atlas, [run], taxonomy=taxonomy, settings=settings)[run.name]
    label(atlas, taxonomy=taxonomy, settings=settings)
    return done


def heard(atlas: Atlas) -> set[str]:
    rows = atlas.read(["id", "votes"]).to_pylist()
    return {row["id"] for row in rows if any(v["voter"] == "run_old" for v in row["votes"] or ())}


def why(atlas: Atlas, n: int, settings=SETTINGS) -> str:
    return explain_label(atlas, name(n), taxonomy=SIX, settings=settings).abstained.get(
        "run_old", ""
    )


def test_a_run_votes_on_nothing_that_it_has_learned_from_or_is_scored_on(sky):
    run = old_run()
    done = ask(sky, run)
    assert heard(sky) == {name(4), name(5)} == set(run.answer.asked)
    assert (done.filled, done.votes) == (2, 2)
    assert [why(sky, n) for n in range(6)] == [
        "it has learned from the image, or from one of its group",
        "it has learned from the image, or from one of its group",
        "the image is of the val or test split",
        "the image is of the val or test split",
        "",
        "",
    ]
    assert sum(done.abstained.values()) == 4


def test_what_has_joined_the_group_of_a_learned_image_since_is_not_voted_on(sky):
    ask(sky, old_run())
    # The copy of a learned image is found only now, and the group gets another name.
    set_beliefs(sky, {**GROUPS, 0: "g4", 1: "g1"}, None)
    label(sky, taxonomy=SIX, settings=SETTINGS)
    assert heard(sky) == {name(5)}
    assert why(sky, 4) == "it has learned from an image that is of the group now"


def test_an_image_that_comes_into_the_test_loses_the_vote_without_being_asked_again(sky):
    ask(sky, old_run())
    before = {row["id"]: row["label"] for row in sky.read(["id", "label"]).to_pylist()}
    assert before[name(5)] == "galaxy"
    set_beliefs(sky, GROUPS, {**SPLITS, 5: "test"})
    label(sky, taxonomy=SIX, settings=SETTINGS)
    after = {row["id"]: row["label"] for row in sky.read(["id", "label"]).to_pylist()}
    assert (after[name(4)], after[name(5)]) == ("galaxy", None)


def test_the_weights_are_the_probabilities_and_an_unsure_run_says_nothing(sky):
    ask(sky, old_run(sure=0.88))
    told = explain_label(sky, name(4), taxonomy=SIX, settings=SETTINGS)
    best = told.votes[0]
    assert (best.voter, best.label, best.weight) == ("run_old", "galaxy", pytest.approx(0.88))
    assert "run_old: a trained run that has not learned from its group" in "\n".join(told.lines())
    strict = CurateSettings(votes={"trained_runs": ("old",), "trained_run_min_confidence": 0.9})
    label(sky, taxonomy=SIX, settings=strict)
    assert heard(sky) == set()
    assert why(sky, 4, strict) == "it is not sure enough"


def test_asking_and_labelling_twice_changes_nothing(sky):
    ask(sky, old_run())
    version = str(sky.version)
    again = ask(sky, old_run())
    assert (again.filled, str(sky.version)) == (0, version)
    other = ask(sky, old_run(fingerprint="other weights", sure=0.6))
    assert other.filled == 2


def test_a_run_that_is_named_no_more_is_heard_no_more(sky):
    ask(sky, old_run())
    for quiet in (
        CurateSettings(),
        CurateSettings(votes={"trained_runs": ("old",), "disabled": ("run_old",)}),
    ):
        assert label(sky, taxonomy=SIX, settings=quiet).evidence == ()
        assert heard(sky) == set()
        assert label(sky, taxonomy=SIX, settings=SETTINGS).evidence == ("run_old",)
        assert heard(sky) == {name(4), name(5)}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"learned": None, "groups": None}, "it has no record of what it learned from"),
        (
            {"learned": frozenset({name(0), "elsewhere:1"})},
            "it learned from images that this atlas does not have",
        ),
    ],
)
def test_a_run_that_cannot_prove_what_it_has_learned_from_is_mute(sky, record, reason):
    ask(sky, old_run())
    run = old_run(**record)
    done = ask(sky, run)
    assert (run.answer.asked, done.filled, done.votes) == ([], 0, 0)
    assert done.abstained == {reason: 6}
    assert heard(sky) == set()
    assert why(sky, 5) == "nobody can tell whether it has learned from the image"


def test_without_groups_nobody_knows_what_is_a_copy_and_the_run_is_mute(atlas, arrival):
    atlas.add([arrival(n, title="") for n in range(3)])
    vote(atlas, taxonomy=SIX, settings=SETTINGS)
    done = ask(atlas, old_run())
    assert done.votes == 0
    assert done.abstained == {
        "the image's group is not known": 2,
        "it has learned from the image, or from one of its group": 1,
    }


def test_an_image_that_cannot_be_read_is_an_abstention_and_is_not_asked_again(sky):
    def broken(ids):
        return np.full((len(ids), 7), np.nan, np.float32)

    assert ask(sky, old_run(answer=broken)).abstained["it cannot read the image"] == 2
    assert heard(sky) == set()
    assert ask(sky, old_run(answer=broken)).filled == 0


def test_an_image_that_came_since_is_asked_about_when_the_run_is_asked_again(sky, arrival):
    ask(sky, old_run())
    sky.add([arrival(6, title="")])
    vote(sky, taxonomy=SIX, settings=SETTINGS)
    label(sky, taxonomy=SIX, settings=SETTINGS)
    assert why(sky, 6) == "nobody can tell whether it has learned from the image"
    set_beliefs(sky, {**GROUPS, 6: "g6"}, {**SPLITS, 6: None})
    assert ask(sky, old_run()).filled == 1
    assert name(6) in heard(sky)


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (
            (*SIX.names[:-1], "barred spiral"),
            r"old: the run knows barred spiral, .* and does not know star",
        ),
        (SIX.names[1:], "old: the run does not know asteroid"),
        ((*SIX.names, "barred spiral"), "knows barred spiral, which the taxonomy does not"),
    ],
)
def test_a_run_of_another_taxonomy_is_refused_before_it_is_asked(sky, classes, says):
    run = old_run(classes=classes)
    with pytest.raises(InputError, match=rf"{says}.*curate\.votes\.trained_runs"):
        ask(sky, run)
    assert run.answer.asked == []


def test_two_runs_of_one_name_are_refused(sky):
    with pytest.raises(InputError, match=r"old: two runs of one name.*Rename"):
        predict_with_runs(sky, [old_run(), old_run()], taxonomy=SIX, settings=SETTINGS)


def test_answers_about_the_classes_of_another_taxonomy_are_not_heard(sky):
    two = Taxonomy(classes=(SkyClass(name="galaxy"), SkyClass(name="ringed")))
    ask(sky, old_run(classes=("ringed", "galaxy")), taxonomy=two)
    assert label(sky, taxonomy=SIX, settings=SETTINGS).evidence == ()
    assert why(sky, 4) == "it has not been asked yet"


def test_a_run_without_the_reject_class_says_nothing_for_or_against_it(sky):
    run = old_run(classes=tuple(reversed(SIX.names)))
    ask(sky, run)
    told = explain_label(sky, name(4)).votes
    assert told[0].label == "galaxy"
    assert "irrelevant" not in {each.label for each in told}
    rocket = {"voter": "title", "label": "irrelevant", "weight": 0.9}
    cast = [{"voter": v.voter, "label": v.label, "weight": v.weight} for v in told]
    alone, both = naive_bayes_label_model([[rocket], [rocket, *cast]], SIX.names_with_reject)
    galaxy = SIX.names_with_reject.index("galaxy")
    assert both[-1] / both[galaxy] == pytest.approx(alone[-1] / alone[galaxy])


def test_many_runs_that_agree_are_one_voice(sky):
    def said(*voters):
        rest = 0.1 / 6
        return [
            {"voter": voter, "label": each, "weight": 0.9 if each == "galaxy" else rest}
            for voter in voters
            for each in SIX.names_with_reject
        ]

    one, three, image = naive_bayes_label_model(
        [said("run_a"), said("run_a", "run_b", "run_c"), said("image")], SIX.names_with_reject
    )
    assert three == pytest.approx(one)
    assert one.max() < image.max()


def test_the_audit_measures_a_run_like_every_voter(sky, tmp_path):
    ask(sky, old_run())
    truth = tmp_path / "truth.csv"
    truth.write_text(f"id,class\n{name(0)},star\n{name(4)},galaxy\n{name(5)},star\n")
    table = audit_labels(sky, truth, taxonomy=SIX)
    assert table.get("run_old", "precision").value == pytest.approx(1 / 2)
    assert table.get("run_old", "coverage").value == pytest.approx(2 / 3)


def test_runs_of_a_settings_file_are_named_or_lie_beside_it(tmp_path):
    file = tmp_path / "deep" / "cosmic.toml"
    file.parent.mkdir()
    file.write_text('[curate.votes]\ntrained_runs = ["mine", "runs/first", "/far/away"]\n')
    found = load_settings(file).curate.votes.trained_runs
    assert found == ("mine", str(tmp_path / "deep/runs/first"), "/far/away")
    assert [voter_of(each) for each in found] == ["run_mine", "run_first", "run_away"]
