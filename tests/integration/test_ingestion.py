"""Data as departments have them: spreadsheets, a real PostgreSQL table, and bound columns."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import xlsxwriter
from sqlalchemy import Engine, text

from audit.writer import GroupCommitWriter
from catalog.builder import ConfinedBuilder
from catalog.datasets import Version
from catalog.faults import VersionRefused
from catalog.publishing import Publisher
from catalog.registration import register_dataset
from catalog.resources.tables import TableReader
from catalog.sheets.reading import SheetReader, bounds_of
from catalog.standards.conforming import conformance_report
from catalog.store import dataset_by_name
from catalog.versions import read_rows, version_directory
from foundation.db import metadata, reading
from foundation.errors import SandgateError
from foundation.identity import Role
from foundation.keys import FileKeyStore
from foundation.settings import Settings
from policies.load import load_policies
from policies.schema.catalog import CatalogRules
from policies.schema.exchange import ExchangeRules
from tests.calling import API, People
from tests.catalogue import bare_book, person, publish_entry, walk
from tests.city import PROVIDER, _register_people, opened_city
from tests.city_documents import catalogue_entry
from tests.fakes import SteppedClock
from tests.parts import REPOSITORY, need_namespaces
from tests.postgresql import postgresql_server
from tests.zoned import refused

pytestmark = need_namespaces

CLERK = person("clerk", "civil_affairs", Role.PROVIDER)
HEAD = person("head", "civil_affairs", Role.DEPARTMENT_HEAD, Role.PROVIDER)
AUTHORITY = person("reviewer", "data_authority", Role.AUTHORITY)
RESIDENTS = [
    ("520102", "1", '李，\n"引号"', "2020-02-29", 12, True),
    ("520103", "2", "", "1999-12-31", -3, False),
    ("370202", "9", None, "2024-01-01", 2**40, None),
]


def column(name: str, kind: str, **more: Any) -> dict[str, Any]:
    told = {"name": name, "type": kind, "label_zh": name, "label_en": name}
    return {**told, "grade": "L1", "exposure": "rows", **more}


DECLARED: dict[str, Any] = {
    "name": "offices",
    "entry": "306009/1",
    "label_zh": "网点",
    "label_en": "Offices",
    "subject": "open",
    "columns": [
        column("division", "text", element="DE-DIVISION"),
        column("sex", "text", element="DE-SEX"),
        column("remark", "text", nullable=True, element="DE-MOBILE"),
        column("opened", "date"),
        column("visits", "integer"),
        column("staffed", "boolean", nullable=True),
    ],
    "system": "civil-registry",
    "system_table": "registry.offices",
    "ingestion": "logical",
    "region_column": "division",
}


@dataclass(frozen=True)
class Intake:
    publisher: Publisher
    engine: Engine
    home: Path

    def rows(self, version: Version) -> list[tuple[Any, ...]]:
        directory = version_directory(self.home, version.id, version.zone)
        found = [row for batch in read_rows(directory) for row in batch.to_pylist()]
        return [tuple(row.values()) for row in found]

    def publish(self, content: bytes, name: str) -> Version:
        source = self.home / "upload"
        source.write_bytes(content)
        return self.publisher.publish(CLERK, "offices", source, name)

    def report(self) -> list[dict[str, object]]:
        with reading(self.engine) as connection:
            found = dataset_by_name(connection, "offices")
            assert found is not None
            return conformance_report(connection, found.id)

    def log_text(self) -> str:
        with reading(self.engine) as connection:
            bodies = connection.execute(text("SELECT body FROM entry")).scalars()
            return " ".join(bytes(body).decode() for body in bodies)

    def left(self) -> list[str]:
        directory = self.home / "uploads"
        return [path.name for path in directory.iterdir()] if directory.exists() else []


@pytest.fixture
def intake(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[Intake]:
    metadata.create_all(engine)
    pack = load_policies()
    rules = pack.rules(CatalogRules)
    environment = REPOSITORY / ".venv"
    with GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head") as writer:
        people = (CLERK, HEAD, AUTHORITY)
        fed = {"code": DECLARED["entry"], "systems": [DECLARED["system"]]}
        entry = {**catalogue_entry(DECLARED), **fed}
        walk(bare_book(writer), engine, entry, CLERK.organisation, people)
        register_dataset(writer, CLERK, DECLARED)
        publisher = Publisher(
            engine,
            writer,
            ConfinedBuilder(environment, 1 << 30, rules.rows_max),
            tmp_path,
            rules,
            keys,
            sheets=SheetReader(environment, bounds_of(pack.rules(ExchangeRules).sheets)),
            tables=TableReader(environment, tmp_path / "connections.toml", 1 << 20),
        )
        yield Intake(publisher, engine, tmp_path)


def workbook(rows: list[list[Any]]) -> bytes:
    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
    return sink.getvalue()


HEADER = [found["name"] for found in DECLARED["columns"]]


def test_a_spreadsheet_becomes_a_version(intake: Intake) -> None:
    rows = [
        HEADER,
        ["520102", "1", "13800000000", "2020-02-29", "12", "true"],
        ["370202", "2", "", "1999-12-31", "7", "false"],
    ]
    version = intake.publish(workbook(rows), "网点.XLSX")
    assert [row[:3] for row in intake.rows(version)] == [
        ("520102", "1", "13800000000"),
        ("370202", "2", None),
    ]
    assert intake.left() == []
    broken = workbook([HEADER, ["520102", "1", "", "not a day", "1", "true"]])
    with pytest.raises(VersionRefused) as caught:
        intake.publish(broken, "网点.xlsx")
    assert (caught.value.faults[0].row, caught.value.faults[0].column) == (2, "opened")
    assert refused(lambda: intake.publish(b"PK\x03\x04 no workbook", "a.xlsx")) != "nothing refused"
    assert intake.left() == []


def test_columns_are_held_to_their_elements(intake: Intake) -> None:
    lines = [",".join(HEADER), "520102,1,13800000000,2020-02-29,1,true"]
    lines += ["520103,1,x,2020-01-01,1,true", "520104,9,12345678901234,2020-01-01,1,true"]
    version = intake.publish("\n".join(lines).encode(), "a.csv")
    flagged = [(item["column"], item["rule"], item["row_count"]) for item in intake.report()]
    assert sorted(flagged) == [
        ("remark", "element_length", 1),
        ("remark", "element_pattern", 2),
    ]
    assert all(item["version"] == version.id for item in intake.report())
    lines += ["5201AA,1,,2020-01-01,1,true", "520102,7,,2020-01-01,1,true"]
    with pytest.raises(VersionRefused) as caught:
        intake.publish("\n".join(lines).encode(), "a.csv")
    assert {(fault.column, fault.rule) for fault in caught.value.faults} == {
        ("division", "element_pattern"),
        ("sex", "element_value"),
    }
    refusals = [item for item in intake.report() if not item["published"]]
    assert sum(int(str(item["row_count"])) for item in refusals) == 5
    assert "5201AA" not in intake.log_text()
    assert '"row_count"' not in intake.log_text()


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql_server(tmp_path_factory.mktemp("pg")) as url:
        uri = url.replace("+psycopg", "")
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA registry")
            connection.execute(
                "CREATE TABLE registry.all_offices (division text, sex char(1), remark text, "
                "opened date, visits bigint, staffed boolean, secret text DEFAULT 'never read')"
            )
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO registry.all_offices VALUES (%s, %s, %s, %s, %s, %s)", RESIDENTS
                )
            connection.execute("CREATE VIEW registry.offices AS SELECT * FROM registry.all_offices")
            connection.execute("CREATE ROLE reader LOGIN PASSWORD 'swordfish-7'")
            connection.execute("GRANT USAGE ON SCHEMA registry TO reader")
            connection.execute("GRANT SELECT ON registry.offices TO reader")
        yield uri


def as_reader(uri: str) -> str:
    return uri.replace("//postgres:@", "//reader:swordfish-7@").replace(
        "//postgres@", "//reader:swordfish-7@"
    )


def connect(intake: Intake, uri: str, **changes: Any) -> Path:
    return connected(intake.home, uri, **changes)


def connected(home: Path, uri: str, **changes: Any) -> Path:
    """Write the operator's file of connections into a folder."""
    told = {"provider": "civil_affairs", "tables": ["registry.offices"], **changes}
    path = home / "connections.toml"
    path.write_text(
        "[connections.civil-registry]\n"
        f"url = {json.dumps(as_reader(uri))}\n"
        f"provider = {json.dumps(told['provider'])}\n"
        f"tables = {json.dumps(told['tables'])}\n",
        encoding="utf-8",
    )
    path.chmod(0o600)
    return path


