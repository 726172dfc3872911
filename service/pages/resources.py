"""Pages of data resources: register one, bring its data in, attach a consent, take it back."""

import json
from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response

from authorization.independence import check_apart
from catalog.datasets import Dataset, OriginKind
from catalog.registration import register_dataset
from catalog.resources.consents import (
    Consent,
    ConsentGiven,
    ConsentWithdrawn,
    attach_consent,
    consents,
    withdraw_consent,
    without_consent,
)
from catalog.resources.evidence import Evidence, add_evidence, evidence_of
from catalog.resources.standing import StandingRules
from catalog.standards.conforming import conformance_report
from catalog.store import current_version, dataset_by_name, datasets
from foundation.db import reading
from foundation.errors import InvalidInput, Message, NotFound
from foundation.identity import Role
from service.pages.blocks import (
    Badge,
    Block,
    Cell,
    Event,
    Facts,
    Filled,
    Heading,
    Link,
    Links,
    Rows,
    Timeline,
    shown_time,
)
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import KeeperVisit, Visit
from service.pages.names import dataset_titles, house_names, zone_names
from service.pages.routes import PageRoute
from service.quality import measured_on_load

HOME = "/pages/resources"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
SUPPLIERS = (Role.PROVIDER, Role.AUTHORITY)

ORIGINS: Mapping[OriginKind, Message] = {
    OriginKind.OWN: Message("本单位履职产生", "made in its own duties"),
    OriginKind.PURCHASED: Message("采购", "purchased"),
    OriginKind.SHARED: Message("通过共享获得", "obtained by sharing"),
}
RULES: Mapping[str, Message] = {
    "element_length": Message("超过长度", "too long"),
    "element_pattern": Message("格式不符", "of another form"),
    "element_value": Message("不在代码表中", "not in the code list"),
}
REGISTERING = Form(
    fields=(
        Field(
            "declaration",
            Message("数据集声明（JSON）", "Declaration of the data set (JSON)"),
            kind="area",
            help=Message(
                "列、级别、来源、来源系统和绑定的数据元；样例见目录指南。",
                "Columns, grades, origin, system and data elements; the guide has examples.",
            ),
        ),
    ),
    title=Message("登记数据资源", "Register a data resource"),
    button=Message("登记", "Register"),
)
UPLOADING = Form(
    fields=(
        Field(
            "file",
            Message("数据文件（CSV、Parquet、XLSX）", "Data file (CSV, Parquet, XLSX)"),
            kind="file",
        ),
    ),
    title=Message("发布新版本", "Publish the next version"),
    button=Message("检查并发布", "Check and publish"),
)
READING = Form(
    fields=(),
    title=Message("从来源系统读取", "Read from the system"),
    intro=Message(
        "按声明的数据表重新读取，作为新版本发布。",
        "Reads the declared table again and publishes it as the next version.",
    ),
    button=Message("读取", "Read"),
)
CONSENTING = Form(
    fields=(
        Field("reference", Message("同意文件文号", "Number of the consent")),
        Field("scope", Message("同意的范围", "What it covers"), kind="area", required=False),
    ),
    title=Message("附上数源部门同意意见", "Attach the consent of the source"),
    button=Message("同意", "Consent"),
)
WITHDRAWING = Form(
    fields=(Field("reason", Message("撤回理由", "Why"), kind="area"),),
    title=Message("撤回同意", "Take the consent back"),
    intro=Message(
        "立即停止一切查询，并暂停相关授权。",
        "Every question is refused at once, and the licences concerned are suspended.",
    ),
    button=Message("撤回", "Take it back"),
    danger=True,
)
EVIDENCING = Form(
    fields=(
        Field("registration_code", Message("登记编码", "Registration code"), required=False),
        Field(
            "evidence_digest",
            Message("存证哈希（sha256: 或 sm3:）", "Digest of the deposit (sha256: or sm3:)"),
            required=False,
        ),
    ),
    title=Message("登记编码与存证", "Registration code and evidence"),
    button=Message("保存", "Save"),
)


