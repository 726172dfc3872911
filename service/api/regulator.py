"""The regulator's view over HTTP: search, timelines, columns, odometer, packs and alerts.

A regulator reads everything here and changes nothing but own alert rules. An operator is refused,
and finds the entries of their own organisation at ``/log/own``.
"""

from dataclasses import replace
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse
from pydantic import Field, model_validator
from starlette.background import BackgroundTask

from audit.reading import LogEntry
from audit.view.exporting import Format
from audit.view.narration import Names, sentence
from audit.view.search import PAGE_ENTRIES_MAX, Page, count, search
from audit.view.timeline import Subject
from catalog.datasets import Frozen
from foundation.clock import to_iso
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.identity import Actor, Role
from policies.schema.privacy import PrivacyRules
from service.api.bodies import StrictRoute
from service.api.callers import AnyCaller, OnPlatform, RegulatorCaller
from service.api.search_terms import SearchBody, SearchTerms
from service.idempotency import IdempotentRoute
from service.regulator.alert_rules import RuleDraft, national_rules, save_rule, saved_rules
from service.regulator.alerting import acknowledge, alerts
from service.regulator.names import RegisteredNames
from service.regulator.odometer import losses, odometer_picture, odometer_report

router = APIRouter(prefix="/regulator", route_class=StrictRoute, tags=["oversight"])
own = APIRouter(prefix="/log", route_class=StrictRoute, tags=["audit"])
rules = APIRouter(prefix="/regulator", route_class=IdempotentRoute, tags=["oversight"])

Before = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=PAGE_ENTRIES_MAX)]


class TimelineBody(Frozen):
    """Whose life is exported."""

    subject: Subject
    id: str = Field(min_length=1, max_length=130)


class ExportRequest(Frozen):
    """A search or a timeline, and the formats its entries are written in."""

    search: SearchBody | None = None
    timeline: TimelineBody | None = None
    formats: tuple[Format, ...] = Field(default=tuple(Format), min_length=1, max_length=20)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.search is None) == (self.timeline is None):
            raise ValueError("name a search or a timeline, and not both")
        return self


class Acknowledgement(Frozen):
    """What a person says of an alert; it stays in the private part of the entry."""

    note: str = Field(min_length=1, max_length=1_000)


@router.get("/search")
def get_search(
    actor: RegulatorCaller,
    platform: OnPlatform,
    terms: SearchTerms,
    before: Before = None,
    limit: Limit = 50,
    counted: Annotated[bool, Query()] = False,
) -> dict[str, object]:
    """Find entries, newest first; ``next_before`` goes on, ``read`` says how far was looked."""
    page = platform.oversight.search(actor, terms, before, limit)
    with reading(platform.engine) as connection:
        shown = _page(page, RegisteredNames(connection), actor.language)
        number = count(connection, terms) if counted else None
    if number is None:
        return shown
    return {**shown, "count": {"entries": number[0], "exact": number[1]}}


@router.get("/timelines/{subject}/{identifier}")
def get_timeline(
    subject: Subject,
    identifier: Annotated[str, Path(max_length=130)],
    actor: RegulatorCaller,
    platform: OnPlatform,
) -> dict[str, object]:
    """Tell the life of one question, licence or release, each step with leaf and receipt."""
    told = platform.oversight.timeline(actor, subject, identifier)
    licence = subject is Subject.LICENCE
    return {
        "budgets": platform.oversight.budgets(identifier) if licence else [],
        "subject": told.subject,
        "id": told.identifier,
        "complete": told.complete,
        "counts": {
            str(decision): {"entries": number, "exact": exact}
            for decision, (number, exact) in told.counts.items()
        },
        "steps": [step.as_json(actor.language) for step in told.steps],
    }


@router.get("/columns")
def get_columns(
    actor: RegulatorCaller, platform: OnPlatform, terms: SearchTerms
) -> dict[str, object]:
    """Say who touched a column (``column=dataset.column``), under the other terms given."""
    touched = platform.oversight.columns(actor, terms)
    return {
        "column": touched.column,
        "entries": touched.entries,
        "complete": touched.complete,
        "read_first": touched.read_first,
        "touched_by": [toucher.as_json() for toucher in touched.touchers],
    }


@router.get("/odometer")
def get_odometer(_actor: RegulatorCaller, platform: OnPlatform) -> dict[str, object]:
    """Recompute each population's privacy loss from the log, beside what the store has."""
    steps = platform.pack.rules(PrivacyRules).epsilon_delta_steps
    with reading(platform.engine) as connection:
        return odometer_report(connection, steps)


@router.get("/odometer/{population}/picture")
def get_odometer_picture(
    population: Annotated[str, Path(max_length=130)],
    actor: RegulatorCaller,
    platform: OnPlatform,
) -> Response:
    """Draw a population's privacy loss over time (SVG)."""
    steps = platform.pack.rules(PrivacyRules).epsilon_delta_steps
    with reading(platform.engine) as connection:
        points = losses(connection).get(population)
        agrees = bool(odometer_report(connection, steps)["agrees"])
    if not points:
        raise NotFound(
            "population_unspent",
            Message("日志中没有该总体的隐私损失。", "The log charges no such population."),
            field="population",
        )
    drawn = odometer_picture(population, points, agrees=agrees, language=actor.language)
    return Response(drawn, media_type="image/svg+xml")


