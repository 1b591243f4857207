"""Volunteers' votes as soft labels: what is learned is their shares, and nothing else weighs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cosmic_morphology.learn.data.batches import Examples
from cosmic_morphology.learn.data.dataset import examples_of_labels, examples_of_votes
from cosmic_morphology.learn.models.network import Head
from cosmic_morphology.learn.recipes import load_recipe
from cosmic_morphology.learn.training.inputs import shares_of
from cosmic_morphology.learn.training.logistic_head import fit_logistic_head_cv
from cosmic_morphology.stats.calibration import temperature_for, weighted_ece

RECIPE = load_recipe("volunteer-votes")


def row(number: int, **said: object) -> dict:
    votes = [
        {"voter": "volunteers", "label": "spiral", "weight": 0.6, "people": 40},
        {"voter": "volunteers", "label": "elliptical", "weight": 0.4, "people": 40},
        {"voter": "folder", "label": "star", "weight": 0.66, "people": None},
    ]
    return {
        "id": f"a:{number}", "label": "spiral", "split": "train", "group": f"g{number}",
        "label_confidence": 0.6, "label_kind": "volunteers", "votes": votes, **said,
    }  # fmt: skip


def test_a_majority_of_volunteers_is_learned_as_their_shares_with_full_weight():
    (example,) = examples_of_labels([row(1)])
    assert example.shares == {"spiral": 0.6, "elliptical": 0.4}
    assert example.weight == 1.0


def test_a_verdict_of_a_person_is_learned_instead_of_the_shares():
    (example,) = examples_of_labels([row(1, label_kind="checked", label="star")])
    assert (example.label, example.shares) == ("star", {})


def test_training_on_the_voter_has_the_shares_too():
    (example,) = examples_of_votes([row(1)], "volunteers")
    assert (example.label, example.shares) == ("spiral", {"spiral": 0.6, "elliptical": 0.4})
    assert examples_of_votes([row(1)], "folder")[0].shares == {}


def test_shares_of_what_is_no_class_of_the_run_are_left_out():
    found = shares_of(examples_of_labels([row(1), row(2, label_kind="checked")]), ("spiral", "x"))
    assert found.tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert shares_of(examples_of_labels([row(1, label_kind="computed")]), ("spiral",)) is None


def test_a_solved_head_gives_the_shares_where_images_look_alike():
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1], 60)
    inputs = torch.tensor(rng.normal(size=(120, 1, 4)) + 6 * kinds[:, None, None]).float()
    shares = torch.tensor(np.where(kinds[:, None] == 1, [0.2, 0.8], [0.7, 0.3])).float()
    examples = Examples(inputs, shares.argmax(1), torch.ones(120), shares=shares)
    head = Head(4, 2)
    head.standardise(inputs.mean(1))
    found = fit_logistic_head_cv(
        head,
        examples,
        [f"g{at}" for at in range(120)],
        RECIPE.model_copy(update={"l2_strengths": (1e-4,)}),
        seed=1,
    )
    said = torch.softmax(head(inputs), 1).detach().numpy()
    assert said[kinds == 0].mean(0) == pytest.approx([0.7, 0.3], abs=0.01)
    assert said[kinds == 1].mean(0) == pytest.approx([0.2, 0.8], abs=0.01)
    # Held back in turn, they say the same; the majority alone would be said with certainty.
    held = torch.softmax(torch.tensor(found.logits), 1).numpy()
    assert held[kinds == 0].mean(0) == pytest.approx([0.7, 0.3], abs=0.05)


def test_the_recipe_for_votes_weighs_by_nothing_else():
    assert RECIPE.class_weights == "none"
    assert not RECIPE.weight_by_label_confidence


def test_a_temperature_for_shares_makes_the_probabilities_them():
    logits = np.tile(np.log([[0.9, 0.1]]), (50, 1)) * 3
    shares = np.tile([[0.6, 0.4]], (50, 1))
    temperature = temperature_for(logits, shares)
    said = np.exp(logits / temperature)
    assert (said / said.sum(1, keepdims=True))[0] == pytest.approx([0.6, 0.4], abs=1e-3)


def test_calibration_against_shares_is_nothing_for_the_shares_themselves():
    shares = np.array([[0.6, 0.4], [0.3, 0.7]])
    ones = np.ones((1, 2), np.float32)
    assert weighted_ece(shares, shares)(ones)[0] == 0
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert weighted_ece(sure, shares)(ones)[0] == pytest.approx(0.35)


def test_a_step_of_a_network_goes_towards_the_shares():
    shares = torch.tensor([[0.6, 0.4], [0.1, 0.9]])
    examples = Examples(torch.zeros(2, 3), shares.argmax(1), torch.ones(2), shares=shares)
    assert examples[torch.tensor([1])]["target"].tolist() == shares[1:].tolist()
    assert examples.counts(2).tolist() == pytest.approx([0.7, 1.3])
    assert next(examples.parts(1)).shares.tolist() == shares[:1].tolist()