@router.get("")
def get_resources(visit: KeeperVisit) -> Response:
    """List the resources."""
    with reading(visit.platform.engine) as connection:
        found, barred = datasets(connection), without_consent(connection)
        houses, places = house_names(connection), zone_names(connection)
    return visit.page(
        Message("数据资源", "Data resources"),
        Links(
            [Link(Message("登记数据资源", "Register one"), f"{HOME}/new", strong=True)]
            if visit.has(*SUPPLIERS)
            else []
        ),
        Rows(
            (
                Message("名称", "Name"),
                Message("提供单位", "Provider"),
                Message("数据区", "Zone"),
                Message("来源", "Origin"),
                Message("状态", "State"),
            ),
            [_row(visit, item, barred, houses, places) for item in found],
            empty=Message(
                "暂无数据资源。目录条目发布后，由提供单位登记其数据资源。",
                "None yet. A provider registers one beneath its published entry.",
            ),
        ),
    )


def _register(visit: Visit, entered: Entered) -> str:
    try:
        told = json.loads(entered["declaration"])
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise InvalidInput(
            "declaration_unreadable",
            Message("声明不是有效的 JSON 对象。", "The declaration is no JSON object."),
            field="$.declaration",
        )
    platform = visit.platform
    rules = StandingRules.of(platform.pack)
    made = register_dataset(platform.writer, visit.actor, told, rules).value
    return f"{HOME}/{made.declaration.name}?done=1"


posting(router, "/new", REGISTERING, _register, visitors=SUPPLIERS)


@router.get("/{name}")
def get_resource(name: str, visit: KeeperVisit) -> Response:
    """Show one resource, and what the visitor may do with it."""
    with reading(visit.platform.engine) as connection:
        found = dataset_by_name(connection, name)
        if found is None:
            raise NotFound("dataset_unknown", Message("没有该数据集。", "No such data set."))
        barred = without_consent(connection)
        evidence, acts = evidence_of(connection, name), consents(connection, name)
        version = current_version(connection, found.id)
        broken = conformance_report(connection, found.id)
        houses = house_names(connection)
    own = visit.actor.organisation in {found.provider, visit.platform.authority}
    source = visit.actor.organisation == found.declaration.origin.source
    blocks: list[Block] = [Facts(_facts(visit, found, barred, evidence))]
    if version is not None:
        state = (Message("最新版本", "Newest version"), str(version.number))
        blocks.append(
            Facts([state, (Message("发布时间", "Published"), shown_time(version.created_us))])
        )
    if own or source:
        blocks += _consent_blocks(acts, houses)
    if own and broken:
        blocks += [Heading(Message("数据元符合性", "Conformance")), _broken_rows(broken)]
    return visit.page(_label(found), *blocks, *_moves(visit, found, acts, own=own, source=source))


def _moves(
    visit: Visit, found: Dataset, acts: list[Consent], *, own: bool, source: bool
) -> list[Block]:
    here = f"{HOME}/{found.declaration.name}"
    forms: list[Block] = []
    if source and visit.has(Role.PROVIDER):
        stands = bool(acts) and acts[-1].state == "granted"
        forms.append(
            Filled(WITHDRAWING, f"{here}/withdrawal")
            if stands
            else Filled(CONSENTING, f"{here}/consent")
        )
    if own and visit.has(*SUPPLIERS):
        forms.append(Filled(UPLOADING, f"{here}/version"))
        if found.declaration.system_table is not None:
            forms.append(Filled(READING, f"{here}/reading"))
        forms.append(Filled(EVIDENCING, f"{here}/evidence"))
    return forms


def _name(visit: Visit) -> str:
    return str(visit.request.path_params["name"])


def _consent(visit: Visit, entered: Entered) -> str:
    given = ConsentGiven(reference=entered["reference"], scope=entered["scope"])
    attach_consent(visit.platform.writer, visit.actor, _name(visit), given, check_apart)
    return f"{HOME}/{_name(visit)}?done=1"


def _withdraw(visit: Visit, entered: Entered) -> str:
    told = ConsentWithdrawn(reason=entered["reason"])
    withdraw_consent(visit.platform.writer, visit.actor, _name(visit), told)
    visit.platform.revocation.suspend_without_consent()
    return f"{HOME}/{_name(visit)}?done=1"


def _upload(visit: Visit, entered: Entered) -> str:
    assert entered.path is not None  # noqa: S101 - the form asks for it
    visit.platform.publisher.publish(visit.actor, _name(visit), entered.path, entered.file_name)
    measured_on_load(visit.platform, visit.actor, _name(visit))
    return f"{HOME}/{_name(visit)}?done=1"


