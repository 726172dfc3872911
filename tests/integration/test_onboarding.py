"""A provider's file through the real confined builder: published whole, or refused and gone."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from audit.writer import GroupCommitWriter
from catalog import store
from catalog.builder import ConfinedBuilder
from catalog.datasets import Version
from catalog.faults import VersionRefused
from catalog.populations import PopulationDeclaration, approve_population, declare_population
from catalog.publishing import Publisher
from catalog.registration import register_dataset
from catalog.versions import (
    check_files,
    manifest_digest,
    read_bounded,
    read_ranked,
    read_rows,
    read_units,
    version_directory,
)
from foundation.db import metadata, reading
from foundation.errors import Denied, InvalidInput, NotFound, SandgateError, Unavailable
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.catalog import CatalogRules
from tests.catalogue import bare_book, walk
from tests.fakes import SteppedClock
from tests.parts import EXAMPLE_DATA, REPOSITORY, need_example_data, need_namespaces

pytestmark = need_namespaces

AUTHORITY = Actor("person_a", "org_authority", frozenset({Role.AUTHORITY}))
SECOND = Actor("person_b", "org_authority", frozenset({Role.AUTHORITY}))
PROVIDER = Actor("person_c", "org_provider", frozenset({Role.PROVIDER}))
HEAD = Actor("person_h", "org_provider", frozenset({Role.DEPARTMENT_HEAD}))
STRANGER = Actor("person_d", "org_other", frozenset({Role.PROVIDER}))
HEADER = "survey,household,record,year,state,filing_status,age_band,persons,children,wages,\
business_income,interest,social_security,pensions,food_support\n"
GOOD = "2012,1,%d,2012,AL,single,25_34,1,0,%d,0,0,0,0,0\n"


@dataclass(frozen=True)
class Onboarding:
    publisher: Publisher
    engine: Engine
    home: Path

    def publish(
        self, content: bytes | str, name: str = "upload.csv", dataset: str = "households"
    ) -> Version:
        source = self.home / "upload"
        source.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.publisher.publish(PROVIDER, dataset, source, name)

    def entry(self) -> str:
        path = REPOSITORY / "examples" / "declarations" / "households.json"
        return str(json.loads(path.read_text(encoding="utf-8"))["entry"]["code"])

    def left(self) -> list[str]:
        directory = self.home / "versions"
        return [path.name for path in directory.iterdir()] if directory.exists() else []

    def logged(self, kind: str) -> list[dict[str, Any]]:
        with reading(self.engine) as connection:
            bodies = connection.execute(
                text("SELECT body FROM entry WHERE kind = :kind ORDER BY idx"), {"kind": kind}
            ).scalars()
            return [json.loads(body)["public"] for body in bodies]


@pytest.fixture
def onboarding(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[Onboarding]:
    metadata.create_all(engine)
    rules = load_policies().rules(CatalogRules)
    with GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head") as writer:
        _register(writer, engine, "households")
        builder = ConfinedBuilder(REPOSITORY / ".venv", 1 << 30, rules.rows_max)
        publisher = Publisher(engine, writer, builder, tmp_path, rules, keys)
        yield Onboarding(publisher, engine, tmp_path)


def _register(writer: GroupCommitWriter, engine: Engine, name: str) -> None:
    path = REPOSITORY / "examples" / "declarations" / f"{name}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    if document["population"]:
        stated = PopulationDeclaration.model_validate(document["population"])
        declare_population(writer, AUTHORITY, stated)
        approve_population(writer, SECOND, stated.name)
    people = (PROVIDER, HEAD, AUTHORITY)
    walk(bare_book(writer), engine, document["entry"], PROVIDER.organisation, people)
    register_dataset(writer, PROVIDER, document["dataset"])


def _csv(rows: int) -> str:
    return HEADER + "".join(GOOD % (number, number * 10) for number in range(rows))


def _parquet(change: Callable[[pa.Table], pa.Table] = lambda table: table) -> bytes:
    names = HEADER.strip().split(",")
    texts = {"state": "AL", "filing_status": "single", "age_band": "25_34"}
    columns = {name: pa.array([texts.get(name, 1)] * 3) for name in names}
    sink = io.BytesIO()
    pq.write_table(change(pa.table(columns)), sink)
    return sink.getvalue()


BROKEN: dict[str, tuple[bytes | str, str, int | None, str | None, str]] = {
    "wrong type": (_csv(2) + GOOD.replace("%d", "x", 1) % 1, "a.csv", 4, "record", "type"),
    "missing column": (HEADER.replace(",wages", ""), "a.csv", 1, "wages", "column_missing"),
    "unknown column": (HEADER.replace("survey", "survey,ssn"), "a.csv", 1, "#2", "column_unknown"),
    "duplicate column": (
        HEADER.replace("year", "year,wages"),
        "a.csv",
        1,
        "wages",
        "column_duplicate",
    ),
    "bad row": (_csv(3) + "1,2,3\n" + _csv(1), "a.csv", 5, None, "field_count"),
    "null": (_csv(1) + GOOD.replace("2012", "", 1) % (1, 1), "a.csv", 3, "survey", "null"),
    "encoding": (_csv(1).encode() + b"\xff\xfe\n", "a.csv", 3, None, "encoding"),
    "NUL": (_csv(1) + "\0", "a.csv", 3, None, "nul_byte"),
    "huge field": (_csv(1) + "9" * (2 << 20), "a.csv", 3, None, "field_too_long"),
    "out of range": (_csv(1) + GOOD % (1, 2**60), "a.csv", 3, "wages", "out_of_range"),
    "empty": ("", "a.csv", 1, "survey", "column_missing"),
    "no rows": (HEADER, "a.csv", 1, None, "empty"),
    "truncated Parquet": (_parquet()[:-20], "a.parquet", None, None, "unreadable"),
    "not Parquet": (_csv(1), "a.parquet", None, None, "unreadable"),
    "Parquet column missing": (
        _parquet(lambda table: table.drop_columns(["wages"])),
        "a.parquet",
        1,
        "wages",
        "column_missing",
    ),
    "Parquet of floats": (
        _parquet(lambda table: table.set_column(9, "wages", pa.array([1.0] * 3))),
        "a.parquet",
        None,
        "wages",
        "type",
    ),
}


def test_each_broken_file_is_refused_by_place_and_leaves_nothing(onboarding: Onboarding) -> None:
    for what, (content, name, row, column, rule) in BROKEN.items():
        with pytest.raises(VersionRefused) as refused:
            onboarding.publish(content, name)
        places = [(item.file, item.row, item.column, item.rule) for item in refused.value.faults]
        assert (name, row, column, rule) in places, what
        assert onboarding.left() == [], what
    logged = onboarding.logged("catalog:version:refused")
    assert [set(entry) for entry in logged] == [{"dataset", "rules"}] * len(BROKEN)
    with reading(onboarding.engine) as connection:
        assert store.version_ids(connection) == set()


def test_who_may_not_publish_is_refused_before_anything_is_built(onboarding: Onboarding) -> None:
    def refused(kind: type[SandgateError], actor: Actor, dataset: str, name: str) -> str:
        source = onboarding.home / "upload"
        source.write_text(_csv(1))
        with pytest.raises(kind) as caught:
            onboarding.publisher.publish(actor, dataset, source, name)
        return caught.value.code

    assert refused(Denied, STRANGER, "households", "a.csv") == "provider_required"
    assert refused(NotFound, PROVIDER, "nothing", "a.csv") == "dataset_unknown"
    assert refused(InvalidInput, PROVIDER, "households", "a.xlsx") == "format_unsupported"
    small = onboarding.publisher.rules.model_copy(update={"source_bytes_max": 10})
    tight = replace(onboarding, publisher=replace(onboarding.publisher, rules=small))
    with pytest.raises(InvalidInput, match="file_too_large"):
        tight.publish(_csv(1))
    assert onboarding.left() == []


def test_without_isolation_nothing_is_built(onboarding: Onboarding, tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"  # says it is new enough, then cannot make a namespace
    broken.write_text("#!/bin/sh\n[ $1 = --version ] && echo bubblewrap 0.11.0\n")
    broken.chmod(0o755)
    nowhere = ConfinedBuilder(REPOSITORY / ".venv", 1 << 30, 10, bubblewrap=broken)
    open_house = replace(onboarding, publisher=replace(onboarding.publisher, builder=nowhere))
    with pytest.raises(Unavailable, match="isolation_unavailable"):
        open_house.publish(_csv(1))
    assert onboarding.left() == []


def test_a_file_past_the_builders_memory_leaves_nothing(onboarding: Onboarding) -> None:
    small = ConfinedBuilder(REPOSITORY / ".venv", 160 << 20, 10**8)
    tight = replace(onboarding, publisher=replace(onboarding.publisher, builder=small))
    with pytest.raises((VersionRefused, Unavailable)):
        tight.publish(_csv(1) + GOOD % (1, 1) * 2_000_000)
    assert onboarding.left() == []


def test_a_version_the_log_did_not_take_leaves_nothing(onboarding: Onboarding) -> None:
    writer = onboarding.publisher.writer
    assert isinstance(writer, GroupCommitWriter)
    writer.close()
    with pytest.raises(SandgateError):
        onboarding.publish(_csv(1))
    assert onboarding.left() == []


def test_a_sound_file_becomes_an_immutable_salted_version(onboarding: Onboarding) -> None:
    versions = [onboarding.publish(_csv(5)), onboarding.publish(_parquet(), "a.parquet")]
    assert [version.number for version in versions] == [1, 2]
    assert [version.row_count for version in versions] == [5, 3]
    assert sorted(onboarding.left()) == sorted(version.id for version in versions)
    for version in versions:
        directory = version_directory(onboarding.home, version.id)
        assert check_files(directory, version.files) == []
        assert manifest_digest(directory) == version.manifest_digest
    first = version_directory(onboarding.home, versions[0].id)
    kept = [row for batch in read_bounded(first, "by_state") for row in batch.to_pylist()]
    assert len(kept) == 3  # one household, three rows a group
    assert [row["first"] for row in kept].count(True) == 1
    assert {row["k_state"] for row in kept} == {0}
    rows = [row for batch in read_rows(first, ["_unit", "_rank"]) for row in batch.to_pylist()]
    assert [row["_rank"] for row in rows] == [1, 2, 3, 4, 5]
    assert {row["_unit"] for row in rows} == {0}


def test_ranks_and_hashes_of_units_stand_beside_the_rows(onboarding: Onboarding) -> None:
    versions = [onboarding.publish(_csv(5)), onboarding.publish(_csv(5))]
    roles = [[file.role for file in version.files] for version in versions]
    assert roles[0] == roles[1] == ["rows", "units", "ranked", *["bounded"] * (len(roles[0]) - 3)]
    hashes = []
    for version in versions:
        directory = version_directory(onboarding.home, version.id)
        ranked = [row for batch in read_ranked(directory) for row in batch.to_pylist()]
        assert [row["_rank"] for row in ranked] == [1, 2, 3, 4, 5]
        assert sorted(row["rg_by_state"] for row in ranked) == [1, 2, 3, 4, 5]
        assert {row["gr_by_state"] for row in ranked} == {1}
        assert not {"household", "c_household", "k_household"} & set(ranked[0])
        hashes.append([row for batch in read_units(directory) for row in batch.to_pylist()])
    assert hashes[0] == hashes[1]  # one population's secret, two versions of their own secrets
    assert [len(row["hash"]) for row in hashes[0]] == [16]


def test_a_unique_key_is_proved_or_the_file_refused(onboarding: Onboarding) -> None:
    column = {"grade": "L1", "exposure": "rows", "label_zh": "代码", "label_en": "Code"}
    document = {
        "name": "zones",
        "entry": onboarding.entry(),
        "label_zh": "分区",
        "label_en": "Zones",
        "subject": "open",
        "columns": [{"name": "code", "type": "text", "nullable": True, **column}],
        "unique_keys": ["code"],
    }
    register_dataset(onboarding.publisher.writer, PROVIDER, document)
    for content, row in (("code\na\nb\na\n", 4), ('code\na\n""\n\n', 4)):
        with pytest.raises(VersionRefused) as refused:
            onboarding.publish(content, dataset="zones")
        fault = refused.value.faults[0]
        assert (fault.rule, fault.row, fault.column) == ("not_unique", row, "code")
    version = onboarding.publish("code\na\nb\n", dataset="zones")
    assert [file.role for file in version.files] == ["rows"]


def test_the_log_names_the_version_and_no_exact_count(onboarding: Onboarding) -> None:
    version = onboarding.publish(_csv(5))
    assert onboarding.logged("catalog:version:published") == [
        {
            "dataset": "households",
            "version": version.id,
            "number": 1,
            "manifest_digest": version.manifest_digest,
            "population": "us_households_cps",
        }
    ]
    with reading(onboarding.engine) as connection:
        dataset = store.dataset_by_name(connection, "households")
        assert dataset is not None
        assert store.current_version(connection, dataset.id) == version
        assert store.versions(connection, dataset.id) == [version]


def test_a_restart_removes_what_no_record_names(onboarding: Onboarding) -> None:
    version = onboarding.publish(_csv(1))
    (onboarding.home / "versions" / ".building-ver_x").mkdir()
    assert onboarding.publisher.remove_leftovers() == [".building-ver_x"]
    assert onboarding.left() == [version.id]


@need_example_data
def test_the_real_households_are_bounded_as_declared(onboarding: Onboarding) -> None:
    source = EXAMPLE_DATA / "households.parquet"
    version = onboarding.publisher.publish(PROVIDER, "households", source, source.name)
    assert version.row_count == 280_005
    directory = version_directory(onboarding.home, version.id)
    per_unit: dict[int, int] = {}
    for batch in read_rows(directory, ["_unit"]):
        for unit in batch.column("_unit").to_pylist():
            per_unit[unit] = per_unit.get(unit, 0) + 1
    assert len(per_unit) == 200_576
    assert max(per_unit.values()) == 12
    states = sum(
        batch.column("first").true_count for batch in read_bounded(directory, "by_state", ["first"])
    )
    assert states == 200_576  # every household stands in exactly one state
    for batch in read_bounded(directory, "by_age", ["m_wages"]):
        extremes = pc.min_max(batch.column("m_wages")).as_py()
        assert 0 <= extremes["min"] <= extremes["max"] <= 200_000
