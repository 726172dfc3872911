"""Tariffs, prices and permitted revenue over the real platform: refused first, then billed once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, select

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from disclosure.release.desk import ReleaseRequest, ReleaseVote
from foundation.clock import from_iso
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.identity import SYSTEM_ACTOR, Role
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import Meter
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import Account as LedgerAccount
from revenue.ledger import JournalRequest, Posting, post
from revenue.settlement_rules import compile_rule, keep_rule
from revenue.usage_store import contribution, usage
from tests.calling import API, TickingClock, entries, problem_of
from tests.city import COUNT_BY_STATE, ROWS_QUESTION, City, built_city, told
from tests.city_documents import ENTERPRISE, OPERATOR, licence_json
from tests.tariffs import price_json, tariff_json

FEN = MICRO_FEN_PER_FEN
PRICES = (
    price_json("fetch", 10_001 * FEN),
    price_json("call", 50 * FEN),
    price_json("row", 7_000),
    price_json("nano_rho", 2),
    price_json("release", 900 * FEN),
)
BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"
NANO_RHO = 1_000_000


@pytest.fixture(scope="module")
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: TickingClock) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city"), clock=clock) as city:
        register_pricing(city)
        yield city


def register_pricing(city: City) -> None:
    """Register a pricing authority with two people, and one with its role elsewhere."""
    writer = city.platform.writer
    bureau = Organisation(
        id="price_bureau", kind=OrganisationKind.PRICING, name_zh="价格局", name_en="Prices"
    )
    create_organisation(writer, SYSTEM_ACTOR, bureau)
    for name, organisation in (
        ("pricer", "price_bureau"),
        ("second_pricer", "price_bureau"),
        ("false_pricer", ENTERPRISE),
    ):
        person = Person(
            id=name,
            name=name,
            organisations=(organisation,),
            roles=(Role.PRICING,),
            accounts=(Account(name=name, organisation=organisation),),
        )
        create_person(writer, SYSTEM_ACTOR, person)


def under(**changes: Any) -> dict[str, Any]:
    """Return a licence whose tariff has these terms."""
    licence = licence_json()
    licence["product"]["tariff"] = tariff_json(**{"prices": list(PRICES), **changes})
    return licence


def free(purpose: str = "public_welfare") -> dict[str, Any]:
    licence = licence_json()
    licence["scenario"]["purpose"] = purpose
    licence["product"]["price_class"] = purpose
    licence["product"]["tariff"] = tariff_json(price_class=purpose, approval="", prices=[])
    return licence


def metered(city: City, licence: str) -> list[dict[str, Any]]:
    with reading(city.platform.engine) as connection:
        query = select(usage).where(usage.c.licence == licence).order_by(usage.c.audit_index)
        return [dict(row) for row in connection.execute(query).mappings()]


def weighed(city: City, licence: str) -> list[dict[str, Any]]:
    with reading(city.platform.engine) as connection:
        query = select(contribution).where(contribution.c.licence == licence)
        return [dict(row) for row in connection.execute(query).mappings()]


def release(city: City, licence: str, answer: str) -> None:
    desk = city.platform.desk
    asked = ReleaseRequest(answer_id=answer, title_zh="住户表", title_en="Households")
    request = desk.submit(city.actor("analyst"), licence, asked)
    for checker in ("checker_one", "checker_two"):
        yes = ReleaseVote(decision="approve", sha256=request.sha256)
        request = desk.vote(city.actor(checker), request.id, yes)
    assert request.state == "delivered"


def deposit(city: City, licence: str, fen: int) -> None:
    """Put money into the payer's wallet, past the two persons of the money flow."""

    def apply(connection: Connection, entry: PendingEntry) -> None:
        document = LicenceDocument.model_validate({**under(), "id": licence, "authority": "a"})
        rule = compile_rule(document, document.product.tariff, "scheme", rules)
        keep_rule(connection, rule)
        legs = (
            Posting(LedgerAccount(AccountKind.BANK, OPERATOR), fen),
            Posting(LedgerAccount(AccountKind.WALLET, ENTERPRISE), -fen),
        )
        key = f"deposit-{entry.index}"
        request = JournalRequest(key, "wallets", JournalKind.DEPOSIT, rule.digest, legs)
        post(connection, entry, request)

    rules = city.platform.shop.metering.billing.rules
    founder = city.client("founder")
    founder.post(f"{API}/periods", json={"id": "wallets"})
    city.platform.writer.submit(AuditEvent(EntryKind.WALLET_DEPOSITED, SYSTEM_ACTOR), apply)


