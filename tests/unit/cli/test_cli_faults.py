"""How the command line ends: one line, the right exit code, never a traceback on the terminal."""

from __future__ import annotations

import ast
import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

import cosmic_morphology
from cosmic_morphology import cli
from cosmic_morphology.cli import app, faults
from cosmic_morphology.errors import CosmicError, UsageError

SOURCE = Path(cosmic_morphology.__file__).parent


@pytest.fixture
def ran(monkeypatch, capfd, tmp_path):
    """``main()`` in this process: code, standard output, standard error."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["cosmic", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return ended.value.code or 0, out, err

    return run


def failing_with(monkeypatch, error):
    from cosmic_morphology.cli import common

    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr("cosmic_morphology.cli.status.settings_for", fail)
    return common


def test_an_unexpected_error_says_whose_fault_it_is_and_where_the_log_is(ran, monkeypatch):
    failing_with(monkeypatch, KeyError("s3://ann:pass@host/x \x1b[31m"))
    code, _, err = ran("status")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "fault of the program" in err
    assert "send" in err
    log = Path(re.search(r"(/\S+\.log)", err)[1])
    text = log.read_text("utf-8")
    assert "Traceback" in text
    assert "KeyError" in text
    assert "'status'" in text
    assert "pass" not in text.replace("passed", "")
    assert "\x1b" not in text


def test_where_no_log_can_be_written_the_line_says_enough(ran, monkeypatch):
    monkeypatch.setattr(faults, "_log_folders", lambda: iter([Path("/proc/nowhere")]))
    failing_with(monkeypatch, KeyError("x"))
    code, _, err = ran("status")
    assert code == 1
    assert "KeyError" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (errno.ENOSPC, 1, "full"),
        (errno.EDQUOT, 1, "full"),
        (errno.EROFS, 2, "read-only"),
        (errno.EACCES, 2, "allowed"),
        (errno.EISDIR, 2, "folder"),
        (errno.ENOTDIR, 2, "file stands where a folder"),
        (errno.ENOENT, 2, "no such"),
        (errno.ELOOP, 2, "circle"),
        (errno.ENAMETOOLONG, 2, "long"),
        (errno.EIO, 1, "disk"),
        (errno.EMFILE, 1, "open"),
        (errno.EXDEV, 1, "refuses"),
    ],
)
def test_errors_of_the_system_name_the_path_and_what_to_do(ran, monkeypatch, number, code, word):
    failing_with(monkeypatch, OSError(number, os.strerror(number), "some/place"))
    ended, _, err = ran("status")
    assert ended == code
    assert err.startswith("cosmic: some/place: ")
    assert word in err
    assert len(err.splitlines()) == 1


def test_errors_of_libraries_in_rust_are_understood(ran, monkeypatch):
    text = "LanceError(IO): x: Permission denied (os error 13): /data/atlas/x.lance, lib.rs:1"
    failing_with(monkeypatch, OSError(text))
    code, _, err = ran("status")
    assert code == 2
    assert err.startswith("cosmic: /data/atlas/x.lance: you are not allowed")


def test_errors_of_tasks_that_ran_together_are_looked_into(ran, monkeypatch):
    inner = UsageError("it is wrong", where="here")
    failing_with(monkeypatch, BaseExceptionGroup("tasks", [ExceptionGroup("more", [inner])]))
    code, _, err = ran("status")
    assert (code, err) == (2, "cosmic: here: it is wrong\n")


def test_a_write_that_names_no_file_is_told_by_the_file_in_hand(tmp_path):
    def write(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with (tmp_path / "big.bin").open("w") as opened:
        try:
            write(opened)
        except OSError as error:
            told = faults.explained(error)
    assert str(told).startswith(f"{tmp_path / 'big.bin'}: the disk is full")


@pytest.mark.parametrize("error", [RuntimeError("x"), RecursionError(), ZeroDivisionError("y")])
def test_what_nobody_foresaw_is_a_fault(error):
    assert faults.explained(error) is None


def test_memory_is_told():
    assert isinstance(faults.explained(MemoryError()), CosmicError)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("collect", ""), "empty"),
        (("collect", "--limit", "0"), "--limit"),
        (("collect", "a\udcff"), "UTF-8"),
        (("demo", "--per-class", "-1"), "--per-class"),
        (("demo", "--out="), "--out is empty"),
        (("synthesize", "--size-px", "9" * 30), "--size-px"),
        (("synthesize", "--seed", "-1"), "--seed"),
        (("replica", "--images", ".", "--catalogue", "x", "--port", "99999"), "--port"),
        (("replica", "--images", ".", "--catalogue", "x", "--latency-ms", "nan"), "--latency-ms"),
        (("predict", "x", "--reject-below", "nan"), "--reject-below"),
        (("split", "--folds", "-1"), "--folds"),
        (("review", "queue", "--limit", "0"), "--limit"),
        (("evaluate", "no-such-run"), "no such run"),
        (("export", "no-such-run", "--onnx", "x.onnx"), "no such run"),
        (("model-card", "no-such-run"), "no such run"),
        (("predict", "no-such-run", "x.jpg"), "no such run"),
    ],
)
def test_wrong_words_are_one_line(ran, monkeypatch, tmp_path, words, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = ran(*words)
    assert code == 2
    assert out == ""
    assert said in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("root", ["http://[::1", "http://x:99999", "ftp://x", "no address"])
def test_a_root_that_is_no_address_is_one_line(ran, tmp_path, root):
    code, _, err = ran("collect", "comet", "--root", root, "--atlas", tmp_path / "atlas")
    assert code == 2
    assert "no address" in err
    assert len(err.splitlines()) == 1


def test_settings_that_cannot_be_read_are_one_line(ran, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    bad = tmp_path / "bad.toml"
    for content in (b"\xff\xfe", b"seed = ", b"[a", b"seed = 'x'", b"\x00"):
        bad.write_bytes(content)
        code, _, err = ran("status", "--config", bad)
        assert code == 2, content
        assert err.startswith(f"cosmic: {bad}")
        assert len(err.splitlines()) == 1
    bad.write_bytes(b"\xef\xbb\xbfseed = 1\n")  # as Windows' editor writes it
    assert "no atlas" in ran("status", "--config", bad, "--atlas", tmp_path / "none")[2]
    code, _, err = ran("status", "--config", tmp_path)
    assert code == 2
    assert "folder" in err


@pytest.mark.parametrize(
    ("name", "value"),
    [("COSMIC_LEARN", "{bad"), ("COSMIC_SEED", "x"), ("COSMIC_COLLECT__CONCURRENCY", "-1")],
)
def test_bad_values_of_the_environment_are_one_line(ran, monkeypatch, tmp_path, name, value):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    code, _, err = ran("status")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert name.removeprefix("COSMIC_").partition("__")[0].lower() in err.lower()


def test_storage_options_are_not_told_when_they_are_wrong(ran, monkeypatch, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text("[storage_options]\nsecret_access_key = ['tops3cret']\n")
    code, _, err = ran("status", "--config", bad)
    assert code == 2
    assert "tops3cret" not in err


def test_cheap_things_are_checked_before_torch_is_imported(tmp_path):
    script = (
        "import sys; from cosmic_morphology.cli import main\n"
        "lines = [['evaluate', 'nix'], ['predict', 'nix', 'x.jpg'], ['model-card', 'nix'],\n"
        "         ['export', 'nix', '--onnx', 'x.onnx'], ['predict', 'nix.onnx', 'x.jpg']]\n"
        "for words in lines:\n"
        "    sys.argv = ['cosmic', *words]\n"
        "    try: main()\n"
        "    except SystemExit as ended: assert ended.code == 2, words\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)


def test_a_run_is_named_by_its_name_or_its_folder(tmp_path, monkeypatch):
    from cosmic_morphology.cli.common import run_at
    from cosmic_morphology.errors import InputError
    from cosmic_morphology.settings import Settings

    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "out" / "runs" / "mine"
    folder.mkdir(parents=True)
    settings = Settings(out=tmp_path / "out")
    with pytest.raises(InputError, match="no finished run"):
        run_at(Path("mine"), settings)
    (folder / "FINISHED").write_text("key")
    monkeypatch.setattr(
        "cosmic_morphology.learn.run_folder.folder.read_run", lambda at: SimpleNamespace(path=at)
    )
    assert run_at(Path("mine"), settings) == folder
    assert run_at(folder, settings) == folder
    (tmp_path / "mine").mkdir()  # a folder of that name which is no run
    assert run_at(Path("mine"), settings) == folder
    with pytest.raises(InputError, match="mine"):
        run_at(Path("other"), settings)


def test_verdicts_on_unknown_images_alone_are_no_success(ran, filled, tmp_path):
    table = tmp_path / "v.csv"
    table.write_text("id,verdict,label\nno:such,label,star\n")
    code, _, err = ran("review", "import", table, "--atlas", filled.uri)
    assert code == 2
    assert "no:such" in err.splitlines()[-1]
    known = filled.ids()[0]
    table.write_text(f"which,verdict,label\n{known},label,star\n")
    code, _, err = ran("review", "import", table, "--atlas", filled.uri)
    assert code == 2
    assert "--column" in err
    words = ("review", "import", table, "--column", "id=which", "--atlas", filled.uri, "--json")
    code, out, _ = ran(*words)
    assert code == 0
    assert json.loads(out)["stored"] == 1
    assert ran(*words)[0] == 0  # doing it twice changes nothing, and is no failure


def test_a_user_without_a_name_may_give_verdicts(ran, filled, tmp_path, monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    table = tmp_path / "v.csv"
    table.write_text(f"id,verdict,label\n{filled.ids()[0]},label,star\n")
    code, out, _ = ran("review", "import", table, "--atlas", filled.uri, "--json")
    assert code == 0
    assert json.loads(out)["stored"] == 1


def test_a_wrong_filter_of_an_export_is_one_line(ran, filled, tmp_path):
    for where in ("nix = 1", "label = ", "'", "label LIKE"):
        code, _, err = ran(
            "atlas", "export", tmp_path / "x", "--where", where, "--atlas", filled.uri
        )
        assert code == 2, where
        assert "--where" in err
        assert len(err.splitlines()) == 1


# Which verbs a message can come from, by the room that says it; a verb named beside wins.
ROOMS = {
    "curate/review/tables.py": ("review import", "audit"),
    "curate/labels/audit.py": ("audit",),
    "collect/sources/folder/table.py": ("import",),
    "collect/sources/folder/source.py": ("import",),
    "collect/import_folder.py": ("import",),
}
EVERYWHERE = {"--help", "--atlas", "--port"}


def options_of():
    def leaves(command, path=""):
        if hasattr(command, "commands"):
            for name, child in command.commands.items():
                yield from leaves(child, f"{path} {name}".strip())
        else:
            yield path, {each for p in command.params for each in p.opts} | {"--help"}

    return dict(leaves(typer.main.get_command(app)))


def messages(file):
    tree = ast.parse(file.read_text("utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


@pytest.mark.parametrize(
    "file", sorted(SOURCE.rglob("*.py")), ids=lambda f: str(f.relative_to(SOURCE))
)
def test_every_option_that_a_message_names_is_one_of_its_verb(file):
    room = str(file.relative_to(SOURCE))
    verbs = options_of()
    for text in messages(file):
        for found in re.finditer(r"(?<![\w-])--[a-z][a-z0-9-]+", text):
            option = found[0]
            named = re.findall(r"cosmic ((?:[a-z-]+ ?){1,2})", text[: found.start()])
            if named:
                words = named[-1].strip()
                verb = words if words in verbs else words.split()[0]
                assert option in verbs[verb], f"{room}: {text!r}: cosmic {verb} has no {option}"
            elif room in ROOMS:
                for verb in ROOMS[room]:
                    assert option in verbs[verb], f"{room}: {text!r}: {verb} has no {option}"
            elif room.startswith("cli/"):
                own = room.removeprefix("cli/").removesuffix(".py").rstrip("_").replace("_", "-")
                mine = {o for verb, every in verbs.items() if own in verb.split() for o in every}
                assert option in (mine or set().union(*verbs.values())), f"{room}: {text!r}"
            elif option not in EVERYWHERE and not room.startswith("report/figures"):
                assert option in set().union(*verbs.values()), f"{room}: {text!r}"


@pytest.mark.parametrize("content", [None, "folder", b""])
def test_a_folder_without_studies_is_no_place_to_read_them_from(ran, tmp_path, content):
    place = tmp_path / "studies"
    if content == "folder":
        place.mkdir()
    elif content is not None:
        place.write_bytes(content)
    code, _, said = ran("report", "run", "--studies", str(place))
    assert code == 2
    assert "no finished study" in said
