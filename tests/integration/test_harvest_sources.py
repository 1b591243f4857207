"""Each source collects from the replica: records, images, rights, and what it leaves out."""

from __future__ import annotations

import gzip
import io
import json
from datetime import date
from importlib.metadata import EntryPoint
from types import MappingProxyType

import pytest
from harvest_tools import TAXONOMY, gather, said
from PIL import Image

from cosmic_morphology.atlas import verify_atlas
from cosmic_morphology.collect import SourceRequest, find_source, source_names, status
from cosmic_morphology.collect import sources as source_room
from cosmic_morphology.collect.http.host_limiter import HostLimiter
from cosmic_morphology.errors import InputError, SourceError, UsageError
from cosmic_morphology.replica import ArchiveCatalogue, Faults, Replica
from cosmic_morphology.replica.archives.cutouts import covered
from cosmic_morphology.replica.catalogue import ArchiveRecord
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.settings import CollectJob

TITLES = ("A comet", "The Ring Nebula", "Galaxy: M 31", "Artist's impression of a star")
CONTACT = {"contact": "tests@example.org"}


def image(record):
    number = int(record.nasa_id.removeprefix("p"))
    out = io.BytesIO()
    side = 1500 if number < 3 else 90
    Image.new("RGB", (side, side // 2), (number * 5 % 255, 10, 200)).save(out, "JPEG")
    return out.getvalue()


def holdings(n=40):
    records = [
        ArchiveRecord(
            nasa_id=f"p{i}",
            title=TITLES[i % 4],
            description=f"Text {i} & more",
            date=f"{2000 + i // 12}-{1 + i % 12:02d}-15",
            credit=f"NASA/{i}" if i % 2 else f"Person {i}",
            avm="A.2.2.1" if i == 4 else "",
            file=f"p{i}.jpg",
        )
        for i in range(n)
    ]
    return ArchiveCatalogue(records, image, "test")


QUIRKS = Quirks(apod_logo=0.1, apod_video=0.1, d2d_bytes_bug=0.3, d2d_language=0.3)


@pytest.fixture(scope="module")
def replica():
    with Replica(holdings(), quirks=QUIRKS) as running:
        yield running


@pytest.fixture
def calm(replica):
    replica.set_faults(Faults())
    replica.forget_requests()
    return replica


def test_apod_gives_every_day_with_an_image_and_names_the_others(atlas, calm):
    done = gather(atlas, f"{calm.url}/apod", source="apod")
    assert done.complete
    assert done.unique == 40
    assert (set(done.failed), set(done.left_out)) == ({"placeholder"}, {"other_media"})
    assert done.stored + done.failed["placeholder"] + done.left_out["other_media"] == 40
    row = said(atlas, atlas.ids()[0])
    assert row["image_url"].endswith("?w=1024&fit=clip")
    assert row["description"].startswith("Text")
    assert "&amp;" not in row["description"]
    licences = set(atlas.read(["licence"]).column("licence").to_pylist())
    assert any("not redistributable" in licence for licence in licences)
    assert any(licence.startswith("Public domain") for licence in licences)


def test_apod_reads_pages_of_any_length(tmp_path, atlas):
    with Replica(holdings(), quirks=Quirks(apod_per_page=25, apod_video=0)) as small:
        assert gather(atlas, f"{small.url}/apod", source="apod").stored == 40


def test_an_old_archive_of_apod_gets_todays_images(tmp_path, atlas, calm):
    old = [
        {"date": f"2000-{month:02d}-15", "media_type": "image", "service_version": "v1",
         "title": f"Old title {month}", "explanation": "An old text.",
         "url": "https://apod.nasa.gov/apod/image/x.jpg"}
        for month in range(1, 7)
    ] + [{"date": "1999-01-01", "media_type": "image", "title": "gone", "url": "x",
          "service_version": "v1"}]  # fmt: skip
    file = tmp_path / "apod.json.gz"
    file.write_bytes(gzip.compress(json.dumps(old).encode()))
    done = gather(atlas, f"{calm.url}/apod", source="apod", options={"archive": str(file)})
    assert done.unique == 7
    assert done.left_out["no_image"] == 1
    titles = atlas.read(["title"]).column("title").to_pylist()
    assert all(title.startswith("Old title") for title in titles)
    file.write_bytes(b"{]")
    with pytest.raises(InputError, match="no archive of APOD"):
        gather(atlas, f"{calm.url}/apod", source="apod", options={"archive": str(file)})


def test_djangoplicity_keeps_avm_codes_names_and_positions(atlas, calm):
    root = f"{calm.url}/djangoplicity"
    done = gather(atlas, root, "eso", "esahubble", source="djangoplicity")
    assert done.complete
    assert done.left_out == {"artwork": 20}
    assert done.stored == 60
    assert calm.requests.count("/djangoplicity/eso/archives/images/original") == 0
    row = said(atlas, "djangoplicity:eso/p4")
    assert row["subjects"] == ["A.2.2.1"]
    assert row["licence"].startswith("Creative Commons")
    rows = atlas.read(["id", "title", "names", "parameters"]).to_pylist()
    assert not any(each["title"].startswith("b'") for each in rows)
    assert not any(each["id"].endswith("-es-cl") for each in rows)
    assert any(each["names"] for each in rows)
    assert any("ra_deg" in (each["parameters"] or "") for each in rows)
    some = gather(atlas, root, "noirlab", source="djangoplicity", options={"artwork": True})
    assert some.stored == 40


def test_a_feed_that_is_switched_off_is_named_after_the_others_were_read(atlas):
    off = Quirks(d2d_off=("esawebb",))
    with (
        Replica(holdings(), quirks=off) as replica,
        pytest.raises(SourceError, match="no feed at esawebb"),
    ):
        gather(atlas, f"{replica.url}/djangoplicity", "esawebb", "eso", source="djangoplicity")
    assert atlas.count() == 30


def test_commons_is_asked_with_a_contact_and_in_standard_widths(atlas, calm):
    with pytest.raises(UsageError, match="contact address"):
        gather(atlas, f"{calm.url}/commons", "Comet", source="commons")
    done = gather(atlas, f"{calm.url}/commons", "Comet", source="commons", settings=CONTACT)
    assert (done.unique, done.stored) == (10, 10)
    asked = [path for path in calm.requests.by_path("/commons/") if "api.php" not in path]
    assert asked
    assert all("/thumb/" in path for path in asked)
    rows = atlas.read(["id", "licence", "credit"]).to_pylist()
    assert all(row["licence"] and row["credit"] for row in rows)
    assert not any("<a" in row["credit"] for row in rows)


def test_commons_batches_go_on_to_the_end(atlas):
    with Replica(ArchiveCatalogue.numbered(130, side_px=90), quirks=Quirks.none()) as replica:
        done = gather(atlas, f"{replica.url}/commons", "Galaxy", source="commons", settings=CONTACT)
    assert done.stored == 130


@pytest.mark.parametrize(("survey", "dec_deg"), [("legacysurvey", 30.0), ("skyserver", 35.0)])
@pytest.mark.parametrize("kind", ["csv", "parquet", "fits", "xml"])
def test_cutouts_follow_a_table_and_leave_blank_sky_out(
    tmp_path, atlas, calm, survey, dec_deg, kind
):
    from astropy.table import Table

    places = [(150.0 + i, dec_deg) for i in range(4)] + [(266.4, -29.0)]
    assert [covered(survey, *place) for place in places] == [True] * 4 + [False]
    table = Table(
        {
            "RA": [place[0] for place in places],
            "DEC": [place[1] for place in places],
            "class": ["spiral"] * 5,
            "objid": [f"G{i}" for i in range(5)],
        }
    )
    file = tmp_path / f"zoo.{kind}"
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({name: list(table[name]) for name in table.colnames}), file)
    else:
        named = {"csv": "ascii.csv", "fits": "fits", "xml": "votable"}[kind]
        table.write(file, format=named)
    options = {"table": str(file), "size_px": 64}
    done = gather(atlas, calm.url, survey, source="cutouts", options=options)
    assert (done.stored, done.failed) == (4, {"placeholder": 1})
    row = said(atlas, atlas.ids()[0])
    assert (row["given_label"], row["names"], row["collection"]) == ("spiral", ["G0"], survey)
    assert status(atlas).reasons["cutouts"] == {"blank": 1}


def test_cutouts_say_what_is_wrong_with_a_table(tmp_path, atlas, calm):
    file = tmp_path / "t.csv"
    with pytest.raises(UsageError, match="need a table"):
        gather(atlas, calm.url, source="cutouts")
    for content, message in (
        ("a,b\n1,2\n", "no column for 'ra'"),
        (
            "ra,dec\n1,x\n2,95\n",
            "2 of 2 rows are no positions: the first has 'x' in the column 'dec'",
        ),
        ("ra,dec\n1,x\n150,30\n151,30\n", None),
    ):
        file.write_text(content)
        options = {"table": str(file)}
        if message:
            with pytest.raises(InputError, match=message):
                gather(atlas, calm.url, source="cutouts", options=options)
        else:
            done = gather(atlas, calm.url, source="cutouts", options=options)
            assert done.left_out == {"malformed": 1}


def test_since_reads_only_what_is_new(atlas, calm):
    since = date(2002, 1, 1)
    for source, root, queries in (
        ("apod", "apod", ()),
        ("djangoplicity", "djangoplicity", ("eso",)),
        ("nasa", "nasa", ("comet",)),
    ):
        gather(atlas, f"{calm.url}/{root}", *queries, source=source, since=since)
    rows = atlas.read(["id", "created_at"]).to_pylist()
    assert {row["id"].partition(":")[0] for row in rows} == {"apod", "djangoplicity", "nasa"}
    assert all(row["created_at"][:10] >= "2002-01-01" for row in rows)


def test_a_revalidate_asks_only_whether_anything_changed(atlas, calm):
    gather(atlas, calm.nasa_url, "comet")
    calm.forget_requests()
    done = gather(atlas, calm.nasa_url, "comet", revalidate=True)
    assert (done.stored, done.already_there) == (0, 10)
    assert calm.requests.count("/nasa-assets", status=304) == 10
    kinds = atlas.read(["error_kind"], table="ledger", where="state = 'stored'")
    assert set(kinds.column("error_kind").to_pylist()) == {"unchanged"}
    calm.set_faults(Faults(rate_gone=1.0, only="/nasa-assets"))
    gather(atlas, calm.nasa_url, "comet", revalidate=True)
    assert status(atlas).sources["nasa"] == {"stored": 10}
    assert verify_atlas(atlas).problems == ()


class PluggedIn:
    """The plug-in of docs/howto/collect.md, as short as it can be."""

    name = "mine"
    hosts = ("example.org",)
    requests_per_s = MappingProxyType({"example.org": 0.5})

    def __init__(self, wanted):
        self.queries = ("all",)
        self._root = wanted.root("https://example.org")

    async def slices(self, ask):
        from cosmic_morphology.collect import Slice

        yield Slice("all", "all", announced=2)

    async def records(self, ask, part):
        from cosmic_morphology.atlas import Record as Said

        answer = await ask.json(f"{self._root}/nasa/search", {"q": "comet", "page_size": 2})
        for at, item in enumerate(answer["collection"]["items"]):
            yield Said("mine", str(at), image_url=item["links"][0]["href"])


def plug_in(monkeypatch, value):
    point = EntryPoint("mine", value, source_room.GROUP)
    found = lambda **asked: [point] if asked.get("name", "mine") == "mine" else []  # noqa: E731
    monkeypatch.setattr(source_room, "entry_points", found)


def test_a_plug_in_is_a_source_like_the_others(atlas, calm, monkeypatch):
    plug_in(monkeypatch, f"{__name__}:PluggedIn")
    assert "mine" in source_names()
    done = gather(atlas, calm.url, source="mine")
    assert (done.stored, done.complete) == (2, True)


class RatedInWords(PluggedIn):
    requests_per_s = MappingProxyType({"example.org": "slowly"})


class RatedZero(PluggedIn):
    requests_per_s = MappingProxyType({"example.org": 0})


def test_a_plug_in_declares_how_often_its_hosts_may_be_asked(atlas, calm, monkeypatch):
    plug_in(monkeypatch, f"{__name__}:PluggedIn")
    told = []

    def noted(host, settings, declared):
        told.append(dict(declared))
        return HostLimiter(host, settings, declared)

    monkeypatch.setattr("cosmic_morphology.collect.http.client.HostLimiter", noted)
    gather(atlas, calm.url, source="mine")
    assert told
    assert all(each == {"example.org": 0.5} for each in told)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nowhere.at.all:Thing", "cannot be loaded"),
        ("builtins:str", "is not a source"),
        (f"{__name__}:RatedInWords", "requests_per_s must map hosts to numbers above 0"),
        (f"{__name__}:RatedZero", "requests_per_s must map hosts to numbers above 0"),
    ],
)
def test_a_broken_plug_in_is_named(monkeypatch, value, message):
    plug_in(monkeypatch, value)
    with pytest.raises(SourceError, match=message):
        find_source(SourceRequest(CollectJob(type="mine"), TAXONOMY))


def test_an_unknown_source_is_answered_with_those_that_there_are():
    with pytest.raises(UsageError, match=r"There are: .*nasa"):
        find_source(SourceRequest(CollectJob(type="nsaa"), TAXONOMY))
