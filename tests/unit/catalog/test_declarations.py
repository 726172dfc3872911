import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.declarations import check_declaration
from catalog.entries import check_entry
from foundation.errors import InvalidInput
from policies.schema.catalog import CatalogRules

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "declarations"
Change = Callable[[dict[str, Any]], None]
GROUPS_MAX_FIELD = "$.group_sets[0].groups_per_unit_max"


def _column(place: int, **changes: Any) -> Change:
    return lambda document: document["columns"][place].update(changes)


def _group_set(**changes: Any) -> Change:
    return lambda document: document["group_sets"][0].update(changes)


def _top(**changes: Any) -> Change:
    return lambda document: document.update(changes)


def _date(**changes: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        labels = {"label_zh": "日期", "label_en": "Day", "grade": "L2"}
        document["columns"].append(
            {"name": "day", "type": "date", "exposure": "aggregate", **labels, **changes}
        )

    return change


def _rows(**changes: Any) -> Change:
    return _column(1, exposure="rows", **changes)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        (_top(name="Bad Name"), "declaration_field_invalid", "$.name"),
        (_top(extra=1), "declaration_field_invalid", "$.extra"),
        (_column(1, type="float"), "declaration_field_invalid", "$.columns[1].type"),
        (_column(1, name="wages"), "name_repeated", "$.columns"),
        (_top(unit_columns=["household"] * 2), "name_repeated", "$.unit_columns"),
        (_top(subject="open"), "open_with_unit", "$.subject"),
        (_top(population=None), "population_missing", "$.population"),
        (_top(unit_columns=[]), "unit_missing", "$.unit_columns"),
        (_top(unit_columns=["nobody"]), "column_unknown", "$.unit_columns"),
        (_column(0, nullable=True), "unit_column_invalid", "$.unit_columns"),
        (
            _column(0, exposure="rows", mask={"kind": "pseudonym"}),
            "unit_column_invalid",
            "$.unit_columns",
        ),
        (_column(1, exposure="unit"), "unit_column_invalid", "$.columns[1].exposure"),
        (_column(2, upper=None), "bounds_incomplete", "$.columns[2]"),
        (_column(2, lower=100), "bounds_invalid", "$.columns[2]"),
        (_column(1, lower=0, upper=1), "bounds_invalid", "$.columns[1]"),
        (_top(rows_per_unit_max=255), "declaration_field_invalid", "$.rows_per_unit_max"),
        (_top(unique_keys=["state"]), "unique_key_invalid", "$.unique_keys"),
        (_top(unique_keys=["nothing"]), "column_unknown", "$.unique_keys"),
        (_top(unique_keys=["state"] * 2), "name_repeated", "$.unique_keys"),
        (_group_set(groups_per_unit_max=255), "declaration_field_invalid", GROUPS_MAX_FIELD),
        (_date(lower="2020-01-01", upper="2019-01-01"), "bounds_invalid", "$.columns[3]"),
        (_date(lower=-(10**6), upper=0), "bounds_invalid", "$.columns[3]"),
        (_date(lower="first of May", upper=9), "declaration_field_invalid", "$.columns[3]"),
        (_column(2, upper=2**41), "declaration_field_invalid", "$.columns[2].upper"),
        (_column(1, mask={"kind": "redact"}), "mask_unused", "$.columns[1].mask"),
        (_rows(mask={"kind": "partial"}), "mask_unfit", "$.columns[1].mask"),
        (_rows(mask={"kind": "generalise", "step": 5}), "mask_unfit", "$.columns[1].mask"),
        (
            _column(2, exposure="rows", mask={"kind": "generalise"}),
            "mask_unfit",
            "$.columns[2].mask",
        ),
        (
            _column(2, exposure="rows", mask={"kind": "redact"}),
            "mask_unfit",
            "$.columns[2].mask",
        ),
        (_rows(grade="L4"), "grade_forbids_rows", "$.columns[1].exposure"),
        (_rows(identifier="direct"), "identifier_unmasked", "$.columns[1].mask"),
        (
            _column(1, public_values=["AL", "AL"]),
            "public_values_invalid",
            "$.columns[1].public_values",
        ),
        (
            _column(2, public_values=["7", "07"]),
            "public_values_invalid",
            "$.columns[2].public_values[1]",
        ),
        (_column(1, public_values=[]), "key_not_public", "$.group_sets[0].keys"),
        (_column(1, identifier="direct"), "key_not_public", "$.group_sets[0].keys"),
        (_column(1, exposure="never"), "column_not_exposed", "$.group_sets[0].keys"),
        (_group_set(keys=["nothing"]), "column_unknown", "$.group_sets[0].keys"),
        (_group_set(keys=["state", "state"]), "name_repeated", "$.group_sets[0].keys"),
        (_group_set(measures=["state"]), "measure_unbounded", "$.group_sets[0].measures"),
        (_group_set(groups_per_unit_max=3), "group_set_size_invalid", "$.group_sets[0]"),
        (
            _group_set(rows_per_group_max=255),
            "declaration_field_invalid",
            "$.group_sets[0].rows_per_group_max",
        ),
    ],
)
def test_a_declaration_that_does_not_hold_is_refused_by_field(
    declaration_document: dict[str, Any], change: Change, code: str, field: str
) -> None:
    change(declaration_document)
    with pytest.raises(InvalidInput) as refused:
        check_declaration(declaration_document)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert refused.value.message.zh
    assert refused.value.message.en


