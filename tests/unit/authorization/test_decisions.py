"""Who may ask what under which licence: strangers first, then wrong state, then the permit."""

from dataclasses import replace

import pytest

from authorization.compile import compile_licence
from authorization.decisions import (
    AccessRequest,
    BudgetObligation,
    Decision,
    Denial,
    FilterObligation,
    MaskObligation,
    Permit,
    check_decision,
    decide,
)
from authorization.enforcer import PolicySnapshot
from authorization.licences import Move
from authorization.lines import Action, Links
from authorization.revocation import Closure, SuspensionBoard
from catalog.datasets import Grade
from foundation.errors import Denied
from foundation.identity import Role
from tests.licensing import (
    LICENCE_ID,
    NOVEMBER_2026_US,
    PACK,
    PEOPLE,
    RULES,
    actor,
    declarations,
    licence_document,
    licence_json,
)

DATASETS = declarations()


def city_snapshot() -> PolicySnapshot:
    compiled = compile_licence(licence_document(), RULES)
    domain = f"lic:{LICENCE_ID}"
    members = frozenset(
        (f"person:{person.id}", held, domain)
        for person in PEOPLE.values()
        if "datawise" in person.organisations
        for held in (
            *(f"org:{name}" for name in person.organisations),
            *(f"role:{role}" for role in person.roles),
        )
    )
    return PolicySnapshot(
        PACK.access_model,
        compiled.lines,
        compiled.links.joined(Links(members=members)),
        {compiled.id: compiled},
    )


SNAPSHOT = city_snapshot()


def ask(
    board: SuspensionBoard,
    request: AccessRequest,
    now_us: int = NOVEMBER_2026_US,
) -> Decision:
    return decide(SNAPSHOT, board, request, now_us)


def rows(*columns: str, name: str = "analyst", dataset: str = "colleges") -> AccessRequest:
    return AccessRequest(actor(name), LICENCE_ID, Action.QUERY_ROWS, DATASETS[dataset], columns)


def aggregate(*columns: str, dataset: str = "households") -> AccessRequest:
    return AccessRequest(actor("analyst"), LICENCE_ID, Action.QUERY_DP, DATASETS[dataset], columns)


def denial(decision: Decision) -> Denial:
    assert isinstance(decision, Denial)
    return decision


@pytest.mark.parametrize("name", ["rival", "drafter", "inspector", "clerk"])
def test_a_stranger_and_an_unknown_licence_read_alike(board: SuspensionBoard, name: str) -> None:
    stranger = denial(ask(board, rows("state", name=name)))
    unknown = denial(ask(board, replace(rows("state"), licence_id="lic_" + "z" * 26)))
    assert stranger == unknown
    assert stranger.code == "licence_not_usable"


def test_a_member_of_the_payer_is_denied_by_the_line_that_says_so(board: SuspensionBoard) -> None:
    found = denial(ask(board, rows("state", name="double")))
    assert found.code == "denied_by_rule"
    assert found.line is not None
    assert found.line.sub == "org:insurer"


def test_a_closed_licence_is_denied(board: SuspensionBoard) -> None:
    board.close(Closure("closure_x", LICENCE_ID, Move.SUSPEND, "misuse", "signer", 1))
    assert denial(ask(board, rows("state"))).code == "licence_not_in_force"


def test_the_term_begins_and_ends_on_its_instants(board: SuspensionBoard) -> None:
    licence = SNAPSHOT.licences[LICENCE_ID]
    times = {
        licence.valid_from_us - 1: False,
        licence.valid_from_us: True,
        licence.valid_until_us - 1: True,
        licence.valid_until_us: False,
    }
    for now_us, allowed in times.items():
        assert isinstance(ask(board, rows("state"), now_us), Permit) is allowed


