"""Headline figures (总体情况): entries, resources, versions, who is connected, calls and questions.

Calls are those of interfaces shared between departments; questions are the answers that the log
names, so that both can be counted again from the record.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, case, func, select

from audit.store import entry, entry_subject
from audit.tags import EntryKind
from authorization.organisations import OrganisationKind, organisations
from authorization.sharing.figures import (
    calls_by_department,
    calls_by_provider,
    requests_by_state,
)
from authorization.store import licence, organisation
from catalog.book.store import catalog_entry
from catalog.store import dataset_table, version_table
from policies.schema.revenue import PriceClass
from revenue.usage_store import usage
from service.figures.holdings import PUBLISHED, holdings, total
from service.figures.spans import Span

ANSWERED = (
    *(EntryKind.ANSWER_RELEASED, EntryKind.ANSWER_REPEATED),
    *(EntryKind.VERIFICATION_ANSWERED, EntryKind.PRODUCT_FETCHED),
)
FREE_CLASSES: tuple[PriceClass, ...] = ("public_governance", "public_welfare")


def headline(connection: Connection, span: Span) -> dict[str, Any]:
    """Return what stands now, and what was called and answered within the span."""
    covered = total(holdings(connection))
    months = monthly(connection, span)
    return {
        **span.as_json(),
        "catalogue": {
            "entries": covered.entries,
            "entries_by_state": _counted(connection, catalog_entry.c.state),
            "entries_with_resource": covered.attached,
            "resources": _number(connection, dataset_table),
            "versions": _number(connection, version_table),
        },
        "connected": connected(connection),
        "licences": _counted(connection, licence.c.state),
        "sharing_requests": requests_by_state(connection),
        "calls": sum(month["calls"] for month in months),
        "questions": sum(month["questions"] for month in months),
        "uses": uses(connection, span),
        "months": months,
    }


def connected(connection: Connection) -> dict[str, Any]:
    """Count organisations by kind (the platform apart), departments that publish, regions."""
    state, kind, region = organisation.c.state, organisation.c.kind, organisation.c.region
    theirs = (state == "active", kind != str(OrganisationKind.PLATFORM))
    active = select(kind, func.count()).where(*theirs).group_by(kind)
    providers = select(func.count(catalog_entry.c.provider.distinct()))
    regions = select(func.count(region.distinct())).where(*theirs, region != "")
    kinds = {row[0]: int(row[1]) for row in connection.execute(active)}
    return {
        "organisations": sum(kinds.values()),
        "by_kind": dict(sorted(kinds.items())),
        "departments_with_entries": int(
            connection.execute(providers.where(catalog_entry.c.state.in_(PUBLISHED))).scalar_one()
        ),
        "regions": int(connection.execute(regions).scalar_one()),
    }


def monthly(connection: Connection, span: Span) -> list[dict[str, Any]]:
    """Return the calls of shared interfaces and the questions answered, month by month."""
    answered = _answered_monthly(connection, span)
    return [
        {
            "month": month.name,
            "calls": sum(
                line["calls"]
                for line in calls_by_department(
                    connection, month.first.isoformat(), month.last.isoformat()
                )
            ),
            "questions": answered[month.name],
        }
        for month in span.months
    ]


def calls(connection: Connection, span: Span) -> dict[str, Any]:
    """Return calls by requesting and by serving department, by region and by month, and questions.

    An organisation without a region is counted under the empty code.
    """
    houses = organisations(connection)
    region = {name: house.region for name, house in houses.items()}
    asked: Counter[tuple[str, str]] = Counter()
    served: Counter[tuple[str, str]] = Counter()
    for month in span.months:
        days = month.first.isoformat(), month.last.isoformat()
        for line in calls_by_department(connection, *days):
            asked[line["requester"], month.name] += line["calls"]
        for line in calls_by_provider(connection, *days):
            served[line["provider"], month.name] += line["calls"]
    questions = _answered(connection, span)
    return {
        **span.as_json(),
        "by_department": _lines("organisation", asked),
        "by_provider": _lines("organisation", served),
        "by_region": _lines("region", _by_region(asked, region)),
        "questions_by_organisation": _lines("organisation", questions),
        "questions_by_region": _lines("region", _by_region(questions, region)),
    }


def uses(connection: Connection, span: Span) -> dict[str, Any]:
    """Count the metered outcomes within the span: those at price zero, and by class of price."""
    table = usage.c
    one = (
        select(
            table.price_class, case((func.sum(table.gross_micro_fen) > 0, 1), else_=0).label("paid")
        )
        .where(table.time_us >= span.from_us, table.time_us < span.until_us)
        .group_by(table.source_index, table.licence, table.price_class)
        .subquery()
    )
    rows = connection.execute(
        select(one.c.price_class, one.c.paid, func.count())
        .group_by(one.c.price_class, one.c.paid)
        .order_by(one.c.price_class)
    )
    found: dict[str, dict[str, int]] = {}
    for name, charged, number in rows:
        counted = found.setdefault(str(name), {"free": 0, "charged": 0})
        counted["charged" if charged else "free"] += int(number)
    return {
        "free": sum(one["free"] for one in found.values()),
        "charged": sum(one["charged"] for one in found.values()),
        "public_interest": sum(
            sum(counted.values()) for name, counted in found.items() if name in FREE_CLASSES
        ),
        "by_price_class": found,
    }


def _answered_monthly(connection: Connection, span: Span) -> dict[str, int]:
    """Count the answers of each month, by the log's index of kinds alone."""
    counted = select(func.count()).where(entry.c.kind.in_([str(kind) for kind in ANSWERED]))
    return {
        month.name: int(
            connection.execute(counted.where(entry.c.idx >= first, entry.c.idx < end)).scalar_one()
        )
        for month, first, end in span.indexes(connection)
    }


def _answered(connection: Connection, span: Span) -> Counter[tuple[str, str]]:
    """Count the answers by the organisation that asked and by month, in one pass of the span."""
    months = list(span.indexes(connection))
    month = case(*((entry.c.idx < end, one.name) for one, _first, end in months)).label("month")
    each = (
        select(entry_subject.c.value.label("organisation"), month)
        .join(entry, entry.c.idx == entry_subject.c.idx)
        .where(
            entry_subject.c.field == "organisation",
            entry_subject.c.idx >= months[0][1],
            entry_subject.c.idx < months[-1][2],
            entry.c.kind.in_([str(kind) for kind in ANSWERED]),
        )
        .subquery()
    )
    by_both = (each.c.organisation, each.c.month)
    query = select(*by_both, func.count()).group_by(*by_both)
    rows = connection.execute(query)
    return Counter({(str(row[0]), str(row[1])): int(row[2]) for row in rows})


def _by_region(
    counted: Counter[tuple[str, str]], region: Mapping[str, str]
) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for (house, month), number in counted.items():
        found[region.get(house, ""), month] += number
    return found


def _lines(name: str, counted: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    """Write counts as lines, the most first, each with its months."""
    keys: Iterable[str] = {key for key, _month in counted}
    lines = [
        {
            name: key,
            "total": sum(number for (one, _), number in counted.items() if one == key),
            "months": {month: number for (one, month), number in counted.items() if one == key},
        }
        for key in keys
    ]
    return sorted(lines, key=lambda line: (-line["total"], line[name]))


def _number(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _counted(connection: Connection, column: Any) -> dict[str, int]:
    rows = connection.execute(select(column, func.count()).group_by(column).order_by(column))
    return {str(row[0]): int(row[1]) for row in rows}
