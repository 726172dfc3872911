"""Forms of an entry's road: draft, papers, sign-off, submission, the authority's decision.

Each form carries the digest of what its reader saw, so that nobody signs or publishes another text.
"""

from fastapi import APIRouter

from catalog.book.drafting import begin_change, discard_draft, draft_entry, revise_entry
from catalog.book.parts import (
    Assessment,
    Revision,
    entry_unknown,
    open_revision,
    published_revision,
    refused_revision,
)
from catalog.book.review import (
    publish_entry,
    refuse_entry,
    return_entry,
    submit_entry,
    withdraw_entry,
)
from catalog.book.signing import Paper, assess, sign_off
from catalog.book.subscriptions import Topic, subscribe
from catalog.entries import CatalogueEntry
from catalog.matters.matter import MissingPaper
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Role
from service.api.catalogue_search import seen_head
from service.pages.catalogue import HOME
from service.pages.catalogue_draft import document_of, draft_form
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import Visit
from service.pages.routes import PageRoute

router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
new = APIRouter(prefix=f"{HOME}-new", route_class=PageRoute, include_in_schema=False)
DRAFTERS = (Role.PROVIDER, Role.STEWARD)
HEADS = (Role.DEPARTMENT_HEAD,)
REVIEWERS = (Role.AUTHORITY,)


def assessing(title: Message) -> Form:
    """Return the form of an assessment."""
    return Form(fields=assessed_by(), title=title, button=Message("录入评估", "Enter it"))


def assessed_by(prefix: str = "", label: str = "", label_en: str = "") -> tuple[Field, ...]:
    """Return the fields of an assessment, where two stand in one form with a prefix."""
    conclusions = (
        ("passed", Message("可以编目", "May be catalogued")),
        ("failed", Message("不得编目", "Not to be catalogued")),
    )
    return (
        Field(f"{prefix}assessor", Message(f"{label}评估单位（人）", f"{label_en}Assessor")),
        Field(
            f"{prefix}conclusion",
            Message(f"{label}评估结论", f"{label_en}Conclusion"),
            kind="choice",
            choices=conclusions,
        ),
        Field(
            f"{prefix}document_number",
            Message(f"{label}评估文号", f"{label_en}Document number"),
        ),
        Field(f"{prefix}on", Message(f"{label}评估日期", f"{label_en}Date"), kind="date"),
    )


def assessment_of(entered: Entered, prefix: str = "") -> Assessment:
    """Return the assessment that was entered."""
    names = ("assessor", "conclusion", "document_number", "on")
    return Assessment.model_validate({name: entered[f"{prefix}{name}"] for name in names})


REASON = Field("reason", Message("理由", "Reason"), kind="area")
MISSING = Field(
    "missing",
    Message("缺少的材料", "What lacks"),
    kind="area",
    help=Message(
        "一次性列明全部缺少的材料，每行一项；可写“名称：理由”。",
        "Name everything that lacks, at once, one a line; `name: reason` where it helps.",
    ),
)
CHANGE = Form(
    fields=(
        Field(
            "ground",
            Message("变更依据", "Ground of the change"),
            kind="area",
            help=Message(
                "法律法规或职责的变化；自此 10 个工作日内应提交变更。",
                "The change of law or duties; from now on 10 working days to submit the change.",
            ),
        ),
    ),
    title=Message("启动变更", "Begin a change"),
    button=Message("启动变更", "Begin the change"),
)
SUBMISSION = Form(
    fields=(),
    title=Message("提交审核", "Submit for review"),
    intro=Message(
        "提交后由数据主管部门在 2 个工作日内审核。",
        "The data authority reviews it within 2 working days.",
    ),
    button=Message("提交", "Submit"),
)
RETURNING = Form(
    fields=(MISSING,),
    title=Message("一次性告知并退回", "Return with all that lacks"),
    intro=Message(
        "同一办件只能告知一次。", "The notice is given once for a case: name everything."
    ),
    button=Message("退回", "Return"),
)
REFUSING = Form(fields=(REASON,), title=Message("不予发布", "Refuse to publish"), danger=True)
WITHDRAWING = Form(
    fields=(REASON,),
    title=Message("下线目录条目", "Take the entry off the catalogue"),
    button=Message("下线", "Withdraw"),
    danger=True,
)
DISCARDING = Form(
    fields=(),
    title=Message("作废草稿", "Give the draft up"),
    button=Message("作废", "Give up"),
    danger=True,
)
WATCHING = Form(
    fields=(),
    title=Message("订阅变更", "Subscribe to changes"),
    intro=Message("该条目发布新版本或下线时通知您。", "You are told of versions and withdrawal."),
    button=Message("订阅", "Subscribe"),
)


def papers_of(entered: Entered) -> list[MissingPaper]:
    """Return the papers that a notice names, a line each: name, and why after a colon."""
    found = []
    for line in entered.lines("missing"):
        name, _, reason = line.replace("：", ":").partition(":")
        found.append(MissingPaper(name=name.strip(), reason=reason.strip()))
    return found


def _entry(visit: Visit) -> str:
    return str(visit.request.path_params["entry_id"])


def _page(entry_id: str) -> str:
    return f"{HOME}/{entry_id}?done=1"


def _at_work(visit: Visit) -> Revision:
    """Return the text at work of the entry of this page. Raises NotFound."""
    with reading(visit.platform.engine) as connection:
        seen_head(connection, visit.actor, _entry(visit))
        found = open_revision(connection, _entry(visit))
    if found is None:
        raise entry_unknown()
    return found