def test_a_table_is_read_as_it_stands_and_again_on_command(intake: Intake, postgresql: str) -> None:
    connect(intake, postgresql)
    first = intake.publisher.read_table(CLERK, "offices")
    shown = [(*row[:3], str(row[3]), *row[4:]) for row in intake.rows(first)]
    assert shown == RESIDENTS
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("UPDATE registry.all_offices SET visits = visits + 1")
    second = intake.publisher.read_table(CLERK, "offices")
    assert (first.number, second.number) == (1, 2)
    assert [row[4] for row in intake.rows(second)] == [row[4] + 1 for row in RESIDENTS]
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("UPDATE registry.all_offices SET visits = visits - 1")
    logged = intake.log_text()
    assert "registry.offices" in logged
    assert "swordfish-7" not in logged
    assert intake.left() == []


def test_only_what_both_sides_declared_is_read(intake: Intake, postgresql: str) -> None:
    def read() -> str:
        return refused(lambda: intake.publisher.read_table(CLERK, "offices"))

    assert read() == "source_connections_unusable"
    path = connect(intake, postgresql, tables=["registry.all_offices"])
    assert read() == "source_not_connected"
    connect(intake, postgresql, provider="tax_bureau")
    assert read() == "source_not_connected"
    connect(intake, postgresql)
    path.chmod(0o640)
    assert read() == "source_connections_unusable"
    path.write_text("swordfish-7 = [", encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(SandgateError) as caught:
        intake.publisher.read_table(CLERK, "offices")
    assert "swordfish" not in str(caught.value.message)
    stranger = person("stranger", "tax_bureau", Role.PROVIDER)
    connect(intake, postgresql)
    assert refused(lambda: intake.publisher.read_table(stranger, "offices")) == "provider_required"


def test_a_table_that_is_not_to_be_had_leaves_nothing(intake: Intake, postgresql: str) -> None:
    connect(intake, postgresql)
    small = replace(
        intake.publisher,
        tables=TableReader(REPOSITORY / ".venv", intake.home / "connections.toml", 40),
    )
    assert refused(lambda: small.read_table(CLERK, "offices")) == "file_too_large"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("REVOKE SELECT ON registry.offices FROM reader")
    try:
        code = refused(lambda: intake.publisher.read_table(CLERK, "offices"))
    finally:
        with psycopg.connect(postgresql, autocommit=True) as connection:
            connection.execute("GRANT SELECT ON registry.offices TO reader")
    assert code == "source_table_not_read"
    path = connect(intake, "postgresql://nobody@127.0.0.1:1/none")
    assert path.exists()
    assert refused(lambda: intake.publisher.read_table(CLERK, "offices")) == "source_not_reached"
    assert intake.left() == []
    assert not (intake.home / "versions").exists()


def test_a_department_has_its_table_read_over_http(tmp_path: Path, postgresql: str) -> None:
    connections = connected(tmp_path, postgresql, provider=PROVIDER)
    settings = Settings(home=tmp_path / "home", source_connections=connections)
    with opened_city(settings.home, settings=settings) as city:
        _register_people(city.platform, {})
        people, path = People(city), "/resources/offices/readings"
        people.refused("steward", path, {}, 404, "dataset_unknown")
        entry = catalogue_entry(DECLARED, DECLARED["system"])
        publish_entry(city.platform, entry, PROVIDER, city.actor)
        people.post("steward", "/catalog/datasets", DECLARED)
        people.refused("analyst", path, {}, 403, "role_missing")
        first, second = (people.post("steward", path) for _ in range(2))
        assert (first["number"], second["number"]) == (1, 2)
        measured = people.post("steward", "/catalog/datasets/offices/measurements")
        assert (measured["version"], measured["profile"]["rows"]) == (second["version"], 3)
        connections.unlink()
        assert people("steward").post(f"{API}{path}").status_code == 503
