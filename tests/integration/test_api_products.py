"""Fetching a product over HTTP: payer only, in force only, billed once, every refusal logged."""

import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from audit.tags import EntryKind
from audit.verify.notes import read_key
from audit.verify.payee import verify_payee
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from disclosure.release.desk import ReleaseRequest, ReleaseVote
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR, Role
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import Meter
from revenue.store import journal as journal_table
from revenue.usage_store import usage
from tests.calling import API, entries, opened, problem_of
from tests.city import City, built_city, told
from tests.city_documents import ENTERPRISE, OPERATOR, licence_json
from tests.tariffs import tariff_json

BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"
PRICE_FEN = 10_001


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        register_developers(city)
        yield city


def register_developers(city: City) -> None:
    """Register developers who each may not buy, for a reason of their own."""
    writer = city.platform.writer
    for identifier, affiliates in (("operator_lab", (OPERATOR,)), ("other_buyer", ())):
        organisation = Organisation(
            id=identifier,
            kind=OrganisationKind.DEVELOPER,
            name_zh=identifier,
            name_en=identifier,
            affiliates=affiliates,
        )
        create_organisation(writer, SYSTEM_ACTOR, organisation)
    for name, organisations in (
        ("stranger", ("other_buyer",)),
        ("affiliate", ("operator_lab",)),
        ("own_developer", (OPERATOR,)),
        ("double", (ENTERPRISE, OPERATOR)),
    ):
        person = Person(
            id=name,
            name=name,
            organisations=organisations,
            roles=(Role.DEVELOPER,),
            accounts=(Account(name=name, organisation=organisations[0]),),
        )
        create_person(writer, SYSTEM_ACTOR, person)


def release(city: City, licence: str) -> str:
    """Release one answer of a licence by two votes; return its digest."""
    desk = city.platform.desk
    answer = str(told(city.ask(BY_AGE, scope=city.scope(licence=licence)))["answer_id"])
    asked = ReleaseRequest(answer_id=answer, title_zh="住户表", title_en="Households")
    request = desk.submit(city.actor("analyst"), licence, asked)
    for checker in ("checker_one", "checker_two"):
        yes = ReleaseVote(decision="approve", sha256=request.sha256)
        request = desk.vote(city.actor(checker), request.id, yes)
    assert request.state == "delivered"
    return request.sha256


def fetch(
    city: City, account: str = "buyer", licence: str | None = None, key: str | None = None
) -> httpx.Response:
    path = f"{API}/products/{licence or city.licence}/fetches"
    headers = {} if key is None else {"Idempotency-Key": key}
    return city.client(account).post(path, headers=headers)


def metered(city: City, licence: str) -> tuple[int, int]:
    """Return how many fetches were metered, and at what price together."""
    with reading(city.platform.engine) as connection:
        rows = connection.execute(
            select(usage.c.gross_micro_fen).where(
                usage.c.licence == licence, usage.c.meter == Meter.FETCH.value
            )
        ).scalars()
        prices = [int(price) for price in rows]
    return len(prices), sum(prices)


def refused(city: City, code: str, status: int, response: httpx.Response) -> None:
    """Insist on the code, and on exactly one new entry that names it."""
    assert problem_of(response, status)["code"] == code
    last = entries(city, EntryKind.PRODUCT_REFUSED, EntryKind.REQUEST_REFUSED)[-1]
    assert last.public["code"] == code


def test_before_a_release_there_is_no_product(city: City) -> None:
    refused(city, "product_not_released", 404, fetch(city))


def test_an_unknown_licence_has_no_product(city: City) -> None:
    assert problem_of(fetch(city, licence="lic_x"), 404)["code"] == "licence_unknown"
    for licence in ("..%2f..%2fx", "a" * 150):
        problem_of(fetch(city, licence=licence), 404)


