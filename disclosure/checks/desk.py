"""What the release desk checks of what is to leave before anybody votes: all checks, always all.

Each result is a pass or a fail with its reason in both languages; a fail names what to change.
No check reads anything but the file itself and the rules.
"""

import re
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from disclosure.checks.contributors import Evidence, too_few
from foundation.errors import Message
from policies.schema.disclosure import DisclosureRules

ROWS_NAMED_MAX = 10
_MODES_ZH = {"aggregate": "差分隐私统计", "rows": "明细行"}


@dataclass(frozen=True)
class CheckedAnswer:
    """A stored answer as the desk sees it, and under which name and title it would leave."""

    mode: Literal["rows", "aggregate"]
    table: pa.Table
    content_bytes: int
    evidence: Evidence | None
    title_zh: str
    title_en: str
    file_name: str


@dataclass(frozen=True)
class CheckedFile:
    """One file as the desk made it; ``table`` is what its bytes encode, where they encode one."""

    table: pa.Table | None
    content_bytes: int
    file_name: str


@dataclass(frozen=True)
class CheckResult:
    """One check: its stable name, whether it passed, and why."""

    check: str
    passed: bool
    reason: Message

    def as_public(self) -> dict[str, object]:
        """Return what the log entry and the request's page say of it."""
        return {
            "check": self.check,
            "passed": self.passed,
            "reason_zh": self.reason.zh,
            "reason_en": self.reason.en,
        }


def run_checks(answer: CheckedAnswer, rules: DisclosureRules) -> tuple[CheckResult, ...]:
    """Run every check of one answer's file and of its title, in a fixed order."""
    file = CheckedFile(answer.table, answer.content_bytes, answer.file_name)
    title = title_check(answer.title_zh, answer.title_en, rules)
    found = answer_checks(answer.mode, answer.table, answer.evidence, rules)
    return (*found, *file_checks(file, rules), title)


def answer_checks(
    mode: Literal["rows", "aggregate"],
    table: pa.Table,
    evidence: Evidence | None,
    rules: DisclosureRules,
) -> tuple[CheckResult, ...]:
    """Check what only the answer behind a file can tell: its kind and its contributors."""
    return (_mode(mode, rules), _contributors(mode, table, evidence, rules))


def file_checks(file: CheckedFile, rules: DisclosureRules) -> tuple[CheckResult, ...]:
    """Check one file, whatever made it."""
    tabular = () if file.table is None else _table_checks(file.table, rules)
    return (_size(file, rules), *tabular, _name(file.file_name, rules))


def _table_checks(table: pa.Table, rules: DisclosureRules) -> tuple[CheckResult, ...]:
    return (_columns(table, rules), _headers(table, rules), _text(table, rules))


def all_passed(results: tuple[CheckResult, ...]) -> bool:
    """Tell whether nothing failed."""
    return all(result.passed for result in results)


def _mode(mode: Literal["rows", "aggregate"], rules: DisclosureRules) -> CheckResult:
    allowed = "、".join(_MODES_ZH[name] for name in rules.released_modes)
    return _result(
        "answer_type",
        mode in rules.released_modes,
        f"可出域的答案类型：{allowed}；本答案为{_MODES_ZH[mode]}。",
        f"Answers that may be released: {', '.join(rules.released_modes)}; this one is {mode}.",
    )


def _contributors(
    mode: str, table: pa.Table, evidence: Evidence | None, rules: DisclosureRules
) -> CheckResult:
    least = rules.contributors_min
    if mode == "aggregate" and evidence is None:
        return _result(
            "contributors_min",
            False,
            "答案没有计数列，无法判断贡献主体数；请在查询中加入 COUNT(DISTINCT unit) 或 COUNT(*)。",
            "The answer has no count to judge contributors by; add COUNT(DISTINCT unit) or "
            "COUNT(*) to the question.",
        )
    if evidence is None:
        return _result(
            "contributors_min",
            True,
            "行级答案不适用贡献主体数检查，由答案类型检查决定。",
            "Rows have no contributor count; the check of the answer's type decides.",
        )
    rows = too_few(table, evidence, least)
    if not rows:
        return _result(
            "contributors_min",
            True,
            f"每行的贡献主体数（取噪声区间下限）不少于 {least}。",
            f"Each row has at least {least} contributors, at the low end of its interval.",
        )
    named = ", ".join(str(row) for row in rows[:ROWS_NAMED_MAX])
    bound = least * evidence.rows_per_unit
    return _result(
        "contributors_min",
        False,
        f"共 {len(rows)} 行的贡献主体数可能少于 {least}（行号：{named}）；"
        f"可用 HAVING 只留 {evidence.column} 不小于 {bound} 的组，或改用较粗的分组。",
        f"{len(rows)} rows may have fewer than {least} contributors (rows {named}); keep only "
        f"groups whose {evidence.column} is at least {bound}, by HAVING, or ask by "
        "fewer keys.",
    )


