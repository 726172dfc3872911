"""Governed extracts: what may stand in one, what never does, and what is left without its key."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from authorization.documents import AccessMode, Grant, RowFilter
from catalog.datasets import (
    ColumnType,
    DatasetDeclaration,
    Exposure,
    Grade,
    IdentifierKind,
    Mask,
    MaskKind,
)
from disclosure.extracts import (
    Extract,
    build_extract,
    destroy_extract,
    licence_pseudonym_key,
    open_extract,
    plan_extract,
)
from foundation.errors import Denied, SandgateError, Unavailable
from foundation.keys import FileKeyStore
from tests.masks import RULES, column

HIDDEN = "hidden4c1e"


COLLEGES = DatasetDeclaration(
    name="colleges",
    entry="ent_x",
    label_zh="院校",
    label_en="Colleges",
    subject="organisation",
    columns=(
        column("code", mask=Mask(kind=MaskKind.PSEUDONYM)),
        column("name"),
        column("phone", mask=Mask(kind=MaskKind.PARTIAL, keep_first=3)),
        column("state"),
        column("students", ColumnType.INTEGER, mask=Mask(kind=MaskKind.GENERALISE, step=100)),
        column("fee", ColumnType.DECIMAL, scale=2),
        column("founded", ColumnType.DATE),
        column("open", ColumnType.BOOLEAN),
        column("director", mask=Mask(kind=MaskKind.NULL)),
        column("secret", exposure=Exposure.AGGREGATE),
        column("internal", exposure=Exposure.NEVER),
    ),
)
ALL = tuple(item.name for item in COLLEGES.columns)
GRANT = Grant(dataset="colleges", modes=(AccessMode.ROWS,), columns=ALL)


def stored_rows(count: int = 50) -> Iterator[pa.RecordBatch]:
    """Rows in an order that would tell (by code), in two batches."""
    places = range(count)
    table = pa.table(
        {
            "code": pa.array([f"code{place:03d}" for place in places]),
            "name": pa.array([f"name{place * 7 % count:03d}" for place in places]),
            "phone": pa.array([f"1380013{place:04d}" for place in places]),
            "state": pa.array(["AK" if place % 2 else "AL" for place in places]),
            "students": pa.array([place * 37 for place in places], pa.int64()),
            "fee": pa.array([place * 100 + 5 for place in places], pa.int64()),
            "founded": pa.array([date(1900 + place, 1, 1) for place in places], pa.date32()),
            "open": pa.array([place % 3 == 0 for place in places]),
            "director": pa.array([HIDDEN] * count),
            "secret": pa.array([HIDDEN] * count),
            "internal": pa.array([HIDDEN] * count),
        }
    )
    yield from table.to_batches(max_chunksize=30)


def build(
    tmp_path: Path, keys: FileKeyStore, grant: Grant = GRANT, *, licence: str = "lic_a"
) -> Extract:
    return build_extract(
        plan_extract(COLLEGES, grant, RULES),
        stored_rows(),
        path=tmp_path / f"{licence}.parquet",
        keys=keys,
        key_name=f"extract.{licence}",
        pseudonym_key=licence_pseudonym_key(keys, licence),
        rules=RULES,
    )


def read(extract: Extract, keys: FileKeyStore) -> pa.Table:
    return open_extract(extract.path, keys.data_key(extract.key_name)).read_all()


def refused(grant: Grant, dataset: DatasetDeclaration = COLLEGES) -> str:
    with pytest.raises(Denied) as denied:
        plan_extract(dataset, grant, RULES)
    return denied.value.code


def test_refused_without_the_rows_mode() -> None:
    assert refused(GRANT.model_copy(update={"modes": (AccessMode.AGGREGATE,)})) == (
        "rows_not_granted"
    )


def test_refused_about_persons_without_a_basis() -> None:
    persons = COLLEGES.model_copy(update={"subject": "person"})
    assert refused(GRANT, persons) == "basis_missing"


@pytest.mark.parametrize("name", ["secret", "internal", "unknown", "director"])
def test_refused_when_a_filter_reads_what_is_not_shown(name: str) -> None:
    row_filter = RowFilter(column=name, values=("x",))
    grant = GRANT.model_copy(update={"row_filters": (row_filter,)})
    assert refused(grant) == "filter_column_not_granted"


def test_refused_when_the_filter_column_is_not_in_the_grant() -> None:
    row_filter = RowFilter(column="state", values=("AK",))
    grant = GRANT.model_copy(update={"columns": ("name",), "row_filters": (row_filter,)})
    assert refused(grant) == "filter_column_not_granted"


def test_refused_when_no_column_may_be_shown() -> None:
    assert refused(GRANT.model_copy(update={"columns": ("secret", "internal")})) == "extract_empty"


def test_refused_at_a_grade_without_a_threshold() -> None:
    columns = (column("name", grade=Grade.L4),)
    dataset = COLLEGES.model_copy(update={"subject": "person", "columns": columns})
    assert refused(GRANT.model_copy(update={"basis": "批准 1 号"}), dataset) == "grade_not_as_rows"


PERSONS = DatasetDeclaration(
    name="persons",
    entry="ent_y",
    label_zh="人",
    label_en="Persons",
    subject="person",
    population="pop_x",
    unit_columns=("person",),
    columns=(
        column("person", exposure=Exposure.UNIT),
        column("town", identifier=IdentifierKind.QUASI, grade=Grade.L2),
        column("illness", identifier=IdentifierKind.SENSITIVE, grade=Grade.L2),
    ),
)
PERSON_GRANT = Grant(
    dataset="persons", modes=(AccessMode.ROWS,), columns=("town", "illness"), basis="批准 1 号"
)


def build_persons(tmp_path: Path, keys: FileKeyStore, rows: list[tuple[int, str, str]]) -> Extract:
    units, towns, illnesses = zip(*rows, strict=True)
    table = pa.table(
        {"_unit": pa.array(units, pa.int64()), "town": list(towns), "illness": list(illnesses)}
    )
    return build_extract(
        plan_extract(PERSONS, PERSON_GRANT, RULES),
        table.to_batches(),
        path=tmp_path / "persons.parquet",
        keys=keys,
        key_name="extract.persons",
        pseudonym_key=b"",
        rules=RULES,
    )


@pytest.mark.parametrize(
    "rows",
    [
        [(unit, "a", f"i{unit % 3}") for unit in range(9)],
        [(1, "a", f"i{place}") for place in range(50)],
        [(unit, "a", "i") for unit in range(50)],
        [*((unit, "a", f"i{unit % 2}") for unit in range(50)), (99, "b", "i1")],
    ],
    ids=["nine people", "one person fifty times", "one illness", "one person alone in a town"],
)
def test_groups_too_small_or_too_alike_are_refused_and_leave_nothing(
    tmp_path: Path, keys: FileKeyStore, rows: list[tuple[int, str, str]]
) -> None:
    with pytest.raises(Denied) as denied:
        build_persons(tmp_path, keys, rows)
    assert denied.value.code == "extract_groups_too_small"
    assert not (tmp_path / "persons.parquet").exists()


def test_groups_large_enough_pass_and_the_unit_is_not_kept(
    tmp_path: Path, keys: FileKeyStore
) -> None:
    extract = build_persons(tmp_path, keys, [(unit, "a", f"i{unit % 2}") for unit in range(20)])
    assert read(extract, keys).column_names == ["town", "illness"]


def test_hidden_columns_and_values_are_absent(tmp_path: Path, keys: FileKeyStore) -> None:
    extract = build(tmp_path, keys)
    table = read(extract, keys)
    assert table.column_names == [name for name in ALL if name not in {"secret", "internal"}]
    assert HIDDEN not in str(table.to_pylist())
    assert HIDDEN.encode() not in extract.path.read_bytes()


def test_values_are_masked_and_typed(tmp_path: Path, keys: FileKeyStore) -> None:
    row = next(
        row for row in read(build(tmp_path, keys), keys).to_pylist() if row["founded"].year == 1907
    )
    assert row["phone"] == "138****"
    assert row["students"] == 200
    assert str(row["fee"]) == "7.05"
    assert row["director"] is None
    assert row["code"] != "code007"
    assert len(row["code"]) == 20


def test_filter_keeps_only_its_rows(tmp_path: Path, keys: FileKeyStore) -> None:
    grant = GRANT.model_copy(update={"row_filters": (RowFilter(column="state", values=("AK",)),)})
    table = read(build(tmp_path, keys, grant), keys)
    assert set(table.column("state").to_pylist()) == {"AK"}
    assert table.num_rows == 25


def test_filter_is_judged_on_what_is_shown_never_on_the_masked_value(
    tmp_path: Path, keys: FileKeyStore
) -> None:
    row_filter = RowFilter(column="code", values=("code007",))
    grant = GRANT.model_copy(update={"row_filters": (row_filter,)})
    assert read(build(tmp_path, keys, grant), keys).num_rows == 0


def test_order_is_its_own_and_two_licences_cannot_be_linked_by_position(
    tmp_path: Path, keys: FileKeyStore
) -> None:
    grant = GRANT.model_copy(update={"columns": ("name", "founded")})
    first = read(build(tmp_path, keys, grant), keys)
    second = read(build(tmp_path, keys, grant, licence="lic_b"), keys)
    stored = [date(1900 + place, 1, 1) for place in range(50)]
    orders = [first.column("founded").to_pylist(), second.column("founded").to_pylist(), stored]
    assert sorted(orders[0]) == sorted(orders[1]) == stored
    for left in range(3):
        for right in range(left):
            same = sum(a == b for a, b in zip(orders[left], orders[right], strict=True))
            assert same < 10


def test_order_depends_on_visible_values_alone(tmp_path: Path) -> None:
    """Stored order and hidden columns change; what is shown does not, row for row."""
    plan = plan_extract(COLLEGES, GRANT.model_copy(update={"columns": ("name", "state")}), RULES)
    table = pa.Table.from_batches(list(stored_rows()))
    backwards = table.take(list(reversed(range(table.num_rows))))
    answers = []
    for place, source in enumerate((table, backwards)):
        store = FixedKeys(tmp_path / str(place))
        extract = build_extract(
            plan,
            source.to_batches(),
            path=tmp_path / f"{place}.parquet",
            keys=store,
            key_name="extract.x",
            pseudonym_key=b"",
            rules=RULES,
        )
        answers.append(open_extract(extract.path, store.data_key("extract.x")).read_all())
    assert answers[0].equals(answers[1])


class FixedKeys(FileKeyStore):
    """A key store that makes one known key, so that two builds can be compared."""

    def _fresh_key(self) -> bytes:
        return b"7" * 32


def test_pseudonyms_join_within_a_licence_and_not_across(
    tmp_path: Path, keys: FileKeyStore
) -> None:
    key_a, key_b = licence_pseudonym_key(keys, "lic_a"), licence_pseudonym_key(keys, "lic_b")
    assert key_a == licence_pseudonym_key(keys, "lic_a") != key_b
    first = set(read(build(tmp_path, keys), keys).column("code").to_pylist())
    second = set(read(build(tmp_path, keys, licence="lic_b"), keys).column("code").to_pylist())
    assert not first & second


def test_file_says_nothing_without_its_key(tmp_path: Path, keys: FileKeyStore) -> None:
    extract = build(tmp_path, keys)
    data = extract.path.read_bytes()
    for word in (b"name0", b"students", b"138****"):  # long enough never to come by chance
        assert word not in data
    with pytest.raises((OSError, pa.ArrowException)):
        pq.read_table(extract.path)


def test_wrong_key_fails(tmp_path: Path, keys: FileKeyStore) -> None:
    extract = build(tmp_path, keys)
    with pytest.raises(Unavailable, match="extract_unreadable"):
        open_extract(extract.path, b"0" * 32)


def test_a_file_put_in_anothers_place_fails(tmp_path: Path, keys: FileKeyStore) -> None:
    extract = build(tmp_path, keys)
    moved = extract.path.rename(tmp_path / "other.parquet")
    with pytest.raises(Unavailable, match="extract_unreadable"):
        read(replace(extract, path=moved), keys)


def test_destroyed_key_ends_the_extract_for_good(tmp_path: Path, keys: FileKeyStore) -> None:
    extract = build(tmp_path, keys)
    kept_copy = extract.path.read_bytes()
    destroy_extract(extract.path, extract.key_name, keys)
    assert not extract.path.exists()
    extract.path.write_bytes(kept_copy)
    with pytest.raises(Unavailable):
        read(extract, keys)
    with pytest.raises(SandgateError):
        build(tmp_path, keys)
