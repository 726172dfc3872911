"""A bill's whole way over HTTP: received, confirmed, distributed, sent to the bank, answered."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from authorization.licences import require_licence
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
    organisation_by_id,
)
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR, Role
from policies.schema.revenue import Meter, RevenueRules
from revenue.metering import Use, meter
from revenue.schemes.versions import scheme_digest_in_force
from tests.calling import API, problem_of
from tests.city import City, built_city
from tests.city_documents import ENTERPRISE, FINANCE, OPERATOR, PROVIDER
from tests.parts import need_namespaces
from tests.unit.revenue.bank_answers import answer

WHY = {"reason": "a reason"}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        register_platform(city)
        yield city


def register_platform(city: City) -> None:
    writer = city.platform.writer
    with reading(city.platform.engine) as connection:
        known = organisation_by_id(connection, "platform")
    if known is None:
        kind = OrganisationKind.PLATFORM
        body = Organisation(id="platform", kind=kind, name_zh="平台", name_en="Platform")
        create_organisation(writer, SYSTEM_ACTOR, body)
    accounts = (Account(name="keeper", organisation="platform"),)
    person = Person(
        id="keeper",
        name="Keeper",
        organisations=("platform",),
        roles=(Role.CHECKER,),
        accounts=accounts,
    )
    create_person(writer, SYSTEM_ACTOR, person)


def bill(city: City, times: int) -> int:
    """Use the city's licence so often and close the period; return what is billed in fen."""
    founder = city.client("founder")
    assert founder.post(f"{API}/periods", json={"id": "one"}).status_code == 201

    def apply(connection: Connection, entry: PendingEntry) -> None:
        stored = require_licence(connection, city.licence)
        licence = LicenceDocument.model_validate_json(stored.document)
        use = Use(licence, "table", ENTERPRISE, {Meter.FETCH: times})
        scheme = scheme_digest_in_force(connection, licence)
        rules = city.platform.pack.rules(RevenueRules)
        tariff = licence.product.tariff
        meter(connection, entry, use, tariff=tariff, scheme_digest=scheme, rules=rules)

    event = AuditEvent(EntryKind.PRODUCT_FETCHED, SYSTEM_ACTOR, {"licence": city.licence})
    city.platform.writer.submit(event, apply)
    assert founder.post(f"{API}/periods/one/close").status_code == 201
    assert founder.post(f"{API}/periods", json={"id": "two"}).status_code == 201
    (pool,) = founder.get(f"{API}/receipts/pools").json()["pools"]
    return int(pool["billed_fen"])


def move(first: httpx.Client, second: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    """Propose as one person and approve as another."""
    proposed = first.post(f"{API}/{path}", json=body)
    assert proposed.status_code == 201, proposed.text
    approval = f"{API}/moves/{proposed.json()['id']}/approval"
    assert problem_of(first.post(approval), 403)
    approved = second.post(approval)
    assert approved.status_code == 201, approved.text
    return approved.json()


def confirm(city: City) -> None:
    for name in ("steward", "analyst", "keeper", "treasurer"):
        client = city.client(name)
        claim = client.get(f"{API}/distributions/claims/one").json()
        body = {"period": "one", "digest": claim["digest"]}
        assert client.post(f"{API}/distributions/confirmations", json=body).status_code == 201


@need_namespaces
def test_a_bill_is_paid_out_to_the_fen(city: City) -> None:
    founder, treasurer, analyst = (city.client(n) for n in ("founder", "treasurer", "analyst"))
    billed = bill(city, 3)
    assert billed > 0
    seen = city.client("steward").get(f"{API}/receipts/pools").json()["pools"]
    assert [set(pool) for pool in seen] == [{"period", "licence", "lines"}]
    assert city.client("rival").get(f"{API}/receipts/pools").json() == {"pools": []}
    money = {"biller": OPERATOR, "payer": ENTERPRISE, "fen": billed, "bank_reference": "B1"}
    move(analyst, treasurer, "receipts", {**money, **WHY})
    pool = {"period": "one", "licence": city.licence, **WHY}
    silent = founder.post(f"{API}/distributions", json=pool)
    assert problem_of(silent, 409)["code"] == "statement_unconfirmed"
    confirm(city)
    move(founder, treasurer, "distributions", pool)
    parties = [(OPERATOR, "bank"), (OPERATOR, "account"), ("platform", "account"), ("tax", "tax")]
    for payee, channel in [*parties, (PROVIDER, "treasury"), (FINANCE, "treasury")]:
        account = {"holder": f"{payee} 户", "account": "62220001", "bank_code": "102100099996"}
        body = {"payee": payee, "channel": channel, **account, **WHY}
        move(founder, treasurer, "settlement-files/details", body)
    file = analyst.post(f"{API}/settlement-files", json={"biller": OPERATOR}).json()
    assert file["fen"] == billed
    assert problem_of(analyst.post(f"{API}/settlement-files/{file['id']}/sending"), 403)
    sent = treasurer.post(f"{API}/settlement-files/{file['id']}/sending")
    assert sent.json()["state"] == "sent"
    returns = f"settlement-files/{file['id']}/returns"
    hostile = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    refused = founder.post(f"{API}/{returns}", json={"form": "pain.002", "content": hostile, **WHY})
    assert problem_of(refused, 422)["code"] == "bank_return_refused"
    content = answer(file["id"], [], group="ACSC").decode()
    move(founder, treasurer, returns, {"form": "pain.002", "content": content, **WHY})
    balances = founder.get(f"{API}/journals/balances").json()["balances"]
    assert set(balances.values()) == {0}
    export = founder.get(f"{API}/journals/exports/beancount").text
    assert export.count('* "payout"') == 1
    figures = founder.get(f"{API}/disclosures/2026").json()
    assert figures["format"] == "sandgate/yearly-disclosure@1"
    page = founder.get(f"{API}/disclosures/2026", params={"form": "page"})
    assert page.headers["content-type"].startswith("text/markdown")
