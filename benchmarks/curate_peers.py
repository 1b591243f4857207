"""Our search for copies beside imagededup's and cleanvision's, on the same folder of images.

::

    python benchmarks/curate_peers.py
    python benchmarks/curate_peers.py --count 500       small, for a trial

Half of the images are rendered, half are copies of them, one each, by the ten transformations
of ``curate_duplicates.py`` in turn. Everybody starts from the files. Ours is the quick search, in
an atlas that `cosmic import` has filled and that has no embeddings. The targets are for the
work that the peers do, too: decoding every file, its hash, and the search (which reads thumbnails
again to compare pixels); the whole import, which also checks, measures and stores the images,
has a row of its own. imagededup is PHash with its defaults, cleanvision its exact and near
duplicates; both have an environment of their own from the package index (kept in the user's cache
folder; they are given our versions of torch, numpy and Pillow). imagededup's CNN needs weights
from a hub and is left out. A copy is found when it is tied to its original; a pair is wrong when
it ties different images.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np
from curate_duplicates import PLANTERS, wilson
from PIL import Image
from platformdirs import user_cache_path
from rows import Row, emit

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect.import_folder import import_folder
from cosmic_morphology.curate import find_duplicates
from cosmic_morphology.imaging import ImageLimits, perceptual_hash
from cosmic_morphology.imaging.decode import decode
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.synthesize import RENDERED_CLASSES, render_images

SEED = 20261123
FASTER = 2.0
OURS = "ours (decoding, hashes, quick search)"
WHOLE = "ours with the whole import"
PEERS = ("imagededup==0.3.3.post2", "cleanvision==0.3.7")
SHARED = ("torch", "torchvision", "numpy", "pillow")

IMAGEDEDUP = """
import json, sys, time
from imagededup.methods import PHash
began = time.perf_counter()
found = PHash(verbose=False).find_duplicates(image_dir=sys.argv[1])
seconds = time.perf_counter() - began
print(json.dumps([seconds, [[one, other] for one in found for other in found[one]]]))
"""

CLEANVISION = """
import contextlib, io, itertools, json, os, sys, time
from cleanvision import Imagelab
began = time.perf_counter()
with contextlib.redirect_stdout(io.StringIO()):
    lab = Imagelab(data_path=sys.argv[1])
    lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, verbose=False)
