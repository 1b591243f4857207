"""Trouble with an object store is one line by its kind, and a store that is busy is waited for.

How long a store is waited for at first contact is a constant; no time is measured here.
"""

from __future__ import annotations

import http.server
import shutil
import socket
import threading
import time

import pytest
from drawn_images import make_arrival

from cosmic_morphology import errors
from cosmic_morphology.atlas import Atlas, verify_atlas

pytest.importorskip("moto", reason="the S3 server of the tests is not installed")

from s3_tools import s3_server

OPENINGS = [Atlas.open, Atlas.create, verify_atlas]


@pytest.fixture(scope="module")
def store():
    with s3_server() as made:
        yield made


def one_line(caught: pytest.ExceptionInfo[errors.AtlasError]) -> bool:
    return not {"<", "\n"} & set(str(caught.value)) and "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "changed", "kind", "says"),
    [
        ("s3://nowhere/atlas", {}, errors.AtlasStoreError, "no such bucket"),
        ("s3://sky/atlas", {"endpoint": "http://127.0.0.1:9"}, errors.AtlasStoreError, "reached"),
        ("s3://sky/atlas", {"endpoint": "nonsense"}, errors.AtlasPlaceError, "neither http://"),
        ("gs2://sky/atlas", {}, errors.AtlasPlaceError, "not known"),
    ],
)
@pytest.mark.parametrize("opening", OPENINGS)
def test_a_wrong_place_is_one_line_by_kind(store, place, changed, kind, says, opening):
    with pytest.raises(kind, match=says) as caught:
        opening(place, storage_options={**store[1], **changed})
    assert one_line(caught)


REFUSALS = [
    ("403 AccessDenied", "refuses the access"),
    ("403 InvalidAccessKeyId", "refuses the access"),
    ("400 ExpiredToken", "credentials have expired"),
    ("403 RequestTimeTooSkewed", "the clock of this machine differs"),
    ("301 PermanentRedirect", "not in this region"),
]


@pytest.mark.parametrize(("answer", "says"), REFUSALS)
@pytest.mark.parametrize("opening", OPENINGS)
def test_a_refusal_is_one_line_by_kind(store, answer, says, opening):
    server, options = store
    server.begin(lambda *_: answer)
    try:
        with pytest.raises(errors.AtlasStoreError, match=says) as caught:
            opening("s3://sky/denied", storage_options=options)
    finally:
        server.begin()
    assert one_line(caught)


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        *((answer, errors.AtlasStoreError, says) for answer, says in REFUSALS),
        ("403 QuotaExceeded", errors.AtlasFullError, "the store is full"),
    ],
)
def test_a_refusal_in_the_middle_of_the_work_is_told_and_the_same_command_goes_on(
    store, answer, kind, says
):
    server, options = store
    atlas = Atlas.create(f"s3://sky/{answer.split()[1]}", storage_options=options)
    atlas.add([make_arrival(1)])
    server.begin(lambda _, method, __: method == "PUT" and answer)
    try:
        with pytest.raises(kind, match=says) as caught:
            atlas.add([make_arrival(1), make_arrival(2)])
    finally:
        server.begin()
    assert one_line(caught)
    assert atlas.add([make_arrival(1), make_arrival(2)]) == 1
    assert verify_atlas(atlas).problems == ()


def test_no_credentials_are_told(store, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    options = {name: value for name, value in store[1].items() if "key" not in name}
    with pytest.raises(errors.AtlasStoreError, match="no credentials") as caught:
        Atlas.open("s3://sky/denied", storage_options=options)
    assert one_line(caught)


def test_a_server_that_never_answers_is_not_waited_for(store):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        options = {**store[1], "endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        with pytest.raises(errors.AtlasStoreError, match="answer") as caught:
            Atlas.open("s3://sky/atlas", storage_options=options)
    assert one_line(caught)


def test_a_web_server_is_no_object_store(store):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        options = {**store[1], "endpoint": f"http://127.0.0.1:{served.server_port}"}
        with pytest.raises(errors.AtlasStoreError, match="no object store") as caught:
            Atlas.open("s3://sky/atlas", storage_options=options)
        served.shutdown()
    assert one_line(caught)


@pytest.mark.parametrize("busy_s", [3, pytest.param(60, marks=pytest.mark.long)])
def test_a_store_that_is_busy_for_a_while_is_waited_for(store, busy_s):
    server, options = store
    place = f"s3://sky/busy-{busy_s}"

    def busy(_number: int, _method: str, _path: str) -> str:
        return "503 SlowDown" if time.monotonic() < until else ""

    until = time.monotonic() + busy_s
    server.begin(busy)
    atlas = Atlas.create(place, storage_options=options)
    until = time.monotonic() + busy_s
    assert atlas.add([make_arrival(n) for n in range(3)]) == 3
    until = time.monotonic() + busy_s
    assert atlas.count() == 3
    server.begin()
    assert verify_atlas(atlas).is_sound


@pytest.mark.parametrize("table", ["images", "catalogue"])
def test_a_table_that_has_gone_is_told_as_that(filled, store, table):
    server, options = store
    far = Atlas.create(f"s3://sky/gone-{table}", storage_options=options)
    far.add([make_arrival(1)])
    listed = server.client.list_objects_v2(Bucket="sky", Prefix=f"gone-{table}/{table}.lance")
    for each in listed["Contents"]:
        server.client.delete_object(Bucket="sky", Key=each["Key"])
    shutil.rmtree(f"{filled.uri}/{table}.lance")
    for atlas in (filled, far):
        with pytest.raises(errors.AtlasGoneError, match=f"'{table}' was here") as caught:
            atlas.read(["id"], table=table)
        assert one_line(caught)
