"""Distribution schemes of a licence: read by its parties and payees, made by two persons."""

from fastapi import APIRouter

from authorization.documents import LicenceDocument
from authorization.licences import Licence, require_licence
from authorization.scheme_terms import ShareScheme
from foundation.db import reading
from foundation.identity import Actor
from revenue.schemes.versions import (
    SchemeVersion,
    approve_scheme,
    propose_scheme,
    scheme_digest,
    scheme_in_force,
    scheme_versions,
)
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/licences", route_class=IdempotentRoute, tags=["revenue"])


@router.get("/{licence_id}/schemes")
def get_schemes(licence_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Read every version: the licence's own, later ones, and the one that splits this period."""
    with reading(platform.engine) as connection:
        licence = require_licence(connection, licence_id)
        document = LicenceDocument.model_validate_json(licence.document)
        later = scheme_versions(connection, licence_id)
        _check_reader(platform, actor, licence, later)
        in_force = scheme_in_force(connection, document)
    own = document.scheme
    return {
        "embedded": {"digest": scheme_digest(own), "scheme": own.model_dump(mode="json")},
        "versions": [version.as_json() for version in later],
        "in_force": in_force.digest,
    }


@router.post("/{licence_id}/schemes", status_code=201)
def post_scheme(
    licence_id: str, body: ShareScheme, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose a version; one that could not be shared out is refused here."""
    recorded = propose_scheme(platform.writer, actor, licence_id, body)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/{licence_id}/schemes/{digest}/approval", status_code=201)
def post_scheme_approval(
    licence_id: str, digest: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Approve a proposed version: it splits the periods that open after this entry."""
    recorded = approve_scheme(platform.writer, actor, licence_id, digest)
    return {**recorded.value.as_json(), "entry": recorded.index}


def _check_reader(
    platform: Platform, actor: Actor, licence: Licence, later: list[SchemeVersion]
) -> None:
    """Let whoever a later version pays read it as the licence's own payees do."""
    if not any(actor.organisation in version.scheme.payees() for version in later):
        platform.readers.check_licence_reader(actor, licence)
