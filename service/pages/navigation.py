"""The ways through the pages: one line an area in its group, with the roles that find it there.

A menu hides what a person cannot use; it protects nothing, each page checks for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.errors import Message
from foundation.identity import Actor, Role

NO_HINT = Message("", "")


@dataclass(frozen=True)
class Item:
    """One area. ``roles`` none: for everybody who is logged in."""

    href: str
    text: Message
    roles: frozenset[Role] = frozenset()
    hint: Message = NO_HINT


@dataclass(frozen=True)
class Group:
    """Areas that belong together, under one heading of the menu; the first has none."""

    text: Message
    items: Sequence[Item]


_HOUSE = frozenset(
    {Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.HALL_REPRESENTATIVE, Role.AUTHORITY}
)
_KEEPERS = frozenset({Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.AUTHORITY})
_MARKET = frozenset({Role.OPERATOR, Role.DEVELOPER})
_OFFICERS_THREE = frozenset(
    {Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR, Role.AUDIT_ADMINISTRATOR}
)
_R = Role.REGULATOR

GROUPS: Sequence[Group] = (
    Group(
        Message("", ""),
        (
            Item(
                "/pages",
                Message("我的待办", "My tasks"),
                hint=Message("等我办理的事项和期限", "What waits for me, and until when"),
            ),
            Item(
                "/pages/notices",
                Message("通知", "Notices"),
                hint=Message("平台发给我的通知和接收邮箱", "What I was told, and my e-mail"),
            ),
            Item(
                "/pages/account",
                Message("我的账号", "My account"),
                hint=Message("我的单位、角色和登录时间", "My organisation, roles and login"),
            ),
        ),
    ),
    Group(
        Message("目录与数据", "Catalogue and data"),
        (
            Item(
                "/pages/catalogue",
                Message("政务数据目录", "Catalogue"),
                hint=Message("查询目录，编制、审签、审核条目", "Search, draft, sign off, review"),
            ),
            Item(
                "/pages/catalogue-imports",
                Message("目录批量导入", "Import of the catalogue"),
                frozenset({Role.PROVIDER, Role.STEWARD, Role.AUTHORITY}),
                Message("用表格批量编目", "Enter many entries from a spreadsheet"),
            ),
            Item(
                "/pages/resources",
                Message("数据资源", "Data resources"),
                _KEEPERS,
                Message("登记、入库、数源部门同意", "Register, bring data in, consent of sources"),
            ),
            Item(
                "/pages/quality",
                Message("数据质量", "Data quality"),
                _KEEPERS,
                Message("概况、风险、评分与权威来源", "Profiles, risks, scores and sources"),
            ),
            Item(
                "/pages/corrections",
                Message("校核与异议", "Corrections and objections"),
                _HOUSE | _MARKET | {Role.FINANCE, Role.PRICING, Role.CHECKER, _R},
                Message("数据有误？提出、核实、更正", "Are data wrong? Say so, verify, correct"),
            ),
            Item(
                "/pages/standards",
                Message("标准规范", "Standards"),
                _KEEPERS | {_R},
                Message("数据元、代码表、行政区划", "Data elements, code lists, divisions"),
            ),
            Item(
                "/pages/zones",
                Message("数据区", "Zones"),
                _KEEPERS | {_R},
                Message("公共数据区、地区专区、企业专区", "Public, regional and enterprise zones"),
            ),
        ),
    ),
    Group(
        Message("共享与对接", "Sharing"),
        (
            Item(
                "/pages/sharing",
                Message("数据共享", "Sharing"),
                _HOUSE | {_R},
                Message("申请、审签、审核、供给与使用", "Ask, sign off, decide, supply, use"),
            ),
            Item(
                "/pages/demands",
                Message("供需对接", "Supply and demand"),
                _HOUSE | _MARKET | {_R},
                Message("需求清单与责任清单", "The lists of demands and responsibilities"),
            ),
            Item(
                "/pages/hall",
                Message("政务数据大厅", "Data hall"),
                frozenset({Role.HALL_REPRESENTATIVE, Role.DEPARTMENT_HEAD, Role.AUTHORITY}),
                Message("席位、值班与待办", "Seats, duty and queues"),
            ),
        ),
    ),
    Group(
        Message("授权运营", "Licensed use"),
        (
            Item(
                "/pages/licences",
                Message("授权", "Licences"),
                frozenset({Role.AUTHORITY, _R}) | _MARKET,
                Message("起草、签发、暂停与终止", "Draft, activate, suspend, end"),
            ),
            Item(
                "/pages/sessions",
                Message("数据沙箱", "Sandbox sessions"),
                frozenset({Role.OPERATOR, Role.AUTHORITY, _R}),
                Message("开通会话，进入与关闭", "Open a session, enter and close it"),
            ),
            Item(
                "/pages/releases",
                Message("出域审核", "Releases"),
                frozenset({Role.CHECKER, Role.RELEASE_OFFICER, Role.OPERATOR, Role.AUTHORITY, _R}),
                Message("结果出域的检查、表决与交付", "Checks, votes and delivery of results"),
            ),
        ),
    ),
    Group(
        Message("监督与管理", "Oversight"),
        (
            Item(
                "/pages/matters",
                Message("期限与督办", "Time limits"),
                _HOUSE | {_R},
                Message("逾期办件、考核评估、通报", "What is overdue, assessment, notices"),
            ),
            Item(
                "/pages/figures",
                Message("统计与评估", "Figures"),
                _HOUSE | {_R, Role.FINANCE, Role.PRICING},
                Message(
                    "覆盖、时效、效益、考核、安全月报", "Coverage, timeliness, security reports"
                ),
            ),
            Item(
                "/pages/log",
                Message("审计日志", "Audit log"),
                hint=Message("谁在何时办理了什么", "Who did what, and when"),
            ),
            Item(
                "/pages/people",
                Message("人员与角色", "People and roles"),
                frozenset({Role.AUTHORITY, _R, Role.DEPARTMENT_HEAD}) | _OFFICERS_THREE,
                Message("登记人员、授予角色，两人办理", "Register people, grant roles: by two"),
            ),
        ),
    ),
)
"""In the order of the menu; an owner adds one line."""


def groups_for(actor: Actor) -> Sequence[Group]:
    """Return the areas that this person can use, in their groups; no group stands empty."""
    found = [Group(group.text, _of(group, actor)) for group in GROUPS]
    return [group for group in found if group.items]


def _of(group: Group, actor: Actor) -> list[Item]:
    return [item for item in group.items if not item.roles or item.roles & actor.roles]
