"""What the listing tells of a data set: declared facts that the licence grants, no more."""

from typing import Any

import pytest

from catalog.datasets import ColumnType, DatasetDeclaration, Exposure, Mask, MaskKind
from disclosure.describing import Described, Join, joins_of, key_shown
from tests.planning import WIDE, column, declared

SURVEY = WIDE.protected["survey"].declaration
VISITS = WIDE.protected["visits"].declaration


def public(described: Described) -> dict[str, Any]:
    found: dict[str, Any] = described.as_public()
    return found


def told(name: str, **granted: Any) -> dict[str, Any]:
    described = Described(SURVEY, in_extract=frozenset(), aggregated=frozenset({name}), **granted)
    (found,) = public(described)["columns"]
    return dict(found)


def test_bounds_are_written_as_people_write_them() -> None:
    assert (told("day")["lower"], told("day")["upper"]) == ("2024-01-15", "2025-03-10")
    assert (told("pay")["lower"], told("pay")["upper"]) == ("-5.0", "20.0")
    assert (told("age")["lower"], told("age")["upper"]) == (0, 119)
    assert told("score")["lower"] is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("state", "public"),
        ("member", "public"),
        ("age", "parts"),
        ("day", "parts"),
        ("zone", "threshold"),
        ("score", "threshold"),
        ("seen", "threshold"),
    ],
)
def test_a_key_says_which_of_its_groups_are_shown(name: str, shown: str) -> None:
    assert told(name)["key"] == shown


def test_only_the_first_public_values_are_told_and_how_many_there_are() -> None:
    many = column("k", ColumnType.TEXT, public_values=tuple(f"v{n}" for n in range(40)))
    declaration = declared().model_copy(update={"columns": (many,), "group_sets": ()})
    described = Described(declaration, in_extract=frozenset(), aggregated=frozenset({"k"}))
    (found,) = public(described)["columns"]
    assert (len(found["public_values"]), found["public_value_count"]) == (12, 40)
    assert key_shown(many) == "public"


def test_measures_that_are_not_granted_are_not_named() -> None:
    described = public(
        Described(declared(), in_extract=frozenset(), aggregated=frozenset({"state", "sex"}))
    )
    assert described["group_sets"] == [
        {
            "name": "by_both",
            "keys": ["state", "sex"],
            "measures": [],
            "groups_per_unit_max": 2,
            "rows_per_group_max": 3,
        }
    ]
    assert "pay" not in str(described)
    assert "secret" not in str(described)


def test_a_masked_column_tells_neither_values_nor_bounds() -> None:
    masked = column("age", ColumnType.INTEGER, lower=0, upper=119).model_copy(
        update={
            "mask": Mask(kind=MaskKind.GENERALISE, step=10),
            "exposure": Exposure.ROWS,
            "unit_of_measure": "year",
        }
    )
    declaration = declared().model_copy(update={"columns": (masked,), "group_sets": ()})
    described = public(
        Described(
            declaration, in_extract=frozenset({"age"}), aggregated=frozenset(), has_extract=True
        )
    )
    (found,) = described["columns"]
    assert found["unit_of_measure"] == "year"
    assert not {"lower", "upper", "public_values"} & found.keys()
    assert (described["modes"], described["unit"]) == (["rows"], None)


def renamed(declaration: DatasetDeclaration, **changes: Any) -> DatasetDeclaration:
    return declaration.model_copy(update=changes)


def test_joins_are_those_that_a_question_may_use() -> None:
    tables = [("zones", {"code"}), ("plain", set[str]())]
    assert joins_of("survey", [SURVEY, VISITS], tables) == (
        Join("visits", ("unit",), "unit"),
        Join("zones", ("code",), "public"),
    )
    uncapped = renamed(VISITS, rows_per_unit_max=None)
    strangers = renamed(VISITS, population="others")
    for other in (uncapped, strangers):
        assert joins_of("survey", [SURVEY, other], []) == ()
    assert joins_of("zones", [SURVEY], tables) == ()
