"""The small world in which the examples of docstrings run: a folder, an atlas, and a run.

An example names what it needs and gets its own copy of it, in an empty working folder:
``images`` (a folder with 8 rendered images of each of three classes), ``catalogue`` (a CSV that
describes them), ``atlas`` (these images imported, curated and split), ``judged`` (the same with
embeddings and the predictions of a run), ``run`` (that run), ``learn`` (settings of its backbone)
and ``taxonomy``. The names ``cosmic``, ``np`` and ``Path`` are imported.
"""

from __future__ import annotations

import ast
import csv
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

KINDS = ("galaxy", "nebula", "star")
EACH = 8
SEED = 11


class World:
    """Makes each part once, when an example first asks for it, and hands out copies."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def copy_of(self, name: str, folder: Path) -> Any:
        """A part of the world by its name, copied into a folder."""
        return getattr(self, f"_give_{name}")(folder)

    @classmethod
    def names(cls) -> set[str]:
        """All names that an example can use without making them."""
        return {name.removeprefix("_give_") for name in dir(cls) if name.startswith("_give_")}

    def _give_images(self, folder: Path) -> Path:
        return self._copied("images", folder, self._render)

    def _give_catalogue(self, folder: Path) -> Path:
        self._made("images", self._render)
        return Path(shutil.copy(self.place / "catalogue.csv", folder / "catalogue.csv"))

    def _give_atlas(self, folder: Path) -> Any:
        from cosmic_morphology import Atlas

        return Atlas.open(self._copied("atlas", folder, self._curate))

    def _give_judged(self, folder: Path) -> Any:
        from cosmic_morphology import Atlas

        return Atlas.open(self._copied("judged", folder, self._judge))

    def _give_run(self, folder: Path) -> Any:
        from cosmic_morphology.learn import find_run

        self._made("judged", self._judge)
        shutil.copytree(self.place / "runs", folder / "runs", dirs_exist_ok=True)
        return find_run("probe", out=folder)

    def _give_learn(self, _: Path) -> Any:
        from cosmic_morphology.settings import LearnSettings

        return LearnSettings(
            backbone="mobilenetv3_small_075", weights="bundled", image_size_px=64, threads=1
        )

    def _give_taxonomy(self, _: Path) -> Any:
        from cosmic_morphology import load_taxonomy

        return load_taxonomy()

    def _copied(self, name: str, folder: Path, make: Any) -> Path:
        self._made(name, make)
        return Path(shutil.copytree(self.place / name, folder / name, dirs_exist_ok=True))

    def _made(self, name: str, make: Any) -> None:
        if not (self.place / name).exists():
            make()

    def _render(self) -> None:
        from cosmic_morphology.synthesize import render_image

        rows = []
        for kind in KINDS:
            for number in range(EACH):
                # An object and a day of its own each, so that each image is a group.
                count = len(rows) + 1
                file = self.place / "images" / kind / f"{number}.jpg"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(render_image(kind, SEED + number, size_px=64).jpeg())
                rows.append(
                    {
                        "file": f"{kind}/{number}.jpg",
                        "title": f"PIA{10_000 + count}",
                        "description": f"This image shows a {kind}.",
                        "date": f"2026-01-{count:02d}",
                        "class": kind,
                    }
                )
        with (self.place / "catalogue.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, rows[0])
            table.writeheader()
            table.writerows(rows)

    def _curate(self) -> None:
        import cosmic_morphology as cosmic
        from cosmic_morphology.settings import SplitSettings

        self._made("images", self._render)
        atlas = cosmic.Atlas.create(self.place / "atlas")
        table = self.place / "catalogue.csv"
        cosmic.import_folder(atlas, self.place / "images", name="sky", csv=table, workers=1)
        cosmic.curate_images(atlas)
        cosmic.split_images(atlas, settings=SplitSettings(), seed=SEED)

    def _judge(self) -> None:
        import cosmic_morphology as cosmic
        from cosmic_morphology.settings import RunJob

        self._made("atlas", self._curate)
        shutil.copytree(self.place / "atlas", self.place / "judged")
        atlas = cosmic.Atlas.open(self.place / "judged")
        learn = self._give_learn(self.place)
        cosmic.embed_images(atlas, learn=learn)
        run = cosmic.train(
            atlas,
            RunJob(name="probe"),
            learn=learn,
            taxonomy=cosmic.load_taxonomy(),
            seed=SEED,
            out=self.place,
        )
        cosmic.predict_images(atlas, cosmic.load_model(run.path))


def names_in(source: str) -> set[str]:
    """Names that an example reads."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


@pytest.fixture(scope="session")
def doctest_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world of the examples."""
    return World(tmp_path_factory.mktemp("world"))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Look for examples only in modules of the package that have any, not in helpers of tests."""
    if collection_path.suffix != ".py":
        return None
    if collection_path.is_relative_to(Path(__file__).parent / "src"):
        return True if ">>>" not in collection_path.read_text("utf-8") else None
    return None if collection_path.name.startswith(("test_", "conftest")) else True


@pytest.fixture(autouse=True)
def _example_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An empty working folder for each docstring, and the parts of the world that it names."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    import cosmic_morphology as cosmic

    examples = request.node.dtest.examples
    wanted = set().union(*(names_in(example.source) for example in examples))
    world = request.getfixturevalue("doctest_world")
    folder = tmp_path_factory.mktemp("example")
    before = Path.cwd()
    os.chdir(folder)
    parts = {name: world.copy_of(name, folder) for name in sorted(wanted & World.names())}
    request.node.dtest.globs.update(cosmic=cosmic, np=np, Path=Path, **parts)
    yield
    os.chdir(before)
