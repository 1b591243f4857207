"""Pages show what is there, escape what comes from outside, and say what is wrong."""

from __future__ import annotations

import html as markup
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import quote

import pyarrow as pa
import pytest
from served_sky import Served, hostile_atlas, hostile_taxonomy, labelled_atlas

from cosmic_morphology.atlas import RENDERER, ColumnProvenance
from cosmic_morphology.errors import UsageError
from cosmic_morphology.serve.rendering import ROOMS
from cosmic_morphology.serve.view import View

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
AS_PERSON = {"accept": "text/html"}


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Served:
    place = tmp_path_factory.mktemp("served")
    atlas = labelled_atlas(
        place / "atlas", 90, title=SCRIPT, credit=SCRIPT, description=SCRIPT,
        page_url="javascript:alert(1)",
    )  # fmt: skip
    return Served(atlas, place)


def tags(html: str) -> list[tuple[str, set[str]]]:
    """Every element with the names of its attributes, as a browser reads them."""
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append((tag, {name for name, _ in attrs}))

    Reader().feed(html)
    return found


def ids_in(html: str) -> list[str]:
    return re.findall(r'<li class="tile" data-id="([^"]+)"', html)


def test_the_gallery_shows_every_image_of_a_view_once(served):
    found, address = [], "/gallery?label=comet"
    html = served.reader.get(address).text
    while True:
        found += ids_in(html)
        more = re.search(r'hx-get="([^"]+)"', html)
        if not more:
            break
        html = served.reader.get(more[1].replace("&amp;", "&")).text
    assert len(found) == len(set(found)) == 30
    html = served.reader.get("/gallery").text
    assert "<b>90</b> images" in html


@pytest.mark.parametrize("path", ["/", "/gallery", "/review", "/image/{id}"])
def test_nothing_from_outside_is_run(served, path):
    hostile = next(
        row["id"] for row in served.reader.get("/api/v1/images?limit=100").json()["images"]
        if "script" in (row["title"] or "")
    )  # fmt: skip
    assert_runs_nothing(served.reader.get(path.format(id=hostile), headers=AS_PERSON).text)


def assert_runs_nothing(html: str) -> None:
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert 'href="javascript:' not in html
    # Inline scripts and styles would need a weaker policy.
    for tag, attributes in tags(html):
        assert tag != "style"
        assert tag != "script" or "src" in attributes
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Served:
    from evaluate_atlas import write_run

    place = tmp_path_factory.mktemp("hostile")
    write_run(place, "theirs", recipe=SCRIPT)
    atlas = hostile_atlas(place / "atlas", SCRIPT)
    sky = hostile_taxonomy(place / "sky.toml", SCRIPT)
    return Served(atlas, place, settings={"taxonomy": sky})


@pytest.mark.parametrize(
    "path",
    [
        *(address for address, _ in ROOMS),
        *("/review/sheets", "/runs/theirs", "/image/{id}", "/review/evidence?id={id}"),
        *("/gallery?label={script}", "/gallery?by={script}", "/gallery?q=comet"),
    ],
)
def test_names_of_classes_phrases_and_people_are_text_on_every_page(hostile, path):
    said = path.format(id=quote(min(hostile.atlas.ids())), script=quote(SCRIPT))
    for browser in (hostile.reader, hostile.writer):
        html = browser.get(said, headers=AS_PERSON).text
        assert_runs_nothing(html)
    # It was there to be run.
    assert path in ("/classify", "/map", "/harvest") or "&lt;" in html


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/image/nasa:none", 404), ("/nowhere", 404), ("/gallery?flagged=x", 400),
        ("/gallery?order=votes", 400), ("/gallery?least=2", 422), ("/gallery/more?after=x", 400),
        ("/api/v1/thumbnail?id=none", 404), ("/api/v1/images?limit=0", 422),
        ("/gallery?q=%20%21", 400), ("/image/../../etc/passwd", 404),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_to_people_and_to_machines(served, path, status):
    page = served.reader.get(path, headers=AS_PERSON)
    assert page.status_code == status
    if not path.startswith("/api/"):
        assert "This did not work" in page.text
    told = served.reader.get(path, headers={"accept": "application/json"})
    assert told.status_code == status
    assert told.json()["error"]


