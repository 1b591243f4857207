"""The web application: pages to look, judge and ask, and an API, on one atlas and its runs."""

from cosmic_morphology.serve.app import create_app
from cosmic_morphology.serve.run import serve

__all__ = ["create_app", "serve"]
