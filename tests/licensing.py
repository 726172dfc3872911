"""Builders of a small city: organisations, people, two data sets, an agreement and a licence."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from sqlalchemy import Connection, insert

from audit.events import PendingEntry, Writer
from authorization.agreements import Agreement, create_agreement
from authorization.documents import LicenceDocument
from authorization.licences import Licence, activate_licence, draft_licence
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from authorization.validation import LicenceFacts, LicenceRuleset
from catalog.book.store import catalog_entry
from catalog.datasets import Dataset, DatasetDeclaration
from catalog.store import dataset_table, population_table
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.ids import new_id
from foundation.keys import KeyStore
from policies.load import load_policies
from tests.tariffs import tariff_json

PACK = load_policies()
RULES = LicenceRuleset.of(PACK)
LICENCE_ID = "lic_" + "a" * 26
NOVEMBER_2026_US = 1_795_000_000_000_000

ORGANISATIONS = {
    name: Organisation(id=name, kind=kind, name_zh=name, name_en=name, affiliates=tuple(affiliates))
    for name, kind, affiliates in (
        ("bureau", OrganisationKind.AUTHORITY, ()),
        ("statistics", OrganisationKind.PROVIDER, ()),
        ("treasury", OrganisationKind.FINANCE, ()),
        ("datawise", OrganisationKind.OPERATOR, ()),
        ("datawise-labs", OrganisationKind.DEVELOPER, ("datawise",)),
        ("other-operator", OrganisationKind.OPERATOR, ()),
        ("insurer", OrganisationKind.DEVELOPER, ()),
        ("platform", OrganisationKind.PLATFORM, ()),
        ("supervisor", OrganisationKind.REGULATOR, ()),
    )
}

PEOPLE = {
    name: Person(
        id=name,
        name=name,
        organisations=organisations,
        roles=roles,
        accounts=(Account(name=f"{name}@city", organisation=organisations[0]),),
    )
    for name, organisations, roles in (
        ("drafter", ("bureau",), (Role.AUTHORITY,)),
        ("signer", ("bureau",), (Role.AUTHORITY,)),
        ("analyst", ("datawise",), (Role.OPERATOR,)),
        ("double", ("datawise", "insurer"), (Role.OPERATOR,)),
        ("clerk", ("datawise",), (Role.FINANCE,)),
        ("rival", ("other-operator",), (Role.OPERATOR,)),
        ("inspector", ("supervisor",), (Role.REGULATOR,)),
    )
}


def actor(name: str, **changes: Any) -> Actor:
    person = PEOPLE[name]
    facts: dict[str, Any] = {
        "person": person.id,
        "organisation": person.organisations[0],
        "roles": frozenset(person.roles),
        **changes,
    }
    return Actor(**facts)


def _column(name: str, grade: str, exposure: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "text",
        "label_zh": name,
        "label_en": name,
        "grade": grade,
        "exposure": exposure,
        **more,
    }


def declarations() -> dict[str, DatasetDeclaration]:
    households: Mapping[str, Any] = {
        "name": "households",
        "entry": "cat-1",
        "label_zh": "住户",
        "label_en": "Households",
        "subject": "person",
        "population": "residents",
        "unit_columns": ["household"],
        "columns": [
            _column("household", "L3", "unit"),
            _column("state", "L1", "rows"),
            _column("income", "L3", "aggregate", type="integer", lower=0, upper=100),
            _column("diagnosis", "L4", "aggregate"),
            _column("name", "L4", "never"),
        ],
    }
    colleges: Mapping[str, Any] = {
        "name": "colleges",
        "entry": "cat-2",
        "label_zh": "高校",
        "label_en": "Colleges",
        "subject": "organisation",
        "columns": [
            _column("state", "L1", "rows"),
            _column("title", "L2", "rows", mask={"kind": "partial", "keep_first": 2}),
            _column("debt", "L2", "aggregate", type="integer", lower=0, upper=100),
        ],
    }
    return {
        "households": DatasetDeclaration.model_validate(households),
        "colleges": DatasetDeclaration.model_validate(colleges),
    }


def licence_json(**changes: Any) -> dict[str, Any]:
    return {
        "id": LICENCE_ID,
        "authority": "bureau",
        "operator": "datawise",
        "scenario": {"name_zh": "选校", "name_en": "Choosing", "purpose": "industry"},
        "valid_from": "2026-01-01",
        "valid_until": "2028-01-01",
        "grants": [
            {"dataset": "households", "modes": ["aggregate"], "columns": ["state", "income"]},
            {
                "dataset": "colleges",
                "modes": ["rows"],
                "columns": ["state", "title"],
                "row_filters": [{"column": "state", "values": ["CA"]}],
            },
        ],
        "budgets": [
            {
                "population": "residents",
                "budget_nano_rho": 1_000_000_000,
                "question_nano_rho_max": 100_000_000,
            }
        ],
        "product": {
            "name_zh": "选校表",
            "name_en": "College table",
            "price_class": "industry",
            "tariff": tariff_json(version="1", approval="价批1号", fen_per_fetch=500),
            "biller": "datawise",
            "payer": "insurer",
        },
        "scheme": {
            "version": "1",
            "approval": "分配1号",
            "shares": [
                {"payee": "statistics", "ppm": 300_000, "channel": "treasury"},
                {"payee": "datawise", "ppm": 700_000, "channel": "account"},
            ],
        },
        "approvals": {
            "collective_decision": "三重一大1号",
            "filing_number": "备案1号",
            "agreement": "协议1号",
        },
        **changes,
    }


def licence_document(**changes: Any) -> LicenceDocument:
    return LicenceDocument.model_validate(licence_json(**changes))


def agreement() -> Agreement:
    return Agreement(
        number="协议1号",
        authority="bureau",
        operator="datawise",
        valid_from="2025-12-01",
        valid_until="2030-12-01",
        collective_decision="三重一大1号",
        filing_number="备案1号",
    )


def licence_facts() -> LicenceFacts:
    return LicenceFacts(
        organisations=ORGANISATIONS,
        datasets=declarations(),
        agreements={"协议1号": agreement()},
        operator_group=frozenset({"datawise", "datawise-labs"}),
    )


def found_city(writer: Writer) -> None:
    """Register everybody, and the agreement; many at once, as one batch of the log."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        for affiliated in (False, True):
            found = [one for one in ORGANISATIONS.values() if bool(one.affiliates) is affiliated]
            list(pool.map(partial(create_organisation, writer, SYSTEM_ACTOR), found))
        list(pool.map(partial(create_person, writer, SYSTEM_ACTOR), PEOPLE.values()))
    create_agreement(writer, actor("drafter"), agreement(), RULES.licences)


def add_catalogue(connection: Connection, entry: PendingEntry) -> None:
    """Put the two data sets into the catalogue tables, as an effect."""
    connection.execute(
        insert(population_table).values(
            name="residents",
            label='{"zh":"居民","en":"Residents"}',
            unit='{"zh":"户","en":"household"}',
            statement="-",
            state="declared",
            relation="dp_only",
            declared_by="drafter",
            declared_us=entry.time_us,
        )
    )
    for name, declaration in declarations().items():
        entry_id = new_id("cat")
        connection.execute(
            insert(catalog_entry).values(
                id=entry_id, code=name, provider="statistics", created_us=1
            )
        )
        dataset = Dataset(id=new_id("ds"), provider="statistics", declaration=declaration)
        connection.execute(
            insert(dataset_table).values(
                id=dataset.id,
                name=name,
                entry_id=entry_id,
                provider="statistics",
                population=declaration.population,
                declaration=declaration.model_dump_json(),
                created_us=1,
            )
        )


def active_licence(writer: Writer, keys: KeyStore, **changes: Any) -> Licence:
    document = licence_document(**changes)
    draft_licence(writer, actor("drafter"), document, RULES)
    return activate_licence(writer, keys, actor("signer"), document.id, RULES).value
