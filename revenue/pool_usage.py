"""What a period holds of a licence: its usage and contributions, by the order of the log alone.

A use belongs to the first period that closes after it, so the range runs from the entry after the
last close to the closing entry itself; use that came late is in it without being asked for.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from foundation.canonical import digest
from revenue.metering import contribution_line, usage_line
from revenue.schemes.measures import Contribution
from revenue.usage_store import contribution, usage


@dataclass(frozen=True)
class IndexRange:
    """Entries of the log after one index, up to another, which is included."""

    after_index: int
    until_index: int


@dataclass(frozen=True)
class BuyerUse:
    """How much of a pool one buyer used: outcomes, and their price in micro-fen."""

    outcomes: int
    gross_micro_fen: int


@dataclass(frozen=True)
class PoolUsage:
    """All usage of one licence in one period, in numbers and in two digests.

    ``tariffs`` are the digests of what priced it, each with the time of its first use.
    """

    outcomes: int
    totals: Mapping[str, int]
    rule_digests: tuple[str, ...]
    gross_micro_fen: int
    prepaid_micro_fen: int
    usage_digest: str
    buyers: Mapping[str, BuyerUse]
    contributions: tuple[Contribution, ...]
    contributions_digest: str
    tariffs: frozenset[tuple[str, int]]


def licences_used(connection: Connection, within: IndexRange) -> set[str]:
    """Return the licences that were used in a range."""
    query = select(usage.c.licence).distinct().where(*_within(within))
    return set(connection.execute(query).scalars())


def pool_usage(connection: Connection, licence: str, within: IndexRange) -> PoolUsage:
    """Gather a licence's usage in a range; nothing of it depends on the order of rows."""
    query = select(usage).where(usage.c.licence == licence, *_within(within))
    order = (usage.c.audit_index, usage.c.source_index, usage.c.meter)
    totals: Counter[str] = Counter()
    buyers: dict[str, tuple[set[tuple[int, int]], int]] = {}
    rules: set[str] = set()
    tariffs: dict[str, int] = {}
    prepaid = 0
    lines = []
    for row in connection.execute(query.order_by(*order)).mappings():
        lines.append(usage_line(dict(row)))
        totals[row["meter"]] += row["quantity"]
        rules.add(row["rule_digest"])
        tariffs.setdefault(row["tariff_digest"], row["time_us"])
        prepaid += row["gross_micro_fen"] * row["prepaid"]
        outcomes, gross = buyers.get(row["buyer"], (set(), 0))
        outcomes.add((row["audit_index"], row["source_index"]))
        buyers[row["buyer"]] = (outcomes, gross + row["gross_micro_fen"])
    given, given_digest = _contributions(connection, licence, within)
    return PoolUsage(
        outcomes=sum(len(outcomes) for outcomes, _ in buyers.values()),
        totals=dict(sorted(totals.items())),
        rule_digests=tuple(sorted(rules)),
        gross_micro_fen=sum(gross for _, gross in buyers.values()),
        prepaid_micro_fen=prepaid,
        usage_digest=digest(lines),
        buyers={
            buyer: BuyerUse(len(outcomes), gross) for buyer, (outcomes, gross) in buyers.items()
        },
        contributions=given,
        contributions_digest=given_digest,
        tariffs=frozenset(tariffs.items()),
    )


def _contributions(
    connection: Connection, licence: str, within: IndexRange
) -> tuple[tuple[Contribution, ...], str]:
    query = select(contribution).where(
        contribution.c.licence == licence,
        contribution.c.audit_index > within.after_index,
        contribution.c.audit_index <= within.until_index,
    )
    order = (contribution.c.audit_index, contribution.c.source_index, contribution.c.dataset)
    rows = connection.execute(query.order_by(*order)).mappings().all()
    given = tuple(
        Contribution(
            row["dataset"], tuple(json.loads(row["columns"])), int(row["rows"]), row["outcome_key"]
        )
        for row in rows
    )
    return given, digest([contribution_line(dict(row)) for row in rows])


def _within(within: IndexRange) -> tuple[ColumnElement[bool], ...]:
    return (
        usage.c.audit_index > within.after_index,
        usage.c.audit_index <= within.until_index,
    )
