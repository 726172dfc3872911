"""Pages of the release desk: what waits for a checker, one request with its checks, the vote.

A vote is on exactly the bytes that the page's digest names. Votes stay blind until all are in:
these pages show of a request what the API shows, and nothing more.
"""

import csv
import io
from collections.abc import Mapping
from itertools import islice
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from disclosure.release.bodies import CommentText, ExceptionGranted, ReleaseVote
from disclosure.release.delivered import MEDIA_TYPES
from disclosure.release.requests import Request, requests_of
from disclosure.release.states import STATE_NAMES, VOTING, ReleaseState, shown
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Role
from service.api.releases import is_readable, post_copy, readable_request
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
from service.pages.forms import Entered, Field, Form, posting
from service.pages.frame import AnyVisit, CheckingVisit, OperatorVisit, Visit
from service.pages.names import house_names, licence_titles, person_names
from service.pages.routes import PageRoute

HOME = "/pages/releases"
router = APIRouter(prefix=HOME, route_class=PageRoute, include_in_schema=False)
CHECKERS, OPERATORS = (Role.CHECKER,), (Role.OPERATOR,)
READERS = (Role.CHECKER, Role.RELEASE_OFFICER)
ROWS_SHOWN = 50
TONES = {
    ReleaseState.CHECKED: "wait",
    ReleaseState.SUBMITTED: "wait",
    ReleaseState.RETURNED: "wait",
    ReleaseState.APPROVED: "good",
    ReleaseState.DELIVERED: "good",
    ReleaseState.REFUSED: "bad",
    ReleaseState.RECALLED: "bad",
}
DECISIONS = (
    ("approve", Message("同意出域", "Approve")),
    ("return", Message("退回修改", "Return for changes")),
    ("refuse", Message("不同意出域", "Refuse")),
)
COMMENT = Form(
    fields=(Field("comment", Message("意见", "Comment"), kind="area"),),
    title=Message("发表意见", "Comment"),
    button=Message("发表", "Send"),
)
SUBMIT = Form(
    fields=(),
    title=Message("提交出域审核", "Submit for checking"),
    intro=Message(
        "先自动检查，再由两名审核员分别表决。", "Automatic checks first, then two checkers vote."
    ),
    button=Message("提交", "Submit"),
)
REVISE = Form(
    fields=(),
    title=Message("修改后重报", "Revise"),
    intro=Message("退为草稿，在会话中修改后再提交。", "A draft again: change it in a session."),
    button=Message("退为草稿", "Make it a draft again"),
)
REASON = Field("reason", Message("理由", "Reason"), kind="area")
WITHDRAW = Form(
    fields=(REASON,), title=Message("撤回申请", "Withdraw"), danger=True,
    button=Message("撤回", "Withdraw"),
)  # fmt: skip
RECALL = Form(
    fields=(REASON,), title=Message("召回已交付结果", "Recall what was delivered"), danger=True,
    button=Message("召回", "Recall"),
)  # fmt: skip


@router.get("")
def get_releases(visit: AnyVisit) -> Response:
    """List the requests that the visitor may see, what waits first."""
    with reading(visit.platform.engine) as connection:
        found = [one for one in requests_of(connection, None) if is_readable(one, visit.actor)]
        titles, houses = licence_titles(connection), house_names(connection)
    waiting = [one for one in found if one.state in VOTING]
    rest = [one for one in reversed(found) if one.state not in VOTING]
    blocks: list[Block] = []
    if visit.has(*READERS):
        blocks.append(Heading(Message("等待审核", "Waiting to be checked")))
        none = Message("现在没有等待审核的申请。", "Nothing waits to be checked.")
        blocks.append(_rows(waiting, titles, houses, none))
        blocks.append(Heading(Message("其他申请", "Other requests")))
    else:
        rest = waiting + rest
    none = Message(
        "暂无申请。申请在会话内的笔记本中起草。",
        "No request yet. They are drafted from the notebook inside a session.",
    )
    blocks.append(_rows(rest, titles, houses, none))
    return visit.page(Message("出域审核", "Releases"), *blocks)