def test_a_use_needs_no_open_period(city: City) -> None:
    release(city, city.licence)
    assert metered(city, city.licence) == (0, 0)
    assert fetch(city).status_code == 201
    assert metered(city, city.licence) == (1, PRICE_FEN * MICRO_FEN_PER_FEN)
    period = city.client("founder").post(f"{API}/periods", json={"id": "2026-11"})
    assert period.status_code == 201


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("analyst", "role_missing"),
        ("founder", "role_missing"),
        ("auditor", "role_missing"),
        ("own_developer", "operator_redevelops_own_product"),
        ("affiliate", "operator_redevelops_own_product"),
        ("double", "operator_redevelops_own_product"),
        ("stranger", "buyer_not_payer"),
    ],
)
def test_who_may_not_fetch_is_refused_and_logged_once(city: City, account: str, code: str) -> None:
    kinds = (EntryKind.PRODUCT_REFUSED, EntryKind.REQUEST_REFUSED)
    before, billed = len(entries(city, *kinds)), metered(city, city.licence)
    refused(city, code, 403, fetch(city, account))
    assert len(entries(city, *kinds)) == before + 1
    assert metered(city, city.licence) == billed


def test_each_fetch_is_billed_once_whatever_is_repeated(city: City) -> None:
    before = metered(city, city.licence)[0]
    first, again = (fetch(city, key="fetch-1") for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert (first.content, dict(first.headers)["x-audit-index"]) == (
        again.content,
        dict(again.headers)["x-audit-index"],
    )
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fetch(city, key="fetch-2"), range(8)))
    assert fetch(city).status_code == 201
    total = (before + 3) * PRICE_FEN * MICRO_FEN_PER_FEN
    assert metered(city, city.licence) == (before + 3, total)
    assert len(entries(city, EntryKind.PRODUCT_FETCHED)) == before + 3


def test_what_is_fetched_is_what_was_released(city: City) -> None:
    fetched = fetch(city)
    delivered = opened(city, entries(city, EntryKind.RELEASE_DELIVERED)[-1])
    assert fetched.headers["x-content-digest"] == delivered["sha256"]
    assert fetched.content.startswith(b"age_band,households")


def test_a_suspended_licence_hands_over_nothing_not_even_a_repeat(city: City) -> None:
    assert fetch(city, key="before").status_code == 201
    billed = metered(city, city.licence)
    founder, path = city.client("founder"), f"{API}/licences/{city.licence}"
    assert founder.post(f"{path}/suspend", json={"reason": "look"}).status_code == 200
    try:
        refused(city, "licence_not_in_force", 403, fetch(city))
        assert fetch(city, key="before").status_code in {403, 409}
    finally:
        assert founder.post(f"{path}/resume", json={"reason": "good"}).status_code == 200
    assert metered(city, city.licence) == billed


@pytest.mark.parametrize("purpose", ["public_governance", "public_welfare"])
def test_a_free_purpose_is_metered_at_zero(city: City, purpose: str) -> None:
    licence = city.grant(free_licence(purpose))
    release(city, licence)
    assert fetch(city, licence=licence).headers["x-gross-micro-fen"] == "0"
    assert metered(city, licence) == (1, 0)


def free_licence(purpose: str) -> dict[str, Any]:
    document = licence_json()
    document["scenario"]["purpose"] = purpose
    document["product"]["price_class"] = purpose
    document["product"]["tariff"] = tariff_json(price_class=purpose, approval="", prices=[])
    return document


def test_a_tariff_without_approval_is_never_licensed(city: City) -> None:
    document = licence_json()
    document["product"]["tariff"]["approval"] = " "
    problem = problem_of(city.client("founder").post(f"{API}/licences", json=document))
    assert problem["code"] == "tariff_not_approved"
    assert "tariff.approval" in problem["field"]


