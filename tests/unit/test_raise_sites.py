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
    "engine/answers.py": {"TypeError", "ValueError"},  # a fault of a task; a lost worker
    "engine/processes.py": {"EOFError"},  # a worker that died: its task is done again
    "engine/work.py": {"ValueError"},  # a column function that breaks its contract
    "evaluate/evaluate.py": {"ValueError"},  # cannot be reached
    "frames.py": {"ValueError"},  # becomes a lost worker, or a refused image
    "imaging/colour.py": {"ValueError"},  # becomes a refused image
    "imaging/formats/tiff_tags.py": {"struct.error"},  # becomes a refused image
    "imaging/workers/decode_pool.py": {"OSError"},  # becomes a refused image
    "lazy.py": {"AttributeError"},  # what Python expects of __getattr__
    "learn/models/frozen_cache.py": {"ValueError"},  # torch does it instead, and says so
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
    "serve/access/guard.py": {"_RefusedError"},  # becomes the answer that it names
    "serve/access/reviewers.py": {"TooManyTriesError"},  # becomes the answer 429
    "serve/access/sessions.py": {"HTTPException"},  # becomes the answer 401
    "serve/api/predict.py": {"HTTPException"},  # becomes the answer 429
    "serve/api/saliency.py": {"HTTPException"},  # likewise
    "serve/classifier.py": {"ModuleNotFoundError"},  # becomes a MissingExtraError
    "settings/jobs.py": {"ValueError"},  # pydantic makes a SettingsError's text of it
    "stats/metrics.py": {"ValueError"},  # functions of arrays
    "taxonomy/model.py": {"ValueError"},  # pydantic makes a TaxonomyError's text of it
    "taxonomy/parts.py": {"ValueError"},  # likewise
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


def lacks(name, call):
    """What a call that makes an error leaves out."""
    given = {each.arg: each.value for each in call.keywords}
    if not call.args or any(is_empty(each) for each in [*call.args, *given.values()]):
        return "a text is empty"
    needed = {"where"} if call.func.id == "FetchFailedError" else {"where", "todo"}
    missing = needed - given.keys() - ({"where"} if name in WITHOUT_PLACE else set())
    if missing and None not in given:  # a dict of the rest is given as a whole
        return f"it lacks {', '.join(sorted(missing))}"
    what = call.args[-1]
    last = what.values[-1] if isinstance(what, ast.JoinedStr) else what
    if isinstance(last, ast.Constant) and str(last.value).rstrip().endswith("."):
        return "it has a full stop of its own"
    return ""


def test_each_error_says_what_where_and_what_to_do():
    calls = [(name, call) for name, tree in TREES.items() for call in made(tree)]
    assert len(calls) > 200
    faults = [
        f"{name}:{call.lineno}: {why}: {ast.unparse(call)}"
        for name, call in calls
        if (why := lacks(name, call))
    ]
    assert faults == []


def test_no_exception_of_python_reaches_a_person():
    found: dict[str, set[str]] = {}
    for name, tree in TREES.items():
        for _, exc in raised(tree):
            is_class = exc.split(".")[-1].lstrip("_")[0].isupper() or exc == "struct.error"
            # Others are made by a function of ours, or caught and raised again.
            if is_class and exc not in OURS:
                found.setdefault(name, set()).add(exc)
    # No exception stays allowed that is raised no more.
    assert found == PYTHONS


def test_no_function_that_makes_an_error_leaves_out_what_to_do():
    faults = []
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or node.name == "__init__":
                continue
            spec = node.args
            last = spec.args[len(spec.args) - len(spec.defaults) :]
            defaults = [*zip(last, spec.defaults, strict=True)]
            defaults += [*zip(spec.kwonlyargs, spec.kw_defaults, strict=True)]
            empty = [each.arg for each, default in defaults if default and is_empty(default)]
            if "todo" in empty and list(made(node)):
                faults.append(f"{name}:{node.lineno} {node.name}")
    assert faults == []


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
