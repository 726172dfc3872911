"""One kernel message in each framing that browsers and Jupyter's server use, read and written.

What is forwarded is always written anew from what was read here, so that no two readers can
disagree about it. Framings: the text one and the binary one of the default protocol, and
``v1.kernel.websocket.jupyter.org`` (jupyter_server/services/kernels/connection/base.py).
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

V1 = "v1.kernel.websocket.jupyter.org"
PARTS_MAX = 1_024
_V1_WIDTH = 8
_V1_FIXED_PARTS = 4
_WIDTH = 4
_FIELDS = ("header", "parent_header", "metadata", "content")

Fields = dict[str, Any]


class Unreadable(ValueError):
    """A frame is no kernel message."""


@dataclass(frozen=True)
class KernelMessage:
    """One message: its channel, its four dictionaries and its binary buffers."""

    channel: str
    header: Fields
    parent_header: Fields
    metadata: Fields
    content: Fields
    buffers: tuple[bytes, ...] = field(default=())

    @property
    def kind(self) -> str:
        """The message type; empty where it has none."""
        kind = self.header.get("msg_type")
        return kind if isinstance(kind, str) else ""

    @property
    def id(self) -> str:
        """The message's own id; empty where it has none."""
        return _text(self.header.get("msg_id"))

    @property
    def parent(self) -> str:
        """The id of the message that this one answers; empty where it has none."""
        return _text(self.parent_header.get("msg_id"))

    def with_content(self, content: Fields) -> "KernelMessage":
        """Return the same message with other content."""
        return replace(self, content=content)


def read_message(frame: bytes | str, *, v1: bool) -> KernelMessage:
    """Read one frame. Raises Unreadable."""
    try:
        if v1:
            return _read_v1(frame)
        return _read_default(frame)
    except (ValueError, KeyError, TypeError, IndexError, struct.error, RecursionError) as error:
        raise Unreadable from error


def write_message(message: KernelMessage, *, v1: bool) -> bytes | str:
    """Write one frame in the same framing that its reader will use."""
    if v1:
        return _write_v1(message)
    whole = {name: getattr(message, name) for name in _FIELDS}
    whole |= {"channel": message.channel, "msg_id": message.id, "msg_type": message.kind}
    if not message.buffers:
        return dumped({**whole, "buffers": []}).decode()
    return _joined([dumped(whole), *message.buffers])


def dumped(value: object) -> bytes:
    """Return compact UTF-8 JSON; lone surrogates, which UTF-8 has not, stay escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _read_v1(frame: bytes | str) -> KernelMessage:
    if isinstance(frame, str):
        raise Unreadable
    count = int.from_bytes(frame[:_V1_WIDTH], "little")
    if not _V1_FIXED_PARTS + 2 <= count <= PARTS_MAX:
        raise Unreadable
    places = [
        int.from_bytes(frame[_V1_WIDTH * (index + 1) : _V1_WIDTH * (index + 2)], "little")
        for index in range(count)
    ]
    parts = _cut(frame, places, first=_V1_WIDTH * (count + 1))
    loaded = [_fields(json.loads(part)) for part in parts[1 : _V1_FIXED_PARTS + 1]]
    return _message(parts[0].decode(), loaded, tuple(parts[_V1_FIXED_PARTS + 1 :]))


def _write_v1(message: KernelMessage) -> bytes:
    parts = [message.channel.encode(), *(dumped(getattr(message, name)) for name in _FIELDS)]
    parts += message.buffers
    places = [_V1_WIDTH * (len(parts) + 2)]
    for part in parts:
        places.append(places[-1] + len(part))
    head = [len(places), *places]
    return b"".join([*(number.to_bytes(_V1_WIDTH, "little") for number in head), *parts])


def _read_default(frame: bytes | str) -> KernelMessage:
    buffers: tuple[bytes, ...] = ()
    if isinstance(frame, bytes):
        count = int.from_bytes(frame[:_WIDTH], "big")
        if not 1 <= count <= PARTS_MAX:
            raise Unreadable
        places = list(struct.unpack(f"!{count}I", frame[_WIDTH : _WIDTH * (count + 1)]))
        head, *rest = _cut(frame, [*places, len(frame)], first=_WIDTH * (count + 1))
        frame, buffers = head.decode(), tuple(rest)
    whole = _fields(json.loads(frame))
    loaded = [_fields({} if whole.get(name) is None else whole[name]) for name in _FIELDS]
    channel = whole.get("channel")
    if not isinstance(channel, str):
        raise Unreadable
    return _message(channel, loaded, buffers)


def _message(channel: str, loaded: Sequence[Fields], buffers: tuple[bytes, ...]) -> KernelMessage:
    header, parent_header, metadata, content = loaded
    return KernelMessage(channel, header, parent_header, metadata, content, buffers)


def _joined(parts: Sequence[bytes]) -> bytes:
    places = [_WIDTH * (len(parts) + 1)]
    for part in parts[:-1]:
        places.append(places[-1] + len(part))
    return b"".join([struct.pack(f"!{len(parts) + 1}I", len(parts), *places), *parts])


def _cut(frame: bytes, places: Sequence[int], *, first: int) -> list[bytes]:
    """Return the parts between the places, which must cover all that follows the table."""
    whole = places[0] == first and places[-1] == len(frame)
    if not whole or any(after < before for before, after in pairwise(places)):
        raise Unreadable
    return [frame[a:b] for a, b in pairwise(places)]


def _fields(value: object) -> Fields:
    if not isinstance(value, dict):
        raise Unreadable
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
