"""The forms of a sharing request, in the words of the offices, and what each carries out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from authorization.sharing.form import ShareDraft
from authorization.sharing.states import AS_AUTHORITY, Share, ShareState, visible_share
from authorization.sharing.using import UseRecord
from catalog.store import current_version, dataset_by_name, datasets
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Actor, Role
from service.pages.blocks import Filled
from service.pages.forms import Entered, Field, Form
from service.pages.frame import Visit
from service.sharing_desks import SharingDesks, sharing_of

HOME = "/pages/sharing"
MODES = (
    ("service", Message("服务接口", "Interface")),
    ("batch", Message("批量交换", "Batch")),
    ("file", Message("文件下载", "File")),
)
FORM_FIELDS = (
    Field("basis", Message("使用依据", "Basis of use"), kind="area"),
    Field("scenario", Message("使用场景", "Scenario"), kind="area"),
    Field("scope", Message("使用范围", "Scope of use"), kind="area"),
    Field("mode", Message("共享方式", "Mode"), kind="choice", choices=MODES),
    Field("until", Message("使用时限（最后一日）", "Last day of use"), kind="date"),
    Field(
        "region",
        Message("下沉区域的区划代码（按区域回流时填写）", "Division code, for one region's rows"),
        required=False,
    ),
)
READ = Field("document_digest", Message("申请内容摘要", "Digest of the form"), kind="hidden")
_REASON = Field("reason", Message("理由", "Reason"), kind="area")


def _plain(zh: str, en: str, *, danger: bool = False, intro: Message | str = "") -> Form:
    words = Message(zh, en)
    return Form(fields=(), title=words, button=words, danger=danger, intro=intro)


def _reasoned(zh: str, en: str, *, danger: bool = False) -> Form:
    words = Message(zh, en)
    return Form(fields=(_REASON,), title=words, button=words, danger=danger)


FORMS: Mapping[str, Form] = {
    "sign-off": Form(
        fields=(READ,),
        title=Message("负责人审签", "Sign off as head"),
        button=Message("负责人审签", "Sign off as head"),
    ),
    "submission": _plain("提交申请", "Submit"),
    "withdrawal": _plain("撤回申请", "Take it back", danger=True),
    "papers": Form(fields=FORM_FIELDS, title=Message("补齐材料", "Complete the papers")),
    "approval": Form(
        fields=(
            Field(
                "conditions",
                Message("使用条件（每行一条）", "Conditions, one a line"),
                kind="area",
                required=False,
                help=Message(
                    "只能重申目录载明的使用条件，不得另设条件。",
                    "Only conditions that the catalogue entry states.",
                ),
            ),
            READ,
        ),
        title=Message("同意共享", "Agree to share"),
        button=Message("同意", "Agree"),
    ),
    "refusal": Form(
        fields=(_REASON, Field("legal_basis", Message("法律依据", "Legal basis"), kind="area")),
        title=Message("不同意共享", "Refuse to share"),
        button=Message("不同意", "Refuse"),
        danger=True,
    ),
    "seal": _plain("加盖数据共享专用章", "Put the data-sharing seal on the decision"),
    "uses": Form(
        fields=(
            Field("scenario", Message("使用场景", "Scenario"), kind="area"),
            Field("process", Message("使用过程", "Process"), kind="area"),
            Field("effect", Message("应用成效", "Effect"), kind="area"),
            Field("storage", Message("存储情况", "Storage"), kind="area"),
        ),
        title=Message("登记使用情况", "Record the use"),
    ),
    "suspension": _reasoned("暂停共享", "Suspend", danger=True),
    "rectification": _reasoned("提交整改情况", "Say what was put right"),
    "resumption": _reasoned("恢复共享", "Resume"),
    "termination": _reasoned("终止共享", "Terminate", danger=True),
    "disposal": Form(
        fields=(Field("method", Message("销毁方式", "How it was destroyed"), kind="area"),),
        title=Message("销毁并出具证明", "Certify the destruction"),
        danger=True,
    ),
    "promotion": Form(
        fields=(Field("achieved", Message("应用成效", "What was achieved"), kind="area"),),
        title=Message("申报应用推广", "Put forward for promotion"),
    ),
}


def supply_form(visit: Visit) -> Form:
    """Return the form that opens delivery, with the department's own data sets."""
    with reading(visit.platform.engine) as connection:
        mine = [
            (one.declaration.name, Message(one.declaration.label_zh, one.declaration.label_en))
            for one in datasets(connection)
            if one.provider == visit.actor.organisation
            and current_version(connection, one.id) is not None
        ]
    return Form(
        fields=(
            Field("dataset", Message("数据集", "Data set"), kind="choice", choices=mine),
            Field(
                "columns",
                Message("字段（每行一个；不填为全部可提供字段）", "Columns, one a line; none: all"),
                kind="area",
                required=False,
            ),
        ),
        title=Message("供给数据", "Supply the data"),
        button=Message("供给", "Supply"),
    )


_D, _S, _A = ShareState.DRAFT, ShareState.SUBMITTED, ShareState.APPROVED
_USED = frozenset({ShareState.SUPPLIED, ShareState.IN_USE})
_HELD = _USED | {ShareState.SUSPENDED, ShareState.TERMINATED}
_OFFERS: Sequence[tuple[str, str, frozenset[ShareState]]] = (
    ("sign-off", "head", frozenset({_D})),
    ("submission", "user", frozenset({_D})),
    ("papers", "head", frozenset({_S})),
    ("approval", "provider", frozenset({_S})),
    ("refusal", "provider", frozenset({_S})),
    ("supply", "provider", frozenset({_A})),
    ("seal", "sealer", frozenset(ShareState) - {_D, _S, ShareState.WITHDRAWN}),
    ("uses", "user", _USED),
    ("promotion", "user", _USED),
    ("suspension", "overseer", _USED),
    ("rectification", "user", frozenset({ShareState.SUSPENDED})),
    ("resumption", "lifter", frozenset({ShareState.RECTIFYING})),
    ("termination", "overseer", _USED | {ShareState.RECTIFYING}),
    ("disposal", "head", _HELD),
    ("withdrawal", "user", frozenset({_D, _S})),
)
"""Which form is shown to whom in which states."""


