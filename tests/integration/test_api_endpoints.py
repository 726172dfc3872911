"""Each endpoint lets nobody in without a token, and no role but those that this table names."""

from collections.abc import Iterator

import httpx
import pytest

from audit.tags import EntryKind
from tests.calling import API, TickingClock, entries, problem_of
from tests.city import City, built_city
from tests.registering import enrol

EVERYONE = (
    "founder",
    "steward",
    "analyst",
    "buyer",
    "checker_one",
    "auditor",
    "treasurer",
)
WRITERS = tuple(name for name in EVERYONE if name != "auditor")
ROLES: dict[tuple[str, str], tuple[str, ...]] = {
    ("POST", "/organisations"): ("founder",),
    ("POST", "/role-grants"): ("founder",),
    ("POST", "/role-grants/x/confirm"): (),
    ("POST", "/role-grants/x/refuse"): (),
    ("POST", "/role-grants/x/withdraw"): ("founder",),
    ("GET", "/role-grants"): ("founder", "auditor"),
    ("GET", "/persons"): ("founder", "auditor"),
    ("POST", "/persons/x/suspension"): ("founder",),
    ("POST", "/organisations/x/suspension"): ("founder",),
    ("GET", "/service-accounts"): ("founder", "steward", "analyst", "buyer"),
    ("POST", "/service-accounts/x/credentials"): ("founder", "steward", "analyst", "buyer"),
    ("POST", "/service-accounts/credentials/x/end"): ("founder", "steward", "analyst", "buyer"),
    ("GET", "/control-relations"): ("founder", "auditor"),
    ("POST", "/control-relations"): ("founder", "steward", "analyst", "buyer"),
    ("GET", "/control-relations/reviews"): ("founder", "auditor"),
    ("POST", "/tokens"): ("founder",),
    ("POST", "/agreements"): ("founder",),
    ("POST", "/licences"): ("founder",),
    ("POST", "/authorities"): ("founder",),
    ("POST", "/delegations"): ("founder",),
    ("POST", "/delegations/x/confirm"): ("founder",),
    ("POST", "/delegations/x/end"): ("founder",),
    ("GET", "/delegations"): EVERYONE,
    ("POST", "/decisions/explain"): ("founder", "auditor", "analyst"),
    ("GET", "/licences/x/extracts"): ("founder", "auditor"),
    ("POST", "/licences/x/extracts"): ("founder",),
    ("GET", "/closed-plan-classes"): ("founder", "auditor"),
    ("POST", "/closed-plan-classes/x/reopening"): ("founder",),
    ("GET", "/sharing/requests"): EVERYONE,
    ("POST", "/sharing/requests"): ("steward", "head"),
    ("GET", "/sharing/requests/x"): EVERYONE,
    ("POST", "/sharing/requests/x/form"): ("steward", "head"),
    ("POST", "/sharing/requests/x/submission"): ("steward", "head"),
    ("POST", "/sharing/requests/x/withdrawal"): ("steward", "head"),
    ("POST", "/sharing/requests/x/calls"): ("steward", "head"),
    ("POST", "/sharing/requests/x/copies"): ("steward", "head"),
    ("POST", "/sharing/requests/x/uses"): ("steward", "head"),
    ("POST", "/sharing/requests/x/rectification"): ("steward", "head"),
    ("POST", "/sharing/requests/x/sign-off"): ("head",),
    ("POST", "/sharing/requests/x/papers"): ("head",),
    ("POST", "/sharing/requests/x/disposal"): ("head",),
    ("POST", "/sharing/requests/x/decision"): ("steward",),
    ("POST", "/sharing/requests/x/supply"): ("steward",),
    ("POST", "/sharing/requests/x/traces"): ("founder", "steward"),
    ("POST", "/sharing/requests/x/suspension"): ("founder", "steward"),
    ("POST", "/sharing/requests/x/resumption"): ("founder", "steward"),
    ("POST", "/sharing/requests/x/termination"): ("founder", "steward"),
    ("GET", "/sharing/requests/x/deliveries"): EVERYONE,
    ("GET", "/sharing/requests/x/uses"): EVERYONE,
    ("GET", "/hall/seats"): EVERYONE,
    ("POST", "/hall/seats"): ("founder",),
    ("GET", "/hall/seats/x/appointments"): ("steward", "head"),
    ("POST", "/hall/seats/x/appointments"): ("head",),
    ("POST", "/hall/appointments/x/confirmation"): ("founder",),
    ("POST", "/hall/appointments/x/end"): ("founder", "head"),
    ("POST", "/hall/seats/x/duty"): (),
    ("POST", "/hall/duty/end"): (),
    ("GET", "/hall/queue"): (),
    ("POST", "/hall/queue/x/taking"): (),
    ("POST", "/hall/queue/x/hand-over"): (),
    ("POST", "/hall/queue/x/decision"): (),
    ("POST", "/hall/seats/x/duty-records/x"): ("founder", "head"),
    ("GET", "/demands"): EVERYONE,
    ("POST", "/demands"): ("steward", "head", "analyst", "buyer"),
    ("GET", "/demands/x"): EVERYONE,
    ("POST", "/demands/x/team"): ("founder",),
    ("POST", "/demands/x/match"): ("founder",),
    ("POST", "/demands/x/withdrawal"): ("steward", "head", "analyst", "buyer"),
    ("GET", "/responsibilities"): EVERYONE,
    ("POST", "/responsibilities"): ("founder",),
    ("GET", "/case-files"): EVERYONE,
    ("GET", "/case-files/x"): EVERYONE,
    ("GET", "/promotions"): EVERYONE,
    ("POST", "/promotions"): ("steward", "head"),
    ("POST", "/promotions/x/decision"): ("founder",),
    ("POST", "/sharing/requests/x/seal"): ("steward", "head"),
    ("GET", "/sharing/requests/x/seal/x"): EVERYONE,
    ("GET", "/sharing/figures/seal-keys"): EVERYONE,
    ("GET", "/sharing/figures/calls"): ("founder", "auditor"),
    ("POST", "/licences/x/activate"): ("founder",),
    ("POST", "/licences/x/suspend"): ("founder",),
    ("POST", "/licences/x/resume"): ("founder",),
    ("POST", "/licences/x/end"): ("founder",),
    ("GET", "/licences/x/received"): ("founder", "auditor"),
    ("GET", "/licences/x"): EVERYONE,
    ("POST", "/catalog/populations"): ("founder",),
    ("POST", "/catalog/populations/x/approval"): ("founder",),
    ("POST", "/catalog/entries"): ("founder", "steward"),
    ("POST", "/catalog/entries/x/revision"): ("founder", "steward"),
    ("POST", "/catalog/entries/x/change"): ("founder", "steward"),
    ("POST", "/catalog/entries/x/discard"): ("founder", "steward"),
    ("POST", "/catalog/entries/x/assessments/x"): ("founder", "steward"),
    ("POST", "/catalog/entries/x/submission"): ("founder", "steward"),
    ("POST", "/catalog/entries/x/sign-off"): (),
    ("POST", "/catalog/entries/x/publication"): ("founder",),
    ("POST", "/catalog/entries/x/return"): ("founder",),
    ("POST", "/catalog/entries/x/refusal"): ("founder",),
    ("POST", "/catalog/entries/x/withdrawal"): ("founder",),
    ("GET", "/catalog/entries"): EVERYONE,
    ("GET", "/catalog/entries/x"): EVERYONE,
    ("GET", "/catalog/entries/x/versions"): EVERYONE,
    ("GET", "/catalog/entries/x/difference"): EVERYONE,
    ("GET", "/catalog/entries/x/history"): EVERYONE,
    ("GET", "/catalogue/changes"): EVERYONE,
    ("POST", "/catalog/systems"): ("founder", "steward"),
    ("POST", "/catalog/systems/x/retirement"): ("founder", "steward"),
    ("GET", "/catalog/systems"): EVERYONE,
    ("GET", "/catalog/linkage"): EVERYONE,
    ("GET", "/catalog/batches"): ("founder", "steward"),
    ("GET", "/catalog/batches/x"): ("founder", "steward"),
    ("POST", "/catalog/batches/x/assessments"): ("founder", "steward"),
    ("POST", "/catalog/batches/x/sign-off"): (),
    ("POST", "/catalog/batches/x/submission"): ("founder", "steward"),
    ("POST", "/catalog/batches/x/publication"): ("founder",),
    ("POST", "/catalog/batches/x/return"): ("founder",),
    ("POST", "/catalog/batches/x/refusal"): ("founder",),
    ("POST", "/catalog/subscriptions"): EVERYONE,
    ("GET", "/catalog/subscriptions"): EVERYONE,
    ("POST", "/catalog/subscriptions/x/end"): EVERYONE,
    ("GET", "/catalog/import/template"): EVERYONE,
    ("GET", "/catalog/imports"): ("founder", "steward"),
    ("POST", "/catalog/imports"): ("founder", "steward"),
    ("GET", "/catalog/imports/x"): ("founder", "steward"),
    ("GET", "/catalog/imports/x/report"): ("founder", "steward"),
    ("GET", "/catalog/imports/x/refused"): ("founder", "steward"),
    ("POST", "/catalog/imports/x/taking"): ("founder", "steward"),
    ("GET", "/catalog/export/dcat"): EVERYONE,
    ("GET", "/catalog/export/dcat/entry"): EVERYONE,
    ("POST", "/catalog/exports"): ("founder", "auditor"),
    ("POST", "/catalog/datasets"): ("founder", "steward"),
    ("POST", "/catalog/datasets/x/versions"): ("founder", "steward"),
    ("GET", "/catalog/datasets/x/rows"): ("founder", "steward"),
    ("GET", "/resources"): EVERYONE,
    ("GET", "/resources/x"): EVERYONE,
    ("POST", "/resources/x/consents"): ("steward", "head"),
    ("POST", "/resources/x/consents/withdrawal"): ("steward", "head"),
    ("POST", "/resources/x/evidence"): ("founder", "steward", "head"),
    ("POST", "/resources/x/readings"): ("founder", "steward", "head"),
    ("GET", "/regradings"): ("founder", "steward", "head"),
    ("POST", "/regradings"): ("founder", "steward", "head"),
    ("POST", "/regradings/x/confirmation"): ("founder",),
    ("GET", "/zones"): EVERYONE,
    ("GET", "/zones/x"): EVERYONE,
    ("POST", "/zones"): ("founder",),
    ("POST", "/zones/x/closure"): ("founder",),
    ("POST", "/zones/x/destruction"): ("founder",),
    ("GET", "/standards/elements"): EVERYONE,
    ("POST", "/standards/elements"): ("founder",),
    ("GET", "/standards/code-lists"): EVERYONE,
    ("POST", "/standards/code-lists"): ("founder",),
    ("GET", "/standards/regions"): EVERYONE,
    ("GET", "/standards/libraries"): EVERYONE,
    ("GET", "/standards/conformance/x"): ("founder", "steward", "head"),
    ("GET", "/catalog/datasets"): EVERYONE,
    ("GET", "/catalog/datasets/x/quality-rules"): ("founder", "steward"),
    ("POST", "/catalog/datasets/x/quality-rules"): ("steward",),
    ("POST", "/catalog/datasets/x/measurements"): ("founder", "steward"),
    ("GET", "/catalog/datasets/x/profile"): ("founder", "steward"),
    ("POST", "/catalog/datasets/x/measurements/x/suggestions/0"): ("steward",),
    ("POST", "/catalog/datasets/x/measurements/x/score"): ("steward",),
    ("GET", "/catalog/datasets/x/scores"): EVERYONE,
    ("GET", "/quality/datasets/x/stewards"): EVERYONE,
    ("POST", "/quality/datasets/x/stewards"): (),
    ("POST", "/quality/datasets/x/stewards/x/relief"): (),
    ("GET", "/quality/sources"): EVERYONE,
    ("POST", "/quality/sources"): ("steward",),
    ("POST", "/quality/sources/x/decision"): ("founder",),
    ("GET", "/quality/comparisons"): ("founder", "steward"),
    ("POST", "/quality/comparisons"): ("founder",),
    ("GET", "/quality/comparisons/x"): ("founder", "steward"),
    ("POST", "/quality/comparisons/x/corrections"): ("founder",),
    ("GET", "/corrections"): EVERYONE,
    ("POST", "/corrections"): WRITERS,
    ("GET", "/corrections/flags"): EVERYONE,
    ("GET", "/corrections/x"): EVERYONE,
    ("POST", "/corrections/x/referral"): ("founder",),
    ("POST", "/corrections/x/judgement"): ("steward",),
    ("POST", "/corrections/x/correction"): ("steward",),
    ("POST", "/corrections/x/answer"): ("steward",),
    ("POST", "/corrections/x/supplement"): WRITERS,
    ("POST", "/corrections/x/withdrawal"): WRITERS,
    ("POST", "/corrections/x/recalls"): ("founder",),
    ("GET", "/organisations"): EVERYONE,
    ("GET", "/me"): EVERYONE,
    ("GET", "/login/bindings"): ("founder", "auditor"),
    ("POST", "/login/bindings"): (),
    ("POST", "/login/bindings/x/confirmation"): ("founder",),
    ("POST", "/login/bindings/x/end"): (),
    ("POST", "/sessions"): ("analyst",),
    ("GET", "/sessions/x"): EVERYONE,
    ("POST", "/sessions/x/tickets"): ("analyst",),
    ("POST", "/sessions/x/close"): ("analyst",),
    ("GET", "/sessions"): EVERYONE,
    ("POST", "/sessions/x/production"): ("analyst",),
    ("POST", "/sessions/x/freeze"): ("founder",),
    ("POST", "/sessions/x/closure"): ("founder",),
    ("GET", "/reviews"): EVERYONE,
    ("POST", "/reviews"): ("analyst",),
    ("GET", "/reviews/x"): EVERYONE,
    ("POST", "/reviews/x/decision"): ("checker_one",),
    ("POST", "/reviews/x/withdrawal"): ("founder", "analyst"),
    ("GET", "/runs"): EVERYONE,
    ("POST", "/runs"): ("analyst",),
    ("GET", "/runs/x"): EVERYONE,
    ("POST", "/runs/subscriptions"): ("analyst",),
    ("POST", "/runs/subscriptions/x/end"): ("founder", "analyst"),
    ("GET", "/releases"): EVERYONE,
    ("GET", "/releases/x"): EVERYONE,
    ("GET", "/releases/x/preview"): ("checker_one",),
    ("GET", "/releases/x/certificate"): EVERYONE,
    ("POST", "/releases/x/votes"): ("checker_one",),
    ("POST", "/releases/x/comments"): ("analyst", "checker_one"),
    ("POST", "/releases/x/submit"): ("analyst",),
    ("POST", "/releases/x/revise"): ("analyst",),
    ("POST", "/releases/x/withdraw"): ("analyst",),
    ("POST", "/releases/x/exceptions"): (),
    ("POST", "/releases/x/copies"): ("analyst",),
    ("GET", "/releases/x/copies"): ("founder", "auditor"),
    ("POST", "/releases/x/recall"): ("founder",),
    ("GET", "/release-desk/metrics"): ("founder", "auditor"),
    ("GET", "/release-desk/recalls"): EVERYONE,
    ("GET", "/release-desk/notices"): EVERYONE,
    ("POST", "/release-desk/traces"): ("founder", "auditor"),
    ("POST", "/sessions/x/destruction-certificates"): ("founder", "auditor", "analyst"),
    ("POST", "/licences/x/destruction-certificates"): ("founder", "auditor", "analyst"),
    ("GET", "/homes"): EVERYONE,
    ("GET", "/packages"): EVERYONE,
    ("GET", "/packages/requests"): EVERYONE,
    ("POST", "/packages/requests/x/decision"): ("founder",),
    ("GET", "/notices"): ("founder",),
    ("GET", "/notices/own"): EVERYONE,
    ("GET", "/notices/address"): EVERYONE,
    ("POST", "/notices/address"): EVERYONE,
    ("POST", "/notices/address/removal"): EVERYONE,
    ("GET", "/webhooks"): ("founder", "steward", "analyst", "buyer"),
    ("POST", "/webhooks"): ("founder", "steward", "analyst", "buyer"),
    ("POST", "/webhooks/x/end"): ("founder", "steward", "analyst", "buyer"),
    ("GET", "/webhooks/undelivered"): ("founder", "steward", "analyst", "buyer"),
    ("POST", "/webhooks/undelivered/x/revival"): ("founder", "steward", "analyst", "buyer"),
    ("GET", "/matters"): EVERYONE,
    ("GET", "/matters/overdue"): ("founder", "steward", "auditor", "treasurer"),
    ("GET", "/matters/overdue/announcements"): ("founder", "steward", "auditor", "treasurer"),
    ("POST", "/matters/overdue/announcements"): ("founder",),
    ("GET", "/matters/scorecards"): ("founder", "steward", "auditor", "treasurer"),
    ("GET", "/matters/x"): EVERYONE,
    ("POST", "/matters/x/papers"): ("founder", "steward"),
    ("POST", "/matters/x/extension"): ("founder", "steward"),
    ("POST", "/matters/x/extension/decision"): ("founder",),
    ("GET", "/rules/packs"): EVERYONE,
    ("GET", "/rules/packs/x"): EVERYONE,
    ("GET", "/rules/packs/x/diff/x"): EVERYONE,
    ("POST", "/products/x/fetches"): ("buyer",),
    ("POST", "/periods"): ("founder",),
    ("POST", "/periods/x/close"): ("founder",),
    ("GET", "/journals/balances"): ("founder", "treasurer", "auditor"),
    ("GET", "/journals/exports/x"): ("founder", "treasurer", "auditor"),
    ("POST", "/journals/x/reversal"): ("founder", "treasurer"),
    ("GET", "/moves"): ("founder", "treasurer", "auditor"),
    ("POST", "/moves/x/approval"): ("founder", "treasurer"),
    ("POST", "/moves/x/withdrawal"): ("founder", "treasurer", "analyst"),
    ("GET", "/receipts/pools"): EVERYONE,
    ("POST", "/receipts"): ("founder", "treasurer", "analyst"),
    ("POST", "/receipts/matches"): ("founder", "treasurer", "analyst"),
    ("POST", "/receipts/deposits"): ("founder", "treasurer", "analyst"),
    ("POST", "/receipts/refunds"): ("founder", "treasurer"),
    ("GET", "/distributions/claims/x"): EVERYONE,
    ("POST", "/distributions/confirmations"): (
        "founder",
        "steward",
        "analyst",
        "buyer",
        "checker_one",
        "treasurer",
    ),
    ("POST", "/distributions"): ("founder", "treasurer"),
    ("GET", "/disputes"): EVERYONE,
    ("POST", "/disputes"): ("founder", "steward", "analyst", "buyer", "checker_one", "treasurer"),
    ("POST", "/disputes/x/hold"): ("founder", "treasurer"),
    ("POST", "/disputes/x/decision"): ("founder", "treasurer"),
    ("GET", "/settlement-files"): ("founder", "treasurer", "auditor"),
    ("GET", "/settlement-files/payables/x"): ("founder", "treasurer", "auditor"),
    ("GET", "/settlement-files/x/x"): ("founder", "treasurer", "auditor"),
    ("POST", "/settlement-files"): ("founder", "treasurer", "analyst"),
    ("POST", "/settlement-files/details"): ("founder", "treasurer"),
    ("POST", "/settlement-files/x/sending"): ("founder", "treasurer"),
    ("POST", "/settlement-files/x/withdrawal"): ("founder", "treasurer", "analyst"),
    ("POST", "/settlement-files/x/returns"): ("founder", "treasurer", "analyst"),
    ("GET", "/disclosures/x"): EVERYONE,
    ("GET", "/periods/x/statements"): EVERYONE,
    ("GET", "/periods/x/statements/x/x"): EVERYONE,
    ("GET", "/periods/x/bills/x/x"): EVERYONE,
    ("GET", "/journals/x/voucher/x"): ("founder", "treasurer", "auditor"),
    ("GET", "/licences/x/schemes"): EVERYONE,
    ("POST", "/licences/x/schemes"): ("founder",),
    ("POST", "/licences/x/schemes/x/approval"): ("founder",),
    ("GET", "/licences/x/tariffs"): EVERYONE,
    ("POST", "/licences/x/tariffs"): ("founder",),
    ("POST", "/licences/x/tariffs/x/approval"): ("founder",),
    ("POST", "/licences/x/repricings"): ("founder",),
    ("GET", "/permitted-revenue/x"): EVERYONE,
    ("POST", "/permitted-revenue"): ("pricer",),
    ("POST", "/permitted-revenue/x/decision"): ("pricer",),
    ("POST", "/permitted-revenue/x/reviews"): ("pricer",),
    ("GET", "/budgets/licences/x"): EVERYONE,
    ("GET", "/budgets/licences/x/further"): EVERYONE,
    ("GET", "/budgets/odometer"): ("founder", "auditor"),
    ("GET", "/budgets/holdings"): ("founder", "auditor"),
    ("GET", "/budgets/proposals"): ("founder", "auditor"),
    ("POST", "/budgets/raises"): ("founder",),
    ("POST", "/budgets/raises/x/confirmation"): ("founder",),
    ("POST", "/budgets/settlements"): ("founder",),
    ("POST", "/budgets/settlements/x/confirmation"): ("founder",),
    ("POST", "/budgets/lineages"): ("founder",),
    ("GET", "/log/kept"): ("founder", "auditor"),
    ("GET", "/log/entries"): ("founder", "auditor"),
    ("GET", "/log/entries/0"): EVERYONE,
    ("GET", "/log/entries/0/receipt"): EVERYONE,
    ("POST", "/log/bundles"): ("auditor",),
    ("GET", "/log/own"): EVERYONE,
    ("GET", "/regulator/search"): ("auditor",),
    ("GET", "/regulator/timelines/x/x"): ("auditor",),
    ("GET", "/regulator/columns"): ("auditor",),
    ("GET", "/regulator/odometer"): ("auditor",),
    ("GET", "/regulator/odometer/x/picture"): ("auditor",),
    ("POST", "/regulator/exports"): ("auditor",),
    ("GET", "/regulator/alerts"): ("auditor",),
    ("GET", "/regulator/alert-rules"): ("auditor",),
    ("POST", "/regulator/alert-rules"): ("auditor",),
    ("POST", "/regulator/alert-rules/x"): ("auditor",),
    ("POST", "/regulator/alerts/x/acknowledgement"): ("auditor",),
    ("GET", "/cases"): ("founder", "auditor"),
    ("POST", "/cases"): ("auditor",),
    ("GET", "/cases/x"): ("auditor",),
    ("POST", "/cases/x/holds"): ("auditor",),
    ("POST", "/cases/x/holds/x/lift"): ("auditor",),
    ("POST", "/cases/x/close"): ("auditor",),
    ("POST", "/cases/x/readings"): ("auditor",),
    ("POST", "/cases/x/export"): ("auditor",),
    ("GET", "/retention/due"): ("founder", "auditor"),
    ("GET", "/retention/purges"): ("founder", "auditor"),
    ("POST", "/retention/purges"): ("founder",),
    ("POST", "/retention/purges/x/confirmation"): ("founder",),
    ("GET", "/verification-locks"): ("founder", "auditor"),
    ("POST", "/verification-locks/x/lift"): ("founder",),
}
MINUTE_US = 60_000_000
PUBLIC = ("/health", "/log/key", "/log/checkpoint", "/log/witnesses")


