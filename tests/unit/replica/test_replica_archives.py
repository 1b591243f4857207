"""The other archives of the replica: APOD, djangoplicity, Commons, survey cutouts."""

import hashlib
import io
import ssl
from functools import partial

import httpx2
import numpy as np
import pytest
from PIL import Image

from cosmic_morphology.replica import ArchiveCatalogue, Replica
from cosmic_morphology.replica.archives.cutouts import covered
from cosmic_morphology.replica.catalogue import ArchiveRecord
from cosmic_morphology.replica.quirks import Quirks

# One context for all: reading the certificates takes longer than most requests here.
get = partial(httpx2.get, verify=ssl.create_default_context())

CONTACT = {"User-Agent": "replica-tests/1.0 (somebody@example.org)"}
TITLES = ["A comet", "The Ring Nebula", "Galaxy: M 31", "Artist's impression of a star"]


def image(record):
    side = 1600 if record.nasa_id == "p0" else 90
    buffer = io.BytesIO()
    Image.new("RGB", (side, side // 2), (len(record.title), 10, 200)).save(buffer, "JPEG")
    return buffer.getvalue()


def records(n=12):
    return [
        ArchiveRecord(
            nasa_id=f"p{i}",
            title=TITLES[i % 4],
            description=f"Text {i} & more",
            date=f"20{i:02d}-0{1 + i % 9}-15" if i != 5 else "",
            credit=f"NASA/{i}" if i % 2 else f"Person {i}",
            avm="A.2.2.1" if i == 4 else "",
            file=f"p{i}.jpg",
        )
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def replica():
    with Replica(ArchiveCatalogue(records(), image), quirks=Quirks.none()) as running:
        yield running


@pytest.fixture(scope="module")
def client(replica):
    with httpx2.Client(base_url=replica.url, headers=CONTACT) as running:
        yield running


def size_of(answer):
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content)).size


# --- APOD ---------------------------------------------------------------------------------------

APOD = "/apod/wp-json/wp/v2/apod-basic"


def test_apod_lists_dated_entries_newest_first_and_ignores_dates(client):
    answer = client.get(APOD, params={"per_page": 4, "date": "2003-04-15", "count": 1})
    dates = [entry["date"] for entry in answer.json()]
    assert dates == sorted(dates, reverse=True)
    assert len(dates) == 4
    assert (answer.headers["x-wp-total"], answer.headers["x-wp-totalpages"]) == ("11", "3")


def test_the_pages_of_apod_cover_every_day_once(client):
    pages = [client.get(APOD, params={"per_page": 4, "page": p}).json() for p in (1, 2, 3)]
    days = [entry["date"] for page in pages for entry in page]
    assert len(days) == len(set(days)) == 11
    beyond = client.get(APOD, params={"per_page": 4, "page": 4})
    assert beyond.status_code == 400
    assert beyond.json()["code"] == "rest_post_invalid_page_number"
    assert client.get(APOD, params={"page": "x"}).status_code == 400


def test_the_image_of_a_day_is_its_hdurl_and_its_url_is_an_article(client):
    entry = client.get(f"{APOD}/000115").json()
    assert entry["title"] == "A comet"
    assert entry["explanation"] == "<p>Text 0 &amp; more</p>\n"
    assert size_of(client.get(entry["hdurl"])) == (1600, 800)
    assert size_of(client.get(entry["hdurl"], params={"w": 400, "fit": "clip"})) == (400, 200)
    assert client.get(entry["hdurl"], params={"w": "wide"}).status_code == 400
    assert client.get(entry["hdurl"] + "x").status_code == 404
    assert client.get(entry["url"]).headers["content-type"].startswith("text/html")
    moved = client.get(entry["basic_html_url"])
    assert (moved.status_code, moved.headers["location"]) == (301, entry["url"])


def test_a_copyright_stands_only_where_the_image_is_not_nasas(client):
    assert client.get(f"{APOD}/000115").json()["copyright"] == "Person 0"
    assert client.get(f"{APOD}/010215").json()["copyright"] == ""


def test_a_missing_day_of_apod_says_so_in_wordpress_words(client):
    answer = client.get(f"{APOD}/991231")
    assert answer.status_code == 404
    assert answer.json()["code"] == "apod_basic_not_found"
    assert answer.json()["message"] == "APOD not found."
    assert client.get("/apod/article/991231").status_code == 404


def test_apod_can_answer_with_the_logo_and_with_short_pages():
    quirks = Quirks(apod_logo=1, apod_per_page=3, apod_video=1)
    with Replica(ArchiveCatalogue(records(), image), quirks=quirks) as running:
        entries = get(running.url + APOD, params={"per_page": 100}).json()
        assert len(entries) == 3
        assert all("nasa-logo" in entry["hdurl"] for entry in entries)
        assert {entry["media_type"] for entry in entries} == {"video"}
        bodies = {get(entry["hdurl"]).content for entry in entries}
    assert len(bodies) == 1


def test_a_withheld_record_leaves_every_archive():
    with Replica(ArchiveCatalogue(records(), image), quirks=Quirks.none()) as running:
        running.withhold(["p0"])
        with httpx2.Client(base_url=running.url, headers=CONTACT) as client:
            assert client.get(f"{APOD}/000115").status_code == 404
            feed = client.get("/djangoplicity/eso/images/d2d/").json()
            assert "p0" not in [shown["ID"] for shown in feed["Collections"]]
            assert client.get("/djangoplicity/eso/archives/images/screen/p0.jpg").status_code == 404
            assert "File:P0.jpg" not in [p["title"] for p in members(client, "Comets")]


# --- djangoplicity ------------------------------------------------------------------------------


@pytest.mark.parametrize("site", ["esahubble", "esawebb", "eso", "noirlab"])
def test_following_next_through_a_feed_gives_every_record_once(client, site):
    url, seen = f"/djangoplicity/{site}/images/d2d/?count=5", []
    while url:
        page = client.get(url).json()
        assert page["Count"] == 11
        seen += [shown["ID"] for shown in page["Collections"]]
        url = page["Next"]
    assert sorted(seen) == sorted(r.nasa_id for r in records() if r.date)
    assert page["Previous"].endswith("page=2")


def test_before_and_after_are_inclusive(client):
    params = {"after": "20030415000000", "before": "20060715000000"}
    page = client.get("/djangoplicity/eso/images/d2d/", params=params).json()
    assert [shown["ID"] for shown in page["Collections"]] == ["p6", "p4", "p3"]


def test_a_feed_gives_avm_categories_and_files_of_the_stated_sides(client):
    page = client.get("/djangoplicity/esahubble/images/d2d/").json()
    shown = {collection["ID"]: collection for collection in page["Collections"]}
    assert shown["p4"]["Subject"]["Category"] == ["A.2.2.1"]
    assert shown["p1"]["Subject"]["Category"] == ["B.4"]
    assert {c.get("Type") for i, c in shown.items() if int(i[1:]) % 4 == 3} <= {"Artwork", None}
    resources = {r["ResourceType"]: r for r in shown["p0"]["Assets"][0]["Resources"]}
    assert resources["Small"]["Dimensions"] == [1280, 640]
    assert size_of(client.get(resources["Small"]["URL"])) == (1280, 640)
    assert size_of(client.get(resources["Large"]["URL"])) == (1600, 800)
    assert resources["Original"]["URL"].endswith(".tif")
    assert resources["Original"]["FileSize"] > 40_000_000
    assert client.get(resources["Original"]["URL"]).status_code == 404


def test_a_checksum_is_that_of_the_file(client):
    page = client.get("/djangoplicity/esahubble/images/d2d/").json()
    files = [r for c in page["Collections"] for r in c["Assets"][0]["Resources"]]
    summed = [r for r in files if "Checksum" in r]
    assert 0 < len(summed) < len(files)
    for resource in summed[:3]:
        body = client.get(resource["URL"]).content
        assert hashlib.sha256(body).hexdigest() == resource["Checksum"]


def test_a_feed_shows_its_known_bugs_and_can_be_switched_off():
    quirks = Quirks(d2d_bytes_bug=1, d2d_language=1, d2d_off=("eso",))
    with Replica(ArchiveCatalogue(records(), image), quirks=quirks) as running:
        root = f"{running.url}/djangoplicity"
        (first, *_) = get(f"{root}/esawebb/images/d2d/").json()["Collections"]
        assert first["Title"] == "b'Artist's impression of a star'"
        assert first["ID"] == "p11-es-cl"
        for site in ("eso", "unknown"):
            assert get(f"{root}/{site}/images/d2d/").status_code == 404
        assert get(f"{root}/esawebb/images/d2d/?page=0").status_code == 400


# --- Commons ------------------------------------------------------------------------------------


def members(client, category, **more):
    params = {
        "action": "query", "generator": "categorymembers", "gcmtype": "file", "format": "json",
        "gcmtitle": f"Category:{category}", "prop": "imageinfo", "formatversion": "2",
        "iiprop": "url|size|sha1|mime|extmetadata", "gcmlimit": "50", **more,
    }  # fmt: skip
    pages = []
    while True:
        answer = client.get("/commons/w/api.php", params=params).json()
        pages += answer.get("query", {}).get("pages", [])
        if "continue" not in answer:
            return pages
        params |= answer["continue"]


def test_a_category_is_read_to_its_end_by_its_tokens(client):
    pages = members(client, "Comets", gcmlimit="2")
    assert [page["title"] for page in pages] == ["File:P0.jpg", "File:P4.jpg", "File:P8.jpg"]
    assert members(client, "Nothing") == []


def test_commons_names_licence_artist_and_a_true_hash(client):
    info = members(client, "Comets")[0]["imageinfo"][0]
    body = client.get(info["url"]).content
    assert hashlib.sha1(body).hexdigest() == info["sha1"]
    assert (info["width"], info["height"], info["size"]) == (1600, 800, len(body))
    assert info["mime"] == "image/jpeg"
    assert "Person 0" in info["extmetadata"]["Artist"]["value"]
    licences = [
        page["imageinfo"][0]["extmetadata"].get("LicenseShortName", {}).get("value")
        for word in ("Comets", "Nebulae", "Galaxies", "Stars")
        for page in members(client, word)
    ]
    assert len(set(licences)) > 2


def test_only_standard_thumbnail_widths_are_served(client):
    info = members(client, "Comets", iiurlwidth="960")[0]["imageinfo"][0]
    assert size_of(client.get(info["thumburl"])) == (960, 480)
    odd = client.get(info["thumburl"].replace("/960px-", "/800px-"))
    assert odd.status_code == 429
    assert "retry-after" not in odd.headers
    assert client.get(info["thumburl"].replace("/960px-", "/1920px-")).status_code == 400
    assert client.get(info["thumburl"].replace("P0", "Px")).status_code == 404


def test_a_thumbnail_wider_than_the_original_is_the_original(client):
    info = members(client, "Nebula", iiurlwidth="960")[0]["imageinfo"][0]
    assert info["thumburl"] == info["url"]


def test_an_agent_without_a_contact_address_is_refused(replica):
    for path in ("/commons/w/api.php", "/commons/a/ab/P0.jpg"):
        answer = get(replica.url + path, headers={"User-Agent": "python"})
        assert answer.status_code == 403
        assert "user-agent" in answer.text


def test_originals_are_throttled_for_programs_only():
    quirks = Quirks(commons_throttled=1)
    with Replica(ArchiveCatalogue(records(), image), quirks=quirks) as running:
        url = f"{running.url}/commons/a/ab/P0.jpg"
        assert get(url, headers=CONTACT).status_code == 429
        browser = {"User-Agent": "Mozilla/5.0 (someone@example.org)"}
        assert get(url, headers=browser).status_code == 200


@pytest.mark.parametrize(
    "params",
    [{"action": "parse"}, {"gcmtitle": "Comets"}, {"gcmcontinue": "nonsense"}],
)
def test_commons_answers_its_errors_with_status_200(client, params):
    asked = {"action": "query", "generator": "categorymembers", "gcmtitle": "Category:X"} | params
    answer = client.get("/commons/w/api.php", params=asked)
    assert answer.status_code == 200
    assert set(answer.json()) == {"error"}


# --- cutouts ------------------------------------------------------------------------------------

LEGACY = "/legacysurvey/viewer/cutout.jpg"
SDSS = "/skyserver/dr18/SkyServerWS/ImgCutout/getjpeg"
INSIDE = {"ra": 190.1, "dec": 25.3}


def pixels(answer):
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_position_gives_the_same_cutout_every_time_and_its_neighbour_another(client):
    first = client.get(LEGACY, params={**INSIDE, "layer": "ls-dr10", "size": 80})
    assert first.content == client.get(LEGACY, params={**INSIDE, "size": 80}).content
    assert (
        first.content != client.get(LEGACY, params={"ra": 190.2, "dec": 25.3, "size": 80}).content
    )
    assert size_of(first) == (80, 80)
    assert pixels(first).std() > 5


def test_sdss_takes_width_height_and_scale(client):
    answer = client.get(SDSS, params={**INSIDE, "scale": 0.396, "width": 90, "height": 60})
    assert size_of(answer) == (90, 60)


@pytest.mark.parametrize(("path", "dec"), [(LEGACY, -85.0), (SDSS, -40.0)])
def test_outside_the_coverage_a_blank_image_comes_with_status_200(client, path, dec):
    answer = client.get(path, params={"ra": 10, "dec": dec, "size": 64})
    assert answer.status_code == 200
    assert pixels(answer).std() < 1


def test_the_milky_way_is_outside_the_coverage():
    assert not covered("legacysurvey", 266.4, -29.0)
    assert covered("legacysurvey", 192.9, 27.1)


def test_a_size_beyond_the_limit_is_cut_without_a_word(client):
    answer = client.get(LEGACY, params={"ra": 10, "dec": -85, "size": 4000})
    assert size_of(answer) == (3000, 3000)


@pytest.mark.parametrize(
    "params",
    [{"ra": 1}, {"ra": "x", "dec": 1}, {"ra": 1, "dec": 99}, {**INSIDE, "layer": "none"},
     {**INSIDE, "size": 0}],
)  # fmt: skip
def test_a_cutout_without_a_usable_position_is_refused(client, params):
    assert client.get(LEGACY, params=params).status_code == 400
