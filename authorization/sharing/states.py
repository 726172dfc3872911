"""The states of a request to share, which moves there are, and how a request is read and moved.

草稿 → 已提交 → 同意/不同意 → 已供给 → 使用中 → 暂停 → 整改 → 恢复/终止 → 处置(销毁). No clock
moves a request: silence never grants. A term that is over closes delivery without a move.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Row, Select, or_, select, update

from audit.events import PendingEntry
from authorization.sharing.form import ShareForm
from authorization.sharing.store import share_request
from catalog.datasets import Frozen, Name
from catalog.entries import ShareMode
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor

LISTED_MAX = 200


class ShareState(StrEnum):
    """Where a request stands."""

    DRAFT = "draft"  # 草稿
    SUBMITTED = "submitted"  # 已提交
    WITHDRAWN = "withdrawn"  # 已撤回
    REFUSED = "refused"  # 不同意
    APPROVED = "approved"  # 同意
    SUPPLIED = "supplied"  # 已供给
    IN_USE = "in_use"  # 使用中
    SUSPENDED = "suspended"  # 暂停
    RECTIFYING = "rectifying"  # 整改
    TERMINATED = "terminated"  # 终止
    DISPOSED = "disposed"  # 已处置（销毁）


STATE_NAMES: Mapping[ShareState, Message] = MappingProxyType(
    {
        ShareState.DRAFT: Message("草稿", "draft"),
        ShareState.SUBMITTED: Message("已提交", "submitted"),
        ShareState.WITHDRAWN: Message("已撤回", "withdrawn"),
        ShareState.REFUSED: Message("不同意", "refused"),
        ShareState.APPROVED: Message("同意", "approved"),
        ShareState.SUPPLIED: Message("已供给", "supplied"),
        ShareState.IN_USE: Message("使用中", "in use"),
        ShareState.SUSPENDED: Message("暂停", "suspended"),
        ShareState.RECTIFYING: Message("整改", "rectifying"),
        ShareState.TERMINATED: Message("终止", "terminated"),
        ShareState.DISPOSED: Message("已处置（销毁）", "disposed of (destroyed)"),
    }
)

MOVES: Mapping[ShareState, frozenset[ShareState]] = MappingProxyType(
    {
        ShareState.DRAFT: frozenset({ShareState.SUBMITTED, ShareState.WITHDRAWN}),
        ShareState.SUBMITTED: frozenset(
            {ShareState.APPROVED, ShareState.REFUSED, ShareState.WITHDRAWN}
        ),
        ShareState.APPROVED: frozenset({ShareState.SUPPLIED, ShareState.TERMINATED}),
        ShareState.SUPPLIED: frozenset(
            {ShareState.IN_USE, ShareState.SUSPENDED, ShareState.TERMINATED, ShareState.DISPOSED}
        ),
        ShareState.IN_USE: frozenset(
            {ShareState.SUSPENDED, ShareState.TERMINATED, ShareState.DISPOSED}
        ),
        ShareState.SUSPENDED: frozenset(
            {ShareState.RECTIFYING, ShareState.TERMINATED, ShareState.DISPOSED}
        ),
        ShareState.RECTIFYING: frozenset(
            {ShareState.IN_USE, ShareState.SUSPENDED, ShareState.TERMINATED, ShareState.DISPOSED}
        ),
        ShareState.TERMINATED: frozenset({ShareState.DISPOSED}),
        ShareState.WITHDRAWN: frozenset(),
        ShareState.REFUSED: frozenset(),
        ShareState.DISPOSED: frozenset(),
    }
)
"""Every move there is; the tests walk each one, and try each one that is not here."""

DELIVERING = frozenset({ShareState.SUPPLIED, ShareState.IN_USE})


AS_PROVIDER, AS_AUTHORITY = "provider", "authority"
"""As what somebody suspended a request: an order of the authority's stays the authority's."""


class Granted(Frozen):
    """What was supplied: the data set's columns, and the region whose rows alone are given."""

    dataset: Name
    columns: tuple[Name, ...] = Field(min_length=1)
    region_column: Name | None = None
    region: str = ""


class Decision(Frozen):
    """What the provider decided: a refusal names its reason and legal basis, an approval neither.

    ``conditions`` are conditions of the catalogue that the approval repeats; ``flags`` name
    obstructing words found in them, which the authority is shown.
    """

    outcome: str
    reason: str = ""
    legal_basis: str = ""
    conditions: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


class Share(Frozen):
    """One request to share, from its draft to the destruction of what was delivered."""

    id: str
    entry: str
    provider: str
    requester: str
    drafted_by: str
    drafted_us: int
    document: str
    document_digest: str
    signed_by: str | None
    demand: str
    state: ShareState
    conditional: bool
    case_number: str
    matter: str
    submitted_us: int | None
    decided_by: str | None
    decided_us: int | None
    decision: Decision | None
    granted: Granted | None
    until_us: int | None
    supplied_us: int | None
    note: str
    suspended_as: str
    changed_us: int

    @property
    def form(self) -> ShareForm:
        """The form as it was submitted. Raises ValidationError for a draft with gaps."""
        return ShareForm.model_validate_json(self.document)

    @property
    def mode(self) -> ShareMode:
        """How the data is delivered."""
        return self.form.mode

    def as_json(self) -> dict[str, Any]:
        """Return it as it is answered."""
        shown = self.model_dump(mode="json", exclude={"document"})
        names = STATE_NAMES[self.state]
        return {
            **shown,
            "form": json.loads(self.document),
            "state_name": {"zh": names.zh, "en": names.en},
        }


