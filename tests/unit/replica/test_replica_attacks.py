"""Hostile answers are really hostile, and end when the client has had enough."""

import ssl
import struct
import warnings
import zlib
from functools import partial
from io import BytesIO

import httpx2
import pytest
from PIL import Image

from cosmic_morphology.replica import ArchiveCatalogue, Replica
from cosmic_morphology.replica.hostile import BOMB_BYTES, REDIRECTS

# One context for all: reading the certificates takes longer than most requests here.
get = partial(httpx2.get, verify=ssl.create_default_context())

ENOUGH = 30_000_000


@pytest.fixture(scope="module")
def replica():
    with Replica(ArchiveCatalogue.numbered(3, side_px=32)) as running:
        yield running


@pytest.fixture(scope="module")
def root(replica):
    return f"{replica.url}/__attacks__"


@pytest.mark.parametrize("kind", sorted(REDIRECTS))
def test_a_redirect_leads_where_no_collector_should_follow(root, kind):
    answer = get(f"{root}/redirect/{kind}")
    assert (answer.status_code, answer.headers["location"]) == (302, REDIRECTS[kind])


def test_a_redirect_can_lead_anywhere_and_in_circles(root):
    with pytest.raises(httpx2.TooManyRedirects):
        get(f"{root}/redirect/loop", follow_redirects=True)
    answer = get(f"{root}/redirect/any", params={"to": "gopher://x"})
    assert answer.headers["location"] == "gopher://x"


@pytest.mark.parametrize("name", ["endless.jpg", "gzip-bomb.jpg"])
def test_a_body_grows_far_beyond_what_its_headers_say(root, name):
    with httpx2.stream("GET", f"{root}/{name}") as answer:
        said = int(answer.headers.get("content-length", 0))
        had = 0
        for piece in answer.iter_bytes():
            had += len(piece)
            if had > ENOUGH:
                break
    assert had > ENOUGH > said


def test_the_gzip_bomb_announces_about_a_thousandth_of_what_it_is(root):
    said = int(httpx2.head(f"{root}/gzip-bomb.jpg").headers["content-length"])
    assert 500 < BOMB_BYTES / said < 1100


def test_a_lying_length_leaves_rubbish_on_the_connection(root, replica):
    with httpx2.Client() as client:
        assert len(client.get(f"{root}/liar.jpg").content) == 100
        try:
            after = client.get(f"{replica.nasa_url}/search", params={"q": "galaxy"})
        except httpx2.TransportError:
            after = client.get(f"{replica.nasa_url}/search", params={"q": "galaxy"})
    assert after.json()["collection"]["metadata"]["total_hits"] == 3


def test_the_png_bomb_is_small_and_valid_and_huge(root):
    body = get(f"{root}/png-bomb.png").content
    assert len(body) < 1_000_000
    width, height = struct.unpack(">II", body[16:24])
    packed = body[body.index(b"IDAT") + 4 : -16]
    unpacked, size = zlib.decompressobj(), 0
    while not unpacked.eof:
        size += len(unpacked.decompress(packed, 1_000_000))
        packed = unpacked.unconsumed_tail
    assert size == height * (1 + width // 8)
    with warnings.catch_warnings(), pytest.raises(Image.DecompressionBombError):
        Image.open(BytesIO(body))


def test_the_hostile_library_is_a_search_answer_with_harmful_records(root):
    items = get(f"{root}/hostile/search", params={"q": "galaxy"}).json()["collection"]["items"]
    data = [item["data"][0] for item in items if item.get("data")]
    ids = {str(d["nasa_id"]) for d in data}
    assert {"../../x", "line\nbreak", "null\0byte"} <= ids
    assert max(len(str(d["title"])) for d in data) > 1_000_000
    hrefs = {item["href"] for item in items if "href" in item}
    assert set(REDIRECTS.values()) <= hrefs


def test_the_endless_library_always_has_a_next_page_of_the_same_records(root):
    url, pages = f"{root}/endless/search?q=galaxy", []
    for _ in range(5):
        collection = get(url).json()["collection"]
        pages.append([item["data"][0]["nasa_id"] for item in collection["items"]])
        url = collection["links"][0]["href"]
    assert all(page == pages[0] for page in pages)
    assert get(f"{root}/endless/search?page=x").status_code == 400
