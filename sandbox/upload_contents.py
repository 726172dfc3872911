"""Whether a file is what its ending says: texts that decode, notebooks of version 4, Parquet.

Nothing here parses a foreign binary format: a Parquet file is known by both of its marks, and it is
read only inside the session that it was brought into.
"""

import codecs
import json
import re
from typing import Any

from foundation.errors import Denied, Message
from policies.schema.screen import UploadRules

PARQUET_MARK = b"PAR1"
PARQUET_BYTES_MIN = 12
FOOTER_BYTES = 8
NOTEBOOK_VERSION = 4
CELLS_MAX = 10_000
_CELL_TYPES = frozenset({"code", "markdown", "raw"})
_NEVER_IN_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ufffe\uffff]")
_TEXT_ENCODINGS = ("utf-8-sig", "gb18030")
# Programs and packed files that begin with letters (MZ, BZh) hold bytes that no text has.
_FOREIGN_BEGINS: tuple[tuple[str, bytes], ...] = (
    ("elf", b"\x7fELF"),
    ("mach-o", b"\xfe\xed\xfa"),
    ("mach-o", b"\xcf\xfa\xed\xfe"),
    ("zip", b"PK\x03\x04"),
    ("zip", b"PK\x05\x06"),
    ("gzip", b"\x1f\x8b"),
    ("xz", b"\xfd7zXZ\x00"),
    ("zstd", b"\x28\xb5\x2f\xfd"),
    ("7z", b"7z\xbc\xaf\x27\x1c"),
    ("rar", b"Rar!\x1a\x07"),
    ("pickle", b"\x80\x02"),
    ("pickle", b"\x80\x03"),
    ("pickle", b"\x80\x04"),
    ("pickle", b"\x80\x05"),
    ("hdf5", b"\x89HDF\r\n\x1a\n"),
    ("pdf", b"%PDF-"),
    ("ole", b"\xd0\xcf\x11\xe0"),
)


def check_content(ending: str, content: bytes, rules: UploadRules) -> None:
    """Raise Denied unless the content is what the ending says."""
    if any(content.startswith(mark) for _name, mark in _FOREIGN_BEGINS):
        raise _unlike(ending)
    if ending == "parquet":
        _check_parquet(content)
        return
    text = _decoded(ending, content)
    if _NEVER_IN_TEXT.search(text):
        raise _unlike(ending)
    if ending in {"ipynb", "json"}:
        loaded = _loaded(ending, text)
        if ending == "ipynb":
            _check_notebook(loaded)
    elif max((len(line) for line in content.split(b"\n")), default=0) > rules.line_bytes_max:
        raise _unlike(ending)


def stripped_notebook(content: bytes) -> dict[str, Any]:
    """Return an uploaded notebook without outputs, attachments and counters: its text alone."""
    notebook = json.loads(content.decode("utf-8-sig"))
    cells = []
    for cell in notebook["cells"]:
        kept = {name: cell[name] for name in ("id", "cell_type", "source") if name in cell}
        kept["metadata"] = {}
        if kept["cell_type"] == "code":
            kept |= {"outputs": [], "execution_count": None}
        cells.append(kept)
    known = {
        name: value
        for name, value in dict(notebook.get("metadata", {})).items()
        if name in {"kernelspec", "language_info"} and isinstance(value, dict)
    }
    return {
        "cells": cells,
        "metadata": known,
        "nbformat": NOTEBOOK_VERSION,
        "nbformat_minor": notebook.get("nbformat_minor", 5),
    }


def _check_parquet(content: bytes) -> None:
    framed = content[:4] == PARQUET_MARK and content[-4:] == PARQUET_MARK
    footer = int.from_bytes(content[-FOOTER_BYTES:-4], "little")
    if not framed or len(content) < PARQUET_BYTES_MIN or footer > len(content) - PARQUET_BYTES_MIN:
        raise _unlike("parquet")


def _decoded(ending: str, content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
        raise _unlike(ending)
    encodings = _TEXT_ENCODINGS if ending == "csv" else _TEXT_ENCODINGS[:1]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _unlike(ending)


def _loaded(ending: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _unlike(ending) from None


def _check_notebook(notebook: Any) -> None:
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    plain = (
        isinstance(cells, list)
        and notebook.get("nbformat") == NOTEBOOK_VERSION
        and isinstance(notebook.get("nbformat_minor", 5), int)
        and isinstance(notebook.get("metadata", {}), dict)
        and len(cells) <= CELLS_MAX
        and all(_is_cell(cell) for cell in cells)
    )
    if not plain:
        raise _unlike("ipynb")


def _is_cell(cell: object) -> bool:
    if not isinstance(cell, dict) or cell.get("cell_type") not in _CELL_TYPES:
        return False
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    return all(isinstance(line, str) for line in lines)


def _unlike(ending: str) -> Denied:
    return Denied(
        "upload_content",
        Message(
            f"文件内容与后缀 .{ending} 不符，或含有可执行、压缩或二进制内容。",
            f"The content is not what .{ending} says, or holds executable, packed or binary parts.",
        ),
        field="content",
        rule="policies/screen",
        way_out=Message(
            "请上传 UTF-8 文本（csv 也可用 GB18030）、第 4 版笔记本，或 Parquet 文件。",
            "Upload UTF-8 text (CSV also in GB18030), a notebook of version 4, or Parquet.",
        ),
    )
