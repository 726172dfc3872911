"""Rows 14 and 16: identifiers are masked on every path; noise is as stated, budgets are kept."""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from audit.reading import read_entries
from disclosure.release.files import FileDraft
from foundation.db import reading
from foundation.errors import Message, SandgateError
from service.acceptance import data
from service.acceptance.entries import CIVIL, REVIEWER
from service.acceptance.licence_trials import refusal_of
from service.acceptance.release_trials import CHECKERS, sent_to_desk
from service.acceptance.stage import REFUSED_FROM, Stage, expect

BY_DISTRICT = "SELECT district, COUNT(*) AS n FROM households GROUP BY district"
_IDENTIFIERS = ", ".join(data.PERSON)
_SMALL_NANO_RHO, _LARGE_NANO_RHO = 5_000_000, 20_000_000
_FIT = (35.0, 150.0)
"""Chi-square of 80 draws leaves this once in 100,000 runs; of half the noise, or twice, at once."""


def masked(stage: Stage) -> Sequence[Message]:
    """Row 14: five identifiers of one invented person, on every path that data or words take."""
    data.ensure_licence(stage)
    heard: list[str] = []
    with _listening(heard):
        given = data.ask(stage, f"SELECT {_IDENTIFIERS} FROM shops")  # noqa: S608
        shown, leaving = data.rows_of(given), _leaving(stage, data.facts_of(given))
        said = _refusals(stage)
        _check_grades(stage)
    row = shown[0]
    for name, value in data.PERSON.items():
        expect(row[name] != value, f"{name} 没有脱敏。", f"{name} is not masked")
        kept = [
            path
            for path, text in (
                *_paths(stage, said, heard),
                ("查询结果", str(shown)),
                ("出域文件", leaving),
            )
            if value in text
        ]
        expect(not kept, f"{name} 的原值出现在：{kept}。", f"the value of {name} stands in {kept}")
    valid = row["mobile"].startswith("138") and "*" in row["mobile"]
    expect(valid, "手机号没有按规则遮盖。", "the mobile number is not masked by its rule")
    return (
        Message(
            "身份证号、手机号、姓名、住址、银行账号在查询结果中均已脱敏",
            "identity and mobile numbers, name, address and account are masked in answers",
        ),
        Message(
            "待出域文件、报错、审计日志、服务日志中均无原值",
            "nor do files for release, refusals, the audit log and the service's log hold a value",
        ),
        Message(
            "分级：三级字段不得按行授权，四级字段不得按行登记，均被拒绝",
            "by grade: rows of a grade-3 column are not licensed, of grade 4 not even registered",
        ),
    )


def private(stage: Stage) -> Sequence[Message]:
    """Row 16: draws fit the stated loss; two people share one budget through a restart."""
    data.ensure_licence(stage)
    fit, epsilon = _fit(stage)
    expect(_FIT[0] < fit < _FIT[1], "噪声与声明不符。", "the noise does not fit what is stated")
    budget = data.licence(stage)["budgets"][0]
    small = {"budget_nano_rho": 2 * _SMALL_NANO_RHO, "question_nano_rho_max": _SMALL_NANO_RHO}
    grant = data.licence(stage)["grants"][0]
    document = data.licence(stage, grants=[grant], budgets=[{**budget, **small}])
    licence = data.granted(stage, document)

    def ask(account: str, region: str) -> int:
        sql = f"SELECT COUNT(*) AS n FROM households WHERE region = '{region}'"  # noqa: S608
        given = data.ask(stage, sql, account, licence_id=licence, nano_rho=_SMALL_NANO_RHO)
        return int(data.facts_of(given)["budget_nano_rho_remaining"])

    first = ask("analyst", "east")
    stage.restart()
    second = ask("colleague", "north")
    shared = (first, second) == (_SMALL_NANO_RHO, 0)
    expect(
        shared, "预算没有跨重启、跨人员共用。", "the budget is not one through people and restart"
    )
    refusal_of(
        lambda: ask("analyst", "south"),
        "预算用尽后仍可查询。",
        "it was answered with no budget left",
    )
    return (
        Message(
            f"80 个单元格的实测噪声与声明的 ε（{epsilon}）相符",
            f"the noise of 80 cells fits the stated epsilon ({epsilon})",
        ),
        Message(
            "一名用户用去一半预算，服务重启后另一名用户只剩一半",
            "one user spends half of a budget; after a restart another finds the other half",
        ),
        Message("预算用尽后，任何一人的查询均被拒绝", "once it is spent, everybody is refused"),
    )