@pytest.fixture(scope="module")
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: TickingClock) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city"), clock=clock) as city:
        yield city


@pytest.fixture(scope="module")
def clients(city: City) -> dict[str, httpx.Client]:
    return {name: city.client(name) for name in EVERYONE}


def send(client: httpx.Client, method: str, path: str) -> httpx.Response:
    if method == "GET":
        return client.get(f"{API}{path}")
    return client.post(f"{API}{path}", json={})


def test_the_table_names_every_endpoint(city: City) -> None:
    paths = city.client().get(f"{API}/openapi.json").json()["paths"]
    listed = {
        (method.upper(), "/".join("{}" if "{" in part else part for part in path.split("/")))
        for path, item in paths.items()
        for method in item
    }
    tabled = {
        (
            method,
            "/".join("{}" if part in {"x", "0"} else part for part in f"{API}{path}".split("/")),
        )
        for method, path in ROLES
    }
    pages = {("GET", "/sessions/{}"), ("GET", "/sessions/{}/status")}  # by ticket or cookie
    public = {("GET", f"{API}{path}") for path in PUBLIC} | pages
    assert listed == tabled | public


@pytest.mark.parametrize(("method", "path"), ROLES)
def test_nobody_is_let_in_without_a_token(city: City, method: str, path: str) -> None:
    before = city.platform.log.head()
    assert problem_of(send(city.client(), method, path), 401)["code"] == "token_invalid"
    assert city.platform.log.head() == before


