"""What the measuring child counts, against the same counted naively, in one partition and many."""

import io
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.datasets import DatasetDeclaration
from catalog.quality import measure_child
from catalog.quality.declared import QualityRule, check_quality, in_force, score
from catalog.quality.measurer import Compared, ConfinedMeasurer, measure_order
from catalog.standards.dictionary import Dictionary
from foundation.errors import InvalidInput, Unavailable
from policies.load import load_policies
from policies.schema.quality import QualityRules
from policies.schema.standards import CodeListRule, ElementRule

RULES = load_policies().rules(QualityRules)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("age", pa.int64()),
        ("town", pa.string()),
        ("ill", pa.string()),
        ("_unit", pa.int64()),
    ]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.none() | st.sampled_from(["a", "b", "c", "13800138000", " "]),
            "age": st.none() | st.integers(-3, 3),
            "town": st.none() | st.sampled_from(["x", "y"]),
            "ill": st.none() | st.sampled_from(["p", "q"]),
            "_unit": st.integers(0, 4),
        }
    ),
    min_size=1,
    max_size=30,
)
Row = dict[str, Any]


def _column(name: str, kind: str, identifier: str) -> dict[str, object]:
    return {
        "name": name,
        "type": kind,
        "label_zh": name,
        "label_en": name,
        "grade": "L2",
        "identifier": identifier,
        "exposure": "aggregate",
        "nullable": True,
    }


DECLARATION = DatasetDeclaration.model_validate(
    {
        "name": "people",
        "entry": "e",
        "label_zh": "人",
        "label_en": "people",
        "subject": "person",
        "columns": [
            _column("id", "text", "direct"),
            _column("age", "integer", "quasi"),
            _column("town", "text", "quasi"),
            _column("ill", "text", "sensitive"),
        ],
    }
)
QUALITY = check_quality(
    {
        "rules": [
            {"name": "there", "dimension": "completeness", "columns": ["id"]},
            {"name": "once", "dimension": "uniqueness", "columns": ["id", "age"]},
            {"name": "known", "dimension": "validity", "columns": ["town"], "values": ["x"]},
            {"name": "shaped", "dimension": "validity", "columns": ["id"], "pattern": "[abc]"},
            {"name": "mobile", "dimension": "validity", "columns": ["id"], "format": "mobile"},
            {"name": "bounded", "dimension": "validity", "columns": ["age"], "lower": 0},
            {
                "name": "together",
                "dimension": "consistency",
                "columns": ["ill", "town"],
                "relation": "present_with",
            },
        ]
    },
    DECLARATION,
    RULES,
).rules


def _file(rows: list[Row]) -> io.BytesIO:
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    out = io.BytesIO()
    pq.write_table(table, out)
    return out


def _measured(rows: list[Row], partition_values_max: int) -> dict[str, Any]:
    order = {
        "task": "measure",
        "memory_bytes_max": 256 << 20,
        "threads": 1,
        "partition_values_max": partition_values_max,
        **measure_order(DECLARATION, QUALITY, RULES),
    }
    return measure_child.answer(order, [_file(rows)])


@settings(max_examples=8)
@given(ROWS, st.sampled_from([2, 1_000]))
def test_profile_and_risk_are_those_of_a_naive_count(rows: list[Row], partition: int) -> None:
    found = _measured(rows, partition)
    for name in ("id", "age", "town"):
        values = Counter(row[name] for row in rows if row[name] is not None)
        column = found["profile"]["columns"][name]
        assert column["nulls"] == sum(row[name] is None for row in rows)
        assert column["distinct"] == len(values)
        assert column["singles"] == sum(count == 1 for count in values.values())
        assert dict(column["top"]) == {
            str(value): count for value, count in values.items() if count > 1
        }
    ages = [row["age"] for row in rows if row["age"] is not None]
    histogram = found["profile"]["columns"]["age"]["histogram"]
    assert sum(count for _, count in histogram) == len(ages)
    classes: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        classes[row["age"], row["town"]].append(row)
    members = [len({row["_unit"] for row in group}) for group in classes.values()]
    together = found["risk"]["together"]
    assert (together["classes"], together["k_min"]) == (len(classes), min(members))
    assert together["unique"] == sum(count == 1 for count in members)
    assert together["members_below"]["3"] == sum(count for count in members if count < 3)
    kinds = [len({row["ill"] for row in group}) for group in classes.values()]
    assert together["diversity"]["ill"]["l_min"] == min(kinds)


@settings(max_examples=8)
@given(ROWS, st.sampled_from([2, 1_000]))
def test_rules_are_kept_by_as_many_rows_as_counted_naively(rows: list[Row], partition: int) -> None:
    found = _measured(rows, partition)["rules"]
    ids = [row["id"] for row in rows if row["id"] is not None]
    pairs = [(row["id"], row["age"]) for row in rows if None not in (row["id"], row["age"])]
    ages = [row["age"] for row in rows if row["age"] is not None]
    towns = [row["town"] for row in rows if row["town"] is not None]
    ill = [row for row in rows if row["ill"] is not None]
    assert found == {
        "there": [len(rows), sum(bool(value.strip()) for value in ids)],
        "once": [len(pairs), len(set(pairs))],
        "known": [len(towns), towns.count("x")],
        "shaped": [len(ids), sum(value in "abc" for value in ids)],
        "mobile": [len(ids), ids.count("13800138000")],
        "bounded": [len(ages), sum(age >= 0 for age in ages)],
        "together": [len(ill), sum(row["town"] is not None for row in ill)],
    }


