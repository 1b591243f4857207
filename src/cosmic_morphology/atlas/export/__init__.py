"""Data sets for other programs, each with a card that says what it is and where it comes from."""

from cosmic_morphology.atlas.export.description import LeakageWords
from cosmic_morphology.atlas.export.exporter import (
    FORMATS,
    ExportResult,
    export_images,
    format_of_path,
)
from cosmic_morphology.atlas.export.tables import IMAGE_KEY, THUMBNAIL

__all__ = [
    "FORMATS",
    "IMAGE_KEY",
    "THUMBNAIL",
    "ExportResult",
    "LeakageWords",
    "export_images",
    "format_of_path",
]
