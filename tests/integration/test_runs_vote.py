"""A saved run votes in an atlas: on new images, not on what it has learned from."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from training_sky import LEARN, TAXONOMY
from training_tools import CLASSES, call, coloured_atlas, config_in, drawn

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.errors import InputError, SettingsError
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.learn import load_trained_model, read_training_record, train
from cosmic_morphology.pipeline import STAGES, Context, run
from cosmic_morphology.pipeline.trained_voters import runs_that_vote
from cosmic_morphology.settings import CurateSettings, RunJob, Settings, load_settings
from cosmic_morphology.taxonomy import load_taxonomy

SEED = 3
# Surer than the quick recipe, and of the reject class, too.
SURE = """
extends = "linear-probe"
include_reject_class = true
calibrate = false
batch_size = 6
learning_rate = 0.3
patience = 0
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """An atlas of thirty images and a run that was trained on it, beside a settings file."""
    place = tmp_path_factory.mktemp("trained")
    config_in(place)
    (place / "quick.toml").write_text(SURE)
    train_quick(coloured_atlas(place / "atlas"), place)
    return place


@pytest.fixture
def place(trained, tmp_path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "place"))


@pytest.fixture
def sky(place) -> Atlas:
    return Atlas.open(place / "atlas")


@pytest.fixture
def cosmic(monkeypatch, capsys, place):
    monkeypatch.chdir(place)
    return lambda *words: call(
        (*words, "--atlas", "atlas", "--config", "cosmic.toml"), monkeypatch, capsys
    )


def train_quick(
    atlas: Atlas, place: Path, name: str = "quick", init_from: str = "", seed: int = SEED
):
    job = RunJob(name=name, recipe=str(place / "quick.toml"), init_from=init_from)
    out = place / "cosmic-out"
    return train(atlas, job, learn=LEARN, taxonomy=TAXONOMY, seed=seed, out=out)


def add_new(atlas: Atlas, *, broken: bool = False) -> None:
    for n, name in enumerate(CLASSES):
        data = drawn(name, 90_000 + n)
        intake = ingest_image(data)
        if broken and name == "comet":
            intake = replace(intake, thumbnail=b"no image")
        atlas.add([NewImage(Record("new", name), intake, data)])


def votes_of(atlas: Atlas, voter: str = "run_quick") -> dict[str, str]:
    """The class that a run gives each image that it votes on."""
    found = {}
    for row in atlas.read(["id", "votes"]).to_pylist():
        mine = [each for each in row["votes"] or () if each["voter"] == voter]
        if mine:
            found[row["id"]] = max(mine, key=lambda each: each["weight"])["label"]
    return found


def settings_of(place: Path, *runs: str) -> Settings:
    out = place / "cosmic-out"
    return Settings(out=out, learn=LEARN, curate=CurateSettings(votes={"trained_runs": runs}))


@pytest.mark.parametrize("named", ["quick", "cosmic-out/runs/quick"])
def test_a_run_votes_on_new_images_and_on_no_other(cosmic, place, sky, named):
    add_new(sky)
    code, said, _ = cosmic("curate", "--run", named, "--json")
    assert code == 0
    told = json.loads(said)
    assert told["runs"]["run_quick"]["votes"] == 3
    assert told["runs"]["run_quick"]["abstained"] == {
        "it has learned from the image, or from one of its group": 24,
        "the image is of the val or test split": 6,
    }
    assert "run_quick" in told["labels"]["evidence"]
    assert votes_of(sky) == {f"new:{name}": name for name in CLASSES}


def test_a_run_votes_by_what_it_sees_whatever_the_texts_say(cosmic, place, sky):
    """The texts have votes of their own: a run that heard them, too, would count them twice."""
    words = (place / "taxonomy.toml").read_text()
    galaxy = 'name = "galaxy"\n'
    (place / "taxonomy.toml").write_text(words.replace(galaxy, f'{galaxy}search = ["galaxy"]\n'))
    data = drawn("comet", 90_000)
    sky.add([NewImage(Record("new", "comet", title="A galaxy"), ingest_image(data), data)])
    assert cosmic("curate", "--run", "quick")[0] == 0
    assert votes_of(sky, "title")["new:comet"] == "galaxy"
    assert votes_of(sky)["new:comet"] == "comet"


def test_votes_and_silence_are_explained_and_measured(cosmic, place, sky):
    add_new(sky)
    with (place / "cosmic.toml").open("a") as file:
        file.write('\n[curate.votes]\ntrained_runs = ["./cosmic-out/runs/quick"]\n')
    assert cosmic("curate")[0] == 0
    _, said, _ = cosmic("explain", "new:comet")
    assert "comet        run_quick: a trained run that has not learned from its group" in said
    _, said, _ = cosmic("explain", "drawn:comet-00")
    assert "run_quick abstains: it has learned from the image" in said
    _, said, _ = cosmic("explain", "drawn:comet-04")
    assert "run_quick abstains: the image is of the val or test split" in said
    (place / "truth.csv").write_text("id,class\nnew:comet,comet\nnew:galaxy,nebula\n")
    code, said, _ = cosmic("audit", "truth.csv", "--json")
    rows = {(row["what"], row["measure"]): row["value"] for row in json.loads(said)["rows"]}
    assert code == 0
    assert rows["run_quick", "precision"] == 0.5


