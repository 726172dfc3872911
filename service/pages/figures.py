"""Pages of figures: the situation at a glance, coverage against targets, time, and assessment.

What is shown is what the API gives: sums for all of government, single departments for overseers,
and one's own card for a department.
"""

from fastapi import APIRouter
from fastapi.responses import Response

from foundation.db import reading
from foundation.errors import Message
from foundation.money import yuan_text
from policies.schema.standards import StandardRules
from service.api.figures import aged, asked_span, own_house
from service.figures.assessing import assessment
from service.figures.benefits import benefits
from service.figures.capabilities import CAPABILITIES
from service.figures.coverage import coverage, national_rules
from service.figures.headline import calls, headline
from service.figures.timeliness import timeliness
from service.pages.blocks import (
    Badge,
    Bars,
    Block,
    Cell,
    Facts,
    Heading,
    Link,
    Links,
    Paragraph,
    Rows,
    Text,
)
from service.pages.figure_parts import (
    ENTRIES,
    HOUSE,
    card_row,
    covered,
    indicator_row,
    not_recorded,
    nothing,
    page_name,
    percent,
    said,
    ways,
)
from service.pages.frame import AnyVisit, GovernmentVisit, OverseerVisit
from service.pages.names import house_names
from service.pages.routes import PageRoute

HOME = "/pages/figures"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
map_pages = APIRouter(prefix="/pages", route_class=PageRoute, include_in_schema=False)
SHARE = Message("比率", "Share")
TIMES = Message("次", "times")
ATTRIBUTES = {
    "share": Message("共享属性", "Sharing"),
    "open": Message("开放属性", "Openness"),
    "return": Message("回流属性", "Return flow"),
}
VALUES = {
    ("share", "unconditional"): Message("无条件共享", "unconditional"),
    ("share", "conditional"): Message("有条件共享", "conditional"),
    ("share", "withheld"): Message("不予共享", "withheld"),
    ("open", "unconditional"): Message("无条件开放", "open"),
    ("open", "conditional"): Message("有条件开放", "conditionally open"),
    ("open", "withheld"): Message("不予开放", "not open"),
    ("return", "unconditional"): Message("无条件回流", "unconditional"),
    ("return", "conditional"): Message("有条件回流", "conditional"),
    ("return", "none"): Message("不回流", "none"),
}


@router.get("")
def get_overview(visit: GovernmentVisit) -> Response:
    """Show the situation: the catalogue, who is connected, calls and questions by month."""
    platform = visit.platform
    with reading(platform.engine) as connection:
        told = headline(connection, asked_span(platform, "", ""))
    book, who = told["catalogue"], told["connected"]
    return visit.page(
        Message("总体情况", "The situation"),
        ways(visit),
        Facts(
            [
                (Message("在册目录条目", "Published entries"), book["entries"]),
                (Message("已挂接资源的条目", "with a resource"), book["entries_with_resource"]),
                (Message("数据资源", "Data resources"), book["resources"]),
                (Message("数据版本", "Versions of data"), book["versions"]),
                (Message("接入单位", "Organisations"), who["organisations"]),
                (
                    Message("已发布目录的部门", "Departments with entries"),
                    who["departments_with_entries"],
                ),
                (Message("接入地区", "Regions"), who["regions"]),
                (Message("近12个月共享接口调用", "Shared calls in 12 months"), told["calls"]),
                (Message("近12个月答复的查询", "Questions answered"), told["questions"]),
                (Message("近12个月零价格使用", "Uses at price zero"), told["uses"]["free"]),
            ]
        ),
        Heading(Message("共享接口调用（按月）", "Calls of shared interfaces, by month")),
        Bars([(month["month"], month["calls"]) for month in told["months"]], TIMES),
        Heading(Message("答复的查询（按月）", "Questions answered, by month")),
        Bars([(month["month"], month["questions"]) for month in told["months"]], TIMES),
        Paragraph(
            Message(
                "只统计条目、资源、调用和办件的数量，不读取任何数据行。",
                "Entries, resources, calls and matters are counted; no data row is read.",
            ),
            "small",
        ),
    )


