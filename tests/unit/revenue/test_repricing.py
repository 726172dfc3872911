"""Free use billed after all: never by one person, nor by anybody near who is paid or who pays."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select

from audit.verify.approvals import verify_approvals
from audit.verify.findings import Report
from audit.writer import GroupCommitWriter
from authorization import store as authorization_store
from foundation.db import reading
from foundation.errors import Denied, SandgateError
from foundation.identity import Actor, Role
from policies.schema.revenue import Meter
from revenue.billing import Billing
from revenue.metering import Use
from revenue.repricing import Basis, Declared, Repricing
from revenue.schemes.versions import scheme_digest_in_force
from revenue.usage_store import usage
from tests.fakes import TickingClock
from tests.unit.revenue.flow_scene import (
    BUYER,
    CHIEF,
    CLERK,
    LATECOMER,
    REGULATOR,
    RULES,
    SERVICE,
    TELLER,
    Scene,
)

SECOND = Actor("chen", "data_bureau", frozenset({Role.AUTHORITY}))
INSIDER = Actor("sun", "data_bureau", frozenset({Role.AUTHORITY}))
BILLING = Billing(RULES, scheme_digest_in_force)


def basis(_connection: Connection, _licence: Any, index: int, _product: str) -> Basis:
    return Basis((), f"k{index}")


@pytest.fixture
def scene(engine: Engine, writer: GroupCommitWriter) -> Scene:
    """A licence of industry, and one use of a free licence, still the newest entry."""
    made = Scene.over(engine, writer, TickingClock())
    made.moves = replace(made.moves, repricing=Repricing(BILLING, basis))
    made.licence("pays")
    free = made.licence("gave", price_class="public_welfare")
    use = Use(free, "table", "enterprise", {Meter.FETCH: 1}, (), "q")
    made.act(lambda connection, entry: BILLING.bill(connection, entry, use))
    return made


def given(scene: Scene) -> Declared:
    with reading(scene.engine) as connection:
        query = select(usage.c.audit_index).where(usage.c.licence == "gave")
        return Declared("pays", "gave", (int(connection.execute(query).scalar_one()),))


def proposed(scene: Scene, actor: Actor = CLERK) -> str:
    return scene.moves.propose_repricing(actor, given(scene), "成品由此而来").value.id


def billed(scene: Scene) -> int:
    with reading(scene.engine) as connection:
        query = select(usage.c.gross_micro_fen).where(usage.c.licence == "pays")
        return sum(connection.execute(query).scalars())


def join(scene: Scene, person: str, organisation: str) -> None:
    """Let a person belong to one more organisation."""
    table = authorization_store

    def apply(connection: Connection, _entry: Any) -> None:
        known = set(connection.execute(select(table.organisation.c.id)).scalars())
        if organisation not in known:
            connection.execute(
                insert(table.organisation).values(
                    id=organisation, kind="developer", name_zh="企", name_en="e", created_us=1
                )
            )
        connection.execute(
            insert(table.person).values(id=person, kind="person", name=person, created_us=1)
        )
        connection.execute(
            insert(table.affiliation).values(person=person, organisation=organisation, since_us=1)
        )

    scene.act(apply)


@pytest.mark.parametrize("actor", [CHIEF, BUYER, TELLER, REGULATOR, SERVICE])
def test_only_a_person_of_the_authority_proposes(scene: Scene, actor: Actor) -> None:
    with pytest.raises(Denied):
        proposed(scene, actor)


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        (CLERK, "applicant_cannot_approve"),
        (CHIEF, "role_missing"),
        (LATECOMER, "account_younger_than_request"),
        (SERVICE, "service_account_cannot_approve"),
        (TELLER, "role_missing"),
    ],
)
def test_nobody_but_a_second_person_of_the_authority_approves(
    scene: Scene, actor: Actor, code: str
) -> None:
    move = proposed(scene)
    with pytest.raises(SandgateError, match=code):
        scene.moves.approve(actor, move)
    assert billed(scene) == 0


@pytest.mark.parametrize(
    ("organisation", "code"),
    [("enterprise", "checker_of_the_buyer"), ("operator", "checker_of_same_organisation")],
)
def test_nobody_near_the_payer_or_the_biller_proposes_or_approves(
    scene: Scene, organisation: str, code: str
) -> None:
    move = proposed(scene)
    join(scene, INSIDER.person, organisation)
    with pytest.raises(Denied, match=code):
        scene.moves.approve(INSIDER, move)
    with pytest.raises(Denied, match=code):
        proposed(scene, INSIDER)
    assert billed(scene) == 0


def test_two_persons_bill_it_once(scene: Scene) -> None:
    first, other = proposed(scene), proposed(scene)
    scene.moves.approve(SECOND, first)
    price = billed(scene)
    assert price == given_price(scene)
    for move, code in ((first, "move_decided"), (other, "usage_repriced")):
        with pytest.raises(SandgateError, match=code):
            scene.moves.approve(SECOND, move)
    assert billed(scene) == price


def given_price(scene: Scene) -> int:
    return next(
        price.micro_fen
        for price in scene.licences["pays"].product.tariff.prices
        if price.meter is Meter.FETCH
    )


class _Log:
    """Two entries, as the verifier reads them."""

    def __init__(self, approver: str, **changes: Any) -> None:
        subject = {"licence": "pays", "source_licence": "gave", "outcomes": [3]}
        usage_ = [{"source_index": 3, "meter": "fetch"}]
        public = {"move": "m", "subject": subject, **subject, "usage": usage_, **changes}
        proposal = {"move": "m", "move_kind": "repricing", "subject": subject}
        self.kinds = {
            "revenue:move:proposed": [
                {"index": 4, "actor": {"person": "a"}, "public": proposal},
            ],
            "revenue:usage:repriced": [
                {"index": 5, "actor": {"person": approver}, "public": public},
            ],
        }

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return self.kinds.get(kind, [])


@pytest.mark.parametrize(
    ("log", "codes"),
    [
        (_Log("b"), set()),
        (_Log("a"), {"approval_not_by_two"}),
        (_Log("b", move="other"), {"approval_not_by_two"}),
        (_Log("b", outcomes=[3, 2]), {"repricing_differs"}),
        (_Log("b", usage=[{"source_index": 2, "meter": "fetch"}]), {"repricing_differs"}),
    ],
)
def test_the_verifier_names_what_one_person_or_nobody_proposed(log: Any, codes: set[str]) -> None:
    report = Report()
    verify_approvals(log, report)
    assert {finding.code for finding in report.findings} == codes
