"""Information systems of departments, and the check that no entry and no system is an orphan."""

from typing import Annotated

from fastapi import APIRouter, Query

from catalog.book.systems import (
    RegisteredSystem,
    SystemDocument,
    orphans,
    register_system,
    retire_system,
    systems,
)
from foundation.db import reading
from service.api.callers import AnyCaller, CataloguerCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/catalog", route_class=IdempotentRoute, tags=["catalogue"])
Provider = Annotated[str, Query(max_length=64)]


@router.post("/systems", status_code=201)
def post_system(
    body: SystemDocument, actor: CataloguerCaller, platform: OnPlatform, provider: Provider = ""
) -> dict[str, object]:
    """Register an information system of the caller's department, or of a named one."""
    recorded = register_system(platform.writer, actor, provider or actor.organisation, body)
    return {"name": recorded.value.name, "entry": recorded.index}


@router.post("/systems/{name}/retirement", status_code=201)
def post_retirement(name: str, actor: CataloguerCaller, platform: OnPlatform) -> dict[str, object]:
    """Retire a system; entries that only it fed are listed as orphans."""
    recorded = retire_system(platform.writer, actor, name)
    return {"name": name, "retired_us": recorded.value.retired_us, "entry": recorded.index}


@router.get("/systems")
def get_systems(
    _actor: AnyCaller, platform: OnPlatform, provider: Provider = ""
) -> dict[str, list[RegisteredSystem]]:
    """List the registered systems, of all departments or of one."""
    with reading(platform.engine) as connection:
        return {"systems": systems(connection, provider or None)}


@router.get("/linkage")
def get_linkage(
    _actor: AnyCaller, platform: OnPlatform, provider: Provider = ""
) -> dict[str, object]:
    """List published entries without a live system, and live systems without an entry."""
    with reading(platform.engine) as connection:
        found = orphans(connection, provider or None)
    return {"entries": found.entries, "systems": found.systems}
