"""Addresses that carry a secret: asked as they are given, kept and shown without it."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from urllib.parse import parse_qs, urlsplit

import pytest
from harvest_tools import gather
from wire_server import answer, wire

from cosmic_morphology.atlas import TABLES, Atlas, Record, export_images, verify_atlas
from cosmic_morphology.collect import Slice
from cosmic_morphology.collect import sources as source_room
from cosmic_morphology.safe_text import public_url

SECRET = "s3cr3t"


class Signed:
    """A source whose images are had with a signature that is another one in each search."""

    name = "mine"
    hosts = ("example.org",)
    shown = (0, 1, 2)
    searches = 0

    def __init__(self, wanted):
        self.queries = ("all",)
        self._root = wanted.root("https://example.org")

    async def slices(self, ask):
        type(self).searches += 1
        yield Slice("all", "all", announced=len(self.shown))

    async def records(self, ask, part):
        for number in self.shown:
            # Two of them are told apart by what is secret, and by nothing else.
            signed = f"X-Amz-Date=2026{self.searches}&X-Amz-Signature={SECRET}{self.searches}"
            url = f"{self._root}/image.jpg?key={SECRET}{number}&{signed}"
            page = f"{self._root}/page?id={number}&token={SECRET}"
            yield Record(self.name, str(number), title="a comet", image_url=url, page_url=page)


@pytest.fixture
def signed(monkeypatch):
    point = EntryPoint("mine", f"{__name__}:Signed", source_room.GROUP)
    monkeypatch.setattr(source_room, "entry_points", lambda **_: [point])
    monkeypatch.setattr(Signed, "searches", 0)
    monkeypatch.setattr(Signed, "shown", (0, 1, 2))
    return sys.modules[__name__].Signed


@pytest.fixture
def archive(draw):
    """Root and requests of a server that gives an image for its key and the newest signature."""
    asked, broken = [], set()

    def talk(line, head):
        path = head.split()[1].decode()
        given = {name: value[0] for name, value in parse_qs(urlsplit(path).query).items()}
        number = given.get("key", "").removeprefix(SECRET)
        asked.append(number)
        if number in broken:
            line.sendall(answer(b"", status="503 Busy"))
        elif given.get("X-Amz-Signature") != f"{SECRET}{Signed.searches}":
            line.sendall(answer(b"", status="403 Forbidden"))
        else:
            line.sendall(answer(draw(int(number)), "Content-Type: image/jpeg"))

    with wire(talk) as root:
        yield root, asked, broken


@pytest.fixture
def draw():
    from drawn_images import draw_jpeg

    return draw_jpeg


def everything(atlas: Atlas) -> str:
    return str([atlas.read(table=name).to_pylist() for name in TABLES if name != "images"])


QUICK = {"attempts": 1, "backoff_s": 0.0}


def test_no_signature_is_kept_and_the_images_are_all_told_apart(atlas, signed, archive, tmp_path):
    root, asked, _ = archive
    done = gather(atlas, root, source="mine", settings=QUICK)
    assert (done.stored, done.complete) == (3, True)
    assert SECRET not in everything(atlas)
    assert atlas.count("ledger", "state = 'stored'") == 3
    export_images(atlas, tmp_path / "t.csv", format_="csv")
    exported = (tmp_path / "t.csv").read_text()
    assert SECRET not in exported
    assert "/image.jpg?***" in exported
    # Signed anew, they are the same images: nothing is asked for and nothing is written.
    version = atlas.table("catalogue").version
    asked.clear()
    again = gather(atlas, root, source="mine", settings=QUICK)
    assert (again.stored, again.already_there, asked) == (0, 3, [])
    assert atlas.table("catalogue").version == version
    assert atlas.count("ledger", "state = 'stored'") == 3
    assert verify_atlas(atlas).problems == ()


def test_what_was_not_had_is_fetched_with_the_signature_of_the_next_search(atlas, signed, archive):
    root, asked, broken = archive
    broken.add("1")
    first = gather(atlas, root, source="mine", settings=QUICK)
    assert (first.stored, first.failed) == (2, {"failed": 1})
    assert SECRET not in everything(atlas)
    broken.clear()
    asked.clear()
    second = gather(atlas, root, source="mine", settings=QUICK)
    assert (second.stored, second.complete, asked) == (1, True, ["1"])
    assert atlas.count("ledger", "state = 'stored'") == 3
    assert atlas.count("ledger", "starts_with(url, 'http')") == 3


def test_without_a_new_signature_nothing_is_asked_and_the_run_is_not_complete(
    atlas, signed, archive, monkeypatch
):
    root, asked, broken = archive
    broken.add("1")
    gather(atlas, root, source="mine", settings=QUICK)
    monkeypatch.setattr(Signed, "shown", (0, 2))
    asked.clear()
    for _ in range(2):
        done = gather(atlas, root, source="mine", settings=QUICK)
        assert (done.complete, done.failed, asked) == (False, {"failed": 1}, [])
    (row,) = atlas.read(table="ledger", where="state = 'failed'").to_pylist()
    assert row["error_kind"] == "unsigned"
    assert "no search has shown it again" in row["error"]


def test_a_refusal_tells_no_secret(atlas, signed, archive, monkeypatch):
    root, _, _ = archive
    settings = {**QUICK, "throttle_pause_s": 0.01}

    async def old(self, ask, part):
        yield Record("mine", "0", image_url=f"{root}/i.jpg?X-Amz-Signature={SECRET}")
        user = root.replace("//", f"//ann:{SECRET}@")
        yield Record("mine", "1", image_url=f"{user}/i.jpg", page_url=f"{user}/page")

    monkeypatch.setattr(Signed, "records", old)
    monkeypatch.setattr(Signed, "shown", (0, 1))
    done = gather(atlas, root, source="mine", settings=settings)
    assert done.failed == {"forbidden": 1, "refused": 1}
    assert SECRET not in everything(atlas)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://h/a.jpg?width=3&id=7", "https://h/a.jpg?width=3&id=7"),
        ("https://h/a.jpg?id=7&Expires=9&Signature=x~y&Key-Pair-Id=K", "https://h/a.jpg?***"),
        ("https://h/a.jpg?sv=1&se=2&sig=x%3D", "https://h/a.jpg?***"),
        ("https://ann:pw@h/a.jpg?id=7", "https://***@h/a.jpg?id=7"),
        ("https://h/a.jpg?author=Hubble", "https://h/a.jpg?author=Hubble"),
        ("https://h/a.jpg#access_token=x", "https://h/a.jpg#access_token=***"),
        ("", ""),
    ],
)
def test_an_address_is_kept_without_what_is_secret(url, kept):
    assert public_url(url) == kept
    assert public_url(kept) == kept
