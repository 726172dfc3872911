"""Sharing between departments: asked for, signed off, decided, supplied, called, and disposed of.

Each move is made by the department whose move it is; a stranger finds no such request.
"""

import base64
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from audit.events import Recorded
from authorization.sharing.delivery import FILTERS_MAX, VALUE_CHARACTERS_MAX, deliveries
from authorization.sharing.figures import calls_by_department, calls_by_entry, calls_by_provider
from authorization.sharing.form import ShareDraft
from authorization.sharing.sealing import sealed_decision
from authorization.sharing.states import Share, ShareState, shares, visible_share
from authorization.sharing.using import UseRecord, uses
from catalog.datasets import Frozen, Name
from disclosure.release.bodies import TracedFile
from foundation.civil_day import CivilDay
from foundation.db import reading
from service.api.bodies import StrictRoute
from service.api.callers import (
    AnyCaller,
    DepartmentCaller,
    HeadCaller,
    OnPlatform,
    OverseerCaller,
    ProvidingCaller,
    SealingCaller,
    SupplierCaller,
)
from service.idempotency import IdempotentRoute
from service.sharing_desks import seal_keys, sharing_of

router = APIRouter(prefix="/sharing/requests", route_class=IdempotentRoute, tags=["sharing"])
# What answers with data is never kept for a repeat.
data = APIRouter(prefix="/sharing/requests", route_class=StrictRoute, tags=["sharing"])
figures = APIRouter(prefix="/sharing/figures", route_class=StrictRoute, tags=["sharing"])

Identifier = Annotated[str, Field(min_length=1, max_length=100)]
Words = Annotated[str, Field(min_length=1, max_length=2_000)]
Filter = Annotated[str, Field(max_length=VALUE_CHARACTERS_MAX)] | bool | int
MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
PLACE_MAX = 2**40


class DraftBody(Frozen):
    """A request under preparation: the entry, and as much of the form as is known."""

    entry: Identifier
    form: ShareDraft = ShareDraft()
    case: str = Field(default="", max_length=64)
    demand: str = Field(default="", max_length=64)


class SignOffBody(Frozen):
    """The digest of the form that the head read (``document_digest`` of the request)."""

    document_digest: str = Field(min_length=1, max_length=100)


class DecisionBody(Frozen):
    """The provider's decision; a refusal needs both a reason and a legal basis."""

    outcome: Literal["approved", "refused"]
    conditions: Annotated[tuple[Words, ...], Field(max_length=20)] = ()
    reason: str = Field(default="", max_length=2_000)
    legal_basis: str = Field(default="", max_length=2_000)
    document_digest: str = Field(default="", max_length=100)


class SupplyBody(Frozen):
    """What is opened: columns of a data set, and the column of division codes for one region."""

    dataset: Name
    columns: Annotated[tuple[Name, ...], Field(min_length=1, max_length=500)]
    region_column: Name | None = None


class CallBody(Frozen):
    """One call of the interface: columns and equal values, so many rows from a place on."""

    columns: Annotated[tuple[Name, ...], Field(max_length=500)] = ()
    where: Annotated[dict[Name, Filter], Field(max_length=FILTERS_MAX, default_factory=dict)]
    limit: int = Field(default=100, ge=1, le=100_000)
    after: int = Field(default=0, ge=0, le=PLACE_MAX)


class UseBody(Frozen):
    """A record of use (政务数据共享条例 art. 29)."""

    scenario: Words
    process: Words
    effect: Words
    storage: Words


class ReasonBody(Frozen):
    """Why: for a suspension, a rectification, a resumption or an end."""

    reason: Words


class DisposalBody(Frozen):
    """How what was delivered was destroyed."""

    method: Words


@router.get("")
def get_requests(
    actor: AnyCaller,
    platform: OnPlatform,
    state: Annotated[ShareState | None, Query()] = None,
    case: Annotated[str | None, Query(max_length=64)] = None,
    entry: Annotated[str | None, Query(max_length=100)] = None,
) -> dict[str, object]:
    """List the requests of one's own department, either side; the overseers see all."""
    with reading(platform.engine) as connection:
        found = shares(connection, actor, state=state, case=case, entry=entry)
    return {"requests": [share.as_json() for share in found]}


@router.post("", status_code=201)
def post_request(
    body: DraftBody, actor: DepartmentCaller, platform: OnPlatform
) -> dict[str, object]:
    """Begin a request for a published entry; it goes to the department's head for sign-off."""
    form = body.form.model_dump(mode="json")
    return _told(
        sharing_of(platform).applying.draft(
            actor, body.entry, form, case=body.case, demand=body.demand
        )
    )


