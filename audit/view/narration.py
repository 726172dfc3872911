"""Each entry as one plain sentence in Chinese and in English: who did what, to what, with what.

A sentence holds only what the entry's public body holds and the names that a registry gives to its
identifiers; control characters and marks of direction never reach a reader.
"""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from audit.reading import LogEntry
from audit.sentences import KIND_SENTENCES
from audit.tags import EntryKind
from foundation.errors import Message

LISTED_MAX = 8
SHOWN_CHARACTERS_MAX = 120
NANO_PER_RHO = 1_000_000_000
MICRO_FEN_PER_YUAN = 100_000_000

PURPOSES: Mapping[str, Message] = {
    "public_governance": Message("公共治理", "public governance"),
    "public_welfare": Message("公益事业", "public welfare"),
    "industry": Message("产业发展", "industry"),
}
MODES: Mapping[str, Message] = {
    "rows": Message("逐行数据", "rows"),
    "aggregate": Message("差分隐私统计", "a private statistic"),
}
_WAYS: Mapping[str, Message] = {
    **MODES,
    "debug": Message("调试（合成数据）", "debugging (synthetic data)"),
    "production": Message("生产", "production"),
    "development": Message("开发", "development"),
    "service": Message("服务接口", "an interface"),
    "batch": Message("批量交换", "a batch"),
    "file": Message("文件", "a file"),
}
_REASONS: Mapping[str, Message] = {
    "closed_by_operator": Message("使用人关闭", "closed by its user"),
    "idle": Message("长时间无操作", "idle for too long"),
    "wall_time_spent": Message("使用时长已满", "its time was over"),
    "egress_budget_spent": Message("当日屏幕输出额度已用完", "the day's screen output was spent"),
    "promoted": Message("转入生产运行", "moved to production"),
    "start_failed": Message("未能启动", "it did not start"),
    "service_stopped": Message("服务停止", "the service stopped"),
    "service_restarted": Message("服务重启", "the service started anew"),
    "licence_suspended": Message("授权已暂停", "the licence was suspended"),
    "licence_ended": Message("授权已终止", "the licence ended"),
    "replaced": Message("已由新副本替换", "a newer one replaced it"),
}
_KEY_PURPOSES: Mapping[str, Message] = {
    "extract": Message("生成授权数据副本", "a governed extract"),
    "version": Message("读取数据版本", "a data set's version"),
    "claims": Message("核验", "verification"),
    "table": Message("重新计算出域表", "a table to be released"),
}
VOTES: Mapping[str, Message] = {
    "approve": Message("同意", "approve"),
    "refuse": Message("不同意", "refuse"),
}

_DETAILS: tuple[tuple[str, str, str], ...] = (
    ("licence", "授权", "licence"),
    ("session", "会话", "session"),
    ("datasets", "数据集", "data sets"),
    ("dataset", "数据集", "data set"),
    ("population", "总体", "population"),
    ("purpose", "用途", "purpose"),
    ("mode", "方式", "as"),
    ("question", "查询", "question"),
    ("claim", "核验", "claim"),
    ("answer", "答案", "answer"),
    ("release", "出域申请", "release"),
    ("product", "产品", "product"),
    ("buyer", "付费方", "buyer"),
    ("period", "账期", "period"),
    ("journal", "凭证", "journal"),
    ("decision", "表决", "vote"),
    ("failed", "未通过的检查", "failed checks"),
    ("code", "原因", "reason"),
    ("reason", "原因", "reason"),
    ("rule", "规则", "rule"),
    ("count", "次数", "times"),
    ("agreement", "协议", "agreement"),
    ("delegation", "委托", "delegation"),
    ("alert", "预警", "alert"),
    ("person", "人员", "person"),
    ("organisation", "机构", "organisation"),
)
_WORDS: Mapping[str, Mapping[str, Message]] = {
    "purpose": {**PURPOSES, **_KEY_PURPOSES},
    "mode": _WAYS,
    "reason": _REASONS,
    "decision": VOTES,
}


class Names(Protocol):
    """Gives an identifier the name by which people know it."""

    def person(self, identifier: str) -> str:
        """Return a person's name, or the identifier where none is known."""
        ...

    def organisation(self, identifier: str) -> Message:
        """Return an organisation's names, or the identifier where none is known."""
        ...

    def dataset(self, identifier: str) -> Message:
        """Return a data set's names, or the identifier where none is told."""
        ...

    def licence(self, identifier: str) -> Message:
        """Return what a licence is for, or the identifier where that is not told."""
        ...


class PlainNames:
    """Calls everything by its identifier: for a reader who has the log alone."""

    def person(self, identifier: str) -> str:
        """Return the identifier."""
        return identifier

    def organisation(self, identifier: str) -> Message:
        """Return the identifier."""
        return Message(identifier, identifier)

    def dataset(self, identifier: str) -> Message:
        """Return the identifier."""
        return Message(identifier, identifier)

    def licence(self, identifier: str) -> Message:
        """Return the identifier."""
        return Message(identifier, identifier)


