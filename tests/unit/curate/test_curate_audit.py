"""The audit measures what it says, with intervals over whole groups."""

from __future__ import annotations

import csv
import json

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.cli import app
from cosmic_morphology.curate.labels.assign import label
from cosmic_morphology.curate.labels.audit import SUBSETS, audit_labels, subset_of
from cosmic_morphology.curate.votes.cast import vote
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.pipeline import STAGES, Context
from cosmic_morphology.settings import CurateSettings, load_settings
from cosmic_morphology.taxonomy import load_taxonomy

SIX = load_taxonomy()
TITLES = ["Comet 67P", "Spiral Galaxy M 51", "Rocket launch", "Comet in a painting", ""]
TRUTH = ["comet", "galaxy", "irrelevant", "irrelevant", "star"]


@pytest.fixture
def curated(atlas, arrival):
    atlas.add([arrival(n, title=title) for n, title in enumerate(TITLES)])
    vote(atlas, taxonomy=SIX, settings=CurateSettings())
    label(atlas, taxonomy=SIX, settings=CurateSettings(labels={"min_confidence": 0.5}))
    return atlas


def truth(tmp_path, rows, head="id,class"):
    file = tmp_path / "truth.csv"
    file.write_text("\n".join([head, *rows]) + "\n")
    return file


def test_precision_recall_and_coverage_are_what_a_hand_count_gives(curated, tmp_path):
    file = truth(tmp_path, [f"x{n:03d},{name}" for n, name in enumerate(TRUTH)] + ["x099,star"])
    table = audit_labels(curated, file, taxonomy=SIX, id_prefix="nasa:")
    assert (table.n, table.unknown) == (5, 1)
    assert table.get("label", "coverage").value == pytest.approx(4 / 5)
    assert table.get("object_name", "precision").value == 1.0
    assert table.get("object_name", "coverage").value == pytest.approx(2 / 5)
    assert table.get("label=galaxy", "recall").value == 1.0
    assert table.get("label=star", "recall").value == 0.0


