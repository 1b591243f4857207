"""A frozen network at work on CPUs, by ONNX Runtime; without torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

PIXELS, FEATURES = "pixels", "features"
# With more images at once what the layers hand on no longer fits into the caches of a core.
AT_ONCE = 4
_SILENT = 4

Item = TypeVar("Item")
Result = TypeVar("Result")


class FeatureSession:
    """From pixels to vectors: each thread takes a few images through the whole network.

    That keeps all cores busy, also with decoding; threads that share the layers of one image wait
    for each other at each of them, and take twice the time of the processor.

    Parameters
    ----------
    data : bytes
        The graph, which normalises its input itself.
    threads : int
        Images, or few of them, that are worked on at the same time.
    """

    def __init__(self, data: bytes, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _SILENT
        self._session: Any = onnxruntime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"]
        )
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="features")

    def run(self, pixels: np.ndarray) -> np.ndarray:
        """Vectors, float32 of shape ``(N, F)``, in this thread alone.

        Parameters
        ----------
        pixels : ndarray
            Squares: uint8 of shape ``(N, size, size, 3)``, or float32 in 0..1 of shape
            ``(N, 3, size, size)``.
        """
        if pixels.dtype == np.uint8:
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32) / np.float32(
                255
            )
        found: np.ndarray = self._session.run([FEATURES], {PIXELS: pixels})[0]
        return found

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """The same, of any number of images, by all threads."""
        starts = range(0, len(pixels), AT_ONCE)
        return np.concatenate(
            self.each(lambda start: self.run(pixels[start : start + AT_ONCE]), starts)
        )

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """What a function gives for each item, by all threads, in order."""
        return list(self._pool.map(work, items))