def test_a_column_not_granted_and_one_that_does_not_exist_read_alike(
    board: SuspensionBoard,
) -> None:
    closed = denial(ask(board, aggregate("diagnosis")))
    missing = denial(ask(board, aggregate("nothing")))
    assert replace(closed, field=None) == replace(missing, field=None)
    assert closed.code == "not_granted"


def test_one_column_outside_the_licence_denies_the_whole(board: SuspensionBoard) -> None:
    assert isinstance(ask(board, rows("state", "title")), Permit)
    assert denial(ask(board, rows("state", "title", "debt"))).field == "debt"


def test_an_aggregate_column_asked_as_rows_is_told_the_way_out(board: SuspensionBoard) -> None:
    found = denial(ask(board, rows("income", dataset="households")))
    assert found.way_out is None  # the data set itself is not granted as rows
    both = [
        {"dataset": "colleges", "modes": ["rows"], "columns": ["state"]},
        {"dataset": "colleges", "modes": ["aggregate"], "columns": ["debt"]},
    ]
    document = licence_document(grants=both, budgets=[])
    compiled = compile_licence(document, RULES)
    member = ("person:analyst", "role:operator", f"lic:{LICENCE_ID}")
    links = compiled.links.joined(Links(members=frozenset({member})))
    snapshot = PolicySnapshot(PACK.access_model, compiled.lines, links, {compiled.id: compiled})
    refused = denial(decide(snapshot, board, rows("debt"), NOVEMBER_2026_US))
    assert refused.way_out is not None
    assert "sum" in refused.way_out.en


def test_a_column_regraded_above_the_line_is_denied(board: SuspensionBoard) -> None:
    colleges = DATASETS["colleges"]
    columns = tuple(
        column.model_copy(update={"grade": Grade.L3}) if column.name == "title" else column
        for column in colleges.columns
    )
    request = replace(rows("title"), dataset=colleges.model_copy(update={"columns": columns}))
    assert denial(ask(board, request)).code == "not_granted"


def test_a_mode_not_granted_is_denied(board: SuspensionBoard) -> None:
    assert isinstance(ask(board, aggregate("state", dataset="colleges")), Denial)
    assert isinstance(ask(board, rows(dataset="households")), Denial)


def test_a_denial_is_raised_as_denied(board: SuspensionBoard) -> None:
    with pytest.raises(Denied, match="not_granted"):
        check_decision(ask(board, aggregate("diagnosis")))


def test_rows_are_permitted_under_mask_and_filter(board: SuspensionBoard) -> None:
    permit = check_decision(ask(board, rows("state", "title")))
    kinds = [type(found) for found in permit.obligations]
    assert kinds == [MaskObligation, FilterObligation]
    assert permit.snapshot_digest == SNAPSHOT.digest
    assert {line.eft for line in permit.lines} == {"allow"}


def test_aggregates_are_permitted_under_the_budget_of_their_population(
    board: SuspensionBoard,
) -> None:
    permit = check_decision(ask(board, aggregate("state", "income")))
    assert permit.obligations == (BudgetObligation("residents", 1_000_000_000, 100_000_000),)


def test_sessions_and_releases_are_permitted(board: SuspensionBoard) -> None:
    analyst = actor("analyst")
    opening = AccessRequest(analyst, LICENCE_ID, Action.SESSION_OPEN)
    release = AccessRequest(analyst, LICENCE_ID, Action.RELEASE_REQUEST, DATASETS["households"])
    assert isinstance(ask(board, opening), Permit)
    assert isinstance(ask(board, release), Permit)


def test_a_token_that_claims_a_role_the_registry_does_not_know_is_denied(
    board: SuspensionBoard,
) -> None:
    forged = actor("clerk", roles=frozenset({Role.OPERATOR}))
    assert isinstance(ask(board, replace(rows("state"), actor=forged)), Denial)


def test_the_purpose_is_the_scenarios(board: SuspensionBoard) -> None:
    permit = check_decision(ask(board, rows("state")))
    assert {line.purpose for line in permit.lines} == {licence_json()["scenario"]["purpose"]}
