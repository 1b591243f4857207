"""Finished runs in MLflow: what their folders say, for those who compare runs there.

The folder of a run stays the truth: everything is read from its files (``history.csv`` is always
written), so that runs can be tracked at any time, also those that were made without.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from cosmic_morphology.extras import needs
from cosmic_morphology.learn.run_folder.documents import METRICS, SETTINGS
from cosmic_morphology.learn.run_folder.folder import FINISHED, Run, read_run
from cosmic_morphology.learn.run_folder.history import HISTORY
from cosmic_morphology.learn.run_folder.val_predictions import FILE as VAL

EXPERIMENT = "cosmic-morphology"
_KEY, _FOLDER = "cosmic.key", "cosmic.folder"
_FILES = (SETTINGS, METRICS, HISTORY, VAL, "model_card.md")
_METRICS_AT_ONCE = 500


def track_run(run_folder: Path, *, out: Path) -> str:
    """Log a finished run; one that is there already is left alone.

    Parameters
    ----------
    run_folder : Path
        Of the run.
    out : Path
        Without ``MLFLOW_TRACKING_URI`` in the environment everything goes to ``<out>/mlflow``.

    Returns
    -------
    str
        Where MLflow keeps it.

    Raises
    ------
    InputError
        There is no finished run here.
    MissingExtraError
        MLflow is not installed.
    """
    run = read_run(run_folder)
    with needs("Logging to MLflow"):
        mlflow = import_module("mlflow")
    _quieten()
    uri, artifacts = _place(out)
    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(EXPERIMENT)
    experiment = (
        found.experiment_id
        if found
        else client.create_experiment(EXPERIMENT, artifact_location=artifacts)
    )
    if _is_there(client, experiment, run.key, run.name):
        return uri
    tags = {_KEY: run.key, _FOLDER: str(run_folder.resolve())}
    new = client.create_run(experiment, run_name=run.name, tags=tags).info.run_id
    for name, value in _parameters(run):
        client.log_param(new, name, value)
    metrics = list(_metrics(mlflow.entities.Metric, run))
    for start in range(0, len(metrics), _METRICS_AT_ONCE):
        client.log_batch(new, metrics=metrics[start : start + _METRICS_AT_ONCE])
    for file in _FILES:
        if (run_folder / file).is_file():
            client.log_artifact(new, str(run_folder / file))
    client.set_terminated(new)
    return uri


def _place(out: Path) -> tuple[str, str | None]:
    """Address of the tracking server, and where a new experiment keeps its files."""
    if given := os.environ.get("MLFLOW_TRACKING_URI"):
        return given, None
    folder = (out / "mlflow").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # MLflow has given up plain folders of files: its database of one file is their successor.
    return f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri()


def _is_there(client: Any, experiment: str, key: str, name: str) -> bool:
    asked = f"tags.`{_KEY}` = '{key}' AND attributes.run_name = '{name}'"
    there = client.search_runs([experiment], asked)
    for each in there:
        if each.info.status != "FINISHED":
            client.delete_run(each.info.run_id)  # left half-way by a kill
    return any(each.info.status == "FINISHED" for each in there)


def _parameters(run: Run) -> Iterator[tuple[str, str]]:
    for name, value in run.settings.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", str(each)) for key, each in value.items())
        else:
            yield name, str(value)
    yield from ((f"atlas.{name}", str(value)) for name, value in run.atlas.items())


def _metrics(kind: Any, run: Run) -> Iterator[Any]:
    at_ms = int((run.path / FINISHED).stat().st_mtime * 1000)
    epochs = run.history.get("epoch", [])
    for name, values in run.history.items():
        for epoch, value in zip(epochs, values, strict=True):
            if name != "epoch" and not math.isnan(value):
                yield kind(f"epoch_{name}", value, at_ms, int(epoch))
    for name, value in run.metrics.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield kind(name, float(value), at_ms, 0)


def _quieten() -> None:
    # It tells of every table that it makes.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