@pytest.mark.parametrize("account", ["analyst", "buyer", "auditor", "pricer"])
def test_only_the_authority_makes_a_tariff(city: City, account: str) -> None:
    path = f"{API}/licences/{city.licence}/tariffs"
    body = tariff_json(version="theirs")
    assert problem_of(city.client(account).post(path, json=body), 403)["code"] == "role_missing"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"prices": [price_json("call", 2, 1)]}, "tariff_above_ceiling"),
        ({"approval": ""}, "tariff_not_approved"),
        ({"price_class": "public_welfare"}, "tariff_of_another_class"),
        ({"trial": True}, "trial_too_long"),
        ({"version": "fictional-1"}, "tariff_version_known"),
        ({"prices": [price_json("bytes", 1)]}, "request_invalid"),
    ],
)
def test_a_tariff_that_may_not_be_published_is_refused(
    city: City, changes: dict[str, Any], code: str
) -> None:
    path = f"{API}/licences/{city.licence}/tariffs"
    body = tariff_json(**{"version": "new", **changes})
    problem = problem_of(city.client("founder").post(path, json=body))
    assert problem["code"] == code or "prices" in str(problem["field"])
    assert city.client("founder").get(path).json()["versions"] == []


def test_a_version_holds_from_its_approval_by_another_person(city: City) -> None:
    licence = city.grant(under())
    founder, approver = city.client("founder"), city.client("approver")
    path = f"{API}/licences/{licence}/tariffs"
    city.ask(BY_AGE, scope=city.scope(licence=licence), nano_rho=NANO_RHO)
    dearer = tariff_json(version="v2", prices=[price_json("call", 80 * FEN)])
    proposed = founder.post(path, json=dearer)
    assert proposed.status_code == 201
    approval = f"{path}/{proposed.json()['digest']}/approval"
    assert problem_of(founder.post(approval), 403)["code"] == "applicant_cannot_approve"
    problem_of(founder.post(f"{path}/sha256:none/approval"), 404)
    city.ask(BY_AGE, scope=city.scope(licence=licence), nano_rho=NANO_RHO + 1)
    assert approver.post(approval).status_code == 201
    assert problem_of(approver.post(approval), 409)["code"] == "tariff_approved"
    city.ask(BY_AGE, scope=city.scope(licence=licence), nano_rho=NANO_RHO + 2)
    calls = [row for row in metered(city, licence) if row["meter"] == Meter.CALL]
    assert [row["gross_micro_fen"] for row in calls] == [50 * FEN, 50 * FEN, 80 * FEN]
    shown = city.client("buyer").get(path).json()
    assert shown["in_force"] == proposed.json()["digest"]
    assert problem_of(city.client("rival").get(path), 403)["code"] == "tariff_not_yours"
    assert entries(city, EntryKind.TARIFF_PROPOSED, EntryKind.TARIFF_APPROVED)


