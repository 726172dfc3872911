"""The demand list as it is read: what a demand says, how it ended, and who sees which.

Departments and overseers see all of it; operators and developers see their own.
"""

import json
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import Connection, Row, select

from authorization.organisations import DEPARTMENTS, organisation_by_id
from authorization.sharing.candidates import Candidate
from authorization.sharing.demand_store import demand, demand_team
from catalog.datasets import Frozen
from foundation.errors import Message, NotFound
from foundation.identity import Actor

LISTED_MAX = 500
Line = Annotated[str, Field(min_length=1, max_length=200)]


class Outcome(StrEnum):
    """How a demand ends. All but a refusal name what was found."""

    PRODUCT = "product"  # an existing product meets it
    SERVICE = "service"  # an existing interface meets it
    SHARING = "sharing"  # a catalogue entry: go on with a sharing request
    CATALOGUING = "cataloguing"  # a department is to catalogue it first
    LICENCE = "licence"  # authorised operation
    REFUSED = "refused"


class DemandForm(Frozen):
    """What somebody needs: in their words, item by item, and as what. A copy needs its reason."""

    title: Line
    need: str = Field(min_length=1, max_length=2_000)
    data_items: tuple[Line, ...] = Field(min_length=1, max_length=50)
    wanted: Literal["product", "service", "copy"]
    copy_reason: str = Field(default="", max_length=2_000)


class Member(Frozen):
    """One member of a team: a person, for an organisation, with a duty."""

    person: str = Field(min_length=1, max_length=64)
    organisation: str = Field(min_length=1, max_length=64)
    duty: Line
    lead: bool = False


class Demand(Frozen):
    """One line of the demand list."""

    id: str
    case_number: str
    matter: str
    requester: str
    person: str
    form: DemandForm
    candidates: tuple[Candidate, ...]
    state: str
    outcome: str
    found: str
    reason: str
    decided_by: str | None
    stated_us: int
    changed_us: int


def demands(
    connection: Connection, actor: Actor, *, state: str | None = None, limit: int = LISTED_MAX
) -> list[Demand]:
    """Return the demand list: to departments and overseers all of it, to others their own."""
    query = select(demand)
    if not _sees_all(connection, actor):
        query = query.where(demand.c.requester == actor.organisation)
    if state is not None:
        query = query.where(demand.c.state == state)
    rows = connection.execute(query.order_by(demand.c.stated_us.desc(), demand.c.id).limit(limit))
    return [_demand(row) for row in rows]


def visible_demand(connection: Connection, actor: Actor, demand_id: str) -> Demand:
    """Return a demand that the actor may see. Raises NotFound."""
    found = require_demand(connection, demand_id)
    if not _sees_all(connection, actor) and found.requester != actor.organisation:
        raise no_such_demand()
    return found


def require_demand(connection: Connection, demand_id: str) -> Demand:
    """Return a demand. Raises NotFound."""
    row = connection.execute(select(demand).where(demand.c.id == demand_id)).first()
    if row is None:
        raise no_such_demand()
    return _demand(row)


def demands_of_case(connection: Connection, case: str) -> list[Demand]:
    """Return the demands of one case."""
    return [
        _demand(row)
        for row in connection.execute(select(demand).where(demand.c.case_number == case))
    ]


def team_of(connection: Connection, demand_id: str) -> list[dict[str, Any]]:
    """Return the members of a demand's team, its lead first."""
    table = demand_team.c
    rows = connection.execute(
        select(table.person, table.organisation, table.duty, table.lead)
        .where(table.demand == demand_id)
        .order_by(table.lead.desc(), table.person)
    )
    return [{**row._mapping, "lead": row.lead == "yes"} for row in rows]  # noqa: SLF001


def no_such_demand() -> NotFound:
    """Say that there is no such demand, or none that the caller may know of."""
    return NotFound("demand_unknown", Message("没有该数据需求。", "There is no such demand."))


def _sees_all(connection: Connection, actor: Actor) -> bool:
    """Tell whether an actor is of a department, whatever roles an operator was given."""
    house = organisation_by_id(connection, actor.organisation)
    return house is not None and house.kind in DEPARTMENTS


def _demand(row: Row[Any]) -> Demand:
    facts = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    form = DemandForm.model_validate_json(facts.pop("document"))
    known = tuple(Candidate.model_validate(one) for one in json.loads(facts.pop("candidates")))
    del facts["document_digest"]
    return Demand(**facts, form=form, candidates=known)
