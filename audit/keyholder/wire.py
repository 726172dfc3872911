"""How the service and the key holder speak: one JSON object a message, four bytes of length before.

Bytes travel as hexadecimal. A message over a mebibyte ends the conversation.
"""

import json
import socket
from collections.abc import Mapping
from typing import Any

from foundation.keys import Citation

MESSAGE_BYTES_MAX = 1 << 20
_LENGTH_BYTES = 4


class Gone(ConnectionError):
    """The other side ended the conversation, or broke its form."""


def send(channel: socket.socket, message: Mapping[str, object]) -> None:
    """Send one message. Raises OSError where the other side is gone."""
    data = json.dumps(message, separators=(",", ":")).encode()
    channel.sendall(len(data).to_bytes(_LENGTH_BYTES, "big") + data)


def receive(channel: socket.socket) -> dict[str, Any]:
    """Return the next message. Raises Gone at the end, or for what is none."""
    length = int.from_bytes(_exactly(channel, _LENGTH_BYTES), "big")
    if length > MESSAGE_BYTES_MAX:
        raise Gone("the message is longer than allowed")
    try:
        message = json.loads(_exactly(channel, length))
    except ValueError as error:
        raise Gone("the message is no JSON") from error
    if not isinstance(message, dict):
        raise Gone("the message is no object")
    return message


def citation_as_json(cited: Citation | None) -> dict[str, object] | None:
    """Write a citation."""
    if cited is None:
        return None
    return {"index": cited.index, "body": cited.body.hex(), "receipt": cited.receipt}


def citation_from_json(value: Any) -> Citation | None:
    """Read a citation; None where there is none. Raises ValueError, KeyError or TypeError."""
    if value is None:
        return None
    return Citation(int(value["index"]), bytes.fromhex(value["body"]), str(value["receipt"]))


def _exactly(channel: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = channel.recv(min(count - len(found), 65_536))
        if not piece:
            raise Gone("the conversation is over")
        found += piece
    return found
