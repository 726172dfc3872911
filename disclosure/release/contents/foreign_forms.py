"""Takes foreign bytes apart into plain columns, text or JSON; runs in a confined child only.

Nothing but values comes out: no metadata, no order of keys, no style, no trailing bytes. What is
not wholly of the format that its name says is refused by one of ``CODES``, never in its own words.
"""

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

CODES = frozenset(
    {
        "active_content",
        "archive",
        "duplicate_columns",
        "duplicate_keys",
        "empty",
        "executable",
        "nested_type",
        "not_finite",
        "not_this_format",
        "not_utf8",
        "notebook",
        "picture",
        "serialised_objects",
        "too_deep",
        "too_large",
        "too_many_columns",
        "too_many_rows",
        "too_many_values",
        "uneven_rows",
        "unreadable",
    }
)
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "archive"),
    (b"PK\x05\x06", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ\x00", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
    (b"Rar!", "archive"),
    (b"\xd0\xcf\x11\xe0", "archive"),
    (b"\x7fELF", "executable"),
    (b"MZ", "executable"),
    (b"#!", "executable"),
    (b"\x89PNG", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"%PDF", "picture"),
    (b"\x89HDF", "serialised_objects"),
    (b"SQLite format 3", "serialised_objects"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_PARQUET = b"PAR1"
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,3})?")
_MARKUP = re.compile(r"<[A-Za-z!/?]|!\[|(?:javascript|vbscript|data)\s*:", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")
_SPACE_RUNS = re.compile(r"(?<=\S)[ \u3000]{2,}(?=\S)")
_SPACES = re.compile(r"[ \t\u3000\xa0]+$", re.MULTILINE)


class ForeignRefused(ValueError):
    """Foreign bytes that are not taken; its text is one of ``CODES``."""


@dataclass(frozen=True)
class Bounds:
    """How much is read at all."""

    file_bytes_max: int
    rows_max: int
    columns_max: int
    json_depth_max: int
    json_values_max: int


def take_apart(data: bytes, file_format: str, bounds: Bounds) -> dict[str, Any]:
    """Return ``{"columns": …}``, ``{"text": …}`` or ``{"json": …}``. Raises ForeignRefused."""
    if not data:
        raise ForeignRefused("empty")
    if len(data) > bounds.file_bytes_max:
        raise ForeignRefused("too_large")
    _check_magic(data, file_format)
    if file_format == "parquet":
        return {"columns": _parquet(data, bounds)}
    text = _text(data)
    if file_format == "csv":
        return {"columns": _csv(text, bounds)}
    if file_format == "json":
        return {"json": _json(text, bounds)}
    if file_format == "md":
        return {"text": _markdown(text)}
    raise ForeignRefused("not_this_format")


def _check_magic(data: bytes, file_format: str) -> None:
    for magic, code in _MAGIC:
        if data.startswith(magic):
            raise ForeignRefused(code)
    if _PICKLE.match(data):
        raise ForeignRefused("serialised_objects")
    framed = data.startswith(_PARQUET) and data.endswith(_PARQUET)
    if (file_format == "parquet") != framed:
        raise ForeignRefused("not_this_format")


def _text(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ForeignRefused("not_utf8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _csv(text: str, bounds: Bounds) -> list[dict[str, Any]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) > bounds.rows_max + 1:
                raise ForeignRefused("too_many_rows")
    except csv.Error as error:
        raise ForeignRefused("unreadable") from error
    if not rows:
        raise ForeignRefused("empty")
    names, body = rows[0], rows[1:]
    _check_names(names, bounds)
    if any(len(row) != len(names) for row in body):
        raise ForeignRefused("uneven_rows")
    columns = zip(*body, strict=True) if body else [()] * len(names)
    return [_inferred(name, list(values)) for name, values in zip(names, columns, strict=True)]


def _check_names(names: Iterable[str], bounds: Bounds) -> None:
    listed = list(names)
    if not listed or len(listed) > bounds.columns_max:
        raise ForeignRefused("too_many_columns" if listed else "empty")
    if len(set(listed)) != len(listed):
        raise ForeignRefused("duplicate_columns")


def _inferred(name: str, texts: list[str]) -> dict[str, Any]:
    """Read a column as the plainest type that all its values have."""
    filled = [text for text in texts if text]
    if filled and all(_WHOLE.fullmatch(text) for text in filled):
        return _column(name, "integer", [int(text) if text else None for text in texts])
    if filled and all(_NUMBER.fullmatch(text) for text in filled):
        return _column(name, "number", [_finite(float(text)) if text else None for text in texts])
    if filled and all(_is_date(text) for text in filled):
        return _column(name, "date", [text or None for text in texts])
    return _column(name, "text", [text or None for text in texts])


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _parquet(data: bytes, bounds: Bounds) -> list[dict[str, Any]]:
    import pyarrow as pa  # noqa: PLC0415 - only the child of a Parquet file loads it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        schema = file.schema_arrow
        if file.metadata.num_rows > bounds.rows_max:
            raise ForeignRefused("too_many_rows")
        _check_names(schema.names, bounds)
        if any(pa.types.is_nested(field.type) for field in schema):
            raise ForeignRefused("nested_type")
        table = file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise ForeignRefused("unreadable") from error
    if table.num_rows > bounds.rows_max:
        raise ForeignRefused("too_many_rows")
    return [_taken(name, table.column(name).to_pylist()) for name in schema.names]


def _taken(name: str, values: list[Any]) -> dict[str, Any]:
    filled = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in filled):
        return _column(name, "boolean", values)
    if all(isinstance(value, int) and not isinstance(value, bool) for value in filled):
        return _column(name, "integer", [_whole(value) for value in values])
    if all(isinstance(value, (int, float, Decimal)) for value in filled):
        numbers = [None if value is None else _finite(float(value)) for value in values]
        return _column(name, "number", numbers)
    if all(isinstance(value, date) and not isinstance(value, datetime) for value in filled):
        return _column(name, "date", [None if v is None else v.isoformat() for v in values])
    if all(isinstance(value, str) for value in filled):
        return _column(name, "text", values)
    raise ForeignRefused("nested_type")


def _whole(value: int | None) -> int | None:
    if value is not None and abs(value) >= 1 << 63:
        raise ForeignRefused("not_finite")
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ForeignRefused("not_finite")
    return value


def _column(name: str, kind: str, values: list[Any]) -> dict[str, Any]:
    return {"name": name, "kind": kind, "values": values}


def _json(text: str, bounds: Bounds) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ForeignRefused("duplicate_keys")
        return found

    try:
        value = json.loads(text, object_pairs_hook=once, parse_constant=_not_a_number)
    except ForeignRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise ForeignRefused("unreadable") from error
    if isinstance(value, dict) and {"cells", "nbformat"} <= value.keys():
        raise ForeignRefused("notebook")
    _measure(value, bounds)
    return value


def _not_a_number(_text: str) -> Any:
    raise ForeignRefused("not_finite")


def _measure(value: Any, bounds: Bounds) -> None:
    """Refuse what is too deep or too many, level by level."""
    level, count = [value], 0
    for _depth in range(bounds.json_depth_max):
        count += len(level)
        if count > bounds.json_values_max:
            raise ForeignRefused("too_many_values")
        if any(isinstance(item, float) and not math.isfinite(item) for item in level):
            raise ForeignRefused("not_finite")
        level = [inner for item in level for inner in _inside(item)]
        if not level:
            return
    raise ForeignRefused("too_deep")


def _inside(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, list) else ()


def _markdown(text: str) -> str:
    if _MARKUP.search(text):
        raise ForeignRefused("active_content")
    plain = unicodedata.normalize("NFC", text.expandtabs(4))
    lines = _SPACE_RUNS.sub(" ", _SPACES.sub("", plain))
    return _BLANK_LINES.sub("\n\n", lines).strip("\n") + "\n"
