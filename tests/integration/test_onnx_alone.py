"""An exported file predicts without torch, as ten lines of Pillow do, and a hostile one says so."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image
from training_sky import TAXONOMY

from cosmic_morphology.errors import InputError
from cosmic_morphology.learn import OnnxModel, TrainedModel, export_onnx, load_model, predict_bytes
from cosmic_morphology.learn.export.onnx_export import export_onnx as export
from cosmic_morphology.learn.models.network import Head, Network
from cosmic_morphology.learn.models.preprocessing import Preprocessing

CLASSES = TAXONOMY.names
SIDE = 24
META = {
    "name": "tiny",
    "precision": "float32",
    "classes": json.dumps(CLASSES),
    "preprocessing": json.dumps(asdict(Preprocessing(SIDE, (0.5,) * 3, (0.2,) * 3))),
    "reject_below": "0.25",
}
# What a person writes who has the file, Pillow, numpy and onnxruntime, and reads its metadata.
TEN_LINES = """
import json, sys
import numpy as np, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1])
said = session.get_modelmeta().custom_metadata_map
how = json.loads(said["preprocessing"])
side, filter_ = how["size_px"], Image.Resampling[how["interpolation"].upper()]
for name in sys.argv[2:]:
    square = Image.open(name).convert("RGB").resize((side, side), filter_)
    answer = session.run(None, {"pixels": np.asarray(square)[None]})[0][0]
    print(json.dumps(dict(zip(json.loads(said["classes"]), answer.tolist()))))
"""
BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "timm", "lightning", "torchvision", "torchmetrics",
                                      "onnx", "safetensors", "cleanlab"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
from cosmic_morphology.cli import main
sys.argv = ["cosmic", *sys.argv[1:]]
main()
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """A small real network with a head that tells images apart, as one file."""
    import timm
    import torch

    torch.manual_seed(3)
    backbone = timm.create_model("resnet10t", pretrained=False, num_classes=0).eval()
    head = Head(512, len(CLASSES))
    torch.nn.init.normal_(head.layers[-1].weight, std=0.4)
    model = TrainedModel(
        "tiny", CLASSES, Network(backbone, head).eval(),
        Preprocessing(64, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)), views=2, temperature=0.7,
    )  # fmt: skip
    return export_onnx(model, tmp_path_factory.mktemp("export") / "tiny.onnx").path


def sky(width: int, height: int, mode: str, seed: int) -> Image.Image:
    """A textured image, in which it shows how it was shrunk."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = 90 * np.sin(x / 3.0) * np.cos(y / 4.0) + random.normal(0, 30, (height, width))
    pixels = np.clip(110 + waves[..., None] * [1.0, 0.6, -0.8], 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def images_in(folder: Path) -> list[Path]:
    files = []
    for number, (size, mode, ending) in enumerate([
        ((20, 20), "RGB", "png"), ((64, 64), "RGB", "png"), ((65, 40), "RGB", "jpg"),
        ((300, 200), "RGB", "jpg"), ((1500, 900), "RGB", "jpg"), ((700, 1800), "RGB", "png"),
        ((900, 900), "L", "jpg"), ((640, 480), "L", "png"), ((800, 300), "P", "png"),
        ((513, 511), "RGB", "webp"), ((400, 400), "RGB", "bmp"), ((600, 500), "RGB", "tiff"),
        ((300, 300), "P", "gif"), ((500, 700), "1", "png"),
    ]):  # fmt: skip
        file = folder / f"{number:02d}-{mode}.{ending}"
        how = {"quality": 95} if ending in ("jpg", "webp") else {}
        sky(*size, mode, number).save(file, **how)
        files.append(file)
    return files


def test_ten_lines_of_pillow_give_the_answers_of_predict_without_torch(exported, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    files = images_in(folder)
    theirs = subprocess.run(
        [sys.executable, "-c", TEN_LINES, exported, *files],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    ours = subprocess.run(
        [sys.executable, "-c", BLOCKED, "predict", exported, folder, "--json"],
        check=True, capture_output=True, text=True, cwd=tmp_path,
    ).stdout  # fmt: skip
    answers = {each["file"]: each["probabilities"] for each in json.loads(ours)["answers"]}
    assert len(answers) == len(theirs) == len(files)
    spread = []
    for file, line in zip(files, theirs, strict=True):
        alone = json.loads(line)
        assert answers[str(file)] == pytest.approx(alone, abs=1e-5), file.name
        spread.append(max(alone.values()))
    # Answers that are all the same would show nothing.
    assert max(spread) - min(spread) > 0.05


def test_the_images_of_these_tests_show_how_often_they_were_shrunk(exported, tmp_path):
    from cosmic_morphology.imaging import ingest_image

    file = images_in(tmp_path)[4]
    model = OnnxModel(exported)
    once = next(predict_bytes(model, {"a": file.read_bytes()})).probabilities
    twice = model.predict([ingest_image(file.read_bytes()).thumbnail])[0]
    assert np.abs(twice - np.array([*once.values()])).max() > 1e-4


def test_a_run_says_of_a_large_image_what_its_export_says(tmp_path):
    import timm

    backbone = timm.create_model("resnet10t", pretrained=False, num_classes=0).eval()
    network = Network(backbone, Head(512, len(CLASSES))).eval()
    model = TrainedModel("tiny", CLASSES, network, Preprocessing(64, (0.4,) * 3, (0.2,) * 3))
    file = OnnxModel(export(model, tmp_path / "tiny.onnx").path)
    data = io.BytesIO()
    sky(1500, 1000, "RGB", 1).save(data, "JPEG", quality=95)
    answers = [next(predict_bytes(each, {"a": data.getvalue()})) for each in (model, file)]
    assert answers[0].probabilities == pytest.approx(answers[1].probabilities, abs=1e-4)


def test_predicting_without_the_runtime_says_what_to_install(exported, tmp_path):
    sky(50, 50, "RGB", 1).save(tmp_path / "a.png")
    script = BLOCKED.replace('"onnx",', '"onnx", "onnxruntime",')
    done = subprocess.run(
        [sys.executable, "-c", script, "predict", exported, tmp_path / "a.png"],
        check=False, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "[onnx]" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_metadata_says_in_words_how_to_feed_the_file(exported):
    said = {each.key: each.value for each in onnx.load(str(exported)).metadata_props}
    assert "Image.resize((64, 64), Image.Resampling.BICUBIC)" in said["input"]


# ---- hostile files ---------------------------------------------------------------------------


def graph(k: int = len(CLASSES), side: int = SIDE, *, nodes=(), weights=()):
    """pixels -> probabilities: the mean of the image, and a constant of K numbers."""
    shape = helper.make_tensor("k", TensorProto.FLOAT, [1, k], [1.0 / k] * k)
    own = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Mul", ["column", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "k"], ["probabilities"]),
    ]
    ints = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("last", TensorProto.INT64, [1], [1]),
        helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
    ]
    return helper.make_graph(
        [*nodes, *own], "g",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", side, side, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", k])],
        [shape, *ints, *weights],
    )  # fmt: skip