@router.get("/calls")
def get_calls(visit: OverseerVisit) -> Response:
    """Show calls and questions by department and by region."""
    platform = visit.platform
    with reading(platform.engine) as connection:
        told = calls(connection, asked_span(platform, "", ""))
        names = house_names(connection)
    places = dict(platform.pack.rules(StandardRules).divisions)
    none = visit.say(Message("未填地区", "no region"))
    parts = (
        ("by_department", Message("调用（使用部门）", "Calls, by asking department")),
        ("by_provider", Message("调用（供数部门）", "Calls, by serving department")),
        ("questions_by_organisation", Message("查询（按单位）", "Questions, by organisation")),
        ("by_region", Message("调用（按地区）", "Calls, by region")),
        ("questions_by_region", Message("查询（按地区）", "Questions, by region")),
    )
    blocks: list[Block] = []
    for key, title in parts:
        blocks.append(Heading(title))
        lines = [
            (
                names.get(line["organisation"], line["organisation"])
                if "organisation" in line
                else places.get(line["region"], line["region"]) or none,
                line["total"],
            )
            for line in told[key]
        ]
        blocks.append(Bars(lines, TIMES) if lines else nothing())
    title = Message("调用情况", "Calls")
    return visit.page(title, ways(visit), *blocks, intro=f"{told['from']} — {told['until']}")


@router.get("/coverage")
def get_coverage(visit: GovernmentVisit) -> Response:
    """Show the shares against their targets, and by department, attribute and library."""
    platform = visit.platform
    with reading(platform.engine) as connection:
        told = coverage(
            connection, platform.pack, platform.clocks.jurisdiction, own_house(visit.actor)
        )
        names = house_names(connection)
    attributes: list[tuple[Text, int]] = [
        (
            f"{visit.say(ATTRIBUTES[name])} · {visit.say(VALUES[name, line['value']])}",
            line["entries"],
        )
        for name, lines in told["by_attribute"].items()
        for line in lines
    ]
    return visit.page(
        Message("归集覆盖", "Coverage"),
        ways(visit),
        Rows(
            (
                *(Message("指标", "Indicator"), SHARE, Message("数量", "Counted")),
                *(Message("目标", "Target"), Message("算法", "How it is counted")),
            ),
            [indicator_row(visit, item) for item in told["indicators"]],
        ),
        Heading(Message("各部门", "By department")),
        covered(
            visit, [(names.get(one["organisation"], ""), one) for one in told["by_department"]]
        ),
        Heading(Message("基础库", "Base libraries")),
        covered(visit, [(said(visit, one["name"]), one) for one in told["by_library"]]),
        Heading(Message("属性", "Attributes")),
        Bars(attributes, Message("条", "entries")) if attributes else nothing(),
    )


@router.get("/timeliness")
def get_timeliness(visit: GovernmentVisit) -> Response:
    """Show which resources are late by their own frequency, and how matters were decided."""
    with reading(visit.platform.engine) as connection:
        told = timeliness(connection, *aged(visit.platform), own_house(visit.actor))
        names = house_names(connection)
    resources, matters = told["resources"], told["matters"]
    return visit.page(
        Message("更新与办理时效", "Timeliness"),
        ways(visit),
        Facts(
            [
                (Message("数据更新及时率", "Updated in time"), percent(resources["share_ppm"])),
                (Message("及时", "In time"), resources["in_time"]),
                (Message("超期未更新", "Late"), resources["late"]),
                (Message("尚无数据版本", "Without data"), resources["without_version"]),
                (Message("近一年办结", "Matters decided in a year"), matters["decided"]),
                (Message("其中按期", "of them in time"), matters["decided_in_time"]),
                (Message("现逾期", "Overdue now"), matters["overdue"]),
            ]
        ),
        Heading(Message("超期未更新的资源", "Resources that are late")),
        Rows(
            (
                *(Message("资源", "Resource"), HOUSE),
                *(Message("容许天数", "Days allowed"), Message("超期天数", "Days late")),
            ),
            [
                (
                    Link(one["resource"], f"/pages/resources/{one['resource']}"),
                    names.get(one["organisation"], one["organisation"]),
                    one["allowed_days"],
                    one["late_days"],
                )
                for one in resources["late_resources"]
            ],
            empty=Message("没有超期未更新的资源。", "No resource is late."),
        ),
    )


