"""The control store's history: frozen statements are the declared tables, on both dialects.

A store from the future is refused; running the revisions twice changes nothing; and on PostgreSQL
a whole city is built and answers.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from audit.tags import EntryKind
from foundation.db import metadata, open_engine
from foundation.errors import Unavailable
from foundation.settings import Settings
from service.migrate import import_stores, upgrade
from service.migrations.freeze import URLS, frozen_statements, statements
from tests.city import COUNT_BY_STATE, ROWS_QUESTION, built_city, rows_of, told
from tests.parts import need_namespaces
from tests.postgresql import postgresql_server

VERSION_TABLE = "alembic_version"


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql_server(tmp_path_factory.mktemp("pg")) as url:
        yield url


def sqlite_schema(engine: Engine) -> list[tuple[str, ...]]:
    query = (
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'"
    )
    with engine.connect() as connection:
        rows = connection.execute(text(query))
        return sorted(tuple(" ".join(str(part).split()) for part in row) for row in rows)


@pytest.mark.parametrize("dialect", URLS)
def test_the_frozen_statements_are_the_declared_tables(dialect: str) -> None:
    declared = statements(dialect)
    frozen = frozen_statements("0001", dialect)
    missing = [one for one in declared if one not in frozen]
    surplus = [one for one in frozen if one not in declared]
    assert (missing, surplus) == ([], []), "run: python -m service.migrations.freeze 0001"
    assert len(frozen) == len(declared)


def test_the_revisions_make_what_the_tables_declare(tmp_path: Path, engine: Engine) -> None:
    import_stores()
    upgrade(engine)
    other = open_engine(f"sqlite:///{tmp_path}/declared.db")
    metadata.create_all(other)
    assert sqlite_schema(engine) == sqlite_schema(other)
    other.dispose()


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    upgrade(engine)
    before = sqlite_schema(engine)
    upgrade(engine)
    assert sqlite_schema(engine) == before
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars()
        assert list(found) == ["0001"]


def test_a_store_from_the_future_is_refused_with_its_sentence(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    before = sqlite_schema(engine)
    with pytest.raises(Unavailable) as found:
        upgrade(engine)
    assert found.value.code == "store_unknown_revision"
    assert "newer version" in found.value.message.en
    assert "升级" in found.value.message.zh
    assert sqlite_schema(engine) == before


@need_namespaces
def test_a_city_is_built_and_answers_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", database_url=postgresql)
    with built_city(settings.home, settings=settings) as city:
        assert city.platform.engine.dialect.name == "postgresql"
        assert len(rows_of(city.ask(ROWS_QUESTION))) == 600
        first = city.ask(COUNT_BY_STATE)
        assert told(first)["cost_nano_rho"] > 0
        again = city.ask(COUNT_BY_STATE)
        assert told(again)["repeated"]
        assert rows_of(again) == rows_of(first)
        (line,) = city.platform.pipeline.budget(city.scope())
        assert line["budget_nano_rho_spent"] == told(first)["cost_nano_rho"]
        assert len(city.entries(EntryKind.QUESTION_DECIDED)) == 2
        assert not (settings.home / "control.db").exists()


@need_namespaces
def test_the_tables_are_guarded_on_postgresql_too(postgresql: str) -> None:
    engine = open_engine(postgresql)
    upgrade(engine)
    assert {"answer", "charge", "budget_node"} <= set(inspect(engine).get_table_names())
    for statement in (
        "UPDATE budget_node SET spent_nano_rho = 0",
        "DELETE FROM charge",
        "UPDATE answer SET row_count = 0",
    ):
        with engine.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(text(statement))
    engine.dispose()
