"""Organisations and (in development) tokens: registered and issued by the data authority."""

from fastapi import APIRouter
from pydantic import Field

from audit.events import AuditEvent, no_effect
from audit.tags import EntryKind
from authorization.organisations import (
    Organisation,
    actor_for_account,
    create_organisation,
    organisations,
)
from catalog.datasets import Frozen
from catalog.standards.regions import require_region
from foundation.clock import to_iso
from foundation.db import reading
from foundation.errors import Message, NotFound
from policies.schema.standards import StandardRules
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform
from service.idempotency import IdempotentRoute
from service.tokens import DevelopmentIssuer

router = APIRouter(route_class=IdempotentRoute, tags=["organisations"])


class TokenRequest(Frozen):
    """Whose development token is wanted."""

    account: str = Field(min_length=1, max_length=200)


@router.post("/organisations", status_code=201)
def post_organisation(
    body: Organisation, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Register an organisation."""
    if body.region:
        require_region(platform.pack.rules(StandardRules), body.region)
    recorded = create_organisation(platform.writer, actor, body)
    return {**recorded.value.model_dump(mode="json"), "entry": recorded.index}


@router.get("/organisations")
def get_organisations(_actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the registered organisations."""
    with reading(platform.engine) as connection:
        found = organisations(connection)
    return {"organisations": [item.model_dump(mode="json") for item in found.values()]}


@router.post("/tokens", status_code=201)
def post_token(
    body: TokenRequest, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Issue a development token for an account. No such endpoint works in production."""
    if not isinstance(platform.issuer, DevelopmentIssuer):
        raise NotFound(
            "no_development_issuer",
            Message("本平台不签发开发令牌。", "This service issues no development tokens."),
        )
    with reading(platform.engine) as connection:
        holder = actor_for_account(connection, body.account)
    issued = platform.issuer.issue(body.account)
    public = {
        "subject": holder.person,
        "token": issued.id,
        "expires": to_iso(issued.expires_us),
    }
    platform.writer.submit(AuditEvent(EntryKind.TOKEN_ISSUED, actor, public), no_effect)
    return {"token": issued.text, "expires": to_iso(issued.expires_us)}
