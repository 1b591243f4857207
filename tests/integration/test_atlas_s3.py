"""The same atlas in an object store, against a real S3 server on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from drawn_images import make_arrival
from engine_work import STAMP, OneProcess, check_whole, lengths_work, make_atlas, processes

from cosmic_morphology.atlas import Atlas, verify_atlas
from cosmic_morphology.engine import apply
from cosmic_morphology.errors import AtlasNotFoundError

pytest.importorskip("moto", reason="the S3 server of the tests is not installed")


@pytest.fixture
def store(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        (tmp_path / "server.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as server,
    ):
        while server.poll() is None:
            try:
                urllib.request.urlopen(
                    urllib.request.Request(f"{endpoint}/sky", method="PUT")
                ).close()
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        yield {
            "aws_access_key_id": "x",
            "aws_secret_access_key": "y",
            "aws_region": "us-east-1",
            "endpoint": endpoint,
            "allow_http": "true",
            "aws_virtual_hosted_style_request": "false",
        }
        server.terminate()


def test_an_atlas_lives_in_an_object_store(store):
    place = "s3://sky/atlas"
    atlas = Atlas.create(place, storage_options=store)
    assert atlas.add([make_arrival(n) for n in range(5)]) == 5
    atlas.tag("five")
    again = Atlas.create(place, storage_options=store)
    assert again.add([make_arrival(n) for n in range(7)]) == 2
    assert Atlas.open(place, version="five", storage_options=store).count() == 5
    assert verify_atlas(again).problems == ()
    with pytest.raises(AtlasNotFoundError, match="Collect or import"):
        Atlas.open("s3://sky/none", storage_options=store)


def test_workers_read_and_write_an_object_store_by_themselves(store, tmp_path):
    atlas = make_atlas("s3://sky/atlas", 4, 5, store)
    before = atlas.version.images
    # Four fragments for one worker: it writes the files, and the driver commits them.
    done = apply(atlas, lengths_work(tmp_path / "log"), stamp=STAMP, engine=OneProcess())
    assert (done.filled, done.lost_workers) == (20, 0)
    assert atlas.version.images == before + 2  # the columns, and all files at once
    check_whole(atlas, 20)
    assert processes(tmp_path / "log").isdisjoint({f"did-{os.getpid()}"})
    assert verify_atlas(atlas).is_sound
