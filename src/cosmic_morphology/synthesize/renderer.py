"""Rendered images, one or many: pixels, texts and the whole truth, in fixed order."""

from __future__ import annotations

import io
import multiprocessing
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from PIL import Image
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from cosmic_morphology.errors import UsageError
from cosmic_morphology.suggest import suggest_names
from cosmic_morphology.synthesize.camera.cameras import pick_camera
from cosmic_morphology.synthesize.camera.expose import Pixels, expose
from cosmic_morphology.synthesize.camera.overlays import add_overlays
from cosmic_morphology.synthesize.classes import (
    asteroid,
    comet,
    galaxy,
    irrelevant,
    nebula,
    planet,
    star,
)
from cosmic_morphology.synthesize.scene import Frame, RenderParameters, Scene, choose
from cosmic_morphology.synthesize.texts.texts import Texts, write_texts

PAINTERS: dict[str, Callable[[np.random.Generator, Frame], Scene]] = {
    "asteroid": asteroid.paint,
    "comet": comet.paint,
    "galaxy": galaxy.paint,
    "nebula": nebula.paint,
    "planet": planet.paint,
    "star": star.paint,
    "irrelevant": irrelevant.paint,
}
RENDERED_CLASSES = tuple(PAINTERS)
SMALLEST_PX, LARGEST_PX = 32, 2048
# Height over width, with how often archives have it.
ASPECTS = {"1": 0.5, "0.75": 0.12, "0.667": 0.2, "0.5625": 0.08, "1.333": 0.06, "1.5": 0.04}


@dataclass(frozen=True)
class Rendered:
    """A rendered image.

    Attributes
    ----------
    kind : str
        Its true class, one of ``RENDERED_CLASSES``.
    seed : int
        With ``kind`` and the size it makes the same image again.
    pixels : numpy.ndarray
        Uint8, shape ``(H, W, 3)``; the longer side is the size asked for.
    title, description, keywords, date, object_name : str, list of str
        What an archive would say of it, right or misleading.
    parameters : dict
        The whole truth, JSON-able: sub-type, object size, signal to noise, instrument, ...
    """

    kind: str
    seed: int
    pixels: Pixels = field(repr=False)
    title: str
    description: str
    keywords: list[str]
    date: str
    object_name: str
    parameters: RenderParameters

    def jpeg(self, quality: int = 90) -> bytes:
        """The image as JPEG bytes, with ``quality`` from 1 to 95."""
        buffer = io.BytesIO()
        Image.fromarray(self.pixels).save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()


def render_image(kind: str, seed: int, *, size_px: int = 256) -> Rendered:
    """Render one image.

    Parameters
    ----------
    kind : str
        One of ``RENDERED_CLASSES``.
    seed : int
        Not negative; the same seed gives the same image.
    size_px : int, optional
        Longer side in pixels, 32 to 2048.

    Raises
    ------
    UsageError
        If one of the arguments is out of range.

    Examples
    --------
    >>> render_image("galaxy", 3, size_px=64).pixels.shape
    (36, 64, 3)
    """
    check_job(kind, seed, size_px)
    rng = np.random.default_rng([zlib.crc32(kind.encode()), seed, size_px])
    frame = _frame(rng, size_px)
    # Sums of several threads differ in their last bits, and images of one seed would with them. For
    # arrays this small threads only wait for each other, and for those of other processes.
    with _thread_pools().limit(limits=1):
        scene = PAINTERS[kind](rng, frame)
        camera = pick_camera(rng, scene, side_px=size_px)
        pixels, seen = expose(rng, scene, camera)
    texts: Texts = write_texts(rng, kind, scene.subtype)
    pixels, added = add_overlays(rng, pixels, kind=kind, name=texts.object_name or texts.title)
    parameters: RenderParameters = {
        "class": kind,
        "subtype": scene.subtype,
        "object_px": round(min(float(scene.object_px), float(size_px)), 2),
        "width": int(pixels.shape[1]),
        "height": int(pixels.shape[0]),
        **{name: _plain(value) for name, value in scene.truth.items()},
        **seen,
        **added,
    }
    return Rendered(
        kind=kind,
        seed=seed,
        pixels=pixels,
        title=texts.title,
        description=texts.description,
        keywords=texts.keywords,
        date=texts.date,
        object_name=texts.object_name,
        parameters=parameters,
    )


