"""Decides which organisations count as one house: those under common control (关联方).

Registered affiliates, a controlling share, a common parent, a common legal representative or a
common group join them, in either direction and through each other. A tie that was ended goes on
counting for as long as the rules said when it ended, so that ending it just before a vote helps
nobody; the clock it is held against is that of the log.
"""

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, or_, select

import audit.store as log
from authorization import store


def group_of(connection: Connection, organisation: str) -> frozenset[str]:
    """Return an organisation with all its affiliates, and theirs, in either direction."""
    ties: defaultdict[str, set[str]] = defaultdict(set)
    for one, other in _ties(connection):
        ties[one].add(other)
        ties[other].add(one)
    group = {_house(organisation)}
    edge = set(group)
    while edge:
        edge = {near for name in edge for near in ties[name]} - group
        group |= edge
    return frozenset(name.removeprefix(HOUSE) for name in group if name.startswith(HOUSE))


HOUSE = "house:"
CREDIT_CODE = "code:"
PERSON = "person:"


def served_by(connection: Connection, person: str) -> frozenset[str]:
    """Return every organisation that a person belongs to, or lately did: for independence."""
    table = store.affiliation
    rows = connection.execute(
        select(table.c.organisation).where(
            table.c.person == person,
            counts(table.c.ended_us, table.c.counts_until_us, log_time_us(connection)),
        )
    )
    return frozenset(rows.scalars())


def declared_pairs(connection: Connection) -> list[tuple[str, str]]:
    """Return the pairs that were registered as affiliates without a relation of control."""
    table = store.organisation_affiliate
    rows = connection.execute(select(table.c.organisation, table.c.affiliate))
    return [(row.organisation, row.affiliate) for row in rows]


def log_time_us(connection: Connection) -> int:
    """Return the time of the log's newest entry (UTC microseconds); 0 before the first."""
    newest = select(log.entry.c.time_us).order_by(log.entry.c.idx.desc()).limit(1)
    return int(connection.execute(newest).scalar() or 0)


def counts(
    ended_us: ColumnElement[int | None], until_us: ColumnElement[int | None], now_us: int
) -> ColumnElement[bool]:
    """Return the condition that a tie holds, or ended so lately that it still counts."""
    return or_(ended_us.is_(None), until_us > now_us)


def _ties(connection: Connection) -> Iterator[tuple[str, str]]:
    for one, other in declared_pairs(connection):
        yield _house(one), _house(other)
    codes = select(store.organisation.c.id, store.organisation.c.credit_code).where(
        store.organisation.c.credit_code.is_not(None)
    )
    for row in connection.execute(codes):
        yield _house(row.id), f"{CREDIT_CODE}{row.credit_code}"
    table = store.control_relation
    relations = select(table.c.organisation, table.c.controller).where(
        table.c.controls == 1,
        counts(table.c.ended_us, table.c.counts_until_us, log_time_us(connection)),
    )
    for row in connection.execute(relations):
        yield _house(row.organisation), row.controller


def _house(organisation: str) -> str:
    return f"{HOUSE}{organisation}"
