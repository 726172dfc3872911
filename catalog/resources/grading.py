"""Which grade derived data take: the highest of their sources, unless lowered by two people.

就高从严 (GB/T 43697-2024). A lower grade is proposed with its basis and confirmed by a second
person of the authority before the data set is registered; what was important stays so unless the
same act says otherwise (发改数据〔2025〕18号).
"""

import json
from collections.abc import Callable, Sequence

from pydantic import Field
from sqlalchemy import Connection, Row, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import Dataset, DatasetDeclaration, Frozen, Grade, Name
from catalog.resources.store import regrading
from catalog.store import dataset_by_name
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from foundation.two_people import check_another_person, check_natural_person, check_older_than

RULE = "GB/T 43697-2024（就高从严）"
ApartFromPerson = Callable[[Connection, Actor, str], None]
"""Refuses who serves a house that another person serves (``authorization.independence``)."""


class RegradingProposal(Frozen):
    """A lower grade for columns of a derived data set that is to be registered, and its basis.

    ``important`` says whether the derived data count as important data still.
    """

    dataset: Name
    columns: tuple[Name, ...] = Field(min_length=1, max_length=500)
    grade: Grade
    important: bool = True
    basis: str = Field(min_length=1, max_length=1_000)


class Regrading(RegradingProposal):
    """A proposed lower grade, in force once confirmed."""

    id: str
    proposed_by: str
    confirmed_by: str | None


def propose_regrading(
    writer: Writer, actor: Actor, proposal: RegradingProposal
) -> Recorded[Regrading]:
    """Record a proposal. It counts for nothing until a second person confirms it."""
    check_natural_person(actor)
    if not (actor.has(Role.PROVIDER) or actor.has(Role.AUTHORITY)):
        raise _not_theirs()
    regrading_id = new_id("rgr")
    public = {**proposal.model_dump(mode="json", exclude={"basis"}), "regrading": regrading_id}
    private = {"reason": proposal.basis}  # free text, which may name somebody: it can be erased
    event = AuditEvent(EntryKind.REGRADING_PROPOSED, actor, public, private)

    def apply(connection: Connection, entry: PendingEntry) -> Regrading:
        connection.execute(
            insert(regrading).values(
                id=regrading_id,
                dataset=proposal.dataset,
                columns=json.dumps(sorted(set(proposal.columns))),
                grade=str(proposal.grade),
                important=int(proposal.important),
                basis=proposal.basis,
                proposed_by=actor.person,
                proposed_us=entry.time_us,
            )
        )
        return _known(connection, regrading_id)

    return writer.submit(event, apply)


def confirm_regrading(
    writer: Writer, actor: Actor, regrading_id: str, apart: ApartFromPerson
) -> Recorded[Regrading]:
    """Confirm a lower grade: a person of the authority, and never the one who proposed it (I8).

    ``apart`` refuses whoever serves another house of the proposer's than the authority.
    """
    check_natural_person(actor)
    if not actor.has(Role.AUTHORITY):
        raise _not_theirs()
    event = AuditEvent(EntryKind.REGRADING_CONFIRMED, actor, {"regrading": regrading_id})

    def apply(connection: Connection, entry: PendingEntry) -> Regrading:
        found = _known(connection, regrading_id)
        if found.confirmed_by is not None:
            raise Conflict(
                "regrading_confirmed",
                Message("该重新定级已确认。", "This lower grade is confirmed already."),
            )
        check_another_person(actor, found.proposed_by)
        check_older_than(actor, _proposed_us(connection, regrading_id))
        apart(connection, actor, found.proposed_by)
        entry.amend(dataset=found.dataset)
        connection.execute(
            update(regrading)
            .where(regrading.c.id == regrading_id)
            .values(confirmed_by=actor.person)
        )
        return _known(connection, regrading_id)

    return writer.submit(event, apply)


def regradings(connection: Connection, dataset: str) -> list[Regrading]:
    """Return the lower grades proposed for a data set's name, oldest first."""
    query = select(regrading).where(regrading.c.dataset == dataset)
    rows = connection.execute(query.order_by(regrading.c.proposed_us, regrading.c.id))
    return [_regrading(row) for row in rows]


def check_derived_grades(connection: Connection, declaration: DatasetDeclaration) -> None:
    """Refuse a derived data set that is graded below its sources without a confirmed act."""
    sources = [_source(connection, name) for name in declaration.derived_from]
    if not sources:
        return
    highest = max(column.grade for found in sources for column in found.declaration.columns)
    confirmed = [
        item for item in regradings(connection, declaration.name) if item.confirmed_by is not None
    ]
    for place, column in enumerate(declaration.columns):
        lowered = [item.grade for item in confirmed if column.name in item.columns]
        if column.grade < min([highest, *lowered]):
            raise _too_low(f"$.columns[{place}].grade", highest)
    was_important = any(found.declaration.important for found in sources)
    freed = any(not item.important for item in confirmed)
    if was_important and not declaration.important and not freed:
        raise _still_important()


def _source(connection: Connection, name: str) -> Dataset:
    found = dataset_by_name(connection, name)
    if found is None:
        raise InvalidInput(
            "derived_from_unknown",
            Message(f"来源数据集“{name}”未登记。", f"The source {name!r} is not registered."),
            field="$.derived_from",
        )
    return found


def _known(connection: Connection, regrading_id: str) -> Regrading:
    row = connection.execute(select(regrading).where(regrading.c.id == regrading_id)).first()
    if row is None:
        raise NotFound(
            "regrading_unknown",
            Message("没有这项重新定级。", "There is no such proposal."),
            field="regrading",
        )
    return _regrading(row)


def _proposed_us(connection: Connection, regrading_id: str) -> int:
    query = select(regrading.c.proposed_us).where(regrading.c.id == regrading_id)
    return int(connection.execute(query).scalar_one())


def _regrading(row: Row[tuple[object, ...]]) -> Regrading:
    columns: Sequence[str] = json.loads(row.columns)
    return Regrading(
        id=row.id,
        dataset=row.dataset,
        columns=tuple(columns),
        grade=Grade(row.grade),
        important=bool(row.important),
        basis=row.basis,
        proposed_by=row.proposed_by,
        confirmed_by=row.confirmed_by,
    )


def _too_low(field: str, highest: Grade) -> InvalidInput:
    return InvalidInput(
        "derived_grade_too_low",
        Message(
            f"衍生数据按来源的最高级别 {highest} 定级（就高从严）。",
            f"Derived data take the highest grade of their sources, {highest}.",
        ),
        field=field,
        rule=RULE,
        way_out=Message(
            "请提高级别，或先由两人完成有依据的重新定级。",
            "Raise the grade, or have a lower one confirmed by two people with its basis first.",
        ),
    )


def _still_important() -> InvalidInput:
    return InvalidInput(
        "derived_still_important",
        Message(
            "由重要数据衍生的数据仍为重要数据，重新识别为一般数据并经确认后方可变更。",
            "Data derived from important data stay important until they are identified as general "
            "and that is confirmed.",
        ),
        field="$.important",
        rule="关于完善数据流通安全治理…实施方案（发改数据〔2025〕18号）",
    )


def _not_theirs() -> Denied:
    return Denied(
        "regrading_not_theirs",
        Message(
            "重新定级由供数单位或数据主管部门提出，由数据主管部门确认。",
            "A lower grade is proposed by the department or the authority, and confirmed by the "
            "authority.",
        ),
        rule=RULE,
    )
