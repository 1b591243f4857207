"""Images of a set that has no room here: each is seen once an epoch, and the disk stays small."""

from __future__ import annotations

import pickle
from collections import Counter

import pytest
import torch
from training_sky import LEARN, TAXONOMY
from training_tools import coloured_atlas

import cosmic_morphology.learn.data.streamed as module
from cosmic_morphology.errors import InputError
from cosmic_morphology.learn.data.atlas_source import AtlasSource
from cosmic_morphology.learn.data.batches import InOrder, Shuffled, loader
from cosmic_morphology.learn.data.streamed import BlockCache, StreamedExamples
from cosmic_morphology.learn.models.backbones import build_backbone


class Counted(AtlasSource):
    """A source that counts how often each image was asked for."""

    def __init__(self, atlas):
        super().__init__(atlas)
        self.asked: Counter[str] = Counter()
        self.damaged: set[str] = set()

    def thumbnails(self, ids):
        self.asked.update(ids)
        for each, data in super().thumbnails(ids):
            yield each, b"no image" if each in self.damaged else data


@pytest.fixture
def source(tmp_path, monkeypatch) -> Counted:
    monkeypatch.setattr(module, "BLOCK", 4)
    monkeypatch.setattr(module, "BLOCKS_TOGETHER", 2)
    return Counted(coloured_atlas(tmp_path / "atlas"))


@pytest.fixture(scope="module")
def preprocessing():
    return build_backbone(LEARN).preprocessing


def streamed(source, preprocessing, limit_bytes: int) -> StreamedExamples:
    ids = source.in_storage_order([example.id for example in source.examples("label")])
    classes = {example.id: example.label for example in source.examples("label")}
    targets = torch.tensor([TAXONOMY.names.index(classes[each]) for each in ids])
    cache = BlockCache(source, ids, limit_bytes)
    return StreamedExamples(
        cache, targets, torch.ones(len(ids)), ids,
        preprocessing=preprocessing, side_px=32, workers=2,
    )  # fmt: skip


def test_every_image_comes_once_an_epoch_and_the_order_changes(source, preprocessing):
    examples = streamed(source, preprocessing, 10**9)
    sampler = Shuffled(examples, 5, seed=3)
    seen = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        batches = list(loader(examples, sampler))
        seen.append(torch.cat([batch["row"] for batch in batches]).tolist())
        for batch in batches:
            assert batch["input"].shape[1:] == (32, 32, 3)
            # A class is a colour.
            assert batch["input"].float().mean((1, 2)).argmax(1).tolist() == [
                {"comet": 0, "galaxy": 1, "nebula": 2}[TAXONOMY.names[each]]
                for each in batch["target"].tolist()
            ]
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(len(examples)))
    assert seen[0] != seen[1]


def test_what_fits_is_read_once_and_the_rest_in_every_epoch(source, preprocessing):
    everything = streamed(source, preprocessing, 10**9)
    for _ in range(3):
        list(loader(everything, InOrder(len(everything), 5)))
    assert set(source.asked.values()) == {1}
    source.asked.clear()
    size = sum(len(data) for _, data in source.thumbnails(everything.ids)) // 2
    source.asked.clear()
    half = streamed(source, preprocessing, size)
    for _ in range(3):
        list(loader(half, InOrder(len(half), 5)))
    folder = half._cache._folder
    assert sum(file.stat().st_size for file in folder.iterdir()) < 2 * size
    assert set(source.asked.values()) == {1, 3}


def test_an_image_that_cannot_be_read_is_left_out_and_named(source, preprocessing):
    examples = streamed(source, preprocessing, 10**9)
    source.damaged = {examples.ids[1]}
    batch = examples[torch.arange(4)]
    assert batch["row"].tolist() == [0, 2, 3]
    assert list(examples.unreadable) == [examples.ids[1]]
    source.damaged = set(examples.ids)
    with pytest.raises(InputError, match="none of these 4 images can be read"):
        examples[torch.arange(4, 8)]


def test_another_process_shares_the_folder_and_does_not_remove_it(source, preprocessing):
    examples = streamed(source, preprocessing, 10**9)
    list(loader(examples, InOrder(len(examples), 8)))
    other = pickle.loads(pickle.dumps(examples))
    assert torch.equal(other[torch.arange(3)]["input"], examples[torch.arange(3)]["input"])
    folder = examples._cache._folder
    del other
    assert folder.is_dir()
    del examples
    assert not folder.exists()