def test_an_expired_tariff_refuses_questions_sessions_and_fetches(
    city: City, clock: TickingClock
) -> None:
    day = 86_400_000_000
    licence = city.grant(under(trial=True, valid_from="2026-11-01", valid_until="2026-11-20"))
    scope = city.scope(licence=licence)
    answer = str(told(city.ask(BY_AGE, scope=scope, nano_rho=NANO_RHO))["answer_id"])
    release(city, licence, answer)
    clock.advance(2 * day)
    before = len(metered(city, licence))
    for sql in (BY_AGE, COUNT_BY_STATE, ROWS_QUESTION):
        with pytest.raises(SandgateError) as refusal:
            city.ask(sql, scope=city.scope(licence=licence), nano_rho=None)
        assert refusal.value.code == "tariff_not_approved"
    money = city.platform.pipeline.estimate(scope, BY_AGE, None)["money"]
    assert money == {"refused": "tariff_not_approved", "tariff": "fictional-1"}
    fetch = city.client("buyer").post(f"{API}/products/{licence}/fetches")
    assert problem_of(fetch, 403)["code"] == "tariff_not_approved"
    assert entries(city, EntryKind.PRODUCT_REFUSED)[-1].public["code"] == "tariff_not_approved"
    assert entries(city, EntryKind.QUESTION_REFUSED)[-1].public["code"] == "tariff_not_approved"
    assert len(metered(city, licence)) == before


def test_an_estimate_tells_what_the_answer_is_billed(city: City) -> None:
    licence = city.grant(under())
    scope = city.scope(licence=licence)
    money: Any = city.platform.pipeline.estimate(scope, COUNT_BY_STATE, NANO_RHO)["money"]
    given = told(city.ask(COUNT_BY_STATE, scope=scope, nano_rho=NANO_RHO))
    assert given["gross_micro_fen"] == money["question_micro_fen"]
    assert money["question_micro_fen"] == 50 * FEN + 2 * int(str(given["cost_nano_rho"]))
    assert money["product_fetch_fen"] == 10_001
    again = told(city.ask(COUNT_BY_STATE, scope=scope, nano_rho=NANO_RHO))
    assert (again["repeated"], again["gross_micro_fen"]) == (True, 0)
    rows: Any = city.platform.pipeline.estimate(scope, ROWS_QUESTION, None)["money"]
    assert (rows["question_micro_fen"], rows["row_micro_fen"]) == (50 * FEN, 7_000)
    shown = told(city.ask(ROWS_QUESTION, scope=scope))
    assert shown["gross_micro_fen"] == 50 * FEN + 7_000 * 600
    lines = metered(city, licence)
    assert [(row["meter"], row["quantity"]) for row in lines] == [
        ("call", 1),
        ("nano_rho", given["cost_nano_rho"]),
        ("repeat", 1),
        ("call", 1),
        ("row", 600),
    ]
    assert {row["payer"] for row in lines} == {ENTERPRISE}
    assert {(row["dataset"], row["rows"]) for row in weighed(city, licence)} == {
        ("households", 0),
        ("colleges", 600),
    }


def test_a_release_and_its_fetches_are_billed_and_rest_on_the_answer(city: City) -> None:
    licence = city.grant(under())
    scope = city.scope(licence=licence)
    answer = str(told(city.ask(BY_AGE, scope=scope, nano_rho=NANO_RHO))["answer_id"])
    release(city, licence, answer)
    with ThreadPoolExecutor(4) as pool:
        path, key = f"{API}/products/{licence}/fetches", {"Idempotency-Key": "same"}
        sent = list(
            pool.map(lambda _: city.client("buyer").post(path, headers=key).status_code, range(6))
        )
    assert 201 in sent
    lines = metered(city, licence)
    assert [row["meter"] for row in lines] == ["call", "nano_rho", "release", "fetch"]
    assert lines[2]["gross_micro_fen"] == 900 * FEN
    given = weighed(city, licence)
    assert len({row["outcome_key"] for row in given}) == 1
    assert [row["columns"] for row in given] == 2 * ['["age_band","unit"]']


