"""Orders rows by privacy unit, ranks them, and stores the rows that bound each unit's share.

The only door to DuckDB outside the query workers; it imports duckdb, pyarrow and the standard
library only. What is kept of one unit, and every rank, depends on its own rows and a secret of the
version, so removing a unit takes that unit's rows away and changes nothing else (I4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

Store = duckdb.DuckDBPyConnection

BATCH_ROWS = 131_072
RANK_MAX = 255
"""Stored ranks saturate here; caps stay below it, so a saturated rank is never within a cap."""
SUM_MAX = 2**62
SMALL_CODES_MAX = 2**15 - 1
UNIT_HASH_HEX = 32
DATE_ZERO, DATE_FIRST, DATE_LAST = "1970-01-01", "0001-01-01", "9999-12-31"
UNIT, RANK, FIRST = "_unit", "_rank", "first"
_UNIT_HASH, _ORDER, _POSITION = "_unit_hash", "_order", "_position"


@dataclass(frozen=True)
class Measure:
    """A clamped column; bounds are stored integers, days since 1970-01-01 for a date."""

    name: str
    lower: int
    upper: int
    type: str = "integer"

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


@dataclass(frozen=True)
class RankedColumn:
    """A column as aggregates read it: by the code of its public value, or as it is stored."""

    name: str
    type: str
    public_values: Sequence[str] = ()


def open_store(memory_bytes_max: int, threads: int) -> Store:
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


def load_rows(connection: Store, batches: pa.RecordBatchReader, target: str) -> int:
    """Read batches into a table; return the number of rows."""
    connection.register("_incoming", batches)
    try:
        connection.execute(f"CREATE TABLE {quoted(target)} AS FROM _incoming")
    finally:
        connection.unregister("_incoming")
    return count_rows(connection, target)


def count_rows(connection: Store, table: str) -> int:
    """Count a table's rows."""
    found = connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchall()  # noqa: S608
    return int(found[0][0])


def first_repeat(connection: Store, table: str, column: str) -> int | None:
    """Return the place of the first row whose value is missing or stood before, or None."""
    found = connection.execute(
        f"SELECT min({_POSITION}) FROM (SELECT {_POSITION}, {quoted(column)} AS _value, "  # noqa: S608
        f"row_number() OVER (PARTITION BY {quoted(column)} ORDER BY {_POSITION}) AS _time "
        f"FROM {quoted(table)}) "
        "WHERE _time > 1 OR _value IS NULL"
    ).fetchall()
    return None if found[0][0] is None else int(found[0][0])


def count_violations(
    connection: Store,
    table: str,
    column: str,
    *,
    length_max: int | None,
    pattern: str | None,
    values: Sequence[str],
) -> dict[str, int]:
    """Count the rows whose value breaks each rule of a data element; a missing one breaks none.

    A pattern must match the whole value (RE2, which takes linear time on any text).
    """
    text = f"CAST({quoted(column)} AS VARCHAR)"
    broken: dict[str, tuple[str, list[object]]] = {}
    if length_max is not None:
        broken["element_length"] = (f"length({text}) > ?", [int(length_max)])
    if pattern is not None:
        broken["element_pattern"] = (f"NOT regexp_full_match({text}, ?)", [pattern])
    if values:
        broken["element_value"] = (f"NOT list_contains(?::VARCHAR[], {text})", [list(values)])
    counts = {}
    for rule, (condition, given) in broken.items():
        found = connection.execute(
            f"SELECT count(*) FROM {quoted(table)} "  # noqa: S608
            f"WHERE {quoted(column)} IS NOT NULL AND {condition}",
            given,
        ).fetchall()
        counts[rule] = int(found[0][0])
    return counts


