"""Do the archives still answer as the replica does? At most 20 polite requests for each archive.

    make live CONTACT=you@example.org            # all archives
    python benchmarks/live.py nasa --contact you@example.org

Each source reads a few records and one image, first from a replica on this machine and then from
the archive. Compared are the shapes of the answers (which keys, of which types), not their
contents. Exit code 1: an archive could not be read, lacks a key that the replica always has, or has
a value of another type. Keys that only the archive has are counted; they are no fault.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect import SourceRequest, find_source
from cosmic_morphology.collect.http.client import MOST_ITEMS, Client
from cosmic_morphology.collect.http.url_policy import UrlPolicy
from cosmic_morphology.collect.sources.base import Source, declared_rates
from cosmic_morphology.errors import CosmicError
from cosmic_morphology.imaging.sniff import media_type_of
from cosmic_morphology.replica import ArchiveCatalogue, Replica
from cosmic_morphology.replica.catalogue import ArchiveRecord
from cosmic_morphology.settings import CollectJob, CollectSettings
from cosmic_morphology.taxonomy import load_taxonomy

# With one image and its redirects no archive is asked more than 20 times.
MOST_QUESTIONS = 14
_RECORDS = 5
_MOST_BYTES = 20_000_000
# Archive: what is asked for, and where the replica has it.
ASKED = {
    "nasa": (("comet",), "/nasa"),
    "apod": ((), "/apod"),
    "djangoplicity": (("eso",), "/djangoplicity"),
    "commons": (("Comet",), "/commons"),
    "cutouts": (("legacysurvey",), ""),
}


class EnoughError(Exception):
    """The archive has been asked often enough."""


@dataclass
class Shape:
    """Which keys answers have, and of which types; ``places`` counts how often each was met."""

    types: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    places: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, value: Any) -> None:
        """One value with everything in it."""
        self.types[path].add(_type(value))
        self.places[path] += 1
        if isinstance(value, dict):
            self.objects[path] += 1
            for key, inner in value.items():
                # Numbers as keys are identifiers, not names.
                self.add(f"{path}.{'#' if str(key).lstrip('-').isdigit() else key}", inner)
        elif isinstance(value, list):
            for inner in value:
                self.add(f"{path}[]", inner)

    def has_always(self, path: str) -> bool:
        """Whether every object that could have this key has it."""
        return self.places[path] >= self.objects[path.rpartition(".")[0]] > 0


@dataclass
class Seen:
    """What one archive has answered."""

    shape: Shape = field(default_factory=Shape)
    questions: int = 0
    records: int = 0
    trouble: str = ""


@dataclass
class Recorder:
    """The polite client, with a count of questions and a note of every answer's shape."""

    client: Client
    seen: Seen

    async def json(
        self, url: str, params: Mapping[str, Any] | None = None, *, items: int = MOST_ITEMS
    ) -> Any:
        """As :meth:`Client.json`."""
        return (await self.json_and_headers(url, params, items=items))[0]

    async def json_and_headers(
        self, url: str, params: Mapping[str, Any] | None = None, *, items: int = MOST_ITEMS
    ) -> tuple[Any, Mapping[str, str]]:
        """As :meth:`Client.json_and_headers`."""
        if self.seen.questions >= MOST_QUESTIONS:
            raise EnoughError
        self.seen.questions += 1
        answer, headers = await self.client.json_and_headers(url, params, items=items)
        self.seen.shape.add(_kind(url), answer)
        return answer, headers


def look(name: str, *, root: str = "", contact: str = "") -> Seen:
    """Read a few records and one image of an archive, or of what stands at ``root``."""
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {}
        if name == "cutouts":
            table = Path(folder) / "places.csv"
            table.write_text("ra,dec,label,objid\n202.47,47.195,galaxy,M51\n", "utf-8")
            options = {"table": str(table), "size_px": 64}
        job = CollectJob(type=name, queries=ASKED[name][0], root=root, options=options)
        seen = Seen()
        try:
            asyncio.run(_look(job, contact, seen))
        except CosmicError as error:
            seen.trouble = str(error)
    if not seen.records and not seen.trouble:
        seen.trouble = f"{name}: no record was found"
    return seen


