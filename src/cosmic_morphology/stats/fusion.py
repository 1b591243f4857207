"""Two opinions on one image made one: what a model sees in the pixels, and what the texts say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

PIXELS, PIXELS_AND_TEXTS = "pixels", "pixels and texts"
"""What an answer comes from; scores of the two are never mixed."""

# No opinion is so sure that the other cannot be heard.
_LEAST = 1e-4
_STRONGEST = 4.0
# With fewer images to learn two numbers from, the ones below are taken.
LEAST_IMAGES = 50


@dataclass(frozen=True, slots=True)
class Fusion:
    """How a record is answered from its pixels and its texts.

    The probabilities are ``softmax(pixels * log(p_image) + texts * log(p_text))``: a product of
    experts (Hinton 2002), of which a naive Bayes of two independent witnesses is the case
    ``pixels = texts = 1``.

    Attributes
    ----------
    pixels, texts : float
        The weight of either opinion.
    reject_below : float
        An answer less sure than this is better left open; 0: none was chosen.
    n_images : int
        Images with checked labels that the weights were learned from; 0: they were not learned.

    Examples
    --------
    >>> image, text = np.array([[0.6, 0.4], [0.6, 0.4]]), np.array([[0.2, 0.8], [np.nan, np.nan]])
    >>> Fusion()(image, text).round(3).tolist()
    [[0.273, 0.727], [0.6, 0.4]]
    """

    pixels: float = 1.0
    texts: float = 1.0
    reject_below: float = 0.0
    n_images: int = 0

    def __call__(self, image: np.ndarray, text: np.ndarray) -> np.ndarray:
        """Probabilities of N records; where the texts are silent, those of the image.

        Parameters
        ----------
        image : ndarray, shape ``(N, K)``
            What the model says; rows of ``nan`` or 0 are images that could not be read, and stay.
        text : ndarray, shape ``(N, K)``
            What the texts say of the same classes; rows of ``nan`` where they are silent.

        Returns
        -------
        ndarray, shape ``(N, K)``
        """
        from scipy.special import softmax

        found = np.array(image, float)
        both = ~np.isnan(text).any(axis=1) & (np.nan_to_num(found) > 0).any(axis=1)
        found[both] = softmax(
            self.pixels * _log(found[both]) + self.texts * _log(text[both]), axis=1
        )
        return found

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Fusion | None:
        """From its fields, as a run's folder keeps them; None of an empty one."""
        return cls(**{name: found[name] for name in cls.__slots__}) if found else None


def learn_fusion(image: np.ndarray, text: np.ndarray, targets: np.ndarray) -> Fusion:
    """The likeliest weights, given images whose class people checked.

    Parameters
    ----------
    image, text : ndarray, shape ``(N, K)``
        What the model says of images that it has not learned from, and what their texts say; rows
        of ``nan`` where these are silent do not count.
    targets : ndarray of int, shape ``(N,)``
        Numbers of the right classes.

    Returns
    -------
    Fusion
        With ``LEAST_IMAGES`` or more; otherwise the plain product.

    Examples
    --------
    >>> learn_fusion(np.array([[0.6, 0.4]]), np.array([[0.2, 0.8]]), np.array([1]))
    Fusion(pixels=1.0, texts=1.0, reject_below=0.0, n_images=0)
    """
    spoken = ~np.isnan(text).any(axis=1)
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    n = int(spoken.sum())
    if n < LEAST_IMAGES:
        return Fusion()
    seen, said, right = _log(image[spoken]), _log(text[spoken]), targets[spoken]

    def loss(at: np.ndarray) -> float:
        scores = log_softmax(at[0] * seen + at[1] * said, axis=1)
        # Few images move the weights little: a normal prior of width 1 around the plain product.
        return float(-scores[np.arange(n), right].sum() + ((at - 1) ** 2).sum() / 2) / n

    bounds = [(0.0, _STRONGEST)] * 2
    found = minimize(loss, np.ones(2), bounds=bounds, method="L-BFGS-B").x
    return Fusion(round(float(found[0]), 4), round(float(found[1]), 4), n_images=n)


def _log(probabilities: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.log(np.maximum(probabilities, _LEAST))
    return found
