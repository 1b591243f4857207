"""Promises of ``cosmic import``: different things never become one, nothing goes without a word."""

from __future__ import annotations

import json
import os
import random
import socket
import tempfile
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from drawn_images import draw_jpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.cli import app
from cosmic_morphology.collect import import_batch
from cosmic_morphology.collect.import_folder import import_folder
from cosmic_morphology.collect.sources.folder.source import open_folder
from cosmic_morphology.errors import CosmicError, InputError


def put(root: Path, **seeds: int) -> Path:
    """A folder of images: names (``__`` for ``/``) and the seeds that they are drawn from."""
    return put_all(root, {f"{name.replace('__', '/')}.jpg": n for name, n in seeds.items()})


def put_all(root: Path, seeds: dict[str, int]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, seed in seeds.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw_jpeg(seed))
    return root


def pack(path: Path, root: Path, **texts: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for each in sorted(root.rglob("*")):
            archive.write(each, each.relative_to(root.parent))
        for name, text in texts.items():
            archive.writestr(f"{root.name}/{name}.csv", text)
    return path


def labels(atlas: Atlas) -> dict[str, str]:
    rows = atlas.read(["id", "given_label"]).to_pylist()
    return {row["id"].partition("/")[2]: row["given_label"] for row in rows}


def run(*arguments: object) -> tuple[int, dict[str, object], str]:
    """Exit code, the JSON on standard output, and the error's one line."""
    done = CliRunner().invoke(app, ["import", *map(str, arguments), "--json"])
    said = json.loads(done.stdout) if done.stdout else {}
    error = done.exception
    if isinstance(error, CosmicError):
        return error.exit_code, said, str(error)
    assert error is None or isinstance(error, SystemExit), error
    return done.exit_code, said, done.stderr


# ---- sets ------------------------------------------------------------------------------------


def test_another_set_of_the_same_name_is_refused_and_stores_nothing(atlas, tmp_path):
    first = put(tmp_path / "first" / "images", galaxy__0=0, galaxy__1=1)
    second = put(tmp_path / "second" / "images", galaxy__0=100, galaxy__1=101)
    import_folder(atlas, first, name="images")
    before = atlas.version
    with pytest.raises(InputError, match=r"another set.*first.*2 files here have other") as caught:
        import_folder(atlas, second, name="images")
    assert caught.value.exit_code == 2
    assert "--name" in caught.value.todo
    assert atlas.version == before
    assert import_folder(atlas, second, name="second").stored == 2


def test_a_set_without_any_file_in_common_is_another_one(atlas, tmp_path):
    import_folder(atlas, put(tmp_path / "a", galaxy__0=0), name="set")
    with pytest.raises(InputError, match="none of them is here"):
        import_folder(atlas, put(tmp_path / "b", comet__1=1), name="set")


def test_labels_of_one_table_are_never_written_onto_images_of_another(atlas, tmp_path):
    for where, seed, label in (("first", 0, "galaxy"), ("second", 50, "comet")):
        root = put_all(tmp_path / where / "photos", {"0.jpg": seed, "1.jpg": seed + 1})
        (root / "t.csv").write_text(f"file,label\n0.jpg,{label}\n1.jpg,{label}\n")
    import_folder(atlas, tmp_path / "first" / "photos", name="photos")
    with pytest.raises(InputError, match="another set"):
        import_folder(atlas, tmp_path / "second" / "photos", name="photos")
    assert labels(atlas) == {"0.jpg": "galaxy", "1.jpg": "galaxy"}


def test_a_set_may_move_be_packed_grow_and_lose_files(atlas, tmp_path):
    first = put(tmp_path / "set", galaxy__0=0, galaxy__1=1, comet__2=2)
    import_folder(atlas, first, name="set")
    first.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "galaxy" / "0.jpg").unlink()
    put(tmp_path / "elsewhere", comet__3=3)
    got = import_folder(atlas, tmp_path / "elsewhere", name="set")
    assert (got.stored, got.already_there, got.shortfall) == (1, 2, "")
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for each in sorted((tmp_path / "elsewhere").rglob("*.jpg")):
            packed.write(each, each.relative_to(tmp_path / "elsewhere"))
    got = import_folder(atlas, archive, name="set")
    assert (got.stored, got.already_there) == (0, 3)