def _rows(
    found: list[Request],
    titles: Mapping[str, Message],
    houses: Mapping[str, Message],
    none: Message,
) -> Rows:
    columns = (
        Message("申请", "Request"),
        Message("授权", "Licence"),
        Message("申请单位", "From"),
        Message("提交时间", "Submitted"),
        Message("状态", "State"),
    )
    rows = [
        (
            Link(Message(one.title_zh, one.title_en), f"{HOME}/{one.id}"),
            titles.get(one.licence, one.licence),
            houses.get(one.organisation, one.organisation),
            shown_time(one.submitted_us),
            _badge(one),
        )
        for one in found
    ]
    return Rows(columns, rows, empty=none)


@router.get("/{release}")
def get_release(release: str, visit: AnyVisit) -> Response:
    """Show a request with its checks, files and comments, and what the visitor can do."""
    found = readable_request(visit.platform, visit.actor, release)
    told: Mapping[str, Any] = found.as_json(visit.actor.person)
    with reading(visit.platform.engine) as connection:
        titles, houses = licence_titles(connection), house_names(connection)
        people = person_names(connection)
    blocks: list[Block] = [
        Facts(
            [
                (Message("状态", "State"), _badge(found)),
                (Message("申请单位", "From"), houses.get(found.organisation)),
                (Message("申请人", "Author"), people.get(found.author, found.author)),
                (Message("授权", "Licence"),
                 Link(titles.get(found.licence, found.licence), f"/pages/licences/{found.licence}")
                 if visit.has(Role.AUTHORITY, Role.REGULATOR, *OPERATORS)
                 else titles.get(found.licence)),
                (Message("说明", "What it is for"), found.context or None),
                (Message("提交时间", "Submitted"), shown_time(found.submitted_us)),
            ]
        ),
        *_checks(told),
        Heading(Message("文件", "Files")),
        Rows(
            (Message("文件名", "Name"), Message("格式", "Format"), Message("字节", "Bytes")),
            [(_file(visit, found, made), made["format"].upper(), made["bytes"])
             for made in told["files"]],
            empty=Message("尚未生成文件。", "No file was made yet."),
        ),
    ]  # fmt: skip
    blocks += _words(told, people, houses)
    return visit.page(Message(found.title_zh, found.title_en), *blocks, *_forms(visit, found, told))


def _checks(told: Mapping[str, Any]) -> list[Block]:
    if not told["checks"]:
        return []
    rows = [
        (
            Message(item["text"]["zh"], item["text"]["en"]),
            item["file"] or None,
            Badge(Message("通过", "Passed"), "good")
            if item["ok"]
            else Badge(Message("未通过", "Failed"), "bad"),
        )
        for item in told["checks"]
    ]
    columns = (Message("检查", "Check"), Message("文件", "File"), Message("结果", "Result"))
    return [Heading(Message("自动检查", "Automatic checks")), Rows(columns, rows)]


def _file(visit: Visit, found: Request, made: Mapping[str, Any]) -> Link | str:
    if not visit.has(*READERS) or found.state not in VOTING:
        return str(made["name"])
    return Link(str(made["name"]), f"{HOME}/{found.id}/files/{made['name']}", strong=True)


def _words(
    told: Mapping[str, Any], people: Mapping[str, str], houses: Mapping[str, Message]
) -> list[Block]:
    """Return the comments, and the votes once they are all in."""
    blocks: list[Block] = []
    who = (Message("人员", "Person"), Message("单位", "Organisation"))
    if told["comments"]:
        rows = [
            (people.get(one["person"]), houses.get(one["organisation"]), one["comment"])
            for one in told["comments"]
        ]
        columns = (*who, Message("意见", "Comment"))
        blocks += [Heading(Message("意见", "Comments")), Rows(columns, rows)]
    if told["votes"]:
        decisions = dict(DECISIONS)
        voted = [
            (
                people.get(one["person"]),
                houses.get(one["organisation"]),
                decisions.get(one["decision"], one["decision"]),
                one["comment"] or None,
            )
            for one in told["votes"]
        ]
        heads = (*who, Message("表决", "Vote"), Message("意见", "Comment"))
        blocks += [Heading(Message("表决", "Votes")), Rows(heads, voted)]
    return blocks