@router.post("/exports")
def post_export(body: ExportRequest, actor: RegulatorCaller, platform: OnPlatform) -> FileResponse:
    """Export a search or a timeline as an evidence pack that is verified offline."""
    folder = platform.settings.home / "exports"
    if body.timeline is not None:
        exported, out = platform.oversight.export_timeline(
            actor, body.timeline.subject, body.timeline.id, body.formats, folder
        )
    else:
        assert body.search is not None  # noqa: S101 - the model holds one of the two
        exported, out = platform.oversight.export_search(
            actor, body.search.terms(), body.formats, folder
        )
    return FileResponse(
        out,
        media_type="application/zip",
        headers={"X-Audit-Index": str(exported.recorded.index)},
        background=BackgroundTask(out.unlink),
    )


@router.get("/alerts")
def get_alerts(
    actor: RegulatorCaller,
    platform: OnPlatform,
    state: Annotated[Literal["open", "all"], Query()] = "all",
    before: Before = None,
    limit: Limit = 50,
) -> dict[str, object]:
    """List alerts, newest first, and how far the log was checked for them."""
    with reading(platform.engine) as connection:
        found = alerts(connection, open_only=state == "open", before=before, limit=limit)
    return {
        "alerts": [alert.as_json(actor.language) for alert in found],
        "next_before": found[-1].entry_index if len(found) == limit else None,
        "checked": platform.oversight.alerting.status(),
    }


@router.get("/alert-rules")
def get_alert_rules(_actor: RegulatorCaller, platform: OnPlatform) -> dict[str, object]:
    """List the rule pack's alert rules, which always hold, and the regulators' own."""
    with reading(platform.engine) as connection:
        saved = saved_rules(connection)
    return {
        "national": [
            {
                "id": rule.id,
                "check": rule.check,
                "minimum": rule.minimum,
                "window_seconds": rule.window_seconds,
            }
            for rule in national_rules(platform.oversight.rules)
        ],
        "own": [rule.as_json() for rule in saved],
    }


@rules.post("/alert-rules", status_code=201)
def post_alert_rule(
    body: RuleDraft, actor: RegulatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Save an own alert rule; it counts from this entry on."""
    recorded = save_rule(platform.writer, actor, body, platform.oversight.rules)
    return {**recorded.value.as_json(), "entry": recorded.index}


@rules.post("/alert-rules/{rule_id}", status_code=201)
def post_alert_rule_revision(
    rule_id: Annotated[str, Path(max_length=64)],
    body: RuleDraft,
    actor: RegulatorCaller,
    platform: OnPlatform,
) -> dict[str, object]:
    """Adjust, enable or disable an own alert rule."""
    recorded = save_rule(platform.writer, actor, body, platform.oversight.rules, rule_id)
    return {**recorded.value.as_json(), "entry": recorded.index}


@rules.post("/alerts/{alert_id}/acknowledgement", status_code=201)
def post_acknowledgement(
    alert_id: Annotated[str, Path(max_length=64)],
    body: Acknowledgement,
    actor: RegulatorCaller,
    platform: OnPlatform,
) -> dict[str, object]:
    """Record that the caller looked at an alert."""
    recorded = acknowledge(platform.writer, actor, alert_id, body.note)
    return {"alert": alert_id, "entry": recorded.index}


@own.get("/own")
def get_own(
    actor: AnyCaller,
    platform: OnPlatform,
    terms: SearchTerms,
    before: Before = None,
    limit: Limit = 50,
) -> dict[str, object]:
    """Find the entries of the caller's own organisation; those of others are never shown."""
    with reading(platform.engine) as connection:
        page = search(
            connection,
            replace(terms, organisation=actor.organisation),
            before=before,
            limit=limit,
            visible=lambda entry: is_own(entry, actor),
            leading="organisation",
        )
        return _page(page, RegisteredNames(connection), actor.language)


def is_own(entry: LogEntry, actor: Actor) -> bool:
    """Tell whether the actor's organisation made an entry; the system acts for nobody."""
    by = entry.content["actor"]
    return by["organisation"] == actor.organisation and Role.SYSTEM.value not in by["roles"]


def _page(page: Page, names: Names, language: str) -> dict[str, object]:
    return {
        "entries": [
            {
                "index": entry.index,
                "time": to_iso(entry.time_us),
                "kind": entry.kind,
                "sentence": sentence(entry, names).in_language(language),
                "leaf": entry.leaf_hash.hex(),
                "content": entry.content,
            }
            for entry in page.entries
        ],
        "read": {"first": page.read.first, "end": page.read.end},
        "next_before": page.next_before,
    }
