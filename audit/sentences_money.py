"""What entries of tariffs, journals and settlement say to people, in both languages."""

from audit.tags import EntryKind
from foundation.errors import Message

MONEY_SENTENCES: dict[EntryKind, Message] = {
    EntryKind.PERIOD_OPENED: Message("账期已开启", "A period opened"),
    EntryKind.PERIOD_CLOSED: Message("账期已关闭", "A period closed"),
    EntryKind.JOURNAL_REVERSED: Message("凭证已冲销", "A journal was reversed"),
    EntryKind.MOVE_PROPOSED: Message("已提出资金事项", "A move of money was proposed"),
    EntryKind.MOVE_WITHDRAWN: Message("资金事项已撤回", "A proposed move of money was withdrawn"),
    EntryKind.RECEIPT_MATCHED: Message("收款已核销", "A receipt was matched to bills"),
    EntryKind.WALLET_DEPOSITED: Message("预付款已入账", "Money was paid into a wallet"),
    EntryKind.MONEY_REFUNDED: Message("款项已退还", "Money was given back to a payer"),
    EntryKind.STATEMENT_CONFIRMED: Message("结算单已确认", "A payee confirmed its statement"),
    EntryKind.POOL_DISTRIBUTED: Message("已收款项已分账", "Collected money was distributed"),
    EntryKind.DISPUTE_OPENED: Message("已提出账务异议", "A dispute was opened"),
    EntryKind.DISPUTE_HELD: Message("异议款项已暂扣", "A disputed amount was held"),
    EntryKind.DISPUTE_DECIDED: Message("账务异议已裁定", "A dispute was decided"),
    EntryKind.PAYMENT_DETAILS_CONFIRMED: Message(
        "收付款账户已登记", "Payment details were confirmed"
    ),
    EntryKind.FILE_WRITTEN: Message("拨付文件已生成", "A settlement file was written"),
    EntryKind.FILE_SENT: Message("拨付文件已发送", "A settlement file was sent to the bank"),
    EntryKind.FILE_WITHDRAWN: Message("拨付文件已作废", "A settlement file was withdrawn"),
    EntryKind.FILE_RETURNED: Message("银行回单已登记", "The bank's answer was taken in"),
    EntryKind.TARIFF_PROPOSED: Message("已提出资费版本", "A version of a tariff was proposed"),
    EntryKind.TARIFF_APPROVED: Message("资费版本已批准", "A version of a tariff was approved"),
    EntryKind.USAGE_REPRICED: Message(
        "免费使用已按产业产品补计价", "Free use was priced anew for a product of industry"
    ),
    EntryKind.PERMITTED_PROPOSED: Message(
        "已提出最高准许收入", "A maximum permitted revenue was proposed"
    ),
    EntryKind.PERMITTED_DECIDED: Message(
        "最高准许收入已核定", "A maximum permitted revenue was decided"
    ),
    EntryKind.PERMITTED_REVIEWED: Message(
        "已对照最高准许收入评估", "Revenue was held against its permitted maximum"
    ),
    EntryKind.SCHEME_PROPOSED: Message(
        "已提出新的分配方案", "A new distribution scheme was proposed"
    ),
    EntryKind.SCHEME_APPROVED: Message("分配方案已批准", "A distribution scheme was approved"),
}