@pytest.mark.parametrize(("method", "path"), ROLES)
def test_the_wrong_role_is_refused_and_logged(
    city: City, clock: TickingClock, clients: dict[str, httpx.Client], method: str, path: str
) -> None:
    clock.advance(MINUTE_US)  # refusals of one minute are counted together past a number
    city.platform.denials.write_counted(everything=True)  # a new minute for everybody
    for name in EVERYONE:
        if name in ROLES[method, path]:
            continue
        before = city.log_size()
        problem = problem_of(send(clients[name], method, path), 403)
        assert problem["code"] == "role_missing"
        (logged,) = city.entries(EntryKind.REQUEST_REFUSED, first=before)
        assert logged.content["actor"]["person"] == name
        assert logged.public["route"] == f"{method} {API}{path}"


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_public_needs_no_token(city: City, path: str) -> None:
    assert city.client().get(f"{API}{path}").status_code == 200


def test_roles_of_the_authority_and_of_finance_count_in_their_own_house_only(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    for role in ("authority", "finance"):
        person = {
            "id": f"pretender_{role}",
            "name": "Pretender",
            "organisations": ["river_operator"],
            "roles": [role],
            "accounts": [{"name": f"pretender_{role}", "organisation": "river_operator"}],
        }
        enrol(clients["founder"], city.client("security_admin"), person)
    pretender = city.client("pretender_authority")
    for method, path in (("POST", "/role-grants"), ("GET", "/log/entries"), ("POST", "/periods")):
        assert problem_of(send(pretender, method, path), 403)["code"] == "role_missing"
    assert clients["founder"].post(f"{API}/periods", json={"id": "2026-01"}).status_code == 201
    assert clients["founder"].post(f"{API}/periods/2026-01/close").status_code == 201
    path = f"{API}/periods/2026-01/statements"
    assert clients["treasurer"].get(path).json()["period"] is not None
    for name in ("pretender_authority", "pretender_finance"):
        assert problem_of(city.client(name).get(path), 403)["code"] == "statement_not_yours"


def test_a_token_names_an_account_and_is_logged(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    given = clients["founder"].post(f"{API}/tokens", json={"account": "analyst"}).json()
    issued = entries(city, EntryKind.TOKEN_ISSUED)[-1]
    assert issued.public["subject"] == "analyst"
    assert given["token"] not in issued.body.decode()
    header = {"Authorization": f"Bearer {given['token']}"}
    assert city.client().get(f"{API}/organisations", headers=header).status_code == 200


def test_problems_speak_the_callers_language(city: City) -> None:
    for language, wanted in (("zh-CN,zh;q=0.9", "zh"), ("en-GB", "en"), ("fr", "zh")):
        client = city.client("analyst", language=language)
        problem = problem_of(client.get(f"{API}/releases/rel_x"), 404)
        assert problem["detail"] == problem["messages"][wanted]
