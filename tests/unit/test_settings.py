from __future__ import annotations

import pytest

from cosmic_morphology.errors import SettingsError, TaxonomyError
from cosmic_morphology.settings import load_settings
from cosmic_morphology.taxonomy import load_taxonomy


def test_command_line_beats_environment_beats_file(tmp_path, monkeypatch):
    file = tmp_path / "cosmic.toml"
    file.write_text("seed = 1\n[split]\ntrain = 0.7\nval = 0.1\n")
    assert load_settings(file).seed == 1
    monkeypatch.setenv("COSMIC_SEED", "2")
    monkeypatch.setenv("COSMIC_SPLIT__TRAIN", "0.5")
    settings = load_settings(file)
    assert (settings.seed, settings.split.train, settings.split.val) == (2, 0.5, 0.1)
    assert load_settings(file, seed=3).seed == 3
    assert load_settings(file, seed=None).seed == 2


def test_an_unknown_key_is_named_with_the_known_ones(tmp_path):
    file = tmp_path / "cosmic.toml"
    file.write_text("[split]\ntrian = 0.7\n")
    with pytest.raises(SettingsError, match=r"split\.trian: there is no such setting.*train"):
        load_settings(file)


@pytest.mark.parametrize("text", ["seed = -1\n", "seed = 'x'\n", "seed = [\n"])
def test_a_bad_value_or_file_says_where(tmp_path, text):
    file = tmp_path / "cosmic.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"cosmic\.toml"):
        load_settings(file)


def test_a_missing_settings_file_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="no such settings file"):
        load_settings(tmp_path / "none.toml")


def test_paths_in_the_file_are_relative_to_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    file = tmp_path / "cosmic.toml"
    file.write_text(
        "atlas = 'here'\nout = 'there'\n[[sources]]\ntype = 'folder'\npath = 'images'\n"
    )
    settings = load_settings(file)
    assert settings.sources[0].path == tmp_path / "images"
    assert (settings.atlas, settings.out) == (str(tmp_path / "here"), tmp_path / "there")
    assert load_settings(file, atlas="mine").atlas == "mine"


def test_the_built_in_taxonomy_has_the_six_classes():
    assert load_taxonomy().names == ("asteroid", "comet", "galaxy", "nebula", "planet", "star")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("C.5.1.6", "galaxy"),
        ("B.4.1.2", "nebula"),
        ("A.2.2", "comet"),
        ("2.3", "asteroid"),
        ("3.6.4", "star"),
        ("8.1", "irrelevant"),
        ("A.1.1", "planet"),
        ("1.4", "irrelevant"),
        ("99", None),
    ],
)
def test_avm_codes_mean_classes(code, name):
    assert load_taxonomy().class_of_avm(code) == name


def test_overlapping_search_words_are_refused(tmp_path):
    file = tmp_path / "t.toml"
    file.write_text(
        "[[classes]]\nname='a'\nsearch=['dot']\n[[classes]]\nname='b'\nsearch=['Dot']\n"
    )
    with pytest.raises(TaxonomyError, match="belongs to both 'a' and 'b'"):
        load_taxonomy(file)


def test_a_taxonomy_with_other_classes_works(tmp_path):
    file = tmp_path / "t.toml"
    names = [f"shape-{n}" for n in range(10)]
    file.write_text("".join(f"[[classes]]\nname='{n}'\nsearch=['{n}']\n" for n in names))
    assert load_taxonomy(file).names == tuple(names)


