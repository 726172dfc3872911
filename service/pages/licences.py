"""Pages of licences: list and read them, draft one, activate it by a second person, stop and end.

Each form does what the API does. A draft is a licence document: sent as a file, or taken from a
licence that stands, with new dates and papers.
"""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from authorization.agreements import Agreement, create_agreement
from authorization.documents import AccessMode, Grant, LicenceDocument
from authorization.licences import (
    Licence,
    LicenceState,
    licences_in,
    require_licence,
)
from authorization.organisations import OrganisationKind, organisations
from catalog.datasets import DatasetDeclaration
from catalog.store import datasets
from foundation.db import reading
from foundation.errors import InvalidInput, Message, NotFound
from foundation.identity import Role
from policies.schema.licences import LicenceRules
from service.api.bodies import check_json
from service.api.licences import Reason as WhyBody
from service.api.licences import post_end, post_licence, post_resumption, post_suspension
from service.pages.blocks import Block, Facts, Filled, Heading, Link, Links, Rows, shown_time
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, Visit
from service.pages.names import LICENCE_STATES, house_names, licence_title, person_names
from service.pages.routes import PageRoute

HOME = "/pages/licences"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
AUTHORITY = (Role.AUTHORITY,)
FILE_BYTES_MAX = 256 << 10
PURPOSES = {
    "public_governance": Message("公共治理", "Public governance"),
    "public_welfare": Message("公益事业", "Public welfare"),
    "industry": Message("产业发展", "Industry"),
}
MODES = {
    AccessMode.ROWS: Message("逐行使用", "rows"),
    AccessMode.AGGREGATE: Message("统计（差分隐私）", "statistics (differential privacy)"),
    AccessMode.VERIFY: Message("核验", "verification"),
}
REASON = Field("reason", Message("理由", "Reason"), kind="area")
UPLOAD = Form(
    fields=(
        Field(
            "file",
            Message("授权文本（JSON 文件）", "Licence document (a JSON file)"),
            kind="file",
            help=Message(
                "编号和授权机关由平台填写。可从已有授权页面下载文本修改后上传。",
                "Number and authority are filled in here. Take the text of a licence that stands "
                "as a beginning.",
            ),
        ),
    ),
    title=Message("上传授权文本起草", "Draft from a document"),
    button=Message("保存为待签发", "Keep as a draft"),
)
ACTIVATE = Form(
    fields=(
        Field(
            "signature",
            Message("机关签名（十六进制）", "The authority's signature, hexadecimal"),
            required=False,
            help=Message(
                "由机关自持密钥签名时填写；开发环境留空，由平台代签。",
                "Where the authority signs with its own key; left empty in development.",
            ),
        ),
    ),
    title=Message("签发生效", "Bring into force"),
    intro=Message(
        "须由起草人以外的人员签发。签发后立即生成受控数据、预算和价格。",
        "By another person than who drafted it. Extracts, budgets and prices follow at once.",
    ),
    button=Message("签发生效", "Bring into force"),
)
SUSPEND = Form(
    fields=(REASON,), title=Message("暂停授权", "Suspend"), danger=True,
    intro=Message("会话立即中断，停止一切查询和出域。", "Sessions go dark; nothing is answered."),
    button=Message("立即暂停", "Suspend now"),
)  # fmt: skip
RESUME = Form(
    fields=(REASON,), title=Message("恢复授权", "Resume"), button=Message("恢复授权", "Resume")
)
END = Form(
    fields=(REASON,), title=Message("终止授权", "End for good"), danger=True,
    intro=Message("终止后不可恢复，受控数据的密钥被销毁。", "For good: the keys are destroyed."),
    button=Message("终止授权", "End for good"),
)  # fmt: skip


@router.get("")
def get_licences(visit: AnyVisit) -> Response:
    """List the licences that the visitor may read."""
    with reading(visit.platform.engine) as connection:
        found = [one for one in licences_in(connection, LicenceState) if _readable(visit, one)]
        houses = house_names(connection)
    blocks: list[Block] = []
    if visit.has(*AUTHORITY):
        ways = [
            Link(Message("起草授权", "Draft a licence"), f"{HOME}/new", strong=True),
            Link(Message("登记运营协议", "Record an agreement"), f"{HOME}/agreement"),
        ]
        blocks.append(Links(ways))
    rows = [
        (
            Link(licence_title(one), f"{HOME}/{one.id}"),
            houses.get(one.operator, one.operator),
            _day(one.valid_until_us),
            LICENCE_STATES[one.state],
        )
        for one in reversed(found)
    ]
    columns = (
        Message("应用场景", "Scenario"),
        Message("运营机构", "Operator"),
        Message("有效期至", "Valid until"),
        Message("状态", "State"),
    )
    none = Message("暂无授权。", "There is no licence yet.")
    return visit.page(
        Message("授权", "Licences"),
        *blocks,
        Rows(columns, rows, empty=none),
        intro=Message(
            "授权由数据主管部门一人起草、另一人签发。",
            "One person of the data authority drafts a licence, another brings it into force.",
        ),
    )


