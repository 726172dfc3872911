import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import catalog
from catalog.columnar import (
    BoundedSet,
    Measure,
    RankedColumn,
    bound_rows,
    count_rows,
    first_repeat,
    hash_units,
    load_rows,
    open_store,
    rank_groups,
    rank_rows,
    stream_rows,
    sum_could_overflow,
)

PACKAGE = Path(catalog.__file__).parent
GUEST_MODULES = ("__init__.py", "build_child.py", "columnar.py", "foreign.py", "frames.py")
SECRET = b"s" * 32


def _ranked(
    rows: Sequence[tuple[int | None, str | None, int | None]], secret: bytes = SECRET
) -> duckdb.DuckDBPyConnection:
    store = open_store(1 << 28, 1)
    columns = list(zip(*rows, strict=True))
    table = pa.table(
        {
            "person": pa.array(columns[0], pa.int64()),
            "state": pa.array(columns[1], pa.string()),
            "paid": pa.array(columns[2], pa.int64()),
            "_position": pa.array(range(len(rows)), pa.int64()),
        }
    )
    load_rows(store, table.to_reader(), "source")
    rank_rows(store, source="source", target="sorted", unit_columns=["person"], secret=secret)
    ranked = [RankedColumn("state", "text", ["AL", "AK"]), RankedColumn("paid", "integer")]
    rank_groups(
        store,
        source="sorted",
        target="ranked",
        columns=ranked,
        sets=[_bounded(1, 1)],
        secret=secret,
    )
    return store


def _bounded(groups: int, rows: int, *, lower: int = 0, upper: int = 100) -> BoundedSet:
    measures = [Measure("paid", lower, upper)]
    return BoundedSet("by_state", {"state": ["AL", "AK"]}, groups, rows, measures)


def _bind(store: duckdb.DuckDBPyConnection, bounded: BoundedSet, target: str = "b") -> int:
    return bound_rows(store, source="ranked", target=target, bounded=bounded)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "ATTACH '/tmp/other.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
    ],
)
def test_the_store_reaches_nothing_outside(statement: str) -> None:
    store = open_store(1 << 28, 1)
    with pytest.raises(duckdb.Error):
        store.execute(statement)


def test_an_empty_measure_counts_but_is_not_the_cap() -> None:
    store = _ranked([(1, "AL", None), (1, "AL", 5), (2, "AL", 900), (3, "AL", -7)])
    _bind(store, _bounded(1, 9))
    found = store.execute("SELECT count(*), count(m_paid), sum(m_paid) FROM b").fetchall()
    assert found == [(4, 3, 105)]


def test_rows_outside_the_public_values_are_left_out() -> None:
    store = _ranked([(1, "AL", 1), (1, "XX", 1), (2, None, 1)])
    assert _bind(store, _bounded(1, 9)) == 1


def test_rows_of_no_unit_are_left_out() -> None:
    store = _ranked([(None, "AL", 1), (1, "AL", 1)])
    assert count_rows(store, "ranked") == 1


