"""A head that is solved for: what it finds, what it says of itself, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cosmic_morphology.errors import SettingsError, TrainingError
from cosmic_morphology.learn.data.batches import Examples
from cosmic_morphology.learn.models.network import Head
from cosmic_morphology.learn.recipes import Recipe, load_recipe
from cosmic_morphology.learn.training.logistic_head import fit_logistic_head, fit_logistic_head_cv

CENTRES = np.array([[4.0, 0, 0], [0, 4, 0], [0, 0, 4]])


def examples(counts: list[int], *, seed: int = 0, views: int = 0, noise: float = 1.0) -> Examples:
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(len(counts)), counts)
    shape = (len(targets), views, 3) if views else (len(targets), 3)
    centres = CENTRES[targets][:, None] if views else CENTRES[targets]
    inputs = centres + noise * rng.normal(size=shape)
    return Examples(
        torch.tensor(inputs, dtype=torch.float32),
        torch.tensor(targets),
        torch.ones(len(targets)),
    )


def recipe(**asked: object) -> Recipe:
    return Recipe.model_validate({"optimiser": "lbfgs", "monitor": "val_loss", **asked})


def head_for(train: Examples, n_classes: int = 3) -> Head:
    head = Head(3, n_classes)
    head.standardise(train.inputs)
    return head


def test_the_weights_have_the_least_loss_under_the_penalty():
    train = examples([20, 30, 40], noise=3.0)
    head = head_for(train)
    fit_logistic_head(
        head, train, examples([0, 0, 0]), recipe(l2_strengths=[0.1], class_weights="none")
    )
    weight = head.layers[-1].weight.detach().clone().requires_grad_()
    bias = head.layers[-1].bias.detach().clone().requires_grad_()
    scores = head.standardised(train.inputs) @ weight.T + bias
    loss = torch.nn.functional.cross_entropy(scores, train.targets) + 0.05 * weight.square().sum()
    loss.backward()
    assert weight.grad.abs().max() < 1e-3
    assert bias.grad.abs().max() < 1e-3


def test_fewer_images_than_features_are_solved_to_the_same_end():
    rng = np.random.default_rng(3)
    inputs = torch.tensor(rng.normal(size=(12, 40)), dtype=torch.float32)
    train = Examples(inputs, torch.arange(12) % 3, torch.ones(12))
    head = Head(40, 3)
    fit_logistic_head(
        head, train, examples([0, 0, 0]), recipe(l2_strengths=[0.1], class_weights="none")
    )
    weight = head.layers[-1].weight.detach().clone().requires_grad_()
    scores = head.standardised(inputs) @ weight.T + head.layers[-1].bias.detach()
    loss = torch.nn.functional.cross_entropy(scores, train.targets) + 0.05 * weight.square().sum()
    loss.backward()
    assert weight.grad.abs().max() < 1e-3


def test_the_val_split_chooses_the_penalty():
    train, val = examples([4, 4, 4], noise=4.0), examples([99, 99, 99], seed=1, noise=4.0)
    found = fit_logistic_head(head_for(train), train, val, recipe(l2_strengths=[1e-4, 0.3, 300.0]))
    losses = {row["penalty"]: row["val_loss"] for row in found.history}
    assert list(losses) == [300.0, 0.3, 1e-4]
    assert found.history[found.best - 1]["penalty"] == min(losses, key=losses.get) == 0.3


def test_views_of_a_val_image_are_averaged_and_an_empty_val_takes_the_middle():
    train = examples([10, 10, 10])
    seen = fit_logistic_head(head_for(train), train, examples([5, 5, 5], seed=2, views=4), recipe())
    assert seen.history[0]["val_macro_f1"] == 1.0
    blind = fit_logistic_head(head_for(train), train, examples([0, 0, 0]), recipe())
    assert blind.history[blind.best - 1]["penalty"] == 0.3


@pytest.mark.parametrize(("counts", "lacking"), [([10, 0, 10], 1), ([0, 12, 9], 0)])
def test_a_class_without_images_is_never_the_answer(counts, lacking):
    train = examples(counts)
    head = head_for(train)
    fit_logistic_head(head, train, examples([3, 3, 3], seed=3), recipe())
    with torch.inference_mode():
        answers = head(examples([9, 9, 9], seed=4).inputs).argmax(1)
        told = head(train.inputs).argmax(1)
    assert lacking not in answers.tolist()
    assert torch.equal(told, train.targets)


def test_answers_across_folds_come_from_heads_that_have_not_seen_the_group():
    # Each group has a mark of its own that gives its class away, and nothing else does.
    groups = [f"group {n // 2}" for n in range(40)]
    inputs = torch.zeros(40, 2, 20)
    inputs[torch.arange(40), :, torch.arange(40) // 2] = 5.0
    targets = torch.tensor([n // 2 % 2 for n in range(40)])
    marked = Examples(inputs, targets, torch.ones(40))
    head = Head(20, 2)
    found = fit_logistic_head_cv(
        head, marked, groups, recipe(l2_strengths=[0.01, 0.1], cv_folds=5), seed=1
    )
    with torch.inference_mode():
        seen = head(inputs).argmax(1)
    assert torch.equal(seen, targets)
    assert found.logits.shape == (40, 2)
    assert (found.logits.argmax(1) == targets.numpy()).mean() < 0.7
    assert [set(row) for row in found.history] == [
        {"penalty", "val_loss", "val_macro_f1", "seconds"}
    ] * 2


def test_across_folds_everything_is_learnt_from_with_the_best_penalty():
    both = examples([30, 30, 30], views=4, noise=3.0)
    asked = recipe(l2_strengths=[1e-4, 0.3, 300.0], cv_folds=5)
    across, whole = Head(3, 3), Head(3, 3)
    found = fit_logistic_head_cv(across, both, [str(n) for n in range(90)], asked, seed=1)
    best = min(found.history, key=lambda row: row["val_loss"])
    first = Examples(both.inputs.mean(1), both.targets, both.weights)
    fit_logistic_head(whole, first, examples([0, 0, 0]), recipe(l2_strengths=[best["penalty"]]))
    assert found.history[found.best - 1] == best
    assert best["penalty"] < 300
    assert torch.allclose(across.layers[-1].weight, whole.layers[-1].weight, atol=1e-4)


def test_one_group_leaves_nothing_to_hold_back():
    both = examples([9, 9, 9], views=1)
    found = fit_logistic_head_cv(Head(3, 3), both, ["same"] * 27, recipe(cv_folds=5), seed=1)
    assert found.logits is None
    assert found.history[found.best - 1]["penalty"] == 0.3


@pytest.mark.parametrize("counts", [[3, 3, 3], [1, 1, 1], [4, 1, 1]])
def test_fewer_images_than_folds_in_every_class_are_enough(counts: list[int]):
    few = examples(counts, views=2, noise=0.1)
    head = Head(3, 3)
    groups = [str(n) for n in range(len(few))]
    found = fit_logistic_head_cv(head, few, groups, recipe(cv_folds=5), seed=1)
    assert (found.logits is None) == (max(counts) < 2)
    with torch.inference_mode():
        assert torch.equal(head(few.inputs.mean(1)).argmax(1), few.targets)


def test_a_rare_class_counts_as_much_as_a_frequent_one():
    train, held = examples([300, 10, 300], noise=3.0), examples([60, 60, 60], seed=5, noise=3.0)
    found = {}
    for kind in ("none", "balanced"):
        head = head_for(train)
        fit_logistic_head(head, train, held, recipe(class_weights=kind, l2_strengths=[0.1]))
        with torch.inference_mode():
            answers = head(held.inputs).argmax(1)
        found[kind] = float((answers[held.targets == 1] == 1).float().mean())
    assert found["balanced"] > found["none"] + 0.1


def test_an_image_without_weight_teaches_nothing():
    train = examples([20, 20, 20])
    wrong = Examples(
        train.inputs.repeat(2, 1),
        torch.cat([train.targets, (train.targets + 1) % 3]),
        torch.cat([torch.ones(60), torch.zeros(60)]),
    )
    heads = [head_for(train), head_for(train)]
    fit_logistic_head(heads[0], train, examples([0, 0, 0]), recipe(l2_strengths=[0.1]))
    fit_logistic_head(heads[1], wrong, examples([0, 0, 0]), recipe(l2_strengths=[0.1]))
    ours, theirs = (head.layers[-1].weight for head in heads)
    assert torch.allclose(ours, theirs, atol=2e-2)


def test_features_that_are_no_numbers_end_the_run_with_what_to_do():
    train = examples([5, 5, 5])
    head = head_for(train)
    train.inputs[3, 1] = float("nan")
    with pytest.raises(TrainingError, match="no numbers"):
        fit_logistic_head(head, train, examples([0, 0, 0]), recipe())


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('trainable = "all"', "trainable"),
        ("mixup = 0.2", "mixup"),
        ("cv_folds = 3\ncached_views = 4", "cached_views"),
        ('head = "mlp"', "head"),
    ],
)
def test_a_recipe_that_cannot_be_solved_for_is_told(tmp_path, text, key):
    path = tmp_path / "mine.toml"
    path.write_text(f'optimiser = "lbfgs"\n{text}\n', "utf-8")
    with pytest.raises(SettingsError, match=f"asked by: {key}"):
        load_recipe(str(path))
