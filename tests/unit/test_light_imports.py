"""What a person waits for: each verb imports what it needs, and a wrong word needs next to nothing.

Times depend on the machine, modules do not: so modules are asserted, in processes of their own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from training_sky import LEARN, TAXONOMY, drawn, fill, runs_in

from cosmic_morphology import cli
from cosmic_morphology.learn import export_onnx, load_trained_model
from cosmic_morphology.without_pandas import do_without_pandas, is_without_pandas

# Each takes from a tenth of a second to several seconds to import.
HEAVY = {
    "PIL", "aiohttp", "astropy", "cleanlab", "galsim", "jinja2", "lance", "lightning",
    "matplotlib", "numpy", "onnx", "onnxruntime", "optuna", "pandas", "pyarrow", "ray", "scipy",
    "sklearn", "sympy", "timm", "torch", "torch._dynamo", "torchmetrics", "torchvision", "umap",
}  # fmt: skip
ATLAS = {"lance", "numpy", "pyarrow"}
PIXELS = {*ATLAS, "PIL"}
TORCH = {"onnx", "onnxruntime", "timm", "torch", "torchvision"}
# What each verb may import; all else of the above it must not.
MAY_IMPORT = {
    "cite": set(),
    "--version": set(),
    "runs": {"numpy"},
    "model-card linear-probe": set(),
    "atlas info": ATLAS,
    "atlas versions": ATLAS,
    "atlas verify": ATLAS,
    "atlas cleanup --dry-run": ATLAS,
    "status": {*PIXELS, "aiohttp"},
    "import more": {*PIXELS, "aiohttp"},
    "explain drawn:comet-00": {*PIXELS, "scipy"},
    "split": {*PIXELS, "scipy"},
    "explore": {*PIXELS, "jinja2", "matplotlib"},
    "predict tiny.onnx one.jpg": {"PIL", "numpy", "onnxruntime"},
    "predict linear-probe one.jpg": {*TORCH, "PIL", "numpy"},
    "evaluate linear-probe": {*PIXELS, *TORCH, "scipy"},
    "evaluate tiny.onnx": {*PIXELS, "onnxruntime", "scipy"},
}
TAKES_LONG = {
    "embed --backbone resnet10t --weights random": {*PIXELS, *TORCH},
    "curate": {*PIXELS, "jinja2", "matplotlib", "pandas", "scipy", "sklearn"},
    "report linear-probe": {
        *(*PIXELS, *TORCH, "jinja2", "matplotlib", "pandas", "scipy", "sklearn"),
    },
    "synthesize --per-class 1 --class star": {*PIXELS, "astropy", "galsim", "scipy"},
}
# Wrong in a way that is seen without reading anything.
WRONG = (
    "train --nodes 0",
    "train --recipe",
    "evaluate",
    "evaluate no-such-run",
    "predict no-such-run one.jpg",
    "predict tiny.onnx no-such-file.jpg",
    "predict tiny.onnx one.jpg --reject-below 2",
    "explore --config no-such-file.toml",
    "embed --engine moon",
    "curate --nothing",
    "split --seed -1",
    "report no-such-run",
    "export --format moon",
    "status --config no-such-file.toml",
    "duplicates --out copies.txt",
    "no-such-verb",
)
# Each verb in a child of its own, from a process that has imported the command line.
ASK = """
import json, os, sys
from cosmic_morphology.cli import main
answer = os.dup(1)
os.dup2(2, 1)
heavy, verbs = json.load(sys.stdin)
for verb in verbs:
    child = os.fork()
    if not child:
        sys.argv = ["cosmic", *verb.split()]
        try:
            main()
        except SystemExit as ended:
            said = {"code": ended.code, "imported": sorted(set(heavy) & set(sys.modules))}
            os.write(answer, (json.dumps(said) + "\\n").encode())
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A folder with an atlas, a run, its export, and images to predict and to import."""
    folder = tmp_path_factory.mktemp("project")
    atlas = fill(folder / "cosmic-atlas")
    run = runs_in(folder / "cosmic-out")(atlas)
    export_onnx(load_trained_model(run.path, learn=LEARN), folder / "tiny.onnx")
    (folder / "more" / TAXONOMY.names[0]).mkdir(parents=True)
    for place in (folder, folder / "more" / TAXONOMY.names[0]):
        (place / "one.jpg").write_bytes(drawn((200, 40, 40), 3))
    return folder


def ask(folder: Path, verbs) -> dict[str, dict]:
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=folder, input=json.dumps([sorted(HEAVY), list(verbs)]),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(verbs), done.stderr
    return {
        verb: {**answer, "told": done.stderr} for verb, answer in zip(verbs, answers, strict=True)
    }


def check(folder: Path, table: dict[str, set[str]]) -> None:
    for verb, found in ask(folder, table).items():
        assert found["code"] == 0, (verb, found)
        assert set(found["imported"]) <= table[verb], verb


def test_a_verb_imports_only_what_it_needs(project):
    check(project, MAY_IMPORT)


@pytest.mark.long
def test_verbs_that_compute_import_only_what_they_need(project):
    check(project, TAKES_LONG)


def test_a_wrong_word_is_refused_before_anything_heavy_is_imported(project):
    for verb, found in ask(project, WRONG).items():
        assert found["code"] == 2, (verb, found)
        assert not set(found["imported"]) - {"numpy", "onnxruntime"}, verb


def test_of_the_verbs_only_the_asked_one_is_imported():
    script = (
        "import sys; from cosmic_morphology.cli import main\n"
        "sys.argv = ['cosmic', 'model-card', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    print('\\n', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    modules = {
        f"cosmic_morphology.cli.{file.stem}" for file in Path(cli.__file__).parent.glob("*.py")
    }
    verbs = {each for each in modules if hasattr(import_module(each), "command")}
    assert len(verbs) > 20
    assert verbs & set(done.stdout.split()) == {"cosmic_morphology.cli.model_card"}


PANDAS_LATER = """
import sys
from cosmic_morphology.without_pandas import do_without_pandas, is_without_pandas
do_without_pandas()
import cosmic_morphology.atlas
import pyarrow as pa
assert pa.array([1.5, None, "x"][:2]).null_count == 1
assert is_without_pandas() and "pandas" not in sys.modules
{first}
import numpy as np, pandas as pd
assert not is_without_pandas()
assert pa.array(pd.Series([1.0, np.nan])).null_count == 1
frame = pd.DataFrame({{"a": [1.0, np.nan], "t": [pd.Timestamp("2026-01-01"), pd.NaT]}})
assert pa.Table.from_pandas(frame).to_pandas().equals(frame)
"""


@pytest.mark.parametrize("first", ["", "assert pa.table({'a': [1]}).to_pandas().shape == (1, 1)"])
def test_whoever_imports_pandas_later_gets_all_of_it(first):
    pytest.importorskip("pandas")
    subprocess.run([sys.executable, "-c", PANDAS_LATER.format(first=first)], check=True)


def test_a_process_that_has_arrow_already_stays_as_it_is():
    before = list(sys.meta_path)
    do_without_pandas()
    assert sys.meta_path == before
    assert not is_without_pandas()


def test_timm_without_the_compiler_leaves_the_compiler_to_others():
    script = (
        "import sys, torch\n"
        "from cosmic_morphology.learn.models.light_timm import NoNumbers, timm\n"
        "assert not {'torch._dynamo', 'sympy'} & set(sys.modules)\n"
        "with torch.device('meta'), NoNumbers():\n"
        "    net = timm.create_model('tf_efficientnet_b4')\n"
        "assert net.get_parameter('classifier.bias').shape == (1000,)\n"
        "assert not {'torch._dynamo', 'sympy'} & set(sys.modules)\n"
        "from torchvision.ops.roi_align import is_compile_supported\n"
        "assert isinstance(is_compile_supported('cpu'), bool)\n"
        "assert sys.modules['torch._dynamo'].__file__\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