seconds = time.perf_counter() - began
pairs = [
    [os.path.basename(name) for name in pair]
    for kind in ("exact_duplicates", "near_duplicates")
    for several in lab.info[kind]["sets"]
    for pair in itertools.combinations(several, 2)
]
print(json.dumps([seconds, pairs]))
"""

Found = tuple[float, list[tuple[str, str]]]
"""Seconds, and pairs of file names."""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--count", type=int, default=10_000, help="images, copies included")
    asked.add_argument("--size-px", type=int, default=256, help="longer side of the rendered ones")
    asked.add_argument("--rounds", type=int, default=3, help="medians of so many")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        kinds = plant(images, given.count // 2, given.size_px)
        print(f"{2 * len(kinds)} images are there", file=sys.stderr)
        rounds = []
        for number in range(given.rounds):
            fingerprinting = seconds_to_hash(images)
            importing, (searching, pairs) = ours(images, Path(folder) / f"atlas-{number}")
            print(f"imported in {importing:.1f} s, searched in {searching:.1f} s", file=sys.stderr)
            rounds.append(
                {
                    OURS: (fingerprinting + searching, pairs),
                    "imagededup (PHash)": peer(IMAGEDEDUP, images),
                    "cleanvision (exact and near)": peer(CLEANVISION, images),
                    WHOLE: (importing + searching, pairs),
                }
            )
    emit(rows(rounds, kinds, given.count))


def plant(folder: Path, originals: int, size_px: int) -> dict[str, str]:
    """Write the originals and one copy of each; how each original was copied."""
    folder.mkdir()
    each = -(-originals // len(RENDERED_CLASSES))
    stream = render_images(dict.fromkeys(RENDERED_CLASSES, each), seed=SEED, size_px=size_px)
    kinds = {}
    for number, (image, kind) in enumerate(
        zip(itertools.islice(stream, originals), itertools.cycle(PLANTERS), strict=False)
    ):
        data = image.jpeg()
        (folder / original(number)).write_bytes(data)
        changed = PLANTERS[kind](
            Image.open(io.BytesIO(data)).convert("RGB"), np.random.default_rng([SEED, number])
        )
        quality = 40 if kind == "re-encoded" else 85
        changed.save(folder / f"{number:06d}-copy.jpg", "JPEG", quality=quality)
        kinds[original(number)] = kind
    return kinds


def original(number: int) -> str:
    return f"{number:06d}.jpg"


def origin(name: str) -> str:
    return name.replace("-copy", "")


def seconds_to_hash(images: Path) -> float:
    """What the intake spends on decoding and hashing, files included."""

    def hashed(file: Path) -> bytes:
        decoded = decode(file.read_bytes(), "image/jpeg", ImageLimits(), where=file.name)
        return perceptual_hash(decoded.image)

    began = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        n = len(list(threads.map(hashed, sorted(images.iterdir()))))
    seconds = time.perf_counter() - began
    print(f"{n} hashes in {seconds:.1f} s", file=sys.stderr)
    return seconds


def ours(images: Path, place: Path) -> tuple[float, Found]:
    """Seconds of the import, then those of the search with what it found."""
    began = time.perf_counter()
    atlas = Atlas.create(place)
    import_folder(atlas, images)
    imported = time.perf_counter()
    find_duplicates(atlas, settings=CurateSettings())
    seconds = time.perf_counter() - imported
    tied = defaultdict(list)
    for row in atlas.read(["id", "duplicate_of"]).to_pylist():
        tied[row["duplicate_of"]].append(row["id"].rpartition(":")[2].rpartition("/")[2])
    pairs = [p for same in tied.values() for p in itertools.combinations(same, 2)]
    return imported - began, (seconds, pairs)


def peer(script: str, images: Path) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "peer.py"
        # Their processes import the script again where the system does not fork.
        body = "".join(f"    {line}\n" for line in script.strip().splitlines())
        file.write_text(f"if __name__ == '__main__':\n{body}")
        done = subprocess.run(
            [peer_python(), str(file), str(images)],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
    seconds, pairs = json.loads(done.stdout.strip().splitlines()[-1])
    return seconds, [(one, other) for one, other in pairs]


def peer_python() -> str:
    """An environment with both, made once."""
    place = user_cache_path("cosmic-morphology") / "bench-duplicates"
    python = place / "bin" / "python"
    if not python.is_file():
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        if uv is None:
            sys.exit("uv is needed to make the environment of the peers: pip install uv")
        same = [f"{name}=={version(name)}" for name in SHARED]
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
        command = [uv, "pip", "install", "--quiet", "--python", str(python)]
        subprocess.run([*command, *PEERS, *same], check=True)
    return str(python)


def rows(rounds: list[dict[str, Found]], kinds: dict[str, str], count: int) -> Iterable[Row]:
    """Medians of the rounds, their least and largest beside them."""
    command = "python benchmarks/curate_peers.py"
    command += "" if count == 10_000 else f" --count {count}"
    found = {name: pairs for name, (_, pairs) in rounds[-1].items() if name != WHOLE}
    others = [name for name in found if name != OURS]
    hits = {name: tied_copies(pairs) for name, pairs in found.items()}
    most = max(len(hits[name]) for name in others) / len(kinds)
    for name in (*found, WHOLE):
        yield Row(f"duplicates, peers: {name}",
                  *spread([each[name][0] for each in rounds], 1), count, "s", better="lower",
                  command=command)  # fmt: skip
    for name, pairs in found.items():
        low, high = wilson(len(hits[name]), len(kinds))
        wrong = {pair for pair in pairs if origin(pair[0]) != origin(pair[1])}
        yield Row(f"duplicates, peers: recall of {name}", round(len(hits[name]) / len(kinds), 4),
                  low, high, len(kinds), "recall", round(most, 4) if name == OURS else None,
                  command=command)  # fmt: skip
        yield Row(f"duplicates, peers: pairs of different images tied by {name}",
                  len(set(map(frozenset, wrong))), n=count, unit="pairs", better="lower",
                  command=command)  # fmt: skip
        by_kind = {
            kind: f"{np.mean([each in hits[name] for each, k in kinds.items() if k == kind]):.2f}"
            for kind in PLANTERS
        }
        print(f"{name}: {by_kind}", file=sys.stderr)
    for name in others:
        yield Row(f"duplicates, peers: times as fast as {name}",
                  *spread([each[name][0] / each[OURS][0] for each in rounds], 2), count, "times",
                  FASTER, command=command)  # fmt: skip


def spread(values: list[float], digits: int) -> tuple[float, float, float]:
    """Median, least and largest."""
    median, least, largest = np.median(values), min(values), max(values)
    return round(float(median), digits), round(least, digits), round(largest, digits)


def tied_copies(pairs: Iterable[tuple[str, str]]) -> set[str]:
    """Originals whose copy is tied to them."""
    return {origin(one) for one, other in pairs if one != other and origin(one) == origin(other)}


if __name__ == "__main__":
    main()