def _forms(visit: Visit, found: Request, told: Mapping[str, Any]) -> list[Block]:
    here, state = f"{HOME}/{found.id}", found.state
    blocks: list[Block] = []
    if visit.has(*CHECKERS) and state in VOTING:
        blocks.append(Filled(_voting(visit, found), f"{here}/vote"))
    if visit.has(Role.RELEASE_OFFICER) and state is ReleaseState.RETURNED and found.failed:
        blocks.append(Filled(_excepting(visit, found), f"{here}/exception"))
    if found.author == visit.actor.person and visit.has(*OPERATORS):
        blocks += _authors(found)
    if visit.has(*READERS, *OPERATORS) and told["state"] not in {"draft", "withdrawn"}:
        blocks.append(Filled(COMMENT, f"{here}/comment"))
    if visit.has(Role.AUTHORITY) and state is ReleaseState.DELIVERED:
        blocks.append(Filled(RECALL, f"{here}/recall"))
    return blocks


def _authors(found: Request) -> list[Block]:
    """Return what the author of a request can do where it stands now."""
    here, state = f"{HOME}/{found.id}", found.state
    if state is ReleaseState.DRAFT:
        return [Filled(SUBMIT, f"{here}/submission"), Filled(WITHDRAW, f"{here}/withdrawal")]
    if state is ReleaseState.RETURNED:
        return [Filled(REVISE, f"{here}/revision"), Filled(WITHDRAW, f"{here}/withdrawal")]
    if state is ReleaseState.DELIVERED:
        words = Message("下载结果（ZIP，每份均记入日志）", "Download (ZIP; each copy is logged)")
        return [Links([Link(words, f"{here}/copy", strong=True)])]
    if state not in VOTING:
        return []
    blind = Message("两名审核员的意见收齐后才显示结果。", "Votes show once all of them are in.")
    return [Paragraph(blind), Filled(WITHDRAW, f"{here}/withdrawal")]


@router.get("/{release}/files/{name}")
def get_file(release: str, name: str, visit: CheckingVisit) -> Response:
    """Show a file that would leave, as a table where it is one; the reading is logged."""
    file = visit.platform.desk.preview(visit.actor, release, name)
    if file.format != "csv":
        headers = {"Content-Disposition": f'attachment; filename="{release}.{file.format}"'}
        return Response(file.content, media_type=MEDIA_TYPES[file.format], headers=headers)
    lines = csv.reader(io.StringIO(file.content.decode("utf-8-sig")))
    columns = next(lines, [])
    back = Link(Message("返回申请并表决", "Back, to vote"), f"{HOME}/{release}", strong=True)
    return visit.page(
        name,
        Links([back]),
        Rows(columns, list(islice(lines, ROWS_SHOWN))),
        intro=Message(
            f"显示前 {ROWS_SHOWN} 行；您的查阅已记入日志。",
            f"The first {ROWS_SHOWN} rows; that you read them was logged.",
        ),
    )


@router.get("/{release}/copy")
def get_copy(release: str, visit: OperatorVisit) -> Response:
    """Hand the author their own copy; each is logged and marked."""
    answer = post_copy(release, visit.actor, visit.platform)
    answer.headers["Content-Disposition"] = f'attachment; filename="{release}.zip"'
    answer.status_code = 200
    return answer


def _voting(visit: Visit, found: Request | None = None) -> Form:
    found = found or readable_request(visit.platform, visit.actor, _at(visit))
    return Form(
        fields=(
            Field("sha256", "", kind="hidden", value=found.sha256),
            Field("decision", Message("表决", "Vote"), kind="choice", choices=DECISIONS),
            Field(
                "comment",
                Message("意见", "Comment"),
                kind="area",
                required=False,
                help=Message(
                    "退回或不同意时必填；表决收齐后申请人可见。",
                    "Needed to return or refuse; the author reads it once all votes are in.",
                ),
            ),
        ),
        title=Message("审核表决", "Your vote"),
        button=Message("提交表决", "Vote"),
    )