@router.get("/benefits")
def get_benefits(visit: OverseerVisit) -> Response:
    """Show what is recorded of each benefit, and name what is not recorded."""
    platform = visit.platform
    with reading(platform.engine) as connection:
        told = benefits(connection, national_rules(platform.pack), asked_span(platform, "", ""))
    money, social, nature = told["economic"], told["social"], told["environmental"]
    themed = Message("相关主题目录条目", "Entries of its themes")
    rested = Message("依托这些数据的使用", "Uses that rest on these data")
    return visit.page(
        Message("三大效益", "Three benefits"),
        ways(visit),
        Heading(Message("经济效益", "Economic")),
        Facts(
            [
                (Message("计费金额（元）", "Billed (yuan)"), yuan_text(money["billed_fen"])),
                (Message("收费使用", "Charged uses"), money["charged_uses"]),
                (Message("出域交付", "Releases delivered"), money["releases_delivered"]),
                (Message("交付副本", "Copies handed over"), money["copies_handed_over"]),
            ]
        ),
        not_recorded(visit, money),
        Heading(Message("社会效益", "Social")),
        Facts(
            [
                (Message("零价格使用", "Uses at price zero"), social["free_uses"]),
                (
                    Message("公共治理、公益使用", "Uses for governance and welfare"),
                    social["public_interest_uses"],
                ),
                (Message("部门间共享调用", "Calls between departments"), social["shared_calls"]),
                (Message("无条件开放的条目", "Entries open to all"), social["open_entries"]),
                (themed, social["theme_entries"]),
                (rested, social["theme_uses"]),
            ]
        ),
        not_recorded(visit, social),
        Heading(Message("生态效益", "Environmental")),
        Facts([(themed, nature["theme_entries"]), (rested, nature["theme_uses"])]),
        not_recorded(visit, nature),
        intro=f"{told['from']} — {told['until']}",
    )


@router.get("/assessment")
def get_assessment(visit: GovernmentVisit) -> Response:
    """Show the card of each department and the list of what was decided late."""
    with reading(visit.platform.engine) as connection:
        told = assessment(connection, *aged(visit.platform), own_house(visit.actor))
        names = house_names(connection)
    return visit.page(
        Message("考核评估", "Assessment"),
        ways(visit),
        Rows(
            (
                *(HOUSE, ENTRIES, Message("挂接率", "With resource")),
                *(Message("更新及时率", "Updated in time"), Message("办结", "Decided")),
                *(Message("按期率", "In time"), Message("现逾期", "Overdue")),
                *(Message("延期", "Extended"), Message("异议", "Objections")),
            ),
            [card_row(card, names) for card in told["cards"]],
        ),
        Heading(Message("责任追究：逾期办结与现逾期", "Accountability: late, or overdue now")),
        Rows(
            (
                *(Message("办件编号", "Case"), Message("事项", "What"), HOUSE),
                *(Message("期限", "Due"), Message("催办", "Reminded"), Message("状态", "State")),
            ),
            [
                (
                    Link(one["case"], f"/pages/cases/{one['case']}"),
                    said(visit, one["title"]),
                    names.get(one["organisation"], one["organisation"]),
                    one["due_on"],
                    one["reminded"] + one["escalated"],
                    Badge(Message("已办结（逾期）", "Decided late"), "plain")
                    if one["outcome"]
                    else Badge(Message("现逾期", "Overdue"), "bad"),
                )
                for one in told["late_matters"]
            ],
            empty=Message("没有逾期的办件。", "Nothing is or was late."),
        ),
        intro=Message("由办件记录计算，不打分、不排名。", "From the record; no mark and no rank."),
    )


@map_pages.get("/capabilities")
def get_capabilities(visit: AnyVisit) -> Response:
    """Show the eight tasks, what is here for each, and what is not."""
    blocks: list[Block] = []
    for item in CAPABILITIES:
        blocks.append(Heading(item.name))
        blocks.append(Paragraph(item.here))
        blocks.append(Links([Link(page_name(page), page) for page in item.pages]))
        told: list[tuple[Text, Cell]] = [
            (Message("命令", "Commands"), "；".join(item.commands) or "—"),
            (Message("接口", "Interfaces"), "；".join(item.interfaces) or "—"),
            (Message("尚未覆盖", "Not here"), visit.say(item.beyond)),
        ]
        blocks.append(Facts(told))
    return visit.page(
        Message("能力对照：八个一体化", "The eight tasks of integration"),
        *blocks,
        intro=Message("依国办函〔2022〕102号。", "After 国办函〔2022〕102号."),
    )
