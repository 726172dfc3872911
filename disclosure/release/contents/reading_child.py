"""Run by path inside a confined child: one foreign file in, its plain values out, or a code.

It inherits one end of a socket and nothing else. The first line says the format and the bounds.
"""

import json
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # python -I leaves it out

from disclosure.release.contents import foreign_forms

HEADER_BYTES_MAX = 4_096


def main(channel: int) -> None:
    """Take one file apart and send what it holds."""
    with socket.socket(fileno=channel) as link, link.makefile("rb") as stream:
        header = json.loads(stream.readline(HEADER_BYTES_MAX))
        bounds = foreign_forms.Bounds(**header["bounds"])
        data = stream.read(bounds.file_bytes_max + 1)
        try:
            answer = foreign_forms.take_apart(data, header["format"], bounds)
        except foreign_forms.ForeignRefused as refusal:
            answer = {"refused": str(refusal)}
        link.sendall(_encoded(answer))


def _encoded(answer: dict[str, Any]) -> bytes:
    try:
        return json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can write and UTF-8 cannot
        return b'{"refused": "not_utf8"}'


if __name__ == "__main__":
    main(int(sys.argv[1]))
