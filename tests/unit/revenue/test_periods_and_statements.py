"""Periods by the real writer: opened, closed once, settled, and committed to in the log."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, func, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer, no_effect
from audit.store import entry
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from authorization.revenue_terms import Purpose
from foundation.canonical import digest
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import Actor
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import RevenueRules
from revenue.export import export_ledger
from revenue.ledger import balances
from revenue.metering import Metered
from revenue.periods import ClosedPeriod, close_period, open_period, open_period_id
from revenue.readable import readable_payee, readable_period
from revenue.schemes.versions import scheme_digest
from revenue.statements import payee_statement, payees_of, period_statement
from revenue.store import journal
from revenue.usage_store import usage
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import Asked, bill, keep_licences

Fetch = Callable[..., Recorded[Metered]]
Close = Callable[[str], Recorded[ClosedPeriod]]
LICENCES = (
    make_licence(),
    make_licence("licence_b", payer="other"),
    make_licence("licence_c", fen=7, payer="city", shares=(("transport", 10**6),)),
    make_licence("licence_free", price_class=Purpose.PUBLIC_WELFARE),
    make_licence("licence_bare", approval=" "),
)
FIRST, SECOND, THIRD, FREE, BARE = LICENCES


@pytest.fixture
def fetch(writer: Writer, developer: Actor) -> Fetch:
    """Meter a fetch beside its entry, as ``service.shop`` does."""
    writer.submit(
        AuditEvent(EntryKind.SERVICE_STARTED, developer),
        lambda connection, _: keep_licences(connection, LICENCES),
    )

    def once(licence: LicenceDocument, buyer: str = "enterprise") -> Recorded[Metered]:
        def apply(connection: Connection, pending: PendingEntry) -> Metered:
            return bill(connection, pending, Asked(licence, "k", {"households": 0}, buyer=buyer))

        return writer.submit(AuditEvent(EntryKind.PRODUCT_FETCHED, developer), apply)

    return once


@pytest.fixture
def close(writer: Writer, authority: Actor, rules: RevenueRules) -> Close:
    """Close a period by the authority's command."""
    return lambda period: close_period(writer, authority, period, rules)


def body_of(engine: Engine, index: int) -> dict[str, object]:
    with reading(engine) as connection:
        stored = connection.execute(select(entry.c.body).where(entry.c.idx == index)).scalar_one()
    whole: dict[str, object] = json.loads(stored)
    return whole


def test_only_the_authority_opens_or_closes_a_period(
    writer: Writer, developer: Actor, rules: RevenueRules
) -> None:
    with pytest.raises(Denied, match="authority_required"):
        open_period(writer, developer, "2026-11")
    with pytest.raises(Denied, match="authority_required"):
        close_period(writer, developer, "2026-11", rules)


@pytest.mark.parametrize("name", ["", "2026/11", "A", "x" * 41, "2026-11\n"])
def test_a_period_has_a_plain_name(writer: Writer, authority: Actor, name: str) -> None:
    with pytest.raises(InvalidInput, match="period_name_invalid"):
        open_period(writer, authority, name)


def test_a_second_period_waits_for_the_first(writer: Writer, authority: Actor) -> None:
    open_period(writer, authority, "2026-11")
    with pytest.raises(Conflict, match="period_exists"):
        open_period(writer, authority, "2026-12")


def test_a_closed_period_neither_closes_nor_opens_again(
    writer: Writer, authority: Actor, close: Close
) -> None:
    open_period(writer, authority, "2026-11")
    close("2026-11")
    with pytest.raises(Conflict, match="period_not_open"):
        close("2026-11")
    with pytest.raises(Conflict, match="period_exists"):
        open_period(writer, authority, "2026-11")


def test_a_product_without_an_approved_tariff_leaves_no_trace_in_the_ledger(
    engine: Engine, fetch: Fetch
) -> None:
    with pytest.raises(Denied, match="tariff_not_approved"):
        fetch(BARE)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(usage)).scalar() == 0
        kinds = connection.execute(select(entry.c.kind).order_by(entry.c.idx)).scalars().all()
    assert kinds == [EntryKind.SERVICE_STARTED.value]


def test_a_statement_exists_only_after_the_close_and_for_its_payees(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch, close: Close
) -> None:
    open_period(writer, authority, "2026-11")
    fetch(FIRST)
    with reading(engine) as connection, pytest.raises(NotFound, match="statement_unknown"):
        period_statement(connection, "2026-11")
    close("2026-11")
    with reading(engine) as connection, pytest.raises(NotFound, match="statement_unknown"):
        payee_statement(connection, "2026-11", "stranger")


