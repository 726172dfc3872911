"""The framing between the service and the confined builder: one kind byte, a length, a payload.

Both ends read exact lengths under a cap, so neither can make the other wait for memory it does
not have. Standard library only: the confined builder runs it.
"""

import json
from typing import Any, BinaryIO

FRAME_BYTES_MAX = 256 << 20
LENGTH_BYTES = 8
JSON, BATCH = b"J", b"B"


class BrokenFrame(Exception):
    """The other end has gone, or does not speak this framing."""


def send(stream: BinaryIO, kind: bytes, payload: bytes) -> None:
    """Write one frame; the caller flushes."""
    stream.write(kind + len(payload).to_bytes(LENGTH_BYTES, "big"))
    stream.write(payload)


def send_json(stream: BinaryIO, value: dict[str, Any]) -> None:
    """Write one JSON frame and flush."""
    send(stream, JSON, json.dumps(value, ensure_ascii=True).encode())
    stream.flush()


def receive(stream: BinaryIO) -> tuple[bytes, bytes]:
    """Read one frame. Raises BrokenFrame at the end of the stream."""
    head = stream.read(1 + LENGTH_BYTES)
    length = int.from_bytes(head[1:], "big")
    if len(head) != 1 + LENGTH_BYTES or head[:1] not in {JSON, BATCH} or length > FRAME_BYTES_MAX:
        raise BrokenFrame("no frame")
    payload = stream.read(length)
    if len(payload) != length:
        raise BrokenFrame("the frame ends early")
    return head[:1], payload


def receive_json(stream: BinaryIO) -> dict[str, Any]:
    """Read one JSON object. Raises BrokenFrame for anything else."""
    kind, payload = receive(stream)
    if kind != JSON:
        raise BrokenFrame("not a JSON frame")
    return json_object(payload)


def json_object(payload: bytes) -> dict[str, Any]:
    """Read a payload as a JSON object. Raises BrokenFrame for anything else."""
    try:
        value = json.loads(payload)
    except ValueError as error:
        raise BrokenFrame("not JSON") from error
    if not isinstance(value, dict):
        raise BrokenFrame("not a JSON object")
    return value
