"""Headline figures of sharing: calls and rows by department, entry, mode and span of days."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from authorization.sharing.store import share_calls, share_request


def calls_by_department(
    connection: Connection, since: str = "", until: str = "9999-12-31"
) -> list[dict[str, Any]]:
    """Return each requesting department's calls and rows between two civil days (ISO, both in)."""
    return _sums(connection, share_calls.c.requester, "requester", since, until)


def calls_by_provider(
    connection: Connection, since: str = "", until: str = "9999-12-31"
) -> list[dict[str, Any]]:
    """Return the calls and rows that each providing department served."""
    return _sums(connection, share_calls.c.provider, "provider", since, until)


def calls_by_entry(
    connection: Connection, since: str = "", until: str = "9999-12-31"
) -> list[dict[str, Any]]:
    """Return the calls and rows of each catalogue entry."""
    return _sums(connection, share_calls.c.entry, "entry", since, until)


def requests_by_state(connection: Connection) -> dict[str, int]:
    """Return how many requests stand in each state."""
    table = share_request.c
    rows = connection.execute(select(table.state, func.count()).group_by(table.state))
    return {str(row[0]): int(row[1]) for row in rows}


def _sums(
    connection: Connection, column: ColumnElement[Any], name: str, since: str, until: str
) -> list[dict[str, Any]]:
    table = share_calls.c
    query = (
        select(column, func.sum(table.calls), func.sum(table.row_count))
        .where(table.day >= since, table.day <= until)
        .group_by(column)
        .order_by(func.sum(table.calls).desc(), column)
    )
    return [
        {name: key, "calls": int(calls), "rows": int(rows)}
        for key, calls, rows in connection.execute(query)
    ]
