"""Exports are read back by the very libraries that they are made for."""

from __future__ import annotations

import csv
import gc
import hashlib
import io
import json
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from cosmic_morphology.atlas import RENDERER, ColumnProvenance, LeakageWords, export_images
from cosmic_morphology.atlas.export import exporter
from cosmic_morphology.atlas.schema import VOTE_TYPE


@contextmanager
def of_a_library():
    """Warnings of a library are not ours; files that it leaves open are closed here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
        gc.collect()


SPLITS = ["train"] * 8 + ["val"] * 4 + ["test"] * 4
CLASSES = ["comet", "galaxy"] * 8


def vote(voter: str, label: str) -> dict:
    return {"voter": voter, "label": label, "weight": 0.9, "reason": ""}


@pytest.fixture
def sky(atlas, arrival):
    """Sixteen labelled images in three splits, whose texts are as odd as archives make them."""
    texts = [{"title": f"{n:03d}", "credit": "" if n >= 12 else "=ESO", "licence": "CC BY 4.0",
              "page_url": f"https://archive.example/{n}" if n < 8 else ""}
             for n in range(16)]  # fmt: skip
    atlas.add([arrival(n, **texts[n]) for n in range(16)])
    ids = atlas.ids()
    votes = [[vote("folder", CLASSES[n])] + ([vote("title", CLASSES[n])] if n % 4 else [])
             for n in range(16)]  # fmt: skip
    labels = {
        "id": ids,
        "label": CLASSES,
        "label_kind": ["computed"] * 16,
        "label_confidence": pa.array([0.5 + n / 32 for n in range(16)], pa.float32()),
    }
    atlas.replace_columns(pa.table(labels), ColumnProvenance("labels"))
    cast = {"id": ids, "votes": pa.array(votes, VOTE_TYPE)}
    atlas.replace_columns(pa.table(cast), ColumnProvenance("votes"))
    atlas.replace_columns(pa.table({"id": ids, "split": SPLITS}), ColumnProvenance("split"))
    said = {"at": datetime(2026, 1, 1, tzinfo=UTC), "why": ""}
    atlas.append_decisions(
        [
            {"id": ids[12], "verdict": "label", "label": "galaxy", "who": "Vera|<b>", **said},
            {"id": ids[1], "verdict": "label", "label": "galaxy", "who": RENDERER, **said},
        ]
    )
    return atlas


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """The libraries keep what they cache in a folder of this test run, and ask no hub."""
    folder = str(tmp_path_factory.mktemp("caches"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_HOME", "CROISSANT_CACHE"):
            patch.setenv(name, folder)
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder


@pytest.fixture
def hub(place):
    """What the datasets library loads."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()

    def load(*words, **options):
        with of_a_library():
            return datasets.load_dataset(*words, cache_dir=place, **options)

    return load


def expected(atlas):
    rows = atlas.read(["id", "label", "split"]).to_pylist()
    found = {row["id"]: (row["label"], row["split"]) for row in rows}
    found["nasa:x012"] = ("galaxy", "test")
    return found


def check(rows, atlas, split, *, nothing):
    known = expected(atlas)
    assert {row["id"] for row in rows} == {i for i, (_, s) in known.items() if s == split}
    for row in rows:
        assert row["label"] == known[row["id"]][0]
        assert row["split"] == split
        assert row["licence"] == "CC BY 4.0"
        assert row["credit"].lstrip("'") in ("=ESO", nothing)
        assert row["page_url"].startswith("https://archive.example/") or row["page_url"] == nothing
        assert 0.5 <= row["label_confidence"] <= 1
    kinds = {row["id"]: (row["label_kind"], row["label_by"]) for row in rows}
    told = {
        "nasa:x000": ("imported", "folder"),
        "nasa:x001": ("rendered", "renderer"),
        "nasa:x002": ("computed", "folder, title"),
        "nasa:x012": ("checked", "Vera|<b>"),
    }
    assert {each: kinds[each] for each in told if each in kinds} == {
        each: said for each, said in told.items() if each in kinds
    }


