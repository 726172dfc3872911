"""Run by path in a process of its own: copies one table of a department's database as CSV, once.

It knows what it is told over standard input and nothing else: no key, no setting, no other table.
One read-only transaction sees one state of the table; what comes is written as it comes, and is
parsed by the confined builder alone. It says nothing but its exit code.
"""

import json
import resource
import sys
from typing import Any, BinaryIO

import psycopg
from psycopg import sql

DONE, NOT_REACHED, NOT_READ, TOO_LARGE, BROKEN = 0, 3, 4, 5, 6
MEMORY_BYTES_MAX = 1 << 30


class _TooLarge(Exception):
    """The table has more bytes than are taken."""


def copy_table(order: dict[str, Any], out: BinaryIO) -> int:
    """Copy the declared columns of one table; return the exit code."""
    try:
        connection = psycopg.connect(
            order["url"],
            connect_timeout=int(order["connect_seconds_max"]),
            application_name="sandgate-reader",
        )
    except psycopg.Error:
        return NOT_REACHED
    with connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        try:
            _copy(connection, order, out)
        except _TooLarge:
            return TOO_LARGE
        except psycopg.Error:
            return NOT_READ
    return DONE


def _copy(connection: "psycopg.Connection[Any]", order: dict[str, Any], out: BinaryIO) -> None:
    with connection.cursor() as cursor:
        seconds = int(order["seconds_max"])
        cursor.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(f"{seconds}s"))
        cursor.execute("SET LOCAL datestyle = 'ISO, YMD'")
        left = int(order["bytes_max"])
        with cursor.copy(_statement(order)) as copy:
            for chunk in copy:
                left -= len(chunk)
                if left < 0:
                    raise _TooLarge
                out.write(chunk)


def _statement(order: dict[str, Any]) -> sql.Composed:
    """Write the one statement there is; every name is quoted, so that none is anything else."""
    columns = sql.SQL(", ").join(
        sql.SQL("CAST({0} AS text) AS {0}").format(sql.Identifier(name))
        for name in order["columns"]
    )
    return sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT csv, HEADER true)").format(
        columns, sql.Identifier(order["schema"], order["table"])
    )


def main() -> int:
    """Read the order, copy, end. No text of a library goes anywhere."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    try:
        order = json.loads(sys.stdin.buffer.readline())
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["bytes_max"], order["bytes_max"]))
        code = copy_table(order, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except Exception:  # noqa: BLE001 - what a library says may hold data or a password
        return BROKEN
    return code


if __name__ == "__main__":
    sys.exit(main())
