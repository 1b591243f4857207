"""A linear head that is solved for, not stepped towards: no rate, no epochs, no noise."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch.nn import functional

from cosmic_morphology.errors import TrainingError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.data.batches import Examples, class_weights
from cosmic_morphology.learn.models.network import Head
from cosmic_morphology.learn.recipes import Recipe
from cosmic_morphology.stats.metrics import confusion_matrix, macro_f1

_MOST_STEPS, _BATCH = 500, 1024


@dataclass(frozen=True, slots=True)
class HeadFitResult:
    """How a head was found.

    Attributes
    ----------
    history : list of dict
        One row for each penalty that was tried, the strongest first.
    best : int
        Number of the row that was taken, counted from 1.
    notes : list of str
        What a person should know.
    logits : ndarray of float32, shape ``(N, K)``
        What heads that had not seen an image's group say of it; from :func:`fit_logistic_head_cv`.
    """

    history: list[dict[str, float]]
    best: int
    notes: list[str]
    logits: np.ndarray | None = None


def fit_logistic_head(
    head: Head,
    train: Examples,
    val: Examples,
    recipe: Recipe,
    *,
    progress: Progress | None = None,
) -> HeadFitResult:
    """Fill a linear head with the weights of the least loss under an L2 penalty.

    The loss is the mean cross-entropy, weighted by class and by image, plus half of the penalty
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
        ``penalties``, ``class_weights``, ``monitor``.
    progress : callable, optional
        Called with penalties done and in all.

    Raises
    ------
    TrainingError
        The features are no numbers.
    """
    notes: list[str] = []
    heads, history = [], []
    for penalty, seconds in _along_penalties(head, train, recipe, notes, progress):
        heads.append({key: value.clone() for key, value in head.state_dict().items()})
        scores = _scores(_answers(head, val), val, recipe)
        history.append({"penalty": penalty, **scores, "seconds": seconds})
    best = _best(history, recipe.monitor)
    head.load_state_dict(heads[best])
    return HeadFitResult(history, best + 1, notes)


def fit_logistic_head_cv(
    head: Head,
    examples: Examples,
    groups: Sequence[str],
    recipe: Recipe,
    *,
    seed: int,
    progress: Progress | None = None,
) -> HeadFitResult:
    """As :func:`fit_logistic_head`, but every image is learned from, and every image has a say.

    The images are divided into the recipe's ``folds``, whole groups each. What heads of the
    other folds say of a fold chooses the penalty; then the head is solved for on all of them.

    Parameters
    ----------
    head : Head
        Linear; it already knows mean and scale of the features.
    examples : Examples
        Features of shape ``(N, views, F)``: their mean over the views is learned from, and
        answered from.
    groups : sequence of N str
        What belongs together.
    recipe : Recipe
        ``folds``, ``penalties``, ``class_weights``, ``monitor``.
    seed : int
        Of the folds.
    progress : callable, optional
        Called with fits done and in all.
    """
    notes: list[str] = []
    penalties = _strongest_first(recipe)
    logits = np.zeros((len(penalties), len(examples), head.n_classes), np.float32)
    seconds = np.zeros(len(penalties))
    parts = _folds(examples.targets.numpy(), groups, recipe.cv_folds, seed)
    for number, (learned, held) in enumerate(parts):
        mean, other = _mean_of_views(examples, learned), _rows(examples, held)
        for at, (_, took) in enumerate(_along_penalties(head, mean, recipe, notes)):
            logits[at, held] = _answers(head, other).numpy()
            seconds[at] += took
        if progress:
            progress(number + 1, len(parts) + 1)
    history = [
        {
            "penalty": penalty,
            **(_scores(torch.from_numpy(said), examples, recipe) if parts else {}),
            "seconds": round(float(took), 3),
        }
        for penalty, said, took in zip(penalties, logits, seconds, strict=True)
    ]
    best = _best(history, recipe.monitor)
    everything = _mean_of_views(examples, np.arange(len(examples)))
    one = recipe.model_copy(update={"l2_strengths": (penalties[best],)})
    for _ in _along_penalties(head, everything, one, notes):
        pass
    if progress:
        progress(len(parts) + 1, len(parts) + 1)
    return HeadFitResult(history, best + 1, sorted(set(notes)), logits[best] if parts else None)


def _strongest_first(recipe: Recipe) -> list[float]:
    return sorted(recipe.l2_strengths, reverse=True)


def _along_penalties(
    head: Head,
    train: Examples,
    recipe: Recipe,
    notes: list[str],
    progress: Progress | None = None,
) -> Iterator[tuple[float, float]]:
    """Fill the head for one penalty after the other; the penalty and the seconds it took."""
    inputs = head.standardised(train.inputs).numpy()
    if not np.isfinite(inputs).all():
        raise TrainingError(
            "the backbone sees values that are no numbers",
            where="training",
            todo="Look for damaged weights: `cosmic embed` with another file, or the hub's.",
        )
    inputs, directions = _in_their_span(inputs)
    of_class = class_weights(train.counts(head.n_classes), recipe.class_weights)
    rows, targets, share = _one_class_each(train)
    inputs = inputs[rows.numpy()]
    weights = (of_class[targets] * train.weights[rows] * share).numpy()
    penalties = _strongest_first(recipe)
    # The strongest first: each answer is a good start for the next.
    solver = LogisticRegression(max_iter=_MOST_STEPS, warm_start=True)
    for number, penalty in enumerate(penalties):
        began = time.perf_counter()
        solver.set_params(C=1.0 / (penalty * float(weights.sum())))
        # More threads than free cores make this many times slower, not faster.
        with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
            warnings.simplefilter("always", ConvergenceWarning)
            solver.fit(inputs, targets.numpy(), sample_weight=weights)
        if any(issubclass(each.category, ConvergenceWarning) for each in caught):
            notes.append(f"penalty {penalty}: stopped after {_MOST_STEPS} steps, before the end")
        _fill(head, solver, directions)
        yield penalty, round(time.perf_counter() - began, 3)
        if progress:
            progress(number + 1, len(penalties))


def _one_class_each(train: Examples) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows, classes and shares: an example that is shared counts as one of each class, by share.

    The cross-entropy against shares is the sum of those against each class, weighted by its share.
    """
    if train.shares is None:
        return torch.arange(len(train)), train.targets, torch.ones(len(train))
    rows, classes = torch.nonzero(train.shares, as_tuple=True)
    return rows, classes, train.shares[rows, classes]


