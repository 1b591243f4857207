"""A stranger's run folder and ONNX file: every odd value in every place, counted by how it ends.

One run is trained in a temporary folder. Then each place of each of its JSON files, and each key
of an ONNX file's metadata, says each of the values below in turn, and everything that reads such
a folder or file reads it. It has to be taken, or refused with one of our own errors in one line.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rows import Row, emit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "integration"))

from test_hostile_runs import CPU, FILES, places_in, with_value
from test_onnx_alone import META, SIDE, write
from training_sky import LEARN, TAXONOMY
from training_tools import coloured_atlas

from cosmic_morphology.errors import CosmicError
from cosmic_morphology.learn import OnnxModel, images_of_run, load_trained_model, train
from cosmic_morphology.learn.export.model_card import write_card
from cosmic_morphology.learn.run_folder.folder import read_run
from cosmic_morphology.settings import RunJob

VALUES = [
    *(None, True, 0, -1, 10**9, 2**70, 1e308, float("nan"), float("inf"), 0.5),
    *("", "x", "hf-hub:a/b", "../..", "a` OR 1=1", "\ud800", "[/bold]", "https://example.org"),
    *([], {}, [1, 1], [[]], {"": None}, ["a", "a"], [None] * 50),
]
COMMAND = "python benchmarks/trust_models.py"


def ends_well(use: Callable[[], Any]) -> bool:
    """Whether it is taken, or refused in one line."""
    try:
        use()
    except CosmicError as error:
        return "\n" not in str(error)
    except Exception as error:  # noqa: BLE001 - the very thing that is counted
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return False
    return True


def of_runs(run: Path, folder: Path) -> Iterator[bool]:
    shutil.copytree(run, folder)
    readers = (read_run, lambda f: load_trained_model(f, learn=CPU), write_card, images_of_run)
    for file in FILES:
        kept = (run / file).read_bytes()
        said = json.loads(kept)
        for place in places_in(said):
            for value in VALUES:
                (folder / file).write_text(json.dumps(with_value(said, place, value)))
                yield all(ends_well(lambda use=use: use(folder)) for use in readers)
        (folder / file).write_bytes(kept)


def of_onnx(path: Path) -> Iterator[bool]:
    black = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    for key, kept in META.items():
        try:
            said = json.loads(kept)
        except ValueError:
            said = kept
        texts = ["", "{", "[" * 100_000, "nan", "\x00", "9" * 5000, kept[:-1]]
        for place in places_in(said):
            texts += [json.dumps(with_value(said, place, value)) for value in VALUES]
        for text in texts:
            write(path, META | {key: text})
            yield ends_well(lambda: OnnxModel(path).predict_pixels(black))


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        out = Path(place)
        job = RunJob(name="honest", recipe="linear-probe")
        atlas = coloured_atlas(out / "atlas")
        run = train(atlas, job, learn=LEARN, taxonomy=TAXONOMY, seed=1, out=out).path
        runs, files = list(of_runs(run, out / "stranger")), list(of_onnx(out / "a.onnx"))
    for what, found in (
        ("odd values in a run folder: taken, or one line", runs),
        ("odd values in an ONNX file's metadata: taken, or one line", files),
    ):
        share = sum(found) / len(found)
        emit([Row(what, share, n=len(found), unit="share", target=1.0, command=COMMAND)])


if __name__ == "__main__":
    main()
