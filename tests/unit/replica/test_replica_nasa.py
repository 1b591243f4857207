"""The replica of NASA's library keeps the promises, and the faults, of the real one."""

import csv
import hashlib
import html
import io
import json
import re
import ssl
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from cosmic_morphology.errors import CosmicError, InputError
from cosmic_morphology.replica import ArchiveCatalogue, Replica
from cosmic_morphology.replica.archives.nasa import TOO_DEEP
from cosmic_morphology.replica.quirks import Quirks

# One context for all: reading the certificates takes longer than most requests here.
get = partial(httpx2.get, verify=ssl.create_default_context())

SHARED = Path(__file__).parents[3].parent / "shared"
TAGS = re.compile(r"<[^>]+>")

ROWS = [
    ("gal", "Spiral Galaxies at Night", "Two galaxies collide.", "2001-05-01", "apod", "JPL"),
    (
        "neb",
        "Orion Nebula",
        "Nebulae glow near the stars of Orion's sword",
        "2010-01-01",
        "apod",
        "",
    ),
    ("com", "A comet", "It passes a galaxy far behind.", "", "apod", "GSFC"),
    ("other", "A rocket", "Left out by the filter.", "2010-01-01", "web", "KSC"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("archive")
    with (root / "catalogue.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ["file", "title", "description", "date", "source", "center", "album", "keywords"]
        )
        for number, (stem, *texts) in enumerate(ROWS):
            size = (900, 600) if stem == "gal" else (64, 48)
            Image.new("RGB", size, (40 * number, 20, 90)).save(root / f"{stem}.jpg")
            writer.writerow([f"{stem}.jpg", *texts, "Night Sky", "sky;Deep Field"])
    return root


@pytest.fixture(scope="module")
def tidy(folder):
    holdings = ArchiveCatalogue.from_catalogue(
        folder, folder / "catalogue.csv", where={"source": "apod"}
    )
    with Replica(holdings, quirks=Quirks.none()) as replica:
        yield replica


@pytest.fixture(scope="module")
def big():
    quirks = Quirks(canonical_only=0, no_links=0)
    with Replica(ArchiveCatalogue.numbered(10_250, side_px=32), quirks=quirks) as replica:
        yield replica


def search(replica, **params):
    answer = get(f"{replica.nasa_url}/search", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["collection"]


def ids(collection):
    return [item["data"][0]["nasa_id"] for item in collection["items"]]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"q": "galaxy"}, ["gal", "com"]),
        ({"q": "GALAXIES"}, ["gal", "com"]),
        ({"q": "galaxy comet"}, ["com"]),
        ({"q": "nebula star"}, ["neb"]),
        ({"q": "rocket"}, []),
        ({"q": "deep"}, ["gal", "neb", "com"]),
        ({"title": "galaxy"}, ["gal"]),
        ({"description": "galaxy"}, ["gal", "com"]),
        ({"keywords": "sky,deep field"}, ["gal", "neb", "com"]),
        ({"center": "jpl"}, ["gal"]),
        ({"center": "JPL,GSFC"}, ["gal", "com"]),
        ({"nasa_id": "neb"}, ["neb"]),
        ({"media_type": "image"}, ["gal", "neb", "com"]),
        ({"media_type": "video"}, []),
        ({"media_type": "video,image", "q": "comet"}, ["com"]),
        ({"year_start": "1900"}, ["gal", "neb"]),
        ({"year_end": "2005"}, ["gal"]),
        ({"year_start": "2002", "year_end": "2030", "q": "sky"}, ["neb"]),
    ],
)
def test_a_search_finds_what_its_parameters_say(tidy, params, found):
    collection = search(tidy, **params)
    assert ids(collection) == found
    assert collection["metadata"]["total_hits"] == len(found)


def test_a_search_without_parameters_is_refused_in_json(tidy):
    answer = get(f"{tidy.nasa_url}/search")
    assert answer.status_code == 400
    assert answer.json()["reason"]


@pytest.mark.parametrize("wrong", [{"page": "0"}, {"page_size": "x"}, {"year_start": "soon"}])
def test_a_parameter_that_is_no_number_is_refused_in_json(tidy, wrong):
    answer = get(f"{tidy.nasa_url}/search", params={"q": "galaxy", **wrong})
    assert answer.status_code == 400
    assert "reason" in answer.json()


