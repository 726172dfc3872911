"""Every flow with an applicant and an approver, as rows that the attacks of I8 are run over.

A new kind of entry by which somebody approves something has a row here: a flow that is driven, the
test that attacks it elsewhere, or the reason why it is nobody's approval.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.tags import EntryKind
from catalog.book import drafting, review, signing
from foundation.identity import Role
from sandbox.packages import PackageAsked, PackageDesk
from tests.catalogue import ASSESSMENT, SYSTEM, entry_code
from tests.city import City
from tests.city_documents import (
    AUTHORITY,
    HOUSEHOLDS,
    OPERATOR,
    PROVIDER,
    catalogue_entry,
    licence_json,
)
from tests.registering import API, proposed
from tests.tariffs import price_json, tariff_json

K = EntryKind
Call = tuple[str, dict[str, Any] | None]
WHY = {"reason": "a reason"}
PRICES = "price_bureau"
COUNTY = "county"


@dataclass(frozen=True)
class Flow:
    """One flow: what is proposed, by which account, and how an approver approves it over HTTP.

    ``role`` and ``home`` are the approver's; ``house`` is the organisation it is decided about,
    empty where no other house than the approver's own gains by it.
    """

    name: str
    kinds: frozenset[EntryKind]
    applicant: str
    approver: str
    role: Role
    home: str
    house: str
    prepare: Callable[[City], Call]


def _posted(city: City, account: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = city.client(account).post(f"{API}{path}", json=body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _licence(city: City) -> Call:
    document = {**licence_json(), "authority": AUTHORITY}
    document.pop("id", None)
    return f"/licences/{_posted(city, 'founder', '/licences', document)['id']}/activate", None


def _population(city: City) -> Call:
    name = {"zh": "船", "en": "ships"}
    body = {"name": "ships", "label": name, "unit": name, "statement": "No other such units."}
    _posted(city, "founder", "/catalog/populations", body)
    return "/catalog/populations/ships/approval", None


def _delegation(city: City) -> Call:
    today = datetime.fromtimestamp(city.platform.clock.now_us() / 1e6, UTC)
    body = {
        "delegate": COUNTY,
        "powers": ["licence.suspend"],
        "datasets": ["colleges"],
        "valid_from": today.isoformat(),
        "valid_until": (today + timedelta(days=30)).isoformat(),
    }
    return f"/delegations/{_posted(city, 'founder', '/delegations', body)['id']}/confirm", None


def _tariff(city: City) -> Call:
    path = f"/licences/{city.licence}/tariffs"
    body = tariff_json(version="v2", prices=[price_json("call", 1_000_000)])
    return f"{path}/{_posted(city, 'founder', path, body)['digest']}/approval", None


def _scheme(city: City) -> Call:
    path = f"/licences/{city.licence}/schemes"
    body = {
        "version": "v2",
        "approval": "fictional approval 2",
        "shares": [{"payee": OPERATOR, "ppm": 1_000_000, "channel": "account"}],
    }
    return f"{path}/{_posted(city, 'founder', path, body)['digest']}/approval", {}


def _permitted(city: City) -> Call:
    body = {
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
    path = "/permitted-revenue"
    return f"{path}/{_posted(city, 'pricer', path, body)['digest']}/decision", None


def _money(city: City) -> Call:
    body = {"biller": OPERATOR, "payer": "harbour_buyer", "fen": 100, "bank_reference": "B1", **WHY}
    return f"/moves/{_posted(city, 'analyst', '/receipts/deposits', body)['id']}/approval", None


def _raise(city: City) -> Call:
    body = {
        "level": "population/city_households",
        "cap_nano_rho": 1_500_000_000,
        "cap_delta_steps": 500_000_000,
        **WHY,
    }
    path = "/budgets/raises"
    return f"{path}/{_posted(city, 'founder', path, body)['id']}/confirmation", None


def _package(city: City) -> Call:
    platform = city.platform
    desk = PackageDesk(platform.engine, platform.writer, lambda: ())
    asked = PackageAsked(package="pandas-extra", version="1.0", reason="a chart")
    request = desk.request(city.actor("analyst"), city.licence, asked)
    return f"/packages/requests/{request.id}/decision", {"decision": "approve", "comment": "fine"}


def _grant(city: City) -> Call:
    account = {"name": "friend", "organisation": OPERATOR}
    person = {
        "id": "friend",
        "name": "Friend",
        "organisations": [OPERATOR],
        "roles": ["operator"],
        "accounts": [account],
    }
    told = proposed(city.client("founder"), {"kind": "person", "person": person}, "friend")
    assert told.status_code == 201, told.text
    return f"/role-grants/{told.json()['id']}/confirm", None


def _entry(city: City) -> Call:
    book, steward = city.platform.book, city.actor("steward")
    declaration = {**HOUSEHOLDS, "entry": entry_code("ferries")}
    document = catalogue_entry(declaration, SYSTEM)
    draft = drafting.draft_entry(book, steward, PROVIDER, document).value
    for paper in signing.Paper:
        draft = signing.assess(book, steward, draft.entry_id, paper, ASSESSMENT).value
    signing.sign_off(book, city.actor("head"), draft.entry_id, draft.papers)
    review.submit_entry(book, steward, draft.entry_id)
    return f"/catalog/entries/{draft.entry_id}/publication", {"digest": draft.digest}


def _flow(
    name: str,
    kinds: set[EntryKind],
    prepare: Callable[[City], Call],
    house: str = "",
    *,
    applicant: str = "founder",
    approver: str = "approver",
    role: Role = Role.AUTHORITY,
    home: str = AUTHORITY,
) -> Flow:
    return Flow(name, frozenset(kinds), applicant, approver, role, home, house, prepare)


_PRICER: dict[str, Any] = {
    "applicant": "pricer",
    "approver": "second_pricer",
    "role": Role.PRICING,
    "home": PRICES,
}
_SECURITY: dict[str, Any] = {
    "approver": "security_admin",
    "role": Role.SECURITY_ADMINISTRATOR,
    "home": "platform",
}
FLOWS = (
    _flow("population", {K.POPULATION_APPROVED}, _population),
    _flow("delegation", {K.DELEGATION_CONFIRMED}, _delegation),
    _flow("tariff", {K.TARIFF_APPROVED}, _tariff, OPERATOR),
    _flow("scheme", {K.SCHEME_APPROVED}, _scheme, OPERATOR),
    _flow("permitted", {K.PERMITTED_DECIDED}, _permitted, OPERATOR, **_PRICER),
    _flow("money", {K.WALLET_DEPOSITED}, _money, OPERATOR, applicant="analyst"),
    _flow("raise", {K.BUDGET_RAISED}, _raise, OPERATOR),
    _flow("package", {K.PACKAGE_DECIDED}, _package, OPERATOR, applicant="analyst"),
    _flow("entry", {K.ENTRY_PUBLISHED}, _entry, PROVIDER, applicant="steward"),
    _flow("grant", {K.GRANT_CONFIRMED}, _grant, OPERATOR, **_SECURITY),
    _flow("licence", {K.LICENCE_ACTIVATED}, _licence, OPERATOR),
)

ELSEWHERE: Mapping[str, str] = {
    "access:binding:confirmed": "tests/integration/test_login_provider.py",
    "authorization:licence:resumed": "tests/attacks/test_divided_loyalty.py",
    "catalog:batch:published": "tests/unit/catalog/test_book_batches.py",
    "catalog:regrading:confirmed": "tests/attacks/test_sharing_room.py",
    "catalog:source:decided": "tests/unit/catalog/quality/test_sources.py",
    "catalog:consent:attached": "tests/attacks/test_sharing_room.py",
    "catalog:matter:extended": "tests/attacks/test_sharing_room.py",
    "catalog:zone:destroyed": "tests/attacks/test_sharing_room.py",
    "catalog:steward:assigned": "tests/unit/catalog/quality/test_quality_desk.py",
    "catalog:correction:referred": "tests/unit/catalog/quality/test_corrections.py",
    "catalog:correction:upheld": "tests/unit/catalog/quality/test_corrections.py",
    "catalog:entry:signed": "tests/unit/catalog/test_book_road.py",
    "catalog:batch:signed": "tests/unit/catalog/test_book_batches.py",
    "sharing:request:signed": "tests/unit/authorization/sharing/test_applying.py",
    "hall:representative:confirmed": "tests/unit/authorization/sharing/test_hall.py",
    "sharing:request:decided": "tests/unit/authorization/sharing/test_deciding.py",
    "sharing:use:resumed": "tests/attacks/test_sharing_room.py",
    "sharing:demand:matched": "tests/unit/authorization/sharing/test_demands.py",
    "sharing:promotion:decided": "tests/unit/authorization/sharing/test_demands.py",
    "sandbox:review:approved": "tests/attacks/test_unreviewed_production.py",
    "query:settlement:confirmed": "tests/unit/disclosure/test_budget_reopening.py",
    "release:request:voted": "tests/properties/test_release_machine.py",
    "release:check:excepted": "tests/integration/test_release_contents.py",
    "revenue:receipt:matched": "tests/unit/revenue/test_money_flow.py",
    "revenue:details:confirmed": "tests/unit/revenue/test_money_flow.py",
    "revenue:dispute:decided": "tests/unit/revenue/test_disputes.py",
    "retention:fields:erased": "tests/unit/audit/test_retention.py",
}
"""The same attacks on a flow that needs a scene of its own."""

NO_APPROVAL: Mapping[str, str] = {
    "query:question:decided": "decided by policy, not by a person",
    "debug:question:decided": "decided by policy, not by a person",
    "debug:claim:decided": "decided by policy, not by a person",
    "verify:claim:decided": "decided by policy, not by a person",
    "catalog:version:published": "a department publishes its own data; its entry was reviewed",
    "catalog:suggestion:decided": "a department takes or leaves a machine's suggestion of its own",
    "catalog:matter:settled": "the platform remarks that a clock has ended; silence never grants",
    "sharing:delivery:decided": "each delivery is judged by policy under a decision that stands",
    "sharing:responsibility:assigned": "the authority lists a duty, which gives nobody anything",
    "sharing:disposal:certified": "states what happened in the own house",
    "sandbox:destruction:certified": "states what happened",
    "revenue:statement:confirmed": "a payee agrees to its own line",
}
APPROVING = frozenset(
    {
        *("approved", "confirmed", "decided", "voted", "granted", "activated", "resumed"),
        *("published", "matched", "excepted", "settled", "certified", "erased", "consented"),
        *("extended", "attached", "assigned", "upheld", "referred"),
    }
)
