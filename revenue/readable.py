"""Statements for people: tables and sentences in both languages, as data for pages and Markdown.

Every statement carries the notice 虚构示例 / fictional where a figure in it was made up. The values
are the statement's own; ``revenue.explained`` says how each followed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from foundation.errors import Message
from foundation.money import yuan_text
from revenue.explained import (
    CHANNELS,
    CLASSES,
    STEPS,
    bill_sentences,
    exact_yuan,
    line_sentence,
    plain,
    step_sentences,
)

_ACTIVE = re.compile(r"[\\`*_\[\]|!]")
_BLANK = plain("")


@dataclass(frozen=True)
class ReadableTable:
    """A titled table: headings and cells are sentences in both languages, or plain text.

    Columns in ``numbers`` hold amounts and stand to the right.
    """

    title: Message
    notice: Message | None
    headings: tuple[Message, ...]
    rows: tuple[tuple[Message, ...], ...]
    numbers: frozenset[int] = frozenset()

    def in_language(self, language: str) -> dict[str, Any]:
        """Return the table in one language, ready for a template."""
        return {
            "title": self.title.in_language(language),
            "notice": self.notice.in_language(language) if self.notice else "",
            "headings": [heading.in_language(language) for heading in self.headings],
            "rows": [[cell.in_language(language) for cell in row] for row in self.rows],
        }

    def markdown(self, language: str) -> str:
        """Render the table as Markdown in one language."""
        table = self.in_language(language)
        lines = [f"## {_inert(table['title'])}", ""]
        if table["notice"]:
            lines += [f"> {table['notice']}", ""]
        lines += [
            _markdown_row(table["headings"]),
            f"| {' | '.join(['---'] * len(self.headings))} |",
        ]
        lines += [_markdown_row(row) for row in table["rows"]]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Explanation:
    """Why the figures of a pool are what they are: its steps as a table, and in sentences."""

    table: ReadableTable
    sentences: tuple[Message, ...]

    def in_language(self, language: str) -> dict[str, Any]:
        """Return the explanation in one language, ready for a template."""
        return {
            **self.table.in_language(language),
            "sentences": [sentence.in_language(language) for sentence in self.sentences],
        }

    def markdown(self, language: str) -> str:
        """Render the explanation as Markdown in one language."""
        listed = "".join(
            f"{number}. {_inert(sentence.in_language(language))}\n"
            for number, sentence in enumerate(self.sentences, start=1)
        )
        return f"{self.table.markdown(language)}\n{listed}"


@dataclass(frozen=True)
class ReadableStatement:
    """A statement: its own table, and for each pool in it how the figures followed."""

    summary: ReadableTable
    explanations: tuple[Explanation, ...]

    def in_language(self, language: str) -> dict[str, Any]:
        """Return the statement in one language, ready for a template."""
        told = [explanation.in_language(language) for explanation in self.explanations]
        return {**self.summary.in_language(language), "explanations": told}

    def markdown(self, language: str) -> str:
        """Render the statement as Markdown in one language."""
        told = (explanation.markdown(language) for explanation in self.explanations)
        return "\n".join([self.summary.markdown(language), *told])


def readable_period(document: Mapping[str, Any]) -> ReadableStatement:
    """Lay out a period statement: a row for each payee and pool, the whole, then each pool."""
    pools = {pool["licence"]: pool for pool in document["pools"]}
    rows = [
        (
            plain(line["payee"]),
            CHANNELS[line["channel"]],
            plain(line["licence"]),
            plain(pools[line["licence"]]["scheme"]["version"]),
            *_amounts(line),
        )
        for line in document["lines"]
    ]
    whole = plain(yuan_text(document["pool_fen"]))
    rows.append((Message("合计", "Total"), *[_BLANK] * 5, whole, _BLANK))
    summary = ReadableTable(
        title=Message(f"账期结算单 {document['period']}", f"Statement of {document['period']}"),
        notice=_notice(document),
        headings=(
            Message("收款方", "Payee"),
            Message("入账渠道", "Channel"),
            Message("授权", "Licence"),
            Message("分配方案", "Scheme"),
            *_AMOUNT_HEADINGS,
        ),
        rows=tuple(rows),
        numbers=frozenset({4, 5, 6, 7}),
    )
    return ReadableStatement(summary, tuple(explain_pool(pool) for pool in document["pools"]))


def readable_payee(
    document: Mapping[str, Any], pools: Iterable[Mapping[str, Any]]
) -> ReadableStatement:
    """Lay out a payee's statement: a row for each licence, then how its own figures followed.

    ``pools`` are the period's pool documents; only those that pay the payee are told.
    """
    by_licence = {pool["licence"]: pool for pool in pools}
    payee, period = document["payee"], document["period"]
    rows = [
        (
            Message(line["product"]["zh"], line["product"]["en"]),
            plain(line["licence"]),
            plain(line["tariff"]["version"]),
            plain(yuan_text(line["billed_fen"])),
            *_amounts(line),
        )
        for line in document["lines"]
    ]
    due, fen = plain(exact_yuan(document["micro_fen"])), plain(yuan_text(document["fen"]))
    rows.append((Message("合计", "Total"), *[_BLANK] * 3, due, _BLANK, fen, _BLANK))
    summary = ReadableTable(
        title=Message(f"结算单 {payee}（{period}）", f"Statement for {payee} ({period})"),
        notice=_notice(document),
        headings=(
            Message("产品", "Product"),
            Message("授权", "Licence"),
            Message("资费版本", "Tariff version"),
            Message("账单（元）", "Bill (yuan)"),
            *_AMOUNT_HEADINGS,
        ),
        rows=tuple(rows),
        numbers=frozenset({3, 4, 5, 6, 7}),
    )
    told = tuple(explain_pool(by_licence[line["licence"]], payee) for line in document["lines"])
    return ReadableStatement(summary, told)


def explain_pool(pool: Mapping[str, Any], payee: str | None = None) -> Explanation:
    """Explain a pool: every step of it, in words for all payees or for one alone."""
    lines = [line for line in pool["lines"] if payee in {None, line["payee"]}]
    sentences = (
        *bill_sentences(pool),
        *step_sentences(pool, payee),
        *(line_sentence(line) for line in lines),
    )
    return Explanation(_steps(pool), sentences)


def readable_bill(pool: Mapping[str, Any]) -> Explanation:
    """Lay out a payer's bill: what it is made of, and how it followed from what was used."""
    rest = pool["billed_fen"] - pool["prepaid_fen"]
    rows = (
        (Message("按用量计价", "Priced by use"), plain(exact_yuan(pool["gross_micro_fen"]))),
        (Message("订阅费", "Fee of the period"), plain(yuan_text(pool["subscription_fen"]))),
        (Message("上期结转", "Carried in"), plain(exact_yuan(pool["carry_in_micro_fen"]))),
        (Message("结转下期", "Carried on"), plain(exact_yuan(pool["carry_out_micro_fen"]))),
        (Message("账单金额", "Billed"), plain(yuan_text(pool["billed_fen"]))),
        (Message("其中税费", "Tax in it"), plain(exact_yuan(tax_micro_fen(pool)))),
        (Message("预付款支付", "Paid from the wallet"), plain(yuan_text(pool["prepaid_fen"]))),
        (Message("应付", "To be paid"), plain(yuan_text(rest))),
    )
    licence, period = pool["licence"], pool["period"]
    table = ReadableTable(
        title=Message(f"账单 {licence}（{period}）", f"Bill of {licence} ({period})"),
        notice=None,
        headings=(Message("项目", "Item"), Message("金额（元）", "Amount (yuan)")),
        rows=rows,
        numbers=frozenset({1}),
    )
    return Explanation(table, tuple(bill_sentences(pool)))


