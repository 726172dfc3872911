"""Who one is by a bearer token, and whose accounts the subjects of issuers may use.

Logging in with a browser stands in ``service.pages.login``. A subject is bound to an account by the
security administrator and a second person; what the issuer calls somebody is digested here and
goes no further.
"""

from typing import Annotated, Self

from fastapi import APIRouter, Query, Request
from pydantic import Field, model_validator

from catalog.datasets import Frozen
from foundation.clock import to_iso
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from service.api.callers import (
    AnyCaller,
    BinderCaller,
    BindingReaderCaller,
    OnPlatform,
    SecondBinderCaller,
)
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute
from service.login.bindings import (
    Subject,
    bindings,
    confirm_binding,
    end_binding,
    propose_binding,
)
from service.login.identities import SUBJECT_CHARACTERS
from service.tokens import LoginProof

router = APIRouter(route_class=IdempotentRoute, tags=["login"])


class BindingRequest(Frozen):
    """Which issuer's subject is to use which account.

    The subject is named as the issuer does, or by the registration code that it was shown.
    """

    issuer: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    account: str = Field(min_length=1, max_length=200)
    subject: str | None = Field(default=None, min_length=1, max_length=255)
    code: str | None = Field(default=None, pattern=rf"^[0-9a-f]{{{SUBJECT_CHARACTERS}}}$")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.subject is None) == (self.code is None):
            raise ValueError("either subject or code")
        return self


@router.get("/me")
def get_me(actor: AnyCaller, request: Request) -> dict[str, object]:
    """Say who the token's account is: person, organisation, roles, and when they last signed in."""
    proof: LoginProof | None = getattr(request.state, "login", None)
    if proof is None:  # a service account's own credential: nobody signed in
        return {**actor.as_public(), "account": None, "issuer": None, "authenticated": None}
    return {
        **actor.as_public(),
        "account": proof.account,
        "issuer": proof.issuer,
        "authenticated": to_iso(proof.authenticated_us) if proof.authenticated_us else None,
    }


@router.get("/login/bindings")
def get_bindings(
    _actor: BindingReaderCaller,
    platform: OnPlatform,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, object]:
    """List which issuers' subjects use which accounts, newest first: digests, never names."""
    with reading(platform.engine) as connection:
        found = bindings(connection, limit)
    return {"bindings": [dict(map(_shown, item.items())) for item in found]}


@router.post("/login/bindings", status_code=201)
def post_binding(
    body: BindingRequest, actor: BinderCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose that an issuer's subject uses an account; another person must confirm it."""
    recorded = propose_binding(platform.writer, actor, _subject(platform, body), body.account)
    return {"id": recorded.value, "entry": recorded.index}


@router.post("/login/bindings/{binding_id}/confirmation")
def post_binding_confirmation(
    binding_id: str, actor: SecondBinderCaller, platform: OnPlatform
) -> dict[str, object]:
    """Confirm a proposed binding as the second person."""
    recorded = confirm_binding(platform.writer, actor, binding_id)
    return {"account": recorded.value, "entry": recorded.index}


@router.post("/login/bindings/{binding_id}/end")
def post_binding_end(
    binding_id: str, actor: BinderCaller, platform: OnPlatform
) -> dict[str, object]:
    """End a binding at once: logins and tokens of that subject are refused from now on."""
    recorded = end_binding(platform.writer, actor, binding_id)
    return {"account": recorded.value, "entry": recorded.index}


def _shown(pair: tuple[str, object]) -> tuple[str, object]:
    """Show a column; a time in UTC microseconds as a moment."""
    name, value = pair
    if not name.endswith("_us"):
        return pair
    return name.removesuffix("_us"), to_iso(value) if isinstance(value, int) else None


def _subject(platform: Platform, body: BindingRequest) -> Subject:
    oidc = platform.login.oidc
    provider = None if oidc is None else oidc.providers.get(body.issuer)
    if oidc is None or provider is None:
        raise InvalidInput(
            "issuer_unknown",
            Message("没有这个认证源。", "There is no such issuer."),
            field="$.issuer",
        )
    if body.code is not None:
        return Subject(provider.about.issuer, body.code)
    return oidc.subject_of(provider, str(body.subject))
