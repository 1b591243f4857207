"""Learning: backbones, recipes, training, and what a trained model says.

:func:`embed_images` looks at every image once with a frozen backbone; :func:`train` makes a run
of a recipe; :func:`load_model` gives its model, which :func:`predict_images` sets to work on the
atlas. Training also runs where there is no atlas, from a Parquet file (:class:`ParquetSource`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmic_morphology.lazy import lazy_exports

if TYPE_CHECKING:
    from cosmic_morphology.learn.data.atlas_source import images_of_run as images_of_run
    from cosmic_morphology.learn.data.atlas_source import sample_images as sample_images
    from cosmic_morphology.learn.data.dataset import Example as Example
    from cosmic_morphology.learn.data.dataset import ParquetSource as ParquetSource
    from cosmic_morphology.learn.data.dataset import TrainingSource as TrainingSource
    from cosmic_morphology.learn.data.embed import EmbedResult as EmbedResult
    from cosmic_morphology.learn.data.embed import embed_images as embed_images
    from cosmic_morphology.learn.export.mlflow_log import track_run as track_run
    from cosmic_morphology.learn.export.model_card import write_card as write_card
    from cosmic_morphology.learn.export.onnx_export import OnnxExportResult as OnnxExportResult
    from cosmic_morphology.learn.export.onnx_export import export_onnx as export_onnx
    from cosmic_morphology.learn.inference.files import predict_bytes as predict_bytes
    from cosmic_morphology.learn.inference.files import predict_files as predict_files
    from cosmic_morphology.learn.inference.model import TrainedModel as TrainedModel
    from cosmic_morphology.learn.inference.model import load_trained_model as load_trained_model
    from cosmic_morphology.learn.inference.onnx_model import OnnxModel as OnnxModel
    from cosmic_morphology.learn.inference.predict import PredictResult as PredictResult
    from cosmic_morphology.learn.inference.predict import predict_images as predict_images
    from cosmic_morphology.learn.inference.predict import predictor_for_ids as predictor_for_ids
    from cosmic_morphology.learn.inference.prediction import Prediction as Prediction
    from cosmic_morphology.learn.inference.prediction import check_ending as check_ending
    from cosmic_morphology.learn.inference.prediction import write_predictions as write_predictions
    from cosmic_morphology.learn.inference.predictors import PixelPredictor as PixelPredictor
    from cosmic_morphology.learn.inference.predictors import Predictor as Predictor
    from cosmic_morphology.learn.inference.predictors import load_model as load_model
    from cosmic_morphology.learn.inference.record_answers import (
        iter_predictions as iter_predictions,
    )
    from cosmic_morphology.learn.models.backbones import Backbone as Backbone
    from cosmic_morphology.learn.models.backbones import build_backbone as build_backbone
    from cosmic_morphology.learn.models.weights import hub_reachable as hub_reachable
    from cosmic_morphology.learn.recipes import Recipe as Recipe
    from cosmic_morphology.learn.recipes import load_recipe as load_recipe
    from cosmic_morphology.learn.recipes import recipe_names as recipe_names
    from cosmic_morphology.learn.run_folder.folder import Run as Run
    from cosmic_morphology.learn.run_folder.folder import find_run as find_run
    from cosmic_morphology.learn.run_folder.folder import read_run as read_run
    from cosmic_morphology.learn.run_folder.run_list import list_folders as list_folders
    from cosmic_morphology.learn.run_folder.run_list import runs as runs
    from cosmic_morphology.learn.run_folder.training_record import TrainingRecord as TrainingRecord
    from cosmic_morphology.learn.run_folder.training_record import (
        read_training_record as read_training_record,
    )
    from cosmic_morphology.learn.sweep import SweepResult as SweepResult
    from cosmic_morphology.learn.sweep import sweep_backbones as sweep_backbones
    from cosmic_morphology.learn.sweep import sweep_runs as sweep_runs
    from cosmic_morphology.learn.training.launchers import is_first_process as is_first_process
    from cosmic_morphology.learn.training.runner import train as train

# Imported when first used: training from a Parquet file must not need Lance.
_HOMES = {
    "Backbone": "models.backbones",
    "EmbedResult": "data.embed",
    "Example": "data.dataset",
    "OnnxExportResult": "export.onnx_export",
    "OnnxModel": "inference.onnx_model",
    "ParquetSource": "data.dataset",
    "PixelPredictor": "inference.predictors",
    "PredictResult": "inference.predict",
    "Prediction": "inference.prediction",
    "Predictor": "inference.predictors",
    "Recipe": "recipes",
    "Run": "run_folder.folder",
    "SweepResult": "sweep",
    "TrainedModel": "inference.model",
    "TrainingRecord": "run_folder.training_record",
    "TrainingSource": "data.dataset",
    "build_backbone": "models.backbones",
    "check_ending": "inference.prediction",
    "embed_images": "data.embed",
    "export_onnx": "export.onnx_export",
    "find_run": "run_folder.folder",
    "hub_reachable": "models.weights",
    "iter_predictions": "inference.record_answers",
    "is_first_process": "training.launchers",
    "list_folders": "run_folder.run_list",
    "load_model": "inference.predictors",
    "load_recipe": "recipes",
    "load_trained_model": "inference.model",
    "images_of_run": "data.atlas_source",
    "predict_bytes": "inference.files",
    "predict_files": "inference.files",
    "predict_images": "inference.predict",
    "predictor_for_ids": "inference.predict",
    "read_run": "run_folder.folder",
    "read_training_record": "run_folder.training_record",
    "recipe_names": "recipes",
    "runs": "run_folder.run_list",
    "sample_images": "data.atlas_source",
    "sweep_backbones": "sweep",
    "sweep_runs": "sweep",
    "track_run": "export.mlflow_log",
    "train": "training.runner",
    "write_card": "export.model_card",
    "write_predictions": "inference.prediction",
}

__all__ = [*_HOMES]  # noqa: PLE0604
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