def tax_micro_fen(pool: Mapping[str, Any]) -> int:
    """Return what the tax step of a pool took, in micro-fen."""
    return sum(step["micro_fen"] for step in pool["steps"] if step["step"] == "tax")


def _steps(pool: Mapping[str, Any]) -> ReadableTable:
    rows = tuple(
        (
            STEPS[step["step"]],
            plain(step["payee"]),
            CHANNELS[step["channel"]],
            plain(step["dataset"] or ""),
            plain(exact_yuan(step["micro_fen"])),
        )
        for step in pool["steps"]
    )
    product, licence = pool["product"], pool["licence"]
    kind = CLASSES[pool["price_class"]]
    return ReadableTable(
        title=Message(
            f"{product['zh']}（{licence}，{kind.zh}）如何分配",
            f"How {product['en']} ({licence}, {kind.en}) was split",
        ),
        notice=None,
        headings=(
            Message("步骤", "Step"),
            Message("收款方", "Payee"),
            Message("入账渠道", "Channel"),
            Message("数据集", "Data set"),
            Message("金额（元）", "Amount (yuan)"),
        ),
        rows=rows,
        numbers=frozenset({4}),
    )


_AMOUNT_HEADINGS = (
    Message("应得（元）", "Due (yuan)"),
    Message("上期结转（元）", "Carried in (yuan)"),
    Message("实付（元）", "Paid (yuan)"),
    Message("结转下期（元）", "Carried on (yuan)"),
)


def _amounts(line: Mapping[str, Any]) -> tuple[Message, ...]:
    exact = [
        plain(exact_yuan(line[name]))
        for name in ("micro_fen", "carry_in_micro_fen", "carry_out_micro_fen")
    ]
    return exact[0], exact[1], plain(yuan_text(line["fen"])), exact[2]


def _notice(document: Mapping[str, Any]) -> Message | None:
    notice = document["notice"]
    return Message(notice["zh"], notice["en"]) if notice else None


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_inert(cell) for cell in cells)} |"


def _inert(text: str) -> str:
    """Escape what Markdown or HTML would act on: names come from others."""
    one_line = " ".join(escape(text, quote=False).split())
    return _ACTIVE.sub(r"\\\g<0>", one_line)
