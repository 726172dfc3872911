"""I4 at the root: what is stored for a group set moves by at most its bound when one unit leaves.

The kept rows are also compared, row by row, with a naive reference written from the rules, and
with the rows whose stored ranks lie within the caps.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.columnar import (
    BoundedSet,
    Measure,
    RankedColumn,
    bound_rows,
    load_rows,
    open_store,
    rank_groups,
    rank_rows,
)

Row = tuple[str, str | None, str | None, str | None, int | None]
Kept = Counter[tuple[object, ...]]

SECRET = b"k" * 32
STATES = ["AL", "AK", "AZ"]
BANDS = ["young", "old"]
# Few units and groups, so that caps bite; the texts would collide if they were only joined.
UNITS: list[tuple[str, str | None]] = [("a", "1:a"), ("a1", ":a"), ("", "住"), ("a", None)]
ROWS = st.lists(
    st.tuples(
        st.sampled_from([*UNITS[:3], *UNITS]),
        st.sampled_from(["AL", "AL", "AK", "AZ", "XX", None]),
        st.sampled_from(["young", "young", "old", "other", None]),
        st.one_of(st.integers(-5, 25), st.sampled_from([None, -(2**53), 2**53])),
    ).map(lambda row: (*row[0], *row[1:])),
    max_size=30,
)
CAPS = st.tuples(st.integers(1, 3), st.integers(1, 3))


@contextmanager
def _store(rows: Sequence[Row]) -> Iterator[duckdb.DuckDBPyConnection]:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], [], []]
    types = [pa.string()] * 4 + [pa.int64()]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    table = pa.table(
        [*arrays, pa.array(range(len(rows)), pa.int64())],
        names=["year", "house", "state", "band", "paid", "_position"],
    )
    store = open_store(1 << 28, 1)
    try:
        load_rows(store, table.to_reader(), "source")
        rank_rows(
            store, source="source", target="sorted", unit_columns=["year", "house"], secret=SECRET
        )
        ranked = [
            RankedColumn("state", "text", STATES),
            RankedColumn("band", "text", BANDS),
            RankedColumn("paid", "integer"),
        ]
        rank_groups(
            store,
            source="sorted",
            target="ranked",
            columns=ranked,
            sets=[_bounded((1, 1))],
            secret=SECRET,
        )
        yield store
    finally:
        store.close()


def _bounded(caps: tuple[int, int]) -> BoundedSet:
    keys = {"state": STATES, "band": BANDS}
    return BoundedSet("by_state_band", keys, caps[0], caps[1], [Measure("paid", 0, 20)])


def _kept(rows: Sequence[Row], caps: tuple[int, int]) -> Kept:
    with _store(rows) as store:
        bound_rows(store, source="ranked", target="b", bounded=_bounded(caps))
        return Counter(store.execute("FROM b").fetchall())


def _keyed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(SECRET + text.encode()).digest()[:8], "big")


def _reference(rows: Sequence[Row], caps: tuple[int, int]) -> Kept:
    """Bound in plain Python: by unit, by keyed hash, group by group."""
    units: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row[1] is not None:
            units[row[0], row[1]].append(row)
    kept: Kept = Counter()
    for unit, own in units.items():
        kept.update(_reference_unit(unit, own, caps))
    return kept


def _reference_unit(
    unit: tuple[str, str], own: Sequence[Row], caps: tuple[int, int]
) -> Iterator[tuple[object, ...]]:
    name = _keyed("u" + "".join(f"{len(part.encode())}:{part}" for part in unit))
    ranked = sorted(enumerate(own, 1), key=lambda item: (_keyed(f"r{name}:{item[0]}"), item[0]))
    groups: dict[tuple[int, int], list[int | None]] = defaultdict(list)
    for _, (_, _, state, band, paid) in ranked:
        if state in STATES and band in BANDS:
            clamped = None if paid is None else max(0, min(20, paid))
            groups[STATES.index(state), BANDS.index(band)].append(clamped)
    chosen = sorted(
        groups, key=lambda key: (_keyed(f"g{name}:{key[0] * len(BANDS) + key[1]}"), key)
    )
    for key in chosen[: caps[0]]:
        for place, value in enumerate(groups[key][: caps[1]]):
            yield (*key, value, place == 0)


@settings(max_examples=40, deadline=None)
@given(ROWS, CAPS)
def test_the_kept_rows_are_those_of_the_rules(rows: list[Row], caps: tuple[int, int]) -> None:
    assert _kept(rows, caps) == _reference(rows, caps)


@settings(max_examples=20, deadline=None)
@given(ROWS, CAPS)
def test_the_kept_rows_are_those_within_both_caps_by_stored_rank(
    rows: list[Row], caps: tuple[int, int]
) -> None:
    with _store(rows) as store:
        ranked = store.execute(
            "SELECT k_state, k_band, CASE WHEN c_paid < 0 THEN 0 WHEN c_paid > 20 THEN 20 "
            "ELSE c_paid END, rg_by_state_band = 1 FROM ranked "
            "WHERE gr_by_state_band <= ? AND rg_by_state_band <= ?",
            list(caps),
        ).fetchall()
    assert Counter(ranked) == _reference(rows, caps)


@settings(max_examples=8, deadline=None)
@given(ROWS)
def test_no_rank_of_a_unit_depends_on_another_unit(rows: list[Row]) -> None:
    ranks = "c_paid, k_state, k_band, _rank, gr_by_state_band, rg_by_state_band"
    with _store(rows) as store:
        whole = Counter(store.execute(f"SELECT {ranks} FROM ranked").fetchall())
    apart: Kept = Counter()
    for unit in {row[:2] for row in rows}:
        with _store([row for row in rows if row[:2] == unit]) as store:
            apart.update(store.execute(f"SELECT {ranks} FROM ranked").fetchall())
    assert whole == apart


@settings(max_examples=10, deadline=None)
@given(ROWS, CAPS)
def test_a_unit_that_leaves_takes_at_most_its_bound_and_moves_nothing_else(
    rows: list[Row], caps: tuple[int, int]
) -> None:
    groups_max, rows_max = caps
    whole = _kept(rows, caps)
    for unit in {row[:2] for row in rows if row[1] is not None}:
        rest = _kept([row for row in rows if row[:2] != unit], caps)
        assert rest <= whole  # what others keep stays as it was
        gone = whole - rest
        by_group: dict[tuple[object, ...], list[tuple[object, ...]]] = defaultdict(list)
        for row in gone.elements():
            by_group[row[:2]].append(row)
        assert len(by_group) <= groups_max
        for taken in by_group.values():
            assert len(taken) <= rows_max
            assert sum(row[3] is True for row in taken) == 1
            assert all(row[2] is None or 0 <= int(str(row[2])) <= 20 for row in taken)
