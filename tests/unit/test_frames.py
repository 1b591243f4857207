"""Frames on pipes: whatever comes is a frame, the end, or one error; and nothing is run."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmic_morphology import frames
from cosmic_morphology.frames import read_frame, write_frame

HEAD = struct.Struct(">4sIQ")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def framed(said: object, data: bytes = b"") -> bytes:
    pipe = io.BytesIO()
    write_frame(pipe, said, data)
    return pipe.getvalue()


@given(st.lists(st.tuples(PLAIN, st.binary())))
def test_frames_arrive_as_they_were_sent_one_after_the_other(sent):
    pipe = io.BytesIO(b"".join(framed(*each) for each in sent))
    assert [read_frame(pipe) for _ in sent] == sent
    assert read_frame(pipe) is None


@given(st.binary(max_size=40), st.integers(0, 60))
def test_a_frame_that_is_cut_anywhere_is_the_end(data, at):
    whole = framed({"n": 1}, data)
    assert read_frame(io.BytesIO(whole[: min(at, len(whole) - 1)])) is None


@given(st.binary(min_size=16, max_size=200))
def test_garbage_is_no_frame(garbage):
    with pytest.raises(ValueError, match="no frame"):
        read_frame(io.BytesIO(b"x" + garbage))


@pytest.mark.parametrize(
    "text", [b"{", b"\xff\xfe", b"[" * 500_000, b"1" * 5_000, b"cos\nsystem\n(S'id'\ntR."]
)
def test_a_text_that_is_not_json_is_one_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - which one is JSON's affair
        read_frame(io.BytesIO(HEAD.pack(b"CMf1", len(text), 0) + text))


@pytest.mark.parametrize(("text", "data"), [(2**32 - 1, 0), (0, 2**64 - 1), (0, 2**34 + 1)])
def test_a_length_that_nobody_sends_is_no_frame(text, data):
    with pytest.raises(ValueError, match="no frame"):
        read_frame(io.BytesIO(HEAD.pack(b"CMf1", text, data)))


def test_a_length_takes_no_memory_before_its_bytes_are_there():
    tracemalloc.start()
    try:
        assert read_frame(io.BytesIO(HEAD.pack(b"CMf1", 2, 2**34) + b"{}few bytes")) is None
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_what_no_reader_takes_is_not_sent(monkeypatch):
    monkeypatch.setattr(frames, "_MOST_BYTES", 10)
    pipe = io.BytesIO()
    with pytest.raises(ValueError, match="11 bytes is too large"):
        write_frame(pipe, None, b"x" * 11)
    with pytest.raises(TypeError):
        write_frame(pipe, object())
    assert pipe.getvalue() == b""
    assert json.loads(framed([1])[16:]) == [1]