def test_an_item_lists_its_files_with_true_sides_and_sizes(tidy):
    links = search(tidy, nasa_id="gal")["items"][0]["links"]
    assert [link["rel"] for link in links].count("canonical") == 1
    assert [link["rel"] for link in links].count("preview") == 1
    assert len(links) == 5
    for link in links:
        body = get(link["href"]).content
        assert len(body) == link["size"]
        with Image.open(io.BytesIO(body)) as image:
            assert image.size == (link["width"], link["height"])
    widths = {link["href"].rpartition("~")[2]: link["width"] for link in links}
    assert widths == {
        "thumb.jpg": 640, "small.jpg": 640, "medium.jpg": 900, "large.jpg": 900, "orig.jpg": 900,
    }  # fmt: skip


def test_the_original_is_the_file_of_the_folder(tidy, folder):
    body = get(f"{tidy.url}/nasa-assets/image/neb/neb~orig.jpg").content
    assert body == (folder / "neb.jpg").read_bytes()


def test_an_undated_record_has_no_date_and_a_record_without_a_centre_no_centre(tidy):
    comet, nebula = (search(tidy, nasa_id=i)["items"][0]["data"][0] for i in ("com", "neb"))
    assert "date_created" not in comet
    assert "center" not in nebula
    assert nebula["date_created"] == "2010-01-01T00:00:00Z"


def test_asset_metadata_and_captions_answer_as_documented(tidy):
    asset = get(f"{tidy.nasa_url}/asset/gal").json()["collection"]
    hrefs = [item["href"] for item in asset["items"]]
    assert any(href.endswith("gal~orig.jpg") for href in hrefs)
    location = get(f"{tidy.nasa_url}/metadata/gal").json()["location"]
    assert location in hrefs
    assert get(location).json()["AVAIL:Title"] == "Spiral Galaxies at Night"
    collection = search(tidy, nasa_id="gal")["items"][0]["href"]
    assert set(get(collection).json()) == set(hrefs)
    assert get(f"{tidy.nasa_url}/captions/gal").status_code == 404


@pytest.mark.parametrize("endpoint", ["asset", "metadata", "captions"])
def test_an_unknown_id_is_named_in_the_404(tidy, endpoint):
    answer = get(f"{tidy.nasa_url}/{endpoint}/no%20such%2Fid")
    assert answer.status_code == 404
    assert answer.json() == {"reason": "No AssetDB records for nasaid=no such/id"}


@pytest.mark.parametrize(
    "path", ["image/gal/gal~huge.jpg", "image/gal/x~orig.jpg", "image/gal", "image/x/x~orig.jpg"]
)
def test_a_file_that_is_not_there_is_a_404(tidy, path):
    assert get(f"{tidy.url}/nasa-assets/{path}").status_code == 404


def test_an_album_is_found_by_its_exact_name(tidy):
    answer = get(f"{tidy.nasa_url}/album/Night%20Sky").json()["collection"]
    assert ids(answer) == ["gal", "neb", "com"]
    assert get(f"{tidy.nasa_url}/album/night%20sky").status_code == 404


def test_an_album_page_holds_a_hundred_whatever_is_asked(big):
    answer = get(f"{big.nasa_url}/album/Album_1", params={"page_size": 7, "page": 2}).json()
    assert len(answer["collection"]["items"]) == 100
    assert {link["rel"] for link in answer["collection"]["links"]} == {"prev", "next"}


def test_the_last_legal_page_still_advertises_a_next_page_that_is_refused(big):
    page = search(big, q="galaxy", page=100)
    assert page["metadata"]["total_hits"] == 10_250
    (following,) = [link["href"] for link in page["links"] if link["rel"] == "next"]
    answer = get(following)
    assert answer.status_code == 400
    assert answer.json() == {"reason": TOO_DEEP}


@pytest.mark.parametrize(
    ("page", "size", "status"), [(416, 24, 200), (417, 24, 400), (101, 100, 400), (1, 10_001, 400)]
)
def test_page_times_page_size_may_not_exceed_ten_thousand(big, page, size, status):
    params = {"q": "galaxy", "page": page, "page_size": size, "nasa_id": "none"}
    assert get(f"{big.nasa_url}/search", params=params).status_code == status


def test_years_and_the_undated_add_up_to_all_hits(big):
    dated = search(big, q="galaxy", year_start=1958, year_end=2026, page_size=1)
    halves = [
        search(big, q="galaxy", page_size=1, **years)["metadata"]["total_hits"]
        for years in ({"year_start": 1958, "year_end": 2000}, {"year_start": 2001})
    ]
    assert sum(halves) == dated["metadata"]["total_hits"]
    assert 0 < 10_250 - sum(halves) < 500