def rank_rows(
    connection: Store,
    *,
    source: str,
    target: str,
    unit_columns: Sequence[str],
    secret: bytes,
    position: str = _POSITION,
) -> None:
    """Write the rows in order of unit, each with its unit's ordinal and its rank in the unit.

    The rank orders a unit's rows by SHA-256 of the secret, the unit and the row's place among
    that unit's own rows (``position`` orders them), so no one can steer which rows survive a
    cap, and no row's rank depends on another unit. The ordinal follows the keyed hash as well:
    it says nothing about the unit's identifier. Rows of a NULL unit are left out.
    """
    units = ", ".join(quoted(name) for name in unit_columns)
    present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in unit_columns)
    connection.execute(
        f"CREATE TEMP TABLE _units AS SELECT *, CAST(row_number() OVER (ORDER BY {_UNIT_HASH}, "  # noqa: S608
        f"{units}) - 1 AS BIGINT) AS {UNIT} FROM (SELECT *, {_keyed(_unit_text(unit_columns))} "
        f"AS {_UNIT_HASH} FROM (SELECT DISTINCT {units} FROM {quoted(source)} WHERE {present}))",
        [secret],
    )
    connection.execute(
        f"CREATE TEMP TABLE _placed AS SELECT s.{quoted(position)} AS _at, u.{UNIT}, "  # noqa: S608
        f"u.{_UNIT_HASH}, CAST(row_number() OVER (PARTITION BY u.{UNIT} "
        f"ORDER BY s.{quoted(position)}) AS INTEGER) AS _place "
        f"FROM {quoted(source)} s JOIN _units u USING ({units})"
    )
    connection.execute("DROP TABLE _units")
    keyed = _keyed(f"'r' || {_UNIT_HASH} || ':' || _place")
    connection.execute(
        f"CREATE TEMP TABLE _ordered AS SELECT _at, {UNIT}, {_UNIT_HASH}, CAST(row_number() OVER ("  # noqa: S608
        f"PARTITION BY {UNIT} ORDER BY _key, _place) AS INTEGER) AS {_ORDER} "
        f"FROM (SELECT *, {keyed} AS _key FROM _placed)",
        [secret],
    )
    connection.execute("DROP TABLE _placed")
    connection.execute(
        f"CREATE TABLE {quoted(target)} AS SELECT s.*, o.{UNIT}, o.{_UNIT_HASH}, o.{_ORDER} "  # noqa: S608
        f"FROM {quoted(source)} s JOIN _ordered o ON s.{quoted(position)} = o._at "
        f"ORDER BY o.{UNIT}, o.{_ORDER}"
    )
    connection.execute("DROP TABLE _ordered")


def rank_groups(
    connection: Store,
    *,
    source: str,
    target: str,
    columns: Sequence[RankedColumn],
    sets: Sequence[BoundedSet],
    secret: bytes,
) -> None:
    """Write what aggregates read of a table that ``rank_rows`` made, with the ranks of each set.

    ``gr_<set>`` ranks the groups of a unit by keyed hash of secret, unit and group, the group
    itself breaking ties; ``rg_<set>`` ranks the rows of a unit and group in the unit's own order.
    A row that belongs to no group of a set (a key is NULL or no public value) has both at 255.
    A missing or undeclared value of a coded column has the code NULL; a date outside the years
    1 to 9999 is missing, since the engine cannot cut it down without failing.
    """
    measured = {measure.name for item in sets for measure in item.measures}
    listed = [UNIT, _UNIT_HASH, _ORDER]
    for column in columns:
        if column.public_values:
            listed.append(f"{_code(connection, column)} AS {quoted('k_' + column.name)}")
        if not column.public_values or column.name in measured:
            listed.append(f"{_native(column)} AS {quoted('c_' + column.name)}")
    connection.execute(
        f"CREATE TEMP TABLE _coded AS SELECT {', '.join(listed)} FROM {quoted(source)}"  # noqa: S608
    )
    for place, item in enumerate(sets):
        _rank_set(connection, item, f"_ranks_{place}", secret)
    ranks = "".join(
        f", _ranks_{place}._group AS {quoted('gr_' + item.name)}, "
        f"_ranks_{place}._row AS {quoted('rg_' + item.name)}"
        for place, item in enumerate(sets)
    )
    beside = "".join(f" POSITIONAL JOIN _ranks_{place}" for place in range(len(sets)))
    connection.execute(
        f"CREATE TABLE {quoted(target)} AS "  # noqa: S608
        f"SELECT _coded.* EXCLUDE ({UNIT}, {_UNIT_HASH}, {_ORDER}), "
        f"CAST({UNIT} AS INTEGER) AS {UNIT}, {_saturated(_ORDER)} AS {RANK}{ranks} "
        f"FROM _coded{beside}"
    )
    for table in ("_coded", *(f"_ranks_{place}" for place in range(len(sets)))):
        connection.execute(f"DROP TABLE {quoted(table)}")


