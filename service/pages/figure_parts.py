"""What pages of figures share: the ways between them, shares as people read them, common tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from foundation.errors import Message
from foundation.identity import Role
from service.pages.blocks import Badge, Cell, Link, Links, Paragraph, Rows, Text
from service.pages.frame import Visit

PPM_PER_HUNDREDTH = 100
HUNDREDTHS = 100
ENTRIES = Message("目录条目", "Entries")
HOUSE = Message("单位", "Organisation")
_WAYS: Sequence[tuple[str, Message, bool]] = (
    ("/pages/figures", Message("总体情况", "The situation"), False),
    ("/pages/figures/calls", Message("调用情况", "Calls"), True),
    ("/pages/figures/coverage", Message("归集覆盖", "Coverage"), False),
    ("/pages/figures/timeliness", Message("更新与办理时效", "Timeliness"), False),
    ("/pages/figures/benefits", Message("三大效益", "Benefits"), True),
    ("/pages/figures/assessment", Message("考核评估", "Assessment"), False),
    ("/pages/figures/security", Message("月度安全报告", "Security reports"), True),
    ("/pages/capabilities", Message("能力对照", "Capabilities"), False),
)


def ways(visit: Visit) -> Links:
    """Return the ways to the other pages of figures that the visitor may see."""
    oversees = visit.has(Role.AUTHORITY, Role.REGULATOR)
    here = visit.request.url.path
    found = [(href, name) for href, name, watched in _WAYS if oversees or not watched]
    return Links([Link(name, href, strong=href == here) for href, name in found])


def percent(share_ppm: int | None) -> str:
    """Write parts per million as a percentage with two decimals; a dash where there is none."""
    if share_ppm is None:
        return "—"
    hundredths = share_ppm // PPM_PER_HUNDREDTH
    return f"{hundredths // HUNDREDTHS}.{hundredths % HUNDREDTHS:02d}%"


def covered(_visit: Visit, lines: Sequence[tuple[Text, Mapping[str, Any]]]) -> Rows:
    """Return a table of entries, resources and data, a line each."""
    return Rows(
        (
            *(Message("名称", "Name"), ENTRIES, Message("已挂接", "With resource")),
            *(Message("挂接率", "Share"), Message("已入库", "With data")),
            Message("入库率", "Share"),
        ),
        [
            (
                *(name, one["entries"], one["attached"], percent(one["attached_ppm"])),
                *(one["gathered"], percent(one["gathered_ppm"])),
            )
            for name, one in lines
        ],
    )


def indicator_row(visit: Visit, item: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return an indicator with its share, its targets and how it is counted."""
    return (
        said(visit, item["name"]),
        percent(item["share_ppm"]),
        f"{item['part']:,} / {item['whole']:,}",
        _target(visit, item["targets"]),
        said(visit, item["formula"]),
    )


def card_row(card: Mapping[str, Any], names: Mapping[str, Message]) -> tuple[Cell, ...]:
    """Return a department's card as a line."""
    matters, held = card["matters"], card["coverage"]
    return (
        names.get(card["organisation"], card["organisation"]),
        held["entries"],
        percent(held["attached_ppm"]),
        percent(card["resources_in_time_ppm"]),
        matters.get("decided", 0),
        percent(matters.get("on_time_ppm")),
        matters.get("overdue", 0),
        matters.get("extensions", 0),
        matters.get("objections", 0),
    )


def not_recorded(visit: Visit, benefit: Mapping[str, Any]) -> Paragraph:
    """Name what the platform does not record of a benefit."""
    names = "；".join(said(visit, one) for one in benefit["not_recorded"])
    return Paragraph(Message(f"平台未记录：{names}。", f"Not recorded here: {names}."), "small")


def nothing() -> Paragraph:
    """Say that nothing was counted."""
    return Paragraph(Message("没有记录。", "Nothing is recorded."))


def said(visit: Visit, words: Mapping[str, str]) -> str:
    """Return words that are data, in the visitor's language."""
    return words["zh" if visit.language == "zh" else "en"]


def page_name(page: str) -> Message:
    """Return a page's name as its own menu has it."""
    return _PAGE_NAMES.get(page, Message(page, page))


_PAGE_NAMES = {href: name for href, name, _watched in _WAYS} | {
    "/pages/catalogue": Message("政务数据目录", "Catalogue"),
    "/pages/catalogue-imports": Message("目录批量导入", "Import of the catalogue"),
    "/pages/demands": Message("供需对接", "Supply and demand"),
    "/pages/hall": Message("政务数据大厅", "Data hall"),
    "/pages/licences": Message("授权", "Licences"),
    "/pages/log": Message("审计日志", "Audit log"),
    "/pages/matters": Message("期限与督办", "Time limits"),
    "/pages/people": Message("人员与角色", "People and roles"),
    "/pages/quality": Message("数据质量", "Data quality"),
    "/pages/releases": Message("出域审核", "Releases"),
    "/pages/resources": Message("数据资源", "Data resources"),
    "/pages/sessions": Message("数据沙箱", "Sandbox sessions"),
    "/pages/sharing": Message("数据共享", "Sharing"),
    "/pages/standards": Message("标准规范", "Standards"),
    "/pages/zones": Message("数据区", "Zones"),
}


def _target(visit: Visit, targets: Sequence[Mapping[str, Any]]) -> Cell:
    """Return the target in force with whether it is met; else another's, as guidance; else none."""
    for one in targets:
        if one["in_force"]:
            tone = "plain" if one["met"] is None else "good" if one["met"] else "bad"
            word = {
                None: Message("无条目", "no entries"),
                True: Message("达标", "met"),
                False: Message("未达标", "missed"),
            }[one["met"]]
            return Badge(f"{percent(one['share_ppm'])} {visit.say(word)}", tone)
    if targets:
        one = targets[0]
        guidance = visit.say(Message("仅供参照", "guidance only"))
        return f"{percent(one['share_ppm'])}（{one['source']}，{guidance}）"
    return visit.say(Message("未设目标", "no target is set"))
