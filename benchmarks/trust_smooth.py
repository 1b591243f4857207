"""Smooth shapes that the search for copies ties, and copies of them that it finds, by kind.

::

    python benchmarks/trust_smooth.py [--images 46] [--side-px 96] [--kinds rings,discs]

Images whose only structure is one outline, half of them without noise, from other seeds than those
that thresholds were chosen on. Every pair of a kind is compared, as if all
were neighbours among embeddings (``beside embeddings``) or near by hash (``without embeddings``),
and no tie spares another pair: this is harder than the search, which looks at few of them.
46 images of a kind make 1,035 pairs. Copies are looked for as the search does, and beside
embeddings as neighbours of their originals.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

import numpy as np
from curate_duplicates import add, proportion, wilson
from rows import Row, emit
from trust_copies import CHANGED, WANTED, jpeg

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))

from smooth_shapes import SHAPES, smooth_shape

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.duplicates.find import find_copies
from cosmic_morphology.curate.duplicates.passes import neighbour_passes, quick_pass
from cosmic_morphology.curate.duplicates.seen import SeenImages, read_seen
from cosmic_morphology.settings import CurateSettings

FIRST_SEED = 7_000_000
WAYS = ("beside embeddings", "without embeddings")
COMMAND = "python benchmarks/trust_smooth.py"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--images", type=int, default=46)
    asked.add_argument("--side-px", type=int, default=96)
    asked.add_argument("--kinds", default=",".join(SHAPES))
    given = asked.parse_args()
    for kind in given.kinds.split(","):
        images = [drawn(kind, number, given.side_px) for number in range(given.images)]
        measure_ties(f"{kind} of {given.side_px} px", images)
        measure_copies(f"{kind} of {given.side_px} px", images[:12])


def drawn(kind: str, number: int, side_px: int):
    noise = 0.0 if number % 2 else None
    return smooth_shape(kind, FIRST_SEED + number, side_px=side_px, noise_levels=noise)


def measure_ties(kind: str, images: list) -> None:
    with tempfile.TemporaryDirectory() as folder:
        atlas = Atlas.create(folder)
        add(atlas, ((f"{at:03d}", jpeg(image, 95)) for at, image in enumerate(images)))
        seen = read_seen(atlas)
        pairs = np.array(list(itertools.combinations(range(len(seen.ids)), 2)))
        for way, tied in ties(atlas, seen, pairs).items():
            print(f"{kind}, {way}: tied {sorted(tied)}", file=sys.stderr)
            low, high = (end * len(pairs) for end in wilson(len(tied), len(pairs)))
            what = f"search {way}: different images tied, {kind}"
            emit([Row(what, len(tied), round(low, 2), round(high, 2), len(pairs), "pairs", 1,
                      "lower", COMMAND)])  # fmt: skip


def measure_copies(kind: str, images: list) -> None:
    with tempfile.TemporaryDirectory() as folder:
        atlas = Atlas.create(folder)
        for at, image in enumerate(images):
            copies = {change: CHANGED[change](image) for change in WANTED}
            add(atlas, [(f"{at:03d}/original", jpeg(image, 92))])
            add(
                atlas,
                (
                    (f"{at:03d}/{change}", jpeg(made, 70 if change == "re-encoded" else 85))
                    for change, made in copies.items()
                ),
            )
        seen = read_seen(atlas)
        row = {each.as_py().partition(":")[2]: at for at, each in enumerate(seen.ids)}
        wanted = {
            (at, change): tuple(sorted((row[f"{at:03d}/original"], row[f"{at:03d}/{change}"])))
            for at, change in itertools.product(range(len(images)), WANTED)
        }
        settings = CurateSettings(duplicates={"embedding": "none"})
        sets = UnionFind(len(seen.ids))
        for one, other in find_copies(atlas, seen, settings=settings).pairs.tolist():
            sets.union(one, other)
        near = ties(atlas, seen, np.array(list(wanted.values())))[WAYS[0]]
        by_hash = [sets.find(one) == sets.find(other) for one, other in wanted.values()]
        either = [a or pair in near for a, pair in zip(by_hash, wanted.values(), strict=True)]
        print(
            f"{kind}: missed {[c for c, hit in zip(wanted, either, strict=True) if not hit]}",
            file=sys.stderr,
        )
        for way, found in zip(WAYS, (either, by_hash), strict=True):
            what = f"search {way}: copies turned, mirrored and re-encoded found, {kind}"
            emit([Row(**{**vars(proportion(what, found, COMMAND)), "target": None})])


def ties(atlas: Atlas, seen: SeenImages, pairs: np.ndarray) -> dict[str, set[tuple[int, int]]]:
    """Pairs that are taken for copies; nothing is tied on the way, so that each is looked at."""
    near = neighbour_passes(atlas, seen, pairs)
    rounds = [quick_pass(atlas, seen, pairs), near[-1]]
    apart = UnionFind(len(seen.ids))
    quick, registered = ({(a, b) for a, b, _ in each.verify(each.pairs, apart)} for each in rounds)
    return {WAYS[0]: quick | registered, WAYS[1]: quick}


if __name__ == "__main__":
    main()
