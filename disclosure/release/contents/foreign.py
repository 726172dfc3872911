"""Has foreign bytes taken apart by a confined child, and builds the desk's own file anew from them.

What left a session proves nothing (I15): only plain values come through, checked again here, tables
sorted and rounded so that neither row order nor low digits carry a message. Where no child can be
confined nothing is read.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from disclosure.outcome import Refused
from disclosure.release.contents.foreign_forms import CODES
from foundation.confined_exchange import AnswerTooLarge, ChildStopped, exchange
from foundation.confinement import Confinement, Limits
from foundation.errors import Message, Unavailable
from policies.schema.contents import ContentRules

GUEST = Path(__file__).with_name("reading_child.py")
READ_SECONDS_MAX = 20.0
MEMORY_BYTES_MAX = 1 << 30
PIDS_MAX = 32
GROWTH_MAX = 8
"""How many times longer than the file its values may be, written out."""
RULE = "policies/contents"
_REASONS: Mapping[str, Message] = {
    "active_content": Message(
        "文本中含有 HTML、图片或脚本链接", "the text holds HTML, a picture or a script link"
    ),
    "archive": Message("压缩包或办公文档不得出域", "archives and office files never leave"),
    "duplicate_columns": Message("列名重复", "two columns have one name"),
    "duplicate_keys": Message("JSON 键重复", "a JSON object repeats a key"),
    "empty": Message("文件为空", "the file is empty"),
    "executable": Message("可执行文件不得出域", "programs never leave"),
    "nested_type": Message("列类型不受支持", "a column has a type that may not leave"),
    "not_finite": Message("数值超出范围或非有限数", "a number is not finite, or too large"),
    "not_this_format": Message("内容与文件名所示格式不符", "the bytes are not what the name says"),
    "not_utf8": Message("文本须为 UTF-8 编码", "the text is not UTF-8"),
    "notebook": Message("笔记本不得出域", "notebooks never leave"),
    "picture": Message(
        "图形须由数据绘制，不收图片文件", "figures are drawn by the desk from their data"
    ),
    "serialised_objects": Message("序列化对象不得出域", "serialised objects never leave"),
    "too_deep": Message("JSON 嵌套过深", "the JSON is nested too deep"),
    "too_large": Message("文件过大", "the file is too large"),
    "too_many_columns": Message("列数超过上限", "there are too many columns"),
    "too_many_rows": Message("行数超过上限", "there are too many rows"),
    "too_many_values": Message("JSON 值过多", "the JSON holds too many values"),
    "uneven_rows": Message("各行列数不一致", "the rows differ in length"),
    "unreadable": Message("文件无法解析", "the file cannot be read"),
}
_WAY_OUT = Message(
    "请改为申请由平台重新计算的答案、表格或图形；说明文字用 Markdown，"
    "少量数据用 CSV、Parquet 或 JSON。",
    "Ask for an answer, a table or a figure that the desk works out itself; bring words as "
    "Markdown and small data as CSV, Parquet or JSON.",
)


@dataclass(frozen=True)
class ForeignFile:
    """What a foreign file holds, as values; exactly one of the three is there."""

    format: str
    table: pa.Table | None = None
    text: str | None = None
    json_value: Any = None

    def texts(self) -> list[str]:
        """Return every text in it, for the scans."""
        if self.table is not None:
            return texts_of(self.table)
        return [self.text] if self.text is not None else list(_strings(self.json_value))


@dataclass(frozen=True)
class ForeignReader:
    """Reads foreign files, each in a bubblewrap child that holds one socket."""

    environment: Path
    rules: ContentRules
    bubblewrap: Path | None = None
    processors: frozenset[int] = frozenset()

    def read(self, file_format: str, data: bytes) -> ForeignFile:
        """Read one file of a format. Raises Refused, and Unavailable without confinement."""
        if file_format not in self.rules.formats:
            raise refused("not_this_format")
        if len(data) > self.rules.file_bytes_max:
            raise refused("too_large")
        answer = self._ask(file_format, data)
        try:
            return _checked(json.loads(answer), file_format, self.rules)
        except (ValueError, TypeError, KeyError, RecursionError, pa.ArrowException) as error:
            raise refused("unreadable") from error

    def _ask(self, file_format: str, data: bytes) -> bytes:
        rules = self.rules
        bounds = {
            "file_bytes_max": rules.file_bytes_max,
            "rows_max": rules.rows_max,
            "columns_max": rules.columns_max,
            "json_depth_max": rules.json_depth_max,
            "json_values_max": rules.json_values_max,
        }
        header = json.dumps({"format": file_format, "bounds": bounds}).encode()
        try:
            return exchange(
                self._confinement,
                header + b"\n" + data,
                seconds_max=READ_SECONDS_MAX,
                answer_bytes_max=rules.file_bytes_max * GROWTH_MAX,
                bubblewrap=self.bubblewrap,
            )
        except AnswerTooLarge as error:
            raise refused("too_large") from error
        except ChildStopped as error:
            raise Unavailable(
                "file_reader_stopped",
                Message(
                    "文件解析进程已停止，文件未被接收。",
                    "The reader of files stopped; the file was not taken.",
                ),
                field="content",
                way_out=_WAY_OUT,
            ) from error

    def _confinement(self, channel: int) -> Confinement:
        return Confinement(
            environment=self.environment,
            program=GUEST,
            arguments=(str(channel),),
            guest_files=_modules(),
            inherited_fds=(channel,),
            limits=Limits(
                memory_bytes_max=MEMORY_BYTES_MAX, pids_max=PIDS_MAX, processors=self.processors
            ),
            profile="worker",
        )


def _modules() -> dict[str, Path]:
    """Name what the child imports of ours, and the packages that it lies in."""
    room = GUEST.parents[2]
    names = ("", "release/", "release/contents/")
    packages = {f"disclosure/{name}__init__.py": room / f"{name}__init__.py" for name in names}
    forms = GUEST.with_name("foreign_forms.py")
    return {**packages, "disclosure/release/contents/foreign_forms.py": forms}


def refused(code: str) -> Refused:
    """Return the refusal of a foreign file: its code is one of ours, never a text of the file."""
    known = code if code in CODES else "unreadable"
    reason = _REASONS[known]
    return Refused(
        f"file_{known}",
        Message(f"文件不能出域：{reason.zh}。", f"This file cannot leave: {reason.en}."),
        field="content",
        rule=RULE,
        way_out=_WAY_OUT,
    )


def texts_of(table: pa.Table) -> list[str]:
    """Return every text of a table: its column names and its text cells, each once."""
    cells: list[str] = list(table.column_names)
    for column in table.columns:
        if pa.types.is_string(column.type):
            cells += [text for text in column.unique().to_pylist() if text is not None]
    return cells


def _checked(answer: Any, file_format: str, rules: ContentRules) -> ForeignFile:
    """Check what the child says as if the file itself said it."""
    if not isinstance(answer, dict) or len(answer) != 1:
        raise ValueError
    (kind, value), *_ = answer.items()
    if kind == "refused":
        raise refused(str(value))
    if kind == "text" and file_format == "md" and isinstance(value, str):
        if len(value) > rules.text_characters_max:
            raise refused("too_large")
        return ForeignFile(file_format, text=value)
    if kind == "json" and file_format == "json":
        return ForeignFile(file_format, json_value=_rounded_json(value, rules))
    if kind == "columns" and file_format in {"csv", "parquet"}:
        return ForeignFile(file_format, table=_table(value, rules))
    raise ValueError


def _table(columns: Sequence[Mapping[str, Any]], rules: ContentRules) -> pa.Table:
    """Build the table anew: rows in their own order of values, numbers with few digits."""
    if not 0 < len(columns) <= rules.columns_max:
        raise refused("too_many_columns")
    names = [str(column["name"]) for column in columns]
    if len(set(names)) != len(names):
        raise refused("duplicate_columns")
    arrays = [_array(str(column["kind"]), column["values"], rules) for column in columns]
    table = pa.table(dict(zip(names, arrays, strict=True)))
    if table.num_rows > rules.rows_max:
        raise refused("too_many_rows")
    rows = sorted(range(table.num_rows), key=lambda row: _order(table, row))
    return table.take(pa.array(rows, pa.int64()))


def _array(kind: str, values: Sequence[Any], rules: ContentRules) -> pa.Array:
    if kind == "number":
        rounded = [None if v is None else _rounded(float(v), rules) for v in values]
        return pa.array(rounded, pa.float64())
    if kind == "date":
        days = [None if value is None else date.fromisoformat(value) for value in values]
        return pa.array(days, pa.date32())
    if kind == "integer":
        whole = [None if value is None else rounded_whole(int(value), rules) for value in values]
        return pa.array(whole, pa.int64())
    return pa.array(values, {"boolean": pa.bool_(), "text": pa.string()}[kind])


def rounded_whole(value: int, rules: ContentRules) -> int:
    """Round a whole number to the digits that may leave, in whole numbers alone."""
    step: int = 10 ** max(0, len(str(abs(value))) - rules.significant_digits_max)
    return (abs(value) + step // 2) // step * step * (1 if value >= 0 else -1)


def _rounded(value: float, rules: ContentRules) -> float:
    return float(f"{value:.{rules.significant_digits_max}g}") + 0.0  # no negative zero


def _rounded_json(value: Any, rules: ContentRules) -> Any:
    if isinstance(value, float):
        return _rounded(value, rules)
    if isinstance(value, int) and not isinstance(value, bool):
        return rounded_whole(value, rules)
    if isinstance(value, list):
        return [_rounded_json(item, rules) for item in value]
    if isinstance(value, dict):
        return {key: _rounded_json(value[key], rules) for key in sorted(value)}
    return value


def _order(table: pa.Table, row: int) -> tuple[tuple[bool, Any], ...]:
    values = (column[row].as_py() for column in table.columns)
    return tuple((value is not None, 0 if value is None else value) for value in values)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *_strings(item))]
    return []
