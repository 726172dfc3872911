"""Who keeps data, which source of an item counts, and how two sources of it compare."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from authorization.independence import check_apart
from catalog.quality.comparisons import (
    Comparison,
    compare_sources,
    comparisons,
    read_comparison,
)
from catalog.quality.keepers import (
    assign_steward,
    relieve_steward,
    required_dataset,
    stewards,
)
from catalog.quality.sources import Decision, claim_item, claims, decide_claim
from catalog.quality.tickets import tickets_of
from foundation.db import reading
from service.api.callers import (
    AuthorityCaller,
    DataKeeperCaller,
    DataReaderCaller,
    GovernmentCaller,
    HeadCaller,
    OnPlatform,
)
from service.idempotency import IdempotentRoute
from service.quality import correction_desk, quality_desk, serves_as_steward

router = APIRouter(prefix="/quality", route_class=IdempotentRoute, tags=["quality"])


class AssignedSteward(BaseModel):
    """Who is to keep a data set."""

    model_config = ConfigDict(extra="forbid")

    person: str = Field(min_length=1, max_length=64)


class ClaimedItem(BaseModel):
    """A column claimed as the authoritative source of an item."""

    model_config = ConfigDict(extra="forbid")

    item: str = Field(min_length=1, max_length=200)
    dataset: str = Field(min_length=1, max_length=63)
    column: str = Field(min_length=1, max_length=63)


class DecidedClaim(BaseModel):
    """The authority's word on a contested claim."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    reason: str = Field(min_length=1, max_length=2_000)


@router.get("/datasets/{name}/stewards")
def get_stewards(name: str, _actor: GovernmentCaller, platform: OnPlatform) -> dict[str, object]:
    """List the stewards of a data set, former ones too."""
    with reading(platform.engine) as connection:
        found = stewards(connection, required_dataset(connection, name).id)
    return {"stewards": [item.model_dump(mode="json") for item in found]}


@router.post("/datasets/{name}/stewards", status_code=201)
def post_steward(
    name: str, body: AssignedSteward, actor: HeadCaller, platform: OnPlatform
) -> dict[str, object]:
    """Assign a steward of the own department to a data set."""
    recorded = assign_steward(platform.writer, actor, serves_as_steward, name, body.person)
    return {**recorded.value.model_dump(mode="json"), "entry": recorded.index}


@router.post("/datasets/{name}/stewards/{person}/relief", status_code=201)
def post_relief(
    name: str, person: str, actor: HeadCaller, platform: OnPlatform
) -> dict[str, object]:
    """Relieve a steward of a data set."""
    recorded = relieve_steward(platform.writer, actor, name, person)
    return {"dataset": name, "person": recorded.value, "entry": recorded.index}


@router.get("/sources")
def get_sources(
    _actor: GovernmentCaller,
    platform: OnPlatform,
    item: Annotated[str | None, Query(max_length=200)] = None,
) -> dict[str, object]:
    """List which data set is the source of an item, and who else claims it."""
    with reading(platform.engine) as connection:
        found = claims(connection, item)
    return {"claims": [claim.model_dump(mode="json") for claim in found]}


@router.post("/sources", status_code=201)
def post_source(
    body: ClaimedItem, actor: DataKeeperCaller, platform: OnPlatform
) -> dict[str, object]:
    """Claim a column as an item's source; a second claim becomes a matter for the authority."""
    recorded = claim_item(
        platform.writer,
        platform.clocks,
        actor,
        platform.authority,
        body.item,
        body.dataset,
        body.column,
    )
    return {**recorded.value.model_dump(mode="json"), "entry": recorded.index}


@router.post("/sources/{claim}/decision", status_code=201)
def post_source_decision(
    claim: str, body: DecidedClaim, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Keep the standing source of an item, or let the contested claim replace it."""
    recorded = decide_claim(platform.writer, actor, check_apart, claim, body.decision, body.reason)
    return {**recorded.value.model_dump(mode="json"), "entry": recorded.index}


@router.post("/comparisons", status_code=201)
def post_comparison(
    body: Comparison, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Compare one item of two data sets by key; what is found is sealed for the two sources."""
    return {"comparison": compare_sources(quality_desk(platform), actor, body)}


@router.get("/comparisons")
def get_comparisons(actor: DataReaderCaller, platform: OnPlatform) -> dict[str, object]:
    """List the comparisons that the caller may open."""
    with reading(platform.engine) as connection:
        return {"comparisons": comparisons(connection, actor)}


@router.get("/comparisons/{comparison}")
def get_comparison(
    comparison: str, actor: DataReaderCaller, platform: OnPlatform
) -> dict[str, object]:
    """Open a comparison: its counts, and to a source the keys of its own rows."""
    return read_comparison(quality_desk(platform), actor, comparison)


@router.post("/comparisons/{comparison}/corrections", status_code=201)
def post_tickets(
    comparison: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Raise a correction with each department whose data differ from the source's."""
    found = tickets_of(quality_desk(platform), correction_desk(platform), actor, comparison)
    return {"corrections": found}