@settings(max_examples=8)
@given(ROWS, ROWS, st.sampled_from([2, 1_000]))
def test_two_sources_are_compared_as_counted_naively(
    left: list[Row], right: list[Row], partition: int
) -> None:
    side = {"keys": ["id"], "column": "age"}
    order = {
        "task": "compare",
        "memory_bytes_max": 256 << 20,
        "threads": 1,
        "partition_values_max": partition,
        "listed_keys_max": 100,
        "left": side,
        "right": side,
    }
    found = measure_child.answer(order, [_file(left), _file(right)])
    one, two = _by_key(left), _by_key(right)
    outcomes: defaultdict[str, set[str]] = defaultdict(set)
    for key in {*one, *two}:
        values = one.get(key, set()), two.get(key, set())
        if max(map(len, values)) > 1:
            outcomes["ambiguous"].add(key)
        elif not values[1] or not values[0]:
            outcomes["left_only" if values[0] else "right_only"].add(key)
        else:
            outcomes["agree" if values[0] == values[1] else "differ"].add(key)
    assert found["counts"] == {name: len(outcomes[name]) for name in found["counts"]}
    for name, keys in found["keys"].items():
        assert {key for (key,) in keys} == outcomes[name]


def _by_key(rows: list[Row]) -> dict[str, set[object]]:
    found: defaultdict[str, set[object]] = defaultdict(set)
    for row in rows:
        if row["id"] is not None:
            found[row["id"]].add(row["age"])
    return found


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    rows = [
        {"id": f"{place:04d}", "age": place % 7, "town": "x", "ill": "p", "_unit": place}
        for place in range(500)
    ]
    path.write_bytes(_file(rows).getvalue())
    return path


def test_the_confined_child_answers_alike(people: Path) -> None:
    measurer = ConfinedMeasurer(Path(sys.prefix), 512 << 20, RULES)
    found = measurer.measure(DECLARATION, people, QUALITY)
    assert found["profile"]["rows"] == 500
    assert found["rules"]["once"] == [500, 500]
    other = measurer.compare(Compared(people, ("id",), "age"), Compared(people, ("id",), "age"))
    assert other["counts"]["agree"] == 500


def test_a_broken_file_is_told_without_its_words(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 13800138000 PAR1")
    measurer = ConfinedMeasurer(Path(sys.prefix), 512 << 20, RULES)
    with pytest.raises(Unavailable, match="measuring_failed") as caught:
        measurer.measure(DECLARATION, path, ())
    assert "13800138000" not in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"name": "a", "dimension": "completeness", "columns": ["none"]}, "columns"),
        ({"name": "a", "dimension": "completeness", "columns": []}, "rules.0"),
        ({"name": "a", "dimension": "validity", "columns": ["id"]}, "rules.0"),
        (
            {
                "name": "a",
                "dimension": "validity",
                "columns": ["id"],
                "pattern": "x",
                "values": ["y"],
            },
            "rules.0",
        ),
        ({"name": "a", "dimension": "validity", "columns": ["age"], "pattern": "x"}, "pattern"),
        ({"name": "a", "dimension": "validity", "columns": ["id"], "lower": 1}, "lower"),
        (
            {
                "name": "a",
                "dimension": "consistency",
                "columns": ["id", "age"],
                "relation": "before",
            },
            "columns",
        ),
    ],
)
def test_a_rule_that_does_not_hold_together_is_refused(rule: Row, field: str) -> None:
    with pytest.raises(InvalidInput, match="quality_rule_invalid") as caught:
        check_quality({"rules": [rule]}, DECLARATION, RULES)
    assert field in (caught.value.field or "")


def test_a_rule_may_name_a_list_or_element_of_the_standards() -> None:
    values = ({"value": "1", "zh": "男"}, {"value": "2", "zh": "女"})
    about = {"zh": "x", "en": "x", "standard": "GB/T 2261.1", "version": "1"}
    sex = CodeListRule.model_validate({"code": "CL-SEX", "values": values, **about})
    element = {"code": "DE-SEX", "type": "text", "code_list": "CL-SEX", **about}
    digits = {"code": "DE-DIGITS", "type": "text", "pattern": "[0-9]+", **about}
    bare = {"code": "DE-BARE", "type": "text", **about}
    elements = [ElementRule.model_validate(one) for one in (element, digits, bare)]
    known = Dictionary({one.code: one for one in elements}, {"CL-SEX": sex})

    def written(standard: str, column: str = "town") -> QualityRule | None:
        rule = {"name": "a", "dimension": "validity", "columns": [column], "standard": standard}
        (declared,) = check_quality({"rules": [rule]}, DECLARATION, RULES, known).rules
        return in_force(declared, known)

    for standard in ("CL-SEX", "DE-SEX"):
        found = written(standard)
        assert found is not None
        assert found.order()["values"] == ["1", "2"]
    found = written("DE-DIGITS")
    assert found is not None
    assert found.order()["pattern"] == "[0-9]+"
    for standard, column in (("CL-NONE", "town"), ("DE-BARE", "town"), ("CL-SEX", "age")):
        with pytest.raises(InvalidInput, match="quality_rule_invalid"):
            written(standard, column)


def test_scores_are_weighted_and_rounded_down() -> None:
    rules = (
        QualityRule(name="a", dimension="completeness", columns=("id",), weight=2),
        QualityRule(name="b", dimension="completeness", columns=("age",)),
        QualityRule(name="t", dimension="timeliness"),
    )
    total, each = score(rules, {"a": [3, 2], "b": [0, 0]}, 500)
    assert each == {"a": 666, "b": 1_000, "t": 500}
    assert total == (2 * 666 + 1_000 + 500) // 4
