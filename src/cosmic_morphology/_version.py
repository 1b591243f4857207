"""The version, apart, so that no room has to import the front of the package."""

__version__ = "0.1.0"
