"""Pages of the monthly security report: making one, those that were made, one with its controls."""

from fastapi import APIRouter
from fastapi.responses import Response

from foundation.clock import to_iso
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Role
from policies.schema.controls import ControlRules
from service.figures.report_paper import PILLARS, STANDINGS, SUMMARY_NAMES, report_pdf
from service.figures.reporting import security_reports
from service.figures.security_report import findings, report_at, reports
from service.pages.blocks import (
    Badge,
    Block,
    Facts,
    Filled,
    Heading,
    Link,
    Links,
    Paragraph,
    Rows,
    shown_time,
)
from service.pages.figure_parts import said, ways
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import OverseerVisit, Visit
from service.pages.routes import PageRoute

HOME = "/pages/figures/security"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
PILLAR_WORDS = {
    "institution": Message(PILLARS["institution"], "Institutions"),
    "technology": Message(PILLARS["technology"], "Technology"),
    "operation": Message(PILLARS["operation"], "Operation"),
}
STANDING_WORDS = {
    "evidenced": (Message(STANDINGS["evidenced"], "Evidenced"), "good"),
    "quiet": (Message(STANDINGS["quiet"], "Nothing this month"), "plain"),
    "finding": (Message(STANDINGS["finding"], "To be looked at"), "bad"),
    "missing": (Message(STANDINGS["missing"], "Missing"), "bad"),
}
MAKING = Form(
    fields=(
        Field(
            "month",
            Message("月份", "Month"),
            help=Message("如 2026-11；未满月的报告会注明。", "Such as 2026-11."),
        ),
    ),
    title=Message("编制月度安全报告", "Make a monthly security report"),
    button=Message("编制并记入日志", "Make and log it"),
)


@router.get("")
def get_reports(visit: OverseerVisit) -> Response:
    """List the reports, with the form that makes one and the catalogue of controls."""
    platform = visit.platform
    with reading(platform.engine) as connection:
        made = reports(connection)
    month = to_iso(platform.clock.now_us())[:7]
    blocks: list[Block] = [
        ways(visit),
        Rows(
            (
                *(Message("月份", "Month"), Message("编制时间", "Made")),
                *(Message("须核查", "To be looked at"), Message("全文", "Paper")),
            ),
            [
                (
                    Link(one.public["month"], f"{HOME}/{one.index}"),
                    shown_time(one.time_us),
                    len(findings(one.public["document"])),
                    Link("PDF", f"{HOME}/{one.index}/paper"),
                )
                for one in made
            ],
            empty=Message("尚未编制过报告。", "No report was made yet."),
        ),
        Filled(MAKING, f"{HOME}/new", {"month": month}),
        Heading(Message("安全控制措施目录", "The controls")),
        Rows(
            (
                *(Message("编号", "No."), Message("类别", "Pillar"), Message("措施", "Control")),
                *(Message("承诺", "Promise"), Message("依据", "After")),
            ),
            [
                (
                    one.id,
                    PILLAR_WORDS[one.pillar],
                    Message(one.name_zh, one.name_en),
                    Message(one.promise_zh, one.promise_en),
                    one.source,
                )
                for one in platform.pack.rules(ControlRules).controls
            ],
        ),
    ]
    return visit.page(Message("月度安全报告", "Security reports"), *blocks)


def _make(visit: Visit, entered: Entered) -> str:
    recorded = security_reports(visit.platform).make(visit.actor, entered["month"].strip())
    return f"{HOME}/{recorded.index}?done=1"


posting(router, "/new", MAKING, _make, visitors=(Role.AUTHORITY, Role.REGULATOR))


@router.get("/{index}")
def get_report(index: str, visit: OverseerVisit) -> Response:
    """Show one report: the figures of the month and how each control stands."""
    place = _place(index)
    with reading(visit.platform.engine) as connection:
        told = report_at(connection, place)
    blocks: list[Block] = [
        Links([Link(Message("下载 PDF", "Save as PDF"), f"{HOME}/{place}/paper", strong=True)]),
        Facts(
            [
                (Message(words, name.replace("_", " ").capitalize()), told["summary"][name])
                for name, words in SUMMARY_NAMES.items()
            ]
        ),
    ]
    for pillar, words in PILLAR_WORDS.items():
        blocks.append(Heading(words))
        blocks.append(
            Rows(
                (
                    *(Message("编号", "No."), Message("措施", "Control")),
                    *(Message("依据的条目", "Entries"), Message("情况", "Standing")),
                ),
                [
                    (
                        one["id"],
                        said(visit, one["name"]),
                        sum(one["entries"].values()),
                        Badge(*STANDING_WORDS[one["standing"]]),
                    )
                    for one in told["controls"]
                    if one["pillar"] == pillar
                ],
            )
        )
    blocks.append(Heading(Message("安全事件与演练", "Incidents and drills")))
    blocks.append(Paragraph(said(visit, told["incidents"])))
    whole = Message("", "") if told["whole"] else Message("未满月，截至编制时", "not a whole month")
    title = Message(f"{told['month']} 月度安全报告", f"Security report of {told['month']}")
    return visit.page(title, *blocks, intro=whole)


@router.get("/{index}/paper")
def get_paper(index: str, visit: OverseerVisit) -> Response:
    """Send one report as a paper."""
    place = _place(index)
    with reading(visit.platform.engine) as connection:
        told = report_at(connection, place)
    headers = {"content-disposition": f'attachment; filename="security-{told["month"]}.pdf"'}
    return Response(report_pdf(told, place), media_type="application/pdf", headers=headers)


def _place(index: str) -> int:
    if not index.isascii() or not index.isdecimal() or len(index) > len(str(2**63)) - 1:
        raise InvalidInput(
            "security_report_unknown",
            Message("没有该编号的月度安全报告。", "There is no security report of that number."),
            field="index",
        )
    return int(index)