def test_a_copy_of_a_learned_image_is_not_judged(cosmic, sky):
    add_new(sky)
    data = sky.images(["drawn:comet-00"], ["image"]).column("image")[0].as_py()
    sky.add([NewImage(Record("new", "copy"), ingest_image(data), data)])
    assert cosmic("curate", "--run", "quick")[0] == 0
    assert set(votes_of(sky)) == {f"new:{name}" for name in CLASSES}
    _, said, _ = cosmic("explain", "new:copy", "--json")
    assert json.loads(said)["label"] == ""


def test_an_image_that_cannot_be_read_gets_no_vote(cosmic, sky):
    add_new(sky, broken=True)
    code, said, _ = cosmic("curate", "--run", "quick", "--json")
    assert code == 0
    assert json.loads(said)["runs"]["run_quick"]["abstained"]["it cannot read the image"] == 1
    assert set(votes_of(sky)) == {"new:galaxy", "new:nebula"}


def test_an_older_run_is_mute_until_training_again_has_written_its_record(cosmic, place, sky):
    run = place / "cosmic-out/runs/quick"
    record = (run / "training_record.csv").read_bytes()
    weights = (run / "weights.safetensors").stat().st_mtime_ns
    (run / "training_record.csv").unlink()
    assert load_trained_model(run).classes == load_trained_model(run).classes
    add_new(sky)
    _, said, _ = cosmic("curate", "--run", "quick", "--json")
    assert json.loads(said)["runs"]["run_quick"] == {
        "filled": 0,
        "votes": 0,
        "abstained": {"it has no record of what it learned from": 33},
    }
    assert votes_of(sky) == {}
    # The labels are now those of the voters: none. Those that the run learned from are told.
    train_quick(coloured_atlas(place / "as-before"), place)
    assert (run / "training_record.csv").read_bytes() == record
    assert (run / "weights.safetensors").stat().st_mtime_ns == weights
    cosmic("curate", "--run", "quick")
    assert len(votes_of(sky)) == 3


def test_a_record_names_train_and_val_and_what_the_run_before_has_seen(place):
    other = coloured_atlas(place / "other", per_class=5)
    first = read_training_record(place / "cosmic-out/runs/quick")
    assert len(first.ids) == 24
    assert "drawn:comet-04" not in first.ids  # of the test split
    on = train_quick(other, place, "on", "quick")
    with (on.path / "training_record.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12 + 24
    assert read_training_record(on.path).ids == first.ids
    (place / "cosmic-out/runs/quick/training_record.csv").unlink()
    assert read_training_record(train_quick(other, place, "on2", "quick").path) is None


def test_what_is_no_run_is_refused_with_a_line_that_says_where(cosmic, sky):
    code, _, said = cosmic("curate", "--run", "no-such-run")
    assert code == 2
    assert "runs/no-such-run: there is no finished run here" in " ".join(said.split())
    assert "duplicate_of" not in sky.columns()  # nothing was begun


@pytest.mark.parametrize("damage", ["", "id,split\na,train\n", 'id,group,split\n"",g,train\n'])
def test_a_damaged_record_is_refused_with_what_to_do(place, sky, damage):
    (place / "cosmic-out/runs/quick/training_record.csv").write_text(damage)
    with pytest.raises(InputError, match=r"record .* is damaged\. Delete it"):
        runs_that_vote(sky, settings_of(place, "quick"), TAXONOMY)


def test_a_run_of_another_taxonomy_is_refused_with_its_classes(place, sky):
    with pytest.raises(InputError, match="quick: the run does not know asteroid, planet, star"):
        runs_that_vote(sky, settings_of(place, "quick"), load_taxonomy())


def test_the_pipeline_asks_runs_but_none_that_it_is_about_to_train(place, sky):
    stage = next(each for each in STAGES if each.name == "runs")
    assert not stage.is_enabled(Settings())
    settings = settings_of(place, "quick")
    voters = runs_that_vote(sky, settings, TAXONOMY)
    context = Context(
        settings=settings,
        atlas=sky,
        taxonomy=TAXONOMY,
        out=settings.out,
        trained_voters=lambda: voters,
    )
    assert stage.is_enabled(settings)
    stage.run(context)
    assert "run_quick" in sky.columns()
    before = sky.version
    settings.train = (RunJob(name="quick"),)
    settings.atlas = sky.uri
    with pytest.raises(
        SettingsError, match=r"curate\.votes\.trained_runs: quick: a run cannot vote"
    ):
        run(settings)
    assert sky.version == before


def test_the_pipeline_labels_anew_when_a_run_has_changed_under_its_name(place, sky):
    add_new(sky)
    settings = load_settings(place / "cosmic.toml")
    settings.atlas, settings.out = str(place / "atlas"), place / "cosmic-out"
    settings.curate.votes.trained_runs = ("quick",)
    first = run(settings)
    # Once they are split, the run still votes on new images of train, and on no others.
    split = dict(zip(*(sky.read([c]).column(c).to_pylist() for c in ("id", "split")), strict=True))
    in_train = {f"new:{name}": name for name in CLASSES if split[f"new:{name}"] == "train"}
    assert in_train
    assert votes_of(sky) == in_train
    assert "labels" not in first.skipped
    assert "labels again" in run(settings).skipped
    train_quick(coloured_atlas(place / "as-before"), place, seed=SEED + 1)
    assert "labels again" not in run(settings).skipped