def test_a_changed_file_is_counted_and_its_label_is_not_refreshed(atlas, tmp_path):
    root = put_all(tmp_path / "set", {f"{n}.jpg": n for n in range(4)})
    table = root / "t.csv"
    table.write_text("file,label\n" + "".join(f"{n}.jpg,galaxy\n" for n in range(4)))
    import_folder(atlas, root, name="set")
    (root / "0.jpg").write_bytes(draw_jpeg(99))
    table.write_text("file,label\n" + "".join(f"{n}.jpg,comet\n" for n in range(4)))
    got = import_folder(atlas, root, name="set")
    assert (got.stored, got.already_there, got.refreshed) == (0, 3, 3)
    assert (got.refused, got.changed) == ({"changed": 1}, ("folder:set/0.jpg",))
    assert labels(atlas) == {
        "0.jpg": "galaxy",
        "1.jpg": "comet",
        "2.jpg": "comet",
        "3.jpg": "comet",
    }
    assert atlas.count("ledger", "state = 'stored'") == 4


def test_two_imports_of_one_name_at_the_same_time_never_mix_labels_and_bytes(atlas, tmp_path):
    first = put(tmp_path / "a", galaxy__0=0, galaxy__1=1)
    second = put_all(tmp_path / "b", {"t/0.jpg": 50})
    table = tmp_path / "t.csv"
    table.write_text("file,id,label\n0.jpg,galaxy/0.jpg,comet\n")
    others = []

    def overtake(done: int, total: int) -> None:
        if not others:
            others.append(import_folder(Atlas.open(atlas.uri), second, name="set", csv=table))

    got = import_folder(atlas, first, name="set", progress=overtake)
    assert (others[0].stored, got.stored, got.refused) == (1, 1, {"changed": 1})
    assert labels(atlas) == {"galaxy/0.jpg": "comet", "galaxy/1.jpg": "galaxy"}
    row = atlas.images(["folder:set/galaxy/0.jpg"], ["image"]).to_pylist()[0]
    assert row["image"] == draw_jpeg(50)


# ---- tables ----------------------------------------------------------------------------------


def test_a_table_beside_a_folder_or_inside_the_outer_folder_of_a_zip_is_used(tmp_path):
    root = put(tmp_path / "in", images__0=0, images__1=1)
    (root / "metadata.csv").write_text("file,label\nimages/0.jpg,comet\nimages/1.jpg,galaxy\n")
    code, said, _ = run(root, "--name", "a", "--atlas", tmp_path / "a")
    assert (code, said["stored"], said["skipped"]) == (0, 2, {})
    assert "'label' of" in said["labels_from"]
    assert labels(Atlas.open(tmp_path / "a")) == {"images/0.jpg": "comet", "images/1.jpg": "galaxy"}
    flat = put_all(tmp_path / "data", {"0.jpg": 0, "1.jpg": 1})
    packed = pack(tmp_path / "d.zip", flat, labels="file,label\n0.jpg,comet\n1.jpg,galaxy\n")
    run(packed, "--name", "b", "--atlas", tmp_path / "b")
    assert labels(Atlas.open(tmp_path / "b")) == {"data/0.jpg": "comet", "data/1.jpg": "galaxy"}


def test_a_table_of_something_else_is_not_used_and_counted(atlas, tmp_path):
    root = put(tmp_path / "in", galaxy__0=0, comet__1=1)
    (root / "observers.csv").write_text("name,telescope\nA,B\n")
    (root / "some.csv").write_text("file,label\nnowhere.jpg,star\n")
    got = import_folder(atlas, root, name="set")
    assert got.skipped == {"table that was not used": 2}
    assert sorted(labels(atlas).values()) == ["comet", "galaxy"]
    assert got.labels_from.startswith("folders of level 1")


