"""Elements and lists as data: editions, bindings, divisions, and rows chosen by region."""

from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from catalog.datasets import DatasetDeclaration
from catalog.standards.conforming import Violation, element_checks, violations_told
from catalog.standards.dictionary import (
    add_code_list,
    add_element,
    check_bindings,
    dictionary,
)
from catalog.standards.regions import (
    is_within,
    region_filter,
    regions,
    require_region,
)
from foundation.db import reading
from foundation.identity import Actor
from policies.load import load_policies
from policies.schema.standards import CodeListRule, ElementRule, StandardRules
from tests.zoned import refused

RULES = load_policies().rules(StandardRules)
REGIONS = regions(RULES)
LIST = CodeListRule.model_validate(
    {
        "code": "CL-ROAD",
        "zh": "道路等级",
        "en": "road classes",
        "standard": "地方标准",
        "version": "1",
        "values": [{"value": "A", "zh": "一级"}],
    }
)
ELEMENT = ElementRule.model_validate(
    {
        "code": "DE-ROAD",
        "zh": "道路等级代码",
        "en": "road class",
        "type": "text",
        "standard": "地方标准",
        "version": "1",
        "code_list": "CL-ROAD",
    }
)


def declared(**columns: str | None) -> DatasetDeclaration:
    found: dict[str, Any] = {
        "name": "roads",
        "entry": "e",
        "label_zh": "路",
        "label_en": "roads",
        "subject": "open",
        "columns": [
            {
                "name": name,
                "type": "text",
                "label_zh": name,
                "label_en": name,
                "grade": "L1",
                "exposure": "rows",
                "element": element,
            }
            for name, element in columns.items()
        ],
    }
    return DatasetDeclaration.model_validate(found)


def test_the_authority_adds_lists_elements_and_newer_editions(
    catalog_writer: GroupCommitWriter, engine: Engine, authority: Actor, provider: Actor
) -> None:
    unknown = refused(lambda: add_element(catalog_writer, authority, RULES, ELEMENT))
    assert unknown == "code_list_unknown"
    denied = refused(lambda: add_code_list(catalog_writer, provider, RULES, LIST))
    assert denied == "authority_required"
    add_code_list(catalog_writer, authority, RULES, LIST)
    add_element(catalog_writer, authority, RULES, ELEMENT)
    again = refused(lambda: add_code_list(catalog_writer, authority, RULES, LIST))
    assert again == "standard_exists"
    newer = LIST.model_copy(update={"version": "2", "values": (*LIST.values, *LIST.values)})
    twice = refused(lambda: add_code_list(catalog_writer, authority, RULES, newer))
    assert twice == "code_value_repeated"
    second = {"value": "B", "zh": "二级"}
    raw = {**LIST.model_dump(), "version": "2", "values": [*LIST.model_dump()["values"], second]}
    add_code_list(catalog_writer, authority, RULES, CodeListRule.model_validate(raw))
    older = refused(lambda: add_code_list(catalog_writer, authority, RULES, LIST))
    assert older == "standard_exists"
    with reading(engine) as connection:
        known = dictionary(connection, RULES)
        check_bindings(connection, declared(road="DE-ROAD", other=None), RULES)
        for wrong in ("DE-NONE", "DE-AMOUNT"):
            code = refused(partial(check_bindings, connection, declared(a=wrong), RULES))
            assert code == "element_unfit"
    assert known.values_of(known.elements["DE-ROAD"]) == ("A", "B")
    checks = element_checks(declared(road="DE-ROAD"), known)
    assert [(check.column, check.values) for check in checks] == [("road", ("A", "B"))]


def test_a_pattern_that_is_none_is_refused(
    catalog_writer: GroupCommitWriter, authority: Actor
) -> None:
    broken = ELEMENT.model_copy(update={"code_list": None, "pattern": "(["})
    code = refused(lambda: add_element(catalog_writer, authority, RULES, broken))
    assert code == "pattern_invalid"


@pytest.mark.parametrize(
    "told",
    [
        None,
        "x",
        [["road", "element_value", "many"]],
        [["secret", "element_value", 3]],
        [["road", "no_such_rule", 3]],
        [["road", "element_value", -1]],
        [["road", "element_value"]],
    ],
)
def test_nothing_but_counts_of_what_was_asked_is_believed(told: object) -> None:
    known = dictionary_of_the_file()
    checks = element_checks(declared(road="DE-SEX"), known)
    assert violations_told(told, checks) == ()
    good = [["road", "element_value", 3]]
    assert violations_told(good, checks) == (Violation("road", "element_value", 3),)


def dictionary_of_the_file() -> Any:
    from catalog.standards.dictionary import Dictionary  # noqa: PLC0415 - one use

    return Dictionary(
        {item.code: item for item in RULES.elements},
        {item.code: item for item in RULES.code_lists},
    )


def test_the_divisions_of_the_country_are_there_with_their_tree() -> None:
    provinces = [item for item in REGIONS.values() if item.level == "province"]
    assert len(provinces) == 34
    assert all(item.above is None and item.en for item in provinces)
    assert (REGIONS["341000"].zh, REGIONS["341000"].above) == ("黄山市", "340000")
    assert (REGIONS["520102"].level, REGIONS["520102"].above) == ("county", "520100")
    assert all(item.above in REGIONS for item in REGIONS.values() if item.above)
    assert refused(lambda: require_region(RULES, "999999")) == "region_unknown"


@given(st.sampled_from(sorted(REGIONS)), st.sampled_from(sorted(REGIONS)))
def test_a_division_lies_within_another_where_the_tree_says_so(low: str, high: str) -> None:
    above: str | None = low
    line = []
    while above is not None:
        line.append(above)
        above = REGIONS[above].above
    assert is_within(low, high) is (high in line)


def test_rows_of_a_region_are_chosen_and_no_others() -> None:
    declaration = DatasetDeclaration.model_validate(
        {**declared(place="DE-DIVISION").model_dump(), "region_column": "place"}
    )
    known = dictionary_of_the_file()
    places = ["520100", "520102", "520000", "520201", "5201", "52010x", None, "152010", "5201020"]
    batch = pa.record_batch({"place": pa.array(places), "n": pa.array(range(len(places)))})
    chosen = region_filter(declaration, "520100", RULES, known)
    assert chosen.chosen(batch).column("place").to_pylist() == ["520100", "520102"]
    whole = region_filter(declaration, "520000", RULES, known)
    assert whole.chosen(batch).num_rows == 4
    numbers = pa.record_batch({"place": pa.array([520102, 370202]), "n": pa.array([1, 2])})
    assert chosen.chosen(numbers).num_rows == 1
    assert chosen.holds("520115")
    assert not chosen.holds("520200")


def test_without_a_bound_region_column_nothing_is_delivered_by_region() -> None:
    known = dictionary_of_the_file()
    plain = declared(place="DE-DIVISION")
    bound = plain.model_copy(update={"region_column": "place"})
    wrong = declared(place="DE-SEX").model_copy(update={"region_column": "place"})
    for declaration in (plain, wrong):
        code = refused(partial(region_filter, declaration, "520100", RULES, known))
        assert code == "region_column_missing"
    assert refused(lambda: region_filter(bound, "529999", RULES, known)) == "region_unknown"