def test_a_view_is_a_link_and_each_chip_takes_one_thing_away():
    view = View(label="it's", split="-", least=0.25, q="dust lane", down=True)
    assert view.where() == "(label = 'it''s') AND (split IS NULL) AND (label_confidence >= 0.25)"
    assert view.address() == "/gallery?label=it%27s&split=-&least=0.25&q=dust+lane&down=1"
    assert len(view.chips()) == 4
    assert all("dust" not in link for words, link in view.chips() if words.startswith("words"))
    with pytest.raises(UsageError):
        View(order="title")


def test_images_are_kept_by_browsers_and_asked_for_again_cheaply(served):
    address = f"/api/v1/thumbnail?id={served.atlas.ids()[0]}"
    first = served.reader.get(address)
    assert first.headers["content-type"] == "image/jpeg"
    assert "max-age" in first.headers["cache-control"]
    again = served.reader.get(address, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_queue_and_verdicts_over_the_interface(served):
    queue = served.reader.get("/api/v1/queue?limit=5").json()["queue"]
    assert len(queue) == 5
    id_ = queue[0]["id"]
    wrong = served.writer.post(
        "/api/v1/decisions", json=[{"id": id_, "verdict": "label", "label": "moon base"}]
    )
    assert wrong.status_code == 400
    lost = served.writer.post("/api/v1/decisions", json=[{"id": "none", "verdict": "drop"}])
    assert lost.status_code == 404
    assert served.writer.post("/api/v1/decisions", json=[]).status_code == 400
    stored = served.writer.post("/api/v1/decisions", json=[{"id": id_, "verdict": "drop"}])
    assert stored.json() == {"stored": 1}
    left = served.reader.get("/api/v1/queue?limit=500").json()["queue"]
    assert id_ not in {each["id"] for each in left}


def test_a_new_version_is_seen_without_a_restart(served):
    before = served.reader.get("/api/v1/health").json()["atlas"]
    id_ = served.atlas.ids()[3]
    served.writer.post("/api/v1/decisions", json=[{"id": id_, "verdict": "keep"}])
    assert served.reader.get("/api/v1/health").json()["atlas"] != before
    assert "ann: keep" in served.reader.get(f"/image/{id_}").text


def test_the_interface_describes_itself_with_examples(served):
    said = served.reader.get("/openapi.json").json()
    assert {"/api/v1/images", "/api/v1/decisions", "/api/v1/health"} <= said["paths"].keys()
    assert "/gallery" not in said["paths"]


@pytest.mark.parametrize(
    "path",
    ["/", "/gallery", "/gallery?q=image", "/review", "/map", "/runs", "/conflicts", "/harvest",
     "/image/nasa:x001", "/api/v1/images", "/api/v1/queue", "/api/v1/table",
     "/review/evidence?id=nasa:x001"],
)  # fmt: skip
def test_an_atlas_that_nobody_has_curated_is_shown(filled, tmp_path, path):
    served = Served(filled, tmp_path)
    assert served.reader.get(path, headers=AS_PERSON).status_code == 200


def test_a_view_by_day_score_person_and_without_copies_is_a_link(tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 6, created_at="2019-04-10T12:00:00Z")
    ids = sorted(atlas.ids())
    rows = [
        {"id": id_, "relevance_score": at / 10, "duplicate_flag": at == 1, "duplicate_of": ids[0]}
        for at, id_ in enumerate(ids)
    ]
    atlas.replace_columns(pa.Table.from_pylist(rows), ColumnProvenance("relevance"))
    served = Served(atlas, tmp_path)
    served.writer.post("/api/v1/decisions", json=[{"id": ids[4], "verdict": "drop"}])

    def found(query):
        return [
            each["id"] for each in served.reader.get(f"/api/v1/images?{query}").json()["images"]
        ]

    (dated,) = found("since=2019-04-10&until=2019-04-10")
    assert found("since=2019&until=2019-04") == [dated]
    assert dated not in found("until=2019-03-31")
    assert found("check=relevance&score_most=0.15") == ids[:2]
    assert found("check=relevance&score_least=0.25&score_most=0.35") == [ids[3]]
    assert found("by=ann") == [ids[4]]
    assert found("by=nobody") == []
    assert found("unique=1") == [ids[0], *ids[2:]]
    page = served.reader.get(
        "/gallery?by=ann&check=relevance&score_most=0.9&since=2000&unique=1", headers=AS_PERSON
    ).text
    for chip in ("judged by ann", "relevance score ≤ 0.9", "made 2000 to …", "without copies"):
        assert f"Remove: {chip}" in page
    for wrong in ("since=soon", "check=beauty", "until=2019-04-10%27"):
        assert served.reader.get(f"/api/v1/images?{wrong}").status_code == 400


def test_the_overview_says_what_became_of_all_records_and_opens_them(tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 9)
    ids = sorted(atlas.ids())
    rows = [
        {"id": id_, "label": [None, "irrelevant"][at] if at < 2 else "star",
         "duplicate_flag": at in {3, 4}, "split": "none" if at in {0, 5} else "train"}
        for at, id_ in enumerate(ids)
    ]  # fmt: skip
    atlas.replace_columns(pa.Table.from_pylist(rows), ColumnProvenance("labels"))
    served = Served(atlas, tmp_path)
    page = served.reader.get("/", headers=AS_PERSON).text
    assert "1 image has no label" in page
    part = page[page.index('id="became"') :]
    part = markup.unescape(part[: part.index("</section>")])
    shown = re.findall(r'href="([^"]+)"><span>([^<]+)</span><span class="n">(\d+)', part)
    assert [(words, int(n)) for _, words, n in shown] == [
        ("copies of others", 2),
        ("irrelevant: no object of the taxonomy", 1),
        ("without a label", 1),
        ("labelled, in train", 4),
        ("labelled, in no split", 1),
    ]
    for link, _, n in shown:
        there = served.reader.get(link.replace("/gallery", "/api/v1/images")).json()
        assert there["total"] == int(n)


def test_a_run_is_not_offered_where_torch_is_missing(served, monkeypatch):
    place = served.settings.out / "runs" / "plain"
    monkeypatch.setattr("cosmic_morphology.serve.classifier.best_run", lambda _: place)
    monkeypatch.setattr("cosmic_morphology.serve.classifier.find_spec", lambda _: None)
    page = served.reader.get("/classify", headers=AS_PERSON).text
    assert "[learn]" in page
    assert 'type="file"' not in page
    assert served.reader.post("/api/v1/predict", content=b"x").status_code == 501


def test_what_a_renderer_labelled_is_not_shown_as_checked(tmp_path):
    atlas = labelled_atlas(tmp_path / "atlas", 6)
    drawn, judged = atlas.ids()[:2]
    rows = [
        {"id": id_, "verdict": "keep", "label": "", "who": who, "at": datetime.now(UTC)}
        for id_, who in ((drawn, RENDERER), (judged, "ana"))
    ]
    atlas.append_decisions(rows)
    served = Served(atlas, tmp_path)
    assert served.reader.get(f"/image/{drawn}", headers=AS_PERSON).text.count("rendered, conf") == 1
    assert "rendered, conf" not in served.reader.get(f"/image/{judged}", headers=AS_PERSON).text
    overview = served.reader.get("/", headers=AS_PERSON).text
    assert f"by={RENDERER}" in overview
