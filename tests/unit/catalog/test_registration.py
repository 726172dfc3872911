from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from audit.events import AuditEvent
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from catalog import store
from catalog.book.drafting import draft_entry
from catalog.populations import (
    PopulationDeclaration,
    approve_population,
    declare_population,
    mark_rows_held,
)
from catalog.registration import register_dataset
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import Actor, Role
from tests.catalogue import bare_book, person, walk
from tests.refusing import code_of

TEXT = {"zh": "住户", "en": "household"}
PEOPLE = PopulationDeclaration.model_validate(
    {"name": "people", "label": TEXT, "unit": TEXT, "statement": "disjoint from all others"}
)
HEAD = person("person_h", "org_finance", Role.DEPARTMENT_HEAD)
Document = dict[str, Any]


@dataclass(frozen=True)
class Cast:
    writer: GroupCommitWriter
    authority: Actor
    second: Actor
    service: Actor
    provider: Actor
    stranger: Actor


@pytest.fixture
def cast(request: pytest.FixtureRequest) -> Cast:
    names = ("catalog_writer", "authority", "second_authority", "authority_service")
    return Cast(*(request.getfixturevalue(name) for name in (*names, "provider", "stranger")))


@pytest.fixture
def with_population(
    catalog_writer: GroupCommitWriter, authority: Actor, second_authority: Actor
) -> None:
    declare_population(catalog_writer, authority, PEOPLE)
    approve_population(catalog_writer, second_authority, "people")


@pytest.fixture
def with_entry(
    catalog_writer: GroupCommitWriter,
    engine: Engine,
    provider: Actor,
    authority: Actor,
    entry_document: Document,
) -> None:
    walk(
        bare_book(catalog_writer),
        engine,
        entry_document,
        "org_finance",
        (provider, HEAD, authority),
    )


def test_a_population_is_declared_by_a_person_of_the_authority(cast: Cast) -> None:
    def declare(actor: Actor) -> object:
        return declare_population(cast.writer, actor, PEOPLE)

    assert code_of(lambda: declare(cast.provider), Denied) == "authority_required"
    assert code_of(lambda: declare(cast.service), Denied) == "authority_required"


def test_a_population_is_approved_by_a_second_person(cast: Cast, engine: Engine) -> None:
    writer = cast.writer

    def approve(actor: Actor) -> object:
        return approve_population(writer, actor, "people")

    assert code_of(lambda: approve(cast.authority), NotFound) == "population_unknown"
    declare_population(writer, cast.authority, PEOPLE)
    assert code_of(lambda: declare_population(writer, cast.authority, PEOPLE), Conflict)
    assert code_of(lambda: approve(cast.authority), Denied) == "population_second_person"
    assert code_of(lambda: approve(cast.service), Denied) == "authority_required"
    assert code_of(lambda: approve(cast.provider), Denied) == "authority_required"
    approved = approve_population(writer, cast.second, "people").value
    assert (approved.state, approved.approved_by) == ("approved", cast.second.person)
    assert code_of(lambda: approve(cast.second), Conflict) == "population_approved"
    with reading(engine) as connection:
        assert [item.name for item in store.populations(connection)] == ["people"]


@pytest.mark.usefixtures("with_entry")
def test_a_data_set_waits_for_its_population(
    catalog_writer: GroupCommitWriter,
    provider: Actor,
    authority: Actor,
    declaration_document: Document,
) -> None:
    def register() -> object:
        return register_dataset(catalog_writer, provider, declaration_document)

    assert code_of(register, InvalidInput) == "population_not_approved"
    declare_population(catalog_writer, authority, PEOPLE)
    assert code_of(register, InvalidInput) == "population_not_approved"


@pytest.mark.usefixtures("with_population")
def test_registration_belongs_to_the_provider_and_names_stand_once(
    cast: Cast,
    engine: Engine,
    entry_document: Document,
    declaration_document: Document,
) -> None:
    writer, provider, stranger = cast.writer, cast.provider, cast.stranger

    book = bare_book(writer)

    def enter(actor: Actor) -> object:
        return draft_entry(book, actor, "org_finance", entry_document)

    assert code_of(lambda: enter(stranger), Denied) == "provider_required"
    assert code_of(lambda: register_dataset(writer, provider, declaration_document), NotFound)
    entry = walk(book, engine, entry_document, "org_finance", (provider, HEAD, cast.authority))
    assert code_of(lambda: enter(provider), Conflict) == "entry_exists"
    assert code_of(lambda: register_dataset(writer, stranger, declaration_document), Denied)
    dataset = register_dataset(writer, provider, declaration_document).value
    assert dataset.provider == "org_finance"
    again = {**declaration_document, "entry": entry.entry_id}
    assert code_of(lambda: register_dataset(writer, provider, again), Conflict) == "dataset_exists"
    with reading(engine) as connection:
        assert store.dataset_by_name(connection, "households") == dataset
        assert store.datasets(connection) == [dataset]
        found = store.entry_by_id(connection, entry.entry_id)
        assert found is not None
        assert (found.entry, found.digest, found.version) == (entry.entry, entry.digest, 1)
        assert store.entries(connection) == [found]
        assert store.current_version(connection, dataset.id) is None


@pytest.mark.usefixtures("with_population")
def test_a_population_whose_rows_were_held_stays_mixed(
    catalog_writer: GroupCommitWriter, engine: Engine, authority: Actor
) -> None:
    for _ in range(2):
        event = AuditEvent(EntryKind.LICENCE_ACTIVATED, authority)
        catalog_writer.submit(
            event, lambda connection, _entry: mark_rows_held(connection, "people")
        )
    with reading(engine) as connection:
        found = store.population(connection, "people")
    assert found is not None
    assert found.relation is store.NeighbourRelation.MIXED
    _stopped(engine, "UPDATE population SET relation = 'dp_only'")


@pytest.mark.usefixtures("with_population", "with_entry")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE population SET state = 'declared', approved_by = NULL",
        "UPDATE population SET approved_by = 'person_z'",
        "UPDATE population SET statement = 'other'",
        "DELETE FROM population",
        "UPDATE catalog_entry SET code = 'other'",
        "UPDATE catalog_entry SET state = 'draft', version = NULL",
        "UPDATE catalog_entry_revision SET document = '{}'",
        "UPDATE catalog_entry_move SET move = 'withdrawn'",
        "DELETE FROM catalog_entry",
        "INSERT OR REPLACE INTO catalog_entry SELECT * FROM catalog_entry",
        (
            "INSERT INTO population SELECT 'x', label, unit, statement, state, relation, 'p', 0, "
            "'p' FROM population"
        ),
    ],
)
def test_what_is_registered_does_not_change_behind_the_catalogue(
    engine: Engine, statement: str
) -> None:
    _stopped(engine, statement)


def _stopped(engine: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text(statement))
