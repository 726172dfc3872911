"""Pages of corrections and objections: say that data are wrong, verify it, correct, answer, recall.

Each form does what the API does; what a person may not do is not shown, and refused if tried.
"""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from fastapi.responses import Response

from authorization.organisations import organisations
from catalog.matters.reads import matter
from catalog.quality.correction_reads import (
    AffectedOutput,
    Correction,
    affected,
    corrections,
    flags_for,
    moves,
    readable_correction,
)
from catalog.quality.correction_states import STATE_NAMES, CorrectionState
from catalog.quality.correction_targets import RaisedCorrection
from catalog.quality.corrections import HANDLERS
from catalog.store import datasets
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import Role
from service.pages.blocks import (
    Badge,
    Block,
    Event,
    Facts,
    Filled,
    Heading,
    Link,
    Links,
    Paragraph,
    Rows,
    Timeline,
    shown_time,
)
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, Visit
from service.pages.names import dataset_titles
from service.pages.routes import PageRoute
from service.quality import correction_desk
from service.recalling import recall_affected

HOME = "/pages/corrections"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)

_TONES: Mapping[CorrectionState, str] = {
    CorrectionState.RAISED: "wait",
    CorrectionState.REFERRED: "wait",
    CorrectionState.UPHELD: "bad",
    CorrectionState.CORRECTED: "wait",
    CorrectionState.ANSWERED: "good",
    CorrectionState.REFUSED: "plain",
    CorrectionState.WITHDRAWN: "plain",
}
_KINDS = {"correction": Message("校核", "Correction"), "objection": Message("异议", "Objection")}
_MOVES: Mapping[str, Message] = {
    "raise": Message("提出", "Raised"),
    "refer": Message("转办", "Referred"),
    "uphold": Message("核实属实", "Upheld"),
    "refuse": Message("核实不属实", "Not upheld"),
    "correct": Message("更正", "Corrected"),
    "answer": Message("反馈", "Answered"),
    "supplement": Message("补正材料", "Papers completed"),
    "withdraw": Message("撤回", "Taken back"),
}
_ANSWER = Field(
    "answer", Message("核实情况或反馈意见", "What was found, or the answer"), kind="area"
)
UPHOLD = Form(
    fields=(_ANSWER,),
    title=Message("核实属实", "Uphold"),
    intro=Message(
        "属实后，系统列出并标记依据该数据形成的成果，并通知其持有单位。",
        "What rests on the data is then listed and flagged, and its holders are told.",
    ),
    button=Message("确认属实", "It is wrong: uphold"),
)
REFUSE = Form(
    fields=(_ANSWER,),
    title=Message("核实不属实", "Refuse"),
    button=Message("反馈不属实", "It is right: answer so"),
)
CORRECT = Form(
    fields=(),
    title=Message("登记更正", "Record the correction"),
    intro=Message(
        "请先发布更正后的数据版本（或目录版本），再登记。",
        "Publish the corrected version of the data or the entry first.",
    ),
    button=Message("以最新版本登记更正", "The newest version corrects it"),
)
ANSWER = Form(
    fields=(_ANSWER,),
    title=Message("反馈并办结", "Answer and close"),
    button=Message("反馈并办结", "Answer and close"),
)
SUPPLEMENT = Form(
    fields=(Field("evidence", Message("补正的材料", "The papers asked for"), kind="area"),),
    title=Message("补正材料", "Complete the papers"),
)
REFER = Form(
    fields=(),
    title=Message("转办", "Refer"),
    button=Message("转供数单位核实", "Refer to the provider"),
)
WITHDRAW = Form(
    fields=(),
    title=Message("撤回", "Take it back"),
    button=Message("撤回", "Take it back"),
    danger=True,
)
RECALL = Form(
    fields=(Field("reason", Message("召回理由", "Why they are recalled"), kind="area"),),
    title=Message("召回受影响的成果", "Recall what rests on the data"),
    button=Message("召回全部已交付成果", "Recall all that was delivered"),
    danger=True,
)


