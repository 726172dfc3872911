"""Sentences about entries: plain, in both languages, and inert whatever others wrote."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from audit.bodies import entry_body
from audit.events import AuditEvent
from audit.reading import LogEntry
from audit.tags import EntryKind
from audit.tree import leaf_hash
from audit.view.narration import PlainNames, decimal, inert, sentence
from foundation.errors import Message
from foundation.identity import SYSTEM_ACTOR, Actor, Role

ANALYST = Actor("per_a", "org_a", frozenset({Role.OPERATOR}))


class Registered(PlainNames):
    def __init__(self, person: str = "张三", house: Message | None = None) -> None:
        self._person = person
        self._house = house or Message("珠江运营公司", "Pearl Operations")

    def person(self, _identifier: str) -> str:
        return self._person

    def organisation(self, _identifier: str) -> Message:
        return self._house


def said(kind: EntryKind, names: Registered, actor: Actor = ANALYST, **public: object) -> Message:
    body = entry_body(AuditEvent(kind, actor, public), 3, 1, public, [])
    return sentence(LogEntry(3, 1, str(kind), body, leaf_hash(body)), names)


def test_a_question_says_who_asked_what_of_which_columns_for_what_at_which_loss() -> None:
    told = said(
        EntryKind.QUESTION_DECIDED,
        Registered(),
        licence="lic_a",
        datasets=["homes"],
        columns={"homes": ["age", "wage"]},
        purpose="industry",
        mode="aggregate",
        cost_nano_rho=5_000_000,
    )
    assert told.zh == (
        "珠江运营公司的张三：查询获准（授权 lic_a；数据集 homes；用途 产业发展；方式 差分隐私统计；"
        "列 homes.age、homes.wage；隐私损失 0.005 ρ）。"
    )
    assert told.en == (
        "张三 of Pearl Operations: A question was permitted (licence lic_a; data sets homes; "
        "purpose industry; as a private statistic; columns homes.age, homes.wage; "
        "privacy loss 0.005 rho)."
    )


def test_the_platform_acts_for_nobody() -> None:
    told = said(EntryKind.SERVICE_STARTED, Registered(), SYSTEM_ACTOR)
    assert told == Message("平台：服务已启动。", "The platform: The service started.")


def test_what_is_not_a_name_or_an_identifier_is_said_in_the_readers_language() -> None:
    closed = said(EntryKind.SESSION_CLOSED, Registered(), reason="closed_by_operator")
    opened = said(EntryKind.SESSION_OPENED, Registered(), mode="production")
    assert "原因 使用人关闭" in closed.zh
    assert "reason closed by its user" in closed.en
    assert "方式 生产" in opened.zh
    assert "as production" in opened.en
    own_words = said(EntryKind.SESSION_FROZEN, Registered(), reason="检查")
    assert "原因 检查" in own_words.zh


def test_a_long_list_is_cut_and_says_so() -> None:
    told = said(EntryKind.ANSWER_RELEASED, Registered(), datasets=[f"set_{n}" for n in range(20)])
    assert "set_7 等 20 项" in told.zh
    assert "set_7 and 12 more" in told.en


@given(st.text())
def test_nothing_that_others_wrote_steers_a_reader(text: str) -> None:
    told = said(EntryKind.PRODUCT_FETCHED, Registered(text, Message(text, text)), product=text)
    for spoken in (told.zh, told.en, inert(text)):
        assert not any(unicodedata.category(mark)[0] == "C" for mark in spoken)
        assert "\n" not in spoken


@given(st.integers(0, 10**15), st.sampled_from((100, 10**8, 10**9)))
def test_decimals_are_exact(amount: int, unit: int) -> None:
    whole, _, part = decimal(amount, unit).partition(".")
    digits = len(str(unit)) - 1
    assert int(whole) * unit + int(part.ljust(digits, "0") or "0") == amount