def test_a_direct_identifier_may_stand_as_rows_under_a_mask(
    declaration_document: dict[str, Any],
) -> None:
    declaration_document["group_sets"] = []
    _rows(identifier="direct", mask={"kind": "partial", "keep_first": 1})(declaration_document)
    assert check_declaration(declaration_document).columns[1].mask.keep_first == 1


def test_a_sound_declaration_is_accepted(declaration_document: dict[str, Any]) -> None:
    declaration = check_declaration(declaration_document)
    assert declaration.group_sets[0].keys == ("state",)


def test_a_date_may_be_bounded_by_days_or_by_dates(declaration_document: dict[str, Any]) -> None:
    _date(lower="1970-01-02", upper=365)(declaration_document)
    column = check_declaration(declaration_document).columns[3]
    assert (column.lower, column.upper) == (1, 365)


def test_open_data_may_declare_unique_keys_and_nothing_of_units(
    declaration_document: dict[str, Any],
) -> None:
    _top(subject="open", population=None, unit_columns=[], group_sets=[])(declaration_document)
    del declaration_document["columns"][0]
    _column(0, exposure="rows")(declaration_document)
    _top(unique_keys=["state"])(declaration_document)
    assert check_declaration(declaration_document).unique_keys == ("state",)
    _top(rows_per_unit_max=5)(declaration_document)
    with pytest.raises(InvalidInput, match="open_with_unit"):
        check_declaration(declaration_document)


@pytest.mark.parametrize("name", ["households", "colleges", "flights"])
def test_the_examples_hold(name: str, rules: CatalogRules) -> None:
    document = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    entry = check_entry(document["entry"], rules)
    declaration = check_declaration(document["dataset"])
    assert declaration.entry == entry.code
    assert len(entry.data_items) == len(declaration.columns)
    population = document["population"]
    assert declaration.population == (population["name"] if population else None)


def test_the_examples_show_every_mask_and_every_exposure() -> None:
    columns = [
        column
        for path in EXAMPLES.glob("*.json")
        for column in check_declaration(
            json.loads(path.read_text(encoding="utf-8"))["dataset"]
        ).columns
    ]
    masks = {column.mask.kind for column in columns}
    assert masks == {"none", "redact", "partial", "pseudonym", "generalise", "null"}
    assert {column.exposure for column in columns} == {"rows", "aggregate", "unit", "never"}
