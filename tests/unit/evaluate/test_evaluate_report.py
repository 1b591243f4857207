"""The report is one file that loads nothing, hides nothing and believes nobody's HTML."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from evaluate_atlas import CLASSES, HOSTILE, add_predictions, make_atlas, write_run

from cosmic_morphology.evaluate import evaluate_run
from cosmic_morphology.evaluate.scored_run import ScoredRun
from cosmic_morphology.learn.run_folder.folder import read_run
from cosmic_morphology.report import report, write_report
from cosmic_morphology.report.html import safe_text, safe_url
from cosmic_morphology.settings import EvaluateSettings

QUICK = EvaluateSettings(bootstrap_resamples=60)
CERTIFICATE = {
    "leaks": 0,
    "leaks_by_kind": {"copy": 0, "object": 0},
    "found": [],
    "images": {"train": 12, "val": 12, "test": 12},
    "groups": {"train": 9, "val": 9, "test": 9},
    "classes": {"comet": {"train": 4, "val": 4, "test": 4}},
    "ratios": {"comet": {"train": 0.33, "val": 0.33, "test": 0.33}},
    "compared": 41,
    "allowed_across_splits": {"sun": 60},
    "grouped_by": "duplicates and object",
    "atlas_version": "i1-c2-d3-l4",
}
VOID = {"meta", "link", "img", "br", "hr", "input", "path", "use", "rect", "circle", "line"}


class Page(HTMLParser):
    """A page's elements, its ids, what it loads, and whether its tags match."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.loads, self.links, self.ids, self.open, self.bad = [], [], [], [], [], []
        self.images = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        for name in ("src", "srcset", "xlink:href", "data", "poster"):
            if name in given:
                self.loads.append(given[name])
        if tag == "a":
            self.links.append(given["href"])
        if tag == "img":
            self.images.append(given)
        self.bad += [name for name in given if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


AUDIT = {
    "n": 40,
    "groups": 31,
    "subset": "held-out",
    "atlas_version": "i1-c2-d3-l4",
    "rows": [
        {"what": what, "measure": measure, "value": value, "low": 0.1, "high": 0.9, "n": 38}
        for what, measure, value in (
            ("folder", "coverage", 0.25),
            ("folder", "precision", 0.77),
            ("folder=comet", "precision", 0.31),
            ("title", "coverage", 0.95),
            ("label", "precision", 0.9432),
            ("label=comet", "recall", 0.81),
            ("mislabel", "recall", 0.62),
        )
    ],
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A report of two runs that have answered and one that has not."""
    out = tmp_path_factory.mktemp("report")
    atlas = make_atlas(out / "atlas")
    runs = [write_run(out, name) for name in ("linear-probe", "finetune", "silent")]
    add_predictions(atlas, "linear-probe", wrong=0.6)
    add_predictions(atlas, "finetune", wrong=0.2, seed=3)
    summary = {"failed": {"not_an_image": 7}, "seconds": {"collect": 61.0}}
    path = write_report(
        atlas,
        out=out,
        runs=runs,
        certificate=CERTIFICATE,
        summary=summary,
        settings=QUICK,
        audit=AUDIT,
    )
    return path, path.read_text("utf-8")


def test_runs_that_are_handed_in_with_their_scores_are_not_scored_again(tmp_path, monkeypatch):
    atlas = make_atlas(tmp_path / "atlas")
    folders = [write_run(tmp_path, name) for name in ("linear-probe", "finetune")]
    for folder in folders:
        add_predictions(atlas, folder.name, wrong=0.3)
    first = evaluate_run(atlas, "linear-probe", classes=CLASSES, settings=QUICK)
    asked = []

    def counted(atlas, name, **how):
        asked.append(name)
        return evaluate_run(atlas, name, **how)

    monkeypatch.setattr(report, "evaluate_run", counted)
    page = write_report(
        atlas,
        out=tmp_path,
        runs=folders,
        scored=[ScoredRun(read_run(folders[0]), first)],
        settings=QUICK,
    )
    assert asked == ["finetune"]
    rows = re.findall(r"<t[hd][^>]*>\s*(linear-probe|finetune)\s*<", page.read_text("utf-8"))
    assert set(rows) == {"linear-probe", "finetune"}


def test_the_report_is_one_file_that_loads_nothing(told):
    path, text = told
    assert path.name == "index.html"
    assert {each.name for each in path.parent.iterdir()} == {"index.html", "plots"}
    page = Page(text)
    assert page.open == []
    assert all(each.startswith(("data:image/", "#")) for each in page.loads)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert not re.findall(r"url\((?!#)", text)
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert len(text) < 8_000_000


def test_texts_of_records_stay_texts(told):
    text = told[1]
    assert "&lt;script&gt;" in text
    assert HOSTILE not in text
    assert "<b>bold</b>" not in text
    page = Page(text)
    assert page.bad == []
    assert all(link.startswith(("#", "https://images.example.org/")) for link in page.links)


def test_every_image_has_words_for_those_who_cannot_see_it(told):
    page = Page(told[1])
    assert len(page.images) > 20
    assert all(image["alt"] for image in page.images)
    drawings = re.findall(r"<svg[^>]*>", told[1])
    assert drawings
    assert all('role="img"' in each and "aria-label=" in each for each in drawings)


def test_parts_of_drawings_have_names_of_their_own(told):
    ids = Page(told[1]).ids
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)", told[1])) | set(
        re.findall(r'xlink:href="#([^"]+)"', told[1])
    )
    assert used <= set(ids)


def test_the_contents_lead_to_every_section(told):
    page = Page(told[1])
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside <= set(page.ids)
    assert {"results", "account", "explore", "split", "classes", "mistakes", "credits"} <= inside


def test_no_score_stands_without_images_interval_grouping_and_labels(told):
    text = told[1]
    table = text[text.index("Scores of all runs") :]
    table = table[: table.index("</table>")]
    for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)[1:]:
        assert len(re.findall(r"\[0\.\d{3}, [01]\.\d{3}\]", row)) == 2
        assert "checked by people" in row
        assert re.search(r'class="n">\d+<small>\d+</small>', row)
    assert "grouped by duplicates, object, series and lineage" in text


def test_the_account_names_what_was_refused_and_who_voted(told):
    text = told[1]
    assert "not an image" in text
    assert "search word" in text
    assert "1 min 01 s" in text
    assert "Nothing is shared by two splits" in text
    assert "41 pairs of images that may be alike were looked at" in text


def test_without_a_summary_the_ledger_says_what_was_refused(tmp_path):
    made = make_atlas(tmp_path / "atlas", per_class=3)
    states = [("gone", "http_404"), ("gone", "http_404"), ("failed", None), ("stored", None)]
    states += [("pending", None), ("complete", None)]
    made.upsert_ledger(
        [
            {"url": f"https://x.example/{n}", "state": state, "error_kind": kind}
            for n, (state, kind) in enumerate(states)
        ]
    )
    text = write_report(made, out=tmp_path, runs=[], settings=QUICK).read_text("utf-8")
    table = text[text.index("by reason") :]
    rows = re.findall(r'<th scope="row">(.*?)</th><td class="n">(\d+)', table.split("</table>")[0])
    assert dict(rows) == {"http 404": "2", "failed": "1"}


def test_a_run_without_answers_is_named_and_not_scored(told):
    assert re.search(r"silent has no score: .*predicted nothing yet", told[1])


def test_mistakes_are_shown_with_what_was_said_and_what_is_right(told):
    text = told[1]
    found = text[text.index('id="mistakes"') :]
    assert re.search(r'class="answer">\w+, not <em>\w+</em>', found)
    several = [
        [float(each) for each in re.findall(r'</em> <span class="ci">(0\.\d\d)', part)]
        for part in found.split("<h3>")[1:3]
    ]
    for sure in several:
        assert sure == sorted(sure, reverse=True)
    assert max(len(sure) for sure in several) > 1


def test_a_confusion_matrix_holds_every_test_image_once(told):
    tables = re.findall(r'<table class="confusion">.*?</table>', told[1], re.DOTALL)
    assert len(tables) == 2
    for table in tables:
        n = int(re.search(r"(\d+) images", table).group(1))
        cells = re.findall(r"<td class=[^>]*>(\d+)</td>", table)
        assert sum(int(cell) for cell in cells) == n
        assert table.count('<th scope="row">') == len(CLASSES)


def test_plots_are_there_as_png_too(told):
    names = {path.name for path in (told[0].parent / "plots").iterdir()}
    assert {"confusion-linear-probe.png", "curves-finetune.png", "reliability.png"} <= names


def test_unchecked_scores_are_called_unchecked(tmp_path):
    atlas = make_atlas(tmp_path / "atlas", per_class=6)
    add_predictions(atlas, "run", wrong=0.3, checked=False)
    text = write_report(
        atlas, out=tmp_path, runs=[write_run(tmp_path, "run")], settings=QUICK
    ).read_text("utf-8")
    assert "Nobody has checked their labels" in text
    assert "computed, unchecked" in text
    assert "There is no certificate" in text


def test_a_leak_is_said_before_anything_else_of_the_split(tmp_path):
    atlas = make_atlas(tmp_path / "atlas", per_class=3)
    leak = {"kind": "copy", "what": "x", "images": ["a", "b"], "splits": ["train", "test"]}
    text = write_report(
        atlas,
        out=tmp_path,
        runs=[],
        certificate={**CERTIFICATE, "leaks": 1, "found": [leak]},
        settings=QUICK,
    ).read_text("utf-8")
    assert "1 things stand on two splits" in text


def test_an_atlas_without_anything_has_a_report_too(atlas, tmp_path):
    text = write_report(atlas, out=tmp_path, runs=[], settings=QUICK).read_text("utf-8")
    assert "No run has been scored" in text
    assert Page(text).open == []


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "//x", "https://", "https://a b", 'https://a"b',
     "file:///etc/passwd", "https://[", None, "https://a/\u202e"],
)  # fmt: skip
def test_only_plain_web_addresses_become_links(address):
    assert safe_url(address) == ""
    assert safe_url("https://images.nasa.gov/a?b=c&d=e#f") != ""


def test_texts_lose_what_could_turn_a_line_around():
    assert safe_text("a\u202eb\x00c\n d\u2028e") == "ab c d e"
    assert safe_text("x" * 500).endswith("…")
    assert len(safe_text("x" * 500)) == 220


def test_what_a_run_says_of_itself_is_read_back(tmp_path):
    from cosmic_morphology.errors import InputError
    from cosmic_morphology.learn.run_folder.folder import read_run

    facts = read_run(write_run(tmp_path, "one"))
    assert facts.classes == CLASSES
    assert facts.history["epoch"] == [1.0, 2.0, 3.0]
    assert facts.trained_on == "curated labels"
    (tmp_path / "runs" / "one" / "settings.json").write_text(json.dumps([1])[:-1])
    with pytest.raises(InputError, match="cannot be read"):
        read_run(tmp_path / "runs" / "one")


def test_the_report_says_how_good_the_labels_are_and_on_which_subset(told):
    _, text = told
    part = text[text.index("How good are the labels") : text.index('id="explore"')]
    assert "40 images in 31 groups" in part
    assert "the subset “held-out”" in part
    for value in ("0.250", "0.770", "0.943", "0.810", "0.620"):
        assert f'{value}</span> <span class="ci">[0.100, 0.900]' in part
    assert part.count("of 38") == 6
    assert "0.310" not in part  # classes of a voter are in the table of the command
    assert part.index(">title<") < part.index(">folder<")
    assert "nothing to measure" in part


def test_a_report_without_an_audit_says_nothing_of_one(tmp_path):
    atlas = make_atlas(tmp_path / "atlas")
    text = write_report(atlas, out=tmp_path, runs=[], settings=QUICK).read_text("utf-8")
    assert "How good are the labels" not in text


def test_the_report_shows_what_studies_found(tmp_path):
    atlas = make_atlas(tmp_path / "atlas")
    folder = tmp_path / "studies" / "label-noise"
    folder.mkdir(parents=True)
    (folder / "study.json").write_text('{"study": "label-noise", "atlas_version": "i1-c2-d3-l4"}')
    (folder / "conclusion.txt").write_text("Curation gains +0.04 [+0.01, +0.07].\n")
    (folder / "curves.png").write_bytes(b"\x89PNG")
    (tmp_path / "studies" / "unfinished").mkdir()
    text = write_report(
        atlas, out=tmp_path, runs=[], settings=QUICK, studies=tmp_path / "studies"
    ).read_text("utf-8")
    part = text[text.index('id="studies"') :]
    assert "Curation gains +0.04 [+0.01, +0.07]." in part
    assert "i1-c2-d3-l4" in part
    assert "data:image/png;base64,iVBORw==" in part
    assert Page(text).open == []
    without = write_report(atlas, out=tmp_path, runs=[], settings=QUICK).read_text("utf-8")
    assert 'id="studies"' not in without
