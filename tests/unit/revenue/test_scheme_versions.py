"""A scheme is replaced by two people, from the next period on, and never with one that fails."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import DatabaseError

from audit.events import AuditEvent, Writer
from audit.store import entry
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.documents import LicenceDocument
from authorization.licences import Move, move_licence
from authorization.scheme_terms import ShareScheme
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import SYSTEM_ACTOR, ActorKind, Role
from foundation.keys import FileKeyStore
from policies.schema.revenue import RevenueRules
from revenue.periods import close_period, open_period
from revenue.schemes.store import scheme_approval, scheme_document, scheme_version
from revenue.schemes.versions import (
    approve_scheme,
    propose_scheme,
    scheme_digest,
    scheme_in_force,
    scheme_versions,
)
from tests.licensing import (
    LICENCE_ID,
    active_licence,
    actor,
    add_catalogue,
    found_city,
    licence_document,
)

DRAFTER, SIGNER = actor("drafter"), actor("signer")


@pytest.fixture
def city(writer: GroupCommitWriter, keys: FileKeyStore) -> GroupCommitWriter:
    keys.ensure_signing_key("authority")
    found_city(writer)
    writer.submit(AuditEvent(EntryKind.DATASET_REGISTERED, SYSTEM_ACTOR), add_catalogue)
    active_licence(writer, keys)
    return writer


def scheme(version: str = "2", ppm: int = 400_000, **changes: Any) -> ShareScheme:
    return ShareScheme.model_validate(
        {
            "version": version,
            "approval": "分配2号",
            "shares": [
                {"payee": "statistics", "ppm": ppm, "channel": "treasury"},
                {"payee": "datawise", "ppm": 1_000_000 - ppm, "channel": "account"},
            ],
            **changes,
        }
    )


def in_force(engine: Engine, document: LicenceDocument) -> str:
    with reading(engine) as connection:
        return scheme_in_force(connection, document).scheme.version


def test_whoever_is_not_the_authority_or_no_person_neither_proposes_nor_approves(
    city: Writer,
) -> None:
    name = propose_scheme(city, DRAFTER, LICENCE_ID, scheme()).value.digest
    for stranger, code in (
        (actor("analyst"), "role_missing"),
        (actor("clerk"), "role_missing"),
        (actor("signer", kind=ActorKind.SERVICE), "service_account_cannot_approve"),
        (
            actor("analyst", roles=frozenset({Role.AUTHORITY})),
            "checker_of_same_organisation",
        ),
    ):
        with pytest.raises(Denied, match=code):
            propose_scheme(city, stranger, LICENCE_ID, scheme("3", 1))
        with pytest.raises(Denied, match=code):
            approve_scheme(city, stranger, LICENCE_ID, name)


def test_nobody_approves_what_they_proposed_or_joined_after(city: Writer) -> None:
    proposed = propose_scheme(city, DRAFTER, LICENCE_ID, scheme()).value
    with pytest.raises(Denied, match="applicant_cannot_approve"):
        approve_scheme(city, DRAFTER, LICENCE_ID, proposed.digest)
    young = actor("signer", since_us=proposed.proposed_us + 1)
    with pytest.raises(Denied, match="account_younger_than_request"):
        approve_scheme(city, young, LICENCE_ID, proposed.digest)
    approve_scheme(city, SIGNER, LICENCE_ID, proposed.digest)
    with pytest.raises(Conflict, match="scheme_approved"):
        approve_scheme(city, SIGNER, LICENCE_ID, proposed.digest)


def test_what_could_not_be_shared_out_is_refused_when_published(city: Writer) -> None:
    pot = {
        "ppm": 1_000_000,
        "weight": "rows",
        "sources": [
            {
                "dataset": name,
                "payee": "statistics",
                "channel": "treasury",
                "approved_rows": 1,
                "maximum_ppm": 100_000,
            }
            for name in ("households", "colleges")
        ],
        "unused_to": {"payee": "statistics", "channel": "treasury"},
    }
    with pytest.raises(InvalidInput, match="pot_infeasible"):
        propose_scheme(city, DRAFTER, LICENCE_ID, scheme(shares=[], pot=pot))
    with pytest.raises(InvalidInput, match="shares_do_not_sum"):
        propose_scheme(city, DRAFTER, LICENCE_ID, scheme(shares=[]))
    bad = scheme(shares=[{"payee": "statistics", "ppm": 1_000_000, "channel": "account"}])
    with pytest.raises(InvalidInput, match="department_paid_outside_treasury"):
        propose_scheme(city, DRAFTER, LICENCE_ID, bad)


def test_a_version_is_new_and_its_licence_in_force(city: Writer) -> None:
    own = licence_document().scheme
    with pytest.raises(NotFound, match="licence_unknown"):
        propose_scheme(city, DRAFTER, "lic_none", scheme())
    with pytest.raises(NotFound, match="scheme_unknown"):
        approve_scheme(city, SIGNER, LICENCE_ID, scheme_digest(own))
    with pytest.raises(Conflict, match="scheme_version_known"):
        propose_scheme(city, DRAFTER, LICENCE_ID, scheme(own.version))
    propose_scheme(city, DRAFTER, LICENCE_ID, scheme())
    with pytest.raises(Conflict, match="scheme_version_known"):
        propose_scheme(city, DRAFTER, LICENCE_ID, scheme("2", 1))
    city.submit(
        AuditEvent(EntryKind.LICENCE_ENDED, SYSTEM_ACTOR),
        lambda connection, pending: move_licence(connection, pending, LICENCE_ID, Move.END),
    )
    with pytest.raises(Conflict, match="licence_not_in_force"):
        propose_scheme(city, DRAFTER, LICENCE_ID, scheme("3", 1))
    with pytest.raises(Conflict, match="licence_not_in_force"):
        approve_scheme(city, SIGNER, LICENCE_ID, scheme_digest(scheme()))


def test_a_version_holds_from_the_opening_after_its_approval(
    city: Writer, engine: Engine, rules: RevenueRules
) -> None:
    document = licence_document()
    assert in_force(engine, document) == document.scheme.version
    open_period(city, DRAFTER, "p1")
    name = propose_scheme(city, DRAFTER, LICENCE_ID, scheme()).value.digest
    approve_scheme(city, SIGNER, LICENCE_ID, name)
    assert in_force(engine, document) == document.scheme.version
    close_period(city, DRAFTER, "p1", rules)
    assert in_force(engine, document) == "2"
    open_period(city, DRAFTER, "p2")
    assert in_force(engine, document) == "2"
    later = propose_scheme(city, SIGNER, LICENCE_ID, scheme("3", 1)).value
    approve_scheme(city, DRAFTER, LICENCE_ID, later.digest)
    assert in_force(engine, document) == "2"
    with reading(engine) as connection:
        versions = scheme_versions(connection, LICENCE_ID)
    assert [one.scheme.version for one in versions] == ["2", "3"]
    assert "drafter" not in json.dumps(versions[0].as_json())


def test_the_log_names_the_digest_and_both_people(city: Writer, engine: Engine) -> None:
    proposed = propose_scheme(city, DRAFTER, LICENCE_ID, scheme())
    approved = approve_scheme(city, SIGNER, LICENCE_ID, proposed.value.digest)
    with reading(engine) as connection:
        query = select(entry.c.idx, entry.c.body).where(entry.c.idx >= proposed.index)
        bodies = {index: json.loads(body) for index, body in connection.execute(query)}
    first, second = bodies[proposed.index], bodies[approved.index]
    assert (first["kind"], second["kind"]) == (
        EntryKind.SCHEME_PROPOSED.value,
        EntryKind.SCHEME_APPROVED.value,
    )
    assert first["public"]["scheme_digest"] == second["public"]["scheme_digest"]
    assert second["public"]["proposed_by"] == "drafter"
    assert proposed.value.digest == scheme_digest(scheme())


@pytest.mark.parametrize("table", [scheme_document, scheme_version, scheme_approval])
def test_no_scheme_is_edited_removed_or_replaced(city: Writer, engine: Engine, table: Any) -> None:
    name = propose_scheme(city, DRAFTER, LICENCE_ID, scheme()).value.digest
    approve_scheme(city, SIGNER, LICENCE_ID, name)
    with reading(engine) as connection:
        row = dict(connection.execute(select(table)).mappings().first() or {})
    again = insert(table).values(**row).prefix_with("OR REPLACE", dialect="sqlite")
    for statement in (update(table).values(**row), delete(table), again):
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA recursive_triggers=OFF")
            with pytest.raises(DatabaseError):
                connection.execute(statement)
