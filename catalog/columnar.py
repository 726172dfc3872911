"""Orders rows by privacy unit, ranks them, and stores the rows that bound each unit's share.

The only door to DuckDB outside the query workers; it imports duckdb, pyarrow and the standard
library only. What is kept of one unit depends on its own rows and a secret of the version, so
removing a unit changes each declared group set by that unit's kept rows and nothing else (I4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

BATCH_ROWS = 131_072
RANK_MAX = 255
SUM_MAX = 2**62
SMALL_CODES_MAX = 2**15 - 1
UNIT, RANK, FIRST = "_unit", "_rank", "first"
_UNIT_HASH, _ORDER, _POSITION = "_unit_hash", "_order", "_position"


@dataclass(frozen=True)
class Measure:
    """A clamped column; bounds are stored integers."""

    name: str
    lower: int
    upper: int

    @property
    def storage(self) -> str:
        """The narrowest integer type that holds the clamped values."""
        for bits, name in ((8, "TINYINT"), (16, "SMALLINT"), (32, "INTEGER")):
            if -(2 ** (bits - 1)) <= self.lower and self.upper < 2 ** (bits - 1):
                return name
        return "BIGINT"


@dataclass(frozen=True)
class BoundedSet:
    """One declared group set: public keys with their values, caps, clamped measures."""

    name: str
    keys: Mapping[str, Sequence[str]]
    groups_per_unit_max: int
    rows_per_group_max: int
    measures: Sequence[Measure]


def open_store(memory_bytes_max: int, threads: int) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that can reach no file, no network and no extension."""
    connection = duckdb.connect(
        config={
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
            "temp_directory": "",
            "memory_limit": f"{memory_bytes_max // 2**20}MiB",
            "threads": str(threads),
        }
    )
    connection.execute("SET lock_configuration=true")
    return connection


def load_rows(
    connection: duckdb.DuckDBPyConnection, batches: pa.RecordBatchReader, target: str
) -> int:
    """Read batches into a table; return the number of rows."""
    connection.register("_incoming", batches)
    try:
        connection.execute(f"CREATE TABLE {_q(target)} AS FROM _incoming")
    finally:
        connection.unregister("_incoming")
    return count_rows(connection, target)


def count_rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Count a table's rows."""
    found = connection.execute(f"SELECT count(*) FROM {_q(table)}").fetchall()  # noqa: S608
    return int(found[0][0])


def rank_rows(
    connection: duckdb.DuckDBPyConnection,
    *,
    source: str,
    target: str,
    unit_columns: Sequence[str],
    secret: bytes,
    position: str = _POSITION,
) -> None:
    """Add the dense unit ordinal and each row's rank within its unit.

    The rank orders a unit's rows by SHA-256 of the secret, the unit and the row's place among
    that unit's own rows (``position`` orders them), so no one can steer which rows survive a
    cap, and no row's rank depends on another unit. The ordinal follows the keyed hash as well:
    it says nothing about the unit's identifier. Rows of a NULL unit are left out.
    """
    units = ", ".join(_q(name) for name in unit_columns)
    present = " AND ".join(f"{_q(name)} IS NOT NULL" for name in unit_columns)
    unit_key = _keyed(" || ".join(["'u'", *(_prefixed(_q(name)) for name in unit_columns)]))
    connection.execute(
        f"CREATE TEMP TABLE _units AS SELECT *, CAST(row_number() OVER (ORDER BY {_UNIT_HASH}, "  # noqa: S608
        f"{units}) - 1 AS BIGINT) AS {UNIT} FROM (SELECT DISTINCT {units}, "
        f"{unit_key} AS {_UNIT_HASH} FROM {_q(source)} WHERE {present})",
        [secret],
    )
    keyed = _keyed(f"'r' || {_UNIT_HASH} || ':' || _place")
    connection.execute(
        f"CREATE TABLE {_q(target)} AS SELECT * EXCLUDE (_place, _key), CAST(row_number() OVER ("  # noqa: S608
        f"PARTITION BY {UNIT} ORDER BY _key, _place) AS INTEGER) AS {_ORDER} FROM ("
        f"SELECT *, {keyed} AS _key FROM (SELECT s.*, u.{UNIT}, u.{_UNIT_HASH}, row_number() OVER ("
        f"PARTITION BY u.{UNIT} ORDER BY s.{_q(position)}) AS _place "
        f"FROM {_q(source)} s JOIN _units u USING ({units})))",
        [secret],
    )
    connection.execute("DROP TABLE _units")


