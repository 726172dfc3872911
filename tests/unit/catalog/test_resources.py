"""Where data come from, what may not come at all, and how derived data are graded."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from authorization.independence import check_apart_from_person
from catalog.datasets import Dataset
from catalog.populations import PopulationDeclaration, approve_population, declare_population
from catalog.registration import register_dataset
from catalog.resources.evidence import Evidence, add_evidence, evidence_of
from catalog.resources.grading import (
    RegradingProposal,
    confirm_regrading,
    propose_regrading,
    regradings,
)
from foundation.db import reading
from foundation.errors import InvalidInput, SandgateError
from foundation.identity import Actor, Role
from tests.catalogue import SYSTEM, bare_book, person, walk
from tests.city_documents import catalogue_entry
from tests.zoned import refused

Document = dict[str, Any]
Register = Callable[..., Dataset]
CLERK = person("clerk", "civil_affairs", Role.PROVIDER)
HEAD = person("head", "civil_affairs", Role.DEPARTMENT_HEAD, Role.PROVIDER)


def column(name: str, grade: str = "L1") -> Document:
    labels = {"label_zh": name, "label_en": name}
    return {"name": name, "type": "text", "grade": grade, "exposure": "rows", **labels}


@pytest.fixture
def register(catalog_writer: GroupCommitWriter, engine: Engine, authority: Actor) -> Register:
    base: Document = {
        "entry": "306009/1",
        "label_zh": "网点",
        "label_en": "Offices",
        "subject": "open",
        "columns": [column("place")],
    }
    reviewer = person(authority.person, "data_authority", Role.AUTHORITY)
    entry = {**catalogue_entry(base), "code": base["entry"]}
    walk(bare_book(catalog_writer), engine, entry, CLERK.organisation, (CLERK, HEAD, reviewer))

    def register(name: str, **changes: Any) -> Dataset:
        return register_dataset(catalog_writer, CLERK, {**base, "name": name, **changes}).value

    return register


@pytest.mark.parametrize(
    ("secrecy", "document"),
    [("state_secret", "国令第809号"), ("work_secret", "国令第809号"), ("core", "国令第790号")],
)
def test_secrets_and_core_data_are_refused_with_the_document(
    register: Register, secrecy: str, document: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        register("vault", secrecy=secrecy)
    assert (caught.value.code, caught.value.field) == ("class_refused", "$.secrecy")
    assert document in str(caught.value.rule)


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ({"kind": "purchased"}, "origin_incomplete"),
        ({"kind": "purchased", "contract_number": "HT-1"}, "origin_incomplete"),
        ({"kind": "shared"}, "origin_incomplete"),
        ({"kind": "shared", "source": "civil_affairs"}, "origin_own_source"),
        ({"kind": "own", "source": "tax"}, "origin_contradicted"),
        ({"kind": "shared", "source": "tax", "contract_number": "x"}, "origin_contradicted"),
    ],
)
def test_an_origin_says_what_its_kind_asks_for(
    register: Register, origin: Document, code: str
) -> None:
    assert refused(lambda: register("offices", origin=origin)) == code


def test_good_origins_are_kept(register: Register) -> None:
    bought = {"kind": "purchased", "contract_number": "HT-1", "permitted_use": "traffic analysis"}
    assert register("bought", origin=bought).declaration.origin.contract_number == "HT-1"
    assert register("lent", origin={"kind": "shared", "source": "tax"}).zone == "public"
    assert refused(lambda: register("a", region_column="nowhere")) == "region_column_unknown"
    assert refused(lambda: register("a", derived_from=["nothing"])) == "derived_from_unknown"


def test_data_come_out_of_a_system_that_their_entry_names(register: Register) -> None:
    with pytest.raises(InvalidInput) as caught:
        register("offices", system="another-system")
    assert (caught.value.code, caught.value.field) == ("system_not_of_entry", "$.system")
    own = f"{CLERK.organisation}.{SYSTEM}"
    assert own in caught.value.message.en
    assert register("offices", system=own).declaration.system == own


def test_derived_data_take_the_highest_grade_of_their_sources(register: Register) -> None:
    register("low")
    register("high", columns=[column("place"), column("income", "L3")])
    sources = ["low", "high"]

    def derive(grade: str) -> Dataset:
        columns = [column("place", grade)]
        return register("derived", derived_from=sources, columns=columns)

    assert refused(lambda: derive("L2")) == "derived_grade_too_low"
    assert derive("L3").declaration.derived_from == ("low", "high")


def test_two_people_lower_a_derived_grade(
    register: Register, catalog_writer: GroupCommitWriter, engine: Engine, authority: Actor
) -> None:
    register("high", important=True, columns=[column("income", "L3")])
    wanted: Document = {
        "dataset": "summary",
        "columns": ["income"],
        "grade": "L2",
        "important": False,
        "basis": "重新识别报告1号",
    }
    proposal = RegradingProposal.model_validate(wanted)

    def derive() -> Dataset:
        return register("summary", derived_from=["high"], columns=[column("income", "L2")])

    assert refused(derive) == "derived_grade_too_low"
    both = person("both", "data_authority", Role.AUTHORITY, Role.PROVIDER)
    proposed = propose_regrading(catalog_writer, both, proposal).value
    assert refused(derive) == "derived_grade_too_low"
    own = refused(
        lambda: confirm_regrading(catalog_writer, both, proposed.id, check_apart_from_person)
    )
    assert own == "applicant_cannot_approve"
    clerk = refused(
        lambda: confirm_regrading(catalog_writer, CLERK, proposed.id, check_apart_from_person)
    )
    assert clerk == "regrading_not_theirs"
    late = Actor("late", "data_authority", frozenset({Role.AUTHORITY}), since_us=2**60)
    young = refused(
        lambda: confirm_regrading(catalog_writer, late, proposed.id, check_apart_from_person)
    )
    assert young == "account_younger_than_request"
    confirm_regrading(catalog_writer, authority, proposed.id, check_apart_from_person)
    again = refused(
        lambda: confirm_regrading(catalog_writer, authority, proposed.id, check_apart_from_person)
    )
    assert again == "regrading_confirmed"
    other = register
    too_far = refused(
        lambda: other("summary", derived_from=["high"], columns=[column("income", "L1")])
    )
    assert too_far == "derived_grade_too_low"
    assert derive().declaration.important is False
    with reading(engine) as connection:
        assert regradings(connection, "summary")[0].confirmed_by == authority.person


def test_what_was_important_stays_so(register: Register) -> None:
    register("high", important=True)
    assert refused(lambda: register("copy", derived_from=["high"])) == "derived_still_important"
    assert register("copy", derived_from=["high"], important=True).declaration.important


def test_evidence_is_added_by_the_source(
    register: Register, catalog_writer: GroupCommitWriter, engine: Engine
) -> None:
    register("offices")
    stranger = person("stranger", "tax", Role.PROVIDER)
    code = Evidence(registration_code="GD-2026-1")
    proof = Evidence(evidence_digest="sm3:" + "a" * 64)
    denied = refused(lambda: add_evidence(catalog_writer, stranger, "offices", code))
    assert denied == "provider_required"
    with reading(engine) as connection:
        assert evidence_of(connection, "offices") is None
    for told in (code, proof):
        add_evidence(catalog_writer, CLERK, "offices", told)
    with reading(engine) as connection:
        found = evidence_of(connection, "offices")
    assert found == Evidence(registration_code="GD-2026-1", evidence_digest="sm3:" + "a" * 64)


def test_an_account_made_since_does_not_approve_a_population(
    catalog_writer: GroupCommitWriter, authority: Actor
) -> None:
    text = {"zh": "人", "en": "people"}
    told = {"name": "people", "label": text, "unit": text, "statement": "all others are apart"}
    declare_population(catalog_writer, authority, PopulationDeclaration.model_validate(told))
    young = Actor("late", authority.organisation, frozenset({Role.AUTHORITY}), since_us=2**60)
    with pytest.raises(SandgateError) as caught:
        approve_population(catalog_writer, young, "people")
    assert caught.value.code == "account_younger_than_request"
