"""Every answer ever given, kept whole: the repeat path, the release desk and revocation read it.

A repeat is found only under the same licence, data version, policy and row filter, so nothing is
shared across licences; whoever asks is authorised afresh before it is given.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection, Row, select

from disclosure.plan_classes import closed_plan_class
from disclosure.store import answer
from foundation.canonical import digest, salted_commitment
from foundation.ids import new_id

SALT_BYTES = 32


@dataclass(frozen=True)
class RepeatKey:
    """What must be the same for a stored answer to be given again."""

    licence: str
    version: str
    plan_digest: str
    policy_digest: str
    row_filter_digest: str


@dataclass(frozen=True)
class NewAnswer:
    """An answer before it is stored: Arrow IPC bytes and where they come from.

    ``summary`` is the JSON object that travels in the answer's schema metadata. ``asked`` names the
    question whatever version answers it, and ``sources`` the columns that it names, by data set.
    """

    key: RepeatKey
    mode: Literal["rows", "aggregate"]
    organisation: str
    person: str
    session: str
    datasets: tuple[str, ...]
    content: bytes = field(repr=False)
    row_count: int
    summary: Mapping[str, object]
    cost_nano_rho: int = 0
    asked: str = ""
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    id: str = field(default_factory=lambda: new_id("ans"))
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(SALT_BYTES), repr=False)

    @property
    def content_digest(self) -> str:
        """Commit to the bytes without confirming guesses of them; goes into the log entry."""
        return salted_commitment(self.salt, self.content)


@dataclass(frozen=True)
class StoredAnswer:
    """An answer as it was given, and the entries that decided and recorded it.

    ``gross_micro_fen`` is what giving it now is billed.
    """

    given: NewAnswer
    decided_index: int
    answered_index: int
    answered_us: int
    gross_micro_fen: int = 0

    @property
    def id(self) -> str:
        """The answer's identifier."""
        return self.given.id


@dataclass(frozen=True)
class Received:
    """One line of the list of everything an operator received; it holds no data."""

    answer_id: str
    mode: str
    licence: str
    organisation: str
    person: str
    session: str
    datasets: tuple[str, ...]
    row_count: int
    content_bytes: int
    content_digest: str
    answered_index: int
    answered_us: int


def row_filter_digest(filters: Mapping[str, Sequence[str]]) -> str:
    """Return the digest of a licence's row filters, by column."""
    return digest({column: sorted(values) for column, values in filters.items()})


def store_answer(
    connection: Connection,
    given: NewAnswer,
    *,
    decided_index: int,
    answered_index: int,
    now_us: int,
) -> StoredAnswer:
    """Keep an answer; runs inside the writer's savepoint, with the outcome entry."""
    connection.execute(
        answer.insert().values(
            id=given.id,
            mode=given.mode,
            licence=given.key.licence,
            organisation=given.organisation,
            person=given.person,
            session=given.session,
            datasets=json.dumps(given.datasets),
            version=given.key.version,
            plan_digest=given.key.plan_digest,
            policy_digest=given.key.policy_digest,
            row_filter_digest=given.key.row_filter_digest,
            content=given.content,
            salt=given.salt,
            content_digest=given.content_digest,
            row_count=given.row_count,
            summary=json.dumps(given.summary, ensure_ascii=False, sort_keys=True),
            cost_nano_rho=given.cost_nano_rho,
            asked=given.asked,
            sources=json.dumps({name: list(given.sources[name]) for name in sorted(given.sources)}),
            decided_index=decided_index,
            answered_index=answered_index,
            answered_us=now_us,
        )
    )
    return StoredAnswer(given, decided_index, answered_index, now_us)


def find_repeat(connection: Connection, key: RepeatKey) -> StoredAnswer | None:
    """Return the first stored answer to the same question under the same terms.

    One behind which the engine failed is never given again: its question is asked anew once its
    class of plans is open.
    """
    columns = answer.c
    failed = select(closed_plan_class.c.closed_index)
    row = connection.execute(
        select(answer)
        .where(
            columns.licence == key.licence,
            columns.version == key.version,
            columns.plan_digest == key.plan_digest,
            columns.policy_digest == key.policy_digest,
            columns.row_filter_digest == key.row_filter_digest,
            columns.mode == "aggregate",
            columns.answered_index.not_in(failed),
        )
        .order_by(columns.answered_index)
        .limit(1)
    ).first()
    return _stored(row) if row else None


def answer_by_id(connection: Connection, answer_id: str, licence: str) -> StoredAnswer | None:
    """Return an answer of a licence; that of another licence reads as none."""
    row = connection.execute(
        select(answer).where(answer.c.id == answer_id, answer.c.licence == licence)
    ).first()
    return _stored(row) if row else None


@dataclass(frozen=True)
class Asked:
    """What an answer rests on, without its content: its question, and columns by data set."""

    asked: str
    sources: Mapping[str, tuple[str, ...]]


def asked_of_answer(connection: Connection, answer_id: str) -> Asked:
    """Return what a stored answer rests on."""
    query = select(answer.c.asked, answer.c.sources).where(answer.c.id == answer_id)
    row = connection.execute(query).one()
    return Asked(row.asked, _sources(row.sources))


def received(
    connection: Connection, *, organisation: str | None = None, licence: str | None = None
) -> tuple[Received, ...]:
    """List everything an organisation, or a licence, ever received, in the order of the log."""
    query = select(answer).order_by(answer.c.answered_index)
    if organisation is not None:
        query = query.where(answer.c.organisation == organisation)
    if licence is not None:
        query = query.where(answer.c.licence == licence)
    return tuple(_received(row) for row in connection.execute(query))


def _received(row: Row[tuple[object, ...]]) -> Received:
    return Received(
        answer_id=row.id,
        mode=row.mode,
        licence=row.licence,
        organisation=row.organisation,
        person=row.person,
        session=row.session,
        datasets=tuple(json.loads(row.datasets)),
        row_count=row.row_count,
        content_bytes=len(row.content),
        content_digest=row.content_digest,
        answered_index=row.answered_index,
        answered_us=row.answered_us,
    )


def _stored(row: Row[tuple[object, ...]]) -> StoredAnswer:
    key = RepeatKey(
        licence=row.licence,
        version=row.version,
        plan_digest=row.plan_digest,
        policy_digest=row.policy_digest,
        row_filter_digest=row.row_filter_digest,
    )
    given = NewAnswer(
        key=key,
        mode=row.mode,
        organisation=row.organisation,
        person=row.person,
        session=row.session,
        datasets=tuple(json.loads(row.datasets)),
        content=bytes(row.content),
        row_count=row.row_count,
        summary=json.loads(row.summary),
        cost_nano_rho=row.cost_nano_rho,
        asked=row.asked,
        sources=_sources(row.sources),
        id=row.id,
        salt=bytes(row.salt),
    )
    return StoredAnswer(given, row.decided_index, row.answered_index, row.answered_us)


def _sources(text: str) -> dict[str, tuple[str, ...]]:
    return {name: tuple(columns) for name, columns in json.loads(text).items()}
