"""Pages of the catalogue: search it, read an entry with its papers, differences and history.

What stands on a page follows what this person may see and do next; each move checks for itself.
"""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import Connection

from catalog.book.duties import is_own, sees_drafts
from catalog.book.parts import Assessment, EntryHead, Revision, open_revision, published_revision
from catalog.book.searching import ListedEntry, Wanted, search
from catalog.book.states import EntryState, RevisionState
from catalog.book.subscriptions import Topic, subscriptions
from catalog.book.systems import system
from catalog.book.versions import LABELS, HistoryLine, difference, history
from catalog.datasets import Grade
from catalog.entries import CatalogueEntry, ShareAttribute
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Role
from service.api.catalogue_search import seen_head
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
from service.pages.catalogue_words import GRADE, MOVES, SHARE, STATES, shown, state_of
from service.pages.forms import Field, Form, narrowing
from service.pages.frame import AnyVisit, Visit
from service.pages.names import house_names, zone_names
from service.pages.routes import PageRoute

HOME = "/pages/catalogue"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
ROWS_SHOWN = 50


@router.get("")
def get_catalogue(
    visit: AnyVisit,
    text: str = "",
    state: str = "",
    share: str = "",
    grade: str = "",
    tag: str = "",
    after: str = "",
) -> Response:
    """List and search the catalogue."""
    given = {"text": text, "state": state, "share": share, "grade": grade, "tag": tag}
    wanted = Wanted(
        text=text,
        tag=tag or None,
        state=EntryState(state) if state in set(EntryState) else None,
        share=ShareAttribute(share) if share in set(ShareAttribute) else None,
        grade=Grade(grade) if grade in set(Grade) else None,
    )
    with reading(visit.platform.engine) as connection:
        page = search(connection, visit.actor, wanted, after=after[:100], limit=ROWS_SHOWN)
        houses = house_names(connection)
    following = ""
    if page.next is not None:
        kept = {name: value for name, value in given.items() if value}
        following = str(visit.request.url.include_query_params(**kept, after=page.next))
        following = f"{HOME}?{following.partition('?')[2]}"
    return visit.page(
        Message("政务数据目录", "Government data catalogue"),
        Links(_ways(visit)),
        Filled(_search_form(visit), HOME, given, method="get"),
        Rows(
            (
                Message("目录代码", "Code"),
                Message("目录名称", "Name"),
                Message("提供单位", "Provider"),
                Message("共享属性", "Sharing"),
                Message("分级", "Grade"),
                Message("状态", "State"),
            ),
            [_row(visit, item, houses) for item in page.entries],
            following=following,
        ),
    )


@router.get("/{entry_id}")
def get_entry(entry_id: str, visit: AnyVisit) -> Response:
    """Show an entry: what is published, what is at work, and what happened."""
    with reading(visit.platform.engine) as connection:
        head = seen_head(connection, visit.actor, entry_id)
        own = sees_drafts(visit.actor, head.provider)
        published = published_revision(connection, entry_id, head.version) if head.version else None
        at_work = open_revision(connection, entry_id) if own else None
        lines = history(connection, entry_id, public_only=not own)
        watched = {
            item.subject
            for item in subscriptions(connection, visit.actor)
            if item.topic is Topic.ENTRY
        }
        houses = house_names(connection)
    text = published or at_work
    blocks: list[Block] = [
        Facts(
            [
                (Message("目录代码", "Code"), head.code),
                (Message("提供单位", "Provider"), houses.get(head.provider, head.provider)),
                (Message("状态", "State"), state_of(head.state)),
                (Message("版本", "Version"), head.version),
                (Message("发布时间", "Published"), shown_time(text.decided_us if text else None)),
            ]
        ),
        Links(_entry_ways(visit, head, at_work, watched=entry_id in watched)),
    ]
    if at_work is not None:
        blocks += _at_work(visit, at_work, published)
    if published is not None:
        blocks += [Heading(Message("发布内容", "As published")), _document(visit, published.entry)]
    blocks += [Heading(Message("办理经过", "What happened")), _timeline(lines, houses)]
    name = text.entry.name if text else None
    title = Message(name.zh, name.en) if name else head.code
    return visit.page(title, *blocks)