@cache
def _thread_pools() -> ThreadpoolController:
    """Of the libraries that compute; to look for them takes milliseconds."""
    return ThreadpoolController()


def _frame(rng: np.random.Generator, size_px: int) -> Frame:
    aspect = float(choose(rng, ASPECTS))
    if aspect <= 1:
        return Frame(height=max(16, round(size_px * aspect)), width=size_px)
    return Frame(height=size_px, width=max(16, round(size_px / aspect)))


def _plain(value: float | str | bool) -> float | int | str | bool:
    """Numpy scalars as Python's own, for JSON."""
    return value.item() if isinstance(value, np.generic) else value


def check_job(kind: str, seed: int, size_px: int) -> None:
    """Raise :class:`UsageError` for an image that cannot be rendered."""
    if kind not in PAINTERS:
        raise UsageError(
            "there is no renderer for this class",
            where=kind,
            todo=suggest_names(kind, RENDERED_CLASSES),
        )
    if seed < 0:
        raise UsageError("a seed must not be negative", where=str(seed), todo="Use 0 or more")
    if not SMALLEST_PX <= size_px <= LARGEST_PX:
        raise UsageError(
            "this size cannot be rendered",
            where=f"{size_px} px",
            todo=f"Choose {SMALLEST_PX} to {LARGEST_PX} px",
        )


Job = tuple[str, int, int]
"""Class, seed and size in pixels of one image."""
BATCH = 8


def render_images(
    counts: Mapping[str, int], *, seed: int, size_px: int = 256, workers: int | None = None
) -> Iterator[Rendered]:
    """Render many images in parallel processes, in a fixed order, in bounded memory.

    The classes take turns, so that any beginning of the stream is balanced. Image ``i`` of a
    class is ``render(kind, image_seed(seed, i), size_px=size_px)``, whatever the workers.

    Parameters
    ----------
    counts : mapping
        Images wanted for each class.
    seed : int
        Seed of the whole set.
    size_px : int, optional
        Longer side in pixels.
    workers : int, optional
        Processes; by default one for each core, 1 renders in this process.

    Returns
    -------
    iterator of Rendered
        Images with what is drawn in them.

    Raises
    ------
    UsageError
        If a class, the seed or the size cannot be rendered.

    Examples
    --------
    >>> [image.kind for image in cosmic.render_images({"star": 2, "comet": 1}, seed=1, size_px=64)]
    ['star', 'comet', 'star']
    """
    return render_jobs(jobs_for(counts, seed=seed, size_px=size_px), workers=workers)


def jobs_for(counts: Mapping[str, int], *, seed: int, size_px: int) -> list[Job]:
    """The images of a set, the classes taking turns."""
    return [
        (kind, image_seed(seed, index), size_px)
        for index in range(max(counts.values(), default=0))
        for kind, count in counts.items()
        if index < count
    ]


def image_seed(seed: int, index: int) -> int:
    """Seed of the image ``index`` of a set; sets with different seeds do not overlap.

    Examples
    --------
    >>> image_seed(1, 5) == image_seed(1, 5), image_seed(1, 5) == image_seed(2, 5)
    (True, False)
    """
    return seed * 1_000_003 + index


def render_jobs(jobs: Sequence[Job], *, workers: int | None = None) -> Iterator[Rendered]:
    """Render images in the order of ``jobs``, as :func:`render_images` does."""
    for job in jobs:
        check_job(*job)
    processes = min(workers or os.cpu_count() or 1, max(1, len(jobs) // BATCH))
    if processes <= 1:
        return (render_image(kind, seed, size_px=size) for kind, seed, size in jobs)
    return _in_processes(jobs, processes)


def _in_processes(jobs: Sequence[Job], processes: int) -> Iterator[Rendered]:
    """Batches of jobs through a pool; at most a few batches wait at any time."""
    # Spawned processes inherit no locks or threads of this one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting: deque[Future[list[Rendered]]] = deque()
        try:
            for start in range(0, len(jobs), BATCH):
                waiting.append(pool.submit(_render_batch, jobs[start : start + BATCH]))
                if len(waiting) > 2 * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _render_batch(jobs: Sequence[Job]) -> list[Rendered]:
    return [render_image(kind, seed, size_px=size) for kind, seed, size in jobs]
