"""The client on the wire: what a server may send byte by byte, and whom it is connected to."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time

import psutil
import pytest
from harvest_tools import gather
from wire_server import answer, wire

from cosmic_morphology.collect import FetchFailedError, FetchState
from cosmic_morphology.collect.http.client import Client
from cosmic_morphology.collect.http.url_policy import UrlPolicy
from cosmic_morphology.errors import CosmicError, InputError, SettingsError, SourceError
from cosmic_morphology.replica import ArchiveCatalogue, Replica
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.settings import CollectSettings, Settings

IMPATIENT = {"timeout_s": 0.3, "attempts": 1, "backoff_s": 0.0}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def asked(root, what="json", **given):
    async def ask():
        doors = UrlPolicy((), root)
        async with Client(
            CollectSettings(**{**IMPATIENT, **given.pop("settings", {})}), doors
        ) as c:
            return await getattr(c, what)(f"{root}/x", **given)

    return asyncio.run(ask())


def trouble(root, what="json", **given):
    with pytest.raises(FetchFailedError) as caught:
        asked(root, what, **given)
    return caught.value


def dripping(piece, between_s=0.05):
    """Sends a piece again and again, until the other side has gone."""

    def talk(line, head):
        line.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            line.sendall(piece)
            time.sleep(between_s)

    return talk


@pytest.mark.parametrize("piece", [b"X-A: 1\r\n", b"X", b" "])
@pytest.mark.parametrize("what", ["json", "image"])
def test_a_head_that_drips_is_left(piece, what):
    given = {"max_bytes": 1000} if what == "image" else {}
    with wire(dripping(piece)) as root:
        assert trouble(root, what, **given).kind in ("timeout", "connection")


def test_informational_answers_for_ever_are_left():
    def talk(line, head):
        while True:
            line.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
            time.sleep(0.05)

    with wire(talk) as root:
        assert trouble(root).kind == "timeout"


@pytest.mark.parametrize(
    "pieces",
    [
        (b"Content-Length: 100000\r\n\r\n", b"x"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n5;", b"ext"),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: 1\r\n"),
    ],
    ids=["length", "chunks", "extension", "trailers"],
)
def test_a_body_that_drips_is_left(pieces):
    head, piece = pieces

    def talk(line, request):
        line.sendall(b"HTTP/1.1 200 OK\r\n" + head)
        while True:
            line.sendall(piece)
            time.sleep(0.05)

    with wire(talk) as root:
        assert trouble(root).kind in ("slow", "connection", "cut")


def test_a_server_that_says_nothing_is_left():
    with wire(lambda line, head: time.sleep(5)) as root:
        assert trouble(root).kind == "timeout"


@pytest.mark.parametrize("what", ["json", "image"])
def test_not_modified_without_a_condition_is_a_failure_that_may_pass(what):
    given = {"max_bytes": 1000} if what == "image" else {}
    with wire(lambda line, head: line.sendall(b"HTTP/1.1 304 Not Modified\r\n\r\n")) as root:
        assert trouble(root, what, **given).kind == "http_304"
        same = asked(root, "image", max_bytes=10, etag='"a"')
        assert same.unchanged


def test_twenty_million_empty_items_are_refused_before_they_are_read():
    body = gzip.compress(b'{"collection":{"items":[' + b"{}," * 20_000_000 + b"{}]}}")
    plain = b"[" + b"[]," * 8_000_000 + b"[]]"
    before = psutil.Process().memory_info().rss
    for sent, head in ((body, ("Content-Encoding: gzip",)), (plain, ())):
        with wire(lambda line, _, s=sent, h=head: line.sendall(answer(s, *h))) as root:
            found = trouble(root, items=100, settings={"timeout_s": 30})
        assert (found.state, found.kind) == (FetchState.TOO_LARGE, "too_large")
        del found
    assert psutil.Process().memory_info().rss - before < 400e6


def test_a_page_holds_no_more_than_was_asked_for(atlas):
    item = b'{"data":[{"nasa_id":"a"}]},'
    body = b'{"collection":{"metadata":{"total_hits":2000},"items":[' + item * 2_000 + b"{}]}}"
    with (
        wire(lambda line, _: line.sendall(answer(body))) as root,
        pytest.raises(SourceError, match="2,001 records where 100"),
    ):
        gather(atlas, root, "galaxy")


@pytest.mark.parametrize(
    "head",
    [
        "Location: http://[::1",
        "Location: http://x:99999/",
        "Location: /\udcff\udcfe",
        "Location: //\udcff/",
        "Location: " + "x" * 20_000,
    ],
)
def test_a_redirect_to_nowhere_is_named(head):
    with wire(lambda line, _: line.sendall(answer(b"", head, status="302 Found"))) as root:
        found = trouble(root)
    assert found.state in (FetchState.FORBIDDEN, FetchState.FAILED)
    str(found).encode("utf-8")


@pytest.mark.parametrize("status", ["429 Many", "503 Busy", "500 Ill", "403 No", "404 No"])
@pytest.mark.parametrize(
    "said",
    ["Wed, 01 Jan 99999 00:00:00 GMT", "Wed, 01 Jan 2020 00:00:00 +9999999", "-5", "9" * 400],
)
def test_an_answer_that_says_when_to_come_back_may_say_anything(status, said):
    body = b'{"reason": ["\\ud800", {}]}'
    sent = answer(body, f"Retry-After: {said}", status=status)
    with wire(lambda line, _: line.sendall(sent)) as root:
        str(trouble(root, settings={"max_wait_s": 0.01})).encode("utf-8")


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"1" * 5_000, b"\xff", b""])
def test_json_that_is_none_is_said(body):
    with wire(lambda line, _: line.sendall(answer(body))) as root:
        assert trouble(root).kind in ("not_json", "too_large")


def test_a_header_that_is_no_text_is_kept_as_one_that_can_be_stored():
    sent = answer(b"\x89PNG", 'ETag: "\udcff"', "Last-Modified: \udcfe")
    with wire(lambda line, _: line.sendall(sent)) as root:
        found = asked(root, "image", max_bytes=100)
    (found.etag + found.last_modified).encode("utf-8")


def test_no_cookie_is_kept_and_the_connection_is():
    heads, lines = [], set()

    def talk(line, head):
        heads.append(head.lower())
        lines.add(line)
        line.sendall(answer(b"[]", "Set-Cookie: a=b"))

    with wire(talk) as root:

        async def twice():
            async with Client(CollectSettings(), UrlPolicy((), root)) as client:
                return [await client.json(f"{root}/x") for _ in range(3)]

        assert asyncio.run(twice()) == [[], [], []]
    assert not any(b"cookie" in head for head in heads)
    assert len(lines) == 1


def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch):
    """A name server that gives a private address the second time is not asked a second time."""
    lookups, connected = [], []

    def rebinding(host, *_, **__):
        lookups.append(host)
        return [(2, 1, 6, "", ("127.0.0.1" if len(lookups) > 1 else "192.0.0.9", 0))]

    async def noting(self, sock, address):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", noting)

    async def ask():
        settings = CollectSettings(timeout_s=5, attempts=1)
        async with Client(settings, UrlPolicy(["rebind.example.org"])) as client:
            return await client.json("https://rebind.example.org/x")

    with (
        pytest.raises(FetchFailedError) as caught,
        asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as r,
    ):
        r.run(ask())
    assert caught.value.kind == "connection"
    assert lookups == ["rebind.example.org"]
    assert connected == [("192.0.0.9", 443)]


def test_a_name_of_a_private_address_is_never_connected_to(monkeypatch):
    asked_for = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", 0))])

    async def ask(port):
        async with Client(CollectSettings(), UrlPolicy(["evil.example.org"])) as client:
            return await client.json(f"http://evil.example.org:{port}/x")

    with wire(lambda line, head: asked_for.append(head)) as root:
        for port in (80, 443, root.rpartition(":")[2]):
            with pytest.raises(FetchFailedError) as caught:
                asyncio.run(ask(port))
            assert caught.value.state is FetchState.FORBIDDEN
    assert asked_for == []


def test_behind_a_proxy_the_proxy_is_connected_to_and_the_summary_says_so(atlas, monkeypatch):
    through = []
    with Replica(ArchiveCatalogue.numbered(5, side_px=32), quirks=Quirks.none()) as replica:

        def pass_on(line, head):
            request, _, rest = head.partition(b"\r\n")
            method, url, version = request.split(b" ")
            through.append(url)
            host = replica.url.removeprefix("http://")
            path = url.removeprefix(replica.url.encode())
            with socket.create_connection(host.split(":")) as server:
                rest = rest.replace(b"keep-alive", b"close")
                server.sendall(
                    b"%b %b %b\r\nConnection: close\r\n%b" % (method, path, version, rest)
                )
                while piece := server.recv(65536):
                    line.sendall(piece)
            line.close()

        with wire(pass_on) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy)
            done = gather(atlas, replica.nasa_url, "galaxy")
    assert (done.stored, done.complete) == (5, True)
    assert len(through) >= 6
    assert done.proxy == proxy.removeprefix("http://")


@pytest.mark.parametrize("proxy", ["socks5://x:1", "http://[::1", "http://x:99999", "ftp://x"])
def test_a_proxy_that_cannot_be_used_is_named(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(SettingsError, match="HTTPS_PROXY"):
        asked("http://127.0.0.1:9")


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://x:99999/a", "http:///a", "http://127.0.0.1:1/a"]
)
def test_one_image_by_address_ends_in_one_line(url):
    from cosmic_morphology.collect.http.fetch_one import image_at

    with pytest.raises((InputError, CosmicError)) as caught:
        image_at(url, Settings(collect={"attempts": 1, "timeout_s": 2, "backoff_s": 0}))
    assert "\n" not in str(caught.value)


def test_one_image_by_address_is_given_up_where_somebody_waits_for_it():
    from cosmic_morphology.collect.http.fetch_one import image_at

    with (
        wire(
            lambda line, head: line.sendall(answer(b"", "Retry-After: 300", status="503 No"))
        ) as url,
        pytest.raises(InputError, match=r"did not come within 0\.3 s"),
    ):
        image_at(f"{url}/a.jpg", Settings(), within_s=0.3)