async def _look(job: CollectJob, contact: str, seen: Seen) -> None:
    source = find_source(SourceRequest(job, load_taxonomy(), None, contact))
    settings = CollectSettings(contact=contact, attempts=1)
    first = ""
    async with Client(
        settings, UrlPolicy(source.hosts, job.root), declared_rates(source)
    ) as client:
        with suppress(EnoughError):
            async for found in _records(source, Recorder(client, seen)):
                first = first or found.image_url
                seen.records += 1
                if seen.records == _RECORDS:
                    break
        if first:
            seen.questions += 1
            got = await client.image(client.url_policy.normalise(first), max_bytes=_MOST_BYTES)
            seen.shape.add("image", {"media type": media_type_of(got.data, where=first)})


async def _records(source: Source, ask: Recorder) -> AsyncIterator[Record]:
    async for part in source.slices(ask):
        async for found in source.records(ask, part):
            if isinstance(found, Record):
                yield found


def differences(live: Shape, replica: Shape) -> list[str]:
    """What the replica has and the archive has not, or has as another type."""
    found = []
    for path, types in replica.types.items():
        parent = path.rpartition(".")[0] or path
        if path not in live.types:
            if parent in live.types and replica.has_always(path):
                found.append(f"{path}: the archive has no such key")
        elif types - {"null"} and live.types[path] - {"null"} and not types & live.types[path]:
            theirs = ", ".join(sorted(live.types[path]))
            found.append(f"{path}: {theirs} and not {', '.join(sorted(types))}")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Compare the archives that are named, or all."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("archives", nargs="*", metavar="ARCHIVE", help=f"{', '.join(ASKED)}")
    asked.add_argument("--contact", default="", help="your e-mail, for the user agent")
    asked.add_argument("--root", default="", help="ask this server in place of the archives")
    given = asked.parse_args(arguments)
    if unknown := sorted(set(given.archives) - set(ASKED)):
        asked.error(f"there is no archive {unknown[0]!r}; there are: {', '.join(ASKED)}")
    failed = False
    with Replica(small_catalogue()) as replica:
        for name in given.archives or ASKED:
            path = ASKED[name][1]
            contact = given.contact
            ours = look(name, root=f"{replica.url}{path}", contact=contact or "make-live")
            live = look(name, root=f"{given.root}{path}" if given.root else "", contact=contact)
            failed |= report(name, live, ours)
    return int(failed)


def report(name: str, live: Seen, ours: Seen) -> bool:
    """Print what was found of one archive; whether that is a fault."""
    for seen, where in ((ours, "the replica"), (live, "the archive")):
        if seen.trouble:
            print(f"{name}: {where} could not be read: {seen.trouble}")
            return True
    found = differences(live.shape, ours.shape)
    more = len(set(live.shape.types) - set(ours.shape.types))
    print(
        f"{name}: {live.questions} requests, {live.records} records, {len(found)} differences, "
        f"{more} keys that the replica lacks"
    )
    for line in found:
        print(f"  {line}")
    return bool(found)


def small_catalogue() -> ArchiveCatalogue:
    """Forty records with drawn images."""

    def image(record: ArchiveRecord) -> bytes:
        out = io.BytesIO()
        level = 5 * int(record.nasa_id[1:])
        Image.linear_gradient("L").convert("RGB").rotate(level).save(out, "JPEG")
        return out.getvalue()

    titles = ("A comet", "The Ring Nebula", "Galaxy M 31", "A star")
    records = [
        ArchiveRecord(
            nasa_id=f"p{at}",
            title=titles[at % 4],
            description=f"Text {at}",
            date=f"2001-01-{1 + at % 28:02d}",
            credit="A person",
            avm="",
            file=f"p{at}.jpg",
        )
        for at in range(40)
    ]
    return ArchiveCatalogue(records, image, "live")


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {dict: "object", list: "list", str: "text"}
    return names.get(type(value), "number")


def _kind(url: str) -> str:
    """What was asked: the last part of the path that names no single thing."""
    parts = [part for part in urlsplit(url).path.split("/") if part]
    named = [part for part in parts if not any(char.isdigit() for char in part)]
    return named[-1] if named else "root"


if __name__ == "__main__":
    sys.exit(main())