def _excepting(visit: Visit, found: Request | None = None) -> Form:
    found = found or readable_request(visit.platform, visit.actor, _at(visit))
    failed = tuple(
        (f"{number}", Message(item["reason_zh"], item["reason_en"]))
        for number, item in enumerate(found.failed)
    )
    check = Field("check", Message("未通过的检查", "Check"), kind="choice", choices=failed)
    return Form(
        fields=(check, REASON),
        title=Message("批准例外", "Grant an exception"),
        button=Message("批准例外", "Grant it"),
        danger=True,
    )


def _vote(visit: Visit, entered: Entered) -> str:
    told = {name: entered[name] for name in ("decision", "sha256", "comment")}
    visit.platform.desk.vote(visit.actor, _at(visit), ReleaseVote.model_validate(told))
    return _done(visit)


def _except(visit: Visit, entered: Entered) -> str:
    found = readable_request(visit.platform, visit.actor, _at(visit))
    numbered = {str(number): item for number, item in enumerate(found.failed)}
    chosen = numbered.get(entered["check"])
    if chosen is None:
        words = Message("请选择未通过的检查。", "Choose a check that failed.")
        raise InvalidInput("check_unknown", words, field="check")
    asked = ExceptionGranted(
        check=chosen["check"], file=chosen.get("file", ""), reason=entered["reason"]
    )
    visit.platform.desk.except_check(visit.actor, _at(visit), asked)
    return _done(visit)


def _comment(visit: Visit, entered: Entered) -> str:
    asked = CommentText(comment=entered["comment"])
    visit.platform.desk.drafts.comment(visit.actor, _at(visit), asked.comment)
    return _done(visit)


def _submit(visit: Visit, _entered: Entered) -> str:
    visit.platform.desk.submit_draft(visit.actor, _at(visit))
    return _done(visit)


def _revise(visit: Visit, _entered: Entered) -> str:
    visit.platform.desk.drafts.revise(visit.actor, _at(visit))
    return _done(visit)


def _withdraw(visit: Visit, entered: Entered) -> str:
    visit.platform.desk.drafts.withdraw(visit.actor, _at(visit), entered["reason"])
    return _done(visit)


def _recall(visit: Visit, entered: Entered) -> str:
    visit.platform.desk.recalls.recall(visit.actor, _at(visit), entered["reason"])
    visit.request.app.state.answers.forget()  # no repeated key hands a recalled copy out again
    return _done(visit)


def _done(visit: Visit) -> str:
    return f"{HOME}/{_at(visit)}?done=1"


def _at(visit: Visit) -> str:
    return str(visit.request.path_params["release"])


def _badge(request: Request) -> Badge:
    state = shown(request.state)
    words = STATE_NAMES[state]
    if state is ReleaseState.CHECKED:  # which check it is would tell that one vote is in
        words = Message("待审核", "being checked")
    return Badge(Message(words.zh, words.en.capitalize()), TONES.get(state, "plain"))


posting(router, "/{release}/vote", _voting, _vote, visitors=CHECKERS)
posting(router, "/{release}/exception", _excepting, _except, visitors=(Role.RELEASE_OFFICER,))
posting(router, "/{release}/comment", COMMENT, _comment, visitors=(*READERS, *OPERATORS))
posting(router, "/{release}/submission", SUBMIT, _submit, visitors=OPERATORS)
posting(router, "/{release}/revision", REVISE, _revise, visitors=OPERATORS)
posting(router, "/{release}/withdrawal", WITHDRAW, _withdraw, visitors=OPERATORS)
posting(router, "/{release}/recall", RECALL, _recall, visitors=(Role.AUTHORITY,))
