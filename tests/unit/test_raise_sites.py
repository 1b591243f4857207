"""Every error that this package makes says what happened, to what, and what to do.

The source is read, so that errors which no test reaches are held to it, too.
"""

import ast
import pickle
from pathlib import Path

import pytest

import cosmic_morphology
from cosmic_morphology import errors
from cosmic_morphology.collect.harvest.items import FetchFailedError, FetchState

SOURCE = Path(cosmic_morphology.__file__).parent
FILES = {path.relative_to(SOURCE).as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in FILES.items()}
OURS = {name for name, value in vars(errors).items() if isinstance(value, type)}
OURS |= {
    node.name
    for tree in TREES.values()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef)
    and any(isinstance(base, ast.Name) and base.id in OURS for base in node.bases)
}
# What the whole program met has no place: Ctrl-C, no memory left, an option that is none.
WITHOUT_PLACE = {"cli/__init__.py", "cli/faults.py"}
# Python's own exceptions, where a caller inside this package or its libraries expects them.
PYTHONS = {
    "atlas/engine.py": {"ValueError"},  # a column function that breaks its contract
    "atlas/schema.py": {"KeyError"},  # likewise
    "atlas/storage/faults.py": {"ValueError"},  # translated by the frame around it
    "atlas/storage/store.py": {"FileNotFoundError"},  # translated by every reader
    "atlas/verification/files.py": {"FileNotFoundError"},  # becomes a problem in the list
    "cli/__init__.py": {"typer.Exit"},
    "cli/atlas.py": {"typer.Exit"},
    "cli/checked.py": {"typer.BadParameter"},  # Typer adds the option and what to try
    "cli/collect.py": {"typer.Exit"},
    "cli/sweep.py": {"typer.Exit"},
    "collect/http/client.py": {"RuntimeError"},  # used outside of its block
    "collect/http/resolver.py": {"OSError"},  # what aiohttp expects of a resolver
    "collect/http/retries.py": {"AssertionError"},  # cannot be reached
    "collect/sources/folder/storage.py": {"OSError"},  # counted as an unreadable file
    "collect/sources/folder/zip_storage.py": {"zipfile.BadZipFile"},  # likewise
    "curate/split/assign.py": {"ValueError"},  # a function of arrays
    "evaluate/evaluate.py": {"ValueError"},  # cannot be reached
    "imaging/colour.py": {"ValueError"},  # becomes a refused image
    "imaging/formats/tiff_tags.py": {"struct.error"},  # becomes a refused image
    "imaging/workers/decode_pool.py": {"OSError"},  # becomes a refused image
    "lazy.py": {"AttributeError"},  # what Python expects of __getattr__
    "learn/models/split_backbone.py": {"_EnoughError"},  # ends a forward pass
    "learn/recipes.py": {"ValueError"},  # pydantic makes a SettingsError's text of it
    "learn/run_folder/documents.py": {"ValueError"},  # likewise; a name that is no document
    "learn/sweep_space.py": {"ValueError"},  # likewise
    "learn/training/loop.py": {"ValueError", "KeyboardInterrupt"},  # a bad checkpoint; Ctrl-C
    "replica/archives/commons.py": {"ValueError"},  # becomes the answer 400
    "replica/archives/cutouts.py": {"ValueError"},  # likewise
    "replica/catalogue.py": {"FileNotFoundError", "IndexError"},  # 404; ends an iteration
    "replica/faults.py": {"CutShortError"},  # cuts a connection on purpose
    "replica/renditions.py": {"FileNotFoundError"},  # becomes the answer 404
    "replica/responses.py": {"ValueError"},  # becomes the answer 400
    "settings/jobs.py": {"ValueError"},  # pydantic makes a SettingsError's text of it
    "stats/metrics.py": {"ValueError"},  # functions of arrays
    "taxonomy.py": {"ValueError"},  # pydantic makes a TaxonomyError's text of it
}


def made(tree):
    """Each call that makes an error of ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OURS:
            yield node


def raised(tree):
    """Names of what is raised, where it is made on the spot or named."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            exc = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            yield node, ast.unparse(exc)


def is_empty(node):
    return isinstance(node, ast.Constant) and (node.value is None or not str(node.value).strip())


@pytest.mark.parametrize("name", FILES)
def test_each_error_says_what_where_and_what_to_do(name):
    for call in made(TREES[name]):
        place = f"{name}:{call.lineno}: {ast.unparse(call)}"
        given = {each.arg: each.value for each in call.keywords}
        splat = None in given  # a dict of the rest
        needed = {"where"} if call.func.id == "FetchFailedError" else {"where", "todo"}
        if name in WITHOUT_PLACE:
            needed -= {"where"}
        assert call.args, place
        assert not any(is_empty(each) for each in [*call.args, *given.values()]), place
        assert splat or needed <= given.keys(), place
        what = call.args[-1]
        texts = what.values if isinstance(what, ast.JoinedStr) else [what]
        if isinstance(texts[-1], ast.Constant) and isinstance(texts[-1].value, str):
            assert not texts[-1].value.rstrip().endswith("."), f"{place} has a full stop of its own"


@pytest.mark.parametrize("name", FILES)
def test_no_exception_of_python_reaches_a_person(name):
    foreign = set()
    for node, exc in raised(TREES[name]):
        is_class = exc.split(".")[-1].lstrip("_")[0].isupper() or exc == "struct.error"
        if exc in OURS or not is_class:
            continue  # of ours, made by a function of ours, or caught and raised again
        if exc not in PYTHONS.get(name, set()):
            raise AssertionError(f"{name}:{node.lineno} raises {exc}")
        foreign.add(exc)
    # No exception stays allowed that is raised no more.
    assert PYTHONS.get(name, set()) == foreign


@pytest.mark.parametrize("name", FILES)
def test_no_function_that_makes_an_error_leaves_out_what_to_do(name):
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.FunctionDef) and node.name != "__init__" and list(made(node)):
            spec = node.args
            last = spec.args[len(spec.args) - len(spec.defaults) :]
            defaults = [*zip(last, spec.defaults, strict=True)]
            defaults += [*zip(spec.kwonlyargs, spec.kw_defaults, strict=True)]
            for argument, default in defaults:
                assert not (argument.arg == "todo" and default is not None and is_empty(default)), (
                    f"{name}:{node.lineno} {node.name}"
                )


@pytest.mark.parametrize("state", FetchState)
def test_each_state_of_a_failed_address_says_what_to_do(state):
    error = FetchFailedError(state, "word", "it failed", where="https://example.org/a.jpg")
    assert error.todo.endswith(".")


def test_an_error_of_a_worker_process_arrives_as_it_was():
    for error in (
        errors.InputError("it is empty", where="a.csv", todo="Give another."),
        errors.ImageError("blank", "it is blank", where="x", todo="Look."),
        FetchFailedError(FetchState.GONE, "http_404", "gone", where="https://example.org", tries=3),
    ):
        back = pickle.loads(pickle.dumps(error))
        assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
