"""The ways through the pages: one line an area, with the roles that find it in their menu.

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


ITEMS: Sequence[Item] = (
    Item(
        "/pages",
        Message("我的待办", "My tasks"),
        hint=Message("等我办理的事项和期限", "What waits for me, and until when"),
    ),
    Item(
        "/pages/catalogue",
        Message("政务数据目录", "Catalogue"),
        hint=Message("查询目录，编制、审签、审核条目", "Search it; draft, sign off, review"),
    ),
    Item(
        "/pages/people",
        Message("人员与角色", "People and roles"),
        frozenset(
            {
                *(Role.AUTHORITY, Role.REGULATOR, Role.DEPARTMENT_HEAD, Role.AUDIT_ADMINISTRATOR),
                *(Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR),
            }
        ),
        Message("登记人员、授予角色，两人办理", "Register people and grant roles, by two people"),
    ),
    Item(
        "/pages/catalogue-imports",
        Message("目录批量导入", "Import of the catalogue"),
        frozenset({Role.PROVIDER, Role.STEWARD, Role.AUTHORITY}),
        Message("用表格批量编目", "Enter many entries from a spreadsheet"),
    ),
    Item(
        "/pages/corrections",
        Message("校核与异议", "Corrections and objections"),
        hint=Message("数据有误？提出、核实、更正", "Are data wrong? Say so, verify, correct"),
    ),
    Item(
        "/pages/quality",
        Message("数据质量", "Data quality"),
        frozenset({Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.AUTHORITY}),
        Message("概况、风险、评分与权威来源", "Profiles, risks, scores and sources"),
    ),
    Item(
        "/pages/resources",
        Message("数据资源", "Data resources"),
        frozenset({Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.AUTHORITY}),
        Message("登记、入库、数源部门同意", "Register, bring data in, consent of sources"),
    ),
    Item(
        "/pages/zones",
        Message("数据区", "Zones"),
        hint=Message("公共数据区、地区专区、企业专区", "Public, regional and enterprise zones"),
    ),
    Item(
        "/pages/standards",
        Message("标准规范", "Standards"),
        hint=Message("数据元、代码表、行政区划", "Data elements, code lists, divisions"),
    ),
    Item(
        "/pages/sharing",
        Message("数据共享", "Sharing"),
        frozenset(
            {
                *(Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.HALL_REPRESENTATIVE),
                *(Role.AUTHORITY, Role.REGULATOR),
            }
        ),
        Message("申请、审签、审核、供给与使用", "Ask, sign off, decide, supply, use"),
    ),
    Item(
        "/pages/demands",
        Message("供需对接", "Supply and demand"),
        hint=Message("需求清单与责任清单", "The lists of demands and responsibilities"),
    ),
    Item(
        "/pages/hall",
        Message("政务数据大厅", "Data hall"),
        frozenset({Role.HALL_REPRESENTATIVE, Role.DEPARTMENT_HEAD, Role.AUTHORITY}),
        Message("席位、值班与待办", "Seats, duty and queues"),
    ),
    Item(
        "/pages/matters",
        Message("期限与督办", "Time limits"),
        frozenset(
            {
                *(Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD, Role.HALL_REPRESENTATIVE),
                *(Role.AUTHORITY, Role.REGULATOR),
            }
        ),
        Message("逾期办件、考核评估、通报", "What is overdue, assessment, notices"),
    ),
    Item(
        "/pages/notices",
        Message("通知", "Notices"),
        hint=Message("平台发给我的通知和接收邮箱", "What I was told, and my e-mail address"),
    ),
)
"""In the order of the menu; an owner adds one line."""


def items_for(actor: Actor) -> Sequence[Item]:
    """Return the areas that this person can use."""
    return [item for item in ITEMS if not item.roles or item.roles & actor.roles]