def write(path: Path, meta: dict[str, str], made=None, **more) -> Path:
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(made or graph(), opset_imports=opset, ir_version=9, **more)
    for key, value in meta.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as told:
        load_model(path).predict_pixels(np.zeros((2, SIDE, SIDE, 3), np.uint8))
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 2000
    return str(told.value)


def how(**changes) -> dict[str, str]:
    said = json.loads(META["preprocessing"]) | changes
    return META | {"preprocessing": json.dumps(said)}


def test_the_honest_file_of_these_tests_is_taken(tmp_path):
    model = OnnxModel(write(tmp_path / "a.onnx", META))
    said = model.predict_pixels(np.zeros((2, SIDE, SIDE, 3), np.uint8))
    assert said.shape == (2, len(CLASSES))


@pytest.mark.parametrize(
    "meta",
    [
        {},
        *({key: value for key, value in META.items() if key != left} for left in
          ("name", "classes", "preprocessing", "reject_below")),
        how(size_px=10**9), how(size_px=-1), how(size_px=0), how(size_px=float("nan")),
        how(size_px=25), how(size_px="24"), how(size_px=None), how(interpolation="magic"),
        how(mean=[1]), how(std=[0, 0, 0]), how(mean="abc"), how(mean=[float("inf")] * 3),
        META | {"preprocessing": "[]"}, META | {"preprocessing": "5"},
        META | {"preprocessing": "{"}, META | {"preprocessing": "[" * 100_000},
        META | {"classes": '["a", "b"]'}, META | {"classes": '["a", "a", "b"]'},
        META | {"classes": '["a", "b", "c", "d"]'}, META | {"classes": "[]"},
        META | {"classes": '{"a": 1}'}, META | {"classes": "[1, 2, 3]"},
        META | {"classes": '["a", "b", "\\ud800"]'}, META | {"classes": '"abc"'},
        META | {"name": "a` OR 1=1"}, META | {"name": ""}, META | {"name": "../x"},
        META | {"precision": "x`y"}, META | {"reject_below": "nan"},
        META | {"reject_below": "2"}, META | {"reject_below": "much"},
        META | {"reject_below": "9" * 5000},
    ],
    ids=lambda meta: ascii(meta)[-40:],
)  # fmt: skip
def test_metadata_that_cannot_be_is_one_line(tmp_path, meta):
    refusal(write(tmp_path / "a.onnx", meta))