def test_the_table_is_written_in_the_form_of_the_projects_numbers(curated, tmp_path):
    file = truth(tmp_path, ["nasa:x000,comet"])
    audit_labels(curated, file, taxonomy=SIX).write(tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert {"what", "value", "low", "high", "n", "unit"} == set(rows[0])
    assert "label precision" in {row["what"] for row in rows}


def test_recall_counts_the_images_that_nobody_spoke_of(curated, tmp_path):
    file = truth(tmp_path, [f"nasa:x{n:03d},{name}" for n, name in enumerate(TRUTH)])
    table = audit_labels(curated, file, taxonomy=SIX)
    right = table.get("label", "precision").value * table.get("label", "coverage").value
    assert table.get("label", "recall").value == pytest.approx(right)
    assert table.get("label", "recall").n == 5


def test_the_subsets_of_checked_labels_share_no_group_and_miss_none(curated, tmp_path):
    names = ["M 51", "M 51", "67P", "67P", "NGC 1"]
    rows = [f"nasa:x{n:03d},{TRUTH[n]},{name}" for n, name in enumerate(names)]
    file = truth(tmp_path, rows, "id,class,group")
    sizes = {}
    for subset in SUBSETS:
        mine = [name for name in names if subset_of(name) == subset]
        sizes[subset] = len(mine)
        if mine:
            table = audit_labels(curated, file, taxonomy=SIX, subset=subset)
            assert (table.n, table.groups, table.subset) == (len(mine), len(set(mine)), subset)
    assert sum(sizes.values()) == 5
    assert subset_of("M 51") == subset_of(" m 51 ")


def test_a_subset_needs_groups_and_a_name_that_there_is(curated, tmp_path):
    with pytest.raises(InputError, match="no column 'group'"):
        audit_labels(curated, truth(tmp_path, ["nasa:x000,comet"]), taxonomy=SIX, subset="dev")
    with pytest.raises(UsageError, match="third"):
        audit_labels(curated, truth(tmp_path, ["nasa:x000,comet"]), taxonomy=SIX, subset="third")


def test_the_command_keeps_the_audit_where_the_report_looks(curated, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [f"x{n:03d},{name}" for n, name in enumerate(TRUTH)]
    file = truth(tmp_path, rows, "file,class")
    given = ["--atlas", curated.uri, "--column", "id=file", "--id-prefix", "nasa:"]
    app(["audit", str(file), *given], standalone_mode=False)
    said = capsys.readouterr().out
    assert "Measured on 5 checked labels" in said
    kept = json.loads((tmp_path / "cosmic-out/audit.json").read_text("utf-8"))
    assert {"label", "object_name"} <= {row["what"] for row in kept["rows"]}
    assert kept["atlas_version"] == str(curated.version)


def test_the_pipeline_measures_what_its_settings_name(curated, tmp_path):
    file = truth(tmp_path, [f"x{n:03d},{name}" for n, name in enumerate(TRUTH)])
    (tmp_path / "cosmic.toml").write_text(
        "[audit]\npath = 'truth.csv'\nid_prefix = 'nasa:'\n", "utf-8"
    )
    settings = load_settings(tmp_path / "cosmic.toml", out=tmp_path)
    assert settings.audit.path == file
    stage = next(each for each in STAGES if each.name == "audit")
    assert stage.is_enabled(settings)
    stage.run(Context(settings=settings, atlas=curated, taxonomy=SIX, out=tmp_path))
    kept = json.loads((tmp_path / "audit.json").read_text("utf-8"))
    assert (kept["n"], kept["subset"]) == (5, "")
    assert not stage.is_enabled(load_settings(None))


def test_an_audit_writes_nothing(curated, tmp_path):
    before = curated.version
    audit_labels(curated, truth(tmp_path, ["nasa:x000,comet"]), taxonomy=SIX)
    assert curated.version == before


@pytest.mark.parametrize(
    ("rows", "head", "says"),
    [
        (["nasa:x000,quasar"], "id,class", "line 2: the label 'quasar' is not a class"),
        (["elsewhere,comet"], "id,class", "no image of this table is in the atlas"),
        (["x,comet"], "name,class", "no column 'id'.*There are: name, class"),
        (["nasa:x000,1"], "id,note", "no column 'label'.*There are: id, note"),
    ],
)
def test_a_bad_truth_table_is_refused(curated, tmp_path, rows, head, says):
    with pytest.raises(InputError, match=says):
        audit_labels(curated, truth(tmp_path, rows, head), taxonomy=SIX)


def test_checked_labels_that_copies_contradict_are_listed_to_be_looked_at_again(curated, tmp_path):
    ids = [f"nasa:x{n:03d}" for n in range(5)]
    copies = pa.array([None, None, None, ids[0], None], pa.string())
    curated.replace_columns(
        pa.table({"id": ids, "duplicate_of": copies}), ColumnProvenance("duplicates")
    )
    file = truth(tmp_path, [f"{id_},{name}" for id_, name in zip(ids, TRUTH, strict=True)])
    found = audit_labels(curated, file, taxonomy=SIX).doubtful
    assert [(each.id, each.label, each.rather) for each in found] == [
        (ids[0], "comet", "irrelevant"),
        (ids[3], "irrelevant", "comet"),
    ]
    assert found[0].reason == f"{ids[3]}, a copy of it, is labelled irrelevant"


def test_several_sure_models_against_a_checked_label_are_an_objection_and_one_is_none(
    curated, tmp_path
):
    ids = [f"nasa:x{n:03d}" for n in range(5)]
    sure = [0.99, 0.99, 0.5, 0.99, 0.99]
    says = {"a": ["star", "galaxy", "star", "star", "star"],
            "b": ["star", "star", "star", "galaxy", None]}  # fmt: skip
    for run, classes in says.items():
        table = {"id": ids, f"prediction_{run}": classes}
        table |= {f"confidence_{run}": pa.array(sure, pa.float32())}
        curated.replace_columns(pa.table(table), ColumnProvenance("predict"))
    file = truth(tmp_path, [f"{each},planet" for each in ids])
    found = audit_labels(curated, file, taxonomy=SIX).doubtful
    # The texts of the second, "Spiral Galaxy M 51", are a model, too.
    assert [(each.id, each.rather) for each in found] == [(ids[0], "star"), (ids[1], "galaxy")]
    assert found[0].reason == "2 models are sure of star: run_a, run_b"
    assert "texts" in found[1].reason


def test_the_command_lists_doubtful_labels_and_keeps_them_as_a_table(curated, tmp_path):
    ids = ["nasa:x000", "nasa:x001"]
    copies = pa.array([None, ids[0]], pa.string())
    curated.replace_columns(
        pa.table({"id": ids, "duplicate_of": copies}), ColumnProvenance("duplicates")
    )
    config = tmp_path / "cosmic.toml"
    config.write_text(f'atlas = "{curated.uri}"\nout = "{tmp_path}/runs"\n')
    file = truth(tmp_path, [f"{ids[0]},comet", f"{ids[1]},galaxy"])
    done = CliRunner().invoke(app, ["audit", str(file), "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert "2 checked labels are doubtful themselves" in done.output
    rows = list(csv.DictReader((tmp_path / "runs/audit_doubtful.csv").read_text().splitlines()))
    assert [row["rather"] for row in rows] == ["galaxy", "comet"]
    kept = json.loads((tmp_path / "runs/audit.json").read_text())
    assert len(kept["doubtful"]) == 2