def test_closing_pays_the_pool_to_the_fen_and_commits_to_the_statement(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch, close: Close
) -> None:
    open_period(writer, authority, "2026-11")
    for _ in range(3):
        fetch(FIRST)
    closed = close("2026-11")
    with reading(engine) as connection:
        document = period_statement(connection, "2026-11").document
        ledger = balances(connection)
        assert payees_of(connection, "2026-11") == ("civil_affairs", "education", "platform", "tax")
        payee = payee_statement(connection, "2026-11", "education")
    assert document["pool_fen"] == 3 * 1_999 == sum(line["fen"] for line in document["lines"])
    assert document["close_index"] == closed.index
    assert document["pools"][0]["usage_count"] == 3
    # 5,997 fen hold 339.45 of tax; 5,657.55 are left, a third each; the fractions are carried.
    assert ledger == {
        "receivable:operator:enterprise": 5_997,
        "accrued:tax:tax": -339,
        "accrued:treasury:civil_affairs": -1_886,
        "accrued:treasury:education": -1_886,
        "accrued:account:platform": -1_886,
    }
    public = body_of(engine, closed.index)["public"]
    assert isinstance(public, dict)
    assert public["statement_digest"] == document["digest"] == closed.value.statement_digest
    body = {key: value for key, value in document.items() if key != "digest"}
    assert digest(body) == document["digest"]
    (line,) = payee["lines"]
    assert (line["channel"], line["fen"]) == ("treasury", 1_886)
    assert abs(payee["fen"] * MICRO_FEN_PER_FEN - payee["micro_fen"]) < MICRO_FEN_PER_FEN


def test_free_purposes_are_metered_at_zero(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch, close: Close
) -> None:
    open_period(writer, authority, "2026-11")
    fetch(FREE)
    closed = close("2026-11")
    assert closed.value.journals == ()
    with reading(engine) as connection:
        document = payee_statement(connection, "2026-11", "education")
        (pool,) = period_statement(connection, "2026-11").document["pools"]
    assert document["fen"] == 0
    assert (pool["usage_count"], pool["billed_fen"]) == (1, 0)


def test_each_licence_has_a_pool_and_a_journal_of_its_own(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch, close: Close
) -> None:
    open_period(writer, authority, "2026-11")
    for licence in (FIRST, SECOND, THIRD):
        fetch(licence)
    closed = close("2026-11")
    assert len(closed.value.journals) == 3
    with reading(engine) as connection:
        ledger = balances(connection)
        document = period_statement(connection, "2026-11").document
    assert ledger["receivable:operator:enterprise"] == 1_999
    assert ledger["receivable:operator:other"] == 1_999
    assert ledger["receivable:operator:city"] == 7
    assert sum(ledger.values()) == 0
    assert [pool["scheme_digest"] for pool in document["pools"]] == [
        scheme_digest(licence.scheme) for licence in (FIRST, SECOND, THIRD)
    ]
    for pool in document["pools"]:
        assert sum(line["fen"] for line in pool["lines"]) == pool["billed_fen"]


def test_statements_read_in_both_languages_and_say_that_they_are_fictional(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch, close: Close
) -> None:
    open_period(writer, authority, "2026-11")
    for _ in range(25):
        fetch(FIRST)
    close("2026-11")
    with reading(engine) as connection:
        document = period_statement(connection, "2026-11").document
        one = readable_payee(payee_statement(connection, "2026-11", "education"), document["pools"])
    whole = readable_period(document)
    assert "虚构示例" in whole.markdown("zh")
    assert "Fictional" in one.markdown("en")
    assert "国库（非税收入）" in whole.markdown("zh")
    assert "499.75" in whole.markdown("en")


def test_the_export_holds_the_ledger_in_the_shape_the_verifier_reads(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch, close: Close
) -> None:
    writer.submit(AuditEvent(EntryKind.SERVICE_STARTED, authority), no_effect)
    open_period(writer, authority, "2026-11")
    metered = fetch(FIRST)
    closed = close("2026-11")
    with reading(engine) as connection:
        files = export_ledger(connection)
        assert files == export_ledger(connection)
        assert connection.execute(select(func.count()).select_from(journal)).scalar() == 1
        assert open_period_id(connection) is None
    (line,) = [json.loads(text) for text in files["journals.jsonl"].splitlines()]
    assert line["audit_index"] == closed.index
    assert line["audit_leaf"] == closed.leaf_hash.hex()
    content = {key: value for key, value in line.items() if key not in {"digest", "audit_leaf"}}
    assert digest(content) == line["digest"]
    used = [json.loads(text) for text in files["usage.jsonl"].splitlines()]
    assert {item["audit_index"] for item in used} == {metered.index}
    named = {"rules": metered.value.rule.digest, "schemes": scheme_digest(FIRST.scheme)}
    for folder, name in named.items():
        document = json.loads(files[f"{folder}/{name.removeprefix('sha256:')}.json"])
        assert digest(document) == name
    assert json.loads(files["statements/2026-11.json"])["close_index"] == closed.index
