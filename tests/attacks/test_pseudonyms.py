"""Dictionary attacks on pseudonyms: nothing that a holder can reach computes one from a value."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from disclosure.extracts import open_extract
from foundation.errors import SandgateError
from tests.city import City, Plan, built_city, rows_of
from tests.city_documents import college_rows, household_rows, licence_json
from tests.engines import RULES
from tests.parts import REPOSITORY

COLLEGES = 60
VALUES = [100_000 + number for number in range(COLLEGES)]
MASKING = "disclosure.masking"
MAY_MASK = (
    "disclosure/masking/",
    "disclosure/extracts/",
    "disclosure/checks/identifiers.py",  # check digits alone
    "disclosure/twins/",  # values that nobody has
)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    plan = replace(Plan(), households=household_rows(40), colleges=college_rows(COLLEGES))
    with built_city(tmp_path_factory.mktemp("pseudonyms"), plan) as city:
        yield city


def pseudonyms(city: City, licence: str | None = None) -> set[str]:
    given = city.ask("SELECT DISTINCT college_id FROM colleges", scope=city.scope(licence=licence))
    return {row["college_id"] for row in rows_of(given)}


def test_two_licences_of_one_operator_share_no_pseudonym(city: City) -> None:
    second = city.grant(licence_json())
    one, other = pseudonyms(city), pseudonyms(city, second)
    assert len(one) == len(other) == COLLEGES
    assert not one & other


def test_no_function_of_the_gate_turns_a_value_into_its_pseudonym(city: City) -> None:
    """Every allowed function over every known value, by its text, its number and its code."""
    known = pseudonyms(city)
    engine = duckdb.connect()
    tried = 0
    for name in sorted(RULES.scalar_functions):
        for value in (f"'{VALUES[3]}'", str(VALUES[3]), "'US-100003'"):
            for arguments in (value, f"{value}, {value}", f"{value}, 20", f"{value}, 1, 20"):
                tried += _meets(engine, f'"{name}"({arguments})', known)
    assert tried > 100


def _meets(engine: duckdb.DuckDBPyConnection, expression: str, known: set[str]) -> int:
    try:
        found = engine.execute(f"SELECT CAST({expression} AS VARCHAR)").fetchall()[0][0]
    except duckdb.Error:
        return 0
    text = str(found).lower()
    shown = text[:20]
    assert not any(name in text or (len(shown) > 8 and name.startswith(shown)) for name in known)
    return 1


def test_a_session_cannot_ask_for_a_mask_a_key_or_a_pseudonym(city: City) -> None:
    for call in ("pseudonym", "apply_mask", "hmac", "encrypt", "aes_encrypt", "ff1", "unmask"):
        with pytest.raises(SandgateError) as refused:
            city.ask(f"SELECT {call}('100003') FROM colleges")
        assert refused.value.code != "internal"


def test_only_the_builder_of_extracts_masks_anything() -> None:
    """No endpoint, session, client or other room can reach a mask, so none takes a value to one."""
    found = {
        str(path.relative_to(REPOSITORY))
        for room in ("audit", "authorization", "catalog", "disclosure", "sandbox", "service")
        for path in (REPOSITORY / room).rglob("*.py")
        if _imports_masking(path)
    }
    strangers = {path for path in found if not path.startswith(MAY_MASK)}
    assert found
    assert not strangers


def _imports_masking(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    if "masking" not in text:
        return False
    nodes = list(ast.walk(ast.parse(text)))
    names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return any(name == MASKING or name.startswith(f"{MASKING}.") for name in names)


def test_an_extract_holds_no_key_and_no_value_behind_a_pseudonym(city: City) -> None:
    keys = city.platform.keys
    files = sorted((city.home / "extracts").glob("*.parquet"))
    assert files
    for path in files:
        table = open_extract(path, keys.data_key(f"extract-{path.stem}")).read_all()
        text: list[dict[str, Any]] = table.select(["college_id"]).to_pylist()
        assert not {row["college_id"] for row in text} & set(map(str, VALUES))
        assert not table.schema.metadata
