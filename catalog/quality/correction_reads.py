"""Reads corrections and objections: one, lists by who may see them, moves, and what they flag.

The one who raised it, the provider and the authority read its texts; a holder of a flagged output
learns what is flagged and why in one sentence, and no text of the objector's.
"""

from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, or_, select

from audit.events import PendingEntry
from catalog.datasets import Frozen
from catalog.quality.correction_states import CorrectionState
from catalog.quality.store import affected_output, correction, correction_move
from catalog.store import dataset_table
from foundation.errors import Message, NotFound
from foundation.identity import Actor, Role


class Correction(Frozen):
    """A correction or objection as it stands; times are UTC microseconds.

    ``subject`` is the data set's name, or the entry's identifier.
    """

    id: str
    kind: Literal["correction", "objection"]
    target: Literal["dataset", "entry"]
    subject: str
    dataset_id: str | None
    entry_id: str
    provider: str
    organisation: str
    person: str
    claim: str
    evidence: str
    comparison: str | None
    state: CorrectionState
    matter: str | None
    referral: str | None
    case_number: str
    raised_us: int
    handler_person: str | None
    judged_us: int | None
    fixed_by: str | None
    answer: str
    closed_us: int | None


class AffectedOutput(Frozen):
    """One output that rests on data: its holder is told when the data were found wrong."""

    output: str
    kind: Literal["release", "product"]
    licence: str
    organisation: str
    title_zh: str
    title_en: str


def correction_by_id(connection: Connection, identifier: str) -> Correction | None:
    """Return a correction, or None."""
    row = connection.execute(_corrections().where(correction.c.id == identifier)).first()
    return None if row is None else _correction(row)


def required_correction(connection: Connection, identifier: str) -> Correction:
    """Return a correction. Raises NotFound."""
    found = correction_by_id(connection, identifier)
    if found is None:
        raise no_correction()
    return found


def readable_correction(connection: Connection, actor: Actor, identifier: str) -> Correction:
    """Return a correction that the caller may read. Raises NotFound for all others alike."""
    found = required_correction(connection, identifier)
    if not _reads(actor, found):
        raise no_correction()
    return found


def corrections(
    connection: Connection, actor: Actor, *, dataset: str | None = None, limit: int = 200
) -> list[Correction]:
    """List what the caller may read, newest first."""
    query = _corrections().order_by(correction.c.raised_us.desc(), correction.c.id).limit(limit)
    if dataset is not None:
        query = query.where(dataset_table.c.name == dataset)
    if not actor.oversees:
        mine = correction.c.person == actor.person
        query = query.where(or_(mine, correction.c.provider == actor.organisation))
    found = [_correction(row) for row in connection.execute(query)]
    return [item for item in found if _reads(actor, item)]


def moves(connection: Connection, identifier: str) -> list[dict[str, object]]:
    """Return each move of a correction in order."""
    table = correction_move
    query = select(table).where(table.c.correction == identifier).order_by(table.c.number)
    return [
        {
            "move": row.move,
            "person": row.person,
            "organisation": row.organisation,
            "note": row.note,
            "entry": row.entry_index,
            "moved_us": row.moved_us,
        }
        for row in connection.execute(query)
    ]


def affected(connection: Connection, identifier: str) -> list[AffectedOutput]:
    """List what an upheld correction flagged."""
    table = affected_output
    query = select(table).where(table.c.correction == identifier).order_by(table.c.output)
    return [_output(row) for row in connection.execute(query)]


def flags_for(connection: Connection, organisation: str) -> list[dict[str, object]]:
    """List the flags on what an organisation holds, newest first: what it must hear."""
    table = affected_output
    query = (
        select(table, correction.c.state, dataset_table.c.name)
        .join_from(table, correction, table.c.correction == correction.c.id)
        .join(dataset_table, correction.c.dataset_id == dataset_table.c.id, isouter=True)
        .where(table.c.organisation == organisation)
        .order_by(table.c.flagged_us.desc(), table.c.output)
    )
    return [
        {
            **_output(row).model_dump(),
            "correction": row.correction,
            "state": row.state,
            "dataset": row.name,
            "flagged_us": row.flagged_us,
        }
        for row in connection.execute(query)
    ]


def flag_outputs(
    connection: Connection,
    entry: PendingEntry,
    identifier: str,
    outputs: list[AffectedOutput],
) -> None:
    """Flag outputs for their holders within the entry that upheld the correction."""
    for item in outputs:
        row = item.model_dump() | {"correction": identifier, "flagged_us": entry.time_us}
        connection.execute(insert(affected_output).values(row))


def record_move(
    connection: Connection,
    entry: PendingEntry,
    identifier: str,
    actor: Actor,
    move: str,
    note: str,
) -> None:
    """Add one move to a correction's history."""
    counted = select(func.count()).where(correction_move.c.correction == identifier)
    connection.execute(
        insert(correction_move).values(
            correction=identifier,
            number=connection.execute(counted).scalar_one(),
            move=move,
            person=actor.person,
            organisation=actor.organisation,
            note=note,
            entry_index=entry.index,
            moved_us=entry.time_us,
        )
    )


def no_correction() -> NotFound:
    """Return the refusal of a correction that is not there, or not for the caller."""
    return NotFound(
        "correction_unknown",
        Message("没有该校核或异议。", "There is no such correction."),
        field="correction",
    )


def _reads(actor: Actor, found: Correction) -> bool:
    if actor.oversees or actor.person == found.person:
        return True
    duty = {Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.HALL_REPRESENTATIVE}
    return actor.organisation == found.provider and bool(actor.roles & duty)


def _corrections() -> Any:
    return select(correction, dataset_table.c.name.label("dataset_name")).join_from(
        correction, dataset_table, correction.c.dataset_id == dataset_table.c.id, isouter=True
    )


def _correction(row: Row[Any]) -> Correction:
    fields = {name: row._mapping[name] for name in Correction.model_fields if name != "subject"}  # noqa: SLF001
    return Correction.model_validate(fields | {"subject": row.dataset_name or row.entry_id})


def _output(row: Row[Any]) -> AffectedOutput:
    return AffectedOutput(
        output=row.output,
        kind=row.kind,
        licence=row.licence,
        organisation=row.organisation,
        title_zh=row.title_zh,
        title_en=row.title_en,
    )
