"""Statements for people: one bilingual table per statement, and the same as Markdown.

Every table carries the notice 虚构示例 / fictional where a figure in it was made up. The values
are the statement's own; nothing is computed here but the rendering of fen as yuan.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from foundation.errors import Message
from foundation.money import yuan_text

CHANNELS: Mapping[str, Message] = {
    "treasury": Message("国库（非税收入）", "Treasury (non-tax revenue)"),
    "account": Message("账户", "Account"),
    "tax": Message("税费", "Tax"),
    "reserve": Message("返还准备金", "Clawback reserve"),
}
_ACTIVE = re.compile(r"[\\`*_\[\]|!]")


@dataclass(frozen=True)
class ReadableTable:
    """A titled table: headings and cells are sentences in both languages, or plain text."""

    title: Message
    notice: Message | None
    headings: tuple[Message, ...]
    rows: tuple[tuple[Message, ...], ...]

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
        lines += [_markdown_row(table["headings"]), _markdown_row(["---"] * len(self.headings))]
        lines += [_markdown_row(row) for row in table["rows"]]
        return "\n".join(lines) + "\n"


def readable_period(document: Mapping[str, Any]) -> ReadableTable:
    """Lay out a period statement: one row per payee and pool, then the whole."""
    pools = {pool["rule_digest"]: pool for pool in document["pools"]}
    rows = [
        (
            _plain(line["payee"]),
            _channel(line["channel"]),
            _plain(pools[line["rule_digest"]]["licence"]),
            _plain(pools[line["rule_digest"]]["scheme"]["version"]),
            _plain(str(line["micro_fen"])),
            _plain(yuan_text(line["fen"])),
            _plain(str(pools[line["rule_digest"]]["usage_count"])),
        )
        for line in document["lines"]
    ]
    whole = Message("合计", "Total")
    blank = _plain("")
    rows.append((whole, blank, blank, blank, blank, _plain(yuan_text(document["pool_fen"])), blank))
    return ReadableTable(
        title=Message(f"账期结算单 {document['period']}", f"Statement of {document['period']}"),
        notice=_notice(document),
        headings=(
            Message("收款方", "Payee"),
            Message("入账渠道", "Channel"),
            Message("授权", "Licence"),
            Message("分配方案", "Scheme"),
            Message("应计（百万分之一分）", "Accrued (millionths of a fen)"),
            Message("金额（元）", "Amount (yuan)"),
            Message("使用次数", "Uses"),
        ),
        rows=tuple(rows),
    )


def readable_payee(document: Mapping[str, Any]) -> ReadableTable:
    """Lay out a payee's statement: one row per licence, and how often it was used."""
    rows = tuple(
        (
            Message(line["product"]["zh"], line["product"]["en"]),
            _plain(line["licence"]),
            _plain(line["tariff"]["version"]),
            _plain(str(line["usage_count"])),
            _plain(str(line["micro_fen"])),
            _plain(yuan_text(line["fen"])),
        )
        for line in document["lines"]
    )
    payee, period = document["payee"], document["period"]
    return ReadableTable(
        title=Message(f"结算单 {payee}（{period}）", f"Statement for {payee} ({period})"),
        notice=_notice(document),
        headings=(
            Message("产品", "Product"),
            Message("授权", "Licence"),
            Message("资费版本", "Tariff version"),
            Message("使用次数", "Uses"),
            Message("应计（百万分之一分）", "Accrued (millionths of a fen)"),
            Message("金额（元）", "Amount (yuan)"),
        ),
        rows=rows,
    )


def _plain(text: str) -> Message:
    return Message(text, text)


def _channel(channel: str) -> Message:
    return CHANNELS[channel]


def _notice(document: Mapping[str, Any]) -> Message | None:
    notice = document["notice"]
    return Message(notice["zh"], notice["en"]) if notice else None


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_inert(cell) for cell in cells)} |"


def _inert(text: str) -> str:
    """Escape what Markdown or HTML would act on: names come from others."""
    one_line = " ".join(escape(text, quote=False).split())
    return _ACTIVE.sub(r"\\\g<0>", one_line)
