"""``python -m …imaging.formats.fits_unpacker``: unpacks tiles, in a process of its own.

The decoders of RICE, HCOMPRESS and PLIO in astropy trust their input: damaged tiles write past
their buffers and bring the process down (seen in astropy 8.0). So it is a process that can be
lost. It ends when its standard input does, so also when its parent is killed.
"""

from __future__ import annotations

import atexit
import io
import os
import subprocess
import sys
import threading
import warnings
from typing import Any, BinaryIO, cast

import numpy as np

from cosmic_morphology.frames import read_frame, take_over_output, write_frame
from cosmic_morphology.imaging.sniff import RejectionKind, reject
from cosmic_morphology.imaging.workers.environment import environment

# For tiles that send a decoder round in circles; real ones take seconds.
PATIENCE_S = 600.0


class _Unpacker:
    """The process, started when it is first needed and again after a loss."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, data: bytes, unit: int) -> tuple[Any, bytes] | None:
        """Its answer; None where it ended without one."""
        with self._turn:
            process = self._process or self._started()
            watch = threading.Timer(PATIENCE_S, process.kill)
            watch.start()
            try:
                write_frame(cast("BinaryIO", process.stdin), {"unit": unit}, data)
                answer = read_frame(cast("BinaryIO", process.stdout))
            except (OSError, ValueError):
                answer = None
            finally:
                watch.cancel()
            if answer is None:
                self._end()
            return answer

    def end(self) -> None:
        """End the process; it holds nothing that could be lost."""
        with self._turn:
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cosmic_morphology.imaging.formats.fits_unpacker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            try:
                cast("BinaryIO", pipe).close()
            except OSError:  # what was left to be sent has nobody to go to
                continue


_UNPACKER = _Unpacker()
atexit.register(_UNPACKER.end)


def image_of_tiles(data: bytes, unit: int, *, where: str = "") -> np.ndarray:
    """Numbers of a compressed image.

    Parameters
    ----------
    data : bytes
        A FITS file whose tiles have been checked.
    unit : int
        Which of its header units.

    Raises
    ------
    ImageError
        ``corrupt``.
    """
    answer = _UNPACKER.ask(data, unit)
    said, numbers = answer or ({"error": "the process that unpacked them ended"}, b"")
    if "error" in said:
        what = f"the tiles of the FITS image cannot be unpacked ({said['error']})"
        raise reject(RejectionKind.CORRUPT, what, where, "Fetch it again.")
    return np.frombuffer(numbers, said["dtype"]).reshape(said["shape"])


def main() -> None:
    """Answer every file until there are no more."""
    out = take_over_output()
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        said, data = frame
        try:
            pixels = _unpacked(data, said["unit"])
        except Exception as error:  # noqa: BLE001 - it is told to the parent, whatever it is
            write_frame(out, {"error": str(error) or type(error).__name__})
        else:
            write_frame(out, {"dtype": pixels.dtype.str, "shape": pixels.shape}, pixels.tobytes())


def _unpacked(data: bytes, unit: int) -> np.ndarray:
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(io.BytesIO(data), memmap=False, uint=False) as units:
            return np.ascontiguousarray(units[unit].data)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # the parent is gone and waits for nothing
        os._exit(0)
