"""An atlas without images, and what else is not there yet: one line that says what to do."""

from __future__ import annotations

import json
import sys

import pyarrow as pa
import pytest

from cosmic_morphology import cli
from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.errors import SettingsError
from cosmic_morphology.learn.data.atlas_source import AtlasSource
from cosmic_morphology.pipeline.summary import PipelineResult
from cosmic_morphology.settings import CollectJob, LearnSettings, job_of

WORKS_ON_IMAGES = [
    "run --config good.toml",
    "curate",
    "split",
    "embed",
    "train one",
    "explore",
    "study leakage --config study.toml",
    "review queue",
    "review start",
    "review agreement",
    "explain made:1",
]


@pytest.fixture
def ended(monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("COSMIC_LEARN__WEIGHTS", "random")
    (tmp_path / "good.toml").write_text("[curate]\nembed = false\n")
    (tmp_path / "study.toml").write_text("atlas = 'atlas'\n")

    def run(words):
        parts = words.split()
        more = [] if parts[0] == "study" else ["--atlas", "atlas"]
        monkeypatch.setattr(sys, "argv", ["cosmic", *parts, *more])
        with pytest.raises(SystemExit) as done:
            cli.main()
        return done.value.code or 0, capfd.readouterr().err

    return run


@pytest.mark.parametrize("words", WORKS_ON_IMAGES)
@pytest.mark.parametrize("records", [0, 2])
def test_without_images_every_verb_says_so(ended, atlas, arrival, words, records):
    if records:
        atlas.upsert_records([arrival(number).record for number in range(records)])
    code, said = ended(words)
    assert code == 2, said
    assert "there are no images in this atlas. Collect or import some first." in said
    assert len(said.strip().splitlines()) == 1


@pytest.fixture
def finished(tmp_path):
    """A run as far as it is looked at before torch is imported."""
    folder = tmp_path / "run"
    folder.mkdir()
    contents = {
        "settings": {"name": "run", "backbone": "resnet10t"},
        "classes": {"classes": ["comet", "star"]},
        "metrics": {},
        "preprocessing": {"size_px": 32, "mean": [0.5] * 3, "std": [0.2] * 3},
    }
    for name, content in contents.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    (folder / "FINISHED").write_text("key")


@pytest.mark.parametrize(
    "words",
    [
        "evaluate run",
        "report run",
        "export run --onnx model.onnx",
        "export run --onnx model.onnx --int8",
        "predict run",
        "predict run --out predictions.csv",
    ],
)
def test_a_model_and_an_atlas_without_images_is_one_line(ended, finished, atlas, tmp_path, words):
    before = {each.name for each in tmp_path.iterdir()}
    code, said = ended(words)
    assert code == 2, said
    assert "there are no images in this atlas. Collect or import some first." in said
    assert len(said.strip().splitlines()) == 1
    assert {each.name for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("verb", ["evaluate {}", "export {} --onnx model.onnx", "predict {} x.jpg"])
@pytest.mark.parametrize("folder", ["void", "out/runs/half"])
def test_a_folder_without_a_finished_run_is_one_line(ended, filled, tmp_path, verb, folder):
    (tmp_path / folder).mkdir(parents=True)
    code, said = ended(verb.format(folder))
    assert code == 2, said
    assert f"{folder}: there is no finished run here. Train it" in said
    assert len(said.strip().splitlines()) == 1


def test_a_filter_that_no_image_fits_is_no_success(ended, finished, filled):
    code, said = ended("predict run --where id='nix'")
    assert code == 2
    assert "no image fits the filter" in said


@pytest.mark.parametrize("words", ["curate --no-embed", "split", "train one", "explore"])
@pytest.mark.parametrize("images", [1, 3])
def test_with_few_images_without_labels_and_split_no_verb_is_at_fault(
    ended, atlas, arrival, words, images
):
    atlas.add([arrival(number) for number in range(images)])
    code, said = ended(words)
    assert code in (0, 1, 2)
    assert "fault of the program" not in said


def test_a_column_of_embeddings_without_one_filled_is_compared_as_none(filled):
    from cosmic_morphology.curate import find_duplicates
    from cosmic_morphology.settings import CurateSettings

    field = pa.field("embedding_small", pa.list_(pa.float32(), 4))
    filled.prepare_columns([field], ColumnProvenance("embed"))
    settings = CurateSettings(duplicates={"embedding": "embedding_small"})
    assert find_duplicates(filled, settings=settings).images == filled.count()


def test_no_password_of_an_address_is_written(atlas, tmp_path):
    atlas.uri = "s3://ann:secretpass@host/bucket/a?X-Amz-Signature=cafe0123"
    where = AtlasSource(atlas).origin()
    PipelineResult(atlas=atlas.address).write(tmp_path / "summary.json")
    (tmp_path / "atlas.json").write_text(json.dumps(where))
    for file in tmp_path.glob("*.json"):
        text = file.read_text("utf-8")
        assert "host/bucket" in text
        assert "secretpass" not in text
        assert "cafe0123" not in text


@pytest.mark.parametrize("host", ["127.0.0.1:80", "archive.example"])
def test_no_password_of_an_archive_is_kept(host):
    from cosmic_morphology.collect.harvest.addresses import Addresses

    root = f"http://ann:secretpass@{host}"
    addresses = Addresses(root)
    kept = addresses.kept_row({"url": f"{root}/a.jpg", "record": f'{{"u": "{root}/a"}}'})
    assert "secretpass" not in str(kept)
    assert addresses.asked(kept["url"]) == f"{root}/a.jpg"


@pytest.mark.parametrize("given", [{"queries": (" ",)}, {"limit": 0}, {"type": None}])
def test_odd_words_of_a_job_are_an_error_of_settings(given):
    with pytest.raises(SettingsError) as caught:
        job_of(CollectJob, **{"type": "nasa", **given})
    assert next(iter(given)) in str(caught.value)


def test_the_input_of_a_model_is_as_large_as_a_run_may_say():
    from cosmic_morphology.learn.run_folder.documents import LARGEST_SIDE_PX

    assert LearnSettings(image_size_px=LARGEST_SIDE_PX).image_size_px == LARGEST_SIDE_PX
    with pytest.raises(ValueError, match="2048"):
        LearnSettings(image_size_px=LARGEST_SIDE_PX + 1)


def test_json_that_is_nested_too_deeply_is_no_image():
    from cosmic_morphology.errors import ImageError
    from cosmic_morphology.imaging.sniff import media_type_of

    with pytest.raises(ImageError, match="JSON"):
        media_type_of(b"[" * 4000)