def test_made_up_records_have_images_that_differ_in_every_byte_string(big):
    items = search(big, q="galaxy", page_size=40)["items"]
    hashes = set()
    for item in items:
        body = get(item["links"][0]["href"]).content
        Image.open(io.BytesIO(body)).load()
        hashes.add(hashlib.sha256(body).hexdigest())
    assert len(hashes) == 40


def test_an_image_answers_conditions_and_ranges(tidy):
    url = f"{tidy.url}/nasa-assets/image/neb/neb~orig.jpg"
    whole = get(url)
    assert whole.headers["last-modified"]
    same = get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    since = {"If-Modified-Since": whole.headers["last-modified"]}
    assert get(url, headers=since).status_code == 304
    part = get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    tail = get(url, headers={"Range": "bytes=-5"})
    assert tail.content == whole.content[-5:]
    assert get(url, headers={"Range": "bytes=9999999-"}).status_code == 416
    head = httpx2.head(url)
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.content == b""


def test_every_quirk_shows_in_the_answers(folder):
    holdings = ArchiveCatalogue.from_catalogue(folder, folder / "catalogue.csv", duplicate_rate=1.0)
    plain = {r.nasa_id: r for r in holdings.records}
    everything = Quirks(
        joined_keywords=1, html=1, missing_fields=1, raw_spaces=1, tif_original=1, opt_out=1,
        no_links=0, canonical_only=0,
    )  # fmt: skip
    with Replica(holdings, quirks=everything) as replica:
        items = search(replica, media_type="image")["items"]
        assert len(items) == 8
        for item in items:
            data = item["data"][0]
            assert data["keywords"] == "sky, Deep Field"
            assert "location" not in data
            text = html.unescape(TAGS.sub("", data["description"])).strip()
            assert text == plain[data["nasa_id"]].description
            original = item["links"][0]
            assert " 1~orig.tif" in original["href"]
            answer = get(original["href"].replace(" ", "%20"))
            assert answer.headers["x-robots-tag"] == "noai, noimageai"
            assert Image.open(io.BytesIO(answer.content)).format == "TIFF"


def test_the_shares_of_items_without_links_or_renditions_are_those_asked_for():
    with Replica(ArchiveCatalogue.numbered(1_000, side_px=32)) as replica:
        items = search(replica, q="galaxy", page_size=1000)["items"]
    without = sum("links" not in item for item in items)
    alone = sum([link["rel"] for link in item.get("links", [])] == ["canonical"] for item in items)
    assert 1 <= without <= 30
    assert 50 <= alone <= 110


def test_links_can_name_the_real_hosts():
    quirks = Quirks(real_hosts=True, http_links=0.5, no_links=0)
    with Replica(ArchiveCatalogue.numbered(60, side_px=32), quirks=quirks) as replica:
        page = search(replica, q="galaxy", page_size=50)
    hosts = {item["links"][0]["href"].split("/image/")[0] for item in page["items"]}
    assert hosts == {"http://images-assets.nasa.gov", "https://images-assets.nasa.gov"}
    assert page["links"][0]["href"].startswith("http://images-api.nasa.gov/search?")


def test_withheld_records_are_gone_until_they_are_released(folder):
    holdings = ArchiveCatalogue.from_catalogue(folder, folder / "catalogue.csv")
    with Replica(holdings, quirks=Quirks.none()) as replica:
        url = f"{replica.url}/nasa-assets/image/gal/gal~orig.jpg"
        assert get(url).status_code == 200
        replica.withhold(["gal"])
        assert ids(search(replica, q="galaxy")) == ["com"]
        assert get(url).status_code == 404
        replica.release(["gal"])
        assert ids(search(replica, q="galaxy")) == ["gal", "com"]
        assert get(url).status_code == 200
        with pytest.raises(CosmicError, match="no such record"):
            replica.withhold(["nothing"])


def test_a_recorded_page_is_answered_byte_for_byte_for_its_own_query(folder, tmp_path):
    body = json.dumps(
        {"collection": {"href": "http://host/search?q=x&page_size=100&media_type=image", "n": "é"}},
        indent=3,
    ).encode()
    (tmp_path / "page.json").write_bytes(body)
    (tmp_path / "list.json").write_text("[1]")
    holdings = ArchiveCatalogue.from_catalogue(folder, folder / "catalogue.csv")
    with Replica(holdings, recorded=tmp_path) as replica:
        for params in ({"q": "x"}, {"q": "x", "media_type": "image", "page": "1"}):
            assert get(f"{replica.nasa_url}/search", params=params).content == body
        for params in ({"q": "x", "page": 2}, {"q": "x", "year_start": 2000}):
            answer = get(f"{replica.nasa_url}/search", params=params)
            assert answer.json()["collection"]["items"] == []