def bound_rows(
    connection: duckdb.DuckDBPyConnection,
    *,
    source: str,
    target: str,
    bounded: BoundedSet,
    secret: bytes,
) -> int:
    """Write a group set's kept rows from a table that ``rank_rows`` made; return their number.

    Each unit keeps at most ``groups_per_unit_max`` groups and ``rows_per_group_max`` rows in
    each, chosen by keyed hash. A row with a key that is NULL or not a declared public value is
    left out. A NULL measure stays NULL: out of the sum, not out of the count; others are
    clamped by CASE (LEAST(NULL, cap) would be the cap).
    """
    _register_codes(connection, bounded)
    codes = [f"k_{name}" for name in bounded.keys]
    listed = ", ".join(_q(code) for code in codes)
    joins = " ".join(
        f"JOIN {_q('_codes_' + name)} ON "
        f"{_q('_codes_' + name)}.value = CAST(s.{_q(name)} AS VARCHAR)"
        for name in bounded.keys
    )
    picked = ", ".join(f"{_q('_codes_' + name)}.code AS {_q('k_' + name)}" for name in bounded.keys)
    raw = "".join(f", s.{_q(measure.name)}" for measure in bounded.measures)
    connection.execute(
        f"CREATE TEMP TABLE _coded AS SELECT {picked}, s.{UNIT}, s.{_UNIT_HASH}, "  # noqa: S608
        f"row_number() OVER (PARTITION BY s.{UNIT}, {listed} ORDER BY s.{_ORDER}) AS _row{raw} "
        f"FROM {_q(source)} s {joins}"
    )
    group_text = "'g' || " + " || ':' || ".join([_UNIT_HASH, *(_q(code) for code in codes)])
    connection.execute(
        f"CREATE TEMP TABLE _groups AS SELECT {UNIT}, {listed}, row_number() OVER (PARTITION BY "  # noqa: S608
        f"{UNIT} ORDER BY {_keyed(group_text)}, {listed}) AS _group FROM _coded WHERE _row = 1",
        [secret],
    )
    clamped = "".join(f", {_clamp(measure)}" for measure in bounded.measures)
    connection.execute(
        f"CREATE TABLE {_q(target)} AS SELECT {listed}{clamped}, _row = 1 AS {_q(FIRST)} "  # noqa: S608
        f"FROM _coded JOIN _groups USING ({UNIT}, {listed}) "
        f"WHERE _group <= {int(bounded.groups_per_unit_max)} "
        f"AND _row <= {int(bounded.rows_per_group_max)} ORDER BY {listed}"
    )
    for table in ("_coded", "_groups", *(f"_codes_{name}" for name in bounded.keys)):
        connection.execute(f"DROP TABLE {_q(table)}")
    return count_rows(connection, target)


def sum_could_overflow(rows: int, measure: Measure) -> bool:
    """Tell whether the clamped column could ever sum past what a 64-bit integer holds."""
    return rows * max(abs(measure.lower), abs(measure.upper)) >= SUM_MAX


def stream_rows(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], *, units: bool
) -> pa.RecordBatchReader:
    """Give a row table in stored order: by unit and rank where there are units, else as it came."""
    listed = ", ".join(_q(name) for name in columns)
    if units:
        rank = f"CAST(least({_ORDER}, {RANK_MAX}) AS SMALLINT) AS {RANK}"
        order = f"{UNIT}, {_ORDER}"
        query = f"SELECT {listed}, {UNIT}, {rank} FROM {_q(table)} ORDER BY {order}"  # noqa: S608
    else:
        query = f"SELECT {listed} FROM {_q(table)} ORDER BY {_POSITION}"  # noqa: S608
    return connection.sql(query).to_arrow_reader(BATCH_ROWS)


def stream_table(connection: duckdb.DuckDBPyConnection, table: str) -> pa.RecordBatchReader:
    """Give a table as it stands."""
    return connection.sql(f"SELECT * FROM {_q(table)}").to_arrow_reader(BATCH_ROWS)  # noqa: S608


def _register_codes(connection: duckdb.DuckDBPyConnection, bounded: BoundedSet) -> None:
    for name, values in bounded.keys.items():
        width = pa.int16() if len(values) <= SMALL_CODES_MAX else pa.int32()
        codes = pa.table(
            {
                "value": pa.array(values, pa.string()),
                "code": pa.array(range(len(values)), width),
            }
        )
        load_rows(connection, codes.to_reader(), f"_codes_{name}")


def _clamp(measure: Measure) -> str:
    name, lower, upper = _q(measure.name), int(measure.lower), int(measure.upper)
    return (
        f"CAST(CASE WHEN {name} IS NULL THEN NULL WHEN {name} < {lower} THEN {lower} "
        f"WHEN {name} > {upper} THEN {upper} ELSE {name} END AS {measure.storage}) "
        f"AS {_q('m_' + measure.name)}"
    )


def _keyed(text: str) -> str:
    """Return SQL for 64 bits of SHA-256 over the secret (a parameter) and a text."""
    return f"CAST('0x' || left(sha256(CAST(? AS BLOB) || encode({text})), 16) AS UBIGINT)"


def _prefixed(column: str) -> str:
    """Return SQL for a value with its length before it, so that no two tuples read alike."""
    text = f"CAST({column} AS VARCHAR)"
    return f"strlen({text}) || ':' || {text}"


def _q(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'
