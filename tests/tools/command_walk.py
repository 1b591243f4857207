"""The whole command line, walked by machine: each verb, each of its words, each kind of bad value.

The walk reads the tree of commands itself, so that a new verb or option is walked without being
named here. Each command line runs in a fork of this process (heavy modules are imported once), in
a folder of its own, without privileges: a file of mode 000 cannot be read there, also for root.

    python tests/tools/command_walk.py --sample 80 --seed 1     # some of them; without: all
"""

from __future__ import annotations

import argparse
import ctypes
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

# For hangs alone.
LONGEST_S = 600
SMALL_NET = {
    "COSMIC_LEARN__BACKBONE": "mobilenetv3_small_075",
    "COSMIC_LEARN__WEIGHTS": "bundled",
    "COSMIC_LEARN__IMAGE_SIZE_PX": "64",
    "COSMIC_LEARN__WORKERS": "0",
    "COSMIC_COLLECT__ATTEMPTS": "1",
    "COSMIC_EVALUATE__BOOTSTRAP_RESAMPLES": "50",
}
KINDS = (
    "missing",
    "file",
    "folder",
    "unreadable",
    "read-only",
    "empty",
    "empty file",
    "wrong type",
    "negative",
    "enormous",
    "non-UTF-8",
    "binary",
)
# Words that a verb needs besides the one that is walked, by verb or for all; others get "x".
GOOD = {
    "runs": "run",
    "run": "run",
    "model": "run",
    "--onnx": "new.onnx",
    "--images": "images",
    "--catalogue": "catalogue.csv",
    "cosmic run --config": "good.toml",
    "cosmic study name": "leakage",
    "cosmic import path": "images",
    "cosmic review import path": "verdicts.csv",
    "cosmic atlas export path": "new-folder",
    "cosmic explain id_": "made:p00",
    "cosmic predict target": "image.jpg",
}
# Words that are written to; whatever else is a path is read, and has to be there.
OUTPUTS = {"--out", "--onnx", "--leaderboard", "--archive", "cosmic atlas export path"}
# Verbs that go on until somebody ends them, and what they say when they are ready.
SERVES = {"cosmic replica": "serving", "cosmic serve": "Ctrl-C ends it"}
# No archive may be asked, and little is to be done.
ALWAYS = {
    "cosmic collect": ["--root", "http://127.0.0.1:9", "--contact", "walk@example.org"],
    "cosmic demo": ["--offline", "--per-class", "3", "--out", "demo-out"],
    "cosmic replica": ["--port", "0"],
    "cosmic serve": ["--port", "0"],
    "cosmic synthesize": ["--per-class", "1", "--class", "star", "--size-px", "32"],
}


@dataclass(frozen=True)
class Line:
    """One command line: ``words`` with what is walked, and why it may not end with 0."""

    verb: str
    parameter: str
    kind: str
    words: tuple[str, ...]
    must_fail: bool


@dataclass(frozen=True)
class Ended:
    """How it ended: ``fault`` is empty when it ended well."""

    line: Line
    code: int
    fault: str
    said: str


def leaves(command: Any, path: str = "cosmic") -> Iterator[tuple[str, Any]]:
    """Every verb of the tree."""
    if hasattr(command, "commands"):
        for name, child in sorted(command.commands.items()):
            yield from leaves(child, f"{path} {name}")
    else:
        yield path, command


def lines() -> list[Line]:
    """Every command line of the walk, in a fixed order."""
    from cosmic_morphology.cli import app

    return [
        line
        for verb, command in leaves(typer.main.get_command(app))
        for line in _of_verb(verb, [p for p in command.params if p.name != "help"])
    ]


def _name(parameter: Any) -> str:
    return parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.name


def _good(verb: str, parameter: Any) -> str:
    name = _name(parameter)
    return GOOD.get(f"{verb} {name}", GOOD.get(name, "x"))


