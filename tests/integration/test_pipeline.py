"""The whole way, on a small rendered archive served over HTTP."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cosmic_morphology.atlas import DERIVED_COLUMNS, TABLES, Atlas, verify_atlas
from cosmic_morphology.atlas.schema import describe_column, table_schema
from cosmic_morphology.learn.models.weights import BUNDLED_WEIGHTS
from cosmic_morphology.pipeline import STAGES
from cosmic_morphology.synthesize.renderer import image_seed

COSMIC = str(Path(sys.executable).parent / "cosmic")
DEMO = [COSMIC, "demo", "--offline", "--per-class", "20", "--json", "--out"]
SUMMARY = {
    "collected", "failed", "duplicates", "dropped", "labels", "split", "runs", "seconds",
    "peak_memory_mb", "report",
}  # fmt: skip
RUN = {
    "name", "recipe", "backbone", "weights", "macro_f1", "ci95", "accuracy", "n_test", "labels",
    "grouped_by",
}  # fmt: skip


def beliefs(folder: Path) -> list[dict[str, object]]:
    atlas = Atlas.open(folder / "atlas")
    assert verify_atlas(atlas).problems == ()
    columns = ["id", "label", "group", "split", "duplicate_of"]
    said = {row["id"]: row for row in atlas.read(columns).to_pylist()}
    seen = atlas.read(["id", "sha256"], table="images").to_pylist()
    return sorted(
        ({**said[row["id"]], "sha256": row["sha256"]} for row in seen), key=lambda r: r["id"]
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run([*DEMO, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_the_demo_tells_its_whole_account(undisturbed):
    folder, printed = undisturbed
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary == printed
    assert set(summary) >= SUMMARY
    assert summary["split"]["leaks"] == 0
    assert summary["duplicates"] > 0
    assert min(summary["split"][side] for side in ("train", "val", "test")) > 0
    assert [run["name"] for run in summary["runs"]] == [
        "search-words", "linear-probe", "finetune", "multilayer-probe"]  # fmt: skip
    on_val = {
        name: json.loads((folder / "runs" / name / "metrics.json").read_text("utf-8"))
        for name in ("linear-probe", "finetune", "multilayer-probe")
    }
    assert summary["leading"] == max(on_val, key=lambda name: on_val[name]["val_macro_f1"])
    page = (folder / "report" / "index.html").read_text("utf-8")
    assert f"The run <b>{summary['leading']}</b>, which the val split chose among 4," in page
    # Another run may be higher on test: only val chose, and the mark beside the run says so.
    assert f'<tr class="best"><th scope="row">{summary["leading"]}<' in page
    assert " chosen on val" in page
    assert "highest" not in page
    for run in summary["runs"]:
        assert set(run) >= RUN
        assert run["labels"] == "rendered"
        assert run["n_test"] > 0
        assert run["ci95"][0] <= run["macro_f1"] <= run["ci95"][1]


@pytest.mark.long
def test_the_demo_on_a_cluster_ends_with_the_same_split_labels_and_scores(undisturbed, tmp_path):
    pytest.importorskip("ray", reason="the ray extra is not installed")
    folder, here = undisturbed
    words = [*DEMO, str(tmp_path / "ray"), "--engine", "ray"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    assert beliefs(tmp_path / "ray") == beliefs(folder)
    assert there["split"] == here["split"]
    assert there["labels"] == here["labels"]
    scores = ({run["name"]: run["macro_f1"] for run in each["runs"]} for each in (here, there))
    of_here, of_there = scores
    assert of_there == pytest.approx(of_here, abs=0.01)


def test_training_on_curated_labels_beats_search_words(undisturbed):
    scored = {run["name"]: run["macro_f1"] for run in undisturbed[1]["runs"]}
    assert scored["linear-probe"] > scored["search-words"]
    assert scored["linear-probe"] > 0.6


def test_the_small_net_has_seen_no_image_of_a_demo(undisturbed):
    seen = json.loads(BUNDLED_WEIGHTS.with_suffix(".json").read_text("utf-8"))
    learned = {image_seed(seen["seed"], index) for index in range(seen["images"])}
    truth = (undisturbed[0] / "archive" / "truth.csv").read_text("utf-8")
    drawn = {int(row["lineage"].rpartition(":")[2]) for row in csv.DictReader(truth.splitlines())}
    assert len(drawn) >= 20
    assert not learned & drawn


def test_the_report_is_one_page_that_loads_nothing(undisturbed):
    page = Path(undisturbed[1]["report"]).read_text("utf-8")
    assert not re.findall(r"""(?:src|href)=["']https?://[^"']+\.(?:js|css|png|jpg)""", page)
    assert page.count("data:image") > 5
    assert "macro-F1" in page
    assert "has seen rendered images only" in page


def test_doing_it_twice_changes_nothing(undisturbed):
    folder, first = undisturbed
    before, proof = beliefs(folder), (folder / "certificate.json").read_bytes()
    ledger = Atlas.open(folder / "atlas").count("ledger")
    done = subprocess.run([*DEMO, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    second = json.loads(done.stdout)
    assert beliefs(folder) == before
    assert (folder / "certificate.json").read_bytes() == proof
    # The replica of the second run had another port.
    assert Atlas.open(folder / "atlas").count("ledger") == ledger
    assert second["runs"] == first["runs"]
    # Verdicts came in after copies and the split, so these look again; that nothing moved is
    # asserted above.
    expected = {"groups", "labels again", "checks", "certify"}
    assert expected <= set(second["skipped"])


SOME_STAGES = ("replica", "duplicates", "split")
ALL_STAGES = ("replica", "collect", "duplicates", "votes", "groups", "labels", "split", "certify")


@pytest.mark.parametrize(
    "stages", [SOME_STAGES, pytest.param(ALL_STAGES, marks=pytest.mark.long)], ids=["some", "all"]
)
def test_killed_in_every_stage_a_rerun_ends_with_the_same_table(undisturbed, tmp_path, stages):
    """kill -9 soon after each stage has ended, then run to the end."""
    expected, chances = beliefs(undisturbed[0]), random.Random(8)
    for stage in stages:
        with subprocess.Popen(
            [*DEMO, str(tmp_path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as child:
            assert any(line.startswith(f"{stage}:") for line in child.stderr), stage
            time.sleep(chances.uniform(0, 0.5))
            os.killpg(child.pid, signal.SIGKILL)
    done = subprocess.run([*DEMO, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert beliefs(tmp_path) == expected


@pytest.mark.parametrize("stage", ["collect", "votes", "train"])
def test_ctrl_c_ends_with_one_line_and_loses_nothing(tmp_path, stage):
    before = {"collect": "replica:", "votes": "duplicates:", "train": "certify:"}[stage]
    with subprocess.Popen(
        [*DEMO, str(tmp_path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as child:
        lines = []
        for line in child.stderr:
            lines.append(line)
            if line.startswith(before):
                time.sleep(0.3)
                child.send_signal(signal.SIGINT)
                break
        lines += child.stderr.readlines()
        assert child.wait(1800) == 130, "".join(lines)
    text = "".join(lines)
    assert "Traceback" not in text
    assert "Run the same command again" in lines[-1]
    assert all(
        problem.kind == "record_without_image"
        for problem in verify_atlas(Atlas.open(tmp_path / "atlas")).problems
    )


def test_every_column_of_a_finished_atlas_is_listed_in_the_schema(undisturbed):
    atlas = Atlas.open(undisturbed[0] / "atlas")
    said = set(table_schema("catalogue").names)
    for table in TABLES:
        listed = set(table_schema(table).names)
        for column in set(atlas.table(table).schema.names) - listed - said:
            told = describe_column(column)
            assert told is not None, f"{table}.{column}"
            if told.type is not None:
                assert atlas.table(table).schema.field(column).type == told.type
    there = set(atlas.columns())
    assert {column.name for column in DERIVED_COLUMNS} - {"fold"} <= there


def test_stages_have_names_of_their_own():
    assert len({stage.name for stage in STAGES}) == len(STAGES)


def test_verdicts_that_were_taken_for_the_test_split_are_of_images_that_stay_in_it(undisturbed):
    atlas = Atlas.open(undisturbed[0] / "atlas")
    judged = set(atlas.read(["id"], table="decisions").column("id").to_pylist())
    split = {row["id"]: row["split"] for row in atlas.read(["id", "split"]).to_pylist()}
    assert judged
    assert {split[each] for each in judged} == {"test"}