def _read(visit: Visit, _entered: Entered) -> str:
    visit.platform.publisher.read_table(visit.actor, _name(visit))
    measured_on_load(visit.platform, visit.actor, _name(visit))
    return f"{HOME}/{_name(visit)}?done=1"


def _evidence(visit: Visit, entered: Entered) -> str:
    told = Evidence(
        registration_code=entered["registration_code"] or None,
        evidence_digest=entered["evidence_digest"] or None,
    )
    add_evidence(visit.platform.writer, visit.actor, _name(visit), told)
    return f"{HOME}/{_name(visit)}?done=1"


posting(router, "/{name}/consent", CONSENTING, _consent, visitors=(Role.PROVIDER,))
posting(router, "/{name}/withdrawal", WITHDRAWING, _withdraw, visitors=(Role.PROVIDER,))
posting(router, "/{name}/version", UPLOADING, _upload, visitors=SUPPLIERS)
posting(router, "/{name}/reading", READING, _read, visitors=SUPPLIERS)
posting(router, "/{name}/evidence", EVIDENCING, _evidence, visitors=SUPPLIERS)


def _row(
    visit: Visit,
    found: Dataset,
    barred: frozenset[str],
    houses: Mapping[str, Message],
    places: Mapping[str, Message],
) -> tuple[Cell, ...]:
    return (
        Link(visit.say(_label(found)), f"{HOME}/{found.declaration.name}"),
        houses.get(found.provider, found.provider),
        places.get(found.zone, found.zone),
        ORIGINS[found.declaration.origin.kind],
        _state(found, barred),
    )


def _state(found: Dataset, barred: frozenset[str]) -> Badge:
    if found.declaration.name in barred:
        return Badge(Message("待数源部门同意", "awaits its source's consent"), "wait")
    return Badge(Message("可授权", "may be licensed"), "good")


def _label(found: Dataset) -> Message:
    return Message(found.declaration.label_zh, found.declaration.label_en)


def _facts(
    visit: Visit, found: Dataset, barred: frozenset[str], evidence: Evidence | None
) -> list[tuple[Message, Cell]]:
    declared = found.declaration
    with reading(visit.platform.engine) as connection:
        houses, places = house_names(connection), zone_names(connection)
        derived = dataset_titles(connection)
    between = visit.say(Message("、", ", "))
    source = declared.origin.source or None
    facts: list[tuple[Message, Cell]] = [
        (Message("提供单位", "Provider"), houses.get(found.provider, found.provider)),
        (Message("数据区", "Zone"), places.get(found.zone, found.zone)),
        (Message("来源", "Origin"), ORIGINS[declared.origin.kind]),
        (Message("来源部门", "Source"), houses.get(source or "", source)),
        (Message("来源系统", "System"), declared.system or None),
        (Message("数据表", "Table"), declared.system_table),
        (
            Message("衍生自", "Derived from"),
            between.join(visit.say(derived.get(one, one)) for one in declared.derived_from) or None,
        ),
        (Message("授权状态", "For licences"), _state(found, barred)),
    ]
    if evidence is not None:
        facts += [
            (Message("登记编码", "Registration code"), evidence.registration_code),
            (Message("存证哈希", "Evidence"), evidence.evidence_digest),
        ]
    return [(name, value) for name, value in facts if value is not None]


def _consent_blocks(acts: list[Consent], houses: Mapping[str, Message]) -> list[Block]:
    if not acts:
        return []
    words = {
        "granted": Message("同意", "consented"),
        "withdrawn": Message("撤回同意", "took its consent back"),
    }
    return [
        Heading(Message("数源部门意见", "What the source said")),
        Timeline(
            [
                Event(
                    when=shown_time(act.at_us),
                    what=words[act.state],
                    who=houses.get(act.source, act.source),
                    more=act.reference,
                )
                for act in acts
            ]
        ),
    ]


def _broken_rows(broken: list[dict[str, object]]) -> Rows:
    return Rows(
        (
            Message("列", "Column"),
            Message("数据元", "Element"),
            Message("问题", "Problem"),
            Message("行数", "Rows"),
            Message("版本", "Version"),
        ),
        [
            (
                str(item["column"]),
                str(item["element"]),
                RULES[str(item["rule"])],
                int(str(item["row_count"])),
                Badge(Message("已发布", "published"), "wait")
                if item["published"]
                else Badge(Message("已拒收", "refused"), "bad"),
            )
            for item in broken[:100]
        ],
    )