def test_an_engine_and_what_its_stages_take_are_settings(tmp_path, monkeypatch):
    file = tmp_path / "cosmic.toml"
    file.write_text(
        "engine = 'ray'\n[ray]\naddress = '10.0.0.5:6379'\n"
        "[ray.resources.embed]\ngpus = 0.25\nmemory_gb = 3\n[local]\nprocesses = 3\n"
    )
    settings = load_settings(file)
    assert (settings.engine, settings.ray.address) == ("ray", "10.0.0.5:6379")
    assert settings.ray.resources.embed.model_dump() == {"cpus": 1, "gpus": 0.25, "memory_gb": 3}
    assert settings.local.processes == 3
    monkeypatch.setenv("COSMIC_RAY__ADDRESS", "auto")
    assert load_settings(file).ray.address == "auto"
    assert load_settings(file, engine="local").engine == "local"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[curate.duplicates]\nserach = 'quick'\n", r"curate\.duplicates\.serach: .*search"),
        ("[curate.labels]\nmin_confidense = 1\n", r"curate\.labels\.min_confidense: .*min_conf"),
        ("engine = 'here'\n", r"engine: Input should be 'local' or 'ray' \(got 'here'\)"),
        ("[ray.resources.emebd]\ncpus = 2\n", r"ray\.resources\.emebd: .*embed"),
        ("[curate.lables]\nx = 1\n", r"curate\.lables: there is no such setting.*labels"),
        ("[curate.votes]\nlabel_model = 'x'\n", r"curate\.votes\.label_model: Input should be"),
        ("[study.leakage]\nfold = 2\n", r"study\.leakage\.fold: there is no such .*folds"),
        ("[[sources]]\ntype = 'nasa'\nlimmit = 2\n", r"sources\.0\.limmit: .*limit"),
        ("[[sources]]\ntype = 'folder'\npaht = 'x'\n", r"sources\.0\.path"),
        ("[[sources]]\ntype = 'folder'\npath = 'x'\ncvs = 'y'\n", r"sources\.0\.cvs: .*csv"),
        ("[[sources]]\npath = 'x'\n", r"sources\.0: this source has no type.*'folder'"),
    ],
)
def test_a_wrong_key_is_named_with_its_near_ones_however_deep_it_stands(tmp_path, text, said):
    file = tmp_path / "cosmic.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"cosmic\.toml: " + said) as caught:
        load_settings(file)
    assert caught.value.todo


def test_one_list_of_sources_holds_archives_and_folders_in_their_order(tmp_path, monkeypatch):
    file = tmp_path / "cosmic.toml"
    file.write_text(
        "[[sources]]\ntype = 'nasa'\nlimit = 3\n[[sources]]\ntype = 'folder'\npath = 'mine'\n"
        "[[sources]]\ntype = 'commons'\nqueries = ['Comets']\n"
    )
    settings = load_settings(file)
    assert [job.type for job in settings.sources] == ["nasa", "folder", "commons"]
    assert [job.type for job in settings.archives] == ["nasa", "commons"]
    assert [job.path for job in settings.folders] == [tmp_path / "mine"]
    monkeypatch.setenv("COSMIC_SOURCES", '[{"type": "apod"}]')
    assert [job.type for job in load_settings(file).sources] == ["apod"]


def test_sections_of_curation_are_read_from_file_and_environment(tmp_path, monkeypatch):
    file = tmp_path / "cosmic.toml"
    file.write_text(
        "[curate]\nembed = false\n[curate.duplicates]\nsearch = 'thorough'\n"
        "[curate.groups]\nmin_cap = 30\n[curate.votes]\ndisabled = ['title']\n"
        "[curate.labels]\nmin_confidence = 0.7\n[curate.checks]\nrelevance_threshold = 0.5\n"
    )
    monkeypatch.setenv("COSMIC_CURATE__GROUPS__MAX_ALBUM", "9")
    curate = load_settings(file).curate
    assert (curate.embed, curate.duplicates.search) == (False, "thorough")
    assert (curate.groups.min_cap, curate.groups.max_album) == (30, 9)
    assert (curate.votes.disabled, curate.labels.min_confidence) == (("title",), 0.7)
    assert curate.checks.relevance_threshold == 0.5


@pytest.mark.parametrize(
    ("weights", "kept"),
    [("pretrained", True), ("random", True), ("bundled", True), ("mine.safetensors", False)],
)
def test_words_for_weights_are_no_paths(tmp_path, weights, kept):
    file = tmp_path / "cosmic.toml"
    file.write_text(f"[learn]\nweights = '{weights}'\n")
    assert load_settings(file).learn.weights == (weights if kept else str(tmp_path / weights))
