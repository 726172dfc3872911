"""Pages of import batches and of information systems: the book in bulk, and what is orphaned."""

from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from catalog.book.batch_steps import (
    assess_batch,
    publish_batch,
    refuse_batch,
    return_batch,
    sign_off_batch,
    submit_batch,
)
from catalog.book.batches import Batch, batches, members
from catalog.book.parts import head_of
from catalog.book.states import RevisionState
from catalog.book.systems import SystemDocument, orphans, register_system, systems
from catalog.entries import Wording
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Role
from service.api.catalogue_batches import seen_batch
from service.pages.blocks import Badge, Cell, Facts, Heading, Link, Links, Rows
from service.pages.catalogue import HOME
from service.pages.catalogue_moves import (
    DRAFTERS,
    HEADS,
    REFUSING,
    RETURNING,
    REVIEWERS,
    SUBMISSION,
    assessed_by,
    assessment_of,
    papers_of,
)
from service.pages.catalogue_words import STATES
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, CatalogueReaderVisit, Visit
from service.pages.routes import PageRoute

BATCHES, SYSTEMS = f"{HOME}-batches", f"{HOME}-systems"
router = APIRouter(prefix=BATCHES, route_class=PageRoute, include_in_schema=False)
linkage = APIRouter(prefix=SYSTEMS, route_class=PageRoute, include_in_schema=False)
subjects = APIRouter(prefix=f"{HOME}-subjects", route_class=PageRoute, include_in_schema=False)
BATCHES_SHOWN, ROWS_SHOWN = 50, 500

PAPERS = Form(
    fields=(
        *assessed_by("secrecy_", "保密", "Secrecy: "),
        *assessed_by("personal_", "个人信息", "Personal: "),
    ),
    title=Message("录入整批评估", "Assessments of the batch"),
    button=Message("录入评估", "Enter both"),
)
SYSTEM = Form(
    fields=(
        Field(
            "name",
            Message("系统标识", "Short name"),
            help=Message("小写字母、数字、点、横线。", "Lower-case letters, digits, dots, dashes."),
        ),
        Field("label", Message("系统名称", "Name")),
        Field("purpose", Message("系统用途", "Purpose"), kind="area"),
    ),
    title=Message("登记信息系统", "Register an information system"),
    button=Message("登记", "Register"),
)


@router.get("")
def get_batches(visit: CatalogueReaderVisit) -> Response:
    """List the batches of one's department; the authority sees all."""
    provider = None if visit.has(Role.AUTHORITY) else visit.actor.organisation
    with reading(visit.platform.engine) as connection:
        found = batches(connection, provider, BATCHES_SHOWN)
    rows: list[tuple[Cell, ...]] = [
        (Link(item.name, f"{BATCHES}/{item.id}"), item.rows) for item in found
    ]
    return visit.page(
        Message("目录导入批次", "Batches of entries"),
        Rows((Message("批次", "Batch"), Message("条目数", "Entries")), rows),
    )


@router.get("/{batch_id}")
def get_batch(batch_id: str, visit: CatalogueReaderVisit) -> Response:
    """Show a batch, its rows, and what can be done with it next."""
    batch = seen_batch(visit.platform, visit.actor, batch_id)
    with reading(visit.platform.engine) as connection:
        rows = members(connection, batch_id)
    states = {item.revision.state for item in rows}
    listed: list[tuple[Cell, ...]] = [
        (
            item.revision.entry.code,
            Link(_name(visit, item.revision.entry.name), f"{HOME}/{item.revision.entry_id}"),
            STATES[item.state],
        )
        for item in rows[:ROWS_SHOWN]
    ]
    signed = bool(rows) and all(item.revision.signed_by for item in rows)
    assessed = bool(rows) and all(item.revision.secrecy for item in rows)
    return visit.page(
        batch.name,
        Facts(
            [
                (Message("条目数", "Entries"), batch.rows),
                (Message("两项评估", "Assessments"), _done(good=assessed)),
                (Message("部门负责人审签", "Head's sign-off"), _done(good=signed)),
            ]
        ),
        Links(_ways(visit, batch, states, signed=signed)),
        Rows(
            (
                Message("目录代码", "Code"),
                Message("目录名称", "Name"),
                Message("状态", "State"),
            ),
            listed,
        ),
    )


@linkage.get("")
def get_systems(visit: CatalogueReaderVisit) -> Response:
    """List the systems of one's department, and what has no counterpart."""
    provider = None if visit.has(Role.AUTHORITY) else visit.actor.organisation
    with reading(visit.platform.engine) as connection:
        known = systems(connection, provider)
        lonely = orphans(connection, provider)
        heads = [head_of(connection, name) for name in lonely.entries[:ROWS_SHOWN]]
    rows: list[tuple[Cell, ...]] = [
        (
            _name(visit, item.label),
            _name(visit, item.purpose),
            Badge(Message("未关联目录", "Feeds no entry"), "wait")
            if item.name in lonely.systems
            else Badge(Message("已关联", "Linked"), "good"),
        )
        for item in known
    ]
    alone: list[tuple[Cell, ...]] = [
        (Link(item.code, f"{HOME}/{item.id}"),) for item in heads if item is not None
    ]
    own = visit.has(Role.PROVIDER, Role.STEWARD)
    register = Link(Message("登记信息系统", "Register a system"), f"{SYSTEMS}/new", strong=True)
    return visit.page(
        Message("信息系统与关联检查", "Systems and linkage"),
        Links([register] if own else []),
        Rows(
            (
                Message("信息系统", "System"),
                Message("用途", "Purpose"),
                Message("关联情况", "Linkage"),
            ),
            rows,
        ),
        Heading(Message("未关联在用系统的目录条目", "Entries that no live system feeds")),
        Rows((Message("目录代码", "Code"),), alone),
    )


