"""A score in plain words."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import f1_score

from cosmic_morphology.evaluate.judgement import Judgement, guessing_macro_f1
from cosmic_morphology.learn.models import at_hand
from cosmic_morphology.pipeline.start import findings
from cosmic_morphology.pipeline.start import start as start_module
from cosmic_morphology.pipeline.start.decide import taxonomy_of, toml_text
from cosmic_morphology.settings import LearnSettings
from cosmic_morphology.stats.score import Score


def judged(value, low, high, n=100, groups=100, labels="checked", guessing=0.2):
    score = Score("macro-F1", value, (low, high), n, groups, labels, "groups")
    return Judgement(score, guessing)


def test_a_score_whose_interval_reaches_down_to_guessing_is_not_better():
    assert judged(0.4, 0.21, 0.6).is_better_than_guessing
    poor = judged(0.4, 0.17, 0.63)
    assert not poor.is_better_than_guessing
    assert poor.sentence().startswith("Not shown to be better than guessing (0.20)")


def test_the_sentence_names_test_images_and_groups():
    assert judged(0.4, 0.3, 0.63, n=35, groups=35).sentence() == (
        "Better than guessing (0.20); the interval is wide: 35 test images."
    )
    assert "35 test images in 9 independent groups" in judged(0.4, 0.3, 0.7, 35, 9).sentence()
    assert "interval is narrow" in judged(0.9, 0.88, 0.92).sentence()
    assert "Nobody has checked" in judged(0.9, 0.88, 0.92, labels="computed").caution
    assert not judged(0.9, 0.88, 0.92).caution
    assert "rendered" in judged(0.9, 0.88, 0.92, labels="rendered").caution


def test_ten_right_answers_of_ten_prove_little():
    all_right = judged(1.0, 1.0, 1.0, n=10, groups=10)
    assert all_right.is_wide
    assert "10 test images are too few" in all_right.sentence()
    assert not judged(1.0, 1.0, 1.0, n=500, groups=500).is_wide


def test_twice_too_wide_needs_four_times_the_images():
    assert judged(0.5, 0.3, 0.7).images_wanted(labelled=100) == 300
    assert judged(0.5, 0.45, 0.55).images_wanted(labelled=100) == 0


def test_guessing_is_what_scikit_learn_gets_by_guessing():
    rng = np.random.default_rng(3)
    truth = np.repeat([0, 1, 2], [600, 300, 100])
    confusion = np.zeros((3, 4))
    confusion[:, 3] = np.bincount(truth)
    found = []
    for strategy in ("uniform", "most_frequent"):
        guess = DummyClassifier(strategy=strategy, random_state=int(rng.integers(99)))
        answers = guess.fit(truth[:, None], truth).predict(truth[:, None])
        found.append(f1_score(truth, answers, average="macro", zero_division=0))
    assert guessing_macro_f1(confusion) == pytest.approx(max(found), abs=0.03)


def test_weights_that_lie_here_are_taken_before_any_others(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    learn = LearnSettings(backbone="resnet50")
    assert at_hand.weights_at_hand(learn) is None
    for name in ("resnet18.a1_in1k", "no_such_model"):
        (tmp_path / f"models--timm--{name}").mkdir()
    here = {"resnet18.a1_in1k": ""}
    monkeypatch.setattr(
        at_hand, "why_not_at_hand", lambda each: here.get(each.backbone, "not here")
    )
    assert at_hand.weights_at_hand(learn).backbone == "resnet18.a1_in1k"
    here["convnext-nano"] = ""
    assert at_hand.weights_at_hand(learn).backbone == "convnext-nano"
    here["resnet50"] = ""
    assert at_hand.weights_at_hand(learn).backbone == "resnet50"


def test_settings_that_are_written_are_read_the_same():
    values = {
        "atlas": 'a "quoted" näme\\',
        "split": {"train": 0.7, "flags": {"on": True}},
        "sources": [{"path": "/x", "columns": {"my file": "é"}}, {"path": "/y"}],
        "words": ["a", "b"],
    }
    assert tomllib.loads(toml_text({**values, "nothing": None})) == values


def test_labels_of_any_script_become_classes_of_their_own():
    found = taxonomy_of({"Spirale": 5, "туманность": 3, "irrelevant": 2, "spirale!": 1})
    assert found.names == ("spirale", "class 2")
    assert found.class_of_word["туманность"] == "class 2"


def test_the_likeliest_mislabelled_are_named_with_what_they_should_be():
    def row(name, score, *, flagged=True):
        return {
            "id": name,
            "mislabel_flag": flagged,
            "mislabel_score": score,
            "suggested_label": "comet",
        }

    rows = [row("b", 0.2), row("a", 0.05), row("fine", 0.9, flagged=False), row("c", 0.3)]
    (line,) = findings._on_mislabels([*rows, row("d", 0.4)])
    assert line.startswith("4 labels are doubtful; the likeliest mislabelled: a (rather comet), b ")
    assert "c (rather comet)" in line
    assert "d (" not in line
    assert "fine" not in line
    assert list(findings._on_mislabels([row("fine", 0.9, flagged=False)])) == []


@pytest.mark.parametrize(
    ("offline", "answers", "here", "taken"),
    [
        (True, True, None, ("mobilenetv3_small_075", "bundled")),
        (False, False, None, ("mobilenetv3_small_075", "bundled")),
        (False, True, None, ("resnet50", "pretrained")),
        (True, True, LearnSettings(backbone="convnext-nano"), ("convnext-nano", "pretrained")),
    ],
    ids=["offline", "no hub", "hub", "at hand"],
)
def test_a_start_takes_the_weights_of_the_hub_or_those_at_hand_or_the_bundled_ones(
    monkeypatch, offline, answers, here, taken
):
    monkeypatch.setattr(at_hand, "why_not_at_hand", lambda _: "not here")
    monkeypatch.setattr(at_hand, "weights_at_hand", lambda _: here)
    found = start_module._weights(LearnSettings(), lambda: answers and not offline)
    assert (found.backbone, found.weights) == taken
