"""Nothing that came from a file or the network is unpickled or run as code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import cosmic_morphology

SOURCE = Path(cosmic_morphology.__file__).parent
# What turns bytes into objects by running what they say.
FORBIDDEN_MODULES = {
    *("pickle", "_pickle", "cPickle", "pickletools", "shelve", "marshal", "dill", "cloudpickle"),
    *(
        "joblib",
        "jsonpickle",
        "pandas",
        "code",
        "codeop",
        "runpy",
        "torch.hub",
        "sklearn.externals",
    ),
}
FORBIDDEN_CALLS = {
    *("eval", "exec", "compile", "__import__"),
    *("torch.hub.load", "torch.hub.load_state_dict_from_url", "torch.jit.load"),
    *("torch.package.PackageImporter", "torch.export.load", "torch.compiler.load_cache_artifacts"),
    *("yaml.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "logging.config.listen"),
    *("np.fromregex", "pa.deserialize", "pa.read_serialized"),
}
FORBIDDEN_METHODS = {"load_from_checkpoint", "load_state_dict_from_url", "read_pickle", "to_pickle"}
# From a process to the child that it starts, over the child's own pipe, and never back: a child
# reads what strangers have made. Two libraries do otherwise by themselves, in what they carry
# between the machines of a person, and cannot be told not to: Ray (engine = "ray") and Lightning
# (training in several processes).
TO_A_CHILD = {
    "replica/server.py": "pickle",
    "replica/__main__.py": "pickle",
    "engine/orders.py": "pickle",
}
# What runs in workers alone.
OF_WORKERS = {"engine/worker.py", "engine/work.py"}
# Makes a data frame of our own rows; its readers of pickles are found by name below.
MAKES_FRAMES = {"io_utils.py": "pandas"}
# Reads with an allow-list, and only so: argument and the value that it must have.
NEEDED = {"torch.load": ("weights_only", True)}
NEVER = {"allow_pickle": True, "weights_only": False}


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def faults_in(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found += [f"imports {n}" for n in names if n in FORBIDDEN_MODULES or n in FORBIDDEN_CALLS]
        found += [
            f"imports {n}" for n in names if n.partition(".")[0] in FORBIDDEN_MODULES - {"torch"}
        ]
        # `from torch import load` would hide the call from this test.
        found += [f"imports {n}" for n in names if n in (*NEEDED, "numpy.load")]
        if not isinstance(node, ast.Call):
            continue
        called = dotted(node.func)
        if called in FORBIDDEN_CALLS or called.rpartition(".")[2] in FORBIDDEN_METHODS:
            found.append(f"calls {called}")
        given = {
            word.arg: word.value.value if isinstance(word.value, ast.Constant) else "not a constant"
            for word in node.keywords
        }
        if called in NEEDED and given.get(NEEDED[called][0]) is not NEEDED[called][1]:
            found.append(f"calls {called} without {NEEDED[called]}")
        if called in ("np.load", "numpy.load") and len(node.args) > 2:
            found.append(f"calls {called} with more than a file")
        for word, value in NEVER.items():
            if given.get(word, not value) in (value, "not a constant"):
                found.append(f"gives {word}")
    return found


@pytest.mark.parametrize(
    "file", sorted(SOURCE.rglob("*.py")), ids=lambda f: str(f.relative_to(SOURCE))
)
def test_no_file_of_the_program_unpickles_or_evaluates(file):
    own = (TO_A_CHILD | MAKES_FRAMES).get(str(file.relative_to(SOURCE)))
    assert set(faults_in(file.read_text("utf-8"))) <= {f"imports {own}"}


def test_no_driver_unpickles_what_a_worker_sends():
    reads = {
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        if "unpack_order" in file.read_text("utf-8")
    }
    assert reads == {"engine/orders.py", *OF_WORKERS}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib as j",
        "import shelve",
        "from cloudpickle import load",
        "import torch\ntorch.load('a')",
        "import torch\ntorch.load('a', weights_only=False)",
        "import torch\ntorch.load('a', weights_only=flag)",
        "from torch import load",
        "import torch\ntorch.hub.load('a', 'b')",
        "trainer.fit(module, weights_only=False)",
        "Classifier.load_from_checkpoint('a')",
        "np.load('a', allow_pickle=True)",
        "np.load('a', None, True)",
        "yaml.load(text)",
        "eval(text)",
        "exec(text)",
        "import marshal",
        "import dill",
    ],
)
def test_the_rule_sees_what_it_is_for(text):
    assert faults_in(text)


def test_the_rule_lets_pass_what_is_safe():
    assert not faults_in("import torch, numpy as np\ntorch.load('a', weights_only=True)")
    assert not faults_in("with np.load('a') as found: model.eval()")
    assert not faults_in("np.load('a', allow_pickle=False)")