def reverse_once(city: City, closed: dict[str, Any]) -> None:
    """Reverse the closed period's journal in the next one: once, by two persons, with why."""
    founder, treasurer = city.client("founder"), city.client("treasurer")
    with reading(city.platform.engine) as connection:
        journal = connection.execute(select(journal_table.c.id)).scalars().first()
    path = f"{API}/journals/{journal}/reversal"
    why = {"reason": "a wrong tariff"}
    move = founder.post(path, json=why).json()["id"]
    approval = f"{API}/moves/{move}/approval"
    assert problem_of(treasurer.post(approval), 409)["code"] == "no_open_period"
    assert founder.post(f"{API}/periods", json={"id": "next"}).status_code == 201
    assert problem_of(founder.post(approval), 403)["code"] == "applicant_cannot_approve"
    assert treasurer.post(approval).status_code == 201
    assert problem_of(treasurer.post(approval), 409)["code"] == "move_decided"
    assert problem_of(founder.post(path, json=why), 409)["code"] == "journal_reversed"
    assert problem_of(founder.post(f"{API}/journals/none/reversal", json=why), 404)
    assert entries(city, EntryKind.JOURNAL_REVERSED)
    assert closed["lines"]
    assert founder.post(f"{API}/periods/next/close").status_code == 201


def check_papers(city: City, closed: dict[str, Any]) -> None:
    """Print what belongs to a caller, and nothing to anyone else; the bundle verifies offline."""
    period, pool = f"{API}/periods/2026-11", closed["pools"][0]
    own = f"{period}/statements/city_bureau"
    bill = f"{period}/bills/{city.licence}"
    with reading(city.platform.engine) as connection:
        journal = connection.execute(select(journal_table.c.id)).scalars().first()
    for name in ("steward", "founder", "treasurer", "auditor"):
        assert city.client(name).get(f"{own}/pdf?invoice=发票1").content.startswith(b"%PDF")
    for name in ("buyer", "analyst", "founder"):
        assert city.client(name).get(f"{bill}/xlsx").content.startswith(b"PK")
    for name in ("stranger", "rival", "checker_one", "buyer"):
        for form in ("bundle", "pdf", "xlsx"):
            found = problem_of(city.client(name).get(f"{own}/{form}"), 403)
            assert found["code"] == "statement_not_yours"
    for name in ("stranger", "rival", "steward"):
        assert problem_of(city.client(name).get(f"{bill}/pdf"), 403)["code"] == "bill_not_yours"
    voucher = f"{API}/journals/{journal}/voucher/pdf?chart=enterprise"
    assert city.client("treasurer").get(voucher).content.startswith(b"%PDF")
    assert problem_of(city.client("buyer").get(voucher), 403)["code"] == "role_missing"
    bundle = city.client("steward").get(f"{own}/bundle").content
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    key = read_key(city.client().get(f"{API}/log/key").text.strip())
    assert verify_payee(files, key).exit_code == 0
    assert pool["licence"]


def test_statements_are_read_by_their_own_payee_only(city: City) -> None:
    founder = city.client("founder")
    assert founder.post(f"{API}/periods/2026-11/close").status_code == 201
    path = f"{API}/periods/2026-11/statements"
    for stranger in ("stranger", "rival", "checker_one"):
        assert problem_of(city.client(stranger).get(path), 403)["code"] == "statement_not_yours"
    own = city.client("steward").get(path).json()
    assert (own["period"], list(own["payees"])) == (None, ["city_bureau"])
    owed = city.client("buyer").get(path).json()
    assert (owed["period"], owed["payees"]) == (None, {})
    assert sum(bill["billed_fen"] for bill in owed["bills"]) > 0
    whole = founder.get(path).json()
    assert sum(line["fen"] for line in whole["period"]["lines"]) > 0
    check_papers(city, whole["period"])
    problem_of(founder.post(f"{API}/periods/2026-11/close"), 409)
    reverse_once(city, whole["period"])
    late = fetch(city)  # no period is open: the next one that closes takes it
    assert late.status_code == 201
    assert founder.post(f"{API}/periods", json={"id": "last"}).status_code == 201
    assert founder.post(f"{API}/periods/last/close").status_code == 201
    bills = city.client("buyer").get(f"{API}/periods/last/statements").json()["bills"]
    assert sum(bill["billed_fen"] for bill in bills) == PRICE_FEN
