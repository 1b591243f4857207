"""``cosmic start``: one call from a folder of images to a report and what was found in it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.cli import app
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.pipeline.start.start import start
from cosmic_morphology.settings import EvaluateSettings, LearnSettings, Settings, load_settings
from cosmic_morphology.synthesize.renderer import render_images

QUICK = Settings(
    evaluate=EvaluateSettings(
        bootstrap_resamples=60,
        report_samples=1,
        report_saliency=0,
        report_probe=False,
        report_mistakes=1,
    ),
    learn=LearnSettings(workers=0, threads=1, accelerator="cpu"),
)
CLASSES = ("comet", "galaxy", "nebula", "planet")
BELIEVED = ["id", "label", "group", "split", "duplicate_of", "mislabel_score"]


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch, tmp_path):
    """A machine that has never downloaded any weights."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(scope="module")
def drawn() -> list[tuple[str, bytes]]:
    images = render_images(dict.fromkeys(CLASSES, 10), seed=5, size_px=96, workers=1)
    return [(image.kind, image.jpeg(quality=88)) for image in images]


def class_folders(folder: Path, drawn: list[tuple[str, bytes]]) -> Path:
    for number, (kind, data) in enumerate(drawn):
        file = folder / kind / f"{number:03d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def everything(out: Path) -> tuple[list[dict[str, object]], dict[str, bytes]]:
    rows = Atlas.open(out / "atlas").read(BELIEVED).to_pylist()
    kept = ("cosmic.toml", "runs/*/weights.safetensors", "certificate.json")
    files = {str(f): f.read_bytes() for pattern in kept for f in out.glob(pattern)}
    return sorted(rows, key=lambda row: row["id"]), files


def test_one_call_leads_from_class_folders_to_a_report_and_a_rerun_changes_nothing(drawn, tmp_path):
    folder, told = class_folders(tmp_path / "my images", drawn), []
    (folder / "comet" / "broken.jpg").write_bytes(b"no image at all")
    out = tmp_path / "out"
    found = start(folder, out, settings=QUICK, offline=True, tell=told.append)
    assert told[0].startswith("scores on real images will be poor")
    assert [each.name for each in found.summary.runs] == [
        "linear-probe", "finetune", "multilayer-probe"]  # fmt: skip
    run = found.summary.leading_score
    assert run.weights.startswith("bundled:")
    assert found.summary.collected == 40
    n_train = found.summary.split["train"]
    low, high = run.ci95
    assert found.found[0].startswith(f"{n_train} labelled training images")
    assert f"the interval is {low:.2f} to {high:.2f}; label about" in found.found[0]
    assert "1 file could not be used" in found.found[-1]
    page = Path(found.report).read_text("utf-8")
    assert run.judgement in page
    for typed in found.next_commands:
        assert str(out / "cosmic.toml") in typed
    before = everything(out)
    assert len(before[1]) == 5
    again = start(folder, out, settings=QUICK, offline=True)
    assert everything(out) == before
    assert again.summary.runs == found.summary.runs
    assert again.found == found.found


def test_a_zip_with_a_table_and_classes_of_its_own(drawn, tmp_path):
    archive, named = tmp_path / "set.zip", {"comet": "Long tails", "galaxy": "round-ish"}
    with zipfile.ZipFile(archive, "w") as file:
        rows = [["picture", "kind"]]
        for number, (kind, data) in enumerate(drawn):
            if kind in named:
                file.writestr(f"{number:03d}.jpg", data)
                rows.append([f"{number:03d}.jpg", named[kind]])
        file.writestr("labels.csv", "\n".join(",".join(row) for row in rows))
    columns = {"file": "picture", "label": "kind"}
    out = tmp_path / "out"
    found = start(archive, out, settings=QUICK, columns=columns, offline=True)
    assert found.summary.labels == {"long tails": 10, "round-ish": 10}
    assert len(found.summary.runs) == 3
    assert load_settings(out / "cosmic.toml").taxonomy == out / "taxonomy.toml"


def test_images_without_labels_are_told_what_to_do(drawn, tmp_path):
    folder = tmp_path / "loose"
    folder.mkdir()
    for number, (_, data) in enumerate(drawn[::6]):
        (folder / f"{number}.jpg").write_bytes(data)
    found = start(folder, tmp_path / "out", settings=QUICK, offline=True)
    assert found.summary.runs == []
    assert found.found[0].startswith("None of the 7 images has a label, so nothing was trained.")
    assert "folder of its own" in found.found[0]
    assert "--csv" in found.found[0]
    assert not [typed for typed in found.next_commands if "predict" in typed]
    assert Path(found.report).is_file()


def test_one_class_alone_is_not_trained_on(drawn, tmp_path):
    comets = [each for each in drawn if each[0] == "comet"][:4]
    folder = class_folders(tmp_path / "few", comets)
    found = start(folder, tmp_path / "out", settings=QUICK, offline=True)
    assert "of one class (comet)" in found.found[0]


def test_results_never_go_into_the_folder_of_the_images(drawn, tmp_path, monkeypatch):
    folder = class_folders(tmp_path / "sky", drawn[:2])
    with pytest.raises(UsageError, match="imported the next time"):
        start(folder, folder / "out", settings=QUICK, offline=True)
    monkeypatch.chdir(folder)
    from cosmic_morphology.pipeline.start.decide import default_out

    assert default_out(Path()) == tmp_path / "sky-cosmic"
    monkeypatch.chdir(tmp_path)
    assert default_out(Path("sky")) == Path("sky-cosmic")


def test_a_folder_of_results_belongs_to_one_folder_of_images(drawn, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "cosmic.toml").write_text('[[sources]]\ntype = "folder"\npath = "/elsewhere"\n')
    folder = class_folders(tmp_path / "sky", drawn[:2])
    with pytest.raises(UsageError, match="/elsewhere"):
        start(folder, out, settings=QUICK, offline=True)


def test_an_empty_folder_is_one_line_and_leaves_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no images here"):
        start(tmp_path / "empty", tmp_path / "out", settings=QUICK, offline=True)
    assert not (tmp_path / "out").exists()
    done = CliRunner().invoke(
        app, ["start", str(tmp_path / "empty"), "--offline", "--out", str(tmp_path / "out")]
    )
    assert isinstance(done.exception, InputError)


def test_the_verb_prints_what_was_found_and_one_object_with_json(drawn, tmp_path):
    folder = tmp_path / "loose"
    folder.mkdir()
    for number, (_, data) in enumerate(drawn[:3]):
        (folder / f"{number}.jpg").write_bytes(data)
    asked = ["start", str(folder), "--offline", "--out", str(tmp_path / "out")]
    runner = CliRunner()
    done = runner.invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "What was found" in done.stdout
    assert "None of the 3 images has a label" in done.stdout
    told = json.loads(runner.invoke(app, [*asked, "--json"]).stdout)
    assert told["found"][0].startswith("None of the 3 images")
