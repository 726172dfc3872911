"""Columns that a grant uses without showing: what filters, what joins, what is masked further."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from authorization.documents import Grant
from authorization.grant_terms import FilterOnly
from catalog.datasets import (
    ColumnType,
    DatasetDeclaration,
    Exposure,
    Mask,
    MaskKind,
    RegionLevel,
)
from catalog.written import stored_value
from disclosure.extracts import (
    build_extract,
    licence_pseudonym_key,
    open_extract,
    plan_extract,
)
from disclosure.masking.filters import passing
from disclosure.masking.shown import shown_columns
from foundation.errors import Denied
from foundation.keys import FileKeyStore
from tests.masks import RULES, column

COUNT = 40


def dataset(name: str = "colleges") -> DatasetDeclaration:
    return DatasetDeclaration(
        name=name,
        entry="ent_x",
        label_zh=name,
        label_en=name,
        subject="organisation",
        columns=(
            column("code"),
            column("region"),
            column("students", ColumnType.INTEGER),
            column("fee", ColumnType.DECIMAL, scale=2, exposure=Exposure.AGGREGATE),
            column("founded", ColumnType.DATE, exposure=Exposure.AGGREGATE),
            column("open", ColumnType.BOOLEAN, exposure=Exposure.AGGREGATE),
            column("rating", exposure=Exposure.AGGREGATE),
        ),
    )


def stored() -> pa.Table:
    places = range(COUNT)
    return pa.table(
        {
            "code": pa.array([f"code{place:03d}" for place in places]),
            "region": pa.array([f"4403{place % 10:02d}" for place in places]),
            "students": pa.array([place * 10 for place in places], pa.int64()),
            "fee": pa.array([None if place % 10 == 0 else place * 50 for place in places]),
            "founded": pa.array([date(1900 + place, 1, 1) for place in places], pa.date32()),
            "open": pa.array([place % 4 == 0 for place in places]),
            "rating": pa.array(["good" if place % 2 else "poor" for place in places]),
        }
    )


def grant(**more: Any) -> Grant:
    raw = {"dataset": "colleges", "modes": ["rows"], "columns": ["code", "students"], **more}
    return Grant.model_validate(raw)


def filtered(name: str, *values: str) -> dict[str, Any]:
    return {"column": name, "values": values, "discloses": "what the rows that remain are"}


def shown(tmp_path: Path, asked: Grant, name: str = "colleges", licence: str = "lic_a") -> pa.Table:
    keys = FileKeyStore(tmp_path / "keys")
    plan = plan_extract(dataset(name), asked, RULES)
    wanted = list(plan.source_columns())
    extract = build_extract(
        plan,
        stored().select(wanted).to_batches(max_chunksize=15),
        path=tmp_path / f"{name}{licence}.parquet",
        keys=keys,
        key_name=f"extract.{name}.{licence}",
        pseudonym_key=licence_pseudonym_key(keys, licence),
        rules=RULES,
    )
    return open_extract(extract.path, keys.data_key(extract.key_name)).read_all()


@pytest.mark.parametrize(
    ("name", "values", "count"),
    [
        ("rating", ("good",), 20),
        ("rating", ("good", "poor"), 40),
        ("rating", ("GOOD",), 0),
        ("fee", ("0.50", "1.0", "99"), 2),
        ("founded", ("1905-01-01",), 1),
        ("open", ("true",), 10),
        ("region", ("440301",), 4),
    ],
)
def test_a_filter_only_column_chooses_rows_and_is_never_inside(
    tmp_path: Path, name: str, values: tuple[str, ...], count: int
) -> None:
    table = shown(tmp_path, grant(filter_only=[filtered(name, *values)]))
    assert table.num_rows == count
    assert table.column_names == ["code", "students"]


def test_every_filter_must_hold_and_a_missing_value_passes_none(tmp_path: Path) -> None:
    both = grant(filter_only=[filtered("rating", "poor"), filtered("open", "true")])
    assert shown(tmp_path, both).num_rows == 10
    batch = pa.record_batch({"rating": pa.array(["good", None, "poor"])})
    kept = passing(batch, [FilterOnly(**filtered("rating", "good"))], dataset().columns)
    assert kept.to_pylist() == [True, False, False]


@pytest.mark.parametrize(("name", "value"), [("ghost", "x"), ("founded", "1905"), ("open", "1")])
def test_a_filter_that_cannot_be_read_builds_nothing(name: str, value: str) -> None:
    batch = pa.record_batch({name: pa.array(["x"])})
    with pytest.raises(Denied, match="filter_only_unreadable"):
        passing(batch, [FilterOnly(**filtered(name, value))], dataset().columns)


def test_no_list_of_a_grant_brings_a_hidden_column_inside() -> None:
    """Even where a document slipped past its checks, rows hold no other list's column."""
    crooked = grant(
        columns=["code", "students", "region"],
        filter_only=[filtered("region", "440301")],
        aggregate_only=["students"],
    )
    names = [item.name for item in shown_columns(dataset(), crooked, RULES)]
    assert names == ["code"]