def test_a_prepaid_licence_stops_at_an_empty_wallet(city: City) -> None:
    licence = city.grant(under(prepaid=True))
    scope = city.scope(licence=licence)
    with pytest.raises(SandgateError, match="wallet_empty"):
        city.ask(BY_AGE, scope=scope, nano_rho=NANO_RHO)
    price = 50 + 2 * NANO_RHO // FEN
    deposit(city, licence, price + 52)
    assert told(city.ask(BY_AGE, scope=scope, nano_rho=NANO_RHO))["gross_micro_fen"] == price * FEN
    with pytest.raises(SandgateError, match="wallet_empty"):  # known when it is decided
        city.ask(COUNT_BY_STATE, scope=scope, nano_rho=NANO_RHO)
    decided = len(entries(city, EntryKind.QUESTION_DECIDED))
    with pytest.raises(SandgateError, match="wallet_empty"):  # rows are priced when counted
        city.ask(ROWS_QUESTION, scope=scope)
    assert len(entries(city, EntryKind.QUESTION_DECIDED)) == decided + 1
    assert entries(city, EntryKind.ANSWER_FAILED)[-1].public["code"] == "wallet_empty"
    few = f"{ROWS_QUESTION} LIMIT 100"
    assert told(city.ask(few, scope=scope))["gross_micro_fen"] == 50 * FEN + 700_000
    assert sum(row["gross_micro_fen"] for row in metered(city, licence)) <= (price + 52) * FEN


def test_free_use_that_moved_into_industry_is_priced_once(city: City) -> None:
    gave, pays = city.grant(free()), city.grant(under())
    scope = city.scope(licence=gave)
    city.ask(BY_AGE, scope=scope, nano_rho=NANO_RHO)
    answered = entries(city, EntryKind.ANSWER_RELEASED)[-1]
    assert weighed(city, gave) == []
    founder, path = city.client("founder"), f"{API}/licences/{pays}/repricings"
    body = {"source_licence": gave, "outcomes": [answered.index], "reason": "made of it"}
    problem_of(city.client("analyst").post(path, json=body), 403)
    wrong = {**body, "outcomes": [answered.index - 1]}
    assert problem_of(founder.post(path, json=wrong), 404)["code"] == "usage_unknown"
    back = f"{API}/licences/{gave}/repricings"
    swapped = {**body, "source_licence": pays}
    assert problem_of(founder.post(back, json=swapped), 422)["code"] == "repricing_classes"
    proposed = founder.post(path, json=body)
    assert proposed.status_code == 201
    approval = f"{API}/moves/{proposed.json()['id']}/approval"
    assert problem_of(founder.post(approval), 403)["code"] == "applicant_cannot_approve"
    assert (metered(city, pays), entries(city, EntryKind.USAGE_REPRICED)) == ([], [])
    approver = city.client("approver")
    done = approver.post(approval)
    assert done.status_code == 201
    assert problem_of(approver.post(approval), 409)["code"] == "move_decided"
    assert problem_of(founder.post(path, json=body), 409)["code"] == "usage_repriced"
    cost = int(str(answered.public["cost_nano_rho"]))
    assert sum(row["gross_micro_fen"] for row in metered(city, pays)) == 50 * FEN + 2 * cost
    lines = metered(city, pays)
    assert {row["source_index"] for row in lines} == {answered.index}
    assert {row["audit_index"] for row in lines} == {done.json()["entry"]}
    assert {row["gross_micro_fen"] for row in metered(city, gave)} == {0}
    assert [row["dataset"] for row in weighed(city, pays)] == ["households"]
    said: dict[str, Any] = entries(city, EntryKind.USAGE_REPRICED)[-1].public
    assert {line["source_index"] for line in said["usage"]} == {answered.index}
    assert said["subject"] == {
        name: said[name] for name in ("licence", "source_licence", "outcomes")
    }


SHEET: dict[str, Any] = {
    "version": "2027",
    "approval": "价〔2026〕9号",
    "operator": OPERATOR,
    "first_year": 2026,
    "last_year": 2026,
    "survey_year": 2026,
    "treasury_year": 2025,
    "treasury_yield_ppm": 20_000,
    "treasury_source": "虚构示例 fictional",
    "margin_ppm": 60_000,
    "costs": [{"kind": "platform", "name_zh": "平台", "name_en": "Platform", "fen": 10_000}],
    "subsidy_fen": 1_000,
    "tax_ppm": 60_000,
}


