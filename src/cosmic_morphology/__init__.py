"""Cosmic Morphology: from public archives of sky pictures to honest classifiers.

Everything that the command line does is a few calls from here; parts are imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas as Atlas
    from cosmic_morphology.atlas import Record as Record
    from cosmic_morphology.atlas import checked_labels as checked_labels
    from cosmic_morphology.atlas import export_images as export_images
    from cosmic_morphology.atlas.verify import verify as verify
    from cosmic_morphology.collect import collect as collect_pictures  # noqa: F401
    from cosmic_morphology.collect import status as status
    from cosmic_morphology.collect.importing import import_folder as import_folder
    from cosmic_morphology.curate import certify as certify
    from cosmic_morphology.curate import explain_label as explain_label
    from cosmic_morphology.curate import find_duplicates as find_duplicates
    from cosmic_morphology.curate import group_pictures as group_pictures
    from cosmic_morphology.curate import import_verdicts as import_verdicts
    from cosmic_morphology.curate import label as label
    from cosmic_morphology.curate import split_pictures as split_pictures
    from cosmic_morphology.curate import vote as vote
    from cosmic_morphology.evaluate import evaluate_run as evaluate_run
    from cosmic_morphology.evaluate import write_report as write_report
    from cosmic_morphology.evaluate.explore import explore as explore
    from cosmic_morphology.imaging import take_in as take_in
    from cosmic_morphology.learn import embed as embed
    from cosmic_morphology.learn import load_run as load_run
    from cosmic_morphology.learn import predict_into as predict_into
    from cosmic_morphology.learn import train as train
    from cosmic_morphology.pipeline import run as run
    from cosmic_morphology.pipeline.demo import demo as demo
    from cosmic_morphology.replica import Holdings as Holdings
    from cosmic_morphology.replica import Replica as Replica
    from cosmic_morphology.settings import load_settings as load_settings
    from cosmic_morphology.synthesize import render as render
    from cosmic_morphology.taxonomy import load_taxonomy as load_taxonomy

# Where each public name lives: the module, and its name there.
_HOMES = {
    "Atlas": ("atlas", "Atlas"),
    "Record": ("atlas", "Record"),
    "checked_labels": ("atlas", "checked_labels"),
    "export_images": ("atlas", "export_images"),
    "verify": ("atlas", "verify"),
    "collect_pictures": ("collect", "collect"),
    "status": ("collect", "status"),
    "import_folder": ("collect.importing", "import_folder"),
    "Holdings": ("replica", "Holdings"),
    "Replica": ("replica", "Replica"),
    "render": ("synthesize", "render"),
    "take_in": ("imaging", "take_in"),
    "certify": ("curate", "certify"),
    "explain_label": ("curate", "explain_label"),
    "find_duplicates": ("curate", "find_duplicates"),
    "group_pictures": ("curate", "group_pictures"),
    "import_verdicts": ("curate", "import_verdicts"),
    "label": ("curate", "label"),
    "split_pictures": ("curate", "split_pictures"),
    "vote": ("curate", "vote"),
    "embed": ("learn", "embed"),
    "load_run": ("learn", "load_run"),
    "predict_into": ("learn", "predict_into"),
    "train": ("learn", "train"),
    "evaluate_run": ("evaluate", "evaluate_run"),
    "explore": ("evaluate", "explore"),
    "write_report": ("evaluate", "write_report"),
    "run": ("pipeline", "run"),
    "demo": ("pipeline.demo", "demo"),
    "load_settings": ("settings", "load_settings"),
    "load_taxonomy": ("taxonomy", "load_taxonomy"),
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    module, attribute = _HOMES[name]
    from cosmic_morphology.extras import needs

    with needs(name):
        return getattr(import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
