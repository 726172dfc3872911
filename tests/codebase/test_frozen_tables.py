import pytest

from service.migrations.freeze import URLS, frozen_statements, statements

FIRST = "0001"


@pytest.mark.parametrize("dialect", URLS)
def test_a_fresh_store_has_exactly_the_declared_tables_and_guards(dialect: str) -> None:
    declared, frozen = set(statements(dialect)), set(frozen_statements(FIRST, dialect))
    assert sorted(declared - frozen) == [], "run python -m service.migrations.freeze 0001"
    assert sorted(frozen - declared) == [], "run python -m service.migrations.freeze 0001"
