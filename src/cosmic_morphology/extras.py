"""Optional parts of this package ("extras"): what belongs to which, and one line where it lacks."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cosmic_morphology.errors import MissingExtraError

# The name that is imported, and the extra of pyproject.toml that installs it.
EXTRA_OF = {
    "alembic": "track",
    "cleanlab": "learn",
    "fastapi": "serve",
    "galsim": "render",
    "google": "onnx",
    "httptools": "replica",
    "huggingface_hub": "learn",
    "lightning": "learn",
    "mlflow": "track",
    "onnx": "learn",
    "onnxruntime": "onnx",
    "open_clip": "zeroshot",
    "optuna": "learn",
    "prometheus_client": "serve",
    "ray": "ray",
    "safetensors": "learn",
    "sqlalchemy": "track",
    "starlette": "replica",
    "timm": "learn",
    "tomlkit": "serve",
    "torch": "learn",
    "torchmetrics": "learn",
    "umap": "map",
    "uvicorn": "replica",
}
# As the markers in pyproject.toml: where a package has no wheel, its extra is installed without it.
NEWEST_PYTHON = {"galsim": (3, 14), "onnxruntime": (3, 14), "ray": (3, 14)}
NOT_ON_WINDOWS = {"galsim"}
# Needed by no stage, only by those who want its tables.
_ALONE = {"pandas"}


def how_to_install(extra: str) -> str:
    """What a person types to get an optional part of this package.

    It works for an installed copy, and in a checkout after ``pip install .``, too: pip and uv look
    at what is installed first.

    Examples
    --------
    >>> print(how_to_install("render"))
    Install it: pip install 'cosmic-morphology[render]'.
    """
    text = f"Install it: pip install 'cosmic-morphology[{extra}]'"
    if extra in ("learn", "zeroshot"):
        text += (
            f" (without a GPU: UV_TORCH_BACKEND=cpu uv pip install 'cosmic-morphology[{extra}]')"
        )
    return text + "."


def how_to_update() -> str:
    """What a person types to get a newer version of this package."""
    return "Get the newest version of cosmic-morphology (in a checkout: git pull)."


@contextmanager
def needs(what: str) -> Iterator[None]:
    """Turn a package that cannot be imported into one line that says what to install.

    Parameters
    ----------
    what : str
        What needs it, as the beginning of a sentence: ``Rendering``.

    Raises
    ------
    MissingExtraError
        A package of an extra is not installed.

    Examples
    --------
    >>> with needs("Reading"):
    ...     import tarballs
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.MissingExtraError: tarballs: Reading needs the package 'tarballs', ...
    """
    try:
        yield
    except ModuleNotFoundError as error:
        hint = missing(error, what)
        if hint is None:
            raise
        raise hint from error


def missing(error: ModuleNotFoundError, what: str = "This") -> MissingExtraError | None:
    """The error as one line that says what to install; ``None``: a fault of this program.

    Examples
    --------
    >>> missing(ModuleNotFoundError("no galsim", name="galsim"), "Rendering").todo
    "Install it: pip install 'cosmic-morphology[render]'."
    """
    package = (error.name or "").partition(".")[0]
    if package in ("", "cosmic_morphology"):
        return None
    found = f"{what} needs the package {package!r}, which is not installed"
    if reason := _not_here(package):
        return MissingExtraError(
            f"{what} needs the package {package!r}, {reason}",
            where=package,
            todo="Do without it on this machine, or use another version of Python.",
        )
    if package in EXTRA_OF:
        return MissingExtraError(found, todo=how_to_install(EXTRA_OF[package]), where=package)
    if package in _ALONE:
        return MissingExtraError(found, todo=f"Install it: pip install {package}.", where=package)
    return MissingExtraError(
        found,
        todo="It should have come with another: install cosmic-morphology again.",
        where=package,
    )


def _not_here(package: str) -> str:
    """Why a package cannot be had here, as the end of a sentence; empty: it can."""
    newest = NEWEST_PYTHON.get(package)
    if newest and sys.version_info[:2] > newest:
        return (
            f"which is not made for Python {platform.python_version()} yet. "
            f"Use Python {newest[0]}.{newest[1]} for this; all else works"
        )
    if package in NOT_ON_WINDOWS and sys.platform == "win32":
        return "which is not made for Windows. Use WSL for this; all else works"
    return ""
