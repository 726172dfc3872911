"""Rows 7 to 11: what a licence must hold, when it ends, whose data and whose product it is."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from audit.reading import read_entries
from audit.tags import EntryKind
from disclosure.extract_records import standing_extracts
from foundation.db import reading
from foundation.errors import Message, SandgateError
from service.acceptance import data
from service.acceptance.entries import REVIEWER, TAX
from service.acceptance.stage import REFUSED_FROM, TAX_OFFICE, NotShown, Stage, expect
from service.upkeep import Upkeep

SECOND = "second_reviewer"
SHOPS = "SELECT region FROM shops"
_FREEZE_SECONDS_MAX = 60
_DENIED = 403
_LENT_ROWS = [{"place": place, "visits": visits} for place, visits in (("east", 3), ("west", 5))]
_OWN_DEVELOPER = "own_developer"


def refusal_of(call: Callable[[], object], zh: str, en: str) -> SandgateError:
    """Return the refusal that a call must end in. Raises NotShown with the sentence."""
    try:
        call()
    except SandgateError as refusal:
        return refusal
    raise NotShown(Message(zh, en))


def activation(stage: Stage) -> Sequence[Message]:
    """Row 7: no decision, filing number or agreement: no licence; then two people bring it about.

    The items of plan and agreement are not kept by the platform, so the row is not passed.
    """
    data.ensure_data(stage)
    reviewer, whole = stage.by(REVIEWER), data.licence(stage)
    names = {"collective_decision": "集体决策", "filing_number": "备案", "agreement": "协议"}
    for field, name in names.items():
        approvals = {**whole["approvals"], field: " "}
        reply = reviewer.call("POST", "/licences", {**whole, "approvals": approvals})
        named = reply.status >= REFUSED_FROM and str(reply.json["field"]).endswith(field)
        expect(named, f"缺{name}文号仍可登记。", f"a licence without {field} was taken")
    unsigned = {**whole["approvals"], "agreement": "未登记协议"}
    path = "/licences"
    reviewer.refused("POST", path, "agreement_unknown", {**whole, "approvals": unsigned})
    drafted = reviewer.post(path, whole)["id"]
    own = reviewer.call("POST", f"{path}/{drafted}/activate")
    expect(own.status == _DENIED, "起草人可自行签发。", "the drafter could sign")
    state = reviewer.get(f"{path}/{drafted}")["state"]
    expect(state == "drafted", "未经第二人即生效。", "it was in force without a second person")
    stage.by(SECOND).post(f"{path}/{drafted}/activate")
    raise NotShown(
        Message(
            "集体决策、备案、协议文号缺一不可，起草人不能签发，第二人签发后生效，均已验证；"
            "实施方案十二项、协议十三项要素的逐项核对尚未建设",
            "decision, filing number and agreement are insisted on, and a second person signs; "
            "the twelve items of the plan and thirteen of the agreement are not built",
        )
    )


def term(stage: Stage) -> Sequence[Message]:
    """Row 8: five years at most; what a licence's end leaves running stops within a minute."""
    data.ensure_data(stage)
    reviewer = stage.by(REVIEWER)
    too_long = {"valid_from": data.day(stage), "valid_until": data.day(stage, 5 * 366 + 1)}
    told = reviewer.refused(
        "POST", "/agreements", "term_too_long", data.agreement(stage, number="五年以上", **too_long)
    )
    reviewer.refused("POST", "/licences", "term_too_long", data.licence(stage, **too_long))
    short = data.granted(stage, data.licence(stage, valid_until=data.day(stage, 1)))
    data.ask(stage, SHOPS, licence_id=short)
    opened = stage.by("analyst").call("POST", "/sessions", {"licence": short})
    stage.clock.go_on(2)
    refusal_of(
        lambda: data.ask(stage, SHOPS, licence_id=short),
        "许可到期后仍可查询。",
        "a question was answered after the term",
    )
    _check_opened(opened.status)
    seconds = _seconds_until_ended(stage, short, opened.json["id"])
    return (
        Message(
            f"超过五年的协议和许可均被拒绝：{told['detail']}",
            "an agreement and a licence of more than five years are refused",
        ),
        Message("到期后的第一次查询即被拒绝", "the first question after the term is refused"),
        Message(
            f"到期时正在运行的会话在 {seconds:.0f} 秒内结束，授权副本销毁",
            f"a session that was running ended within {seconds:.0f} s, and its extracts with it",
        ),
    )


def shared_origin(stage: Stage) -> Sequence[Message]:
    """Row 9: nothing of shared data is licensed before its source consents, or answered after."""
    data.ensure_data(stage)
    _lent(stage)
    reviewer, source = stage.by(REVIEWER), stage.by(TAX.clerk)
    grant = {"dataset": "lent", "modes": ["rows"], "columns": ["place", "visits"]}
    document = data.licence(stage, grants=[grant], budgets=[])
    told = reviewer.refused("POST", "/licences", "source_consent_missing", document)
    path = "/resources/lent/consents"
    given = {"reference": "演示同意函〔2026〕1号", "scope": "统计用途"}
    holder = stage.by("civil_clerk")
    holder.refused("POST", path, "consent_of_source_only", given)
    source.post(path, given)
    lent = data.granted(stage, document)
    sql = "SELECT place, visits FROM lent"
    rows = data.rows_of(data.ask(stage, sql, licence_id=lent))
    expect(len(rows) == len(_LENT_ROWS), "同意后不能查询。", "nothing is answered with a consent")
    source.post(f"{path}/withdrawal", {"reason": "用途已结束"})
    refusal_of(
        lambda: data.ask(stage, sql, licence_id=lent),
        "撤回同意后仍可查询。",
        "a question was answered after the consent was withdrawn",
    )
    state = reviewer.get(f"/licences/{lent}")["state"]
    expect(state == "suspended", "许可没有中止。", "the licence was not suspended")
    return (
        Message(f"未附同意的授权被拒绝：{told['detail']}", "refused without a consent"),
        Message(
            "持有部门不能代为同意；来源部门附上同意后，授权生效、可以查询",
            "the holder cannot consent for the source; with the source's consent it is answered",
        ),
        Message("来源部门撤回同意，查询即停，许可中止", "withdrawn: it stops at once"),
    )


