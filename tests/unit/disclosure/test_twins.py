"""Twins are made of declarations alone: the same everywhere, plausible, and nobody's."""

import ast
import hashlib
import io
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import disclosure.twins
from catalog.builder import bounded_schema, ranked_schema, rows_schema, units_schema
from catalog.columnar import BoundedSet, Measure, RankedColumn, bound_rows, load_rows, open_store
from catalog.credit_codes import credit_check
from catalog.datasets import DatasetDeclaration, IdentifierFormat, Mask, RegionLevel
from catalog.declarations import check_declaration
from disclosure.extracts.plan import ExtractPlan
from disclosure.masking.identifiers import FORMS
from disclosure.twins import identities
from disclosure.twins.chance import Chance
from disclosure.twins.identities import identifier
from disclosure.twins.shelf import Twin, TwinShelf, TwinWanted
from policies.load import load_policies
from policies.schema.masks import MaskRules
from policies.schema.twins import TwinRules
from tests.city_documents import HOUSEHOLDS, column
from tests.city_wide import RESIDENTS_DECLARED, VISITS_DECLARED, ZONES_DECLARED

PACK = load_policies()
RULES, MASKS = PACK.rules(TwinRules), PACK.rules(MaskRules)
WIDE = [check_declaration(item) for item in (RESIDENTS_DECLARED, VISITS_DECLARED, ZONES_DECLARED)]
COMPANIES: dict[str, Any] = {
    "name": "companies",
    "entry": "306001/11",
    "label_zh": "企业",
    "label_en": "Companies",
    "subject": "organisation",
    "population": "city_companies",
    "unit_columns": ["credit_code"],
    "rows_per_unit_max": 2,
    "columns": [
        column(
            "credit_code",
            "text",
            "L2",
            "rows",
            identifier="direct",
            mask={"kind": "pseudonym"},
        ),
        column("legal_id", "text", "L3", "never", identifier="direct", label_zh="法人身份证号"),
        column("mobile", "text", "L3", "never", identifier="direct"),
        column("plate", "text", "L3", "never", identifier="direct", label_zh="车牌号"),
        column("card", "text", "L3", "never", identifier="direct", label_zh="银行卡号"),
        column("owner", "text", "L3", "never", identifier="direct", label_zh="法人姓名"),
        column("division", "text", "L1", "rows", mask={"kind": "region", "level": "city"}),
        column("founded", "date", "L1", "rows", mask={"kind": "generalise", "step": 1}),
        column("revenue", "decimal", "L2", "rows", scale=2, lower=-5_000, upper=900_000),
        column("open", "boolean", "L1", "rows"),
        column("kind", "text", "L1", "rows", nullable=True),
    ],
}


def twins(*declared: DatasetDeclaration, **forced: Any) -> dict[str, Twin]:
    """Make twins anew: no shelf that was used before answers."""
    wanted = [TwinWanted(item, forced=forced.get(item.name, {})) for item in declared]
    return dict(TwinShelf(RULES, MASKS).of(wanted))


def digest_of(table: pa.Table) -> str:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return hashlib.sha256(out.getvalue()).hexdigest()


def written(table: pa.Table) -> str:
    """Name a table's values, whatever version of Arrow holds them."""
    return hashlib.sha256(repr(table.to_pydict()).encode()).hexdigest()


def test_a_twin_is_the_same_on_every_machine() -> None:
    first, second = (twins(*WIDE) for _ in range(2))
    for name, twin in first.items():
        assert digest_of(twin.rows) == digest_of(second[name].rows)
        for file, table in twin.protected.items():
            assert digest_of(table) == digest_of(second[name].protected[file])
    drawn = Chance("a", 1)
    assert [drawn.below(1_000) for _ in range(6)] == GOLDEN_DRAWS
    assert written(first["zones"].rows) == GOLDEN_ZONES


def test_another_declaration_has_another_seed_and_a_column_more_changes_no_other() -> None:
    told = check_declaration(RESIDENTS_DECLARED)
    more = check_declaration(
        {
            **RESIDENTS_DECLARED,
            "columns": [*RESIDENTS_DECLARED["columns"], column("x", "boolean", "L1", "aggregate")],
        }
    )
    one, two = twins(told)["residents"], twins(more)["residents"]
    assert one.seed != two.seed
    assert one.rows.column_names == [name for name in two.rows.column_names if name != "x"]