def bound_rows(connection: Store, *, source: str, target: str, bounded: BoundedSet) -> int:
    """Write a group set's kept rows from a table that ``rank_groups`` made; return their number.

    Each unit keeps at most ``groups_per_unit_max`` groups and ``rows_per_group_max`` rows in
    each: those within both caps by stored rank. A NULL measure stays NULL: out of the sum, not
    out of the count; others are clamped by CASE (LEAST(NULL, cap) would be the cap).
    """
    listed = ", ".join(quoted(f"k_{name}") for name in bounded.keys)
    clamped = "".join(f", {_clamp(measure)}" for measure in bounded.measures)
    group, row = quoted(f"gr_{bounded.name}"), quoted(f"rg_{bounded.name}")
    connection.execute(
        f"CREATE TABLE {quoted(target)} AS SELECT {listed}{clamped}, {row} = 1 AS {quoted(FIRST)} "  # noqa: S608
        f"FROM {quoted(source)} WHERE {group} <= {int(bounded.groups_per_unit_max)} "
        f"AND {row} <= {int(bounded.rows_per_group_max)} ORDER BY {listed}"
    )
    return count_rows(connection, target)


def hash_units(
    connection: Store, *, source: str, target: str, unit_columns: Sequence[str], secret: bytes
) -> None:
    """Write each unit's ordinal with 128 bits of SHA-256 of the population's secret and its value.

    The same person has the same hash in every data set of one population, whatever the unit
    columns are called there, and none that tells anything in another.
    """
    digest = f"sha256(CAST(? AS BLOB) || encode({_unit_text(unit_columns)}))"
    connection.execute(
        f"CREATE TABLE {quoted(target)} AS SELECT CAST({UNIT} AS INTEGER) AS {UNIT}, "  # noqa: S608
        f"unhex(left({digest}, {UNIT_HASH_HEX})) AS hash FROM "
        f"{quoted(source)} WHERE {_ORDER} = 1 ORDER BY {UNIT}",
        [secret],
    )


def sum_could_overflow(rows: int, measure: Measure) -> bool:
    """Tell whether the clamped column could ever sum past what a 64-bit integer holds."""
    return rows * max(abs(measure.lower), abs(measure.upper)) >= SUM_MAX


def stream_rows(
    connection: Store, table: str, columns: Sequence[str], *, units: bool
) -> pa.RecordBatchReader:
    """Give a row table in stored order: by unit and rank where there are units, else as it came."""
    listed = ", ".join(quoted(name) for name in columns)
    if units:
        rank = f"CAST(least({_ORDER}, {RANK_MAX}) AS SMALLINT) AS {RANK}"
        query = f"SELECT {listed}, {UNIT}, {rank} FROM {quoted(table)}"  # noqa: S608
    else:
        query = f"SELECT {listed} FROM {quoted(table)} ORDER BY {_POSITION}"  # noqa: S608
    return connection.sql(query).to_arrow_reader(BATCH_ROWS)


def stream_table(
    connection: Store, table: str, columns: Sequence[str] | None = None
) -> pa.RecordBatchReader:
    """Give a table, or some of its columns, as it stands."""
    listed = "*" if columns is None else ", ".join(quoted(name) for name in columns)
    return connection.sql(f"SELECT {listed} FROM {quoted(table)}").to_arrow_reader(BATCH_ROWS)  # noqa: S608


