"""Cosmic Morphology: from public archives of sky images to honest classifiers.

Everything that the command line does is a few calls from here; parts are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmic_morphology._version import __version__
from cosmic_morphology.lazy import lazy_exports

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas as Atlas
    from cosmic_morphology.atlas import Record as Record
    from cosmic_morphology.atlas import export_images as export_images
    from cosmic_morphology.collect import collect_images as collect_images
    from cosmic_morphology.collect.import_folder import import_folder as import_folder
    from cosmic_morphology.curate import curate_images as curate_images
    from cosmic_morphology.curate import import_verdicts as import_verdicts
    from cosmic_morphology.curate import split_images as split_images
    from cosmic_morphology.evaluate import evaluate_run as evaluate_run
    from cosmic_morphology.learn import embed_images as embed_images
    from cosmic_morphology.learn import load_model as load_model
    from cosmic_morphology.learn import predict_images as predict_images
    from cosmic_morphology.learn import runs as runs
    from cosmic_morphology.learn import train as train
    from cosmic_morphology.pipeline import run as run
    from cosmic_morphology.pipeline.demo import demo as demo
    from cosmic_morphology.replica import Replica as Replica
    from cosmic_morphology.report import explore_atlas as explore_atlas
    from cosmic_morphology.report import write_report as write_report
    from cosmic_morphology.settings import load_settings as load_settings
    from cosmic_morphology.synthesize import render_images as render_images
    from cosmic_morphology.taxonomy import load_taxonomy as load_taxonomy

_HOMES = {
    "Atlas": "atlas",
    "Record": "atlas",
    "Replica": "replica",
    "collect_images": "collect",
    "curate_images": "curate",
    "demo": "pipeline.demo",
    "embed_images": "learn",
    "evaluate_run": "evaluate",
    "explore_atlas": "report",
    "export_images": "atlas",
    "import_folder": "collect.import_folder",
    "import_verdicts": "curate",
    "load_model": "learn",
    "load_settings": "settings",
    "load_taxonomy": "taxonomy",
    "predict_images": "learn",
    "render_images": "synthesize",
    "run": "pipeline",
    "runs": "learn",
    "split_images": "curate",
    "train": "learn",
    "write_report": "report",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