def test_every_table_has_the_schema_of_a_versions() -> None:
    for name, twin in twins(*WIDE, check_declaration(HOUSEHOLDS)).items():
        declaration = twin.order.declaration
        assert twin.rows.schema == rows_schema(declaration)
        if not declaration.unit_columns:
            assert not twin.protected, name
            continue
        assert twin.protected["ranked.parquet"].schema == ranked_schema(declaration)
        assert twin.protected["units.parquet"].schema == units_schema()
        for item in declaration.group_sets:
            stored = twin.protected[f"bounded-{item.name}.parquet"]
            assert stored.schema == bounded_schema(declaration, item)


def test_bounded_rows_are_those_that_the_builder_keeps_of_these_ranks() -> None:
    twin = twins(check_declaration(HOUSEHOLDS))["households"]
    declaration = twin.order.declaration
    for item in declaration.group_sets:
        store = open_store(1 << 28, 1)
        ranked = twin.protected["ranked.parquet"]
        load_rows(store, ranked.to_reader(), "ranked")
        kept = BoundedSet(
            item.name,
            {name: declaration.column(name).public_values for name in item.keys},  # type: ignore[union-attr]
            item.groups_per_unit_max,
            item.rows_per_group_max,
            [Measure("wages", 0, 100_000)],
        )
        bound_rows(store, source="ranked", target="bounded", bounded=kept)
        found = store.sql("SELECT * FROM bounded").to_arrow_table()
        ours = twin.protected[f"bounded-{item.name}.parquet"]
        rows = [Counter(map(repr, table.to_pylist())) for table in (found, ours)]
        assert rows[0] == rows[1]
        assert RankedColumn("wages", "integer")


def test_each_unit_keeps_within_its_bounds_so_that_nothing_is_dropped() -> None:
    for twin in twins(*WIDE, check_declaration(HOUSEHOLDS)).values():
        declaration = twin.order.declaration
        if not declaration.unit_columns:
            continue
        rows = Counter(twin.rows.column("_unit").to_pylist())
        most = declaration.rows_per_unit_max or RULES.unit_rows_max
        assert 1 <= max(rows.values()) <= min(most, RULES.unit_rows_max)
        for item in declaration.group_sets:
            stored = twin.protected[f"bounded-{item.name}.parquet"]
            assert stored.num_rows == twin.rows.num_rows


def test_values_stand_in_their_declared_ranges_and_lists() -> None:
    for twin in twins(*WIDE).values():
        assert 10 <= twin.rows.num_rows <= RULES.rows_max
        for told in twin.order.declaration.columns:
            found = twin.rows.column(told.name).drop_null().to_pylist()
            assert found
            assert told.nullable or len(found) == twin.rows.num_rows
            if told.public_values:
                assert set(map(str, found)) <= set(told.public_values)
            if told.lower is not None and told.upper is not None:
                days = [(v - date(1970, 1, 1)).days if isinstance(v, date) else v for v in found]
                assert told.lower <= min(days) <= max(days) <= told.upper
                assert len(set(days)) > 5 or told.upper - told.lower < 20


def test_joins_hit_but_not_always() -> None:
    found = twins(*WIDE)
    zones = set(found["zones"].rows.column("code").to_pylist())
    assert len(zones) == found["zones"].rows.num_rows
    asked = found["residents"].rows.column("zone").drop_null().to_pylist()
    assert len(zones & set(asked)) > 5
    hashes = [
        set(found[n].protected["units.parquet"].column("hash").to_pylist())
        for n in ("residents", "visits")
    ]
    assert 0 < len(hashes[0] & hashes[1]) < len(hashes[0])
    names = [set(found[n].rows.column("resident").to_pylist()) for n in ("residents", "visits")]
    assert len(names[0] & names[1]) == len(hashes[0] & hashes[1])


def test_filters_leave_rows_whatever_they_ask_for() -> None:
    found = twins(*WIDE, residents={"district": ("north",)})["residents"]
    assert set(found.rows.column("district").to_pylist()) == {"north"}
    assert found.rows.num_rows > 1_000