def _fit(stage: Stage) -> tuple[float, str]:
    """Return the chi-square of the residuals of two answers, in units of their stated noise."""
    total, stated = 0.0, []
    for nano_rho in (_SMALL_NANO_RHO, _LARGE_NANO_RHO):
        given = data.ask(stage, BY_DISTRICT, nano_rho=nano_rho)
        facts = data.facts_of(given)
        expect(facts["cost_nano_rho"] <= nano_rho, "扣减超过声明。", "it cost more than asked")
        stated.append(str(facts["epsilon_shown"]))
        variance = 1 / (2 * facts["cost_nano_rho"] / 1e9)  # one row of one person changes one cell
        residuals = [row["n"] - data.HOUSEHOLDS_PER_DISTRICT for row in data.rows_of(given)]
        expect(len(residuals) == len(data.DISTRICTS), "单元格不全。", "cells are missing")
        total += math.fsum(residual * residual / variance for residual in residuals)
    return total, "、".join(stated)


def _leaving(stage: Stage, facts: dict[str, Any]) -> str:
    """Return the very bytes that would leave, were this answer released."""
    file = FileDraft(name="shops.csv", source="answer", reference=str(facts["answer_id"]))
    request = sent_to_desk(stage, data.ensure_licence(stage), file)
    reply = stage.by(CHECKERS[0]).call("GET", f"/releases/{request['id']}/preview")
    shown = reply.body.decode()
    whole = reply.status < REFUSED_FROM and "id_number" in shown.splitlines()[0]
    expect(whole, "没有可供审核的文件。", "there is nothing to check")
    return shown


def _refusals(stage: Stage) -> list[str]:
    """Return what is said of questions that name the person's identifiers."""
    said = []
    for name, value in data.PERSON.items():
        for sql in (
            f"SELECT region FROM shops WHERE {name} = '{value}' AND nothing = 1",  # noqa: S608
            f"SELECT CAST('{value}' AS INTEGER) + FROM shops",  # noqa: S608
            f"SELECT CAST({name} AS DATE) FROM shops",  # noqa: S608
        ):
            try:
                data.ask(stage, sql)
            except SandgateError as refusal:
                words = (refusal.message.zh, refusal.message.en, str(refusal.way_out), str(refusal))
                said.append(" ".join(words))
    expect(said, "错误的查询没有被拒绝。", "no wrong question was refused")
    return said


def _check_grades(stage: Stage) -> None:
    """Check that rows of a grade-3 column are not licensed, and of grade 4 not registered."""
    grant = {"dataset": "households", "modes": ["rows"], "columns": ["wages"], "basis": "演示"}
    document = data.licence(stage, grants=[grant], budgets=[])
    third = stage.by(REVIEWER).call("POST", "/licences", document)
    columns = [{**column, "grade": "L4"} for column in data.SHOPS["columns"]]
    declared = {**data.SHOPS, "name": "graded", "entry": "306009/1", "columns": columns}
    clerk = stage.by(CIVIL.clerk)
    clerk.refused("POST", "/catalog/datasets", "grade_forbids_rows", declared)
    refused = third.status >= REFUSED_FROM
    expect(refused, "三级字段可按行授权。", "rows of a grade-3 column were licensed")


def _paths(stage: Stage, said: list[str], heard: list[str]) -> list[tuple[str, str]]:
    with reading(stage.platform.engine) as connection:
        bodies = " ".join(entry.body.decode() for entry in read_entries(connection))
    return [
        ("报错", " ".join(said)),
        ("审计日志", bodies),
        ("服务日志", " ".join(heard)),
    ]


@contextmanager
def _listening(heard: list[str]) -> Iterator[None]:
    """Hear everything that the process logs, tracebacks included."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(self.format(record))

    ear, root = Ear(level=logging.DEBUG), logging.getLogger()
    root.addHandler(ear)
    try:
        yield
    finally:
        root.removeHandler(ear)
