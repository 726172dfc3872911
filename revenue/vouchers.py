"""A journal of the ledger as a voucher (记账凭证): its legs under the codes of a chart of accounts.

Codes come from a rule file (``policies/accounts``); the journal itself is shown as it was sealed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, select

from audit.store import entry
from foundation.errors import Message, NotFound
from foundation.money import yuan_text
from policies.schema.accounts import AccountRules, Chart
from revenue.explained import plain
from revenue.kinds import AccountKind, JournalKind
from revenue.official import Official, fictional_notice
from revenue.papers import Printing, checkpoint_now
from revenue.readable import ReadableTable
from revenue.store import journal, posting, seal

ChartName = Literal["enterprise", "government"]

JOURNALS: Mapping[JournalKind, Message] = {
    JournalKind.SETTLEMENT: Message("账期结算", "settlement of a period"),
    JournalKind.ADJUSTMENT: Message("调整", "adjustment"),
    JournalKind.REVERSAL: Message("冲销", "reversal"),
    JournalKind.RECEIPT: Message("收款", "receipt"),
    JournalKind.MATCHING: Message("核销匹配", "matching of a receipt"),
    JournalKind.DISTRIBUTION: Message("分账", "distribution"),
    JournalKind.PAYOUT: Message("拨付", "payout"),
    JournalKind.DEPOSIT: Message("预付", "deposit"),
    JournalKind.REFUND: Message("退款", "refund"),
    JournalKind.HOLD: Message("争议冻结", "hold of a dispute"),
    JournalKind.RELEASE: Message("解除冻结", "release of a hold"),
    JournalKind.CORRECTION: Message("更正", "correction after a dispute"),
}


@dataclass(frozen=True)
class _Leg:
    account: str
    fen: int


def voucher_paper(
    connection: Connection, journal_id: str, chart_name: ChartName, printing: Printing
) -> Official:
    """Lay out a journal as a voucher. Raises NotFound for an unknown journal."""
    row = connection.execute(
        select(journal, seal.c.digest, entry.c.time_us)
        .join(seal, seal.c.journal_id == journal.c.id)
        .join(entry, entry.c.idx == journal.c.audit_index)
        .where(journal.c.id == journal_id)
    ).first()
    if row is None:
        raise NotFound(
            "journal_unknown",
            Message("没有这笔凭证。", "There is no such journal."),
            field="journal",
        )
    query = select(posting.c.account, posting.c.fen).where(posting.c.journal_id == journal_id)
    legs = [
        _Leg(code, int(fen)) for code, fen in connection.execute(query.order_by(posting.c.sequence))
    ]
    chart = _chart(printing.rules, chart_name)
    kind = JOURNALS[JournalKind(row.kind)]
    invoice = ((Message("发票号", "Invoice number"), plain(printing.invoice)),)
    return Official(
        title=Message(f"记账凭证 {journal_id}", f"Voucher {journal_id}"),
        subtitle=Message(
            f"{chart.name_zh}（{chart.document}）", f"{chart.name_en} ({chart.document})"
        ),
        notice=fictional_notice([{"fictional": printing.rules.fictional}]),
        facts=(
            (Message("业务", "Kind"), kind),
            (Message("账期", "Period"), plain(row.period_id)),
            (Message("日志条目", "Log entry"), plain(str(row.audit_index))),
            *(invoice if printing.invoice else ()),
        ),
        tables=(_legs(legs, chart),),
        bars_title=plain(""),
        bars=(),
        sentences=(),
        digests=(
            (Message("凭证封存摘要", "Digest of the sealed journal"), row.digest),
            (Message("所依规则", "The rule it rests on"), row.rule_digest),
        ),
        checking=(
            Message(
                "凭证的封存摘要由其日志条目登记；持有整份证据包者可离线核验。",
                "The log entry commits to the seal; whoever holds the whole bundle checks it "
                "offline.",
            ),
        ),
        commands=("sandgate verify bundle bundle.zip --key <log key>",),
        checkpoint=checkpoint_now(connection),
        made_at_us=int(row.time_us),
    )


def _chart(rules: AccountRules, name: ChartName) -> Chart:
    return rules.enterprise if name == "enterprise" else rules.government


def _legs(legs: list[_Leg], chart: Chart) -> ReadableTable:
    rows = []
    for leg in legs:
        kind = AccountKind(leg.account.partition(":")[0])
        title = chart.titles[kind.value]
        rows.append(
            (
                plain(title.code),
                Message(title.name_zh, title.name_en),
                plain(leg.account),
                plain(yuan_text(leg.fen) if leg.fen > 0 else ""),
                plain(yuan_text(-leg.fen) if leg.fen < 0 else ""),
            )
        )
    total = plain(yuan_text(sum(leg.fen for leg in legs if leg.fen > 0)))
    rows.append((plain(""), Message("合计", "Total"), plain(""), total, total))
    return ReadableTable(
        title=Message("分录", "Legs"),
        notice=None,
        headings=(
            Message("科目编码", "Code"),
            Message("科目", "Account"),
            Message("平台账户（明细）", "Account of the ledger"),
            Message("借方（元）", "Debit (yuan)"),
            Message("贷方（元）", "Credit (yuan)"),
        ),
        rows=tuple(rows),
        numbers=frozenset({3, 4}),
    )
