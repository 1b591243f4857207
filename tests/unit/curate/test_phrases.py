"""Images are found by a phrase: on the command line, on the page, by a tiny random model."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from served_sky import Served, labelled_atlas
from tiny_clip import save_tiny_clip
from typer.testing import CliRunner

from cosmic_morphology.cli import app
from cosmic_morphology.curate.phrases_seen import COLUMN, find_by_phrase, see_for_phrases
from cosmic_morphology.curate.text_image import TextImageModel, image_of
from cosmic_morphology.errors import MissingExtraError, UsageError

N = 12
PHRASE = "a comet with a tail"
pytestmark = pytest.mark.skipif(
    find_spec("open_clip") is None, reason="the extra 'zeroshot' is not installed"
)


@pytest.fixture
def tiny(tmp_path) -> str:
    return save_tiny_clip(tmp_path / "clip", 1).votes.zero_shot_model


@pytest.fixture
def atlas(tmp_path):
    return labelled_atlas(tmp_path / "atlas", N)


def test_the_order_is_that_of_the_model_itself(atlas, tiny):
    done = see_for_phrases(atlas, tiny)
    assert (done.filled, done.already_there) == (N, 0)
    assert see_for_phrases(atlas, tiny).already_there == N
    found = find_by_phrase(atlas, PHRASE, tiny, limit=5)
    model = TextImageModel(tiny)
    rows = atlas.read(["id", "thumbnail"], table="images").to_pylist()
    cosines = model.see([image_of(row["thumbnail"]) for row in rows]) @ model.read([PHRASE])[0]
    wanted = {row["id"]: cosine for row, cosine in zip(rows, cosines, strict=True)}
    best = sorted(wanted.values(), reverse=True)[:5]
    assert [cosine for _, cosine in found] == pytest.approx(best, abs=2e-3)
    assert [wanted[id_] for id_, _ in found] == pytest.approx(best, abs=2e-3)
    other = find_by_phrase(atlas, "nothing but noise 42", tiny, limit=N)
    assert other != find_by_phrase(atlas, PHRASE, tiny, limit=N)


def test_an_image_that_cannot_be_read_is_nobodys_look_alike(atlas, tiny, monkeypatch):
    monkeypatch.setattr("cosmic_morphology.curate.phrases_seen.image_of", lambda _: None)
    see_for_phrases(atlas, tiny)
    seen = atlas.read([COLUMN], table="images").column(COLUMN).to_pylist()
    assert not np.any(seen)


def test_what_to_do_is_told(atlas, tiny, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="cosmic embed --for-phrases"):
        find_by_phrase(atlas, PHRASE, tiny)
    with pytest.raises(UsageError, match="name no text-image model"):
        see_for_phrases(atlas, "")
    see_for_phrases(atlas, tiny)
    with pytest.raises(UsageError, match="no phrase"):
        find_by_phrase(atlas, " ", tiny)
    other = save_tiny_clip(tmp_path / "other", 2).votes.zero_shot_model
    for model in ("", other):
        with pytest.raises(UsageError, match="another text-image model"):
            find_by_phrase(atlas, PHRASE, model)
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(MissingExtraError, match="zeroshot"):
        TextImageModel(tiny)


def test_the_command_line_and_the_gallery_find_the_same(atlas, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("COSMIC_CURATE__VOTES__ZERO_SHOT_MODEL", tiny)
    served = Served(atlas, tmp_path)
    page = served.reader.get("/gallery").text
    assert "cosmic embed --for-phrases" in page
    assert 'name="phrase"' not in page
    lacking = served.reader.get("/api/v1/images", params={"phrase": PHRASE})
    assert lacking.status_code == 400
    assert "cosmic embed --for-phrases" in lacking.json()["error"]
    seen = CliRunner().invoke(app, ["embed", "--for-phrases", "--atlas", atlas.uri])
    assert seen.exit_code == 0, seen.output
    assert f"{N} images can be found by a phrase" in seen.output
    line = ["atlas", "search", PHRASE, "--by-phrase", "--atlas", atlas.uri, "--json"]
    rows = json.loads(CliRunner().invoke(app, line).stdout)["rows"]
    assert [*rows[0]][:2] == ["id", "label"]
    assert rows[0]["cosine"] >= rows[-1]["cosine"]
    answer = served.reader.get("/api/v1/images", params={"phrase": PHRASE}).json()
    assert [each["id"] for each in answer["images"]] == [row["id"] for row in rows]
    page = served.reader.get("/gallery", params={"phrase": PHRASE, "label": "comet"}).text
    assert "looks like: a comet with a tail" in page
    assert f"The <b>{N // 3}</b> best matches" in page
    assert f'name="phrase" value="{PHRASE}"' in page
    for option in (["--where", "label = 'comet'"], ["--in", "credit"]):
        refused = CliRunner().invoke(app, [*line, *option])
        assert isinstance(refused.exception, UsageError)
