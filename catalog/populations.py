"""Decides when a population counts: stated by one person, approved by a second of the authority.

A population is a namespace of units and the owner of the privacy budget, so a false claim that
two of them are disjoint would double the budget of the people in both (I5).
"""

from sqlalchemy import Connection, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import Frozen, Name
from catalog.entries import Bilingual, Text
from catalog.store import (
    NeighbourRelation,
    Population,
    PopulationState,
    population,
    population_table,
)
from foundation.errors import Conflict, Denied, Message, NotFound
from foundation.identity import Actor, ActorKind, Role
from foundation.two_people import check_older_than


class PopulationDeclaration(Frozen):
    """What the first person states. ``statement`` says why no unit is in another population."""

    name: Name
    label: Bilingual
    unit: Bilingual
    statement: Text


def declare_population(
    writer: Writer, actor: Actor, declaration: PopulationDeclaration
) -> Recorded[Population]:
    """Record a population as stated; it counts for nothing until it is approved."""
    _require_authority(actor)
    event = AuditEvent(
        EntryKind.POPULATION_DECLARED,
        actor,
        public={"population": declaration.name},
        private={"statement": declaration.statement},
    )

    def apply(connection: Connection, entry: PendingEntry) -> Population:
        if population(connection, declaration.name) is not None:
            raise Conflict(
                "population_exists",
                Message(
                    f"总体“{declaration.name}”已登记。",
                    f"The population {declaration.name!r} is already declared.",
                ),
                field="$.name",
            )
        connection.execute(
            insert(population_table).values(
                name=declaration.name,
                label=declaration.label.model_dump_json(),
                unit=declaration.unit.model_dump_json(),
                statement=declaration.statement,
                state=PopulationState.DECLARED,
                relation=NeighbourRelation.DP_ONLY,
                declared_by=actor.person,
                declared_us=entry.time_us,
            )
        )
        return _known(connection, declaration.name)

    return writer.submit(event, apply)


def approve_population(writer: Writer, actor: Actor, name: str) -> Recorded[Population]:
    """Approve a stated population; the approver is another natural person than the declarer.

    An account or a role younger than the declaration does not approve it (I8).
    """
    _require_authority(actor)
    event = AuditEvent(EntryKind.POPULATION_APPROVED, actor, public={"population": name})

    def apply(connection: Connection, _entry: PendingEntry) -> Population:
        found = _known(connection, name)
        if found.state is PopulationState.APPROVED:
            raise Conflict(
                "population_approved",
                Message(f"总体“{name}”已批准。", f"The population {name!r} is already approved."),
            )
        check_older_than(actor, _declared_us(connection, name))
        if found.declared_by == actor.person:
            raise Denied(
                "population_second_person",
                Message(
                    "总体须由声明人以外的第二人批准。",
                    "A population is approved by a second person, not by the one who declared it.",
                ),
                rule="I8",
            )
        connection.execute(
            update(population_table)
            .where(population_table.c.name == name)
            .values(state=PopulationState.APPROVED, approved_by=actor.person)
        )
        return _known(connection, name)

    return writer.submit(event, apply)


def mark_rows_held(connection: Connection, name: str) -> None:
    """Record, inside another effect, that some licence now holds rows of this population.

    From then on, and for good, its neighbour relation is "mixed": one unit changes all its
    protected values, and an answer says that membership is not protected (I4).
    """
    connection.execute(
        update(population_table)
        .where(population_table.c.name == name)
        .values(relation=NeighbourRelation.MIXED)
    )


def _declared_us(connection: Connection, name: str) -> int:
    query = select(population_table.c.declared_us).where(population_table.c.name == name)
    return int(connection.execute(query).scalar_one())


def _known(connection: Connection, name: str) -> Population:
    found = population(connection, name)
    if found is None:
        raise NotFound(
            "population_unknown",
            Message(f"没有总体“{name}”。", f"There is no population {name!r}."),
            field="$.population",
        )
    return found


def _require_authority(actor: Actor) -> None:
    if not actor.has(Role.AUTHORITY) or actor.kind is not ActorKind.PERSON:
        raise Denied(
            "authority_required",
            Message(
                "只有数据主管部门的工作人员可以声明或批准总体。",
                "Only a person of the data authority declares or approves a population.",
            ),
            rule="I8",
        )
