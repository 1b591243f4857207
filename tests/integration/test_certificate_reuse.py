"""A proof is made once: pairs are compared again only where another result is possible."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pytest

import cosmic_morphology as cosmic
from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.curate.split import leakage
from cosmic_morphology.pipeline.proof import CERTIFICATE_FILE, is_proven
from cosmic_morphology.settings import ImportJob, Settings


def run(settings: Settings):
    return cosmic.run(settings, train_if=lambda _: False)


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    """After one run on a few rendered images."""
    folder = tmp_path_factory.mktemp("proof")
    images = folder / "images"
    images.mkdir()
    rows = []
    counts = {"comet": 6, "galaxy": 6}
    for number, image in enumerate(cosmic.render_images(counts, seed=3, size_px=64, workers=1)):
        (images / f"{number}.jpg").write_bytes(image.jpeg())
        rows.append({"file": f"{number}.jpg", "label": image.kind})
    table = folder / "images.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "label"])
        writer.writeheader()
        writer.writerows(rows)
    job = ImportJob(type="folder", path=images, name="mine", csv=table)
    settings = Settings(atlas=str(folder / "atlas"), out=folder / "out", sources=(job,))
    settings.train = ()
    run(settings)
    return settings


@pytest.fixture
def compared(monkeypatch) -> list[str]:
    """Grows whenever every pair is compared."""
    calls, real = [], leakage.copies_across

    def counted(*args, **how):
        calls.append("compared")
        return real(*args, **how)

    monkeypatch.setattr("cosmic_morphology.curate.split.mending.copies_across", counted)
    return calls


def test_a_second_run_compares_nothing_and_says_so(settings, compared):
    file = settings.out / CERTIFICATE_FILE
    proof, told = file.read_bytes(), []
    done = cosmic.run(settings, tell=told.append, train_if=lambda _: False)
    assert compared == []
    assert "certify: up to date" in told
    assert "certify" in done.skipped
    assert file.read_bytes() == proof
    # What the summary says of the proof is there without making it.
    assert done.split["leaks"] == 0
    assert done.not_looked_for == json.loads(proof)["not_looked_for"]


def test_a_proof_that_is_gone_is_made_again(settings, compared):
    file = settings.out / CERTIFICATE_FILE
    proof = json.loads(file.read_bytes())
    file.unlink()
    done = run(settings)
    assert compared
    assert "certify" not in done.skipped
    again = json.loads(file.read_bytes())
    assert {**again, "atlas_version": ""} == {**proof, "atlas_version": ""}


@pytest.mark.parametrize("change", ["leaks", "software", "searched", "looked_at"])
def test_another_proof_is_none(settings, tmp_path, change):
    atlas = cosmic.Atlas.open(settings.atlas)
    written = json.loads((settings.out / CERTIFICATE_FILE).read_bytes())
    file = tmp_path / "certificate.json"
    file.write_text(json.dumps(written))
    assert is_proven(atlas, file, settings.curate)
    by_keys = ["images of equal bytes, and what the columns say; no pixels"]
    other = {"leaks": 1, "software": "0", "searched": by_keys, "looked_at": "x"}[change]
    file.write_text(json.dumps({**written, change: other}))
    assert not is_proven(atlas, file, settings.curate)


def test_other_settings_splits_and_images_need_another_proof(settings, compared):
    file: Path = settings.out / CERTIFICATE_FILE
    atlas = cosmic.Atlas.open(settings.atlas)
    assert is_proven(atlas, file, settings.curate)

    other = settings.curate.model_copy(deep=True)
    other.duplicates.max_hash_distance_bits -= 1
    assert not is_proven(atlas, file, other)

    rows = atlas.read(["id", "split"])
    stamp = ColumnProvenance("split", {"by": "hand"}, "1")
    swapped = {"train": "val", "val": "train"}
    moved = [swapped.get(split, split) for split in rows.column("split").to_pylist()]
    atlas.replace_columns(pa.table({"id": rows.column("id"), "split": moved}), stamp)
    assert not is_proven(atlas, file, settings.curate)

    image = next(iter(cosmic.render_images({"comet": 1}, seed=99, size_px=64, workers=1)))
    (Path(settings.sources[0].path) / "new.jpg").write_bytes(image.jpeg())
    assert run(settings).split["leaks"] == 0
    assert compared
    assert is_proven(atlas, file, settings.curate)
    assert "certify" in run(settings).skipped