@router.get("/{share_id}")
def get_request(share_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Show a request to its two departments, the authority and the regulator."""
    with reading(platform.engine) as connection:
        return visible_share(connection, actor, share_id).as_json()


@router.post("/{share_id}/form", status_code=201)
def post_form(
    share_id: str, body: ShareDraft, actor: DepartmentCaller, platform: OnPlatform
) -> dict[str, object]:
    """Replace the form of a draft that is not signed yet."""
    form = body.model_dump(mode="json")
    return _told(sharing_of(platform).applying.revise(actor, share_id, form))


@router.post("/{share_id}/sign-off", status_code=201)
def post_sign_off(
    share_id: str, body: SignOffBody, actor: HeadCaller, platform: OnPlatform
) -> dict[str, object]:
    """Sign a complete draft, as it was read, as the requesting department's head."""
    return _told(sharing_of(platform).applying.sign_off(actor, share_id, body.document_digest))


@router.post("/{share_id}/submission", status_code=201)
def post_submission(
    share_id: str, actor: DepartmentCaller, platform: OnPlatform
) -> dict[str, object]:
    """Submit a signed request; all that is missing is named at once."""
    return _told(sharing_of(platform).applying.submit(actor, share_id))


@router.post("/{share_id}/papers", status_code=201)
def post_papers(
    share_id: str, body: ShareDraft, actor: HeadCaller, platform: OnPlatform
) -> dict[str, object]:
    """Hand in the completed form that the one notice asked for; the clock starts afresh."""
    form = body.model_dump(mode="json")
    return _told(sharing_of(platform).applying.complete(actor, share_id, form))


@router.post("/{share_id}/withdrawal", status_code=201)
def post_withdrawal(
    share_id: str, actor: DepartmentCaller, platform: OnPlatform
) -> dict[str, object]:
    """Take a request back before it is decided."""
    return _told(sharing_of(platform).applying.withdraw(actor, share_id))


@router.post("/{share_id}/decision", status_code=201)
def post_decision(
    share_id: str, body: DecisionBody, actor: ProvidingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Decide as the providing department: agree, or refuse with reason and legal basis."""
    deciding = sharing_of(platform).deciding
    if body.outcome == "approved":
        read = body.document_digest
        return _told(deciding.approve(actor, share_id, body.conditions, read_digest=read))
    return _told(deciding.refuse(actor, share_id, body.reason, body.legal_basis))


@router.post("/{share_id}/supply", status_code=201)
def post_supply(
    share_id: str, body: SupplyBody, actor: ProvidingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Open delivery of what was agreed to."""
    return _told(
        sharing_of(platform).supplying.supply(
            actor, share_id, body.dataset, body.columns, body.region_column
        )
    )


@router.post("/{share_id}/seal", status_code=201)
def post_seal(share_id: str, actor: SealingCaller, platform: OnPlatform) -> dict[str, object]:
    """Put the data-sharing seal on a decision, as who decided or as the provider's head."""
    recorded = sharing_of(platform).sealing.seal(actor, share_id)
    return {"sealed": recorded.value.id, "entry_index": recorded.index}


@data.get("/{share_id}/seal/{form}")
def get_seal(
    share_id: str, form: Literal["pdf", "json"], actor: AnyCaller, platform: OnPlatform
) -> Response:
    """Read a sealed decision: its paper, or the signed data that the paper is bound to."""
    with reading(platform.engine) as connection:
        visible_share(connection, actor, share_id)
        found = sealed_decision(connection, share_id)
    if form == "pdf":
        return Response(found.paper, media_type="application/pdf")
    return Response(found.machine, media_type="application/json")


@figures.get("/seal-keys")
def get_seal_keys(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Tell the seal's public keys, to be compared with those that the city publishes."""
    return {"keys": seal_keys(platform)}


@data.post("/{share_id}/calls")
def post_call(
    share_id: str, body: CallBody, actor: DepartmentCaller, platform: OnPlatform
) -> dict[str, object]:
    """Call the interface of an approved request: metered, logged, decided at each call."""
    found = sharing_of(platform).delivery.call(
        actor,
        share_id,
        columns=body.columns,
        where=body.where,
        limit=body.limit,
        after=body.after,
    )
    return {
        "delivery": found.delivery,
        "version": found.version,
        "columns": list(found.columns),
        "rows": found.rows,
        "next_after": found.next_after,
    }


@data.post("/{share_id}/copies")
def post_copy(share_id: str, actor: DepartmentCaller, platform: OnPlatform) -> Response:
    """Fetch the batch or file of an approved request, marked for whoever fetches it."""
    copy = sharing_of(platform).delivery.hand_over(actor, share_id)
    headers = {
        "X-Copy": copy.delivery,
        "X-Content-Digest": copy.digest,
        "X-Version": copy.version,
        "Content-Disposition": f'attachment; filename="{copy.name}"',
    }
    return Response(copy.content, media_type=MEDIA[copy.form], headers=headers)


@router.get("/{share_id}/deliveries")
def get_deliveries(share_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List what was delivered under a request."""
    with reading(platform.engine) as connection:
        visible_share(connection, actor, share_id)
        return {"deliveries": deliveries(connection, share_id)}


@router.post("/{share_id}/traces")
def post_trace(
    share_id: str, body: TracedFile, actor: SupplierCaller, platform: OnPlatform
) -> dict[str, object]:
    """Name the delivery that a stray file is, from its digests and marks."""
    recorded = sharing_of(platform).delivery.trace(actor, share_id, body)
    return {"origin": recorded.value, "entry_index": recorded.index}


@router.get("/{share_id}/uses")
def get_uses(share_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the records of use; they are kept for three years at least."""
    with reading(platform.engine) as connection:
        visible_share(connection, actor, share_id)
        return {"uses": uses(connection, share_id)}


@router.post("/{share_id}/uses", status_code=201)
def post_use(
    share_id: str, body: UseBody, actor: DepartmentCaller, platform: OnPlatform
) -> dict[str, object]:
    """Record a use as the using department."""
    record = UseRecord(**body.model_dump())
    recorded = sharing_of(platform).using.record_use(actor, share_id, record)
    return {"id": recorded.value, "entry_index": recorded.index}


@router.post("/{share_id}/suspension", status_code=201)
def post_suspension(
    share_id: str, body: ReasonBody, actor: SupplierCaller, platform: OnPlatform
) -> dict[str, object]:
    """Stop delivery for misuse, at once."""
    return _told(sharing_of(platform).using.suspend(actor, share_id, body.reason))


@router.post("/{share_id}/rectification", status_code=201)
def post_rectification(
    share_id: str, body: ReasonBody, actor: DepartmentCaller, platform: OnPlatform
) -> dict[str, object]:
    """Say what was put right, as the using department."""
    return _told(sharing_of(platform).using.rectify(actor, share_id, body.reason))


@router.post("/{share_id}/resumption", status_code=201)
def post_resumption(
    share_id: str, body: ReasonBody, actor: SupplierCaller, platform: OnPlatform
) -> dict[str, object]:
    """Open delivery again after a rectification."""
    return _told(sharing_of(platform).using.resume(actor, share_id, body.reason))


@router.post("/{share_id}/termination", status_code=201)
def post_termination(
    share_id: str, body: ReasonBody, actor: SupplierCaller, platform: OnPlatform
) -> dict[str, object]:
    """End a grant for good."""
    return _told(sharing_of(platform).using.terminate(actor, share_id, body.reason))


@router.post("/{share_id}/disposal", status_code=201)
def post_disposal(
    share_id: str, body: DisposalBody, actor: HeadCaller, platform: OnPlatform
) -> dict[str, object]:
    """Certify that what was delivered is destroyed; ``verify certificate`` proves it offline."""
    recorded = sharing_of(platform).using.dispose(actor, share_id, body.method)
    return {
        "document": recorded.value,
        "entry": {
            "index": recorded.index,
            "body": base64.b64encode(recorded.body).decode(),
            "receipt": recorded.receipt,
        },
    }


@figures.get("/calls")
def get_calls(
    _actor: OverseerCaller,
    platform: OnPlatform,
    since: Annotated[CivilDay | None, Query()] = None,
    until: Annotated[CivilDay | None, Query()] = None,
) -> dict[str, object]:
    """Count calls and rows by department, provider and entry between two civil days."""
    span = ("" if since is None else since.isoformat(), (until or date.max).isoformat())
    with reading(platform.engine) as connection:
        return {
            "by_department": calls_by_department(connection, *span),
            "by_provider": calls_by_provider(connection, *span),
            "by_entry": calls_by_entry(connection, *span),
        }


def _told(recorded: Recorded[Share]) -> dict[str, Any]:
    return {
        **recorded.value.as_json(),
        "entry_index": recorded.index,
        "receipt": recorded.receipt,
    }