@pytest.mark.shared
@pytest.mark.parametrize("name", ["stars_page1", "saucer"])
def test_the_pages_recorded_at_the_real_archive_come_back_unchanged(folder, name):
    recorded = SHARED / "sky" / "recorded"
    if not recorded.is_dir():
        pytest.skip("the recorded pages are not beside this checkout")
    holdings = ArchiveCatalogue.from_catalogue(folder, folder / "catalogue.csv")
    with Replica(holdings, recorded=recorded) as replica:
        params = {"q": name.split("_")[0], "media_type": "image"}
        answer = get(f"{replica.nasa_url}/search", params=params)
    assert answer.content == (recorded / f"images_search_q-{name}.json").read_bytes()


def test_a_replica_in_its_own_process_serves_and_ends(folder):
    holdings = ArchiveCatalogue.from_catalogue(folder, folder / "catalogue.csv")
    with Replica(holdings, process=True, quirks=Quirks.none()) as replica:
        assert ids(search(replica, q="rocket")) == ["other"]
        assert [seen.path for seen in replica.requests] == ["/nasa/search"]
        url = replica.nasa_url
    with pytest.raises(httpx2.ConnectError):
        get(f"{url}/search", params={"q": "rocket"})


def is_down(url):
    try:
        get(url)
    except httpx2.TransportError:
        return True
    time.sleep(0.05)
    return False


def test_a_replica_in_its_own_process_dies_with_its_parent():
    code = (
        "import time\n"
        "from cosmic_morphology.replica import ArchiveCatalogue, Replica\n"
        "with Replica(ArchiveCatalogue.numbered(3, side_px=32), process=True) as replica:\n"
        "    print(replica.nasa_url, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as own:
        url = own.stdout.readline().strip() + "/search?q=galaxy"
        assert get(url).status_code == 200
        own.kill()
    assert any(is_down(url) for _ in range(36_000))


def test_an_archive_of_26858_hits_can_be_cut_into_slices_that_add_up():
    holdings = ArchiveCatalogue.numbered(26_858, side_px=32, heavy_year=2016, heavy_share=0.5)
    with Replica(holdings) as replica, httpx2.Client() as client:

        def hits(**params):
            answer = client.get(f"{replica.nasa_url}/search", params={**params, "page_size": 1})
            return answer.json()["collection"]["metadata"]["total_hits"]

        centers = {record.center for record in holdings.records}
        assert hits(q="galaxy") == 26_858
        assert hits(q="galaxy", year_start=2016, year_end=2016) > 10_000
        for more in ({}, {"year_start": 2016, "year_end": 2016}):
            parts = [hits(q="galaxy", center=center, **more) for center in centers]
            assert sum(parts) == hits(q="galaxy", **more)
            assert max(parts) < 10_000


def test_a_taken_port_is_said(tidy, folder):
    holdings = ArchiveCatalogue.from_catalogue(folder, folder / "catalogue.csv")
    port = int(tidy.url.rpartition(":")[2])
    with pytest.raises(CosmicError, match="did not start"), Replica(holdings, port=port):
        pass


def test_a_catalogue_that_cannot_be_used_says_what_is_wrong(folder, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        ArchiveCatalogue.from_catalogue(folder, tmp_path / "none.csv")
    (tmp_path / "bad.csv").write_text("file,title\na.jpg,A\n")
    with pytest.raises(InputError, match="lacks the columns date, description"):
        ArchiveCatalogue.from_catalogue(folder, tmp_path / "bad.csv")
    with pytest.raises(InputError, match="no row"):
        ArchiveCatalogue.from_catalogue(folder, folder / "catalogue.csv", where={"source": "x"})
    with pytest.raises(InputError, match="none of the images"):
        ArchiveCatalogue.from_catalogue(tmp_path, folder / "catalogue.csv")


def test_a_catalogue_cannot_reach_outside_its_folder(folder, tmp_path):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes((folder / "gal.jpg").read_bytes())
    inside = tmp_path / "images"
    inside.mkdir()
    Image.new("RGB", (8, 8)).save(inside / "fine.jpg")
    (tmp_path / "c.csv").write_text(
        "file,title,description,date,nasa_id\n../secret.jpg,A,,,a\nfine.jpg,B,,,b\n"
    )
    holdings = ArchiveCatalogue.from_catalogue(inside, tmp_path / "c.csv")
    with Replica(holdings, quirks=Quirks.none()) as replica:
        assert get(f"{replica.url}/nasa-assets/image/a/a~orig.jpg").status_code == 404
        assert get(f"{replica.url}/nasa-assets/image/b/b~orig.jpg").status_code == 200
