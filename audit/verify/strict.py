"""JSON that every reader reads alike: no name twice, no fraction, no NaN, and UTF-8 alone.

Python keeps the last of two equal names and other readers the first, so that a text with both would
show each of them another content under one signature. What the platform writes holds neither.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from audit.verify.findings import Report

_ENDINGS = (".json", ".jsonl")
UNREADABLE = (ValueError, RecursionError)
"""What ``read_strictly`` raises for a text that is no JSON, or none that all read alike."""


def read_strictly(data: bytes) -> Any:
    """Read JSON. Raises one of ``UNREADABLE``."""
    return _DECODER.decode(data.decode())


def check_unambiguous(files: Mapping[str, bytes], report: Report) -> None:
    """Name every JSON file in which a name stands twice."""
    for name in sorted(name for name in files if name.endswith(_ENDINGS)):
        lines = files[name].splitlines() if name.endswith("l") else [files[name]]
        if any(_holds_twice(line) for line in lines):
            report.tampered(
                "file_ambiguous",
                zh=f"文件 {name} 中同一名称出现两次：不同的程序会读出不同的内容。",
                en=f"The file {name} holds a name twice: two readers would read two contents.",
            )


class _Twice(ValueError):
    """A name stands twice in one object."""


def _holds_twice(line: bytes) -> bool:
    try:
        json.loads(line, object_pairs_hook=_once)
    except _Twice:
        return True
    except UNREADABLE:
        return False  # named by whoever needs the file
    return False


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise _Twice
    return content


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_float=_refuse, parse_constant=_refuse)
