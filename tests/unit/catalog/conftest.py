"""A small declared world: one entry, one population, people who may and may not."""

from typing import Any

import pytest

import catalog.book.store
import catalog.store
from audit.writer import GroupCommitWriter
from catalog.book.parts import Book
from catalog.book.systems import SystemDocument, register_system
from foundation.identity import Actor, ActorKind, Role
from policies.load import load_policies
from policies.schema.catalog import CatalogRules
from tests.catalogue import bare_book, whole_document

assert catalog.book.store.catalog_entry is not None  # its tables stand in the metadata


def _actor(person: str, organisation: str, role: Role, kind: ActorKind = ActorKind.PERSON) -> Actor:
    return Actor(person, organisation, frozenset({role}), kind)


@pytest.fixture(scope="session")
def rules() -> CatalogRules:
    return load_policies().rules(CatalogRules)


@pytest.fixture
def catalog_writer(writer: GroupCommitWriter) -> GroupCommitWriter:
    return writer


@pytest.fixture
def book(catalog_writer: GroupCommitWriter, provider: Actor) -> Book:
    """Give a book in which the provider's house has registered one system."""
    label = {"zh": "台账", "en": "ledger"}
    system = SystemDocument.model_validate({"name": "ledger", "label": label, "purpose": label})
    register_system(catalog_writer, provider, provider.organisation, system)
    return bare_book(catalog_writer, "org_authority")


@pytest.fixture
def authority() -> Actor:
    return _actor("person_a", "org_authority", Role.AUTHORITY)


@pytest.fixture
def second_authority() -> Actor:
    return _actor("person_b", "org_authority", Role.AUTHORITY)


@pytest.fixture
def authority_service() -> Actor:
    return _actor("person_s", "org_authority", Role.AUTHORITY, ActorKind.SERVICE)


@pytest.fixture
def provider() -> Actor:
    return _actor("person_c", "org_finance", Role.PROVIDER)


@pytest.fixture
def stranger() -> Actor:
    return _actor("person_d", "org_other", Role.PROVIDER)


@pytest.fixture
def entry_document() -> dict[str, Any]:
    return whole_document("304001/1", "示例", "example", "ledger")


@pytest.fixture
def declaration_document() -> dict[str, Any]:
    def column(name: str, kind: str, exposure: str, **more: Any) -> dict[str, Any]:
        labels = {"label_zh": name, "label_en": name}
        return {"name": name, "type": kind, "grade": "L2", "exposure": exposure, **labels, **more}

    return {
        "name": "households",
        "entry": "304001/1",
        "label_zh": "住户",
        "label_en": "Households",
        "subject": "person",
        "population": "people",
        "unit_columns": ["household"],
        "columns": [
            column("household", "integer", "unit"),
            column("state", "text", "aggregate", public_values=["AL", "AK"]),
            column("wages", "integer", "aggregate", lower=0, upper=100, nullable=True),
        ],
        "group_sets": [
            {
                "name": "by_state",
                "keys": ["state"],
                "groups_per_unit_max": 1,
                "rows_per_group_max": 2,
                "measures": ["wages"],
            }
        ],
    }
