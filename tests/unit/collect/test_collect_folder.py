"""Promises of the folder source: what a local collection says, in what order, and under what id."""

from __future__ import annotations

import csv as csv_module
import io
import os
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmic_morphology.collect.sources.folder.source import open_folder, safe_id
from cosmic_morphology.collect.sources.folder.spacenet import origin_of
from cosmic_morphology.errors import FetchError, ImageError, InputError


def records(path, *, skipped=None, **asked):
    opened = open_folder(path, **asked)
    if skipped is not None:
        skipped.update(opened.skipped)
    return opened.records()


def lay(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode("utf-8", "surrogateescape"))
    return root


def pack(path: Path, names: list[str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name.encode())
    return path


def write_table(path: Path, *rows: dict[str, str]) -> Path:
    out = io.StringIO()
    table = csv_module.DictWriter(out, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    path.write_text(out.getvalue(), "utf-8")
    return path


def test_class_folders_give_labels_ids_and_bytes_in_a_fixed_order(tmp_path):
    lay(tmp_path, "comet/b.jpg", "comet/a.jpg", "asteroid/deep/x", "loose.png")
    got = list(records(tmp_path, name="mine"))
    assert [(r.id, r.given_label) for r, _ in got] == [
        ("folder:mine/asteroid/deep/x", "asteroid"),
        ("folder:mine/comet/a.jpg", "comet"),
        ("folder:mine/comet/b.jpg", "comet"),
        ("folder:mine/loose.png", ""),
    ]
    assert got[1][1]() == b"comet/a.jpg"
    assert {r.collection for r, _ in got} == {"mine"}


def test_folders_of_a_ready_made_split_are_no_labels(tmp_path):
    lay(tmp_path, "train/galaxy/a.jpg", "test/Galaxy/b.jpg", "val/c.jpg")
    assert sorted(r.given_label for r, _ in records(tmp_path)) == ["", "Galaxy", "galaxy"]


def test_hidden_files_and_sidecars_are_skipped_and_counted(tmp_path):
    lay(tmp_path, "star/a.jpg", "star/.DS_Store", "__MACOSX/star/a.jpg", "star/notes.txt", "x.json")
    (tmp_path / "star" / "gone.jpg").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "star" / "pipe.jpg")
    skipped: Counter[str] = Counter()
    assert [r.source_id for r, _ in records(tmp_path, skipped=skipped)] == ["folder/star/a.jpg"]
    assert skipped == {
        "hidden": 2,
        "not an image's name": 2,
        "not a regular file": 1,
        "link to nothing": 1,
    }


def test_nothing_is_read_before_it_is_needed(tmp_path):
    lay(tmp_path, "star/a.jpg", "star/b.jpg")
    (_, first), (_, second) = records(tmp_path)
    (tmp_path / "star/a.jpg").write_bytes(b"later")
    (tmp_path / "star/b.jpg").unlink()
    assert first() == b"later"
    with pytest.raises(FileNotFoundError):
        second()


def test_a_file_larger_than_the_limit_is_noticed_and_not_read(tmp_path):
    lay(tmp_path, "star/a.jpg")
    ((_, loader),) = records(tmp_path, max_bytes=3)
    assert loader() == b"star"


def test_a_table_says_what_it_says_under_any_column_names(tmp_path):
    lay(tmp_path / "p", "a.jpg", "b.jpg", "unnamed.jpg")
    table = write_table(
        tmp_path / "t.csv",
        {"File": "b.jpg", "name": "M 31", "kind": "galaxy", "date": "2001-02-03", "tags": "a; b|c"},
        {"File": "./a.jpg", "name": "", "kind": " comet ", "date": "", "tags": ""},
    )
    skipped: Counter[str] = Counter()
    columns = {"title": "name", "label": "kind", "keywords": "tags"}
    one, two = (r for r, _ in records(tmp_path / "p", csv=table, columns=columns, skipped=skipped))
    assert (one.id, one.title, one.given_label) == ("folder:folder/b.jpg", "M 31", "galaxy")
    assert (one.created_at, one.keywords) == ("2001-02-03", ("a", "b", "c"))
    assert (two.given_label, two.keywords) == ("comet", ())
    assert skipped == {"not in the table": 1}


def test_credit_licence_collection_and_source_are_kept(tmp_path):
    lay(tmp_path, "a.jpg", "b.jpg")
    said = {"credit": "E. Hubble", "licence": "CC BY 4.0", "source": "eso"}
    write_table(
        tmp_path / "t.csv",
        {"file": "a.jpg", "collection": "messier", "id": "M1", **said},
        {"file": "b.jpg", "collection": "", "id": "M2", **said},
    )
    one, two = (r for r, _ in records(tmp_path, name="n"))
    assert (one.id, one.credit, one.licence) == ("folder:n/M1", "E. Hubble", "CC BY 4.0")
    assert (one.collection, two.collection) == ("messier", "eso")


def test_rows_of_a_table_can_be_chosen(tmp_path):
    lay(tmp_path, "a.jpg", "b.jpg")
    write_table(
        tmp_path / "t.csv", {"file": "a.jpg", "from": "apod"}, {"file": "b.jpg", "from": "eso"}
    )
    ids = [
        [r.source_id for r, _ in records(tmp_path, row_filter={"from": value})]
        for value in ("apod", "!apod")
    ]
    assert ids == [["folder/a.jpg"], ["folder/b.jpg"]]


def test_a_file_that_is_missing_or_outside_is_an_error_of_that_record_alone(tmp_path):
    lay(tmp_path, "p/a.jpg", "secret.jpg")
    table = write_table(
        tmp_path / "t.csv", *({"file": f} for f in ("a.jpg", "b.jpg", "../secret.jpg", ""))
    )
    loaders = [loader for _, loader in records(tmp_path / "p", csv=table)]
    assert loaders[0]() == b"p/a.jpg"
    for loader in loaders[1:]:
        with pytest.raises(FetchError, match="no file of the folder"):
            loader()


def test_a_row_given_twice_counts_once(tmp_path):
    lay(tmp_path, "a.jpg")
    write_table(tmp_path / "t.csv", {"file": "a.jpg"}, {"file": "a.jpg"})
    skipped: Counter[str] = Counter()
    assert len(list(records(tmp_path, skipped=skipped))) == 1
    assert skipped == {"listed twice": 1}


def test_a_missing_column_is_named_with_those_that_are_there_and_what_to_do(tmp_path):
    lay(tmp_path, "a.jpg")
    table = write_table(tmp_path / "t.csv", {"shot": "a.jpg", "kind": "star"})
    with pytest.raises(InputError) as caught:
        records(tmp_path, csv=table)
    assert caught.value.where == str(table)
    assert "no column 'file'. There are: shot, kind" in str(caught.value)
    assert "--column file=NAME" in caught.value.todo
    with pytest.raises(InputError, match="no column 'class'"):
        records(tmp_path, csv=table, columns={"file": "shot", "label": "class"})
    with pytest.raises(InputError, match="'lable' is no column"):
        records(tmp_path, csv=table, columns={"file": "shot", "lable": "kind"})


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"file\n\xe9.jpg\n"])
def test_what_is_no_csv_is_refused_before_anything_is_stored(tmp_path, content):
    lay(tmp_path, "a.jpg")
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError):
        records(tmp_path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "nowhere", "no such folder"),
        (lambda p: lay(p, "text.zip") / "text.zip", "neither a folder nor a whole zip"),
        (lambda p: lay(p, "only.txt"), "no images"),
        (lambda p: lay(p, "a.jpg", "t.csv", "u.csv"), "several tables"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_a_reason(tmp_path, make, says):
    with pytest.raises(InputError, match=says):
        records(make(tmp_path))


def test_a_name_that_would_break_ids_is_refused(tmp_path):
    lay(tmp_path, "a.jpg")
    for name in ("", "a/b", "..", "a b", "a\n"):
        with pytest.raises(InputError, match="cannot be the name"):
            records(tmp_path, name=name)


def test_a_zip_is_read_in_place_like_the_folder_it_holds(tmp_path):
    names = ["SpaceNet/star/a.jpg", "SpaceNet/comet/b.jpg", "SpaceNet/readme.txt"]
    before = {*tmp_path.iterdir(), tmp_path / "s.zip"}
    got = list(records(pack(tmp_path / "s.zip", names)))
    assert [(r.source_id, r.given_label) for r, _ in got] == [
        ("folder/SpaceNet/comet/b.jpg", "comet"),
        ("folder/SpaceNet/star/a.jpg", "star"),
    ]
    assert got[0][1]() == b"SpaceNet/comet/b.jpg"
    assert set(tmp_path.iterdir()) == before


def test_a_zip_of_one_class_or_with_a_table_works_too(tmp_path):
    one = pack(tmp_path / "one.zip", ["comet/a.jpg", "comet/b.jpg"])
    assert {r.given_label for r, _ in records(one)} == {"comet"}
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.jpg", b"a")
        archive.writestr("list.csv", "file,label\na.jpg,star\n")
    ((record, loader),) = records(tmp_path / "t.zip")
    assert (record.given_label, loader()) == ("star", b"a")


def test_paths_that_leave_the_zip_are_left_out(tmp_path):
    bad = ["../x.jpg", "/etc/x.jpg", "a/../../x.jpg", "C:/x.jpg", "..\\x.jpg"]
    skipped: Counter[str] = Counter()
    got = list(records(pack(tmp_path / "z.zip", ["star/a.jpg", *bad]), skipped=skipped))
    assert [r.source_id for r, _ in got] == ["folder/star/a.jpg"]
    assert skipped == {"path outside the archive": 5}


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("star/a.jpg", bytes(1000))
    raw = path.read_bytes()
    start = raw.index(b"PK\x01\x02")
    huge = (3_000_000_000).to_bytes(4, "little")
    path.write_bytes(raw[: start + 24] + huge + raw[start + 28 :])
    with pytest.raises(InputError, match="unpacks to 3,000,000,000 bytes"):
        records(path)


def test_a_large_member_is_read_only_up_to_the_limit(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("star/a.jpg", bytes(5_000_000))
    ((_, loader),) = records(tmp_path / "z.zip", max_bytes=1000)
    assert len(loader()) == 1001


def test_damage_inside_a_zip_costs_one_image(tmp_path):
    path = pack(tmp_path / "z.zip", ["star/a.jpg", "star/b.jpg"])
    path.write_bytes(path.read_bytes().replace(b"star/a.jpgstar/a.jpg", b"star/a.jpgstar/X.jpg"))
    (_, damaged), (_, whole) = records(path)
    with pytest.raises(ImageError, match="damaged inside the zip"):
        damaged()
    assert whole() == b"star/b.jpg"


def test_strange_file_names_become_ids_of_one_line(tmp_path):
    lay(tmp_path, "star/two\nlines.jpg", "star/100%.jpg", "étoile/ä b.jpg", "raw/\udcff.jpg")
    got = {r.source_id: (r.given_label, load()) for r, load in records(tmp_path)}
    assert set(got) == {
        "folder/star/two%0Alines.jpg",
        "folder/star/100%25.jpg",
        "folder/étoile/ä b.jpg",
        "folder/raw/%FF.jpg",
    }
    assert got["folder/star/two%0Alines.jpg"][1] == b"star/two\nlines.jpg"


@given(st.text(st.characters(codec=None), max_size=30), st.text(max_size=30))
def test_ids_are_printable_lines_without_dots_and_different_for_different_paths(one, other):
    safe = safe_id(one)
    assert len(f"x{safe}x".splitlines()) == 1
    assert ".." not in safe.split("/")
    safe.encode("utf-8")
    assert (safe == safe_id(other)) == (one == other)


CLASSES = st.sampled_from(["asteroid", "black hole", "black_hole", "comet", "galaxy", "star"])
NUMBERS = st.integers(0, 4000)
TAILS = st.lists(
    st.one_of(
        st.integers(0, 4).map(lambda n: f"_{n}"),
        st.integers(0, 99).map(lambda k: f"_aug{k}"),
        st.sampled_from(["_upscaled", "_x4", "_resized_512", "-copy"]),
    ),
    max_size=3,
).map("".join)


@given(CLASSES, NUMBERS, NUMBERS, TAILS, st.sampled_from([".jpg", ".jpeg", ".png", ""]))
def test_every_variant_of_a_spacenet_image_leads_to_its_original(cls, page, image, tail, end):
    origin = f"{cls}_page_{page}_image_{image}"
    assert origin_of(f"some/folder/{origin}{tail}{end}") == f"spacenet:{origin}"


@given(NUMBERS, NUMBERS, TAILS, TAILS)
def test_different_spacenet_images_never_share_an_origin(one, other, tail, other_tail):
    keys = {
        origin_of(f"star_page_1_image_{n}{end}.jpg")
        for n, end in ((one, tail), (other, other_tail))
    }
    assert len(keys) == (1 if one == other else 2)


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("comet_page_1_image_3.jpg", "spacenet:comet_page_1_image_3"),
        ("comet_page_1_image_3_2.jpg", "spacenet:comet_page_1_image_3"),
        ("comet_page_1_image_32.jpg", "spacenet:comet_page_1_image_32"),
        ("comet_page_1_image_3_aug12_sr.jpg", "spacenet:comet_page_1_image_3"),
        ("comet_page_one_image_3.jpg", ""),
        ("comet_page_1_image_.jpg", ""),
        ("M31.jpg", ""),
    ],
)
def test_spacenet_names_are_told_from_others(name, origin):
    assert origin_of(name) == origin


def test_spacenet_files_carry_their_original_as_lineage(tmp_path):
    lay(tmp_path, "star/star_page_2_image_5_1_x.jpg", "star/star_page_2_image_5.jpg", "star/y.jpg")
    assert [r.lineage for r, _ in records(tmp_path)] == [
        ("spacenet:star_page_2_image_5",),
        ("spacenet:star_page_2_image_5",),
        (),
    ]