def sentence(entry: LogEntry, names: Names) -> Message:
    """Say in one sentence of each language what an entry records."""
    content = entry.content
    who = _who(content["actor"], names)
    what = KIND_SENTENCES[EntryKind(entry.kind)]
    zh, en = [], []
    for line in _details(entry.kind, content["public"], names):
        zh.append(line.zh)
        en.append(line.en)
    return Message(
        f"{who.zh}：{what.zh}" + (f"（{'；'.join(zh)}）" if zh else "") + "。",
        f"{who.en}: {what.en}" + (f" ({'; '.join(en)})" if en else "") + ".",
    )


def inert(text: str) -> str:
    """Return a text that can only be read: one line, no control, format or direction marks."""
    shown = "".join(" " if unicodedata.category(mark)[0] in "CZ" else mark for mark in text)
    shown = " ".join(shown.split())
    return shown if len(shown) <= SHOWN_CHARACTERS_MAX else shown[: SHOWN_CHARACTERS_MAX - 1] + "…"


def _who(actor: Mapping[str, Any], names: Names) -> Message:
    if actor["person"] == "system":
        return Message("平台", "The platform")
    person = inert(names.person(str(actor["person"])))
    house = names.organisation(str(actor["organisation"]))
    return Message(f"{inert(house.zh)}的{person}", f"{person} of {inert(house.en)}")


def _details(kind: str, public: Mapping[str, Any], names: Names) -> list[Message]:
    lines = []
    for field, zh, en in _DETAILS:
        if field not in public or (field == "dataset" and "datasets" in public):
            continue
        found = _value(field, public[field], names)
        if found is not None:
            lines.append(Message(f"{zh} {found.zh}", f"{en} {found.en}"))
    lines += _columns(public)
    lines += _amounts(kind, public)
    return lines


def _value(field: str, value: object, names: Names) -> Message | None:
    if value is None or value == "" or isinstance(value, Mapping):
        return None
    if field in _WORDS and str(value) in _WORDS[field]:
        return _WORDS[field][str(value)]
    if field == "person":
        name = inert(names.person(str(value)))
        return Message(name, name)
    called = _calling(field, names)
    if isinstance(value, list):
        return _listed([str(item) for item in value], called) if value else None
    found = called(str(value))
    return Message(inert(found.zh), inert(found.en))


def _calling(field: str, names: Names) -> Callable[[str], Message]:
    """Return by what a field's identifiers are called."""
    if field in {"organisation", "buyer"}:
        return names.organisation
    if field in {"dataset", "datasets"}:
        return names.dataset
    return names.licence if field == "licence" else _as_it_is


def _as_it_is(text: str) -> Message:
    return Message(text, text)


def _listed(items: list[str], called: Callable[[str], Message]) -> Message:
    shown = [called(item) for item in items[:LISTED_MAX]]
    more = len(items) - len(shown)
    return Message(
        "、".join(inert(one.zh) for one in shown) + (f" 等 {len(items)} 项" if more else ""),
        ", ".join(inert(one.en) for one in shown) + (f" and {more} more" if more else ""),
    )


def _columns(public: Mapping[str, Any]) -> list[Message]:
    value = public.get("columns")
    if isinstance(value, Mapping):
        named = [f"{dataset}.{name}" for dataset, found in value.items() for name in found]
    elif isinstance(value, list):
        named = [f"{public.get('dataset', '')}.{name}" for name in value]
    else:
        return []
    listed = _listed(named, _as_it_is)
    return [Message(f"列 {listed.zh}", f"columns {listed.en}")] if named else []


def _amounts(kind: str, public: Mapping[str, Any]) -> list[Message]:
    lines = []
    loss = public.get("cost_nano_rho")
    if kind == EntryKind.QUESTION_DECIDED and isinstance(loss, int) and loss > 0:
        rho = decimal(loss, NANO_PER_RHO)
        lines.append(Message(f"隐私损失 {rho} ρ", f"privacy loss {rho} rho"))
    used = public.get("usage")
    if isinstance(used, list) and used:
        yuan = decimal(sum(line["gross_micro_fen"] for line in used), MICRO_FEN_PER_YUAN)
        lines.append(Message(f"计费 {yuan} 元", f"charged {yuan} yuan"))
    pool = public.get("pool_fen")
    if isinstance(pool, int):
        yuan = decimal(pool, 100)
        lines.append(Message(f"结算合计 {yuan} 元", f"settled in all {yuan} yuan"))
    return lines


def decimal(amount: int, unit: int) -> str:
    """Write an integer of small units in a larger one, exactly and without a float."""
    sign, whole, part = "-" if amount < 0 else "", *divmod(abs(amount), unit)
    digits = str(part).zfill(len(str(unit)) - 1).rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