def _base(verb: str, parameters: list[Any], but: Any) -> list[str]:
    """What a valid command line of this verb has, without the parameter that is walked."""
    words: list[str] = []
    always = ALWAYS.get(verb, [])
    for option, value in zip(always[::2], always[1::2], strict=False):
        if option == "--offline":
            continue
        if but is None or option not in but.opts:
            words += [option, value]
    if verb == "cosmic demo":
        words = ["--offline", "--per-class", "3"]
        words += [] if but is not None and "--out" in but.opts else ["--out", "demo-out"]
    named = [p for p in parameters if p is not but and p.opts[0].startswith("-")]
    for each in named:
        if each.required and each.opts[0] not in words:
            words += [each.opts[0], _good(verb, each)]
        elif each.opts[0] == "--atlas":
            words += ["--atlas", "atlas"]
    return words


def _of_verb(verb: str, parameters: list[Any]) -> Iterator[Line]:
    for walked in parameters:
        name = _name(walked)
        base = _base(verb, parameters, walked)
        others = [
            _good(verb, each)
            for each in parameters
            if each is not walked and not each.opts[0].startswith("-") and each.required
        ]
        if getattr(walked, "is_flag", False):
            yield Line(verb, name, "flag", (*verb.split()[1:], *others, *base, name), False)
            continue
        for kind in KINDS:
            is_text = kind in ("empty", "wrong type", "negative", "enormous", "non-UTF-8")
            if _is_number(walked) and not is_text:
                continue
            value = VALUES[kind]
            placed = [name, value] if name.startswith("-") else [value]
            if kind == "negative" and not name.startswith("-"):
                placed = ["--", value]
                yield Line(
                    verb, name, kind, (*verb.split()[1:], *base, *placed), _must(verb, walked, kind)
                )
                continue
            own = [*placed, *others] if not name.startswith("-") else [*others, *base, *placed]
            rest = base if not name.startswith("-") else []
            words = (*verb.split()[1:], *own, *rest)
            yield Line(verb, name, kind, words, _must(verb, walked, kind))


VALUES = {
    "missing": "no-such-thing",
    "file": "plain.txt",
    "folder": "empty-folder",
    "unreadable": "unreadable",
    "read-only": "read-only",
    "empty": "",
    "empty file": "empty.bin",
    "wrong type": "x y;=z",
    "negative": "-1",
    "enormous": "9" * 40,
    "non-UTF-8": os.fsdecode(b"a\xff\xfe"),
    "binary": "binary.bin",
}


def _type(parameter: Any) -> str:
    """``int``, ``float``, ``Path``, …: what the verb is given."""
    kind = getattr(parameter, "type_descriptor", None) or getattr(parameter, "type", None)
    kind = getattr(kind, "annotation", kind)
    found = repr(kind)
    return next((each for each in ("Path", "int", "float") if each in found), found)


def _is_number(parameter: Any) -> bool:
    return _type(parameter) in ("int", "float")


def _must(verb: str, parameter: Any, kind: str) -> bool:
    """Whether nothing can have been done, so that 0 would be a lie."""
    if kind in ("empty", "non-UTF-8"):
        return True
    if _is_number(parameter):
        return kind in ("wrong type", "negative")
    name = _name(parameter)
    is_output = name in OUTPUTS or f"{verb} {name}" in OUTPUTS
    is_path = _type(parameter) == "Path" or name == "--atlas"
    if kind == "unreadable":
        return is_path and not is_output
    makes_atlas = verb in ("cosmic import", "cosmic collect", "cosmic synthesize", "cosmic run")
    if is_path and not is_output and not (name == "--atlas" and makes_atlas):
        # A settings file without a setting is valid.
        return kind in ("missing", "folder", "binary") or (
            kind == "empty file" and name != "--config"
        )
    return False


