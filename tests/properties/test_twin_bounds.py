"""Whatever is declared, its twin keeps to it: schema, values, bounds, and nothing for bounding."""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.builder import bounded_schema, ranked_schema, rows_schema
from catalog.declarations import check_declaration
from disclosure.twins.shelf import TwinShelf, TwinWanted
from policies.load import load_policies
from policies.schema.masks import MaskRules
from policies.schema.twins import TwinRules
from tests.city_documents import column

PACK = load_policies()
SMALL = PACK.rules(TwinRules).model_copy(update={"units_max": 60, "rows_max": 120})
KEYS = ("place", "kind")


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a declaration of a protected data set, its group sets and its caps."""
    values = {name: draw(st.integers(1, 6)) for name in KEYS}
    low = draw(st.integers(-50, 50))
    nullable = draw(st.booleans())
    listed = [
        column(name, "text", "L2", "aggregate", public_values=[f"{name}{n}" for n in range(count)])
        for name, count in values.items()
    ]
    group_sets = []
    for number, keys in enumerate(draw(st.sets(st.sampled_from([("place",), ("kind",), KEYS])))):
        groups = 1
        for key in keys:
            groups *= values[key]
        group_sets.append(
            {
                "name": f"set_{number}",
                "keys": list(keys),
                "groups_per_unit_max": draw(st.integers(1, groups)),
                "rows_per_group_max": draw(st.integers(1, 4)),
                "measures": ["amount"],
            }
        )
    return {
        "name": "drawn",
        "entry": "306001/7",
        "label_zh": "抽取",
        "label_en": "Drawn",
        "subject": "person",
        "population": "drawn_people",
        "unit_columns": ["person"],
        "rows_per_unit_max": draw(st.none() | st.integers(1, 5)),
        "columns": [
            column("person", draw(st.sampled_from(["integer", "text"])), "L3", "unit"),
            *listed,
            column(
                "amount",
                draw(st.sampled_from(["integer", "decimal"])),
                "L3",
                "aggregate",
                nullable=nullable,
                lower=low,
                upper=low + draw(st.integers(1, 10**9)),
            ),
            column("day", "date", "L2", "aggregate", nullable=nullable),
            column("flag", "boolean", "L2", "aggregate"),
        ],
        "group_sets": group_sets,
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raw=declarations())
def test_a_twin_keeps_to_its_declaration(raw: dict[str, Any]) -> None:
    declaration = check_declaration(raw)
    shelf = TwinShelf(SMALL, PACK.rules(MaskRules))
    twin = shelf.of([TwinWanted(declaration)])["drawn"]
    assert twin.rows.schema == rows_schema(declaration)
    assert twin.protected["ranked.parquet"].schema == ranked_schema(declaration)
    rows = Counter(twin.rows.column("_unit").to_pylist())
    assert max(rows.values()) <= (declaration.rows_per_unit_max or SMALL.unit_rows_max)
    people = dict(zip(twin.rows["_unit"].to_pylist(), twin.rows["person"].to_pylist(), strict=True))
    assert len(set(people.values())) == len(people)
    amounts = twin.rows.column("amount").drop_null().to_pylist()
    told = declaration.column("amount")
    assert told is not None
    assert told.lower is not None
    assert told.upper is not None
    assert all(told.lower <= value <= told.upper for value in amounts)
    for item in declaration.group_sets:
        stored = twin.protected[f"bounded-{item.name}.parquet"]
        assert stored.schema == bounded_schema(declaration, item)
        assert stored.num_rows == twin.rows.num_rows, "bounding drops nothing of a twin"