def _at_work(visit: Visit, at_work: Revision, published: Revision | None) -> list[Block]:
    """Return the text at work: its papers, and the document or what it changes."""
    blocks: list[Block] = [
        Heading(Message("在办文本", "Text at work")),
        Facts(
            [
                (Message("保密风险评估", "Secrecy-risk assessment"), _paper(at_work.secrecy)),
                (
                    Message("个人信息保护影响评估", "Personal-information assessment"),
                    _paper(at_work.personal),
                ),
                (Message("部门负责人审签", "Head's sign-off"), _signed(at_work)),
                (Message("办件编号", "Case"), at_work.case_number or "—"),
                (Message("最近修改", "Last written"), shown_time(at_work.revised_us)),
            ]
        ),
    ]
    if published is None:
        return [*blocks, _document(visit, at_work.entry)]
    changes = difference(published.entry, at_work.entry)
    rows: list[tuple[Cell, ...]] = [
        (
            Message(item.label.zh, item.label.en),
            shown(item.field, item.before, visit.language),
            shown(item.field, item.after, visit.language),
        )
        for item in changes
    ]
    columns = (
        Message("字段", "Field"),
        Message("已发布", "Published"),
        Message("拟变更为", "Proposed"),
    )
    empty = Message("与已发布内容相同。", "It says what is published.")
    return [*blocks, Rows(columns, rows, empty=empty)]


def _document(visit: Visit, entry: CatalogueEntry) -> Facts:
    with reading(visit.platform.engine) as connection:
        names = _places(connection, entry)
    told = entry.model_dump(mode="json")
    facts = []
    for name, value in told.items():
        if name == "code" or value in (None, [], ""):
            continue
        zh, en = LABELS[name]
        facts.append((Message(zh, en), _named(names, name, value, visit.language)))
    return Facts(facts)


def _named(names: Mapping[str, Message], name: str, value: object, language: str) -> str:
    """Return a field's value as people read it: zones and systems by their names."""
    if name not in {"zone", "systems"}:
        return shown(name, value, language)
    found = value if isinstance(value, list) else [value]
    words = (names.get(one, Message(one, one)).in_language(language) for one in map(str, found))
    return "、".join(words)


def _places(connection: Connection, entry: CatalogueEntry) -> dict[str, Message]:
    """Return the names of an entry's zone and systems, as far as they are registered."""
    named = zone_names(connection)
    for name in entry.systems:
        found = system(connection, name)
        if found is not None:
            named[name] = Message(found.label.zh, found.label.en)
    return named


def _timeline(lines: list[HistoryLine], houses: Mapping[str, Message]) -> Timeline:
    return Timeline(
        [
            Event(
                when=shown_time(line.time_us),
                what=MOVES[line.move],
                who=houses.get(line.organisation, line.organisation),
                more=Message(
                    f"审计日志第 {line.index} 条{'；' + line.reason if line.reason else ''}",
                    f"Log entry {line.index}{'; ' + line.reason if line.reason else ''}",
                ),
            )
            for line in lines
        ]
    )


def _ways(visit: Visit) -> list[Link]:
    links = []
    if visit.has(Role.PROVIDER, Role.STEWARD):
        links.append(Link(Message("编制目录条目", "Draft an entry"), f"{HOME}-new", strong=True))
    if visit.has(Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.AUTHORITY):
        links += [
            Link(Message("导入批次", "Batches"), f"{HOME}-batches"),
            Link(Message("信息系统与关联检查", "Systems and linkage"), f"{HOME}-systems"),
        ]
    return links