def furnish(folder: Path, *, whole: bool) -> None:
    """Everything that the words of the walk name; the run is trained where the walk is whole."""
    import numpy as np
    import pyarrow as pa
    from PIL import Image

    from cosmic_morphology.atlas import Atlas, ColumnProvenance
    from cosmic_morphology.collect.import_folder import import_folder
    from cosmic_morphology.settings import RunJob, load_settings

    # With a setting that there is not, every line would end well: refused.
    learn = load_settings().learn
    rng = np.random.default_rng(5)
    images = folder / "images"
    for number in range(12):
        place = images / ("galaxy" if number % 2 else "star") / f"p{number:02d}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (80, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place, "JPEG")
    shutil.copy(images / "star" / "p00.jpg", folder / "image.jpg")
    atlas = Atlas.create(folder / "atlas")
    import_folder(atlas, images, name="made")
    ids = atlas.ids()
    labels = ["star" if "star" in each else "galaxy" for each in ids]
    splits = (["train", "train", "val", "test"] * 3)[: len(ids)]
    for column, values, stage in (("label", labels, "labels"), ("split", splits, "split")):
        table = {"id": ids, column: values}
        if column == "label":
            table["label_kind"] = ["computed"] * len(ids)
        atlas.replace_columns(pa.table(table), ColumnProvenance(stage))
    (folder / "verdicts.csv").write_text(f"id,verdict,label\n{ids[0]},label,star\n")
    (folder / "catalogue.csv").write_text("file,title\np00.jpg,A star\n")
    (folder / "good.toml").write_text("[[train]]\nname = 'one'\nrecipe = 'linear-probe'\n")
    (folder / "plain.txt").write_text("plain text, and no more\n")
    (folder / "empty.bin").touch()
    (folder / "binary.bin").write_bytes(bytes(rng.integers(0, 255, 4000, dtype=np.uint8)))
    (folder / "empty-folder").mkdir()
    if whole:
        from cosmic_morphology.learn import train
        from cosmic_morphology.taxonomy import load_taxonomy

        job = RunJob(name="one")
        made = train(
            atlas, job, learn=learn, taxonomy=load_taxonomy(), seed=1, out=folder / "trained"
        )
        shutil.copytree(made.path, folder / "run")
    else:
        (folder / "run").mkdir()
        (folder / "run" / "notes.txt").write_text("no run\n")


def close_doors(folder: Path) -> None:
    """Make what cannot be read and what cannot be written."""
    (folder / "unreadable").write_text("secret\n")
    (folder / "unreadable").chmod(0)
    (folder / "read-only").mkdir()
    (folder / "read-only").chmod(0o555)