def _size(file: CheckedFile, rules: DisclosureRules) -> CheckResult:
    size = file.content_bytes
    if file.table is None:
        return _result(
            "size",
            0 < size <= rules.bytes_max,
            f"大小 {size} 字节（1 至 {rules.bytes_max}）。",
            f"{size} bytes (1 to {rules.bytes_max}).",
        )
    rows = file.table.num_rows
    return _result(
        "size",
        0 < rows <= rules.rows_max and size <= rules.bytes_max,
        f"行数 {rows}（1 至 {rules.rows_max}），大小 {size} 字节（上限 {rules.bytes_max}）。",
        f"{rows} rows (1 to {rules.rows_max}), {size} bytes (at most {rules.bytes_max}).",
    )


def _columns(table: pa.Table, rules: DisclosureRules) -> CheckResult:
    types = [field.type for field in table.schema]
    plain = all(_is_plain(item) for item in types)
    return _result(
        "columns",
        plain and len(types) <= rules.columns_max,
        f"列数 {len(types)}（上限 {rules.columns_max}），列类型须为数字、文本、日期或布尔。",
        f"{len(types)} columns (at most {rules.columns_max}); only numbers, text, dates and "
        "booleans may leave.",
    )


def _headers(table: pa.Table, rules: DisclosureRules) -> CheckResult:
    longest = max((len(name) for name in table.column_names), default=0)
    return _result(
        "header_length",
        longest <= rules.header_characters_max,
        f"列名最长 {longest} 字（上限 {rules.header_characters_max}）；请在查询中改用较短的列名。",
        f"The longest column name has {longest} characters (at most "
        f"{rules.header_characters_max}); choose shorter names in the question.",
    )


def _text(table: pa.Table, rules: DisclosureRules) -> CheckResult:
    longest = max((_longest(column) for column in table.columns), default=0)
    return _result(
        "text_length",
        longest <= rules.text_characters_max,
        f"单元格文本最长 {longest} 字（上限 {rules.text_characters_max}）。",
        f"The longest text has {longest} characters (at most {rules.text_characters_max}).",
    )


def _name(file_name: str, rules: DisclosureRules) -> CheckResult:
    ending = file_name.rpartition(".")[2]
    well_named = re.fullmatch(rules.file_name_pattern, file_name) is not None
    formats = ", ".join(rules.file_formats)
    return _result(
        "file_name",
        well_named and ending in rules.file_formats,
        f"文件名只用小写字母、数字、_ 与 -，格式为：{formats}。",
        f"A file name uses lower-case letters, digits, _ and -, and ends in one of: {formats}.",
    )


def title_check(title_zh: str, title_en: str, rules: DisclosureRules) -> CheckResult:
    """Check the titles under which a release would leave."""
    titles = (title_zh, title_en)
    good = all(0 < len(t.strip()) <= rules.title_characters_max and t.isprintable() for t in titles)
    return _result(
        "title",
        good,
        f"须有中英文标题，各不超过 {rules.title_characters_max} 字。",
        f"A title is needed in both languages, at most {rules.title_characters_max} characters.",
    )


def _is_plain(value: pa.DataType) -> bool:
    kinds = pa.types
    tests = (
        kinds.is_integer,
        kinds.is_floating,
        kinds.is_decimal,
        kinds.is_boolean,
        kinds.is_string,
        kinds.is_date,
    )
    return any(test(value) for test in tests)


def _longest(column: pa.ChunkedArray) -> int:
    if not pa.types.is_string(column.type):
        return 0
    return max((len(text) for text in column.to_pylist() if text is not None), default=0)


def _result(check: str, passed: bool, zh: str, en: str) -> CheckResult:
    return CheckResult(check, passed, Message(zh, en))
