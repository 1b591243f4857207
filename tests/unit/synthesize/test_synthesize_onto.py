"""Compositing: lineage of both parents, seeds, and nothing of another side."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from typer.testing import CliRunner

from cosmic_morphology.atlas import Atlas, ColumnProvenance, NewImage, Record, may_be_redistributed
from cosmic_morphology.cli import app
from cosmic_morphology.curate import group_images, split_images
from cosmic_morphology.errors import UsageError
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.settings import CurateSettings, SplitSettings
from cosmic_morphology.synthesize import RENDERED_CLASSES, render_image
from cosmic_morphology.synthesize.composite import composite, empty_part, rendered_sky
from cosmic_morphology.synthesize.composites_to_atlas import composite_into, partners
from cosmic_morphology.synthesize.cutout import cut_out

TARGETS = [kind for kind in RENDERED_CLASSES if kind != "irrelevant"]
SIDES = ("train", "train", "val", "test")


def disc(level: int, *, radius: int = 20, size: int = 96, sky: int = 10) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size // 2
    noise = np.random.default_rng(1).integers(0, 6, (size, size, 3))
    inside = (np.hypot(x, y) < radius)[..., None]
    return np.where(inside, level, sky + noise).astype(np.uint8)


def fill(place, *, licences=("CC0", "CC0"), split: bool = True) -> Atlas:
    """Planets and star fields as real images, four groups of each, on all sides."""
    atlas = Atlas.create(place)
    arrivals, rows = [], []
    for kind in ("planet", "star"):
        for number in range(8):
            pixels = (
                render_image("star", number, size_px=96).pixels if kind == "star" else disc(200)
            )
            out = io.BytesIO()
            Image.fromarray(np.roll(pixels, number, axis=1)).save(out, "JPEG", quality=95)
            record = Record(
                "nasa", f"{kind}-{number}", credit=f"Observer {kind}",
                licence=licences[kind == "star"],
            )  # fmt: skip
            data = out.getvalue()
            arrivals.append(NewImage(record, ingest_image(data), data))
            rows.append({"id": record.id, "label": kind, "group": f"{kind}-{number // 2}"})
            if split:
                rows[-1]["split"] = SIDES[number // 2]
    atlas.add(arrivals)
    atlas.replace_columns(pa.Table.from_pylist(rows), ColumnProvenance("test"))
    return atlas


def composites(atlas: Atlas) -> list[dict]:
    columns = ["id", "lineage", "given_label", "parameters", "licence", "credit", "source"]
    return atlas.read(columns, where="collection = 'composite'").sort_by("id").to_pylist()


def pixels_of(atlas: Atlas) -> dict[str, str]:
    found = atlas.read(["id", "sha256"], table="images").to_pylist()
    return {row["id"]: row["sha256"] for row in found if "onto-" in row["id"]}


# ---- images ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
def test_the_same_seed_gives_the_same_composite_and_another_seed_another(kind):
    sky = rendered_sky(3, size_px=128)
    made = {}
    for number in range(12):
        target = render_image(kind, number, size_px=96).pixels
        once = composite(target, sky, kind=kind, seed=5, size_px=64)
        if once is None:
            continue
        again = composite(target, sky, kind=kind, seed=5, size_px=64)
        other = composite(target, sky, kind=kind, seed=6, size_px=64)
        assert np.array_equal(once.pixels, again.pixels)
        assert once.parameters == again.parameters
        assert other is None or (once.pixels != other.pixels).any()
        assert once.pixels.shape == (64, 64, 3)
        assert json.loads(json.dumps(once.parameters)) == once.parameters
        made[number] = once
    assert len(made) >= 3


def test_a_body_hides_the_sky_behind_it_and_light_is_added_to_it():
    bright = np.full((96, 96, 3), 60, np.uint8)
    body = composite(disc(120), bright, kind="planet", seed=1, size_px=96)
    glow = composite(disc(120), bright, kind="galaxy", seed=1, size_px=96)
    assert body.parameters["blending"] == "over"
    assert glow.parameters["blending"] == "screen"
    assert body.pixels.max() == pytest.approx(120, abs=4)
    assert glow.pixels.max() > 130
    assert np.median(body.pixels) == pytest.approx(60, abs=3)


def test_a_target_that_fills_or_leaves_its_frame_or_is_not_there_is_not_cut_out():
    assert cut_out(disc(10), solid=True) is None
    assert cut_out(disc(200, radius=80), solid=True) is None
    assert cut_out(np.roll(disc(200), 40, axis=1), solid=True) is None
    assert cut_out(disc(250, sky=180), solid=True) is None
    found = cut_out(disc(200), solid=True)
    assert (found.alpha > 0.5).mean() == pytest.approx(np.pi * 20**2 / 96**2, rel=0.1)
    assert found.alpha[48, 48] == 1
    assert found.alpha[2, 2] == 0


def test_a_target_that_is_lost_on_its_new_sky_is_no_composite():
    faint = disc(26)
    assert cut_out(faint, solid=False) is not None
    assert composite(faint, disc(10), kind="nebula", seed=1, size_px=64) is None


def test_the_emptiest_part_of_a_sky_is_taken_and_a_full_one_is_none():
    half = np.full((90, 90, 3), 250, np.uint8)
    half[:, 40:] = 8
    rng = np.random.default_rng(0)
    assert empty_part(half, 48, rng).mean() < 30
    assert empty_part(np.full((90, 90, 3), 250, np.uint8), 48, rng) is None


def test_rendered_skies_follow_their_seed():
    assert np.array_equal(rendered_sky(4, size_px=64), rendered_sky(4, size_px=64))
    assert (rendered_sky(4, size_px=64) != rendered_sky(5, size_px=64)).any()


# ---- rows of the atlas ---------------------------------------------------------------------------


def test_lineage_names_both_parents_and_real_ones_are_of_the_train_split(tmp_path):
    atlas = fill(tmp_path / "atlas")
    done = composite_into(atlas, {"planet": 6}, seed=2, targets="real", onto="real", size_px=64)
    rows = composites(atlas)
    assert done.added == len(rows) == 6
    side = {row["id"]: row["split"] for row in atlas.read(["id", "split"]).to_pylist()}
    for row in rows:
        target, sky = row["lineage"]
        assert target.startswith("nasa:planet")
        assert sky.startswith("nasa:star")
        assert side[target] == side[sky] == "train"
        assert row["given_label"] == "planet"
        told = json.loads(row["parameters"])
        assert (told["target"], told["sky"]) == (target, sky)
        assert "Observer planet" in row["credit"]
        assert "Observer star" in row["credit"]


def test_rendered_parents_are_named_by_the_seeds_that_draw_them_again(tmp_path):
    atlas = Atlas.create(tmp_path / "atlas")
    composite_into(atlas, {"galaxy": 2, "planet": 2}, seed=2, size_px=48)
    for row in composites(atlas):
        target, sky = row["lineage"]
        assert target.startswith(f"render:{row['given_label']}:2000")
        assert sky.startswith("render:sky:2000")


def test_composing_twice_changes_nothing_and_more_contains_the_fewer(tmp_path):
    atlas, other = fill(tmp_path / "atlas"), fill(tmp_path / "other")
    how = {"seed": 2, "targets": "real", "onto": "rendered", "size_px": 48}
    composite_into(atlas, {"planet": 3}, **how)
    few = pixels_of(atlas)
    again = composite_into(atlas, {"planet": 3}, **how)
    assert (again.added, again.already_there) == (0, 3)
    assert pixels_of(atlas) == few
    composite_into(other, {"planet": 5}, **how)
    assert few.items() <= pixels_of(other).items()
    composite_into(other, {"planet": 3}, **{**how, "seed": 9})
    assert len(pixels_of(other)) == 8


def test_no_composite_ever_gets_into_a_test_or_val_split(tmp_path):
    atlas = fill(tmp_path / "atlas", split=False)
    composite_into(atlas, {"planet": 8, "star": 4}, seed=1, targets="real", onto="real", size_px=64)
    curate = CurateSettings(groups={"max_share": 1.0})
    group_images(atlas, settings=curate)
    labels = [
        {"id": row["id"], "label": row["given_label"] or row["label"]}
        for row in atlas.read(["id", "given_label", "label"]).to_pylist()
    ]
    atlas.replace_columns(pa.Table.from_pylist(labels), ColumnProvenance("test", code="2"))
    for seed in range(4):
        settings = SplitSettings(train=0.4, val=0.3, test=0.3)
        split_images(atlas, settings=settings, seed=seed, redo=True)
        rows = atlas.read(["id", "split", "group", "lineage", "source"]).to_pylist()
        side = {row["id"]: row["split"] for row in rows}
        group = {row["id"]: row["group"] for row in rows}
        made = [row for row in rows if row["source"] == "rendered"]
        assert len(made) > 6
        assert {side[row["id"]] for row in rows} >= {"train", "test"}
        for row in made:
            assert row["split"] in ("train", "none")
            for parent in row["lineage"]:
                assert group[parent] == row["group"]
                assert row["split"] == "none" or side[parent] == "train"


def test_skies_of_partners_tie_few_groups_together():
    groups, skies = [f"g{n}" for n in range(50)], [f"g{n}" for n in range(21)]
    found = partners(groups, skies)
    assert set(found) == set(groups)
    assert set(found.values()) <= set(skies)
    assert all(found[name] != name for name in groups)
    kin = {name: {name} for name in groups}
    for name, other in found.items():
        joined = kin[name] | kin[other]
        for each in joined:
            kin[each] = joined
    assert max(map(len, kin.values())) <= 9
    assert partners(groups[::-1], skies[::-1]) == found


def test_a_parent_that_may_not_be_given_on_closes_its_composites(tmp_path):
    how = {"seed": 2, "targets": "real", "onto": "real", "size_px": 48}
    for number, (licences, is_open) in enumerate(
        [
            (("CC0", "CC BY 4.0"), True),
            (("CC0", ""), False),
            (("all rights reserved", "CC0"), False),
        ]
    ):
        atlas = fill(tmp_path / str(number), licences=licences)
        composite_into(atlas, {"planet": 1}, **how)
        (row,) = composites(atlas)
        assert may_be_redistributed(row["licence"]) is is_open


def test_without_real_images_or_labels_nothing_is_composed(tmp_path):
    empty = Atlas.create(tmp_path / "empty")
    with pytest.raises(UsageError, match="no real image"):
        composite_into(empty, {"planet": 1}, seed=1, onto="real")
    atlas = fill(tmp_path / "atlas")
    with pytest.raises(UsageError, match="label 'comet'"):
        composite_into(atlas, {"comet": 1}, seed=1, targets="real")
    assert composites(atlas) == []


def test_the_verb_composes_onto_other_skies(tmp_path):
    words = [
        "synthesize",
        "--background",
        "rendered",
        "--per-class",
        "1",
        "--size-px",
        "48",
        "--json",
    ]
    words += ["--class", "planet", "--atlas", str(tmp_path / "atlas"), "--seed", "3"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["added"] == 1
