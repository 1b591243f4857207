"""``cosmic import`` takes in whole what ``cosmic atlas export`` writes, and other split folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from drawn_images import draw_jpeg

from cosmic_morphology.atlas import Atlas, ColumnProvenance, NewImage, Record, export_images
from cosmic_morphology.atlas.export import FORMATS
from cosmic_morphology.collect.import_folder import import_folder
from cosmic_morphology.collect.sources.folder.source import open_folder
from cosmic_morphology.errors import InputError
from cosmic_morphology.imaging import ingest_image

SPLITS = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
LABELS = ["comet", "galaxy", "a class of my own"] * 4
TEXTS = ("title", "credit", "licence", "page_url", "image_url", "lineage")
TITLES = [
    "007",
    "'007",
    "=1+1",
    "-5",
    "NA",
    "",
    "M 31, the galaxy",
    "two; parts",
    "é",
    "x",
    "y",
    "",
]


@pytest.fixture
def sky(tmp_path: Path) -> Atlas:
    atlas = Atlas.create(tmp_path / "atlas")
    arrivals = []
    for number, title in enumerate(TITLES):
        data = draw_jpeg(number)
        credit = "=ESO" if number % 2 else ""
        said = Record("nasa", f"x{number}", title=title, credit=credit, lineage=(f"n:{number}",))
        arrivals.append(NewImage(said, ingest_image(data), data))
    atlas.add(arrivals)
    ids = atlas.ids()
    number_of = [int(each.removeprefix("nasa:x")) for each in ids]
    for column, values in (("label", LABELS), ("split", SPLITS)):
        told = pa.table({"id": ids, column: [values[number] for number in number_of]})
        atlas.replace_columns(told, ColumnProvenance(column))
    return atlas


def said_of(atlas: Atlas, label: str) -> dict[str, tuple]:
    rows = atlas.read(["id", label, *TEXTS]).to_pylist()
    return {
        row["id"].removeprefix("folder:back/"): (row[label], *(row[name] or None for name in TEXTS))
        for row in rows
    }


@pytest.mark.parametrize("packed", [False, True])
def test_an_image_folder_comes_back_with_every_split_label_and_text(sky, tmp_path, packed):
    place = export_images(sky, tmp_path / "out", format_="imagefolder").path
    if packed:
        place = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "out"))
    new = Atlas.create(tmp_path / "new")
    done = import_folder(new, place, name="back")
    assert (done.stored, done.refused) == (12, {})
    assert "not in the table" not in done.skipped
    assert done.labels_from.endswith("metadata.csv and 2 more")
    assert said_of(new, "given_label") == said_of(sky, "label")


@pytest.mark.parametrize("format_", sorted(set(FORMATS) - {"imagefolder"}))
def test_a_format_that_is_not_read_is_refused_with_the_one_that_is(sky, tmp_path, format_):
    ending = {"csv": ".csv", "parquet": ".parquet"}.get(format_, "")
    place = export_images(sky, tmp_path / f"out{ending}", format_=format_).path
    with pytest.raises(InputError, match="imagefolder"):
        import_folder(Atlas.create(tmp_path / "new"), place)


def lay(root: Path, **tables: str) -> Path:
    """Two images in each of three splits, and tables by path (``__`` for a slash)."""
    for split in ("train", "val", "test"):
        for number in range(2):
            place = root / split / "pictures" / f"{number}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"x")
    for name, text in tables.items():
        (root / f"{name.replace('__', '/')}.csv").write_text(text)
    return root


def given(root: Path) -> dict[str, str]:
    return {each.source_id: each.given_label for each, _ in open_folder(root, name="n").records()}


TWO = "file,label\n0.jpg,{}\n1.jpg,{}\n"


@pytest.mark.parametrize("where", ["{}__labels", "{}__pictures__labels", "{}"])
def test_tables_of_all_splits_are_used_whichever_way_they_lie(tmp_path, where):
    says = {"train": "galaxy", "val": "comet", "test": "nebula"}
    tables = {
        where.format(split): TWO.format(label, "star").replace(
            "\n0", f"\n{split}/pictures/0"
        ).replace("\n1", f"\n{split}/pictures/1") if where == "{}" else TWO.format(label, "star")
        for split, label in says.items()
    }  # fmt: skip
    assert given(lay(tmp_path / "in", **tables)) == {
        f"n/{split}/pictures/{number}.jpg": says[split] if number == 0 else "star"
        for split in says
        for number in range(2)
    }


def test_a_split_without_labels_keeps_its_images_and_a_missing_file_takes_nobody_elses(tmp_path):
    root = lay(
        tmp_path / "in",
        train__labels=TWO.format("galaxy", "comet"),
        val__labels=TWO.format("nebula", "star") + "2.jpg,star\n",
        test__labels="file\n0.jpg\n1.jpg\n",
    )
    (root / "train/pictures/2.jpg").write_bytes(b"x")
    folder = open_folder(root, name="n")
    labels = {each.source_id: each.given_label for each, _ in folder.records()}
    assert labels["n/test/pictures/0.jpg"] == ""
    assert labels["n/val/pictures/0.jpg"] == "nebula"
    assert labels["n/2.jpg"] == "star"
    assert folder.skipped == {"not in the table": 1}


def test_tables_that_speak_of_the_same_images_are_asked_about_and_a_clash_names_both(tmp_path):
    same = "file,label\ntrain/pictures/0.jpg,comet\nval/pictures/0.jpg,comet\n"
    same += "test/pictures/0.jpg,comet\n"
    with pytest.raises(InputError, match=r"several tables \(one.csv, two.csv\)"):
        open_folder(lay(tmp_path / "in", one=same, two=same))
    ids = "id,file\n1,0.jpg\n{},1.jpg\n"
    root = lay(
        tmp_path / "ids", train__t=ids.format(2), val__t=ids.format(3), test__t=ids.format(4)
    )
    with pytest.raises(
        InputError,
        match=r"test/t.csv, line 2; .*train/t.csv, line 2: the id '1' is given to two files",
    ):
        open_folder(root)


def test_a_list_of_some_images_beside_the_table_of_all_is_not_used(tmp_path):
    every = "".join(
        f"{split}/pictures/{n}.jpg,comet\n" for split in ("train", "val", "test") for n in range(2)
    )
    root = lay(tmp_path / "in", all="file,label\n" + every, bad="path\ntrain/pictures/0.jpg\n")
    folder = open_folder(root)
    assert folder.skipped == {"table that was not used": 1}
    assert {each.given_label for each, _ in folder.records()} == {"comet"}