def pixels(atlas, id_):
    data = atlas.images([id_], ["id", "thumbnail"]).column("thumbnail")[0].as_py()
    return Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def test_datasets_reads_an_image_folder_with_its_metadata(sky, hub, tmp_path):
    done = export_images(sky, tmp_path / "folder")
    found = hub("imagefolder", data_dir=str(tmp_path / "folder"))
    assert {name: len(part) for name, part in found.items()} == {
        "train": 8,
        "validation": 4,
        "test": 4,
    }
    assert done.splits == {"train": 8, "val": 4, "test": 4}
    for name, split in (("train", "train"), ("validation", "val"), ("test", "test")):
        check(list(found[name]), sky, split, nothing="not stated")
        for row in found[name]:
            assert row["image"].convert("RGB").tobytes() == pixels(sky, row["id"])
    assert {row["title"] for row in found["test"]} == {f"'{n:03d}" for n in range(12, 16)}


def test_the_metadata_name_the_hash_of_each_file(sky, tmp_path):
    export_images(sky, tmp_path / "folder")
    for split in ("train", "val", "test"):
        with (tmp_path / f"folder/{split}/metadata.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                data = (tmp_path / "folder" / split / row["file_name"]).read_bytes()
                assert hashlib.sha256(data).hexdigest() == row["sha256"]


def test_datasets_reads_parquet_with_images(sky, hub, tmp_path):
    export_images(sky, tmp_path / "sky.parquet", format_="parquet")
    found = hub("parquet", data_files=str(tmp_path / "sky.parquet"))["train"]
    assert len(found) == 16
    for split in ("train", "val", "test"):
        check([row for row in found if row["split"] == split], sky, split, nothing="")
    for row in found:
        assert row["image"].convert("RGB").tobytes() == pixels(sky, row["id"])


def test_datasets_reads_a_hugging_face_folder_with_its_card(sky, hub, tmp_path):
    export_images(sky, tmp_path / "sky", format_="hf")
    found = hub(str(tmp_path / "sky"))
    assert set(found) == {"train", "validation", "test"}
    names = found["train"].features["label"].names
    assert names == ["comet", "galaxy"]
    for name, split in (("train", "train"), ("validation", "val"), ("test", "test")):
        rows = [{**row, "label": names[row["label"]]} for row in found[name]]
        check(rows, sky, split, nothing="")
        assert rows[0]["image"].convert("RGB").tobytes() == pixels(sky, rows[0]["id"])


def test_webdataset_reads_the_shards(sky, hub, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    export_images(sky, tmp_path / "sky", format_="webdataset")
    classes = (tmp_path / "sky/classes.txt").read_text("utf-8").split()
    for split in ("train", "val", "test"):
        place = str(tmp_path / f"sky/{split}-00000.tar")
        with of_a_library():
            rows = list(webdataset.WebDataset(place, shardshuffle=False).decode("pil"))
        check([row["json"] for row in rows], sky, split, nothing="")
        for row in rows:
            assert classes[row["cls"]] == row["json"]["label"]
            assert row["jpg"].convert("RGB").tobytes() == pixels(sky, row["json"]["id"])
    found = hub(str(tmp_path / "sky"))
    assert {name: len(part) for name, part in found.items()} == {
        "train": 8,
        "validation": 4,
        "test": 4,
    }
    assert found["test"][0]["jpg"].size == (48, 40)


def test_one_tar_has_the_samples_of_all_splits_under_their_names(sky, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    export_images(sky, tmp_path / "sky.tar", format_="webdataset")
    with of_a_library():
        rows = list(webdataset.WebDataset(str(tmp_path / "sky.tar"), shardshuffle=False).decode())
    assert {row["__key__"].partition("/")[0] for row in rows} == {"train", "val", "test"}
    assert len(rows) == 16


def test_pandas_and_datasets_read_the_csv(sky, hub, tmp_path):
    pandas = pytest.importorskip("pandas")
    export_images(sky, tmp_path / "sky.csv", format_="csv")
    frame = pandas.read_csv(tmp_path / "sky.csv", keep_default_na=False)
    for split in ("train", "val", "test"):
        check(frame[frame["split"] == split].to_dict("records"), sky, split, nothing="")
    found = hub("csv", data_files=str(tmp_path / "sky.csv"))["train"]
    assert found["label"] == frame["label"].tolist()


@pytest.mark.parametrize(
    ("format_", "place"),
    [
        ("imagefolder", "sky"),
        ("hf", "sky"),
        ("webdataset", "sky"),
        ("webdataset", "sky.tar"),
        ("parquet", "sky.parquet"),
        ("csv", "sky.csv"),
    ],
)
def test_mlcroissant_finds_nothing_wrong_and_reads_the_records(sky, tmp_path, format_, place):
    mlcroissant = pytest.importorskip("mlcroissant")
    export_images(sky, tmp_path / place, format_=format_)
    file = tmp_path / place / "croissant.json"
    if not file.is_file():
        file = tmp_path / f"{place}.croissant.json"
    with of_a_library():
        found = mlcroissant.Dataset(jsonld=file)
        assert found.metadata.ctx.issues.report() == ""
        read = {}
        for records in found.metadata.record_sets:
            for row in found.records(records.name):
                values = {key.partition("/")[2]: value for key, value in row.items()}
                if format_ == "webdataset":
                    told = json.loads(values["json"])
                    values = {k: v.encode() if isinstance(v, str) else v for k, v in told.items()}
                read[values["id"].decode()] = values
    assert read.keys() == expected(sky).keys()
    for id_, (label, split) in expected(sky).items():
        assert read[id_]["split"].decode() == split
        if format_ == "hf":
            assert ["comet", "galaxy"][read[id_]["label"]] == label
        else:
            assert read[id_]["label"].decode() == label
        if format_ in ("hf", "parquet"):
            assert read[id_]["image"].convert("RGB").tobytes() == pixels(sky, id_)
    said = json.loads(file.read_text("utf-8"))
    for each in said["distribution"]:
        if each["@type"] == "cr:FileObject":
            data = (file.parent / each["contentUrl"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == each["sha256"]


def test_hugging_face_reads_the_front_matter_of_the_card(sky, tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    export_images(sky, tmp_path / "sky", format_="hf", leakage=LeakageWords(0, "objects"))
    card = hub.DatasetCard((tmp_path / "sky/README.md").read_text("utf-8"))
    said = card.data.to_dict()
    assert said["license"] == "cc-by-4.0"
    assert said["size_categories"] == ["n<1K"]
    files = {each["split"]: each["path"] for each in said["configs"][0]["data_files"]}
    assert files["validation"] == "data/val-*.parquet"


@pytest.mark.parametrize(
    ("format_", "place", "images"),
    [
        ("imagefolder", "sky", 8),
        ("hf", "sky", 8),
        ("webdataset", "sky", 8),
        ("webdataset", "sky.tar", 16),
        ("parquet", "sky.parquet", 16),
        ("csv", "sky.csv", 16),
    ],
)
def test_the_code_in_the_card_loads_the_data(sky, tmp_path, monkeypatch, format_, place, images):
    pytest.importorskip("datasets")
    pytest.importorskip("webdataset")
    monkeypatch.chdir(tmp_path)
    few = partial(exporter.write_web_dataset, shard_images=3)
    monkeypatch.setattr(exporter, "write_web_dataset", few)
    done = export_images(sky, Path(place), format_=format_)
    code = done.card.read_text("utf-8").partition("```python\n")[2].partition("```")[0]
    names = {}
    with of_a_library():
        exec(code, names)
        found = names["found"]
        rows = found["train"] if isinstance(found, dict) else found
        assert len(list(rows.iterrows() if format_ == "csv" else rows)) == images
