"""Images are taken in by processes: the same answers, and none left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from test_imaging import encoded, scene

from cosmic_morphology.errors import ImageError
from cosmic_morphology.imaging import DecodePool, ImageLimits, ingest_image

LIMITS = ImageLimits(thumbnail_side_px=64)


def until(holds, patience_s=1800.0):
    """Wait for something that another process does."""
    end = time.monotonic() + patience_s
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


def kind_of(decoders, data, where):
    """Why an image was refused; nothing where it was taken in."""
    try:
        decoders.ingest_image(data, where)
    except ImageError as error:
        return error.kind
    return ""


@pytest.fixture
def decoders():
    with DecodePool(2, LIMITS, worth_a_process=1) as running:
        running.ingest_image(encoded(scene(20, 20), "PNG"), "first")
        if (os.cpu_count() or 1) > 1:
            assert until(lambda: len(running.processes) == 2)
        yield running


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("side_px", [40, 200])
def test_a_process_answers_as_this_one_does(decoders, kind, side_px):
    data = encoded(scene(side_px, side_px), kind)
    assert decoders.ingest_image(data, "here") == ingest_image(data, limits=LIMITS)


def test_a_refusal_comes_back_with_its_kind_and_place(decoders):
    half = encoded(scene(200, 200), "JPEG")[:2000]
    with pytest.raises(ImageError) as here:
        ingest_image(half, limits=LIMITS, source_hint="http://x/é.jpg")
    with pytest.raises(ImageError) as there:
        decoders.ingest_image(half, "http://x/é.jpg")
    assert (there.value.kind, str(there.value)) == (here.value.kind, str(here.value))


def test_many_at_once_get_their_own_answers(decoders):
    images = [encoded(scene(30 + n, 50, seed=n), "PNG") for n in range(40)]
    going = [decoders.threads.submit(decoders.ingest_image, each, str(n))
             for n, each in enumerate(images)]  # fmt: skip
    assert [each.result().width for each in going] == [30 + n for n in range(40)]


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="processes are for two cores and more")
def test_a_process_that_dies_costs_one_image_and_is_replaced(decoders):
    before = set(decoders.processes)
    for each in before:
        os.kill(each, signal.SIGKILL)
    data = encoded(scene(50, 50), "PNG")
    lost = [each for n in range(12) if (each := kind_of(decoders, data, str(n)))]
    assert lost == ["corrupt"] * 2
    assert until(lambda: len(decoders.processes) == 2)
    assert not before & set(decoders.processes)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="processes are for two cores and more")
def test_no_process_outlives_a_killed_parent():
    script = textwrap.dedent("""
        import sys, time
        from cosmic_morphology.imaging import DecodePool, ImageLimits
        with DecodePool(2, ImageLimits(), worth_a_process=1) as decoders:
            try:
                decoders.ingest_image(b"no image", "x")
            except Exception:
                pass
            while len(decoders.processes) < 2:
                time.sleep(0.01)
            print(*decoders.processes, flush=True)
            time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        children = [int(each) for each in parent.stdout.readline().split()]
        assert len(children) == 2
        parent.kill()
    assert until(lambda: not any(map(_runs, children)))


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