def share_by_id(connection: Connection, share_id: str) -> Share | None:
    """Return a request, or None."""
    row = connection.execute(select(share_request).where(share_request.c.id == share_id)).first()
    return _share(row) if row else None


def require_share(connection: Connection, share_id: str) -> Share:
    """Return a request. Raises NotFound."""
    found = share_by_id(connection, share_id)
    if found is None:
        raise no_such_share()
    return found


def visible_share(connection: Connection, actor: Actor, share_id: str) -> Share:
    """Return a request that the actor may know of. Raises NotFound for any other alike."""
    found = require_share(connection, share_id)
    if not may_see(actor, found):
        raise no_such_share()
    return found


def may_see(actor: Actor, share: Share) -> bool:
    """Tell whether a request is the actor's to read: both parties, authority and regulator.

    A draft is the requesting department's own.
    """
    if actor.organisation == share.requester:
        return True
    if share.state is ShareState.DRAFT or share.submitted_us is None:
        return False
    return actor.oversees or actor.organisation == share.provider


def shares(
    connection: Connection,
    actor: Actor,
    *,
    state: ShareState | None = None,
    case: str | None = None,
    entry: str | None = None,
    limit: int = LISTED_MAX,
) -> list[Share]:
    """Return the requests that the actor may see, newest first."""
    table = share_request.c
    query = select(share_request)
    if not actor.oversees:
        query = query.where(
            or_(table.requester == actor.organisation, table.provider == actor.organisation)
        )
    query = _narrowed(query, state=state, case_number=case, entry=entry)
    rows = connection.execute(query.order_by(table.drafted_us.desc(), table.id).limit(limit))
    return [share for share in map(_share, rows) if may_see(actor, share)]


def shares_of(connection: Connection, **equal: object) -> list[Share]:
    """Return all requests whose columns have these values, oldest first."""
    table = share_request.c
    rows = connection.execute(
        _narrowed(select(share_request), **equal).order_by(table.drafted_us, table.id)
    )
    return [_share(row) for row in rows]


def move(
    connection: Connection,
    entry: PendingEntry,
    share: Share,
    to: ShareState,
    **changes: object,
) -> Share:
    """Move a request inside the writer's savepoint. Raises Conflict for a move there is not."""
    if to not in MOVES[share.state]:
        raise wrong_state(share.state)
    done = connection.execute(
        update(share_request)
        .where(share_request.c.id == share.id, share_request.c.state == str(share.state))
        .values(state=str(to), changed_us=entry.time_us, **changes)
    )
    if done.rowcount != 1:
        raise wrong_state(share.state)
    entry.amend(state=str(to))
    return require_share(connection, share.id)


def check_read(share: Share, read_digest: str) -> None:
    """Refuse to sign or decide another form than the one that was read. Raises Conflict."""
    if read_digest != share.document_digest:
        raise Conflict(
            "share_changed_meanwhile",
            Message(
                "申请内容在您阅读后已变更，请重新阅读后再办理。",
                "The request changed since you read it; read it again first.",
            ),
            field="$.document_digest",
            rule="separation-of-duties",
        )


def follow(connection: Connection, share: Share, matter: str) -> Share:
    """Name the matter that now decides about a request."""
    connection.execute(
        update(share_request).where(share_request.c.id == share.id).values(matter=matter)
    )
    return require_share(connection, share.id)


def wrong_state(state: ShareState) -> Conflict:
    """Say that the request's state forbids the move."""
    names = STATE_NAMES[state]
    return Conflict(
        "share_state",
        Message(
            f"该共享申请当前为“{names.zh}”，不能办理此操作。",
            f"The sharing request is {names.en}; this move does not start there.",
        ),
        field="state",
        rule="sharing-states",
        way_out=Message("请先查看该申请的状态。", "Look at the request's state first."),
    )


def no_such_share() -> NotFound:
    """Say that there is no such request, or none that the caller may know of."""
    return NotFound(
        "share_unknown", Message("没有该共享申请。", "There is no such sharing request.")
    )


def _narrowed(query: Select[Any], **equal: object) -> Select[Any]:
    for name, value in equal.items():
        if value is not None:
            query = query.where(share_request.c[name] == str(value))
    return query


def _share(row: Row[Any]) -> Share:
    facts = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    decision, granted = json.loads(facts.pop("decision")), json.loads(facts.pop("granted"))
    return Share(
        **{**facts, "conditional": bool(facts["conditional"])},
        decision=Decision.model_validate(decision) if decision else None,
        granted=Granted.model_validate(granted) if granted else None,
    )
