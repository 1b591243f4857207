"""A text-image model is one more voter: asked when it is named, heard with the others."""

from __future__ import annotations

import io
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image
from tiny_clip import save_tiny_clip

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate import ask_zero_shot, explain_label, label, vote
from cosmic_morphology.errors import InputError, MissingExtraError, TrainingError
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import SkyClass, Taxonomy, load_taxonomy

SIX = load_taxonomy()
needs_open_clip = pytest.mark.skipif(
    find_spec("open_clip") is None, reason="the extra 'zeroshot' is not installed"
)


@pytest.fixture
def tiny(tmp_path):
    return save_tiny_clip(tmp_path / "tiny", 0)


@pytest.fixture
def filled(atlas, arrival):
    atlas.add([arrival(n, title="Comet" if n == 0 else "") for n in range(5)])
    return atlas


def chances(atlas: Atlas) -> np.ndarray:
    return np.array(atlas.read(["id", "zero_shot"]).sort_by("id")["zero_shot"].to_pylist())


def by_hand(settings, thumbnail, taxonomy):
    """What the model says of one image, with the nearest prompt of each class."""
    import open_clip
    import torch

    model, preprocess = open_clip.create_model_from_pretrained(settings.votes.zero_shot_model)
    read = open_clip.get_tokenizer(settings.votes.zero_shot_model)
    with torch.inference_mode():
        image = preprocess(Image.open(io.BytesIO(thumbnail)).convert("RGB"))[None]
        seen = model.encode_image(image, normalize=True)
        best = [
            float((seen @ model.encode_text(read(list(prompts)), normalize=True).T).max())
            for prompts in map(taxonomy.prompts_of, taxonomy.names_with_reject)
        ]
        odds = np.exp(float(model.logit_scale.exp()) * np.array(best))
    return 0.8 * odds / odds.sum() + 0.2 / len(odds)


@needs_open_clip
def test_every_image_is_seen_once_and_the_nearest_prompt_of_a_class_counts(filled, tiny):
    done = ask_zero_shot(filled, taxonomy=SIX, settings=tiny)
    assert (done.filled, done.already_there) == (5, 0)
    found = chances(filled)
    assert found.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-4)
    first = filled.images([filled.ids()[0]], ["thumbnail"])["thumbnail"][0].as_py()
    assert found[0] == pytest.approx(by_hand(tiny, first, SIX), abs=1e-3)
    again = ask_zero_shot(filled, taxonomy=SIX, settings=tiny)
    assert (again.filled, again.already_there) == (0, 5)


@needs_open_clip
def test_other_weights_or_other_prompts_are_asked_anew(filled, tiny, tmp_path):
    ask_zero_shot(filled, taxonomy=SIX, settings=tiny)
    before = chances(filled)
    save_tiny_clip(tmp_path / "tiny", 1)
    assert ask_zero_shot(filled, taxonomy=SIX, settings=tiny).filled == 5
    assert not np.allclose(before, chances(filled))
    two = Taxonomy(classes=(SkyClass(name="barred"), SkyClass(name="ringed")))
    assert ask_zero_shot(filled, taxonomy=two, settings=tiny).filled == 5
    assert chances(filled).shape == (5, 3)


@needs_open_clip
def test_its_votes_are_heard_beside_the_others_and_can_be_silenced(filled, tiny):
    vote(filled, taxonomy=SIX, settings=tiny)
    quiet = label(filled, taxonomy=SIX, settings=tiny)
    ask_zero_shot(filled, taxonomy=SIX, settings=tiny)
    heard = label(filled, taxonomy=SIX, settings=tiny)
    assert (quiet.evidence, heard.evidence) == ((), ("zero_shot",))
    silent = filled.ids()[1]
    said = {each["voter"] for each in filled.read(["id", "votes"]).to_pylist()[1]["votes"]}
    assert said == {"zero_shot"}
    assert "zero_shot" in str(explain_label(filled, silent))
    without = tiny.model_copy(
        update={"votes": tiny.votes.model_copy(update={"disabled": ("zero_shot",)})}
    )
    assert label(filled, taxonomy=SIX, settings=without).evidence == ()
    assert not filled.read(["id", "votes"]).to_pylist()[1]["votes"]


@needs_open_clip
def test_answers_about_other_classes_are_not_heard(filled, tiny):
    two = Taxonomy(classes=(SkyClass(name="barred"), SkyClass(name="ringed")))
    ask_zero_shot(filled, taxonomy=two, settings=tiny)
    vote(filled, taxonomy=SIX, settings=tiny)
    assert label(filled, taxonomy=SIX, settings=tiny).evidence == ()


@needs_open_clip
def test_without_a_network_the_error_says_what_to_do(filled, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    model = CurateSettings(votes={"zero_shot_model": "hf-hub:nobody/nothing"})
    with pytest.raises(TrainingError, match=r"cannot be had.*network.*local-dir"):
        ask_zero_shot(filled, taxonomy=SIX, settings=model)


def test_without_the_extra_the_error_names_it(filled, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    model = CurateSettings(votes={"zero_shot_model": f"local-dir:{tmp_path}"})
    with pytest.raises(MissingExtraError, match="zeroshot"):
        ask_zero_shot(filled, taxonomy=SIX, settings=model)


@pytest.mark.parametrize("name", ["ViT-B-32", "", "local-dir:/nowhere/at/all"])
def test_a_name_that_is_no_model_is_refused_before_anything_is_loaded(filled, name):
    with pytest.raises(InputError, match="text-image model"):
        ask_zero_shot(
            filled, taxonomy=SIX, settings=CurateSettings(votes={"zero_shot_model": name})
        )


def test_every_class_of_any_taxonomy_has_a_prompt():
    for name in SIX.names_with_reject:
        assert len(SIX.prompts_of(name)) > 1
    two = Taxonomy(classes=(SkyClass(name="barred"), SkyClass(name="ringed", prompts=("a ring",))))
    assert [two.prompts_of(name) for name in two.names] == [
        ("an astronomical image of a barred",),
        ("a ring",),
    ]
    assert two.prompts_of(two.reject)
