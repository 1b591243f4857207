"""When the GPU's memory is full: half as many images at once, from then on."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable

import torch

from cosmic_morphology.errors import TrainingError

_log = logging.getLogger(__name__)


class BatchSizeFallback:
    """Passes batches through a network, in parts where a whole one did not fit.

    Attributes
    ----------
    most : int or None
        Images at once that fitted in the end; None as long as every batch has.
    """

    def __init__(self) -> None:
        self.most: int | None = None

    def __call__(
        self, forward: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor
    ) -> torch.Tensor:
        """What ``forward`` gives for a batch, put together from its parts.

        Raises
        ------
        TrainingError
            Not even one image fits.
        """
        while True:
            n = min(self.most or len(batch), len(batch))
            found = _tried(forward, batch, max(1, n))
            if found is not None:
                return found
            # Only here, when the failed call and its tensors are gone.
            forget_gpu_memory()
            if n <= 1:
                raise TrainingError(
                    "a single image does not fit into the GPU's memory",
                    where=str(batch.device),
                    todo="Take a smaller backbone or a smaller learn.image_size_px.",
                )
            self.most = n // 2
            _log.warning("the GPU's memory was full: %d images at once from now on", self.most)


def _tried(
    forward: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor, n: int
) -> torch.Tensor | None:
    try:
        parts = [forward(batch[start : start + n]) for start in range(0, len(batch), n)]
    except torch.OutOfMemoryError:
        return None
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def forget_gpu_memory() -> None:
    """Give back what nothing uses any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
