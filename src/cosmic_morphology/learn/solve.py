"""A linear head that is solved for, not stepped towards: no rate, no epochs, no noise."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch.nn import functional
from torchmetrics.functional.classification import multiclass_f1_score

from cosmic_morphology.errors import TrainingError
from cosmic_morphology.learn.batches import Examples
from cosmic_morphology.learn.module import class_weights
from cosmic_morphology.learn.network import Head
from cosmic_morphology.learn.recipes import Recipe

_MOST_STEPS = 500


@dataclass(frozen=True, slots=True)
class Solved:
    """How a head was found.

    Attributes
    ----------
    history : list of dict
        One row for each penalty that was tried, the strongest first.
    best : int
        Number of the row that was taken, counted from 1.
    notes : list of str
        What a person should know.
    """

    history: list[dict[str, float]]
    best: int
    notes: list[str]


def solve_head(
    head: Head,
    train: Examples,
    val: Examples,
    recipe: Recipe,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Solved:
    """Fill a linear head with the weights of the least loss under an L2 penalty.

    The loss is the mean cross-entropy, weighed by class and by picture, plus half of the penalty
    times the squared length of the weights (multinomial logistic regression, by scikit-learn's
    L-BFGS). Each of the recipe's penalties is tried; the val split chooses by the recipe's
    ``monitor``. Without a val split the middle one is taken.

    Parameters
    ----------
    head : Head
        Linear; it already knows mean and scale of the features.
    train, val : Examples
        Features of shape ``(N, F)``, those of val also ``(N, views, F)``.
    recipe : Recipe
        ``penalties``, ``class_weights``, ``logit_adjustment``, ``monitor``.
    progress : callable, optional
        Called with penalties done and in all.

    Raises
    ------
    TrainingError
        The features are no numbers.
    """
    inputs = head.standardised(train.inputs).numpy()
    if not np.isfinite(inputs).all():
        raise TrainingError(
            "the backbone sees values that are no numbers",
            where="training",
            todo="Look for damaged weights: `cosmic embed` with another file, or the hub's.",
        )
    counts = torch.bincount(train.targets, minlength=head.n_classes).float()
    weights = (class_weights(counts, recipe.class_weights)[train.targets] * train.weights).numpy()
    penalties = sorted(recipe.penalties, reverse=True)
    found, history, notes = [], [], []
    # The strongest first: each answer is a good start for the next.
    solver = LogisticRegression(max_iter=_MOST_STEPS, warm_start=True)
    for number, penalty in enumerate(penalties):
        began = time.perf_counter()
        solver.set_params(C=1.0 / (penalty * float(weights.sum())))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", ConvergenceWarning)
            solver.fit(inputs, train.targets.numpy(), sample_weight=weights)
        if any(issubclass(each.category, ConvergenceWarning) for each in told):
            notes.append(f"penalty {penalty}: stopped after {_MOST_STEPS} steps, before the end")
        _fill(head, solver)
        found.append({key: value.clone() for key, value in head.state_dict().items()})
        history.append(
            {
                "penalty": penalty,
                **_scores(head, val),
                "seconds": round(time.perf_counter() - began, 3),
            }
        )
        if progress:
            progress(number + 1, len(penalties))
    best = _best(history, recipe.monitor)
    head.load_state_dict(found[best])
    return Solved(history, best + 1, notes)


def _fill(head: Head, solver: LogisticRegression) -> None:
    weights, bias = solver.coef_, solver.intercept_
    if len(solver.classes_) == 2:
        # scikit-learn keeps the difference of the two.
        weights, bias = np.stack([-weights[0], weights[0]]) / 2, np.array([-bias[0], bias[0]]) / 2
    last = head.layers[-1]
    with torch.no_grad():
        last.get_parameter("weight").zero_()
        # A class without pictures is never the answer.
        last.get_parameter("bias").fill_(float(bias.min()) - 10.0)
        last.get_parameter("weight")[solver.classes_] = torch.from_numpy(weights).float()
        last.get_parameter("bias")[solver.classes_] = torch.from_numpy(bias).float()


def _scores(head: Head, val: Examples) -> dict[str, float]:
    if not len(val):
        return {}
    head.eval()
    with torch.inference_mode():
        scores = head(val.inputs)
    return {
        "val_loss": float(functional.cross_entropy(scores, val.targets)),
        "val_macro_f1": float(
            multiclass_f1_score(scores, val.targets, head.n_classes, average="macro")
        ),
    }


def _best(history: list[dict[str, float]], monitor: str) -> int:
    if monitor not in history[0]:
        return len(history) // 2
    sign = -1.0 if monitor == "val_loss" else 1.0
    return max(range(len(history)), key=lambda row: sign * history[row][monitor])