def test_each_group_of_a_unit_has_one_first_row() -> None:
    store = _ranked([(unit, state, 1) for unit in range(9) for state in ("AL", "AK", "AL")])
    _bind(store, _bounded(2, 2))
    found = store.execute(
        "SELECT k_state, count(*), count(*) FILTER (first) FROM b GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert found == [(0, 18, 9), (1, 9, 9)]


def test_which_rows_survive_follows_the_secret_and_not_the_order() -> None:
    rows = [(unit, "AL", place) for unit in range(40) for place in range(5)]
    kept = []
    for secret in (SECRET, SECRET, b"t" * 32):
        store = _ranked(rows, secret)
        _bind(store, _bounded(1, 1))
        kept.append(
            store.execute("SELECT m_paid, count(*) FROM b GROUP BY 1 ORDER BY 1").fetchall()
        )
    assert kept[0] == kept[1] != kept[2]
    assert len(kept[0]) == 5


def test_measures_are_stored_as_narrow_as_their_clamp() -> None:
    store = _ranked([(1, "AL", 5)])
    for place, (lower, upper, kind) in enumerate(
        [(0, 127, "TINYINT"), (-200, 0, "SMALLINT"), (0, 40_000, "INTEGER"), (0, 2**40, "BIGINT")]
    ):
        bounded = _bounded(1, 1, lower=lower, upper=upper)
        _bind(store, bounded, f"b{place}")
        found = store.execute(f"SELECT DISTINCT typeof(m_paid) FROM b{place}").fetchall()
        assert found == [(kind,)]


def test_rows_stream_by_unit_then_rank() -> None:
    store = _ranked([(unit % 7, "AL", unit) for unit in range(50)])
    table = stream_rows(store, "sorted", ["person"], units=True).read_all()
    places = list(zip(table["_unit"].to_pylist(), table["_rank"].to_pylist(), strict=True))
    assert places == sorted(places)
    assert len(set(table["person"].to_pylist())) == len({unit for unit, _ in places}) == 7


def test_ranks_saturate_and_rows_of_no_group_are_beyond_every_cap() -> None:
    store = _ranked([(1, "AL", place) for place in range(300)] + [(1, "XX", 1), (1, None, 1)])
    found = store.execute(
        "SELECT max(_rank), count(*) FILTER (_rank = 255), max(rg_by_state), max(gr_by_state), "
        "count(*) FILTER (gr_by_state = 255) FROM ranked"
    ).fetchall()
    assert found == [(255, 48, 255, 255, 2)]


def test_a_date_that_the_engine_could_not_cut_down_is_missing() -> None:
    store = open_store(1 << 28, 1)
    days = [-719_163, -719_162, 2_932_896, 2_932_897, None]  # the years 1 to 9999 and around
    table = pa.table(
        {
            "person": pa.array(range(5), pa.int64()),
            "day": pa.array(days, pa.date32()),
            "_position": pa.array(range(5), pa.int64()),
        }
    )
    load_rows(store, table.to_reader(), "source")
    rank_rows(store, source="source", target="sorted", unit_columns=["person"], secret=SECRET)
    columns = [RankedColumn("day", "date")]
    rank_groups(store, source="sorted", target="ranked", columns=columns, sets=[], secret=SECRET)
    found = store.execute("SELECT date_trunc('year', c_day) FROM ranked").fetchall()
    assert sum(row[0] is not None for row in found) == 2


def test_one_person_has_one_hash_in_every_data_set_of_a_population() -> None:
    found: list[set[bytes]] = []
    for secret, kind in ((SECRET, pa.int64()), (b"t" * 32, pa.string()), (SECRET, pa.int64())):
        store = open_store(1 << 28, 1)
        people = pa.array([7, 8, 7], pa.int64()).cast(kind)
        table = pa.table({"who": people, "_position": pa.array(range(3), pa.int64())})
        load_rows(store, table.to_reader(), "source")
        rank_rows(store, source="source", target="sorted", unit_columns=["who"], secret=secret)
        population = b"p" * 32 if len(found) < 2 else b"q" * 32
        hash_units(store, source="sorted", target="units", unit_columns=["who"], secret=population)
        found.append({row[0] for row in store.execute("SELECT hash FROM units").fetchall()})
    assert found[0] == found[1]
    assert all(len(hashes) == 2 and {len(item) for item in hashes} == {16} for hashes in found)
    assert not found[0] & found[2]


@pytest.mark.parametrize(
    ("values", "place"), [([1, 2, 3], None), ([1, 2, 1, 2], 2), ([3, None], 1), ([], None)]
)
def test_the_first_row_that_is_not_unique_is_found(
    values: list[int | None], place: int | None
) -> None:
    store = open_store(1 << 28, 1)
    places = pa.array(range(len(values)), pa.int64())
    table = pa.table({"code": pa.array(values, pa.int64()), "_position": places})
    load_rows(store, table.to_reader(), "source")
    assert first_repeat(store, "source", "code") == place


def test_a_sum_that_could_overflow_is_foreseen() -> None:
    assert sum_could_overflow(2**22, Measure("paid", 0, 2**40))
    assert not sum_could_overflow(2**22 - 1, Measure("paid", 0, 2**40))


@pytest.mark.parametrize("name", GUEST_MODULES)
def test_what_the_confined_builder_runs_imports_only_its_few_libraries(name: str) -> None:
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    modules = {
        module.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
        )
    }
    assert modules - set(sys.stdlib_module_names) <= {"duckdb", "pyarrow", "catalog"}


def test_the_guest_modules_are_enough_for_the_child(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    for name in GUEST_MODULES:
        target = tmp_path / ("" if name == "build_child.py" else "catalog") / name
        target.write_bytes((PACKAGE / name).read_bytes())
    command = [sys.executable, "-I", "-B", str(tmp_path / "build_child.py")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "IndexError" in ended.stderr  # it came as far as reading its arguments