@router.get("")
def get_corrections(visit: AnyVisit) -> Response:
    """List one's own corrections, those of one's department, and flags on what one holds."""
    with reading(visit.platform.engine) as connection:
        found = corrections(connection, visit.actor)
        flags = flags_for(connection, visit.actor.organisation)
        titles = dataset_titles(connection)
    blocks: list[Block] = []
    if not visit.has(Role.REGULATOR):
        raise_one = Message("提出校核或异议", "Say that data are wrong")
        blocks.append(Links([Link(raise_one, f"{HOME}/new", strong=True)]))
    blocks.append(
        Rows(
            (
                Message("办件编号", "Case"),
                Message("类型", "Kind"),
                Message("对象", "About"),
                Message("提出时间", "Raised"),
                Message("状态", "State"),
            ),
            [
                (
                    Link(item.case_number, f"{HOME}/{item.id}"),
                    _KINDS[item.kind],
                    titles.get(item.subject, item.subject),
                    shown_time(item.raised_us),
                    _badge(item.state),
                )
                for item in found
            ],
        )
    )
    if flags:
        blocks += [
            Heading(Message("本单位受影响的成果", "What we hold that rests on wrong data")),
            Rows(
                (Message("成果", "Output"), Message("数据集", "Data"), Message("标记时间", "When")),
                [
                    (
                        Message(str(flag["title_zh"]), str(flag["title_en"])),
                        titles.get(str(flag["dataset"]), str(flag["dataset"] or "—")),
                        shown_time(int(str(flag["flagged_us"]))),
                    )
                    for flag in flags
                ],
            ),
        ]
    return visit.page(Message("校核与异议", "Corrections and objections"), *blocks)


def _new_form(visit: Visit) -> Form:
    with reading(visit.platform.engine) as connection:
        known = datasets(connection)
    names = [
        (item.declaration.name, Message(item.declaration.label_zh, item.declaration.label_en))
        for item in known
    ]
    return Form(
        fields=(
            Field("subject", Message("数据集", "Data set"), kind="choice", choices=names),
            Field("claim", Message("有何错误", "What is wrong"), kind="area"),
            Field("evidence", Message("证据或依据", "Evidence"), kind="area"),
            Field(
                "real_name",
                Message("真实姓名（提出异议时填写）", "Real name (for an objection)"),
                required=False,
                help=Message(
                    "填写后按实名异议办理，须与登记姓名一致；不填则按校核办理。",
                    "With your registered name this is an objection; without, a correction.",
                ),
            ),
        ),
        title=Message("提出校核或异议", "Say that data are wrong"),
    )


def _raise(visit: Visit, entered: Entered) -> str:
    name = entered["real_name"]
    asked = RaisedCorrection(
        kind="objection" if name else "correction",
        target="dataset",
        subject=entered["subject"],
        claim=entered["claim"],
        evidence=entered["evidence"],
        real_name=name,
    )
    recorded = correction_desk(visit.platform).raise_correction(visit.actor, asked)
    return f"{HOME}/{recorded.value.id}?done=1"


RAISERS = tuple(role for role in Role if role not in {Role.REGULATOR, Role.SYSTEM})
posting(router, "/new", _new_form, _raise, visitors=RAISERS)


@router.get("/{correction}")
def get_correction(correction: str, visit: AnyVisit) -> Response:
    """Show one correction, its way so far, and what the reader can do about it."""
    return _shown(visit, correction)


def _shown(visit: Visit, identifier: str) -> Response:
    with reading(visit.platform.engine) as connection:
        found = readable_correction(connection, visit.actor, identifier)
        history = moves(connection, identifier)
        opened = matter(connection, found.matter or found.referral or "")
        houses = organisations(connection, [found.provider])
        titles = dataset_titles(connection)
        parties = {found.provider, visit.platform.authority}
        sees = visit.actor.organisation in parties or visit.has(Role.REGULATOR)
        outputs = affected(connection, identifier) if sees else []
    provider = houses.get(found.provider)
    due = "—" if opened is None or opened.due is None else opened.due.on
    blocks: list[Block] = [
        Facts(
            [
                (Message("办件编号", "Case"), found.case_number),
                (Message("类型", "Kind"), _KINDS[found.kind]),
                (Message("对象", "About"), titles.get(found.subject, found.subject)),
                (
                    Message("供数单位", "Provider"),
                    Message(provider.name_zh, provider.name_en) if provider else found.provider,
                ),
                (Message("状态", "State"), _badge(found.state)),
                (Message("办理期限", "To be done by"), due),
                (Message("有何错误", "What is wrong"), found.claim),
                (Message("证据", "Evidence"), found.evidence),
                (Message("反馈", "Answer"), found.answer or "—"),
            ]
        )
    ]
    if outputs:
        blocks += _outputs(outputs)
    blocks += _forms(visit, found, outputs)
    blocks += [
        Heading(Message("办理过程", "What was done")),
        Timeline(
            [
                Event(
                    shown_time(int(str(move["moved_us"]))),
                    _MOVES.get(str(move["move"]), str(move["move"])),
                    more=str(move["note"]) if str(move["move"]) != "correct" else "",
                )
                for move in history
            ]
        ),
    ]
    return visit.page(_KINDS[found.kind], *blocks)


