"""A platform that logs a lie about money that moved is caught by the verifier's own replay.

The entries here are doctored as if the platform itself had written and signed them so: journals,
seals and the log agree with each other, and only the figures are not what had to follow.
"""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from audit.events import AuditEvent, no_effect
from audit.store import entry as entry_table
from audit.tags import EntryKind
from audit.verify.approvals import verify_approvals
from audit.verify.evidence import Evidence, read_evidence
from audit.verify.findings import Report
from audit.verify.flow import verify_flow
from audit.verify.permitted import verify_permitted
from audit.writer import GroupCommitWriter
from authorization import store as authorization_store
from authorization.signing import document_bytes, document_digest
from foundation.db import reading
from foundation.identity import Actor, Role
from revenue.disputes.deciding import CorrectedLine
from revenue.disputes.states import DisputeState
from revenue.export import export_ledger
from revenue.permitted.decisions import decide_permitted, propose_permitted
from revenue.permitted.documents import PermittedRevenue
from tests.fakes import TickingClock
from tests.unit.revenue.flow_scene import CHIEF, CLERK, RULES, Scene
from tests.unit.revenue.settling import pot_scheme

PRICER, SECOND = (Actor(name, "prices", frozenset({Role.PRICING})) for name in ("chen", "wu"))
MAXIMUM = PermittedRevenue.model_validate(
    {
        "version": "v1",
        "approval": "价批〔2026〕9号",
        "operator": "operator",
        "first_year": 2026,
        "last_year": 2027,
        "survey_year": 2026,
        "treasury_year": 2025,
        "treasury_yield_ppm": 20_000,
        "treasury_source": "虚构示例",
        "margin_ppm": 30_000,
        "costs": [{"kind": "platform", "name_zh": "平台", "name_en": "Platform", "fen": 7_000}],
        "subsidy_fen": 0,
        "tax_ppm": 0,
    }
)
LOWERED = (
    CorrectedLine("platform", "account", 1_000),
    CorrectedLine("tax", "tax", 200),
    CorrectedLine("civil_affairs", "treasury", 1_800),
    CorrectedLine("education", "treasury", 1_000),
)
CHECKS = (verify_approvals, verify_permitted, verify_flow)


def checked(evidence: Evidence) -> set[str]:
    report = Report()
    for check in CHECKS:
        check(evidence, report)
    return {finding.code for finding in report.findings}


def evidence_of(scene: Scene) -> Evidence:
    with reading(scene.engine) as connection:
        files = dict(export_ledger(connection))
        bodies = connection.execute(select(entry_table.c.body).order_by(entry_table.c.idx))
        entries = [json.loads(body) for body in bodies.scalars()]
    documents = b"".join(document_bytes(one) + b"\n" for one in scene.licences.values())
    return read_evidence({**files, "licences.jsonl": documents}, entries, ())


@pytest.fixture
def evidence(engine: Engine, writer: GroupCommitWriter, clock: TickingClock) -> Evidence:
    return evidence_of(played(engine, writer, clock))


def played(engine: Engine, writer: GroupCommitWriter, clock: TickingClock) -> Scene:
    """Play two periods under a decided maximum; part payment, a lowered bill that was overpaid."""
    scene = Scene.over(engine, writer, clock)
    scene.licence()
    scene.licence("licence_b", fen=700)
    scene.licence("licence_c", fen=9, payer="city", scheme=pot_scheme())
    for licence in scene.licences.values():
        public = {"document_digest": document_digest(document_bytes(licence))}
        writer.submit(AuditEvent(EntryKind.LICENCE_ACTIVATED, CLERK, public), no_effect)
    scene.act(
        lambda connection, _entry: connection.execute(
            insert(authorization_store.organisation).values(
                id="prices", kind="pricing", name_zh="p", name_en="p", created_us=1
            )
        )
    )
    proposed = propose_permitted(writer, PRICER, MAXIMUM, RULES.permitted)
    decide_permitted(writer, SECOND, proposed.value.digest, RULES.permitted)
    scene.use(times=3)
    scene.settle()
    scene.receive(2_000)
    scene.confirm()
    scene.distribute()
    scene.receive(3_997)
    name = scene.dispute(hold=True)
    decision = scene.moves.propose_decision(CLERK, name, DisputeState.UPHELD, LOWERED, "依据")
    scene.approve(decision, CHIEF)
    scene.confirm()
    scene.distribute()
    scene.use(times=1)
    scene.use("licence_b", times=1)
    scene.next_period("p2", "p3")
    return scene


