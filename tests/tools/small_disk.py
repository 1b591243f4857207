"""A small disk to be filled: a tmpfs in a mount namespace of its own, as a pytest fixture."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Small = Callable[..., "subprocess.CompletedProcess[str]"]


def in_small_disk(
    folder: Path, script: str, *, size: str = "2m"
) -> subprocess.CompletedProcess[str]:
    """Run a script in ``folder``, where ``disk`` is a tmpfs of this size that nobody else sees."""
    disk = folder / "disk"
    disk.mkdir()
    command = f"mount -t tmpfs -o size={size} none {disk} && {script}"
    return subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Small:
    """:func:`in_small_disk` in the folder of the test; skipped where nothing can be mounted."""
    words = ["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", str(tmp_path)]
    try:
        probe = subprocess.run(words, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if probe.returncode:
        pytest.skip("small disks cannot be mounted here: " + probe.stderr.decode().strip())
    return lambda script, **how: in_small_disk(tmp_path, script, **how)
