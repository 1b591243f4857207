"""What searches for copies: our key points and registration against OpenCV's.

::

    python benchmarks/trust_search.py --images DIR [--originals 250] [--planted 80]

The half ``tune`` of the images only (see ``curate_duplicates.py``). Copies are planted, and each
search is asked for them: recall by transformation, pairs of different originals that it ties, and
images for each second of CPU, which other work on the machine does not change. The OpenCV search
is the plain one of its tutorials: key points of every image, approximate neighbours of their
descriptors (once as they are, once mirrored), a similarity by ``estimateAffinePartial2D`` for each
pair with enough votes (with RANSAC: OpenCV 5.0.0 refuses MAGSAC there), refined by
``findTransformECC``; the last word has the same comparison of pixels that ours has.
It needs the package ``opencv-python-headless``, which nothing else here does.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from curate_duplicates import add, bordered, captioned, half_of, proportion, resized
from PIL import Image, ImageEnhance, ImageOps
from rows import Row, emit

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.duplicates.find import find_duplicates
from cosmic_morphology.curate.duplicates.similarity import measure_similarity
from cosmic_morphology.imaging import read_thumbnail
from cosmic_morphology.settings import CurateSettings, DuplicateSettings

SEED = 20261127
SIDE_PX, KEYPOINTS, LEAST_VOTES = 256, 150, 3


def _crop(image: Image.Image, share: float, across: float, down: float) -> Image.Image:
    width, height = round(image.width * share), round(image.height * share)
    x, y = round((image.width - width) * across), round((image.height - height) * down)
    return image.crop((x, y, x + width, y + height))


PLANTERS = {
    "turned by 180": lambda im, _: im.transpose(Image.Transpose.ROTATE_180),
    "turned by 90": lambda im, _: im.transpose(Image.Transpose.ROTATE_90),
    "mirrored": lambda im, _: ImageOps.mirror(im),
    "re-encoded": lambda im, _: im,
    "rescaled to half": lambda im, _: resized(im, 0.5),
    "cropped to 85 %, corner": lambda im, _: _crop(im, 0.85, 0, 0),
    "cropped to 70 %, centre": lambda im, _: _crop(im, 0.7, 0.5, 0.5),
    "cropped to 70 %, anywhere": lambda im, rng: _crop(im, 0.7, rng.random(), rng.random()),
    "framed": bordered,
    "captioned": captioned,
    "brighter": lambda im, _: ImageEnhance.Brightness(im).enhance(1.3),
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--images", type=Path, required=True)
    asked.add_argument("--originals", type=int, default=250)
    asked.add_argument("--planted", type=int, default=80)
    asked.add_argument("--only", default="ours,SIFT,ORB")
    given = asked.parse_args()
    names = sorted(p.name for p in given.images.iterdir() if not half_of(p.name))
    names = np.random.default_rng(SEED).permutation(names)[: given.originals].tolist()
    command = (
        f"python benchmarks/trust_search.py --images DIR --originals {given.originals} "
        f"--planted {given.planted}"
    )
    with tempfile.TemporaryDirectory() as folder:
        atlas = Atlas.create(folder)
        add(atlas, ((name, (given.images / name).read_bytes()) for name in names))
        add(atlas, planted(given.images, names[: given.planted]))
        ids = atlas.ids()
        thumbnails = atlas.images(ids, ["thumbnail"]).column("thumbnail").to_pylist()
        at = {each.partition(":")[2]: row for row, each in enumerate(ids)}
        for search in given.only.split(","):
            start = time.process_time()
            if search == "ours":
                find_duplicates(
                    atlas, settings=CurateSettings(duplicates=DuplicateSettings(search="thorough"))
                )
                found = atlas.images(ids, ["id"]) and {
                    row["id"]: row["duplicate_of"]
                    for row in atlas.read(["id", "duplicate_of"]).to_pylist()
                }
                label = [found[each] for each in ids]
            else:
                label = opencv_search(thumbnails, search).tolist()
            seconds = time.process_time() - start
            report(search, label, at, names, given.planted, len(ids) / seconds, command)


def report(search, label, at, names, n, rate, command) -> None:
    rows = []
    for kind in PLANTERS:
        hits = [label[at[f"{kind}/{name}"]] == label[at[name]] for name in names[:n]]
        rows.append(
            proportion(f"search for copies: {search}, recall, {kind} (half 'tune')", hits, command)
        )
    of = Counter(label[at[name]] for name in names)
    for each in [each for each, number in of.items() if number > 1]:
        print(search, "tied:", [name for name in names if label[at[name]] == each], file=sys.stderr)
    ties = sum(number - 1 for number in of.values())
    mean = float(np.mean([row.value for row in rows]))
    emit(
        [
            Row(
                f"search for copies: {search}, recall, all (half 'tune')",
                round(mean, 4),
                n=n * len(PLANTERS),
                unit="recall",
                command=command,
            ),
            *rows,
            Row(
                f"search for copies: {search}, originals tied to another (half 'tune')",
                ties,
                n=len(names),
                unit="images",
                better="lower",
                command=command,
            ),
            Row(
                f"search for copies: {search}, speed",
                round(rate, 1),
                n=len(at),
                unit="images/s of CPU",
                command=command,
            ),
        ]
    )


def planted(folder: Path, names: list[str]):
    for row, name in enumerate(names):
        image = Image.open(folder / name).convert("RGB")
        for number, (kind, plant) in enumerate(PLANTERS.items()):
            out = io.BytesIO()
            changed = plant(image, np.random.default_rng([SEED, row, number]))
            changed.save(out, "JPEG", quality=70 if kind == "re-encoded" else 85)
            yield f"{kind}/{name}", out.getvalue()


def opencv_search(thumbnails: list[bytes], kind: str) -> np.ndarray:  # noqa: C901
    grey = [read_thumbnail(each, size=SIDE_PX).mean(axis=2).astype(np.uint8) for each in thumbnails]
    detector = (
        cv2.SIFT_create(KEYPOINTS, contrastThreshold=0.01)
        if kind == "SIFT"
        else cv2.ORB_create(
            KEYPOINTS, scaleFactor=1.3, edgeThreshold=12, patchSize=24, fastThreshold=5
        )
    )
    width = 128 if kind == "SIFT" else 32

    def described(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        points, codes = detector.detectAndCompute(image, None)
        if codes is None:
            return np.zeros((0, 2), np.float32), np.zeros(
                (0, width), np.float32 if kind == "SIFT" else np.uint8
            )
        if kind == "SIFT":
            codes = np.sqrt(codes / np.maximum(codes.sum(axis=1, keepdims=True), 1e-6))
        return np.float32([p.pt for p in points])[: len(codes)], codes

    plain = [described(each) for each in grey]
    mirrored = [described(np.ascontiguousarray(each[:, ::-1])) for each in grey]
    owner = np.repeat(np.arange(len(grey)), [len(points) for points, _ in plain])
    everything = np.concatenate([codes for _, codes in plain])
    how = (
        {"algorithm": 1, "trees": 4}
        if kind == "SIFT"
        else {"algorithm": 6, "table_number": 8, "key_size": 14, "multi_probe_level": 1}
    )
    index = cv2.FlannBasedMatcher(how, {"checks": 48})
    index.add([everything])
    index.train()
    norm = cv2.NORM_L2 if kind == "SIFT" else cv2.NORM_HAMMING
    brute = cv2.BFMatcher(norm)
    limit = 0.55 if kind == "SIFT" else 48
    votes: Counter[tuple[int, int, int]] = Counter()
    for flipped, side in enumerate((plain, mirrored)):
        for row, (_, codes) in enumerate(side):
            if not len(codes):
                continue
            voted = Counter(
                other
                for near in index.knnMatch(codes, k=6)
                for other in {int(owner[m.trainIdx]) for m in near if m.distance < limit}
            )
            for other, number in voted.items():
                if other != row and number >= LEAST_VOTES:
                    votes[min(row, other), max(row, other), flipped] += number
    sets = UnionFind(len(grey))
    tried = 0
    for (one, other, flipped), _ in votes.most_common():
        if sets.find(one) == sets.find(other):
            continue
        tried += 1
        image = np.ascontiguousarray(grey[one][:, ::-1]) if flipped else grey[one]
        if is_copy(image, (mirrored if flipped else plain)[one], grey[other], plain[other], brute):
            sets.union(one, other)
    print(f"{kind}: {len(votes)} candidates, {tried} compared", file=sys.stderr)
    return sets.labels()


def is_copy(one, first, other, second, brute) -> bool:  # noqa: PLR0911
    if min(len(first[0]), len(second[0])) < 3:
        return False
    pairs = [
        near[0]
        for near in brute.knnMatch(first[1], second[1], k=2)
        if len(near) == 2 and near[0].distance < 0.85 * near[1].distance
    ]
    if len(pairs) < 3:
        return False
    source = np.float32([first[0][m.queryIdx] for m in pairs])
    target = np.float32([second[0][m.trainIdx] for m in pairs])
    pose, inliers = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=2.0, maxIters=1000
    )
    if pose is None or inliers.sum() < 3:
        return False
    a, b = one.astype(np.float32), other.astype(np.float32)
    scale = float(np.hypot(pose[0, 0], pose[1, 0]))
    if not 0.2 < scale < 5:
        return False
    if scale < 1:  # the smaller image is the one that is looked at
        pose, a, b, scale = cv2.invertAffineTransform(pose), b, a, 1 / scale
    if scale > 1:
        # Lay the finer image over the coarser one, so that no detail is asked of what has none.
        pose, a, b = cv2.invertAffineTransform(pose), b, a
        a = cv2.GaussianBlur(a, (0, 0), 0.5 * np.sqrt(scale * scale - 1) + 0.3)
    try:
        _, warp = cv2.findTransformECC(
            b,
            a,
            cv2.invertAffineTransform(pose).astype(np.float32),
            cv2.MOTION_AFFINE,
            (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4),
            None,
            3,
        )
    except cv2.error:
        return False
    laid = cv2.warpAffine(a, warp, b.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    inside = (
        cv2.warpAffine(
            np.ones_like(a), warp, b.shape[::-1], flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        )
        > 0
    )
    rows, columns = (
        np.flatnonzero(inside.mean(axis=1) > 0.5),
        np.flatnonzero(inside.mean(axis=0) > 0.5),
    )
    if len(rows) < 24 or len(columns) < 24:
        return False
    part = slice(rows[0] + 1, rows[-1]), slice(columns[0] + 1, columns[-1])
    size = abs(np.linalg.det(warp[:, :2]))
    common = inside.sum()
    return measure_similarity(laid[part], b[part], common * size / a.size, common / b.size).is_copy


if __name__ == "__main__":
    main()
