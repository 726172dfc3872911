"""Pages of the audit log: the regulator searches all of it, anybody else their own house's entries.

Each entry is one sentence with its place in the log. What the regulator searches and exports is an
entry itself; of others' entries nobody else learns anything.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response
from sqlalchemy import Connection
from starlette.background import BackgroundTask

from audit.sentences import KIND_SENTENCES
from audit.tags import EntryKind
from audit.view.exporting import Format
from audit.view.search import Page, search
from audit.view.terms import DECISION_WORDS, Decision, Terms
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Role
from service.api.regulator import is_own
from service.api.search_terms import SearchBody
from service.pages.blocks import Block, Filled, Link, Links, Paragraph, Rows, shown_time
from service.pages.forms import Field, Form, narrowing
from service.pages.frame import AnyVisit, RegulatorVisit, Visit
from service.pages.log_names import LogNames
from service.pages.names import house_names, licence_titles, person_names
from service.pages.routes import PageRoute

HOME = "/pages/log"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
ROWS_SHOWN = 50
NAMES = ("person", "organisation", "licence", "decision", "kind", "since", "until")
CHINA_TIME = "T00:00:00+08:00"


@router.get("")
def get_log(visit: AnyVisit, before: str = "") -> Response:
    """Search the log: whole for the regulator, one's own organisation's entries for others."""
    given = _given(visit)
    page = _found(visit, terms_of(given), int(before) if before.isdigit() else None)
    with reading(visit.platform.engine) as connection:
        form = _search_form(visit, connection)
        names = LogNames(visit, connection)
        rows = [(shown_time(one.time_us), names.told(one), one.index) for one in page.entries]
    asked = {name: value for name, value in given.items() if value}
    following = ""
    if page.next_before is not None:
        following = f"{HOME}?{urlencode({**asked, 'before': page.next_before})}"
    columns = (Message("时间", "When"), Message("事项", "What"), Message("序号", "Entry"))
    none = Message("没有符合条件的记录。", "No entry says this.")
    blocks: list[Block] = [
        Filled(form, HOME, given, method="get"),
        Rows(columns, rows, none, following),
    ]
    if visit.has(Role.REGULATOR):
        words = Message("导出证据包（ZIP，可离线核验）", "Export as evidence (ZIP)")
        export = Links([Link(words, f"{HOME}/export?{urlencode(asked)}")])
        blocks = [blocks[0], export, Paragraph(_LOGGED), blocks[1]]
    return visit.page(Message("审计日志", "Audit log"), *blocks, intro=_intro(visit))


_LOGGED = Message(
    "您的每次查询和导出也记入日志。", "Each of your searches and exports is an entry as well."
)


def _intro(visit: Visit) -> Message:
    if visit.has(Role.REGULATOR):
        return Message("全平台的审计日志。", "The audit log of the whole platform.")
    return Message(
        "本单位人员在平台上办理的全部事项；记录不可更改。",
        "All that the people of your organisation did here; nobody can change it.",
    )


@router.get("/export")
def get_export(visit: RegulatorVisit) -> Response:
    """Hand out what a search finds as an evidence pack; the export is an entry."""
    folder = visit.platform.settings.home / "exports"
    terms, formats = terms_of(_given(visit)), tuple(Format)
    _exported, out = visit.platform.oversight.export_search(visit.actor, terms, formats, folder)
    return FileResponse(
        out,
        media_type="application/zip",
        filename="sandgate-evidence.zip",
        background=BackgroundTask(out.unlink),
    )


def terms_of(given: Mapping[str, str]) -> Terms:
    """Return what a form asks for; the last day is counted in. Raises InvalidInput."""
    until = given.get("until", "")
    after = (_day(until, "until") + timedelta(days=1)).isoformat() if until else ""
    since = _day(given["since"], "since").isoformat() if given.get("since") else ""
    decision, kind = given.get("decision", ""), given.get("kind", "")
    return SearchBody(
        person=given.get("person") or None,
        organisation=given.get("organisation") or None,
        licence=given.get("licence") or None,
        decision=Decision(decision) if decision in set(Decision) else None,
        kind=EntryKind(kind) if kind in set(EntryKind) else None,
        since=f"{since}{CHINA_TIME}" if since else None,
        until=f"{after}{CHINA_TIME}" if after else None,
    ).terms()


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        words = Message("日期无效。", "That is no date.")
        raise InvalidInput("day_invalid", words, field=field) from error


def _given(visit: Visit) -> dict[str, str]:
    return {name: visit.request.query_params.get(name, "")[:130] for name in NAMES}


def _found(visit: Visit, terms: Terms, before: int | None) -> Page:
    if visit.has(Role.REGULATOR):
        return visit.platform.oversight.search(visit.actor, terms, before, ROWS_SHOWN)
    with reading(visit.platform.engine) as connection:
        return search(
            connection,
            replace(terms, organisation=visit.actor.organisation),
            before=before,
            limit=ROWS_SHOWN,
            visible=lambda entry: is_own(entry, visit.actor),
            leading="organisation",
        )


def _search_form(visit: Visit, connection: Connection) -> Form:
    kinds = [(str(kind), words) for kind, words in KIND_SENTENCES.items()]
    kinds.sort(key=lambda one: visit.say(one[1]))
    fields = [
        Field("since", Message("起始日期", "From"), kind="date", required=False),
        Field("until", Message("截止日期", "To"), kind="date", required=False),
        narrowing("kind", Message("事项类型", "Kind"), kinds),
        narrowing("decision", Message("结果", "Outcome"), list(DECISION_WORDS.items())),
    ]
    if visit.has(Role.REGULATOR):
        houses = list(house_names(connection).items())
        people = list(person_names(connection).items())
        licences = list(licence_titles(connection).items())
        fields += [
            narrowing("organisation", Message("单位", "Organisation"), houses),
            narrowing("person", Message("人员", "Person"), people),
            narrowing("licence", Message("授权", "Licence"), licences),
        ]
    return Form(fields=tuple(fields), button=Message("查询", "Search"))
