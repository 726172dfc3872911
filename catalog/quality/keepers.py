"""Who keeps a data set's quality: its source department, its assigned stewards, the authority.

To everyone else an exact figure of the data does not exist: the refusal reads as if the data set
were unknown (I5, I14).
"""

from collections.abc import Callable

from sqlalchemy import Connection, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import Dataset, Frozen
from catalog.quality.store import dataset_steward
from catalog.store import dataset_by_name
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from foundation.two_people import check_another_person, check_natural_person

Serves = Callable[[Connection, str, str], bool]
"""Tells whether a person is a steward (数据专员) of an organisation, as the registry knows."""


class Steward(Frozen):
    """A steward's assignment to one data set; times are UTC microseconds."""

    id: str
    dataset: str
    person: str
    organisation: str
    since_us: int
    until_us: int | None = None


def required_dataset(connection: Connection, name: str) -> Dataset:
    """Return a data set by name. Raises NotFound."""
    found = dataset_by_name(connection, name)
    if found is None:
        raise _unknown()
    return found


def kept_dataset(connection: Connection, actor: Actor, name: str) -> Dataset:
    """Return a data set whose exact figures the caller may read. Raises NotFound for all others."""
    found = dataset_by_name(connection, name)
    if found is None or not (actor.has(Role.AUTHORITY) or is_keeper(connection, actor, found)):
        raise _unknown()
    return found


def is_keeper(connection: Connection, actor: Actor, dataset: Dataset) -> bool:
    """Tell whether the caller is of the source department in a role that keeps its data."""
    if actor.organisation != dataset.provider or actor.has(Role.REGULATOR):
        return False
    own = actor.has(Role.PROVIDER) or actor.has(Role.DEPARTMENT_HEAD)
    return own or (actor.has(Role.STEWARD) and is_steward(connection, actor.person, dataset.id))


def require_keeper(connection: Connection, actor: Actor, dataset: Dataset) -> None:
    """Refuse whoever does not keep the data set for its source department."""
    if not is_keeper(connection, actor, dataset):
        raise Denied(
            "keeper_required",
            Message(
                "只有供数单位本单位人员或该数据集的数据专员可以办理。",
                "Only the source department's own people, or the data set's steward, do this.",
            ),
            rule="roles",
        )


def is_steward(connection: Connection, person: str, dataset_id: str) -> bool:
    """Tell whether a person is assigned to a data set now."""
    table = dataset_steward.c
    query = select(table.id).where(
        table.dataset_id == dataset_id, table.person == person, table.until_us.is_(None)
    )
    return connection.execute(query).first() is not None


def stewards(connection: Connection, dataset_id: str) -> list[Steward]:
    """List a data set's stewards, former ones too, in the order of their assignment."""
    table = dataset_steward
    query = (
        select(table).where(table.c.dataset_id == dataset_id).order_by(table.c.since_us, table.c.id)
    )
    return [
        Steward(
            id=row.id,
            dataset=row.dataset_id,
            person=row.person,
            organisation=row.organisation,
            since_us=row.since_us,
            until_us=row.until_us,
        )
        for row in connection.execute(query)
    ]


def assign_steward(
    writer: Writer, actor: Actor, serves: Serves, dataset_name: str, person: str
) -> Recorded[Steward]:
    """Assign a steward of the source department to a data set; its head does, never to itself."""
    assignment = new_id("stw")
    public = {"dataset": dataset_name, "steward": person, "assignment": assignment}
    event = AuditEvent(EntryKind.STEWARD_ASSIGNED, actor, public)

    def apply(connection: Connection, entry: PendingEntry) -> Steward:
        dataset = required_dataset(connection, dataset_name)
        _require_head(actor, dataset)
        check_another_person(actor, person)
        if not serves(connection, person, dataset.provider):
            raise InvalidInput(
                "steward_unknown",
                Message(
                    "该人员不是本单位的数据专员，请先授予其数据专员角色。",
                    "This person is no steward of the department; grant the role first.",
                ),
                field="$.person",
            )
        if is_steward(connection, person, dataset.id):
            raise Conflict(
                "steward_assigned",
                Message("该数据专员已负责本数据集。", "This steward already keeps the data set."),
                field="$.person",
            )
        found = Steward(
            id=assignment,
            dataset=dataset.id,
            person=person,
            organisation=dataset.provider,
            since_us=entry.time_us,
        )
        row = found.model_dump(exclude={"dataset", "until_us"})
        row |= {"dataset_id": dataset.id, "assigned_by": actor.person}
        connection.execute(insert(dataset_steward).values(row))
        return found

    return writer.submit(event, apply)


def relieve_steward(writer: Writer, actor: Actor, dataset_name: str, person: str) -> Recorded[str]:
    """End a steward's assignment; the head of the source department does this."""
    public = {"dataset": dataset_name, "steward": person}
    event = AuditEvent(EntryKind.STEWARD_RELIEVED, actor, public)

    def apply(connection: Connection, entry: PendingEntry) -> str:
        dataset = required_dataset(connection, dataset_name)
        _require_head(actor, dataset)
        table = dataset_steward.c
        ended = connection.execute(
            update(dataset_steward)
            .where(table.dataset_id == dataset.id, table.person == person)
            .where(table.until_us.is_(None))
            .values(relieved_by=actor.person, until_us=entry.time_us)
        )
        if ended.rowcount != 1:
            raise NotFound(
                "steward_unknown",
                Message("该人员不负责本数据集。", "This person does not keep the data set."),
                field="person",
            )
        return person

    return writer.submit(event, apply)


def _require_head(actor: Actor, dataset: Dataset) -> None:
    check_natural_person(actor)
    if not actor.has(Role.DEPARTMENT_HEAD) or actor.organisation != dataset.provider:
        raise Denied(
            "head_required",
            Message(
                "须由供数单位的部门负责人办理。",
                "The head of the source department does this.",
            ),
            rule="roles",
        )


def _unknown() -> NotFound:
    return NotFound(
        "dataset_unknown",
        Message("没有该数据集。", "There is no such data set."),
        field="dataset",
    )
