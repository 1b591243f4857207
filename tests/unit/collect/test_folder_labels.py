"""Promises of folder names as labels: the level is decided by the whole tree, and said."""

from __future__ import annotations

import pytest

from cosmic_morphology.collect.sources.folder.labels import FolderLabels, is_no_class
from cosmic_morphology.taxonomy import SkyClass, Taxonomy, load_taxonomy

OWN = Taxonomy(classes=(SkyClass(name="spiral"), SkyClass(name="edge_on"), SkyClass(name="merger")))


def labels(*folders, taxonomy=None):
    files = [f"{folder}/{n}.jpg" if folder else f"{n}.jpg" for n, folder in enumerate(folders)]
    label_of = FolderLabels(files, taxonomy or load_taxonomy())
    return [label_of(file) for file in files]


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["galaxy", "comet"], ["galaxy", "comet"]),
        (["dataset/galaxy", "dataset/comet"], ["galaxy", "comet"]),
        (["a/b/c/galaxy", "a/b/c/comet"], ["galaxy", "comet"]),
        (["dataset/spirals", "dataset/rings"], ["spirals", "rings"]),
        (["training_set/galaxy", "test_set/comet"], ["galaxy", "comet"]),
        (
            ["set/Train/galaxy", "set/VAL/comet", "set/test-images/star"],
            ["galaxy", "comet", "star"],
        ),
        (["seg_train/seg_train/galaxy", "seg_test/seg_test/comet"], ["galaxy", "comet"]),
        (["galaxy/train", "comet/test"], ["galaxy", "comet"]),
        (["hubble/galaxy", "eso/comet", "eso/galaxy"], ["galaxy", "comet", "galaxy"]),
        (["galaxy", "archive/comet", "archive/star"], ["galaxy", "comet", "star"]),
        (["galaxy/ngc/1", "comet/2020"], ["galaxy", "comet"]),
        (["galaxy/2020", "galaxy/2021"], ["galaxy", "galaxy"]),
        (["galaxy/star", "comet"], ["galaxy", "comet"]),
        (["galaxy", "not_galaxy"], ["galaxy", "not_galaxy"]),
        (["x/galaxy", "x/not_galaxy"], ["galaxy", "not_galaxy"]),
        (["Galaxies", "Nebulae"], ["Galaxies", "Nebulae"]),
        (["01_galaxy", "02_comet"], ["01_galaxy", "02_comet"]),
        (["", "galaxy"], ["", "galaxy"]),
        (["train", "test"], ["", ""]),
        (["images", "images"], ["", ""]),
        (["hubble/images", "eso/images"], ["hubble", "eso"]),
        (["ne\u0301buleuse", "n\u00e9buleuse"], ["n\u00e9buleuse", "n\u00e9buleuse"]),
        ([""], [""]),
    ],
)
def test_the_label_is_the_level_that_names_classes(folders, expected):
    assert labels(*folders) == expected


def test_the_taxonomy_in_use_decides():
    folders = ["galaxy/spiral", "galaxy/edge_on", "star/merger"]
    assert labels(*folders, taxonomy=OWN) == ["spiral", "edge_on", "merger"]
    assert labels(*folders) == ["galaxy", "galaxy", "star"]


def test_which_level_was_taken_is_said():
    files = ["d/training_set/galaxy/0.jpg", "d/test_set/comet/1.jpg", "d/2.jpg"]
    told = FolderLabels(files, load_taxonomy()).labels_from()
    assert told.startswith(
        "folders of level 2, without those of a split or called images (2 names: comet, galaxy)"
    )
    assert told.endswith("1 images lie in none")
    assert "without labels" in FolderLabels(["0.jpg"], load_taxonomy()).labels_from()


@pytest.mark.parametrize(
    "name", ["train", "TEST", "training_set", "test-images", "val2", "TestSet", "images"]
)
def test_parts_of_a_split_are_known(name):
    assert is_no_class(name)


@pytest.mark.parametrize("name", ["galaxy", "test_stand", "trains", "contest", "2020"])
def test_other_folders_are_no_parts_of_a_split(name):
    assert not is_no_class(name)