def _in_their_span(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Fewer images than features, seen along as many directions as there are images.

    Penalised weights lie in the span of the images, so nothing is lost, and time is gained.
    """
    n, width = inputs.shape
    if n >= width:
        return inputs, None
    directions = np.linalg.qr(inputs.T)[0]
    return inputs @ directions, directions


def _folds(
    targets: np.ndarray, groups: Sequence[str], folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows to hold back; none where everything is one group or class."""
    # Classes are shared out to the folds: at least one must have an image for each.
    parts = min(folds, len(set(groups)), int(np.bincount(targets).max(initial=0)))
    if parts < 2:
        return []
    divider = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer images than folds is missing in some: nothing to warn of.
        warnings.simplefilter("ignore", UserWarning)
        found = list(divider.split(targets, targets, np.asarray(groups)))
    return [
        (learned, held) for learned, held in found if len(held) and len(set(targets[learned])) > 1
    ]


def _rows(examples: Examples, rows: np.ndarray) -> Examples:
    return examples.take(rows)


def _mean_of_views(examples: Examples, rows: np.ndarray) -> Examples:
    """What a linear head answers from: the mean of its answers is its answer to the mean."""
    some = _rows(examples, rows)
    return Examples(some.inputs.float().mean(1), some.targets, some.weights, shares=some.shares)


def _fill(head: Head, solver: LogisticRegression, directions: np.ndarray | None) -> None:
    weights, bias = solver.coef_, solver.intercept_
    if directions is not None:
        weights = weights @ directions.T
    if len(solver.classes_) == 2:
        # scikit-learn keeps the difference of the two.
        weights, bias = np.stack([-weights[0], weights[0]]) / 2, np.array([-bias[0], bias[0]]) / 2
    last = head.layers[-1]
    with torch.no_grad():
        last.get_parameter("weight").zero_()
        # A class without images is never the answer.
        last.get_parameter("bias").fill_(float(bias.min()) - 10.0)
        last.get_parameter("weight")[solver.classes_] = torch.from_numpy(weights).float()
        last.get_parameter("bias")[solver.classes_] = torch.from_numpy(bias).float()


def _answers(head: Head, examples: Examples) -> torch.Tensor:
    head.eval()
    with torch.inference_mode():
        parts = [head(part.inputs) for part in examples.parts(_BATCH)]
    return torch.cat([torch.zeros(0, head.n_classes), *parts])


def _scores(logits: torch.Tensor, held: Examples, recipe: Recipe) -> dict[str, float]:
    targets = held.targets
    if not len(targets):
        return {}
    # Rare classes count for the choice as they did for the fit.
    weight = class_weights(held.counts(logits.shape[1]), recipe.class_weights)
    return {
        "val_loss": float(functional.cross_entropy(logits, held.learned, weight=weight)),
        "val_macro_f1": float(
            macro_f1(confusion_matrix(targets.numpy(), logits.argmax(1).numpy(), logits.shape[1]))
        ),
    }


def _best(history: list[dict[str, float]], monitor: str) -> int:
    if monitor not in history[0]:
        return len(history) // 2
    sign = -1.0 if monitor == "val_loss" else 1.0
    return max(range(len(history)), key=lambda row: sign * history[row][monitor])
