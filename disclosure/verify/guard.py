"""The guard against guessing: how many claims one operator may make, of whom and of what.

It counts claims, never answers, so that it says nothing of the data. An operator is counted with
its affiliates, over all their licences and consents. Runs inside the writer's savepoint, with the
entry of the claim it admits.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Select, distinct, func, insert, select

from disclosure.outcome import Refused
from disclosure.verify import store
from disclosure.verify.claims import RULE
from disclosure.verify.digests import ClaimDigests
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Message
from policies.schema.verification import VerificationRules

DAY_US = 86_400 * MICROSECONDS_PER_SECOND


@dataclass(frozen=True)
class Claimant:
    """Who makes a claim, under which licence, about units of which population.

    ``group`` is the organisation with all its affiliates.
    """

    licence: str
    person: str
    organisation: str
    group: frozenset[str]
    population: str


class Guessing(Refused):
    """One claim too many about one column of one subject; ``column`` names it."""

    def __init__(self, column: str, *, locked: bool) -> None:
        """Say that the column is locked; ``locked`` tells whether it was before this claim."""
        super().__init__(
            "verification_locked",
            Message(
                "对该主体此项内容的不同核验过多，已锁定，并已告知数据主管部门。",
                "Too many different claims about this attribute of this subject: it is locked, "
                "and the data authority is told.",
            ),
            field=f"claimed.{column}",
            rule=RULE,
            way_out=Message(
                "请向数据主管部门说明情况并申请解锁。",
                "Explain yourself to the data authority, which may lift the lock.",
            ),
        )
        self.column = column
        self.was_locked = locked


def admit(
    connection: Connection,
    claimant: Claimant,
    digests: ClaimDigests,
    rules: VerificationRules,
    now_us: int,
) -> None:
    """Refuse a claim that is one too many, by subject, by value or by operator."""
    for column, value in digests.values.items():
        if standing_lock(connection, claimant, digests.subject, column):
            raise Guessing(column, locked=True)
        tried = _tried(connection, claimant, digests.subject, column, rules, now_us)
        if len(tried | {value}) > rules.claims_per_subject_max:
            raise Guessing(column, locked=False)
    day = store.claim.c.claimed_us > now_us - DAY_US
    for column, value in digests.values.items():
        others = (store.claim.c.value == value, store.claim.c.subject != digests.subject, day)
        if _count(connection, claimant, others) >= rules.subjects_per_value_per_day_max:
            raise _too_many(f"claimed.{column}")
    made = select(func.count(distinct(store.claim.c.claim))).where(day, _own(claimant))
    if connection.execute(made).scalar_one() >= rules.claims_per_operator_per_day_max:
        raise _too_many("claimed")


def remember(
    connection: Connection,
    claimant: Claimant,
    digests: ClaimDigests,
    claim_id: str,
    *,
    entry_index: int,
    now_us: int,
) -> None:
    """Keep an admitted claim, one row a column."""
    for column, value in digests.values.items():
        connection.execute(
            insert(store.claim).values(
                claim=claim_id,
                column=column,
                licence=claimant.licence,
                organisation=claimant.organisation,
                person=claimant.person,
                population=claimant.population,
                subject=digests.subject,
                value=value,
                consent=digests.consent,
                entry_index=entry_index,
                claimed_us=now_us,
            )
        )


def standing_lock(connection: Connection, claimant: Claimant, subject: str, column: str) -> bool:
    """Tell whether a column of a subject is locked to an operator or an affiliate."""
    found = _locks(claimant.group, subject, column).where(store.lock.c.lifted_us.is_(None))
    return connection.execute(found.limit(1)).first() is not None


def _tried(
    connection: Connection,
    claimant: Claimant,
    subject: str,
    column: str,
    rules: VerificationRules,
    now_us: int,
) -> set[str]:
    """Return the values claimed in the period, since the last lock on them was lifted."""
    lifted = connection.execute(
        _locks(claimant.group, subject, column).with_only_columns(func.max(store.lock.c.lifted_us))
    ).scalar()
    since_us = max(now_us - rules.period_days * DAY_US, lifted or 0)
    table = store.claim.c
    rows = connection.execute(
        select(table.value)
        .distinct()
        .where(
            table.subject == subject,
            table.column == column,
            table.claimed_us > since_us,
            _own(claimant),
        )
    )
    return set(rows.scalars())


def _count(
    connection: Connection, claimant: Claimant, conditions: Collection[ColumnElement[bool]]
) -> int:
    query = select(func.count(distinct(store.claim.c.subject))).where(*conditions, _own(claimant))
    return int(connection.execute(query).scalar_one())


def _own(claimant: Claimant) -> ColumnElement[bool]:
    return store.claim.c.organisation.in_(sorted(claimant.group))


def _locks(group: frozenset[str], subject: str, column: str) -> Select[tuple[str]]:
    table = store.lock.c
    return select(table.id).where(
        table.organisation.in_(sorted(group)), table.subject == subject, table.column == column
    )


def _too_many(field: str) -> Refused:
    return Refused(
        "verification_rate",
        Message(
            "今日核验次数，或同一取值核验的主体数，已达上限。",
            "Today's claims, or the subjects that one value was tried on, have reached the limit.",
        ),
        field=field,
        rule=RULE,
        way_out=Message("请于次日再试。", "Try again tomorrow."),
    )