def test_join_only_columns_meet_inside_their_group_and_nowhere_else(tmp_path: Path) -> None:
    def meet(one: list[str], other: list[str]) -> int:
        return len(set(one) & set(other))

    keys = tmp_path / "shared"
    one = grant(columns=["students"], join_only=["code"], linkage_group="g")
    first = shown(keys, one, "colleges")
    second = shown(keys, one.model_copy(update={"dataset": "courses"}), "courses")
    other_group = shown(keys, one.model_copy(update={"linkage_group": "h"}), "loans")
    other_licence = shown(keys, one, "colleges", "lic_b")
    columns = [
        [row["code"] for row in table.to_pylist()]
        for table in (first, second, other_group, other_licence)
    ]
    assert meet(columns[0], columns[1]) == COUNT
    assert not any(meet(columns[0], strange) for strange in columns[2:])
    assert not any(code.startswith("code") for code in columns[0])


def test_without_a_group_two_data_sets_of_one_licence_do_not_meet(tmp_path: Path) -> None:
    masked = [{"column": "code", "mask": {"kind": "pseudonym"}}]
    one = shown(tmp_path, grant(masks=masked), "colleges").column("code").to_pylist()
    other = shown(tmp_path, grant(masks=masked), "courses").column("code").to_pylist()
    assert not set(one) & set(other)


@pytest.mark.parametrize(
    ("name", "mask", "kind", "value"),
    [
        (
            "students",
            Mask(kind=MaskKind.BUCKET, edges=(100, 200), labels=("small", "middle", "large")),
            pa.string(),
            "small",
        ),
        ("region", Mask(kind=MaskKind.REGION, level=RegionLevel.CITY), pa.string(), "440300"),
        ("students", Mask(kind=MaskKind.GENERALISE, step=1_000), pa.int64(), 0),
        ("students", Mask(kind=MaskKind.NULL), pa.int64(), None),
    ],
)
def test_a_licences_own_mask_is_what_its_extract_shows(
    tmp_path: Path, name: str, mask: Mask, kind: pa.DataType, value: object
) -> None:
    asked = grant(
        columns=["region", "students"],
        masks=[{"column": name, "mask": mask.model_dump()}],
    )
    table = shown(tmp_path, asked)
    assert table.schema.field(name).type == kind
    assert value in table.column(name).to_pylist()
    assert table.column(name).null_count in {0, COUNT}


@pytest.mark.parametrize(
    ("kind", "text", "stored_as"),
    [
        (ColumnType.INTEGER, "-12", -12),
        (ColumnType.INTEGER, "1.5", None),
        (ColumnType.INTEGER, "9" * 30, None),
        (ColumnType.INTEGER, "１２", None),
        (ColumnType.INTEGER, "--1", None),
        (ColumnType.INTEGER, "1-2", None),
        (ColumnType.DECIMAL, "12.5", 1250),
        (ColumnType.DECIMAL, "12.505", None),
        (ColumnType.DECIMAL, "1e5", None),
        (ColumnType.DECIMAL, "NaN", None),
        (ColumnType.DATE, "2026-02-29", None),
        (ColumnType.DATE, "20260228", None),
        (ColumnType.BOOLEAN, "True", None),
        (ColumnType.TEXT, "", None),
        (ColumnType.TEXT, "a\0b", None),
    ],
)
def test_a_value_is_read_as_its_type_or_not_at_all(
    kind: ColumnType, text: str, stored_as: object
) -> None:
    assert stored_value(column("c", kind, scale=2), text) == stored_as