def _entry_ways(
    visit: Visit, head: EntryHead, at_work: Revision | None, *, watched: bool
) -> list[Link]:
    """Return what can be done next with an entry, the main thing first."""
    path = f"{HOME}/{head.id}"
    links: list[Link] = []
    drafts = is_own(visit.actor, head.provider) and visit.has(Role.PROVIDER, Role.STEWARD)
    is_draft = at_work is not None and at_work.state is RevisionState.DRAFT
    if drafts and (is_draft or head.state is EntryState.REFUSED):
        links.append(Link(Message("修改草稿", "Rewrite the draft"), f"{path}/revision"))
    if drafts and at_work is not None and is_draft:
        links += _drafting_ways(path, at_work)
    if drafts and at_work is None and head.version is not None:
        links.append(Link(Message("启动变更", "Begin a change"), f"{path}/change", strong=True))
    heads = visit.has(Role.DEPARTMENT_HEAD) and visit.actor.organisation == head.provider
    if heads and is_draft and at_work is not None and at_work.signed_by is None:
        links.append(Link(Message("审签", "Sign off"), f"{path}/sign-off", strong=True))
    if visit.has(Role.AUTHORITY) and at_work is not None and not is_draft:
        links += [
            Link(Message("同意发布", "Publish"), f"{path}/publication", strong=True),
            Link(Message("一次性告知并退回", "Return with all that lacks"), f"{path}/return"),
            Link(Message("不予发布", "Refuse"), f"{path}/refusal"),
        ]
    if visit.has(Role.AUTHORITY) and head.state in {
        EntryState.PUBLISHED,
        EntryState.CHANGE_SUBMITTED,
    }:
        links.append(Link(Message("下线", "Withdraw"), f"{path}/withdrawal"))
    if head.version is not None and not watched:
        links.append(Link(Message("订阅变更", "Subscribe to changes"), f"{path}/subscription"))
    return [*links, Link(Message("返回目录", "Back to the catalogue"), HOME)]


def _drafting_ways(path: str, at_work: Revision) -> list[Link]:
    ready = at_work.signed_by is not None
    return [
        Link(Message("录入保密风险评估", "Enter the secrecy assessment"), f"{path}/secrecy"),
        Link(Message("录入个人信息评估", "Enter the personal assessment"), f"{path}/personal"),
        *(
            [Link(Message("提交审核", "Submit for review"), f"{path}/submission", strong=True)]
            if ready
            else []
        ),
        Link(Message("作废草稿", "Give the draft up"), f"{path}/discard"),
    ]


def _paper(found: Assessment | None) -> Cell:
    if found is None:
        return Badge(Message("尚未评估", "Not yet"), "wait")
    if found.conclusion == "failed":
        return Badge(Message("不得编目", "Not to be catalogued"), "bad")
    return f"{found.assessor}，{found.document_number}，{found.on}"


def _signed(at_work: Revision) -> Cell:
    if at_work.signed_us is None:
        return Badge(Message("尚未审签", "Not yet"), "wait")
    return Badge(shown_time(at_work.signed_us), "good")


def _row(visit: Visit, item: ListedEntry, houses: Mapping[str, Message]) -> tuple[Cell, ...]:
    name = item.name.zh if visit.language == "zh" else item.name.en
    return (
        item.code,
        Link(name, f"{HOME}/{item.id}"),
        houses.get(item.provider, item.provider),
        shown("share_attribute", item.share_attribute, visit.language),
        shown("classification.grade", item.grade, visit.language),
        state_of(item.state),
    )


def _search_form(visit: Visit) -> Form:
    rules = visit.platform.catalog_rules
    tags = [
        (item.code, Message(item.zh, item.en)) for item in (*rules.base_libraries, *rules.themes)
    ]
    states = [(state, badge.text) for state, badge in STATES.items()]
    return Form(
        fields=(
            Field("text", Message("关键词", "Words"), required=False),
            narrowing("share", Message("共享属性", "Sharing"), SHARE),
            narrowing("grade", Message("分级", "Grade"), GRADE),
            narrowing("tag", Message("基础库、主题", "Library, theme"), tags),
            narrowing("state", Message("状态", "State"), states),
        ),
        button=Message("查询", "Search"),
    )