def _ways(visit: Visit, batch: Batch, states: set[RevisionState], *, signed: bool) -> list[Link]:
    path, own = f"{BATCHES}/{batch.id}", visit.actor.organisation == batch.provider
    if states == {RevisionState.SUBMITTED} and visit.has(Role.AUTHORITY):
        return [
            Link(Message("同意发布", "Publish"), f"{path}/publication", strong=True),
            Link(Message("一次性告知并退回", "Return with all that lacks"), f"{path}/return"),
            Link(Message("不予发布", "Refuse"), f"{path}/refusal"),
        ]
    if states != {RevisionState.DRAFT} or not own:
        return []
    links = []
    if visit.has(*DRAFTERS):
        links.append(Link(Message("录入整批评估", "Enter assessments"), f"{path}/assessments"))
        if signed:
            words = Message("提交审核", "Submit for review")
            links.append(Link(words, f"{path}/submission", strong=True))
    if visit.has(Role.DEPARTMENT_HEAD) and not signed:
        links.append(Link(Message("整批审签", "Sign off"), f"{path}/sign-off", strong=True))
    return links


def _done(*, good: bool) -> Badge:
    if good:
        return Badge(Message("已完成", "Done"), "good")
    return Badge(Message("尚未完成", "Not yet"), "wait")


def _name(visit: Visit, words: Wording) -> str:
    return words.zh if visit.language == "zh" else words.en


def _batch(visit: Visit) -> str:
    return str(visit.request.path_params["batch_id"])


def _back(visit: Visit) -> str:
    return f"{BATCHES}/{_batch(visit)}?done=1"


class _FormOf:
    """A form that carries the digest of the batch as its reader sees it."""

    def __init__(self, title: Message, button: Message) -> None:
        """Keep the words."""
        self._title, self._button = title, button

    def __call__(self, visit: Visit) -> Form:
        """Return the form for this visit."""
        batch = seen_batch(visit.platform, visit.actor, _batch(visit))
        return Form(
            fields=(Field("digest", "", kind="hidden", value=batch.digest),),
            title=self._title,
            intro=Message(f"共 {batch.rows} 条。", f"{batch.rows} entries."),
            button=self._button,
        )


def _assess(visit: Visit, entered: Entered) -> str:
    papers = (assessment_of(entered, "secrecy_"), assessment_of(entered, "personal_"))
    assess_batch(visit.platform.book, visit.actor, _batch(visit), *papers)
    return _back(visit)


def _sign(visit: Visit, entered: Entered) -> str:
    sign_off_batch(visit.platform.book, visit.actor, _batch(visit), entered["digest"])
    return _back(visit)


def _submit(visit: Visit, _entered: Entered) -> str:
    submit_batch(visit.platform.book, visit.actor, _batch(visit))
    return _back(visit)


def _publish(visit: Visit, entered: Entered) -> str:
    publish_batch(visit.platform.book, visit.actor, _batch(visit), entered["digest"])
    return _back(visit)


def _return(visit: Visit, entered: Entered) -> str:
    return_batch(visit.platform.book, visit.actor, _batch(visit), papers_of(entered))
    return _back(visit)


def _refuse(visit: Visit, entered: Entered) -> str:
    refuse_batch(visit.platform.book, visit.actor, _batch(visit), entered["reason"])
    return _back(visit)


def _register(visit: Visit, entered: Entered) -> str:
    document = SystemDocument.model_validate(
        {
            "name": entered["name"],
            "label": {"zh": entered["label"]},
            "purpose": {"zh": entered["purpose"]},
        }
    )
    register_system(visit.platform.writer, visit.actor, visit.actor.organisation, document)
    return f"{SYSTEMS}?done=1"


_SIGNING = _FormOf(Message("整批审签", "Sign the batch off"), Message("同意并审签", "Sign off"))
_PUBLISHING = _FormOf(Message("整批发布", "Publish the batch"), Message("同意发布", "Publish"))
for _path, _form, _act, _visitors in (
    ("assessments", PAPERS, _assess, DRAFTERS),
    ("sign-off", _SIGNING, _sign, HEADS),
    ("submission", SUBMISSION, _submit, DRAFTERS),
    ("publication", _PUBLISHING, _publish, REVIEWERS),
    ("return", RETURNING, _return, REVIEWERS),
    ("refusal", REFUSING, _refuse, REVIEWERS),
):
    posting(router, f"/{{batch_id}}/{_path}", _form, _act, visitors=_visitors)
posting(linkage, "/new", SYSTEM, _register, visitors=DRAFTERS)


@subjects.get("/{subject}")
def get_subject(subject: str, _visit: AnyVisit) -> Response:
    """Lead from a matter to what it is about: an entry, or a batch of them."""
    home = BATCHES if subject.startswith("bat_") else HOME
    return RedirectResponse(f"{home}/{quote(subject, safe='')}", status_code=303)
