"""Supply meets demand (供需对接): the demand list, teams, matches, the responsibility matrix."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from audit.events import Recorded
from authorization.sharing.demand_list import (
    Demand,
    DemandForm,
    Member,
    Outcome,
    demands,
    team_of,
    visible_demand,
)
from catalog.datasets import Frozen
from foundation.db import reading
from service.api.callers import (
    AnyCaller,
    AuthorityCaller,
    DemandingCaller,
    GovernmentCaller,
    OnPlatform,
)
from service.api.sharing import Identifier
from service.idempotency import IdempotentRoute
from service.sharing_desks import sharing_of

router = APIRouter(prefix="/demands", route_class=IdempotentRoute, tags=["sharing"])
duties = APIRouter(prefix="/responsibilities", route_class=IdempotentRoute, tags=["sharing"])
Duty = Annotated[str, Field(min_length=1, max_length=400)]


class TeamBody(Frozen):
    """A team (专项小组): its members with their duties, one of them its lead."""

    members: Annotated[tuple[Member, ...], Field(min_length=1, max_length=50)]


class MatchBody(Frozen):
    """How a demand ends: what was found to meet it, or why nothing is."""

    outcome: Outcome
    found: str = Field(default="", max_length=100)
    reason: str = Field(default="", max_length=2_000)


class DutyBody(Frozen):
    """What a provider owes a user for one entry."""

    entry: Identifier
    user: Identifier
    duties: Annotated[tuple[Duty, ...], Field(min_length=1, max_length=20)]
    demand: str = Field(default="", max_length=64)


@router.get("")
def get_demands(
    actor: AnyCaller,
    platform: OnPlatform,
    state: Annotated[Literal["open", "matched", "refused", "withdrawn"] | None, Query()] = None,
) -> dict[str, object]:
    """Show the demand list: all of it to departments and overseers, one's own to others."""
    with reading(platform.engine) as connection:
        found = demands(connection, actor, state=state)
    return {"demands": [one.model_dump(mode="json") for one in found]}


@router.post("", status_code=201)
def post_demand(
    body: DemandForm, actor: DemandingCaller, platform: OnPlatform
) -> dict[str, object]:
    """State a demand; what may meet it is looked up at once. A copy needs its reason."""
    return _told(sharing_of(platform).demands.state(actor, body))


@router.get("/{demand_id}")
def get_demand(demand_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Show a demand with its team."""
    with reading(platform.engine) as connection:
        found = visible_demand(connection, actor, demand_id)
        team = team_of(connection, demand_id)
    return {**found.model_dump(mode="json"), "team": team}


@router.post("/{demand_id}/team", status_code=201)
def post_team(
    demand_id: str, body: TeamBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Put a team on a demand."""
    return _told(sharing_of(platform).demands.assign_team(actor, demand_id, body.members))


@router.post("/{demand_id}/match", status_code=201)
def post_match(
    demand_id: str, body: MatchBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """End a demand by a match, or by a reasoned refusal."""
    decide = sharing_of(platform).demands.decide
    return _told(decide(actor, demand_id, body.outcome, body.found, body.reason))


@router.post("/{demand_id}/withdrawal", status_code=201)
def post_withdrawal(
    demand_id: str, actor: DemandingCaller, platform: OnPlatform
) -> dict[str, object]:
    """Take one's own organisation's demand back."""
    return _told(sharing_of(platform).demands.withdraw(actor, demand_id))


@duties.get("")
def get_responsibilities(
    _actor: GovernmentCaller,
    platform: OnPlatform,
    organisation: Annotated[str | None, Query(max_length=64)] = None,
    after: Annotated[str, Query(max_length=100)] = "",
) -> dict[str, object]:
    """Show the responsibility matrix: who provides, who uses, who manages each entry."""
    matrix = sharing_of(platform).responsibilities.matrix
    with reading(platform.engine) as connection:
        lines = matrix(connection, organisation=organisation, after=after)
    return {"lines": lines}


@duties.post("", status_code=201)
def post_responsibility(
    body: DutyBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """List duties of a provider towards a user."""
    assign = sharing_of(platform).responsibilities.assign
    recorded = assign(actor, body.entry, body.user, body.duties, body.demand)
    return {"id": recorded.value, "entry_index": recorded.index}


def _told(recorded: Recorded[Demand]) -> dict[str, Any]:
    return {**recorded.value.model_dump(mode="json"), "entry_index": recorded.index}
