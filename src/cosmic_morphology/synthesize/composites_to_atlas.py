"""Composites as rows of an atlas: lineage from both parents, and nothing of the test split."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from PIL import Image

from cosmic_morphology.atlas import Atlas, NewImage, Record, may_be_redistributed
from cosmic_morphology.errors import UsageError
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.synthesize.camera.expose import Pixels
from cosmic_morphology.synthesize.composite import composite, rendered_sky
from cosmic_morphology.synthesize.renderer import check_job, image_seed, render_image
from cosmic_morphology.synthesize.to_atlas import EPOCH, SOURCE, SUBJECTS, rendered_before

BATCH = 32
Origin = Literal["rendered", "real"]
# Some images cannot be cut out: so many are tried for each one that is wanted.
_TRIES = 4
_OPEN_LICENCE = "rendered, CC0"
# Images of these show sky; those of planets and asteroids mostly show none, or a horizon.
_WITH_SKY = frozenset({"comet", "galaxy", "nebula", "star"})


@dataclass(frozen=True, slots=True)
class Composited:
    """What :func:`composite_into` did.

    Attributes
    ----------
    added, already_there : int
        Composites that are new, and those that an earlier call had added.
    classes : dict
        New ones of each class.
    passed_over : int
        Targets that could not be told from their sky, or had no sky to go to.
    """

    added: int
    already_there: int
    classes: dict[str, int]
    passed_over: int


@dataclass(frozen=True, slots=True, eq=False)
class _Parent:
    """An image that a composite is made of."""

    id: str
    pixels: Pixels = field(repr=False)
    credit: str = "Cosmic Morphology"
    licence: str = _OPEN_LICENCE


def composite_into(
    atlas: Atlas,
    counts: Mapping[str, int],
    *,
    seed: int,
    targets: Origin = "rendered",
    onto: Origin = "rendered",
    size_px: int = 256,
    progress: Progress | None = None,
) -> Composited:
    """Lay targets onto other skies, into an atlas; doing it twice changes nothing.

    The rows have the source ``rendered``, which the splitter keeps out of every test split, and
    ``lineage`` with both parents. Real parents come from the train split only; where the images
    are not split yet, the splitter later leaves out what has a parent in another side. Skies are
    taken from one partner group of each target's group, so that lineage ties pairs of groups and
    not the whole atlas together.

    Parameters
    ----------
    atlas : Atlas
        Gets the composites, and gives the real parents.
    counts : mapping
        Composites wanted for each class.
    seed : int
        Of every choice; more composites of the same seed contain the fewer.
    targets, onto : str
        ``rendered`` or ``real``: where targets and skies come from.
    size_px : int
        Side of a composite, px.
    progress : callable, optional
        Called with done and total.

    Raises
    ------
    UsageError
        A class cannot be rendered, or the atlas has no real image to take.
    """
    for kind in counts:
        check_job(kind, seed, size_px)
    there = rendered_before(atlas)
    real = _RealImages(atlas) if "real" in (targets, onto) else None
    total, done, skipped = sum(counts.values()), 0, 0
    classes: Counter[str] = Counter()
    already = 0
    waiting: list[NewImage] = []
    for kind, count in counts.items():
        made = 0
        for number, target_id in enumerate(_targets(kind, count, targets, real, seed)):
            if made == count:
                break
            one = image_seed(seed, number)
            sky_id = _sky_id(onto, real, target_id, one)
            source_id = f"onto-{_short(target_id, sky_id)}-{one}-{size_px}"
            if f"{SOURCE}:{source_id}" in there:
                already += 1
            else:
                target = _target(target_id, targets, real, kind, one, size_px)
                sky = _sky(sky_id, onto, real, one, size_px)
                found = composite(target.pixels, sky.pixels, kind=kind, seed=one, size_px=size_px)
                if found is None:
                    skipped += 1
                    continue
                record = _record(source_id, kind, target, sky, found.parameters, one)
                data = found.jpeg()
                waiting.append(NewImage(record, ingest_image(data, source_hint=record.id), data))
                classes[kind] += 1
            made += 1
            done += 1
            if len(waiting) >= BATCH:
                atlas.add(waiting)
                waiting = []
            if progress:
                progress(done, total)
    if waiting:
        atlas.add(waiting)
    return Composited(sum(classes.values()), already, dict(sorted(classes.items())), skipped)


def partners(groups: Sequence[str], skies: Sequence[str]) -> dict[str, str]:
    """The group that each group takes its skies from: few groups hang together by it.

    Parameters
    ----------
    groups : sequence of str
        Groups that need one.
    skies : sequence of str
        Groups that have skies. They are paired with each other; the others are dealt to them.
    """
    order = _by_hash(skies)
    found: dict[str, str] = {}
    for at in range(0, len(order) - 1, 2):
        found[order[at]], found[order[at + 1]] = order[at + 1], order[at]
    if len(order) % 2:
        found[order[-1]] = order[0]
    for at, name in enumerate(_by_hash(set(groups) - set(skies))):
        if order:
            found[name] = order[at % len(order)]
    return found


def _by_hash(names: Iterable[str]) -> list[str]:
    return sorted(set(names), key=lambda name: hashlib.sha256(name.encode()).digest())


class _RealImages:
    """Real images of the train split, by class and by group."""

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        columns = ["id", "source", "lineage", "label", "group", "split", "credit", "licence"]
        rows = atlas.read(columns, with_image=True).sort_by("id").to_pylist()
        is_split = any(row["split"] for row in rows)
        self.rows: dict[str, dict[str, Any]] = {
            row["id"]: row
            for row in rows
            if row["source"] != SOURCE
            and not any(parent.startswith("render:") for parent in row["lineage"] or ())
            and (row["split"] == "train" or not is_split)
        }
        if not self.rows:
            raise UsageError(
                "there is no real image to take targets or skies from",
                where=atlas.uri,
                todo="Collect or import some first; only the train split is used.",
            )
        self._skies: dict[str, list[str]] = {}
        groups = []
        for each, row in self.rows.items():
            groups.append(row["group"] or each)
            if row["label"] in _WITH_SKY:
                self._skies.setdefault(groups[-1], []).append(each)
        self._partner = partners(groups, list(self._skies))

    def of_class(self, kind: str, seed: int) -> list[str]:
        """Ids of a class in the order of a hash: more of the same seed contain the fewer."""
        own = [each for each, row in self.rows.items() if row["label"] == kind]
        return sorted(own, key=lambda each: hashlib.sha256(f"{seed}:{each}".encode()).digest())

    def sky_for(self, target: str, seed: int) -> str:
        """An image of the partner of the target's group (of any group for a rendered target).

        Raises
        ------
        UsageError
            No image of the train split is known to show sky.
        """
        if not self._skies:
            raise UsageError(
                "no real image of the train split is known to show sky",
                where="onto",
                todo=f"Label some as {', '.join(sorted(_WITH_SKY))}, or take rendered skies.",
            )
        row = self.rows.get(target)
        group = self._partner.get(row["group"] or target, "") if row else ""
        own = self._skies.get(group) or sorted(each for m in self._skies.values() for each in m)
        return own[seed % len(own)]

    def parent(self, each: str) -> _Parent:
        """The image itself."""
        row = self.rows[each]
        data = self._atlas.images([each]).column("thumbnail").to_pylist()[0]
        with Image.open(io.BytesIO(data)) as opened:
            pixels = np.asarray(opened.convert("RGB"), dtype=np.uint8)
        return _Parent(each, pixels, row["credit"] or "", row["licence"] or "")


def _targets(
    kind: str, count: int, origin: Origin, real: _RealImages | None, seed: int
) -> list[str]:
    """Ids of targets to try, more than are wanted."""
    if origin == "rendered" or real is None:
        return [f"render:{kind}:{image_seed(seed, number)}" for number in range(_TRIES * count)]
    own = real.of_class(kind, seed)
    if count and not own:
        raise UsageError(
            f"no real image of the train split has the label {kind!r}",
            where="targets",
            todo="Label and split first, or take rendered targets.",
        )
    return [own[number % len(own)] for number in range(_TRIES * count)]


def _target(
    target_id: str, origin: Origin, real: _RealImages | None, kind: str, seed: int, size_px: int
) -> _Parent:
    if origin == "rendered" or real is None:
        return _Parent(target_id, render_image(kind, seed, size_px=size_px).pixels)
    return real.parent(target_id)


def _sky_id(onto: Origin, real: _RealImages | None, target_id: str, seed: int) -> str:
    if onto == "rendered" or real is None:
        return f"render:sky:{seed}"
    return real.sky_for(target_id, seed)


def _sky(sky_id: str, onto: Origin, real: _RealImages | None, seed: int, size_px: int) -> _Parent:
    if onto == "rendered" or real is None:
        return _Parent(sky_id, rendered_sky(seed, size_px=2 * size_px))
    return real.parent(sky_id)


def _record(
    source_id: str,
    kind: str,
    target: _Parent,
    sky: _Parent,
    parameters: Mapping[str, Any],
    seed: int,
) -> Record:
    return Record(
        source=SOURCE,
        source_id=source_id,
        title=f"Composed {kind}",
        keywords=(kind, "composite"),
        credit="; ".join(dict.fromkeys(filter(None, (target.credit, sky.credit)))),
        licence=_licence_of(target.licence, sky.licence),
        created_at=EPOCH.date().isoformat(),
        given_label=kind,
        subjects=(SUBJECTS[kind],),
        collection="composite",
        lineage=(target.id, sky.id),
        parameters=json.dumps(
            {"class": kind, "target": target.id, "sky": sky.id, "seed": seed, **parameters}
        ),
        fetched_at=EPOCH,
    )


def _licence_of(one: str, other: str) -> str:
    """The licence of both: as closed as the closer one, and silence is closed."""
    if not (may_be_redistributed(one) and may_be_redistributed(other)):
        return "not redistributable: a parent's licence does not say so"
    return " and ".join(dict.fromkeys((one, other)))


def _short(*names: str) -> str:
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()[:12]
