"""How a question can end without an answer: refused by a rule, or failed in the engine.

Both are typed, reasoned and safe to show: no engine text and no data value stands in either (I11).
"""

from foundation.errors import Message, SandgateError


class Refused(SandgateError):
    """A rule says no before any data was touched; the parts say which and what would do."""

    status = 403
    kind = "refused"


class QuestionFailed(SandgateError):
    """A permitted question ended without an answer; the code is one of ``FAILURES``."""

    status = 422
    kind = "failed"


FAILURES: dict[str, Message] = {
    "engine_error": Message(
        zh="查询未能执行完毕。平台不显示引擎的错误原文，以免泄露数据。",
        en="The question could not be completed. The engine's own words are withheld, "
        "because they may quote data.",
    ),
    "too_slow": Message(
        zh="查询超过了规定时限，已被停止。",
        en="The question ran past its time limit and was stopped.",
    ),
    "out_of_memory": Message(
        zh="查询所需内存超过了规定上限，已被停止。",
        en="The question needed more memory than its limit and was stopped.",
    ),
    "cancelled": Message(
        zh="查询已按您的要求取消，没有给出答案，也不计费。",
        en="The question was cancelled as you asked; nothing was answered or billed.",
    ),
    "too_large": Message(
        zh="结果超过了单次答案的行数或字节上限。",
        en="The result is larger than one answer may be, in rows or in bytes.",
    ),
}

_WAYS_OUT: dict[str, Message] = {
    "engine_error": Message(
        zh="请检查类型转换与日期格式，可改用 TRY_CAST。",
        en="Check casts and date formats; TRY_CAST gives NULL where a CAST would fail.",
    ),
    "too_slow": Message(
        zh="请加筛选条件，或为每个连接写明连接条件。",
        en="Add a filter, or give each join its condition.",
    ),
    "out_of_memory": Message(
        zh="请加筛选条件，或减少分组与排序的列。",
        en="Add a filter, or group and sort by fewer columns.",
    ),
    "cancelled": Message(zh="需要时可再次提问。", en="Ask again whenever you like."),
    "too_large": Message(zh="请加 LIMIT 或先汇总。", en="Add a LIMIT, or summarise first."),
}


def question_failed(code: str) -> QuestionFailed:
    """Return the failure of one fixed code; any code not known here becomes engine_error."""
    known = code if code in FAILURES else "engine_error"
    return QuestionFailed(known, FAILURES[known], field="sql", way_out=_WAYS_OUT[known])
