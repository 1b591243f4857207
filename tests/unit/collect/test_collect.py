"""The parts of collecting that need no archive: addresses, texts, waits, renditions, counts."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmic_morphology.collect import FetchFailedError, FetchState, Slice
from cosmic_morphology.collect.harvest.completeness import STORED, CompletenessCounter
from cosmic_morphology.collect.http.headers import opts_out, retry_after_s, user_agent
from cosmic_morphology.collect.http.host_limiter import allowed_per_s
from cosmic_morphology.collect.http.resolver import PinnedResolver
from cosmic_morphology.collect.http.url_policy import UrlPolicy, is_loopback
from cosmic_morphology.collect.sources import text as texts
from cosmic_morphology.collect.sources.nasa.records import (
    choose_rendition,
    links_of,
    safe_id,
    to_record,
)
from cosmic_morphology.collect.sources.nasa.slices import data_of, id_of
from cosmic_morphology.settings import CollectSettings

NASA = UrlPolicy(("images-api.nasa.gov", ".example.org"))


@pytest.mark.parametrize(
    ("given_url", "asked"),
    [
        ("http://images-api.nasa.gov/a b.jpg", "https://images-api.nasa.gov/a%20b.jpg"),
        ("https://images-api.nasa.gov/a%20b.jpg", "https://images-api.nasa.gov/a%20b.jpg"),
        ("https://images-api.nasa.gov/é?q=a b#x", "https://images-api.nasa.gov/%C3%A9?q=a%20b"),
        ("  https://cdn.example.org/x~orig.jpg ", "https://cdn.example.org/x~orig.jpg"),
        ("https://IMAGES-API.nasa.gov:443/x", "https://images-api.nasa.gov/x"),
    ],
)
def test_addresses_are_asked_encrypted_and_encoded(given_url, asked):
    assert NASA.normalise(given_url) == asked


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://images-api.nasa.gov/x",
        "https://nasa.gov.evil.org/x",
        "https://images-api.nasa.gov.evil.org/x",
        "https://images-api.nasa.gov@evil.org/x",
        "https://user:secret@images-api.nasa.gov/x",
        "https://images-api.nasa.gov:8080/x",
        "http://127.0.0.1/x",
        "http://169.254.169.254/latest",
        "http://[::1]/x",
        "https://[broken/x",
        "http://[::1",
        "https://images-api.nasa.gov:99999/",
        "https://images-api.nasa.gov/\ud800",
        "javascript:alert(1)",
        "",
        "https://images-api.nasa.gov/" + "x" * 9_000,
    ],
)
def test_addresses_that_lead_elsewhere_are_refused(url):
    with pytest.raises(FetchFailedError) as caught:
        NASA.normalise(url)
    assert caught.value.state is FetchState.FORBIDDEN


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "::1", "::ffff:10.0.0.7", "169.254.1.1", "fe80::1"]
)
def test_a_name_that_leads_to_a_private_address_is_refused(monkeypatch, address):
    found = [(2, 1, 6, "", ("23.1.2.3", 0)), (10, 1, 6, "", (address, 0))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(FetchFailedError, match="private address"):
        asyncio.run(PinnedResolver().resolve("images-api.nasa.gov", 443))
    assert asyncio.run(PinnedResolver(["images-api.nasa.gov"]).resolve("images-api.nasa.gov"))


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(monkeypatch):
    answers = iter([[(2, 1, 6, "", ("23.1.2.3", 0))], [(2, 1, 6, "", ("10.0.0.7", 0))]])
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: next(answers))
    resolver = PinnedResolver()
    for _ in range(3):
        found = asyncio.run(resolver.resolve("images-api.nasa.gov", 443))
        assert [(each["host"], each["port"]) for each in found] == [("23.1.2.3", 443)]
    resolver.forget("images-api.nasa.gov")
    with pytest.raises(FetchFailedError, match="private address"):
        asyncio.run(resolver.resolve("images-api.nasa.gov", 443))


def test_a_replica_may_be_on_this_machine_and_is_never_left():
    doors = UrlPolicy(("images-api.nasa.gov",), "http://127.0.0.1:4000/nasa")
    assert doors.normalise("http://127.0.0.1:4000/x y") == "http://127.0.0.1:4000/x%20y"
    for url in (
        "http://127.0.0.1:4001/x",
        "https://127.0.0.1:4000/x",
        "https://images-api.nasa.gov",
    ):
        with pytest.raises(FetchFailedError):
            doors.normalise(url)


@given(st.text(max_size=200))
def test_whatever_is_let_through_is_https_on_a_known_host(text):
    for url in (text, f"https://images-api.nasa.gov/{text}", f"//{text}"):
        try:
            asked = NASA.normalise(url)
        except FetchFailedError:
            continue
        parts = urlsplit(asked)
        assert parts.scheme == "https"
        assert parts.hostname == "images-api.nasa.gov" or parts.hostname.endswith(".example.org")
        assert asked.isascii()
        assert NASA.normalise(asked) == asked


def test_loopback_is_known_by_number_and_name():
    assert [is_loopback(h) for h in ("127.0.0.1:80", "localhost:1", "[::1]:2", "nasa.gov")] == [
        *[True] * 3,
        False,
    ]


def test_hosts_have_the_rates_that_their_source_declares_unless_somebody_says_otherwise():
    plain, own = CollectSettings(), {"images-api.nasa.gov": 5.0}
    assert allowed_per_s("images-api.nasa.gov", plain, own) == 5
    assert allowed_per_s("nobody.example.org", plain, own) == 2
    assert allowed_per_s("127.0.0.1:9", plain, own) is None
    for host in (*own, "127.0.0.1:9"):
        assert allowed_per_s(host, CollectSettings(requests_per_s=7), own) == 7


@given(st.integers(0, 10**8))
def test_retry_after_is_understood_in_seconds(seconds):
    assert retry_after_s(f" {seconds} ") == seconds


def test_retry_after_is_understood_as_a_date_and_never_negative():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < retry_after_s(soon) <= 90
    assert retry_after_s("Wed, 01 Jan 2020 00:00:00 GMT") == 0
    assert [retry_after_s(each) for each in ("", "soon", "-5", "1.5", "²")] == [None] * 5


@pytest.mark.parametrize(
    "said",
    [
        "Wed, 01 Jan 2020 00:00:00 +9999999",
        "Wed, 01 Jan 99999 00:00:00 GMT",
        "Wed, 01 Jan 0000 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Wed, 99 Jan 2020 99:99:99 GMT",
        "9" * 5_000,
        "-1",
        "\ud800",
    ],
)
def test_a_time_that_there_is_not_is_no_reason_to_stop(said):
    wait_s = retry_after_s(said)
    assert wait_s is None or wait_s >= 0


@pytest.mark.parametrize(
    ("said", "answer"),
    [("noai, noimageai", True), ("NoIndex", True), ("max-snippet:5", False), ("", False),
     ("otherbot: noai", False)],
)  # fmt: skip
def test_an_opt_out_counts_when_it_is_meant_for_all(said, answer):
    assert opts_out({"x-robots-tag": said}) is answer


def test_the_user_agent_names_whom_to_write_to_and_nothing_else():
    assert "(me@example.org)" in user_agent(CollectSettings(contact="me@example.org"))
    assert "\n" not in user_agent(CollectSettings(contact="a\r\nX-Evil: 1"))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<p><a href="x">Galaxy</a> seen</p>\r\n', "Galaxy seen"),
        ("a &amp; b &#233; &lt;c&gt;", "a & b é <c>"),
        ("one<br>two<script>evil()</script>", "one two"),
        ("H<sub>2</sub>O", "H2O"),
        ("z < 6 and x > 2", "z < 6 and x > 2"),
        ("line\nbreak\x00 \u2028x", "line break x"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        (None, ""),
        (["one"], "one"),
        (7, "7"),
        ({"a": 1}, ""),
        ("<p title='x'>a<unknown>b</unknown></p>c", "ab c"),
        ("a<!-- no -->b <![CDATA[x]]>", "ab"),
        ("&#" + "9" * 5_000 + ";", "\ufffd"),
        ("&amp;#" + "9" * 5_000 + ";", "&#" + "9" * 5_000 + ";"),
        ("&#xD800;a &amp;eacute;", "\ufffda é"),
        ("<![" * 50_000, ""),
    ],
)
def test_texts_become_plain(html, text):
    assert texts.plain(html) == text


@given(st.text())
def test_a_plain_text_is_one_line_and_can_be_stored(text):
    plain = texts.plain(f"<p>{text}")
    assert plain == plain.encode("utf-8").decode("utf-8")
    assert plain == " ".join(plain.split())
    assert len(texts.title(text * 50)) <= texts.MAX_TITLE_CHARS


TEXTS_THAT_GROW = """
import sys
from cosmic_morphology.collect.sources import djangoplicity, text as texts
from cosmic_morphology.collect.sources.folder import spacenet
from cosmic_morphology.collect.sources.nasa import records as nasa_records
from cosmic_morphology.curate.groups import titles as grouping_names
from cosmic_morphology.curate.text import phrases