def drop_privileges() -> None:
    """Give up what root may more than others, for this process and all that it starts."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    keep_none = 0x2F  # SECBIT_NOROOT, _NO_SETUID_FIXUP, _NO_CAP_AMBIENT_RAISE, locked
    libc.prctl(28, keep_none, 0, 0, 0)  # PR_SET_SECUREBITS
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")


def assert_powerless(folder: Path) -> None:
    """A file of mode 000 cannot be read here, and a read-only folder not written to."""
    for attempt in (
        (folder / "unreadable").read_text,
        (folder / "read-only" / "x").touch,
    ):
        try:
            attempt()
        except PermissionError:
            continue
        raise AssertionError("this process may read and write everything: the walk proves nothing")


def walk(line: Line, furnished: Path, box: Path, *, limit_s: float = LONGEST_S) -> Ended:
    """Run one command line in a fork, in a copy of the furnished folder."""
    shutil.copytree(furnished, box, symlinks=True)
    close_doors(box)
    told = box.parent / f"{box.name}.txt"
    child = os.fork()
    if child == 0:
        _in_child(line, box, told)
    deadline = time.monotonic() + limit_s
    asked_to_end = hung = False
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        ready = SERVES.get(line.verb)
        served = ready and told.is_file() and ready in told.read_text("utf-8", "replace")
        if served and not asked_to_end:
            asked_to_end = True
            os.kill(child, signal.SIGINT)
        if time.monotonic() > deadline:
            hung = True
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            status = 1
            break
        time.sleep(0.005)
    said = told.read_text("utf-8", "replace") if told.is_file() else ""
    log = re.search(r"(/\S+/fault-\S+\.log)", said)
    if log and Path(log[1]).is_file():
        said += Path(log[1]).read_text("utf-8")[-1500:]
    (box / "read-only").chmod(0o755)
    shutil.rmtree(box, ignore_errors=True)
    told.unlink(missing_ok=True)
    code = os.waitstatus_to_exitcode(status) if not hung else -9
    return Ended(line, code, _fault(line, code, said, hung=hung), said)


def _fault(line: Line, code: int, said: str, *, hung: bool) -> str:
    faults = {
        "hangs": hung,
        "traceback": "Traceback (most" in said or "panicked at" in said,
        "a fault of the program": "fault of the program" in said,
        f"exit code {code}": code not in (0, 1, 2),
        "ends with 0 where nothing was done": code == 0 and line.must_fail,
        "fails without a word": code != 0 and not said.strip(),
    }
    return next((name for name, found in faults.items() if found), "")


def _in_child(line: Line, box: Path, told: Path) -> None:
    code = 99
    try:
        drop_privileges()
        assert_powerless(box)
        os.chdir(box)
        out = os.open(told, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
        sys.argv = ["cosmic", *line.words]
        from cosmic_morphology.cli import main

        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - the child must not go on as a second parent
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def main() -> None:
    """Walk, and print one JSON object: how many, and which ended badly."""
    ask = argparse.ArgumentParser()
    ask.add_argument("--sample", type=int, default=0)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--only", default="", help="verbs with this in their name")
    ask.add_argument("--part", type=int, default=0, help="which part, from 0")
    ask.add_argument("--parts", type=int, default=1, help="every so-many-th line alone")
    ask.add_argument("--kinds", default="", help="these kinds, with commas between")
    ask.add_argument("--verbose", action="store_true")
    given = ask.parse_args()
    os.environ.update(SMALL_NET, OMP_NUM_THREADS="1", COLUMNS="200")
    kinds = set(given.kinds.split(",")) if given.kinds else {*KINDS, "flag"}
    chosen = [line for line in lines() if given.only in line.verb and line.kind in kinds]
    chosen = chosen[given.part :: given.parts]
    if given.sample:
        chosen = random.Random(given.seed).sample(chosen, min(given.sample, len(chosen)))
    with tempfile.TemporaryDirectory() as place:
        os.environ["XDG_STATE_HOME"] = str(Path(place) / "state")
        room = Path(place) / "room"
        room.mkdir()
        _furnish_elsewhere(room, whole=not given.sample)
        _warm()
        ended = []
        for at, line in enumerate(chosen):
            ended.append(walk(line, room, Path(place) / f"box{at}"))
            if given.verbose or ended[-1].fault:
                told = ended[-1]
                shown = f"{told.code} {told.fault or 'ok'}: {told.line}\n{told.said[-600:]}\n"
                sys.stderr.write(shown.encode("utf-8", "backslashreplace").decode())
    bad = [
        {**asdict(each.line), "fault": each.fault, "said": each.said[-800:]}
        for each in ended
        if each.fault
    ]
    sys.stdout.write(json.dumps({"tried": len(ended), "bad": bad}) + "\n")


def _furnish_elsewhere(room: Path, *, whole: bool) -> None:
    """In a process of its own: threads that it leaves would not come along into forks."""
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import command_walk as w;"
        f"from pathlib import Path; w.furnish(Path({str(room)!r}), whole={whole})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=sys.stderr)


def _warm() -> None:
    """Import what takes long, once."""
    import astropy.io.fits  # noqa: F401
    import lance  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import timm  # noqa: F401
    import torch  # noqa: F401

    import cosmic_morphology.cli  # noqa: F401


if __name__ == "__main__":
    main()
