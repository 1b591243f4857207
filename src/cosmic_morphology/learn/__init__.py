"""Learning: backbones, recipes, training, and what a trained model says.

:func:`embed` looks at every picture once with a frozen backbone; :func:`train` makes a run of a
recipe; :func:`load_run` gives its model, which :func:`predict_into` sets to work on the atlas.
Training also runs where there is no atlas, from a Parquet file (:class:`ParquetPictures`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cosmic_morphology.learn.data.atlas_source import pictures_of_run as pictures_of_run
    from cosmic_morphology.learn.data.atlas_source import sample_of as sample_of
    from cosmic_morphology.learn.data.dataset import Example as Example
    from cosmic_morphology.learn.data.dataset import ParquetPictures as ParquetPictures
    from cosmic_morphology.learn.data.dataset import PictureTable as PictureTable
    from cosmic_morphology.learn.data.embed import EmbedSummary as EmbedSummary
    from cosmic_morphology.learn.data.embed import embed as embed
    from cosmic_morphology.learn.export.mlflow_log import track_run as track_run
    from cosmic_morphology.learn.export.model_card import write_card as write_card
    from cosmic_morphology.learn.export.onnx_export import ExportSummary as ExportSummary
    from cosmic_morphology.learn.export.onnx_export import export_onnx as export_onnx
    from cosmic_morphology.learn.inference.files import predict_bytes as predict_bytes
    from cosmic_morphology.learn.inference.files import predict_files as predict_files
    from cosmic_morphology.learn.inference.judges import Judge as Judge
    from cosmic_morphology.learn.inference.judges import JudgeOfPixels as JudgeOfPixels
    from cosmic_morphology.learn.inference.judges import load_judge as load_judge
    from cosmic_morphology.learn.inference.model import TrainedModel as TrainedModel
    from cosmic_morphology.learn.inference.model import load_run as load_run
    from cosmic_morphology.learn.inference.onnx_model import OnnxModel as OnnxModel
    from cosmic_morphology.learn.inference.predict import PredictSummary as PredictSummary
    from cosmic_morphology.learn.inference.predict import answering as answering
    from cosmic_morphology.learn.inference.predict import answers_in as answers_in
    from cosmic_morphology.learn.inference.predict import predict_into as predict_into
    from cosmic_morphology.learn.inference.prediction import Answer as Answer
    from cosmic_morphology.learn.inference.prediction import check_ending as check_ending
    from cosmic_morphology.learn.inference.prediction import write_answers as write_answers
    from cosmic_morphology.learn.models.backbones import Backbone as Backbone
    from cosmic_morphology.learn.models.backbones import build_backbone as build_backbone
    from cosmic_morphology.learn.models.weights import hub_reachable as hub_reachable
    from cosmic_morphology.learn.recipes import Recipe as Recipe
    from cosmic_morphology.learn.recipes import load_recipe as load_recipe
    from cosmic_morphology.learn.recipes import recipe_names as recipe_names
    from cosmic_morphology.learn.run_folder.folder import Run as Run
    from cosmic_morphology.learn.run_folder.folder import find_run as find_run
    from cosmic_morphology.learn.run_folder.folder import read_run as read_run
    from cosmic_morphology.learn.run_folder.training_record import Learnt as Learnt
    from cosmic_morphology.learn.run_folder.training_record import read_learnt as read_learnt
    from cosmic_morphology.learn.sweep import Swept as Swept
    from cosmic_morphology.learn.sweep import sweep_runs as sweep_runs
    from cosmic_morphology.learn.training.runner import train as train

# Imported when first used: training from a Parquet file must not need Lance.
_HOMES = {
    "Answer": "inference.prediction",
    "Backbone": "models.backbones",
    "EmbedSummary": "data.embed",
    "Example": "data.dataset",
    "ExportSummary": "export.onnx_export",
    "Judge": "inference.judges",
    "JudgeOfPixels": "inference.judges",
    "Learnt": "run_folder.training_record",
    "OnnxModel": "inference.onnx_model",
    "ParquetPictures": "data.dataset",
    "PictureTable": "data.dataset",
    "PredictSummary": "inference.predict",
    "Recipe": "recipes",
    "Run": "run_folder.folder",
    "Swept": "sweep",
    "TrainedModel": "inference.model",
    "answering": "inference.predict",
    "answers_in": "inference.predict",
    "build_backbone": "models.backbones",
    "check_ending": "inference.prediction",
    "embed": "data.embed",
    "export_onnx": "export.onnx_export",
    "find_run": "run_folder.folder",
    "hub_reachable": "models.weights",
    "load_judge": "inference.judges",
    "load_recipe": "recipes",
    "load_run": "inference.model",
    "pictures_of_run": "data.atlas_source",
    "predict_bytes": "inference.files",
    "predict_files": "inference.files",
    "predict_into": "inference.predict",
    "read_learnt": "run_folder.training_record",
    "read_run": "run_folder.folder",
    "recipe_names": "recipes",
    "sample_of": "data.atlas_source",
    "sweep_runs": "sweep",
    "track_run": "export.mlflow_log",
    "train": "training.runner",
    "write_answers": "inference.prediction",
    "write_card": "export.model_card",
}

__all__ = [*_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
