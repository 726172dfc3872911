"""SM3 (GB/T 32905-2016) as a digest like SHA-256, from the OpenSSL that Python is linked to."""

import hashlib
from typing import Any

from foundation.errors import Message, Unavailable


def sm3(data: bytes) -> Any:
    """Return a hash object over the data. Raises Unavailable where OpenSSL has no SM3."""
    try:
        return hashlib.new("sm3", data)
    except ValueError as error:
        raise Unavailable(
            "sm3_unavailable",
            Message(
                "本机 Python 的 OpenSSL 不支持 SM3，国密日志不可用。",
                "This Python's OpenSSL has no SM3, so there is no SM3 log.",
            ),
            rule="GB/T 32905",
        ) from error