def test_only_two_of_a_pricing_authority_decide_a_maximum(city: City) -> None:
    path = f"{API}/permitted-revenue"
    for account in ("founder", "treasurer", "analyst"):
        assert problem_of(city.client(account).post(path, json=SHEET), 403)
    refused = problem_of(city.client("false_pricer").post(path, json=SHEET), 403)
    assert refused["code"] == "pricing_authority_required"
    pricer = city.client("pricer")
    for changes, code in (
        ({"margin_ppm": 60_001}, "permitted_rate_above_cap"),
        ({"treasury_year": 2026}, "treasury_year_wrong"),
        ({"last_year": 2029}, "permitted_period_too_long"),
        ({"subsidy_fen": 10_001}, "subsidy_above_cost"),
        ({"survey_year": 2027, "treasury_year": 2026}, "survey_after_period"),
        ({"operator": ENTERPRISE}, "operator_unknown"),
    ):
        assert problem_of(pricer.post(path, json={**SHEET, **changes}), 422)["code"] == code
    assert entries(city, EntryKind.PERMITTED_PROPOSED) == []


def test_a_maximum_is_decided_reviewed_and_its_excess_comes_off_the_next(
    city: City, clock: TickingClock
) -> None:
    path = f"{API}/permitted-revenue"
    pricer, second = city.client("pricer"), city.client("second_pricer")
    proposed = pricer.post(path, json=SHEET)
    assert proposed.json()["yearly_fen"] == 9_000 + 720 + 583
    decision = f"{path}/{proposed.json()['digest']}/decision"
    assert problem_of(pricer.post(decision), 403)["code"] == "applicant_cannot_approve"
    assert second.post(decision).json()["maxima_fen"] == {"2026": 10_303}
    assert problem_of(second.post(decision), 409)["code"] == "permitted_decided"
    assert problem_of(pricer.post(path, json=SHEET), 409)["code"] == "permitted_version_known"
    reviews = f"{path}/{OPERATOR}/reviews"
    assert problem_of(pricer.post(reviews, json={"year": 2026}), 409)
    billed = close(city)
    assert billed > 10_303
    after = from_iso("2027-01-01T00:00:00+08:00")
    following = {**SHEET, "version": "2028", "first_year": 2027, "last_year": 2028}
    early = pricer.post(path, json=following).json()["digest"]
    problem_of(second.post(f"{path}/{early}/decision"), 409)
    clock.advance(after - clock.now_us())
    pricer, second = city.client("pricer"), city.client("second_pricer")  # tokens of the new year
    reviewed = pricer.post(reviews, json={"year": 2026}).json()
    assert (reviewed["actual_fen"], reviewed["adjustment"]) == (billed, "ceilings")
    assert problem_of(pricer.post(reviews, json={"year": 2026}), 409)
    decided = second.post(f"{path}/{early}/decision").json()
    excess = billed - 10_303
    assert decided["excess_before_fen"] == excess
    assert decided["deducted_fen"] == min(excess, 2 * 10_303)
    assert sum(decided["maxima_fen"].values()) == 2 * 10_303 - decided["deducted_fen"]
    assert sum(decided["due_later_fen"]) == excess - decided["deducted_fen"]
    shown = city.client("analyst").get(f"{path}/{OPERATOR}").json()
    assert len(shown["decisions"]) == 2
    assert problem_of(city.client("buyer").get(f"{path}/{OPERATOR}"), 403)


def close(city: City) -> int:
    """Close a period and return what it billed under the operator's licences, in fen."""
    founder = city.client("founder")
    founder.post(f"{API}/periods", json={"id": "wallets"})
    assert founder.post(f"{API}/periods/wallets/close").status_code == 201
    document = founder.get(f"{API}/periods/wallets/statements").json()["period"]
    return sum(int(pool["billed_fen"]) for pool in document["pools"])
