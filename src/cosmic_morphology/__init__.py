"""Cosmic Morphology: from public archives of sky pictures to honest classifiers."""

__version__ = "0.1.0"