def _outputs(outputs: Sequence[AffectedOutput]) -> list[Block]:
    return [
        Heading(Message("受影响的成果", "What rests on the data")),
        Rows(
            (Message("成果", "Output"), Message("持有单位", "Held by")),
            [(Message(item.title_zh, item.title_en), item.organisation) for item in outputs],
        ),
    ]


def _forms(visit: Visit, found: Correction, outputs: Sequence[AffectedOutput]) -> list[Block]:
    """Return the forms that this person can use now; each is checked again when it is sent."""
    path, state = f"{HOME}/{found.id}", found.state
    own = visit.actor.person == found.person
    keeps = visit.actor.organisation == found.provider and visit.has(*HANDLERS) and not own
    blocks: list[Block] = []
    if keeps and state is CorrectionState.REFERRED:
        blocks += [Filled(UPHOLD, f"{path}/upholding"), Filled(REFUSE, f"{path}/refusal")]
    if keeps and state is CorrectionState.UPHELD:
        blocks.append(Filled(CORRECT, f"{path}/correction"))
    if keeps and state is CorrectionState.CORRECTED:
        blocks.append(Filled(ANSWER, f"{path}/answer"))
    if visit.has(Role.AUTHORITY) and not own and state is CorrectionState.RAISED:
        blocks.append(Filled(REFER, f"{path}/referral"))
    if visit.has(Role.AUTHORITY) and outputs:
        blocks.append(Filled(RECALL, f"{path}/recalls"))
    if own and state in {CorrectionState.RAISED, CorrectionState.REFERRED}:
        blocks += [Filled(SUPPLEMENT, f"{path}/supplement"), Filled(WITHDRAW, f"{path}/withdrawal")]
    if keeps and state is CorrectionState.UPHELD:
        words = Message(
            "更正前请先上传更正后的数据。", "Upload the corrected data before you record it."
        )
        blocks.append(Paragraph(words, "wait"))
    return blocks


def _named(visit: Visit) -> str:
    return str(visit.request.path_params["correction"])


def _done(identifier: str) -> str:
    return f"{HOME}/{identifier}?done=1"


def _uphold(visit: Visit, entered: Entered) -> str:
    desk, name = correction_desk(visit.platform), _named(visit)
    return _done(desk.judge(visit.actor, name, upheld=True, answer=entered["answer"]).value.id)


def _refuse(visit: Visit, entered: Entered) -> str:
    desk, name = correction_desk(visit.platform), _named(visit)
    return _done(desk.judge(visit.actor, name, upheld=False, answer=entered["answer"]).value.id)


def _correct(visit: Visit, _entered: Entered) -> str:
    return _done(correction_desk(visit.platform).correct(visit.actor, _named(visit)).value.id)


def _answer(visit: Visit, entered: Entered) -> str:
    desk = correction_desk(visit.platform)
    return _done(desk.answer(visit.actor, _named(visit), entered["answer"]).value.id)


def _supplement(visit: Visit, entered: Entered) -> str:
    desk = correction_desk(visit.platform)
    return _done(desk.supplement(visit.actor, _named(visit), entered["evidence"]).value.id)


def _refer(visit: Visit, _entered: Entered) -> str:
    return _done(correction_desk(visit.platform).refer(visit.actor, _named(visit)).value.id)


def _withdraw(visit: Visit, _entered: Entered) -> str:
    return _done(correction_desk(visit.platform).withdraw(visit.actor, _named(visit)).value.id)


def _recall(visit: Visit, entered: Entered) -> str:
    recall_affected(visit.platform, visit.actor, _named(visit), entered["reason"])
    return _done(_named(visit))


posting(router, "/{correction}/upholding", UPHOLD, _uphold, visitors=HANDLERS)
posting(router, "/{correction}/refusal", REFUSE, _refuse, visitors=HANDLERS)
posting(router, "/{correction}/correction", CORRECT, _correct, visitors=HANDLERS)
posting(router, "/{correction}/answer", ANSWER, _answer, visitors=HANDLERS)
posting(router, "/{correction}/supplement", SUPPLEMENT, _supplement, visitors=RAISERS)
posting(router, "/{correction}/withdrawal", WITHDRAW, _withdraw, visitors=RAISERS)
posting(router, "/{correction}/referral", REFER, _refer, visitors=(Role.AUTHORITY,))
posting(router, "/{correction}/recalls", RECALL, _recall, visitors=(Role.AUTHORITY,))


def _badge(state: CorrectionState) -> Badge:
    return Badge(STATE_NAMES[state], _TONES[state])
