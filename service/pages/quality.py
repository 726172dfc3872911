"""Pages of quality: measure data, read profile and risks, decide suggestions, release scores.

Exact figures stand here for the source department and the authority alone; the measurement is
opened, and the opening logged, each time the page is shown.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from fastapi import APIRouter
from fastapi.responses import Response

from authorization.independence import check_apart
from catalog.datasets import IdentifierKind
from catalog.matters.reads import matter
from catalog.quality.judging import (
    BandName,
    Outcome,
    decide_suggestion,
    decisions,
    release_score,
    released_scores,
)
from catalog.quality.keepers import kept_dataset, stewards
from catalog.quality.measuring import Measured
from catalog.quality.sources import Decision, claims, decide_claim, required_claim
from catalog.store import datasets
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.identity import Role
from service.pages.blocks import (
    Bars,
    Block,
    Facts,
    Filled,
    Heading,
    Link,
    Paragraph,
    Rows,
    shown_time,
)
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AuthorityVisit, KeeperVisit, Visit
from service.pages.routes import PageRoute
from service.quality import quality_desk

HOME = "/pages/quality"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
KEEPERS = (Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD)
READERS = (*KEEPERS, Role.AUTHORITY)
PER_MILLE = 1_000
BANDS: Sequence[tuple[str, Message]] = (
    ("excellent", Message("优", "excellent")),
    ("good", Message("良", "good")),
    ("fair", Message("中", "fair")),
    ("poor", Message("差", "poor")),
)
_RISKS = {
    "high": Message("高", "high"),
    "medium": Message("中", "medium"),
    "low": Message("低", "low"),
    "none": Message("未声明准标识符", "no quasi identifier declared"),
}
_KINDS: Mapping[IdentifierKind, Message] = {
    IdentifierKind.DIRECT: Message("直接标识符", "direct identifier"),
    IdentifierKind.QUASI: Message("准标识符", "quasi identifier"),
    IdentifierKind.SENSITIVE: Message("敏感属性", "sensitive"),
    IdentifierKind.NONE: Message("无", "none"),
}
_CERTAINTY = {
    "certain": Message("校验码确认", "certain, by check digit"),
    "probable": Message("较可能", "probable"),
    "possible": Message("可能", "possible"),
}
MEASURE = Form(
    fields=(),
    title=Message("测量最新版本", "Measure the newest version"),
    intro=Message(
        "结果加密保存，只有供数单位和数据主管部门可以查看。",
        "What is found is kept sealed, for the source department and the authority alone.",
    ),
    button=Message("开始测量", "Measure"),
)
RELEASE = Form(
    fields=(
        Field("measurement", Message("测量", "Measurement"), kind="hidden"),
        Field(
            "band",
            Message("公布的评分", "Score to release"),
            kind="choice",
            choices=BANDS,
            help=Message("不得高于测量结果。", "Never better than what was measured."),
        ),
    ),
    title=Message("公布质量评分", "Release the score to all"),
    button=Message("公布", "Release"),
)
SUGGESTION = Form(
    fields=(
        Field("measurement", Message("测量", "Measurement"), kind="hidden"),
        Field("place", Message("建议序号", "Number of the suggestion"), kind="number"),
        Field(
            "outcome",
            Message("处理", "Decision"),
            kind="choice",
            choices=(
                ("accepted", Message("采纳", "Accept")),
                ("declined", Message("不采纳", "Decline")),
            ),
        ),
        Field("reason", Message("理由", "Reason"), kind="area"),
    ),
    title=Message("处理一条建议", "Decide a suggestion"),
    intro=Message(
        "采纳不会自动修改已登记的声明；请在下一次登记时据此调整。",
        "Accepting changes no declaration by itself; say so in the next one.",
    ),
)
DECIDE = Form(
    fields=(
        Field(
            "decision",
            Message("裁定", "Decision"),
            kind="choice",
            choices=(
                ("keep", Message("维持现有权威来源", "Keep the standing source")),
                ("replace", Message("改由新的来源", "Let the new source replace it")),
            ),
        ),
        Field("reason", Message("理由", "Reason"), kind="area"),
    ),
    title=Message("裁定权威来源", "Decide the source"),
)


@router.get("")
def get_quality(visit: KeeperVisit) -> Response:
    """List the data sets that one keeps; the authority sees all."""
    with reading(visit.platform.engine) as connection:
        rows = [
            (
                Link(
                    Message(item.declaration.label_zh, item.declaration.label_en),
                    f"{HOME}/datasets/{item.declaration.name}",
                ),
                item.declaration.name,
                _released(
                    visit, [s.band for s in released_scores(connection, item.declaration.name)]
                ),
            )
            for item in datasets(connection)
            if visit.has(Role.AUTHORITY) or item.provider == visit.actor.organisation
        ]
        found = claims(connection)
    return visit.page(
        Message("数据质量", "Data quality"),
        Rows(
            (
                Message("数据集", "Data set"),
                Message("名称", "Name"),
                Message("已公布的评分", "Released score"),
            ),
            rows,
        ),
        Heading(Message("权威来源（一数一源）", "One source for each item")),
        Rows(
            (Message("数据项", "Item"), Message("数据集", "Data set"), Message("状态", "State")),
            [
                (
                    Link(claim.item, f"{HOME}/sources/{claim.id}"),
                    claim.dataset,
                    _CLAIMS[claim.state],
                )
                for claim in found
            ],
        ),
    )


_CLAIMS = {
    "authoritative": Message("权威来源", "the source"),
    "contested": Message("待裁定", "to be decided"),
    "refused": Message("未予认定", "refused"),
    "replaced": Message("已被替代", "replaced"),
}


@router.get("/datasets/{name}")
def get_dataset(name: str, visit: KeeperVisit) -> Response:
    """Show the newest measurement of a data set, and what its keeper can do with it."""
    return _shown(visit, name)


def _shown(visit: Visit, name: str) -> Response:
    with reading(visit.platform.engine) as connection:
        dataset = kept_dataset(connection, visit.actor, name)
        kept_by = [item.person for item in stewards(connection, dataset.id) if not item.until_us]
    path = f"{HOME}/datasets/{name}"
    blocks: list[Block] = [
        Facts(
            [
                (Message("数据集", "Data set"), name),
                (Message("数据专员", "Stewards"), "、".join(kept_by) or "—"),
            ]
        )
    ]
    try:
        measured = quality_desk(visit.platform).read(visit.actor, name)
    except NotFound:
        blocks.append(Paragraph(Message("尚未测量。", "Not measured yet."), "wait"))
        return visit.page(dataset.declaration.label_zh, *blocks, Filled(MEASURE, f"{path}/measure"))
    blocks += _figures(measured)
    blocks += _suggested(visit, measured, path)
    blocks.append(Filled(MEASURE, f"{path}/measure"))
    if measured.score is not None and visit.has(*KEEPERS):
        blocks.append(Filled(RELEASE, f"{path}/score", {"measurement": measured.id}))
    title = Message(dataset.declaration.label_zh, dataset.declaration.label_en)
    return visit.page(title, *blocks)


def _figures(measured: Measured) -> list[Block]:
    rows = measured.profile["rows"]
    together = measured.risk["together"] or {}
    columns = measured.profile["columns"]
    found: list[Block] = [
        Facts(
            [
                (Message("版本", "Version"), measured.version_number),
                (Message("测量时间", "Measured"), shown_time(measured.measured_us)),
                (Message("行数", "Rows"), rows),
                (Message("综合评分（千分制）", "Score of 1,000"), measured.score),
                (Message("重识别风险", "Re-identification risk"), _RISKS[measured.risk["band"]]),
                (Message("最小等价类 k", "Least class k"), together.get("k_min")),
                (Message("唯一的记录", "Unique records"), together.get("unique")),
            ]
        ),
        Heading(Message("各列概况", "Columns")),
        Rows(
            (
                Message("列", "Column"),
                Message("空值", "Missing"),
                Message("不同取值", "Different"),
                Message("最小", "Least"),
                Message("最大", "Most"),
            ),
            [
                (name, one["nulls"], one["distinct"], _text(one["least"]), _text(one["most"]))
                for name, one in columns.items()
            ],
        ),
    ]
    if measured.scores:
        found += [
            Heading(Message("质量规则得分", "Scores of the rules")),
            Bars(list(measured.scores.items()), Message("千分", "of 1,000")),
        ]
    return found


def _suggested(visit: Visit, measured: Measured, path: str) -> list[Block]:
    with reading(visit.platform.engine) as connection:
        decided = decisions(connection, measured.id)
    rows = [
        (
            str(place),
            item.column,
            _KINDS[item.identifier],
            str(item.grade),
            f"{item.share * 100 // PER_MILLE}%",
            _CERTAINTY[item.certainty],
            item.document,
            _outcome(decided.get(place), agrees=item.agrees),
        )
        for place, item in enumerate(measured.suggestions)
    ]
    blocks: list[Block] = [
        Heading(Message("标识与分级建议", "Suggested kinds and grades")),
        Rows(
            (
                Message("序号", "No."),
                Message("列", "Column"),
                Message("类型", "Kind"),
                Message("分级", "Grade"),
                Message("占比", "Share"),
                Message("把握", "Certainty"),
                Message("依据", "Rule"),
                Message("处理", "Decision"),
            ),
            rows,
        ),
    ]
    if rows and visit.has(*KEEPERS):
        blocks.append(Filled(SUGGESTION, f"{path}/suggestion", {"measurement": measured.id}))
    return blocks


@router.get("/sources/{claim}")
def get_source(claim: str, visit: AuthorityVisit) -> Response:
    """Show a claim to an item, and decide it where it is contested."""
    with reading(visit.platform.engine) as connection:
        found = required_claim(connection, claim)
        opened = None if found.matter is None else matter(connection, found.matter)
        others = claims(connection, found.item)
    blocks: list[Block] = [
        Facts(
            [
                (Message("数据项", "Item"), found.item),
                (Message("办件编号", "Case"), "—" if opened is None else opened.case),
            ]
        ),
        Rows(
            (Message("数据集", "Data set"), Message("列", "Column"), Message("状态", "State")),
            [(item.dataset, item.column, _CLAIMS[item.state]) for item in others],
        ),
    ]
    if found.state == "contested":
        blocks.append(Filled(DECIDE, f"{HOME}/sources/{claim}/decision"))
    return visit.page(Message("权威来源", "Source of an item"), *blocks)


def _measure(visit: Visit, _entered: Entered) -> str:
    name = str(visit.request.path_params["name"])
    quality_desk(visit.platform).measure(visit.actor, name)
    return f"{HOME}/datasets/{name}?done=1"


def _release(visit: Visit, entered: Entered) -> str:
    name = str(visit.request.path_params["name"])
    band = cast(BandName, entered["band"])
    release_score(quality_desk(visit.platform), visit.actor, name, entered["measurement"], band)
    return f"{HOME}/datasets/{name}?done=1"


def _suggest(visit: Visit, entered: Entered) -> str:
    name = str(visit.request.path_params["name"])
    place = int(entered["place"]) if entered["place"].isdecimal() else -1
    outcome = cast(Outcome, entered["outcome"])
    desk, reason = quality_desk(visit.platform), entered["reason"]
    decide_suggestion(desk, visit.actor, name, entered["measurement"], place, outcome, reason)
    return f"{HOME}/datasets/{name}?done=1"


def _decide(visit: Visit, entered: Entered) -> str:
    claim = str(visit.request.path_params["claim"])
    decision = cast(Decision, entered["decision"])
    writer, actor = visit.platform.writer, visit.actor
    decide_claim(writer, actor, check_apart, claim, decision, entered["reason"])
    return f"{HOME}/sources/{claim}?done=1"


posting(router, "/datasets/{name}/measure", MEASURE, _measure, visitors=READERS)
posting(router, "/datasets/{name}/score", RELEASE, _release, visitors=KEEPERS)
posting(router, "/datasets/{name}/suggestion", SUGGESTION, _suggest, visitors=KEEPERS)
posting(router, "/sources/{claim}/decision", DECIDE, _decide, visitors=(Role.AUTHORITY,))


def _released(visit: Visit, bands: Sequence[str]) -> str:
    names = dict(BANDS)
    return visit.say(names[bands[0]]) if bands else "—"


def _outcome(decided: str | None, *, agrees: bool) -> Message:
    if decided is not None:
        names = {
            "accepted": Message("已采纳", "accepted"),
            "declined": Message("未采纳", "declined"),
        }
        return names[decided]
    if agrees:
        return Message("与声明一致", "declared so")
    return Message("待处理", "to be decided")


def _text(value: object) -> str:
    return "—" if value is None else str(value)
