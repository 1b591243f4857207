"""An atlas to learn from, and a short way to train on it: fixtures of several files of tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_sky import fill, runs_in, short_recipe

import cosmic_morphology.learn.training.runner as fit_module
from cosmic_morphology.atlas import Atlas


@pytest.fixture
def sky(tmp_path: Path) -> Atlas:
    return fill(tmp_path / "atlas")


@pytest.fixture
def go(tmp_path: Path) -> Callable[..., Any]:
    return runs_in(tmp_path / "out")


@pytest.fixture
def short_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The packaged recipes in few epochs and small batches."""
    monkeypatch.setattr(fit_module, "load_recipe", short_recipe)
