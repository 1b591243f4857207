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
    file.write_text("atlas = 'here'\nout = 'there'\n[[import_from]]\npath = 'images'\n")
    settings = load_settings(file)
    assert settings.import_from[0].path == tmp_path / "images"
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


@pytest.mark.parametrize("value", ["ray", "here", "local"])
def test_an_engine_is_an_error_until_something_reads_it(tmp_path, value):
    file = tmp_path / "cosmic.toml"
    file.write_text(f"engine = {value!r}\n")
    with pytest.raises(SettingsError, match="engine: there is no such setting"):
        load_settings(file)