atoms = ["<a ", "<![", "<!--", "<a>", "<b><p>", "<div>", "<ul><li>", "<font a>", "</x>", "&#",
         "&amp;", "&", "<p", "<table>x", "<svg>", "<script>", "a='1' ", "(c", "~orig", "_page_1",
         "_page_1_image_1a", "b'", "\\\\", "[", "m0", "ngc 0", "part ##", "1 of ", "-", "aA", ". A"]
for atom in atoms:
    for text in (atom * (500_000 // len(atom)), "<a " + atom * 25_000, "b'" + atom * 25_000):
        texts.plain(text), texts.title(text), texts.listed([text]), texts.safe_id(text[:50_000])
        djangoplicity._unbugged(text + "'"), djangoplicity._LANGUAGE.sub("", text)
        nasa_records._COPYRIGHT.search(text), nasa_records._RENDITION.search(text)
        spacenet.origin_of(text)
        phrases.sentences(text), phrases.words_of_name(text)
        grouping_names.title_series(text[:20_000])
print("done")
"""


def test_no_text_of_an_archive_keeps_a_reader_busy():
    # Where time grows with the square of the length this takes hours: the limit is for those.
    done = subprocess.run(
        [sys.executable, "-c", TEXTS_THAT_GROW],
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.stdout.strip() == "done", done.stderr


@pytest.mark.parametrize(
    ("given_keywords", "expected"),
    [
        (["Mars", "Rover "], ("Mars", "Rover")),
        ("Mars, Rover,, Mars", ("Mars", "Rover")),
        (["Mars, Rover, Red Planet"], ("Mars", "Rover", "Red Planet")),
        (["Houston, Texas"], ("Houston, Texas",)),
        (None, ()),
        ([None, 5, {}], ("5",)),
    ],
)
def test_keywords_come_as_a_list_or_joined(given_keywords, expected):
    assert texts.listed(given_keywords) == expected


def link(name, **more):
    return {"href": f"http://x/{name}", "render": "image", **more}


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["a~orig.jpg", "a~large.jpg", "a~medium.jpg", "a~small.jpg"], "a~medium.jpg"),
        (["a~orig.jpg", "a~large.jpg"], "a~large.jpg"),
        (["a~orig.jpg", "a~small.jpg", "a~large.jpg"], "a~small.jpg"),
        (["a~orig.PNG", "a~thumb.jpg"], "a~orig.PNG"),
        (["a~orig.tif", "a~thumb.jpg"], "a~thumb.jpg"),
        (["a~orig.tif"], ""),
        (["a~orig.mp4", "metadata.json"], ""),
        (["a b~medium.jpg"], "a b~medium.jpg"),
        ([], ""),
    ],
)
def test_one_rendition_is_chosen_by_size(names, chosen):
    assert choose_rendition([link(name) for name in names]).rpartition("/")[2] == chosen


KEYS = st.sampled_from(["data", "links", "href", "rel", "render", "nasa_id", "title", "keywords"])


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda x: st.lists(x, max_size=3) | st.dictionaries(KEYS, x, max_size=5),
    )
)
def test_no_shape_of_an_item_breaks_the_reader(item):
    choose_rendition(links_of(item))
    if id_of(item):
        assert to_record(data_of(item), "http://x", query="q").id.startswith("nasa:")


@given(st.text(min_size=1))
def test_identifiers_are_one_line_and_different_ones_stay_different(text):
    shown = safe_id(text)
    assert shown.isprintable()
    assert len(shown) <= 300
    if text.strip() and text.isprintable() and len(text) < 200:
        assert shown == text.strip()
    assert safe_id("x" * 400) != safe_id("x" * 401)


def test_third_party_images_are_not_called_public():
    said = {"nasa_id": "a", "secondary_creator": "ESO", "description": "Copyright ESO."}
    assert "not redistributable" in to_record(said, "u", query="q").licence
    assert to_record({"nasa_id": "a", "center": "JPL"}, "u", query="q").credit == "NASA/JPL"


@pytest.mark.shared
def test_recorded_pages_of_the_real_library_become_records(shared: Path):
    for name in ("images_search_q-saucer.json", "images_search_q-stars_page1.json"):
        page = json.loads((shared / "sky" / "recorded" / name).read_text("utf-8"))
        items = page["collection"]["items"]
        records = [
            to_record(data_of(item), choose_rendition(links_of(item)), query="nasa:x")
            for item in items
        ]
        assert len({record.id for record in records}) == len(items)
        assert all(record.image_url and record.title and record.credit for record in records)
        assert not any(
            "<" in record.description and "</" in record.description for record in records
        )


def counted(announced, ids, *, states=None, recount=None, cut="", nameless=0):
    tally, part = CompletenessCounter("s"), Slice("q", "q", announced, announced)
    tally.open(part)
    for _ in range(nameless):
        tally.count(part, "")
    for each in ids:
        tally.count(part, each)
        tally.resolve(each, (states or {}).get(each, STORED))
    if recount is not None:
        tally.recount(part, recount)
    if cut:
        tally.truncate(part, cut)
    return tally.reports()[0]


def test_a_slice_that_adds_up_says_so():
    report = counted(3, "abc", states={"b": "gone"})
    assert (report.stored, report.reasons, report.is_complete) == (2, {"gone": 1}, True)


@pytest.mark.parametrize(
    ("announced", "ids", "more", "reasons"),
    [
        (4, "abc", {"recount": 3}, {"archive_shrank": 1}),
        (2, "abc", {"recount": 3}, {"archive_grew": 1}),
        (4, "abca", {}, {"repeated": 1}),
        (9, "abc", {"cut": "limit"}, {"limit": 6}),
        (9, "abc", {"cut": "page_failed"}, {"page_failed": 6}),
        (4, "abc", {"nameless": 1}, {"malformed": 1}),
    ],
)
def test_every_difference_has_a_typed_reason(announced, ids, more, reasons):
    report = counted(announced, ids, **more)
    assert (report.reasons, report.unexplained) == (reasons, 0)


@pytest.mark.parametrize(("announced", "ids", "gap"), [(5, "abc", 2), (2, "abc", -1)])
def test_a_difference_without_a_reason_is_named(announced, ids, gap):
    report = counted(announced, ids)
    assert (report.unexplained, report.is_complete) == (gap, False)


@given(
    st.lists(st.sampled_from("abcdef"), max_size=20),
    st.integers(0, 12),
    st.none() | st.integers(0, 12),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["gone", "refused"])),
)
def test_an_account_is_always_the_sum_of_its_parts(ids, announced, recount, states):
    report = counted(announced, ids, states=states, recount=recount)
    ends = sum(n for why, n in report.reasons.items() if why in ("gone", "refused"))
    assert report.stored + ends == report.unique == len(set(ids))
    assert report.seen == len(ids)
    if announced == report.unique:
        assert report.is_complete
    elif recount is None and not report.reasons.get("repeated"):
        assert report.unexplained == announced - report.unique