Change = Callable[[Evidence], None]


def of_kind(evidence: Evidence, kind: str, place: int = 0) -> dict[str, Any]:
    found: Any = evidence.of_kind(kind)[place]
    return found  # type: ignore[no-any-return]


def journal_of(evidence: Evidence, kind: str, place: int = 0) -> Any:
    return [one for one in evidence.journals if one["kind"] == kind][place]


def receipt_of_more(evidence: Evidence) -> None:
    of_kind(evidence, "revenue:receipt:matched")["public"]["subject"]["fen"] += 1


def matched_twice_over(evidence: Evidence) -> None:
    subject = of_kind(evidence, "revenue:receipt:matched", 1)["public"]["subject"]
    subject["fen"] += 5_000
    subject["matches"][0]["fen"] += 5_000
    for leg, sign in zip(journal_of(evidence, "receipt", 1)["postings"], (1, -1), strict=True):
        leg["fen"] += sign * 5_000


def fen_between_payees(evidence: Evidence) -> None:
    lines = of_kind(evidence, "revenue:pool:distributed")["public"]["subject"]["lines"]
    first, second = lines[0], lines[1]
    for name, sign in ((first, 1), (second, -1)):
        name["allotted_fen"] += sign
        name["paid_fen"] += sign
    for leg in journal_of(evidence, "distribution")["postings"]:
        for name, sign in ((first, 1), (second, -1)):
            if leg["account"] in {name["line"], f"accrued:{name['line']}"}:
                leg["fen"] += sign if leg["fen"] > 0 else -sign


def paid_before_it_came_in(evidence: Evidence) -> None:
    subject = of_kind(evidence, "revenue:receipt:matched")["public"]["subject"]
    period = subject["matches"][0]
    period["fen"] -= 500
    subject["fen"] -= 500
    for leg, sign in zip(journal_of(evidence, "receipt")["postings"], (-1, 1), strict=True):
        leg["fen"] += sign * 500


def confirmation_made_up(evidence: Evidence) -> None:
    of_kind(evidence, "revenue:statement:confirmed")["public"]["claim_digest"] = "sha256:0"


def confirmed_by_another(evidence: Evidence) -> None:
    of_kind(evidence, "revenue:statement:confirmed")["actor"]["organisation"] = "operator"


def confirmation_dropped(evidence: Evidence) -> None:
    of_kind(evidence, "revenue:statement:confirmed")["kind"] = "x"


def correction_not_decided(evidence: Evidence) -> None:
    lines = of_kind(evidence, "revenue:dispute:decided")["public"]["subject"]["lines"]
    lines[0]["fen"], lines[1]["fen"] = lines[0]["fen"] + 1, lines[1]["fen"] - 1


def correction_of_another_bill(evidence: Evidence) -> None:
    rule: Any = evidence.rules[journal_of(evidence, "correction")["rule_digest"]]
    rule["replaces"] = "journal_x"


def overpayment_kept(evidence: Evidence) -> None:
    matching = journal_of(evidence, "matching")
    matching["kind"] = "adjustment"


def hold_of_another(evidence: Evidence) -> None:
    of_kind(evidence, "revenue:dispute:opened")["actor"]["organisation"] = "platform"


def hold_kept(evidence: Evidence) -> None:
    journal_of(evidence, "release")["kind"] = "adjustment"


def paid_while_disputed(evidence: Evidence) -> None:
    decided = of_kind(evidence, "revenue:dispute:decided")
    paid = of_kind(evidence, "revenue:pool:distributed", 1)
    others: Any = evidence.entries
    others.remove(decided)
    others.insert(others.index(paid) + 1, decided)


def cap_lifted(evidence: Evidence) -> None:
    for pool in evidence.statements["statements/p2.json"]["pools"]:
        pool["permitted_left_fen"] = None


