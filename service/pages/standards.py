"""Pages of standards: data elements, code lists and divisions; the authority adds elements."""

from fastapi import APIRouter
from fastapi.responses import Response

from catalog.standards.dictionary import add_element, dictionary
from catalog.standards.regions import regions, require_region
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.identity import Role
from policies.schema.standards import ElementRule, StandardRules
from service.pages.blocks import Cell, Facts, Link, Links, Rows
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, Visit
from service.pages.routes import PageRoute

HOME = "/pages/standards"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)

TYPES = {
    "text": Message("文本", "text"),
    "integer": Message("整数", "integer"),
    "decimal": Message("小数", "decimal"),
    "date": Message("日期", "date"),
    "boolean": Message("是否", "yes or no"),
}
CONSEQUENCES = {
    "flag": Message("提示", "told to the source"),
    "refuse": Message("拒收", "the version is refused"),
}
ADDING = Form(
    fields=(
        Field("code", Message("代码（如 DE-ROAD）", "Code (such as DE-ROAD)")),
        Field("zh", Message("名称", "Name in Chinese")),
        Field("en", Message("英文名称", "Name in English")),
        Field("type", Message("类型", "Type"), kind="choice", choices=list(TYPES.items())),
        Field("standard", Message("标准号", "Number of the standard")),
        Field("version", Message("版本", "Edition")),
        Field("length_max", Message("最大长度", "Greatest length"), kind="number", required=False),
        Field("pattern", Message("格式（正则，整值匹配）", "Form (RE2)"), required=False),
        Field("code_list", Message("代码表", "Code list"), required=False),
        Field(
            "on_violation",
            Message("不符合时", "Where a value breaks it"),
            kind="choice",
            choices=list(CONSEQUENCES.items()),
        ),
    ),
    title=Message("登记数据元", "Add a data element"),
    button=Message("登记", "Add"),
)


def _rules(visit: Visit) -> StandardRules:
    return visit.platform.pack.rules(StandardRules)


@router.get("")
def get_elements(visit: AnyVisit) -> Response:
    """List the data elements, and lead to code lists and divisions."""
    with reading(visit.platform.engine) as connection:
        known = dictionary(connection, _rules(visit))
    links = [Link(Message("行政区划", "Divisions"), f"{HOME}/regions")]
    if visit.has(Role.AUTHORITY):
        links.insert(
            0, Link(Message("登记数据元", "Add a data element"), f"{HOME}/new", strong=True)
        )
    return visit.page(
        Message("标准规范", "Standards"),
        Links(links),
        Rows(
            (
                Message("代码", "Code"),
                Message("名称", "Name"),
                Message("类型", "Type"),
                Message("标准", "Standard"),
                Message("代码表", "Code list"),
                Message("不符合时", "Where broken"),
            ),
            [_element_row(known.elements[code]) for code in sorted(known.elements)],
        ),
    )


def _add(visit: Visit, entered: Entered) -> str:
    optional = {name: entered[name] or None for name in ("length_max", "pattern", "code_list")}
    told = {field.name: entered[field.name] for field in ADDING.fields} | optional
    element = ElementRule.model_validate(told)
    add_element(visit.platform.writer, visit.actor, _rules(visit), element)
    return f"{HOME}?done=1"


posting(router, "/new", ADDING, _add, visitors=(Role.AUTHORITY,))


@router.get("/lists/{code}")
def get_code_list(code: str, visit: AnyVisit) -> Response:
    """Show the values of a code list."""
    with reading(visit.platform.engine) as connection:
        found = dictionary(connection, _rules(visit)).code_lists.get(code)
    if found is None:
        raise NotFound("code_list_unknown", Message("没有该代码表。", "No such code list."))
    return visit.page(
        Message(found.zh, found.en),
        Facts(
            [
                (Message("标准", "Standard"), found.standard),
                (Message("版本", "Edition"), found.version),
            ]
        ),
        Rows(
            (Message("代码", "Value"), Message("含义", "Meaning")),
            [(item.value, Message(item.zh, item.en or item.zh)) for item in found.values],
        ),
    )


@router.get("/regions")
def get_regions(visit: AnyVisit, above: str = "") -> Response:
    """List the provinces, or the divisions right beneath one."""
    rules = _rules(visit)
    title = Message("行政区划", "Divisions")
    if above:
        region = require_region(rules, above)
        title = Message(region.zh, region.en or region.zh)
    found = [item for item in regions(rules).values() if item.above == (above or None)]
    rows: list[tuple[Cell, ...]] = [
        (
            item.code,
            Link(
                visit.say(Message(item.zh, item.en or item.zh)), f"{HOME}/regions?above={item.code}"
            ),
        )
        for item in found
    ]
    return visit.page(title, Rows((Message("代码", "Code"), Message("名称", "Name")), rows))


def _element_row(found: ElementRule) -> tuple[Cell, ...]:
    listed = found.code_list
    return (
        found.code,
        Message(found.zh, found.en),
        TYPES[found.type],
        found.standard,
        Link(listed, f"{HOME}/lists/{listed}") if listed else None,
        CONSEQUENCES[found.on_violation],
    )
