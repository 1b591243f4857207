"""Test images as another instrument or another hand would have left them."""

from cosmic_morphology.evaluate.corruptions import shifted

__all__ = ["shifted"]