def cap_moved(evidence: Evidence) -> None:
    first, second = evidence.statements["statements/p2.json"]["pools"]
    first["permitted_left_fen"] += 1
    second["permitted_left_fen"] -= 1


def maximum_raised(evidence: Evidence) -> None:
    of_kind(evidence, "revenue:permitted:decided")["public"]["maxima_fen"]["2026"] += 1


def costs_padded(evidence: Evidence) -> None:
    for document in evidence.permitted.values():
        costs: Any = document["costs"]
        costs[0]["fen"] += 1


def decided_alone(evidence: Evidence) -> None:
    of_kind(evidence, "revenue:permitted:decided")["actor"]["person"] = PRICER.person


def proposed_after(evidence: Evidence) -> None:
    of_kind(evidence, "revenue:permitted:proposed")["index"] += 10_000


LIES: Mapping[str, tuple[Change, str]] = {
    "a receipt of more than the bank got": (receipt_of_more, "receipt_differs"),
    "a bill matched with more than it is": (matched_twice_over, "receipt_differs"),
    "a fen moved between payees": (fen_between_payees, "distribution_differs"),
    "money paid on that did not come in": (paid_before_it_came_in, "distribution_differs"),
    "a confirmation of something else": (confirmation_made_up, "confirmation_differs"),
    "a confirmation by another": (confirmed_by_another, "confirmation_differs"),
    "a payee paid in silence": (confirmation_dropped, "paid_unconfirmed"),
    "a correction that nobody decided": (correction_not_decided, "correction_differs"),
    "a correction of another bill": (correction_of_another_bill, "correction_differs"),
    "an overpayment kept": (overpayment_kept, "correction_differs"),
    "a hold of another's money": (hold_of_another, "hold_differs"),
    "a hold never released": (hold_kept, "hold_differs"),
    "a line paid while disputed": (paid_while_disputed, "paid_unconfirmed"),
    "a cap forgotten": (cap_lifted, "permitted_differs"),
    "a cap moved between licences": (cap_moved, "permitted_differs"),
    "a maximum raised in the log": (maximum_raised, "permitted_differs"),
    "costs padded in the document": (costs_padded, "permitted_differs"),
    "a maximum decided by its proposer": (decided_alone, "approval_not_by_two"),
    "a maximum decided before its proposal": (proposed_after, "approval_not_by_two"),
}


def test_what_truly_happened_is_found_to_follow(evidence: Evidence) -> None:
    assert checked(evidence) == set()
    kinds = {journal["kind"] for journal in evidence.journals}
    assert {"receipt", "distribution", "reversal", "correction", "matching"} <= kinds
    pools = evidence.statements["statements/p2.json"]["pools"]
    billed = sum(journal["fen"] for journal in journal_of(evidence, "correction")["postings"][:1])
    assert sum(pool["permitted_left_fen"] for pool in pools) == 7_350 - billed


@pytest.mark.parametrize("name", LIES)
def test_a_lie_in_the_log_is_named(evidence: Evidence, name: str) -> None:
    change, code = LIES[name]
    doctored = copy.deepcopy(evidence)
    change(doctored)
    fresh = Evidence(**{field: getattr(doctored, field) for field in Evidence.__dataclass_fields__})
    assert code in checked(fresh)


def test_a_tariff_or_scheme_approved_by_its_proposer_is_named(evidence: Evidence) -> None:
    for kind, name in (("tariff", "tariff_digest"), ("scheme", "scheme_digest")):
        for approver, codes in (("a", {"approval_not_by_two"}), ("b", set())):
            entries = [
                {
                    "index": index,
                    "kind": f"revenue:{kind}:{verb}",
                    "actor": {"person": person},
                    "public": {"licence": "l", name: "sha256:1"},
                }
                for index, (verb, person) in enumerate((("proposed", "a"), ("approved", approver)))
            ]
            fields = {one: getattr(evidence, one) for one in Evidence.__dataclass_fields__}
            report = Report()
            verify_approvals(Evidence(**{**fields, "entries": entries}), report)
            assert {finding.code for finding in report.findings} == codes