def test_a_table_without_labels_leaves_them_to_the_folders(atlas, tmp_path):
    root = put(tmp_path / "in", galaxy__0=0, comet__1=1)
    (root / "t.csv").write_text("file_name,title\ngalaxy/0.jpg,M 31\ncomet/1.jpg,Halley\n")
    import_folder(atlas, root, name="set")
    rows = {
        row["title"]: row["given_label"] for row in atlas.read(["title", "given_label"]).to_pylist()
    }
    assert rows == {"M 31": "galaxy", "Halley": "comet"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("cell", ["images\\é.jpg", "IMAGES/É.JPG", "./images/é.jpg", "é.jpg", "é"])
def test_a_cell_finds_its_file_however_it_is_written(tmp_path, delimiter, encoding, cell):
    root = tmp_path / "in"
    (root / "images").mkdir(parents=True)
    (root / "images" / unicodedata.normalize("NFD", "é.jpg")).write_bytes(b"x")
    lines = [["File", "LABEL"], [unicodedata.normalize("NFC", cell), "star"]]
    text = "".join(delimiter.join(line) + "\r\n" for line in lines)
    (root / "t.csv").write_bytes(text.encode(encoding))
    ((record, loader),) = open_folder(root).records()
    assert (record.given_label, loader()) == ("star", b"x")


def test_paths_from_above_the_folder_and_whole_paths_are_found(tmp_path):
    root = put(tmp_path / "set", galaxy__0=0, comet__0=1)
    for cells in (
        ("set/galaxy/0.jpg", "set/comet/0.jpg"),
        (root / "galaxy/0.jpg", root / "comet/0.jpg"),
    ):
        table = tmp_path / "t.csv"
        table.write_text("file,label\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(cells)))
        got = {r.given_label: loader() for r, loader in open_folder(root, csv=table).records()}
        assert got == {"0": draw_jpeg(0), "1": draw_jpeg(1)}
    table.write_text(
        f"file\n{tmp_path}/set2/galaxy/0.jpg\n0.jpg\n../set/galaxy/0.jpg\n/etc/passwd\n"
    )
    assert not open_folder(root, csv=table).rows.named


def test_two_files_that_differ_in_their_normal_form_are_two(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    forms = {form: unicodedata.normalize(form, "Pléiades.jpg") for form in ("NFC", "NFD")}
    for form, name in forms.items():
        (root / name).write_bytes(form.encode())
    if len(list(root.iterdir())) == 1:
        pytest.skip("this file system holds one of them only")
    rows = "".join(f"{name},{form}\n" for form, name in forms.items())
    (root / "t.csv").write_text(f"file,label\n{rows}", "utf-8")
    got = list(open_folder(root).records())
    assert len({record.id for record, _ in got}) == 2
    assert {record.given_label: loader() for record, loader in got} == {
        "NFC": b"NFC",
        "NFD": b"NFD",
    }


def test_case_matters_only_where_it_tells_files_apart(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    for name in ("M1.jpg", "m1.jpg", "M2.jpg"):
        (root / name).write_bytes(name.encode())
    (root / "t.csv").write_text("file,label\nm1.jpg,a\nM1.jpg,b\nm2.JPG,c\n")
    got = {record.given_label: loader() for record, loader in open_folder(root).records()}
    assert got == {"a": b"m1.jpg", "b": b"M1.jpg", "c": b"M2.jpg"}
    (root / "t.csv").write_text("file,label\nM1.JPG,a\nm1.jpg,a\n")
    assert open_folder(root).total == 2  # which of two M1.JPG means is not guessed


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("0.jpg,galaxy,\n0.jpg,comet,\n", "lines 2 and 3: '0.jpg' is labelled both"),
        ("0.jpg,galaxy,\n./0.JPG,comet,\n", "'0.jpg' is labelled both"),
        ("0.jpg,galaxy,M1\n1.jpg,galaxy,M1\n", "the id 'M1' is given to two files"),
        ("0.jpg,galaxy,1.jpg\n1.jpg,galaxy,\n", "the id '1.jpg' is given to two files"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused_with_its_lines(tmp_path, rows, says):
    root = put_all(tmp_path / "in", {"0.jpg": 0, "1.jpg": 1})
    (root / "t.csv").write_text(f"file,label,id\n{rows}")
    code, said, error = run(root, "--atlas", tmp_path / "atlas")
    assert (code, said) == (2, {})
    assert says in error


def test_a_run_that_takes_in_less_than_half_of_a_table_ends_with_1(tmp_path):
    root = put_all(tmp_path / "in", {"0.jpg": 0, "1.jpg": 1})
    table = tmp_path / "t.csv"
    for names, expected in ((("0", "1", "2", "3"), 0), (("0", "1", "2", "3", "4"), 1), (("7",), 1)):
        table.write_text("file,label\n" + "".join(f"{n}.jpg,galaxy\n" for n in names))
        code, said, error = run(root, "--csv", table, "--atlas", tmp_path / f"atlas{len(names)}")
        assert code == expected
        assert said["refused"] == {"missing": len(names) - said["stored"]}
        assert bool(error) == bool(expected)


def test_a_run_that_takes_in_nothing_ends_with_1(tmp_path):
    (tmp_path / "in" / "galaxy").mkdir(parents=True)
    (tmp_path / "in" / "galaxy" / "0.jpg").write_bytes(b"<html>")
    code, said, error = run(tmp_path / "in", "--atlas", tmp_path / "atlas")
    assert (code, said["refused"]) == (1, {"not_an_image": 1})
    assert "nothing was taken in" in error


def test_a_pipeline_does_not_go_on_without_what_it_was_to_import(tmp_path, monkeypatch):
    root = put(tmp_path / "in", galaxy__0=0)
    (root / "nebula").symlink_to(put(tmp_path / "store", a=1))
    (tmp_path / "cosmic.toml").write_text(
        "atlas = 'atlas'\n[[sources]]\ntype = 'folder'\npath = 'in'\nname = 'set'\n"
    )
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["run", "--config", "cosmic.toml"])
    assert isinstance(done.exception, CosmicError)
    assert done.exception.exit_code == 1
    assert "'nebula' is a link out of the folder" in str(done.exception)


# ---- links, special files, zips ---------------------------------------------------------------


def test_a_class_folder_behind_a_link_that_leads_out_is_named_and_ends_with_1(tmp_path):
    store = put(tmp_path / "store" / "nebula", a=1, b=2)
    root = put(tmp_path / "in", galaxy__0=0)
    (root / "nebula").symlink_to(store)
    code, said, error = run(root, "--atlas", tmp_path / "atlas")
    assert (code, said["stored"], said["links"]) == (1, 1, {"nebula": str(store)})
    assert said["skipped"] == {"link out of the folder": 1}
    assert "--follow-links" in error
    code, said, _ = run(root, "--atlas", tmp_path / "atlas", "--follow-links")
    assert (code, said["stored"], said["already_there"], said["links"]) == (0, 2, 1, {})
    assert set(labels(Atlas.open(tmp_path / "atlas")).values()) == {"galaxy", "nebula"}


def test_a_class_of_links_alone_is_lost_too_and_single_links_are_counted(tmp_path):
    store = put(tmp_path / "store", a=1, b=2)
    root = put(tmp_path / "in", galaxy__0=0, nebula__own=3)
    (root / "nebula" / "a.jpg").symlink_to(store / "a.jpg")
    code, said, _ = run(root, "--atlas", tmp_path / "atlas")
    assert (code, said["skipped"]) == (0, {"link out of the folder": 1})
    (root / "nebula" / "own.jpg").unlink()
    code, _, error = run(root, "--atlas", tmp_path / "atlas")
    assert code == 1
    assert "nebula/a.jpg" in error


def test_links_within_the_folder_bring_each_image_once(tmp_path):
    root = put(tmp_path / "in", galaxy__0=0)
    (root / "latest").symlink_to(root / "galaxy")
    (root / "galaxy" / "up").symlink_to(root)
    put(root / ".store", comet__1=1)
    (root / "comet").symlink_to(".store/comet")
    opened = open_folder(root)
    assert opened.files == ["comet/1.jpg", "galaxy/0.jpg"]
    assert opened.skipped == {"hidden": 1, "link to a folder that is read anyway": 2}


def test_links_in_circles_end(tmp_path):
    one, two = put(tmp_path / "one", a=1), put(tmp_path / "two", b=2)
    (one / "to").symlink_to(two)
    (two / "to").symlink_to(one)
    (one / "self").symlink_to("self")
    root = put(tmp_path / "in", galaxy__0=0)
    (root / "x").symlink_to(one)
    opened = open_folder(root, follow_links=True)
    assert opened.files == ["galaxy/0.jpg", "x/a.jpg", "x/to/b.jpg"]
    assert opened.skipped == {"link to a folder that is read anyway": 1, "link to nothing": 1}


@pytest.mark.parametrize("follow", [False, True])
def test_pipes_sockets_and_devices_are_counted_and_never_opened(tmp_path, follow):
    root = put(tmp_path / "in", galaxy__0=0)
    os.mkfifo(root / "galaxy" / "pipe.jpg")
    os.mkfifo(tmp_path / "outside.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(root)  # names of sockets are short
        try:
            listener.bind("socket.jpg")
        finally:
            os.chdir(here)
        (root / "zero.jpg").symlink_to("/dev/zero")
        (root / "far.jpg").symlink_to(tmp_path / "outside.jpg")
        opened = open_folder(root, follow_links=follow)
    assert opened.files == ["galaxy/0.jpg"]
    expected = {"not a regular file": 4}
    if not follow:
        expected = {"not a regular file": 2, "link out of the folder": 2}
    assert opened.skipped == expected


def test_a_pipe_in_the_place_of_a_folder_a_zip_or_a_table_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "p")
    root = put(tmp_path / "in", galaxy__0=0)
    for arguments in ((tmp_path / "p",), (root, "--csv", tmp_path / "p"), ("/dev/zero",)):
        assert run(*arguments, "--atlas", tmp_path / "atlas", "--name", "x")[0] == 2


def test_a_file_that_became_a_pipe_since_it_was_listed_is_not_waited_for(atlas, tmp_path):
    root = put(tmp_path / "in", galaxy__0=0)
    ((_, loader),) = open_folder(root).records()
    (root / "galaxy" / "0.jpg").unlink()
    os.mkfifo(root / "galaxy" / "0.jpg")
    with pytest.raises(OSError, match="not a regular file"):
        loader()


def test_an_unreadable_folder_is_counted_and_ends_with_1(tmp_path, monkeypatch):
    root = put(tmp_path / "in", galaxy__0=0, comet__1=1)
    scandir = os.scandir

    def refusing(place):  # root may read everything, so modes of files cannot say it
        if Path(place).name == "comet":
            raise PermissionError(13, "Permission denied")
        return scandir(place)

    monkeypatch.setattr("cosmic_morphology.collect.sources.folder.storage.os.scandir", refusing)
    code, said, error = run(root, "--atlas", tmp_path / "atlas")
    assert (code, said["skipped"]) == (1, {"unreadable folder": 1})
    assert "'comet' cannot be read" in error


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_inside_a_zip_costs_that_image_whatever_its_packing(atlas, tmp_path, packing):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w", packing) as archive:
        for n in range(3):
            archive.writestr(f"galaxy/{n}.jpg", draw_jpeg(n))
    whole = path.read_bytes()
    for at in range(0, 400, 7):
        start = whole.index(b"galaxy/1.jpg") + len("galaxy/1.jpg")
        damaged = bytearray(whole)
        damaged[start + at] ^= 0xFF
        path.write_bytes(damaged)
        outcomes = []
        for _, loader in open_folder(path).records():
            try:
                outcomes.append(loader())
            except CosmicError as error:
                outcomes.append(str(error))
        assert outcomes[::2] == [draw_jpeg(0), draw_jpeg(2)]
        # A few bytes of a packing's own header mean nothing for the data.
        assert outcomes[1] == draw_jpeg(1) or "damaged inside the zip" in outcomes[1]
    assert "damaged inside the zip" in outcomes[1]
    got = import_folder(atlas, path, name="z")
    assert (got.stored, got.refused) == (2, {"corrupt": 1})


def test_encrypted_and_unknown_packings_are_refused_by_name(atlas, tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(3):
            archive.writestr(f"galaxy/{n}.jpg", draw_jpeg(n))
    raw = bytearray(path.read_bytes())
    first, second = [i for i in range(len(raw)) if raw[i : i + 4] == b"PK\x01\x02"][:2]
    raw[first + 8] |= 1  # encrypted, says the directory
    raw[second + 10] = 97  # a packing that nobody has
    path.write_bytes(raw)
    got = import_folder(atlas, path, name="z")
    assert (got.stored, got.refused) == (1, {"unsupported": 2})


def damaged_zips(seed: int, number: int, place: Path) -> Iterator[bytes]:
    """Zips of every packing with bytes changed, cut out or put in, mostly in their directory."""
    chance = random.Random(seed)
    whole = []
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(place / "whole.zip", "w", packing) as archive:
            for n in range(3):
                archive.writestr(f"galaxy/é{n}.jpg", draw_jpeg(n, (12, 10)))
            archive.writestr("t.csv", "file,label\ngalaxy/é0.jpg,star\n")
        whole.append((place / "whole.zip").read_bytes())
    for _ in range(number):
        raw = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 1, 2, 5, 20))):
            at = chance.randrange(len(raw))
            if chance.random() < 0.6:
                at = max(0, len(raw) - 1 - chance.randrange(400))
            new = chance.randbytes(chance.randrange(1, 20))
            which = chance.random()
            if which < 0.7:
                raw[at] = new[0]
            elif which < 0.85:
                del raw[at : at + len(new)]
            else:
                raw[at:at] = new
        yield bytes(raw)


@pytest.mark.parametrize(
    ("seed", "number"), [(1, 150), pytest.param(2, 5000, marks=pytest.mark.long)]
)
def test_any_damaged_zip_ends_in_images_or_refusals(tmp_path, seed, number):
    path, outcomes = tmp_path / "z.zip", Counter()
    for raw in damaged_zips(seed, number, tmp_path):
        path.write_bytes(raw)
        try:
            loaders = [loader for _, loader in open_folder(path).records()]
        except InputError:
            outcomes["refused whole"] += 1
            continue
        for loader in loaders:
            try:
                loader()
                outcomes["read"] += 1
            except CosmicError:
                outcomes["refused one"] += 1
    assert set(outcomes) == {"refused whole", "refused one", "read"}


def test_a_member_without_a_name_is_counted(tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("galaxy/0.jpg", draw_jpeg(0))
        archive.writestr("x", b"y")
    raw = path.read_bytes()
    path.write_bytes(raw[::-1].replace(b"x", b"\0", 1)[::-1])  # in the directory, which is last
    assert open_folder(path).skipped == {"path outside the archive": 1}


def test_a_link_in_a_zip_is_counted_with_its_target(atlas, tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("galaxy/0.jpg", draw_jpeg(0))
        link = zipfile.ZipInfo("nebula")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "../store/nebula")
        pipe = zipfile.ZipInfo("galaxy/pipe.jpg")
        pipe.create_system, pipe.external_attr = 3, 0o010644 << 16
        archive.writestr(pipe, b"")
    got = import_folder(atlas, path, name="z")
    assert got.skipped == {"link out of the folder": 1, "not a regular file": 1}
    assert got.links == {"nebula": "../store/nebula"}
    assert "nebula" in got.shortfall


# ---- the account ------------------------------------------------------------------------------

NAMES = st.sampled_from(
    [
        "a",
        "b",
        "é",
        "e\u0301",
        "M1",
        "m1",
        ".h",
        "Thumbs.db",
        "galaxy",
        "train",
        "x y",
        "100%",
        "n\nl",
    ]
)
ENDINGS = st.sampled_from([".jpg", ".JPG", "", ".txt", ".csv", ".fits.gz", ".gz"])
KINDS = st.sampled_from(["image", "image", "image", "junk", "pipe", "out", "in", "nowhere"])
TREES = st.lists(
    st.tuples(st.lists(NAMES, max_size=3), NAMES, ENDINGS, KINDS), min_size=1, max_size=14
)


def grow(root: Path, tree: list[tuple[list[str], str, str, str]], far: Path) -> int:
    """Make a tree of folders; return the number of its files, links and special files."""
    root.mkdir()
    made = 0
    for number, (folders, name, ending, kind) in enumerate(tree):
        path = root.joinpath(*folders, name + ending)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "pipe":
                os.mkfifo(path)
            elif kind in {"out", "nowhere"}:
                path.symlink_to(far / ("there.jpg" if kind == "out" else "none"))
            elif kind == "in":
                path.symlink_to(root / "a.jpg")
            else:
                with path.open("xb") as file:
                    file.write(draw_jpeg(number) if kind == "image" else b"junk")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
        made += 1
    return made


@settings(max_examples=60, deadline=None)
@given(TREES, st.booleans(), st.data())
def test_every_file_is_taken_in_or_counted(tree, follow, data):
    with tempfile.TemporaryDirectory() as place:
        root, far = Path(place, "in"), put(Path(place, "far"), there=1)
        made = grow(root, tree, far)
        files = [each for each in root.rglob("*") if each.is_file() and not each.is_symlink()]
        table = None
        if data.draw(st.booleans()) and files:
            named = data.draw(st.lists(st.sampled_from(files), unique=True))
            lost = data.draw(st.integers(0, 3))
            table = Path(place, "t.csv")
            cells = [str(each.relative_to(root)) for each in named] + [
                f"no{i}" for i in range(lost)
            ]
            quoted = "".join(f'"{cell}",star\n' for cell in cells)
            table.write_text(f"file,label\n{quoted}", "utf-8", newline="")
        try:
            opened = open_folder(root, csv=table, follow_links=follow)
        except InputError:
            return
        if table is None:
            used = 1 if opened.table else 0
            files_taken = len(opened.rows.named) if opened.rows else len(opened.files)
        else:
            used, files_taken = 0, len(opened.rows.named)
        assert made == files_taken + used + sum(opened.skipped.values())
        records = list(opened.records())
        assert len({record.id for record, _ in records}) == len(records) == opened.total


@settings(max_examples=8, deadline=None)
@given(TREES)
def test_what_is_stored_and_what_is_counted_make_up_the_folder(tree):
    with tempfile.TemporaryDirectory() as place:
        root, far = Path(place, "in"), put(Path(place, "far"), there=1)
        made = grow(root, tree, far)
        atlas = Atlas.create(Path(place, "atlas"))
        try:
            got = import_folder(atlas, root, name="set", workers=1)
        except InputError:
            assert not atlas.count()
            return
        counted = sum(got.refused.values()) + sum(got.skipped.values())
        used = 1 if "column" in got.labels_from else 0
        assert made == got.stored + counted + used
        assert atlas.count() == got.stored
        version = atlas.version
        again = import_folder(atlas, root, name="set", workers=1)
        assert (again.stored, again.already_there) == (0, got.stored)
        assert atlas.version == version


@pytest.mark.parametrize(
    ("table", "text", "said"),
    [
        ("labels.tsv", "file\tlabel\nimages/Pl\xe9iades.png\tstar\n", "UTF-8"),
        ("labels.csv", "GalaxyID,label\n0,spiral\n", "GalaxyID"),
    ],
)
@pytest.mark.parametrize("outer", ["", "data", "download"])
def test_a_table_that_alone_could_say_what_the_images_are_must_be_readable(
    tmp_path, table, text, said, outer
):
    root = put(tmp_path / "set" / outer, images__0=0, images__1=1)
    (root / table).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=said):
        open_folder(tmp_path / "set")
    (root / "images").rename(root / "galaxy")
    assert open_folder(tmp_path / "set").labels_from.startswith("folders")


def test_an_import_reads_nothing_of_the_sets_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    atlas = Atlas.create(tmp_path / "atlas")
    import_folder(atlas, put(tmp_path / "one", star__a=1, star__b=2), name="one")
    read: list[str] = []
    to_rows = import_batch.Batch._read

    def spied(*given: object) -> Iterator[dict[str, object]]:
        for row in to_rows(*given):
            read.append(str(row.get("url") or row["id"]))
            yield row

    monkeypatch.setattr(import_batch.Batch, "_read", spied)
    two = put(tmp_path / "two", star__c=3)
    assert import_folder(atlas, two, name="two").stored == 1
    assert read == []
    assert import_folder(atlas, two, name="two").already_there == 1
    assert set(read) == {"folder:two/star/c.jpg"}