def offered(share: Share, actor: Actor, authority: str) -> Sequence[str]:
    """Return the forms this person can use now; each is checked again when it is sent."""
    parts = _parts_of(share, actor, authority)
    if "authority" in parts or ("overseer" in parts and share.suspended_as != AS_AUTHORITY):
        parts.add("lifter")
    signed = share.signed_by is not None
    unfit = {"sign-off"} if signed else {"submission"}
    return [
        name
        for name, part, states in _OFFERS
        if part in parts and share.state in states and name not in unfit
    ]


def _parts_of(share: Share, actor: Actor, authority: str) -> set[str]:
    """Return what a person is to a request: its user, that one's head, provider, overseer."""
    head = actor.has(Role.DEPARTMENT_HEAD)
    parts: set[str] = set()
    if actor.organisation == share.requester:
        parts |= {"user", "head"} if head else {"user"}
    if actor.organisation == share.provider:
        parts |= {"provider", "overseer"} if actor.has(Role.PROVIDER) else set()
        parts |= {"sealer"} if head or actor.person == share.decided_by else set()
    if actor.organisation == authority and actor.has(Role.AUTHORITY):
        parts |= {"overseer", "authority"}
    return parts


def filled(visit: Visit, share: Share, name: str) -> Filled:
    """Return one of the forms, ready to be sent."""
    form = supply_form(visit) if name == "supply" else read_now(FORMS[name], share)
    return Filled(form, f"{HOME}/{share.id}/{name}")


def form_of_name(name: str) -> Form | Callable[[Visit], Form]:
    """Return a form; one that signs or agrees names the text as it stands when it is shown."""
    form = FORMS[name]
    if READ not in form.fields:
        return form

    def made(visit: Visit) -> Form:
        with reading(visit.platform.engine) as connection:
            share = visible_share(connection, visit.actor, visit.request.path_params["share"])
        return read_now(form, share)

    return made


def read_now(form: Form, share: Share) -> Form:
    """Return a form that names the very text its reader sees: no other is signed or agreed to."""
    now = replace(READ, value=share.document_digest)
    return replace(form, fields=tuple(now if item is READ else item for item in form.fields))


def drafted(entered: Entered) -> dict[str, object]:
    """Return the fields of a request as they were entered."""
    raw = {item.name: entered[item.name] or None for item in FORM_FIELDS}
    return ShareDraft.model_validate(
        {name: value for name, value in raw.items() if value is not None}
    ).model_dump(mode="json")


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _supply(desks: SharingDesks, visit: Visit, share: str, entered: Entered) -> None:
    columns = _lines(entered["columns"])
    if not columns:
        with reading(visit.platform.engine) as connection:
            dataset = dataset_by_name(connection, entered["dataset"])
        declared = () if dataset is None else dataset.declaration.columns
        columns = tuple(one.name for one in declared if str(one.exposure) != "never")
    desks.supplying.supply(visit.actor, share, entered["dataset"], columns)


def _use(entered: Entered) -> UseRecord:
    return UseRecord(**{item.name: entered[item.name] for item in FORMS["uses"].fields})


Carried = Callable[[SharingDesks, Visit, str, Entered], object]
ACTS: Mapping[str, Carried] = {
    "sign-off": lambda d, v, s, e: d.applying.sign_off(v.actor, s, e[READ.name]),
    "submission": lambda d, v, s, _e: d.applying.submit(v.actor, s),
    "withdrawal": lambda d, v, s, _e: d.applying.withdraw(v.actor, s),
    "papers": lambda d, v, s, e: d.applying.complete(v.actor, s, drafted(e)),
    "approval": lambda d, v, s, e: d.deciding.approve(
        v.actor, s, _lines(e["conditions"]), read_digest=e[READ.name]
    ),
    "refusal": lambda d, v, s, e: d.deciding.refuse(v.actor, s, e["reason"], e["legal_basis"]),
    "supply": _supply,
    "seal": lambda d, v, s, _e: d.sealing.seal(v.actor, s),
    "uses": lambda d, v, s, e: d.using.record_use(v.actor, s, _use(e)),
    "suspension": lambda d, v, s, e: d.using.suspend(v.actor, s, e["reason"]),
    "rectification": lambda d, v, s, e: d.using.rectify(v.actor, s, e["reason"]),
    "resumption": lambda d, v, s, e: d.using.resume(v.actor, s, e["reason"]),
    "termination": lambda d, v, s, e: d.using.terminate(v.actor, s, e["reason"]),
    "disposal": lambda d, v, s, e: d.using.dispose(v.actor, s, e["method"]),
    "promotion": lambda d, v, s, e: d.promoting.propose(v.actor, s, e["achieved"]),
}


def acting(name: str) -> Callable[[Visit, Entered], str]:
    """Return what a form of that name carries out, and where it leads."""

    def act(visit: Visit, entered: Entered) -> str:
        share = str(visit.request.path_params["share"])
        ACTS[name](sharing_of(visit.platform), visit, share, entered)
        return f"{HOME}/{share}?done=1"

    return act