def _rank_set(connection: Store, item: BoundedSet, target: str, secret: bytes) -> None:
    """Rank the groups of each unit and the rows of each group, in the order of ``_coded``."""
    group = "CAST(0 AS BIGINT)"
    for name, values in item.keys.items():
        group = f"({group} * {len(values)} + {quoted('k_' + name)})"
    key = _keyed(f"'g' || {_UNIT_HASH} || ':' || _number")
    window = f"PARTITION BY {UNIT} ORDER BY _key, _number"
    connection.execute(
        f"CREATE TEMP TABLE {quoted(target)} AS SELECT "  # noqa: S608
        f"CASE WHEN _number IS NULL THEN {RANK_MAX} ELSE {_saturated('_group')} END "
        f"::UTINYINT AS _group, CASE WHEN _number IS NULL THEN {RANK_MAX} "
        f"ELSE {_saturated('_row')} END::UTINYINT AS _row FROM (SELECT _place, _number, "
        f"dense_rank() OVER ({window}) AS _group, row_number() OVER ({window}, {_ORDER}) - rank() "
        f"OVER ({window}) + 1 AS _row FROM (SELECT *, CASE WHEN _number IS NOT NULL THEN {key} END "
        f"AS _key FROM (SELECT rowid AS _place, {UNIT}, {_UNIT_HASH}, {_ORDER}, {group} AS _number "
        f"FROM _coded))) ORDER BY _place",
        [secret],
    )


def _code(connection: Store, column: RankedColumn) -> str:
    """Return SQL for a value's place among the public values; NULL where it is none of them."""
    kind = f"_values_{column.name}"
    values = pa.table({"value": pa.array(column.public_values, pa.string())})
    load_rows(connection, values.to_reader(), kind)
    connection.execute(
        f"CREATE TYPE {quoted(kind)} AS ENUM (SELECT value FROM {quoted(kind)} ORDER BY rowid)"  # noqa: S608
    )
    connection.execute(f"DROP TABLE {quoted(kind)}")
    width = "SMALLINT" if len(column.public_values) <= SMALL_CODES_MAX else "INTEGER"
    text = f"CAST({quoted(column.name)} AS VARCHAR)"
    return f"CAST(enum_code(TRY_CAST({text} AS {quoted(kind)})) AS {width})"


def _native(column: RankedColumn) -> str:
    name = quoted(column.name)
    if column.type != "date":
        return name
    return f"CASE WHEN {name} BETWEEN DATE '{DATE_FIRST}' AND DATE '{DATE_LAST}' THEN {name} END"


def _clamp(measure: Measure) -> str:
    name, lower, upper = quoted("c_" + measure.name), int(measure.lower), int(measure.upper)
    if measure.type == "date":
        name = f"({name} - DATE '{DATE_ZERO}')"
    return (
        f"CAST(CASE WHEN {name} IS NULL THEN NULL WHEN {name} < {lower} THEN {lower} "
        f"WHEN {name} > {upper} THEN {upper} ELSE {name} END AS {measure.storage}) "
        f"AS {quoted('m_' + measure.name)}"
    )


def _saturated(rank: str) -> str:
    return f"CAST(least({rank}, {RANK_MAX}) AS UTINYINT)"


def _keyed(text: str) -> str:
    """Return SQL for 64 bits of SHA-256 over the secret (a parameter) and a text."""
    return f"CAST('0x' || left(sha256(CAST(? AS BLOB) || encode({text})), 16) AS UBIGINT)"


def _unit_text(unit_columns: Sequence[str]) -> str:
    return " || ".join(["'u'", *(_prefixed(quoted(name)) for name in unit_columns)])


def _prefixed(column: str) -> str:
    """Return SQL for a value with its length before it, so that no two tuples read alike."""
    text = f"CAST({column} AS VARCHAR)"
    return f"strlen({text}) || ':' || {text}"


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'