def _draft(visit: Visit, entered: Entered) -> str:
    assert entered.path is not None  # noqa: S101 - the form requires it
    data = entered.path.read_bytes()[: FILE_BYTES_MAX + 1]
    if len(data) > FILE_BYTES_MAX:
        words = Message("授权文本超过 256 KiB。", "The document is over 256 KiB.")
        raise InvalidInput("document_too_large", words, field="file")
    try:
        data.decode("utf-8")
        check_json(data)
        told = json.loads(data)
    except ValueError as error:
        words = Message("文件不是 JSON 文本（UTF-8）。", "The file is not JSON text in UTF-8.")
        raise InvalidInput("document_unreadable", words, field="file") from error
    if not isinstance(told, dict):
        words = Message("文件不是一份授权文本。", "The file is no licence document.")
        raise InvalidInput("document_unreadable", words, field="file")
    told.pop("id", None)
    return _drafted(visit, told)


def _drafted(visit: Visit, told: dict[str, Any]) -> str:
    made = post_licence(told, visit.actor, visit.platform)
    return f"{HOME}/{made['id']}?done=1"


posting(router, "/new", UPLOAD, _draft, visitors=AUTHORITY)


def _agreement_form(visit: Visit) -> Form:
    with reading(visit.platform.engine) as connection:
        houses = organisations(connection).values()
    choices = tuple(
        (one.id, Message(one.name_zh, one.name_en))
        for one in houses
        if one.kind is OrganisationKind.OPERATOR
    )
    return Form(
        fields=(
            Field("number", Message("协议编号", "Number")),
            Field("operator", Message("运营机构", "Operator"), kind="choice", choices=choices),
            Field("valid_from", Message("生效日期", "From"), kind="date"),
            Field("valid_until", Message("终止日期（不含）", "Until (excluded)"), kind="date"),
            Field("collective_decision", Message("集体决策文号", "Collective decision")),
            Field("filing_number", Message("备案编号", "Filing number")),
        ),
        title=Message("登记运营协议", "Record an operating agreement"),
        button=Message("登记", "Record"),
    )


def _sign_agreement(visit: Visit, entered: Entered) -> str:
    names = ("number", "operator", "valid_from", "valid_until")
    asked = Agreement(
        authority=visit.platform.authority,
        collective_decision=entered["collective_decision"],
        filing_number=entered["filing_number"],
        **{name: entered[name] for name in names},
    )
    rules = visit.platform.pack.rules(LicenceRules)
    create_agreement(visit.platform.writer, visit.actor, asked, rules)
    return f"{HOME}?done=1"


posting(router, "/agreement", _agreement_form, _sign_agreement, visitors=AUTHORITY)


@router.get("/{licence}")
def get_licence(licence: str, visit: AnyVisit) -> Response:
    """Show a licence in words, and what the visitor can do about it."""
    found = _found(visit, licence)
    document = LicenceDocument.model_validate_json(found.document)
    with reading(visit.platform.engine) as connection:
        houses, people = house_names(connection), person_names(connection)
        known = {one.declaration.name: one.declaration for one in datasets(connection)}
    papers = document.approvals
    product = document.product
    blocks: list[Block] = [
        Facts(
            [
                (Message("状态", "State"), LICENCE_STATES[found.state]),
                (Message("运营机构", "Operator"), houses.get(found.operator, found.operator)),
                (Message("用途", "Purpose"), PURPOSES[str(document.scenario.purpose)]),
                (Message("有效期", "Term"), f"{document.valid_from} — {document.valid_until}"),
                (Message("产品", "Product"), Message(product.name_zh, product.name_en)),
                (Message("付费方", "Paid for by"), houses.get(product.payer, product.payer)),
                (Message("集体决策文号", "Collective decision"), papers.collective_decision),
                (Message("备案编号", "Filing number"), papers.filing_number),
                (Message("运营协议", "Agreement"), papers.agreement),
                (Message("起草人", "Drafted by"), people.get(found.drafted_by, found.drafted_by)),
                (Message("起草时间", "Drafted"), shown_time(found.drafted_us)),
            ]
        ),
        Heading(Message("授权的数据", "What it gives")),
        Rows(
            (Message("数据集", "Data set"), Message("方式", "As"), Message("字段", "Columns")),
            [_given(visit, grant, known) for grant in document.grants],
        ),
        Links([Link(Message("下载授权文本", "The document"), f"{HOME}/{licence}/document")]),
    ]
    return visit.page(licence_title(found), *blocks, *_forms(visit, found))


def _given(
    visit: Visit, grant: Grant, known: Mapping[str, DatasetDeclaration]
) -> tuple[Message | str, ...]:
    between = "、" if visit.language == "zh" else ", "
    declared = known.get(grant.dataset)
    labels = {} if declared is None else {one.name: one for one in declared.columns}
    named = [
        visit.say(Message(labels[name].label_zh, labels[name].label_en)) if name in labels else name
        for name in (*grant.columns, *grant.join_only, *grant.aggregate_only)
    ]
    title = grant.dataset if declared is None else Message(declared.label_zh, declared.label_en)
    return (title, between.join(visit.say(MODES[one]) for one in grant.modes), between.join(named))