def _text(visit: Visit) -> tuple[str, CatalogueEntry]:
    """Return the department and the text that a rewriting begins with."""
    with reading(visit.platform.engine) as connection:
        head = seen_head(connection, visit.actor, _entry(visit))
        found = open_revision(connection, head.id)
        if found is None and head.version is not None:
            found = published_revision(connection, head.id, head.version)
        if found is None:
            found = refused_revision(connection, head.id)
    return head.provider, found.entry


def _draft(visit: Visit, entered: Entered) -> str:
    document = document_of(entered, None)
    recorded = draft_entry(visit.platform.book, visit.actor, visit.actor.organisation, document)
    return _page(recorded.value.entry_id)


def _revise(visit: Visit, entered: Entered) -> str:
    _provider, old = _text(visit)
    revise_entry(visit.platform.book, visit.actor, _entry(visit), document_of(entered, old))
    return _page(_entry(visit))


def _change(visit: Visit, entered: Entered) -> str:
    begin_change(visit.platform.book, visit.actor, _entry(visit), entered["ground"])
    return f"{HOME}/{_entry(visit)}/revision"


def _assess_secrecy(visit: Visit, entered: Entered) -> str:
    paper = assessment_of(entered)
    assess(visit.platform.book, visit.actor, _entry(visit), Paper.SECRECY, paper)
    return _page(_entry(visit))


def _assess_personal(visit: Visit, entered: Entered) -> str:
    paper = assessment_of(entered)
    assess(visit.platform.book, visit.actor, _entry(visit), Paper.PERSONAL, paper)
    return _page(_entry(visit))


def _sign(visit: Visit, entered: Entered) -> str:
    sign_off(visit.platform.book, visit.actor, _entry(visit), entered["papers"])
    return _page(_entry(visit))


def _submit(visit: Visit, _entered: Entered) -> str:
    submit_entry(visit.platform.book, visit.actor, _entry(visit))
    return _page(_entry(visit))


def _publish(visit: Visit, entered: Entered) -> str:
    publish_entry(visit.platform.book, visit.actor, _entry(visit), entered["digest"])
    return _page(_entry(visit))


def _return(visit: Visit, entered: Entered) -> str:
    return_entry(visit.platform.book, visit.actor, _entry(visit), papers_of(entered))
    return _page(_entry(visit))


def _refuse(visit: Visit, entered: Entered) -> str:
    refuse_entry(visit.platform.book, visit.actor, _entry(visit), entered["reason"])
    return _page(_entry(visit))


def _withdraw(visit: Visit, entered: Entered) -> str:
    withdraw_entry(visit.platform.book, visit.actor, _entry(visit), entered["reason"])
    return _page(_entry(visit))


def _discard(visit: Visit, _entered: Entered) -> str:
    discard_draft(visit.platform.book, visit.actor, _entry(visit))
    return f"{HOME}?done=1"


def _watch(visit: Visit, _entered: Entered) -> str:
    platform = visit.platform
    rules, entry_id = platform.catalog_rules, _entry(visit)
    subscribe(platform.writer, rules, visit.actor, Topic.ENTRY, entry_id)
    return _page(entry_id)


def _signing(visit: Visit) -> Form:
    at_work = _at_work(visit)
    return Form(
        fields=(Field("papers", "", kind="hidden", value=at_work.papers),),
        title=Message("部门负责人审签", "The head's sign-off"),
        intro=Message(
            f"审签《{at_work.entry.name.zh}》的内容及两项评估；此后任何修改都使审签失效。",
            f"You sign off {at_work.entry.name.en} with both assessments; any later change "
            "undoes it.",
        ),
        button=Message("同意并审签", "Sign off"),
    )


def _publishing(visit: Visit) -> Form:
    at_work = _at_work(visit)
    return Form(
        fields=(Field("digest", "", kind="hidden", value=at_work.digest),),
        title=Message("同意发布", "Publish"),
        intro=Message(
            f"发布《{at_work.entry.name.zh}》。", f"You publish {at_work.entry.name.en}."
        ),
        button=Message("同意发布", "Publish"),
    )


posting(
    new,
    "",
    lambda visit: draft_form(visit, visit.actor.organisation, None),
    _draft,
    visitors=DRAFTERS,
    name="catalogue-new",
)
posting(
    router,
    "/{entry_id}/revision",
    lambda visit: draft_form(visit, *_text(visit)),
    _revise,
    visitors=DRAFTERS,
)
for _path, _form, _act, _visitors in (
    ("change", CHANGE, _change, DRAFTERS),
    ("secrecy", assessing(Message("保密风险评估", "Secrecy risk")), _assess_secrecy, DRAFTERS),
    (
        "personal",
        assessing(Message("个人信息保护影响评估", "Personal-information impact")),
        _assess_personal,
        DRAFTERS,
    ),
    ("sign-off", _signing, _sign, HEADS),
    ("submission", SUBMISSION, _submit, DRAFTERS),
    ("publication", _publishing, _publish, REVIEWERS),
    ("return", RETURNING, _return, REVIEWERS),
    ("refusal", REFUSING, _refuse, REVIEWERS),
    ("withdrawal", WITHDRAWING, _withdraw, REVIEWERS),
    ("discard", DISCARDING, _discard, DRAFTERS),
    ("subscription", WATCHING, _watch, ()),
):
    posting(router, f"/{{entry_id}}/{_path}", _form, _act, visitors=_visitors)
