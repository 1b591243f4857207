"""Images laid out by UMAP: a column of places, its stamp, and when it is made anew."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from served_sky import labelled_atlas
from typer.testing import CliRunner

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.cli import app
from cosmic_morphology.errors import MissingExtraError, UsageError
from cosmic_morphology.learn.data import layout

N = 40


class FirstTwo:
    """In place of UMAP, which takes a minute to be compiled: the first two numbers."""

    fitted: ClassVar[list[int]] = []

    def __init__(self, **how: object) -> None:
        self.how = how

    def fit_transform(self, vectors: np.ndarray) -> np.ndarray:
        self.fitted.append(len(vectors))
        return vectors[:, :2]

    transform = staticmethod(lambda vectors: vectors[:, :2])


@pytest.fixture
def quick(monkeypatch) -> type[FirstTwo]:
    monkeypatch.setattr(FirstTwo, "fitted", [])
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=FirstTwo, __version__="0"))
    return FirstTwo


def embedded(place, n: int = N, seed: int = 0) -> Atlas:
    atlas = labelled_atlas(place, n)
    embed(atlas, seed)
    return atlas


def embed(atlas: Atlas, seed: int) -> None:
    ids = sorted(atlas.ids())
    vectors = np.random.default_rng(seed).normal(0, 0.05, (len(ids), 6))
    vectors[np.arange(len(ids)), np.arange(len(ids)) % 3] += 1
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.astype(np.float16).ravel()), 6)
    atlas.replace_columns(pa.table({"id": ids, "embedding_tiny": flat}), ColumnProvenance("embed"))


def places(atlas: Atlas) -> dict[str, list[float]]:
    table = atlas.read(["id", "map_umap"], table="images")
    return dict(zip(*(table.column(name).to_pylist() for name in table.schema.names), strict=True))


def test_every_embedded_image_gets_a_place_once(tmp_path, quick):
    atlas = embedded(tmp_path / "atlas")
    assert layout.lay_out(atlas, seed=1).filled == N
    first, version = places(atlas), str(atlas.version)
    assert {len(each) for each in first.values()} == {2}
    assert np.min([*first.values()]) == 0
    assert np.max([*first.values()]) == 1
    again = layout.lay_out(atlas, seed=1)
    assert (again.filled, again.already_there, quick.fitted) == (0, N, [N])
    assert str(atlas.version) == version
    stamp = atlas.table("images").schema.field("map_umap").metadata
    assert stamp[b"stage"] == b"map"
    assert b"embedding_tiny" in stamp[b"parameters"]


def test_it_is_made_anew_where_seed_or_embeddings_are_others(tmp_path, quick):
    atlas = embedded(tmp_path / "atlas")
    layout.lay_out(atlas, seed=1)
    assert layout.lay_out(atlas, seed=2).filled == N
    before = places(atlas)
    embed(atlas, seed=5)
    assert layout.lay_out(atlas, seed=2).filled == N
    assert places(atlas) != before


def test_more_than_it_is_fitted_on_are_put_among_those(tmp_path, quick, monkeypatch):
    atlas = embedded(tmp_path / "atlas")
    layout.lay_out(atlas, seed=1)
    whole = places(atlas)
    monkeypatch.setattr(layout, "_FITTED_ON", 15)
    layout.lay_out(atlas, seed=2)
    assert quick.fitted == [N, 15]
    assert np.array([*places(atlas).values()]) == pytest.approx(np.array([*whole.values()]))


def test_too_few_images_and_a_missing_library_are_told(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="cosmic embed"):
        layout.lay_out(labelled_atlas(tmp_path / "none", 3), seed=1)
    with pytest.raises(UsageError, match="takes 10"):
        layout.lay_out(embedded(tmp_path / "few", 9), seed=1)
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match=r"cosmic-morphology\[map\]"):
        layout.lay_out(embedded(tmp_path / "enough", 10), seed=1)


def test_the_command_embeds_and_then_lays_out(tmp_path, quick):
    atlas = labelled_atlas(tmp_path / "atlas", 12)
    line = ["embed", "--atlas", atlas.uri, "--map"]
    line += ["--backbone", "mobilenetv3_small_075", "--weights", "bundled"]
    done = CliRunner().invoke(app, line, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "12 images have a place on the map (laid out now" in done.output


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_look_alikes_stand_together_by_the_library_itself(tmp_path):
    pytest.importorskip("umap")
    atlas = embedded(tmp_path / "atlas", 90)
    layout.lay_out(atlas, seed=1)
    found = places(atlas)
    at = np.array([found[id_] for id_ in sorted(found)])
    kind = np.arange(len(at)) % 3
    apart = np.linalg.norm(at[:, None] - at[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (kind[apart.argmin(1)] == kind).mean() > 0.95
    again = embedded(tmp_path / "again", 90)
    layout.lay_out(again, seed=1)
    assert places(again) == found