def conflict(stage: Stage) -> Sequence[Message]:
    """Row 10: the operator's own people get nothing of its product to make another of it."""
    licence = data.ensure_licence(stage)
    document = data.licence(stage)
    product = {**document["product"], "payer": data.OPERATOR}
    stage.by(REVIEWER).refused(
        "POST", "/licences", "operator_is_payer", {**document, "product": product}
    )
    path = f"/products/{licence}/fetches"
    told = stage.by(_OWN_DEVELOPER).refused("POST", path, "operator_redevelops_own_product")
    expect(told["detail"] and told["rule"], "没有说明理由。", "no reason is given")
    logged = _entries(stage, EntryKind.PRODUCT_REFUSED, EntryKind.REQUEST_REFUSED)[-1]
    kept = logged.public.get("code") == "operator_redevelops_own_product"
    expect(kept, "拒绝没有留痕。", "the refusal is not in the log")
    return (
        Message(
            "运营机构把自己列为产品购买方的授权被拒绝",
            "a licence whose operator is its own buyer is refused",
        ),
        Message(
            f"运营机构人员领取本机构产品被拒绝：{told['detail']}（{told['rule']}）",
            "its people are refused the product, with the reason and the rule",
        ),
        Message("拒绝已写入审计日志", "the refusal is in the audit log"),
    )


def outside_scenario(stage: Stage) -> Sequence[Message]:
    """Row 11: a column that the licence does not name is denied, and who asked for it is kept."""
    licence = data.ensure_licence(stage)
    data.ask(stage, SHOPS)
    asked: Sequence[tuple[str, str]] = (
        ("SELECT sector FROM shops", "sector"),
        ("SELECT AVG(wages) AS w FROM households GROUP BY district", "wages"),
        ("SELECT full_name FROM households", "full_name"),
    )
    before = len(_entries(stage, EntryKind.QUESTION_REFUSED))
    for sql, column in asked:
        refusal_of(
            lambda sql=sql: data.ask(stage, sql),  # type: ignore[misc]
            f"场景之外的字段 {column} 可以查询。",
            f"{column} is outside the scenario and was answered",
        )
    stage.platform.pipeline.write_counted_refusals()
    kept = _entries(stage, EntryKind.QUESTION_REFUSED)[before:]
    whole = len(kept) == len(asked) and all(
        entry.content["actor"]["person"] == "analyst" and entry.public["licence"] == licence
        for entry in kept
    )
    expect(whole, "拒绝没有逐条留痕。", "not every refusal is in the log")
    return (
        Message(
            "场景内字段可查；未授权字段、未授权指标、四级字段在查询时被拒绝",
            "granted columns are answered; a column, a measure and a grade-4 name are denied",
        ),
        Message(
            f"{len(asked)} 次拒绝逐条入日志，含人员、许可",
            f"{len(asked)} refusals are in the log with person and licence",
        ),
    )


def _lent(stage: Stage) -> None:
    columns = [
        {
            "name": name,
            "type": kind,
            "label_zh": name,
            "label_en": name,
            "grade": "L1",
            "exposure": "rows",
        }
        for name, kind in (("place", "text"), ("visits", "integer"))
    ]
    declaration = {
        "name": "lent",
        "label_zh": "办税网点",
        "label_en": "Tax offices",
        "subject": "open",
        "columns": columns,
        "origin": {"kind": "shared", "source": TAX_OFFICE},
    }
    data.registered(stage, declaration)
    data.uploaded(stage, "lent", _LENT_ROWS)


def _check_opened(status: int) -> None:
    if status >= REFUSED_FROM:
        raise NotShown(
            Message(
                "五年上限、到期拒绝查询已验证；本机没有会话沙箱，到期冻结会话须在装有沙箱的主机上演示",
                "the term and refusals after it are right; this host has no sandbox, so that a "
                "session freezes is to be shown on a host with one",
            )
        )


def _seconds_until_ended(stage: Stage, licence: str, session: str) -> float:
    """Let the installation look after itself; return how long the session outlived its licence."""
    by, upkeep, began = stage.by(REVIEWER), Upkeep(stage.platform), time.monotonic()
    upkeep.start()
    try:
        while True:
            ended = by.get(f"/sessions/{session}")["state"] in {"destroyed", "frozen", "failed"}
            expired = by.get(f"/licences/{licence}")["state"] == "expired"
            if ended and expired and not _extracts(stage, licence):
                return time.monotonic() - began
            late = time.monotonic() - began > _FREEZE_SECONDS_MAX
            expect(not late, "一分钟后会话仍在运行。", "it still ran after a minute")
            time.sleep(0.2)
    finally:
        upkeep.stop()


def _extracts(stage: Stage, licence: str) -> int:
    with reading(stage.platform.engine) as connection:
        return len(standing_extracts(connection, licence))


def _entries(stage: Stage, *kinds: EntryKind) -> list[Any]:
    with reading(stage.platform.engine) as connection:
        return read_entries(connection, kinds=kinds)
