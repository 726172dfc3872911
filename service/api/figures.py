"""Figures over HTTP: headline, coverage, timeliness, benefits, assessment, and security reports.

What all of government may see are sums; a single department's calls, revenue and security are for
the data authority and the regulator. A department reads its own cards alone.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from catalog.datasets import Frozen
from foundation.clock import to_iso
from foundation.db import reading
from foundation.identity import Actor
from policies.schema.controls import ControlRules
from policies.schema.quality import QualityRules
from service.api.callers import AnyCaller, GovernmentCaller, OnPlatform, OverseerCaller
from service.bootstrap import Platform
from service.figures.assessing import assessment
from service.figures.benefits import benefits
from service.figures.capabilities import CAPABILITIES
from service.figures.coverage import coverage, national_rules
from service.figures.headline import calls, headline
from service.figures.report_paper import report_pdf
from service.figures.reporting import security_reports
from service.figures.security_report import findings, report_at, reports
from service.figures.spans import Span, span_of
from service.figures.timeliness import timeliness
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/figures", route_class=IdempotentRoute, tags=["figures"])
Since = Annotated[str, Query(alias="from", max_length=7, pattern=r"^(|\d{4}-\d{2})$")]
Until = Annotated[str, Query(max_length=7, pattern=r"^(|\d{4}-\d{2})$")]
Index = Annotated[int, Path(ge=0, le=2**63 - 1)]


class ReportBody(Frozen):
    """The month that is reported on, such as 2026-11."""

    month: str = Field(pattern=r"^\d{4}-\d{2}$")


@router.get("/headline")
def get_headline(
    _actor: GovernmentCaller, platform: OnPlatform, since: Since = "", until: Until = ""
) -> dict[str, Any]:
    """Count entries, resources, versions, who is connected, and calls and questions by month."""
    with reading(platform.engine) as connection:
        return headline(connection, asked_span(platform, since, until))


@router.get("/calls")
def get_calls(
    _actor: OverseerCaller, platform: OnPlatform, since: Since = "", until: Until = ""
) -> dict[str, Any]:
    """Count calls and answered questions by department, region and month."""
    with reading(platform.engine) as connection:
        return calls(connection, asked_span(platform, since, until))


@router.get("/coverage")
def get_coverage(actor: GovernmentCaller, platform: OnPlatform) -> dict[str, Any]:
    """Tell which share of entries holds resources, by department, attribute and base library."""
    with reading(platform.engine) as connection:
        return coverage(connection, platform.pack, platform.clocks.jurisdiction, own_house(actor))


@router.get("/timeliness")
def get_timeliness(actor: GovernmentCaller, platform: OnPlatform) -> dict[str, Any]:
    """Tell which resources are updated within their frequency, and which matters in time."""
    with reading(platform.engine) as connection:
        return timeliness(connection, *aged(platform), own_house(actor))


@router.get("/benefits")
def get_benefits(
    _actor: OverseerCaller, platform: OnPlatform, since: Since = "", until: Until = ""
) -> dict[str, Any]:
    """Tell what is recorded of economic, social and environmental benefit, and what is not."""
    with reading(platform.engine) as connection:
        rules = national_rules(platform.pack)
        return benefits(connection, rules, asked_span(platform, since, until))


@router.get("/assessment")
def get_assessment(actor: GovernmentCaller, platform: OnPlatform) -> dict[str, Any]:
    """Return departments' cards and what was decided late: all for overseers, else one's own."""
    with reading(platform.engine) as connection:
        return assessment(connection, *aged(platform), own_house(actor))


@router.get("/capabilities")
def get_capabilities(_actor: AnyCaller) -> dict[str, Any]:
    """Map the eight tasks of integration (八个一体化) to what is here, and what is not."""
    return {"capabilities": [item.as_json() for item in CAPABILITIES]}


@router.get("/controls")
def get_controls(_actor: OverseerCaller, platform: OnPlatform) -> dict[str, Any]:
    """List the controls, each with its pillar, its promise and how it is evidenced."""
    rules = platform.pack.rules(ControlRules)
    return {
        "document": rules.document,
        "version": rules.version,
        "controls": [item.model_dump(mode="json") for item in rules.controls],
    }


@router.get("/security-reports")
def get_security_reports(_actor: OverseerCaller, platform: OnPlatform) -> dict[str, Any]:
    """List the monthly security reports that were made, newest first."""
    with reading(platform.engine) as connection:
        made = reports(connection)
    return {
        "reports": [
            {
                "index": one.index,
                "month": one.public["month"],
                "document_digest": one.public["document_digest"],
                "whole": one.public["document"]["whole"],
                "findings": len(findings(one.public["document"])),
                "at": to_iso(one.time_us),
            }
            for one in made
        ]
    }


@router.post("/security-reports", status_code=201)
def post_security_report(
    body: ReportBody, actor: OverseerCaller, platform: OnPlatform
) -> dict[str, Any]:
    """Make a month's security report (月度安全报告) from the log, and log it whole."""
    recorded = security_reports(platform).make(actor, body.month)
    return {"index": recorded.index, "report": recorded.value}


@router.get("/security-reports/{index}")
def get_security_report(
    index: Index, _actor: OverseerCaller, platform: OnPlatform
) -> dict[str, Any]:
    """Return a report as the log holds it."""
    with reading(platform.engine) as connection:
        return {"index": index, "report": report_at(connection, index)}


@router.get("/security-reports/{index}/paper", response_class=Response)
def get_security_paper(index: Index, _actor: OverseerCaller, platform: OnPlatform) -> Response:
    """Return a report as a paper (PDF)."""
    with reading(platform.engine) as connection:
        document = report_at(connection, index)
    return Response(report_pdf(document, index), media_type="application/pdf")


def asked_span(platform: Platform, since: str, until: str) -> Span:
    """Return the months that a reader asked for. Raises InvalidInput."""
    rules = national_rules(platform.pack)
    calendar = platform.clocks.rules.calendar
    return span_of(calendar, platform.clock.now_us(), since, until, rules.months_max)


def own_house(actor: Actor) -> str | None:
    """Return whose figures an actor reads: None for overseers, who read all."""
    return None if actor.oversees else actor.organisation


def aged(platform: Platform) -> tuple[dict[str, int], int, int]:
    """Return the days each frequency allows, the time now, and how far back figures look."""
    rules = platform.pack.rules(QualityRules)
    return dict(rules.age_days), platform.clock.now_us(), national_rules(platform.pack).recent_days
