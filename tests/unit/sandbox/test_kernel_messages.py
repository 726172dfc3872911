"""Frames are read and written in every framing; what is malformed is never guessed at."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kernel_messages import KernelMessage, Unreadable, read_message, write_message

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
FIELDS = st.dictionaries(st.text(max_size=6), VALUES, max_size=4)
MESSAGES = st.builds(
    KernelMessage,
    st.sampled_from(["shell", "iopub", "stdin", "control"]),
    st.builds(lambda kind, more: {**more, "msg_type": kind}, st.text(max_size=9), FIELDS),
    FIELDS,
    FIELDS,
    FIELDS,
    st.lists(st.binary(max_size=20), max_size=3).map(tuple),
)


@given(MESSAGES, st.booleans())
def test_what_is_written_is_read_again(message: KernelMessage, v1: bool) -> None:
    assert read_message(write_message(message, v1=v1), v1=v1) == message


@given(st.binary(max_size=200), st.booleans())
def test_bytes_are_read_or_refused(frame: bytes, v1: bool) -> None:
    try:
        message = read_message(frame, v1=v1)
    except Unreadable:
        return
    assert read_message(write_message(message, v1=v1), v1=v1) == message


@given(MESSAGES, st.data())
def test_a_frame_with_a_flipped_byte_never_breaks_the_reader(
    message: KernelMessage, data: st.DataObject
) -> None:
    written = write_message(message, v1=True)
    assert isinstance(written, bytes)
    frame = bytearray(written)
    place = data.draw(st.integers(0, len(frame) - 1))
    frame[place] ^= data.draw(st.integers(1, 255))
    try:
        read_message(bytes(frame), v1=True)
    except Unreadable:
        return


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "7",
        "[]",
        "{}",
        '{"channel": 1}',
        '{"channel": "shell", "content": []}',
        "[" * 100_000,
        b"",
        b"\x00\x00\x00\x00",
        b"\xff\xff\xff\xff" * 3,
    ],
)
def test_malformed_frames_are_refused(frame: bytes | str) -> None:
    with pytest.raises(Unreadable):
        read_message(frame, v1=False)


def test_a_text_frame_is_no_v1_frame() -> None:
    with pytest.raises(Unreadable):
        read_message("{}", v1=True)


def test_two_readers_cannot_disagree_about_a_key_given_twice() -> None:
    twice = (
        '{"channel":"shell","header":{"msg_type":"kernel_info_request"},'
        '"header":{"msg_type":"execute_request","msg_id":"m"},"content":{"code":"1"}}'
    )
    message = read_message(twice, v1=False)
    assert message.kind == "execute_request"
    written = write_message(message, v1=False)
    assert isinstance(written, str)
    assert written.count('"header"') == 1
    assert json.loads(written)["msg_type"] == "execute_request"
