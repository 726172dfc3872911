"""A bill's whole way over HTTP: received, confirmed, distributed, sent to the bank, answered."""

import hashlib
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


def bill(city: City, times: int, period: str, following: str) -> int:
    """Use the licence so often, close the period and open another; return the bill in fen."""
    founder = city.client("founder")
    ensure_open(city, period)

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
    assert founder.post(f"{API}/periods/{period}/close").status_code == 201
    closed = founder.post(f"{API}/periods/{period}/close")
    assert problem_of(closed, 409)["code"] == "period_not_open"
    assert founder.post(f"{API}/periods", json={"id": following}).status_code == 201
    asked = founder.get(f"{API}/receipts/pools", params={"period": period})
    (pool,) = asked.json()["pools"]
    return int(pool["billed_fen"])


def ensure_open(city: City, period: str) -> None:
    """Open a period; where it is open already, that is refused with 409 and changes nothing."""
    opened = city.client("founder").post(f"{API}/periods", json={"id": period})
    if opened.status_code != 201:
        assert problem_of(opened, 409)["code"] == "period_exists"


def move(first: httpx.Client, second: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    """Propose as one person and approve as another."""
    proposed = first.post(f"{API}/{path}", json=body)
    assert proposed.status_code == 201, proposed.text
    approval = f"{API}/moves/{proposed.json()['id']}/approval"
    assert problem_of(first.post(approval), 403)
    approved = second.post(approval)
    assert approved.status_code == 201, approved.text
    return approved.json()


def confirm(city: City, period: str) -> None:
    for name in ("steward", "analyst", "keeper", "treasurer"):
        client = city.client(name)
        claim = client.get(f"{API}/distributions/claims/{period}").json()
        body = {"period": period, "digest": claim["digest"]}
        assert client.post(f"{API}/distributions/confirmations", json=body).status_code == 201
        again = client.post(f"{API}/distributions/confirmations", json=body)
        assert problem_of(again, 409)["code"] == "claim_confirmed"


def register_accounts(city: City) -> None:
    parties = [(OPERATOR, "bank"), (OPERATOR, "account"), ("platform", "account"), ("tax", "tax")]
    for payee, channel in [*parties, (PROVIDER, "treasury"), (FINANCE, "treasury")]:
        account = {"holder": f"{payee} 户", "account": "62220001", "bank_code": "102100099996"}
        body = {"payee": payee, "channel": channel, **account, **WHY}
        founder, treasurer = city.client("founder"), city.client("treasurer")
        move(founder, treasurer, "settlement-files/details", body)


def refused(client: httpx.Client, path: str, body: dict[str, Any] | None = None) -> str:
    """Return the code with which an operation is refused in this state."""
    code: str = problem_of(client.post(f"{API}/{path}", json=body), 409)["code"]
    return code


@need_namespaces
def test_a_bill_is_paid_out_to_the_fen(city: City) -> None:
    founder, treasurer, analyst = (city.client(n) for n in ("founder", "treasurer", "analyst"))
    billed = bill(city, 3, "one", "two")
    assert billed > 0
    seen = city.client("steward").get(f"{API}/receipts/pools").json()["pools"]
    assert [set(pool) for pool in seen] == [{"period", "licence", "lines"}]
    assert city.client("rival").get(f"{API}/receipts/pools").json() == {"pools": []}
    money = {"biller": OPERATOR, "payer": ENTERPRISE, "fen": billed, "bank_reference": "B1"}
    move(analyst, treasurer, "receipts", {**money, **WHY})
    pool = {"period": "one", "licence": city.licence, **WHY}
    assert refused(founder, "distributions", pool) == "statement_unconfirmed"
    confirm(city, "one")
    move(founder, treasurer, "distributions", pool)
    assert refused(founder, "distributions", pool) == "nothing_distributable"
    register_accounts(city)
    file = analyst.post(f"{API}/settlement-files", json={"biller": OPERATOR}).json()
    assert file["fen"] == billed
    assert problem_of(analyst.post(f"{API}/settlement-files/{file['id']}/sending"), 403)
    sent = treasurer.post(f"{API}/settlement-files/{file['id']}/sending")
    assert sent.json()["state"] == "sent"
    returns = f"settlement-files/{file['id']}/returns"
    hostile = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    taken = founder.post(f"{API}/{returns}", json={"form": "pain.002", "content": hostile, **WHY})
    assert problem_of(taken, 422)["code"] == "bank_return_refused"
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


def test_money_is_taken_in_and_given_back_once(city: City) -> None:
    founder, treasurer, analyst = (city.client(n) for n in ("founder", "treasurer", "analyst"))
    ensure_open(city, "two")
    parties = {"biller": OPERATOR, "payer": ENTERPRISE, **WHY}
    deposit = {**parties, "fen": 500, "bank_reference": "D1"}
    move(analyst, treasurer, "receipts/deposits", deposit)
    assert refused(analyst, "receipts/deposits", deposit) == "receipt_known"
    refund = {**parties, "fen": 501, "source": "wallet"}
    assert refused(founder, "receipts/refunds", refund) == "refund_not_covered"
    refund["fen"] = 500
    waiting = founder.post(f"{API}/receipts/refunds", json=refund).json()["id"]
    taken_back = founder.post(f"{API}/moves/{waiting}/withdrawal")
    assert (taken_back.status_code, taken_back.json()["state"]) == (201, "withdrawn")
    for step in ("withdrawal", "approval"):
        assert refused(treasurer, f"moves/{waiting}/{step}") == "move_decided"
    (given_back,) = move(founder, treasurer, "receipts/refunds", refund)["journals"]
    assert refused(founder, "receipts/refunds", refund) == "refund_not_covered"
    reversal = f"journals/{given_back['id']}/reversal"
    move(founder, treasurer, reversal, WHY)
    assert refused(founder, reversal, WHY) == "journal_reversed"
    move(founder, treasurer, "receipts/refunds", refund)


def test_a_disputed_bill_is_held_decided_and_its_file_taken_back(city: City) -> None:
    founder, treasurer, analyst = (city.client(n) for n in ("founder", "treasurer", "analyst"))
    steward = city.client("steward")
    billed = bill(city, 2, "two", "three")
    pool = {"period": "two", "licence": city.licence, **WHY}
    parties = {"biller": OPERATOR, "payer": ENTERPRISE, **WHY}
    dispute = steward.post(f"{API}/disputes", json=pool).json()["id"]
    assert refused(steward, "disputes", pool) == "dispute_open"
    dismissed = {"outcome": "dismissed", **WHY}
    early = refused(founder, f"disputes/{dispute}/decision", dismissed)
    assert early == "dispute_state_forbids"
    held = founder.post(f"{API}/disputes/{dispute}/hold")
    assert (held.status_code, held.json()["state"]) == (201, "held")
    assert refused(founder, f"disputes/{dispute}/hold") == "dispute_state_forbids"
    move(founder, treasurer, f"disputes/{dispute}/decision", dismissed)
    for step in ("hold", "decision"):
        late = refused(founder, f"disputes/{dispute}/{step}", dismissed)
        assert late == "dispute_state_forbids"
    receipt = {**parties, "fen": billed, "bank_reference": "B2", "matches": []}
    move(analyst, treasurer, "receipts", receipt)
    assert refused(analyst, "receipts", receipt) == "receipt_known"
    matched = {"period": "two", "licence": city.licence, "fen": billed}
    move(analyst, treasurer, "receipts/matches", {**parties, "matches": [matched]})
    again = refused(analyst, "receipts/matches", {**parties, "matches": [{**matched, "fen": 1}]})
    assert again == "bill_overpaid"
    confirm(city, "two")
    register_accounts(city)
    assert refused(analyst, "settlement-files", {"biller": OPERATOR}) == "nothing_payable"
    move(founder, treasurer, "distributions", pool)
    file = analyst.post(f"{API}/settlement-files", json={"biller": OPERATOR}).json()
    assert refused(analyst, "settlement-files", {"biller": OPERATOR}) == "nothing_payable"
    path = f"settlement-files/{file['id']}"
    for form in ("csv", "pain.001"):
        found = hashlib.sha256(founder.get(f"{API}/{path}/{form}").content).hexdigest()
        assert file[f"{form.partition('.')[0]}_digest"] == f"sha256:{found}"
    content = answer(file["id"], [], group="ACSC").decode()
    early = refused(founder, f"{path}/returns", {"form": "pain.002", "content": content, **WHY})
    assert early == "file_state_forbids"
    assert analyst.post(f"{API}/{path}/withdrawal").json()["state"] == "withdrawn"
    assert refused(analyst, f"{path}/withdrawal") == "file_state_forbids"
    assert refused(treasurer, f"{path}/sending") == "file_state_forbids"
    file = analyst.post(f"{API}/settlement-files", json={"biller": OPERATOR}).json()
    assert file["fen"] == billed
