"""Learning: backbones, recipes, training, and what a trained model says.

:func:`embed` looks at every picture once with a frozen backbone; :func:`train` makes a run of a
recipe; :func:`load_run` gives its model, which :func:`predict_into` sets to work on the atlas.
Training also runs where there is no atlas, from a Parquet file (:class:`ParquetPictures`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cosmic_morphology.extras import needs

if TYPE_CHECKING:
    from cosmic_morphology.learn.answers import Answer as Answer
    from cosmic_morphology.learn.answers import check_ending as check_ending
    from cosmic_morphology.learn.answers import write_answers as write_answers
    from cosmic_morphology.learn.backbones import Backbone as Backbone
    from cosmic_morphology.learn.backbones import build_backbone as build_backbone
    from cosmic_morphology.learn.card import write_card as write_card
    from cosmic_morphology.learn.embedding import EmbedSummary as EmbedSummary
    from cosmic_morphology.learn.embedding import embed as embed
    from cosmic_morphology.learn.files import predict_bytes as predict_bytes
    from cosmic_morphology.learn.files import predict_files as predict_files
    from cosmic_morphology.learn.fit import train as train
    from cosmic_morphology.learn.judges import Judge as Judge
    from cosmic_morphology.learn.judges import JudgeOfPixels as JudgeOfPixels
    from cosmic_morphology.learn.judges import load_judge as load_judge
    from cosmic_morphology.learn.learnt import Learnt as Learnt
    from cosmic_morphology.learn.learnt import read_learnt as read_learnt
    from cosmic_morphology.learn.model import TrainedModel as TrainedModel
    from cosmic_morphology.learn.model import load_run as load_run
    from cosmic_morphology.learn.onnx_export import ExportSummary as ExportSummary
    from cosmic_morphology.learn.onnx_export import export_onnx as export_onnx
    from cosmic_morphology.learn.onnx_model import OnnxModel as OnnxModel
    from cosmic_morphology.learn.own_pictures import pictures_of_run as pictures_of_run
    from cosmic_morphology.learn.own_pictures import sample_of as sample_of
    from cosmic_morphology.learn.pictures import Example as Example
    from cosmic_morphology.learn.pictures import ParquetPictures as ParquetPictures
    from cosmic_morphology.learn.pictures import PictureTable as PictureTable
    from cosmic_morphology.learn.predict import PredictSummary as PredictSummary
    from cosmic_morphology.learn.predict import answering as answering
    from cosmic_morphology.learn.predict import answers_in as answers_in
    from cosmic_morphology.learn.predict import predict_into as predict_into
    from cosmic_morphology.learn.recipes import Recipe as Recipe
    from cosmic_morphology.learn.recipes import load_recipe as load_recipe
    from cosmic_morphology.learn.recipes import recipe_names as recipe_names
    from cosmic_morphology.learn.runs import Run as Run
    from cosmic_morphology.learn.runs import find_run as find_run
    from cosmic_morphology.learn.runs import read_run as read_run
    from cosmic_morphology.learn.sweep import Swept as Swept
    from cosmic_morphology.learn.sweep import sweep_runs as sweep_runs
    from cosmic_morphology.learn.tracking import track_run as track_run
    from cosmic_morphology.learn.weights import hub_reachable as hub_reachable

# Imported when first used: training from a Parquet file must not need Lance.
_HOMES = {
    "Answer": "answers",
    "Backbone": "backbones",
    "EmbedSummary": "embedding",
    "Example": "pictures",
    "ExportSummary": "onnx_export",
    "Judge": "judges",
    "JudgeOfPixels": "judges",
    "Learnt": "learnt",
    "OnnxModel": "onnx_model",
    "ParquetPictures": "pictures",
    "PictureTable": "pictures",
    "PredictSummary": "predict",
    "Recipe": "recipes",
    "Run": "runs",
    "Swept": "sweep",
    "TrainedModel": "model",
    "answering": "predict",
    "answers_in": "predict",
    "build_backbone": "backbones",
    "check_ending": "answers",
    "embed": "embedding",
    "export_onnx": "onnx_export",
    "find_run": "runs",
    "hub_reachable": "weights",
    "load_judge": "judges",
    "load_recipe": "recipes",
    "load_run": "model",
    "pictures_of_run": "own_pictures",
    "predict_bytes": "files",
    "predict_files": "files",
    "predict_into": "predict",
    "read_learnt": "learnt",
    "read_run": "runs",
    "recipe_names": "recipes",
    "sample_of": "own_pictures",
    "sweep_runs": "sweep",
    "track_run": "tracking",
    "train": "fit",
    "write_answers": "answers",
    "write_card": "card",
}

__all__ = [*_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    with needs(name):
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
