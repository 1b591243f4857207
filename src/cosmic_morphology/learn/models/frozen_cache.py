"""Frozen networks as ONNX graphs: exported once on each machine, checked, and kept in a cache.

A file of the cache is called by the hash of all that decides over its answers (weights,
architecture, input, versions) and by that of its own bytes: what is damaged is made again.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from platformdirs import user_cache_path
from torch import nn

from cosmic_morphology.io_utils import whole_file
from cosmic_morphology.learn.export.padding import with_fixed_padding
from cosmic_morphology.learn.export.tracing import trace
from cosmic_morphology.learn.models.feature_session import FEATURES, PIXELS, FeatureSession
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.settings import LearnSettings

_LOG = logging.getLogger(__name__)
# Raise it when the same network is exported in another way.
_CODE = "1"
_PACKAGES = ("torch", "timm", "onnx", "onnxruntime")
# Largest difference of a vector from torch's, as a share of its largest number.
_NEAR_ENOUGH = 1e-4
_CHECKED = 3
# A file is as large as its weights: the oldest ones go.
_KEPT = 8
_OWN_FAULTS = (MemoryError, KeyboardInterrupt)


class FrozenNetwork:
    """A network on CPUs by ONNX Runtime, where that is wanted and possible.

    Parameters
    ----------
    model : torch.nn.Module
        Takes normalised pixels and gives vectors.
    preprocessing : Preprocessing
        Of its input.
    made_of : mapping
        Name and arguments: what cannot be seen in the weights.
    learn : LearnSettings
        ``runtime`` and ``threads``.
    device : torch.device
        Where torch would run it.

    Attributes
    ----------
    why_torch : str
        Why it is left to torch; empty before the first use, and where it is not.
    """

    def __init__(
        self,
        model: nn.Module,
        preprocessing: Preprocessing,
        made_of: Mapping[str, Any],
        learn: LearnSettings,
        device: torch.device,
    ) -> None:
        self._model, self._preprocessing, self._made_of = model, preprocessing, made_of
        self._threads = learn.threads
        self._is_tried = False
        self._session: FeatureSession | None = None
        self.why_torch = _why_torch(learn, device)

    @property
    def session(self) -> FeatureSession | None:
        """The network at work; None where torch has to do it. Made at the first use."""
        if not self._is_tried and not self.why_torch:
            try:
                self._session = self._made()
            except _OWN_FAULTS:
                raise
            except Exception as error:  # noqa: BLE001 - exporters raise anything; torch does it then
                self._leave_to_torch(next(iter(str(error).splitlines()), "") or repr(error))
        self._is_tried = True
        return self._session

    def _made(self) -> FeatureSession | None:
        threads = self._threads or torch.get_num_threads()
        key = key_of(self._model, self._preprocessing, self._made_of)
        data = cached(key)
        if data is None:
            data = self._exported(key)
        return FeatureSession(data, threads)

    def _exported(self, key: str) -> bytes:
        folder = cache_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / "making.lock")
            lock.acquire()
        except OSError as error:
            _LOG.warning("exported networks cannot be kept in %s: %s", folder, error.strerror)
            return export(self._model, self._preprocessing)
        try:
            # Whoever held the lock before may have made it.
            data = cached(key)
            if data is None:
                data = export(self._model, self._preprocessing)
                keep(key, data)
            return data
        finally:
            lock.release()

    def _leave_to_torch(self, why: str) -> None:
        self.why_torch = why
        _LOG.warning("torch runs %s, ONNX Runtime cannot: %s", self._made_of.get("name"), why)


def _why_torch(learn: LearnSettings, device: torch.device) -> str:
    if learn.runtime == "torch":
        return "the settings say so"
    if learn.runtime == "auto" and device.type != "cpu":
        return f"it runs on {device.type}"
    lacking = [name for name in ("onnx", "onnxruntime") if not _is_installed(name)]
    if not lacking:
        return ""
    why = f"the package {lacking[0]!r} is not installed"
    _LOG.warning("torch runs frozen networks, which takes twice as long: %s", why)
    return why


def _is_installed(package: str) -> bool:
    # Found without being imported: a graph that lies in the cache needs no exporter.
    return package in sys.modules or find_spec(package) is not None


def cache_folder() -> Path:
    """Where this machine keeps exported networks (``XDG_CACHE_HOME`` decides on Linux)."""
    return user_cache_path("cosmic-morphology", appauthor=False) / "networks"


def key_of(model: nn.Module, preprocessing: Preprocessing, made_of: Mapping[str, Any]) -> str:
    """Hash of everything that decides over the answers of a network.

    Parameters
    ----------
    model : torch.nn.Module
        Its weights, buffers and modules.
    preprocessing : Preprocessing
        Size and colours of the input.
    made_of : mapping
        Name and arguments.
    """
    known = (
        _CODE,
        [(name, version(name)) for name in _PACKAGES],
        sorted(map(repr, made_of.items())),
        asdict(preprocessing),
        repr(model),
    )
    found = hashlib.sha256(repr(known).encode())
    # Buffers that are not saved count, too.
    for name, value in sorted({**dict(model.named_buffers()), **model.state_dict()}.items()):
        plain = value.detach().cpu().contiguous()
        found.update(repr((name, plain.dtype, tuple(plain.shape))).encode())
        found.update(plain.numpy().tobytes())
    return found.hexdigest()[:32]


def cached(key: str) -> bytes | None:
    """The graph of a key, when it lies in the cache undamaged."""
    for path in cache_folder().glob(f"{key}-*.onnx"):
        try:
            data = path.read_bytes()
            if path.stem == f"{key}-{_hash(data)}":
                os.utime(path)  # the last used ones are kept
                return data
        except OSError:
            continue  # gone meanwhile, or not ours to read: it is made again
    return None


def keep(key: str, data: bytes) -> None:
    """Put a graph into the cache in the place of damaged ones, and let go of those unused longest.

    A full disk costs no more than another export next time.
    """
    folder = cache_folder()
    try:
        for path in folder.glob(f"{key}-*.onnx"):
            path.unlink(missing_ok=True)
        with whole_file(folder / f"{key}-{_hash(data)}.onnx") as beside:
            beside.write_bytes(data)
        by_use = sorted(folder.glob("*.onnx"), key=lambda path: path.stat().st_mtime)
        for path in by_use[:-_KEPT]:
            path.unlink(missing_ok=True)
    except OSError as error:
        _LOG.warning("an exported network was not kept in %s: %s", folder, error.strerror)


def export(model: nn.Module, preprocessing: Preprocessing) -> bytes:
    """A network as an ONNX graph from pixels in 0..1 to vectors.

    Raises
    ------
    ValueError
        Its vectors differ from torch's by more than 1e-4 of the largest number of each.
    """
    whole = _FromPixels(copy.deepcopy(model).cpu().float(), preprocessing).eval()
    side = preprocessing.size_px
    noise = torch.rand(_CHECKED, 3, side, side, generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        trace(with_fixed_padding(whole, noise), noise, path, (PIXELS, FEATURES))
        data = path.read_bytes()
    with torch.inference_mode():
        wanted = whole(noise).numpy()
    off = difference(FeatureSession(data, 1).run(noise.numpy()), wanted)
    if not off <= _NEAR_ENOUGH:
        msg = f"what it sees differs from torch's by {off:.1g} of the largest number"
        raise ValueError(msg)
    return data


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """Largest difference of vectors ``(N, F)``, as a share of the largest number of each."""
    largest = np.abs(wanted).max(1, keepdims=True)
    return float((np.abs(found - wanted) / np.maximum(largest, np.finfo(np.float32).tiny)).max())


class _FromPixels(nn.Module):
    """The network behind its own normalisation."""

    def __init__(self, model: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.model = model
        self._preprocessing = preprocessing

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.model(self._preprocessing.normalised(pixels))
        return found.float()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
