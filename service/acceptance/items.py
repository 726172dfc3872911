"""The thirty rows of the acceptance list: what is checked and when it passes.

Source: the acceptance checklist of a city data bureau (the project's domain map, section 7).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.errors import Message


@dataclass(frozen=True)
class Item:
    """One row. ``shown_by`` says where a row is shown that this command does not play itself."""

    number: int
    title: Message
    condition: Message
    shown_by: Message | None = None


SESSIONS = Message(
    "需在装有沙箱的主机上演示：./dev demo、./dev bench attacks",
    "is shown on a host with sandboxes: ./dev demo, ./dev bench attacks",
)
LATER = Message("对应功能尚未建设", "its room is not built yet")

ITEMS: Sequence[Item] = (
    Item(
        1,
        Message("目录字段", "Catalogue fields"),
        Message(
            "九项法定字段加回流属性；缺任何一项都指出名称并拒绝",
            "nine legal fields and the return attribute; each one missing is refused by name",
        ),
    ),
    Item(
        2,
        Message("不予共享", "No-share"),
        Message("没有法律依据即拒绝", "refused without a legal basis"),
    ),
    Item(
        3,
        Message("签发", "Sign-off"),
        Message(
            "缺两项评估之一或部门负责人签发，不得进入审核",
            "no review without both assessments and the head's approval",
        ),
    ),
    Item(
        4,
        Message("时限", "Clocks"),
        Message(
            "1/10/20/2/3/20/10 个工作日跨国庆假期和调休计算正确；逾期清单正确",
            "1/10/20/2/3/20/10 working days over National Day; the overdue list is right",
        ),
    ),
    Item(
        5,
        Message("一次性告知", "One-time notice"),
        Message("同一事项第二次补正告知被拦下", "a second notice on one matter is blocked"),
    ),
    Item(
        6,
        Message("政务数据大厅", "Data hall"),
        Message(
            "两个部门的首席代表清空队列；打印值班记录",
            "two departments' representatives clear a queue; the duty record is printed",
        ),
    ),
    Item(
        7,
        Message("方案到协议", "Plan to agreement"),
        Message(
            "缺方案、协议要素或决策、备案文号，授权许可不得生效",
            "no licence in force without its items, decision and filing numbers",
        ),
    ),
    Item(
        8,
        Message("授权期限", "Term"),
        Message(
            "超过五年即拒绝；到期一分钟内冻结会话",
            "more than five years is refused; expiry freezes sessions within a minute",
        ),
    ),
    Item(
        9,
        Message("共享取得的数据", "Shared-origin data"),
        Message("未附来源部门同意即拦下", "blocked until the source's consent is attached"),
    ),
    Item(
        10,
        Message("利益冲突", "Conflict"),
        Message(
            "运营机构再开发自己的产品被拒绝，并说明理由",
            "an operator re-developing its own product is denied, with the reason",
        ),
    ),
    Item(
        11,
        Message("使用范围", "Scope"),
        Message(
            "场景之外的字段在查询时被拒绝，并留痕",
            "a field outside the scenario is denied at query time, and audited",
        ),
    ),
    Item(
        12,
        Message("隔离", "Isolation"),
        Message(
            "会话不能触及互联网、其他会话、主机或原始文件；逃逸清单通过",
            "no way to the internet, other sessions, the host or raw files; escape list passes",
        ),
        SESSIONS,
    ),
    Item(
        13,
        Message("两种模式", "Two modes"),
        Message("调试会话只有合成数据", "a debug session has only synthetic data"),
        SESSIONS,
    ),
    Item(
        14,
        Message("脱敏", "Masking"),
        Message(
            "证件号、手机、姓名、地址、账号在每条路径（含报错与日志）按级脱敏",
            "identifiers are masked per grade in every path, errors and logs included",
        ),
    ),
    Item(
        15,
        Message("最小单元格", "Minimum cell"),
        Message(
            "9 被抑制，10 可显示；两张表相减被发现",
            "9 is suppressed, 10 is shown; differencing of two tables is caught",
        ),
    ),
    Item(
        16,
        Message("差分隐私", "Differential privacy"),
        Message(
            "噪声与声明的 ε 相符；预算重启后仍在，两名用户共用，用尽即拒绝",
            "noise fits the stated epsilon; budget survives restart, is shared, and ends",
        ),
    ),
    Item(
        17,
        Message("出域", "Release"),
        Message(
            "两名不同人员审核；未经批准不能导出",
            "two different persons; no export without approval",
        ),
    ),
    Item(
        18,
        Message("溯源", "Trace"),
        Message(
            "外泄文件可追溯到出域申请、会话和人员",
            "a leaked file names release, session and user",
        ),
    ),
    Item(
        19,
        Message("召回", "Recall"),
        Message(
            "更正成立后列出并召回受影响的产品",
            "an upheld correction lists and recalls dependent products",
        ),
    ),
    Item(
        20,
        Message("审计完整", "Audit completeness"),
        Message(
            "每次允许或拒绝的查询恰有一条记录，高负载下不缺",
            "every query, allowed or denied, has one event; none missing under load",
        ),
    ),
    Item(
        21,
        Message("防篡改", "Tamper evidence"),
        Message(
            "改动、删除、调序一行即被发现；核验程序离线运行",
            "an edited, deleted or moved row is found; the verifier runs offline",
        ),
    ),
    Item(
        22,
        Message("监管视图", "Regulator view"),
        Message(
            "只读；可按许可、人员、数据集、时段筛选；导出带签名",
            "read-only; filters by licence, person, data set, period; signed export",
        ),
    ),
    Item(
        23,
        Message("留存", "Retention"),
        Message(
            "三年内清理被拒绝；日志不少于六个月",
            "an early purge is refused; six months of logs at least",
        ),
    ),
    Item(
        24,
        Message("登记", "Registration"),
        Message(
            "公示、异议、赋码、续展、注销全流程",
            "the full path: notice, objection, code, renewal window, cancellation",
        ),
        LATER,
    ),
    Item(
        25,
        Message("价格", "Pricing"),
        Message(
            "超过上限被拒绝；公益用途为零；没有价格即没有账单",
            "above the ceiling is refused; public welfare is free; no tariff, no bill",
        ),
    ),
    Item(
        26,
        Message("准许收入", "Cap"),
        Message(
            "10% 偏差与超额扣回，与手算表一致",
            "the 10 % deviation and the clawback match a hand sheet",
        ),
    ),
    Item(
        27,
        Message("结算", "Settlement"),
        Message(
            "分账精确到分；冲正可追溯；账单可由事件重算",
            "splits sum to the fen; reversals are traceable; bills reproduce from events",
        ),
    ),
    Item(
        28,
        Message("信息披露", "Disclosure"),
        Message(
            "三月底前的报告和双方公开页可生成",
            "the end-of-March report and public page of both roles",
        ),
    ),
    Item(
        29,
        Message("密码", "Cryptography"),
        Message(
            "SM2/SM3/SM4 可选；密钥可轮换；TLS；密评材料",
            "SM2/SM3/SM4 selectable; keys rotated; TLS; materials for 密评",
        ),
    ),
    Item(
        30,
        Message("三员、备份、演练", "Three admins, backup, drill"),
        Message(
            "三员分立；恢复达标；演练留有记录",
            "separation is shown; restore within target; a drill is recorded",
        ),
    ),
)


def item(number: int) -> Item:
    """Return one row. Raises KeyError where there is no such row."""
    found = {one.number: one for one in ITEMS}
    return found[number]