def _forms(visit: Visit, found: Licence) -> list[Block]:
    if not visit.has(*AUTHORITY):
        return []
    here = f"{HOME}/{found.id}"
    blocks: list[Block] = []
    if found.state is LicenceState.DRAFTED and found.drafted_by != visit.actor.person:
        blocks.append(Filled(ACTIVATE, f"{here}/activation"))
    if found.state is LicenceState.ACTIVE:
        blocks.append(Filled(SUSPEND, f"{here}/suspension"))
    if found.state is LicenceState.SUSPENDED:
        blocks.append(Filled(RESUME, f"{here}/resumption"))
    if found.state in {LicenceState.DRAFTED, LicenceState.ACTIVE, LicenceState.SUSPENDED}:
        blocks.append(Filled(END, f"{here}/end"))
    blocks.append(Filled(_renewal(visit, found), f"{here}/renewal"))
    return blocks


@router.get("/{licence}/document")
def get_document(licence: str, visit: AnyVisit) -> Response:
    """Hand out the very bytes that are signed."""
    found = _found(visit, licence)
    headers = {"Content-Disposition": f'attachment; filename="{found.id}.json"'}
    return Response(found.document, media_type="application/json", headers=headers)


def _renewal(visit: Visit, found: Licence | None = None) -> Form:
    found = found or _found(visit, _at(visit))
    document = LicenceDocument.model_validate_json(found.document)
    papers = document.approvals
    return Form(
        fields=(
            Field("name_zh", Message("应用场景", "Scenario, in Chinese"),
                  value=document.scenario.name_zh),
            Field("name_en", Message("应用场景（英文）", "Scenario, in English"),
                  value=document.scenario.name_en),
            Field("valid_from", Message("生效日期", "From"), kind="date",
                  value=document.valid_from),
            Field("valid_until", Message("终止日期（不含）", "Until (excluded)"), kind="date",
                  value=document.valid_until),
            Field("collective_decision", Message("集体决策文号", "Collective decision"),
                  value=papers.collective_decision),
            Field("filing_number", Message("备案编号", "Filing number"),
                  value=papers.filing_number),
            Field("agreement", Message("运营协议编号", "Agreement"), value=papers.agreement),
        ),
        title=Message("以此为蓝本起草新授权", "Draft another like this one"),
        intro=Message("数据、预算、价格和分配照此授权。", "Data, budgets, prices: as here."),
        button=Message("保存为待签发", "Keep as a draft"),
    )  # fmt: skip


def _renew(visit: Visit, entered: Entered) -> str:
    found = _found(visit, _at(visit))
    told = LicenceDocument.model_validate_json(found.document).model_dump(mode="json")
    told.pop("id")
    told |= {name: entered[name] for name in ("valid_from", "valid_until")}
    told["scenario"] |= {name: entered[name] for name in ("name_zh", "name_en")}
    papers = ("collective_decision", "filing_number", "agreement")
    told["approvals"] |= {name: entered[name] for name in papers}
    return _drafted(visit, told)


def _activate(visit: Visit, entered: Entered) -> str:
    given = entered["signature"].lower()
    try:
        signature = bytes.fromhex(given) if given else None
    except ValueError as error:
        words = Message("签名须为十六进制文本。", "A signature is hexadecimal text.")
        raise InvalidInput("signature_invalid", words, field="signature") from error
    visit.platform.activation.activate(_at(visit), visit.actor, signature)
    return f"{HOME}/{_at(visit)}?done=1"


def _suspend(visit: Visit, entered: Entered) -> str:
    post_suspension(_at(visit), WhyBody(reason=entered["reason"]), visit.actor, visit.platform)
    return f"{HOME}/{_at(visit)}?done=1"


def _resume(visit: Visit, entered: Entered) -> str:
    post_resumption(_at(visit), WhyBody(reason=entered["reason"]), visit.actor, visit.platform)
    return f"{HOME}/{_at(visit)}?done=1"


def _end(visit: Visit, entered: Entered) -> str:
    post_end(_at(visit), WhyBody(reason=entered["reason"]), visit.actor, visit.platform)
    return f"{HOME}/{_at(visit)}?done=1"


def _found(visit: Visit, licence: str) -> Licence:
    with reading(visit.platform.engine) as connection:
        found = require_licence(connection, licence)
    visit.platform.readers.check_licence_reader(visit.actor, found)
    return found


def _readable(visit: Visit, licence: Licence) -> bool:
    try:
        visit.platform.readers.check_licence_reader(visit.actor, licence)
    except NotFound:
        return False
    return True


def _at(visit: Visit) -> str:
    return str(visit.request.path_params["licence"])


def _day(time_us: int) -> str:
    return shown_time(time_us)[:10]


posting(router, "/{licence}/renewal", _renewal, _renew, visitors=AUTHORITY)
posting(router, "/{licence}/activation", ACTIVATE, _activate, visitors=AUTHORITY)
posting(router, "/{licence}/suspension", SUSPEND, _suspend, visitors=AUTHORITY)
posting(router, "/{licence}/resumption", RESUME, _resume, visitors=AUTHORITY)
posting(router, "/{licence}/end", END, _end, visitors=AUTHORITY)