@pytest.mark.parametrize("data", [b"", b"x", b"\x08", b"<html>", b"\xff" * 1000, b"ORTM" * 99])
def test_bytes_that_are_no_network_are_one_line(tmp_path, data):
    (tmp_path / "a.onnx").write_bytes(data)
    refusal(tmp_path / "a.onnx")


def test_cut_files_are_one_line(tmp_path, exported):
    whole = exported.read_bytes()
    for end in (10, 1000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "a.onnx").write_bytes(whole[:end])
        refusal(tmp_path / "a.onnx")


@pytest.mark.parametrize("place", ["/etc/hostname", "../secret.bin", "link.bin", "beside.bin"])
def test_weights_in_another_file_are_never_read(tmp_path, place):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(12))
    (folder / "beside.bin").write_bytes(bytes(12))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    made = graph()
    weight = made.initializer[0]
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", place), ("length", "12")):
        entry = weight.external_data.add()
        entry.key, entry.value = key, value
    assert "another file" in refusal(write(folder / "a.onnx", META, made))


def test_networks_that_may_never_end_are_refused(tmp_path):
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []),
         helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, [])],
    )  # fmt: skip
    weights = [
        helper.make_tensor("m", TensorProto.INT64, [], [2**62]),
        helper.make_tensor("t", TensorProto.BOOL, [], [True]),
    ]
    loop = helper.make_node("Loop", ["m", "t"], [], body=body)
    assert "not a model of ours" in refusal(
        write(tmp_path / "a.onnx", META, graph(nodes=[loop], weights=weights))
    )
    own = helper.make_function(
        "own", "f", ["x"], ["y"], [helper.make_node("Identity", ["x"], ["y"])],
        [helper.make_opsetid("", 18)],
    )  # fmt: skip
    assert "functions" in refusal(write(tmp_path / "b.onnx", META, functions=[own]))


def test_shapes_that_its_metadata_does_not_speak_of_are_refused(tmp_path):
    for made in (graph(k=2), graph(k=4), graph(side=SIDE + 1), graph(side=1)):
        refusal(write(tmp_path / "a.onnx", META, made))
    other = graph()
    other.input[0].name = other.node[0].input[0] = "image"
    refusal(write(tmp_path / "b.onnx", META, other))


def test_files_that_are_no_files_or_far_too_large_are_refused(tmp_path):
    os.mkfifo(tmp_path / "a.onnx")
    (tmp_path / "b.onnx").symlink_to("/dev/zero")
    (tmp_path / "c.onnx").mkdir()
    with (tmp_path / "d.onnx").open("wb") as large:
        large.truncate(2**40)
    for name in "abcd":
        refusal(tmp_path / f"{name}.onnx")


TEXTS = st.text(max_size=20) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*json.loads(META["preprocessing"]), "x"]), inner)
    ),
    max_leaves=4,
).map(json.dumps)


def fuzzed(folder: Path, examples: int) -> None:
    path = folder / "a.onnx"

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.sampled_from(sorted(META)), TEXTS.filter(lambda text: text.isprintable()))
    def any_text_in_any_key(key, text):
        write(path, META | {key: text})
        try:
            OnnxModel(path).predict_pixels(np.zeros((1, SIDE, SIDE, 3), np.uint8))
        except InputError as error:
            refused.append(str(error))

    refused: list[str] = []
    any_text_in_any_key()
    assert refused
    assert not [line for line in refused if "\n" in line]


def test_any_text_in_any_key_of_the_metadata_is_one_line_or_taken(tmp_path):
    fuzzed(tmp_path, 60)


@pytest.mark.long
def test_any_text_in_any_key_of_the_metadata_at_length(tmp_path):
    fuzzed(tmp_path, 3000)


def test_flipped_bytes_are_one_line_or_still_a_model(tmp_path, exported):
    whole = bytearray(exported.read_bytes())
    random = np.random.default_rng(0)
    for _ in range(12):
        changed = bytearray(whole)
        # The structure stands at the ends; between them are weights.
        at = int(random.choice([random.integers(0, 400), len(whole) - random.integers(1, 900)]))
        changed[at] ^= 1 << int(random.integers(8))
        (tmp_path / "a.onnx").write_bytes(changed)
        try:
            model = load_model(tmp_path / "a.onnx")
            side = model.preprocessing.size_px
            model.predict_pixels(np.zeros((1, side, side, 3), np.uint8))
        except InputError as error:
            line = str(error)
            assert "\n" not in line, line
