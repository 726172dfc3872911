"""Who one is, by a bearer token. Logging in with a browser stands in ``service.pages.login``."""

from fastapi import APIRouter, Request

from foundation.clock import to_iso
from service.api.callers import AnyCaller
from service.idempotency import IdempotentRoute
from service.tokens import LoginProof

router = APIRouter(route_class=IdempotentRoute, tags=["login"])


@router.get("/me")
def get_me(actor: AnyCaller, request: Request) -> dict[str, object]:
    """Say who the token's account is: person, organisation, roles, and when they last signed in."""
    proof: LoginProof = request.state.login
    return {
        **actor.as_public(),
        "account": proof.account,
        "issuer": proof.issuer,
        "authenticated": to_iso(proof.authenticated_us) if proof.authenticated_us else None,
        "scopes": None if proof.scopes is None else sorted(proof.scopes),
    }