@pytest.mark.parametrize("form", list(IdentifierFormat))
@pytest.mark.parametrize("ordinal", [0, 1, 4_999, 9_999])
def test_look_alikes_are_valid_in_form(form: IdentifierFormat, ordinal: int) -> None:
    text = identifier(form, ordinal)
    mask = Mask(format=form, level=RegionLevel.PROVINCE)
    assert FORMS[form].open(text, mask) is not None, text


@pytest.mark.parametrize("form", list(IdentifierFormat))
def test_each_unit_has_a_look_alike_of_its_own(form: IdentifierFormat) -> None:
    assert len({identifier(form, number) for number in range(0, 10_000, 9)}) == 1_112


def test_look_alikes_stand_where_nothing_is_issued() -> None:
    found = twins(check_declaration(COMPANIES))["companies"].rows.to_pylist()
    for row in found[:500]:
        assert row["credit_code"].startswith("91999999TW")
        assert row["credit_code"][17] == credit_check(row["credit_code"][:17])
        assert row["legal_id"].startswith("9999")
        assert 1950 <= int(row["legal_id"][6:10]) <= 2005
        assert row["mobile"].startswith("1540000")
        assert row["plate"].startswith("宁Z")
        assert row["card"].startswith("999999")
        assert row["owner"].startswith("合成")
        assert row["division"].startswith("99")
        assert row["kind"] is None or row["kind"].startswith("合成")
    assert re.fullmatch("99[0-9]{4}", found[0]["division"])


def test_weights_of_charged_figures_shape_a_column_and_its_seed() -> None:
    told = check_declaration(RESIDENTS_DECLARED)
    shelf = TwinShelf(RULES, MASKS)
    weights = {"district": {"north": 900, "south": 100}}
    plain = shelf.of([TwinWanted(told)])["residents"]
    shaped = shelf.of([TwinWanted(told, weights=weights)])["residents"]
    assert plain.seed != shaped.seed
    units = dict(
        zip(shaped.rows["_unit"].to_pylist(), shaped.rows["district"].to_pylist(), strict=True)
    )
    share = Counter(units.values())["north"] / len(units)
    assert 0.87 < share < 0.93
    none = {"district": {"north": -3, "south": 0}}
    kept = shelf.of([TwinWanted(told, weights=none)])["residents"]
    assert set(kept.rows["district"].to_pylist()) == {"north", "south"}


def test_the_generator_has_no_way_to_data() -> None:
    """Its modules import nothing that opens a file, a store or a key."""
    folder = Path(disclosure.twins.__file__).parent
    makers = {"chance", "identities", "values", "links", "rows", "protected", "shelf"}
    closed = {
        "os",
        "io",
        "pathlib",
        "sqlalchemy",
        "socket",
        "subprocess",
        "pyarrow.parquet",
        "foundation.keys",
        "foundation.db",
        "disclosure.extracts.files",
        "disclosure.engine",
        "disclosure.pipeline",
        "service",
    }
    for name in makers:
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        imported = {
            module
            for node in ast.walk(tree)
            for module in (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [item.name for item in node.names]
                if isinstance(node, ast.Import)
                else []
            )
        }
        assert not {m for m in imported for c in closed if m == c or m.startswith(f"{c}.")}, name
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "open" not in called, name
    versions = ast.parse((folder / "protected.py").read_text(encoding="utf-8"))
    taken = [
        item.name
        for node in ast.walk(versions)
        if isinstance(node, ast.ImportFrom) and node.module == "catalog.versions"
        for item in node.names
    ]
    assert set(taken) == {"RANKED_FILE", "UNITS_FILE", "bounded_file"}


def test_a_plan_of_an_extract_names_no_row() -> None:
    """What a twin is ordered with holds no size, version or digest of data."""
    names = {*TwinWanted.__dataclass_fields__, *ExtractPlan.model_fields}
    assert not names & {"row_count", "version", "manifest_digest", "path", "files"}
    assert identities.SYNTHETIC_TEXT == "合成"


GOLDEN_DRAWS = [656, 709, 205, 58, 855, 656]
GOLDEN_ZONES = "27fffa78a66b8b26026eb569bbe8c98c14dbd545fbcfa96589e2a810ffc2b988"
