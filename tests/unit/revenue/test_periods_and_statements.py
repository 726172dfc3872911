import json
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, func, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer, no_effect
from audit.store import entry
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from authorization.revenue_terms import Purpose
from foundation.canonical import digest
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, Unavailable
from foundation.identity import Actor
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import RevenueRules
from revenue.corrections import reverse_journal
from revenue.export import export_ledger
from revenue.ledger import balances
from revenue.periods import close_period, open_period, open_period_id
from revenue.readable import readable_payee, readable_period
from revenue.statements import payee_statement, payees_of, period_statement
from revenue.store import accrual, journal, usage
from revenue.usage import Usage, meter_fetch
from tests.unit.revenue.selling import make_licence

Fetch = Callable[..., Recorded[Usage]]


@pytest.fixture
def fetch(writer: Writer, developer: Actor, rules: RevenueRules) -> Fetch:
    """Meter a fetch beside its entry, as ``service.shop`` does."""

    def once(licence: LicenceDocument, buyer: str = "enterprise") -> Recorded[Usage]:
        def apply(connection: Connection, pending: PendingEntry) -> Usage:
            return meter_fetch(
                connection, pending, licence=licence, product="rel_1", buyer=buyer, rules=rules
            )

        return writer.submit(AuditEvent(EntryKind.PRODUCT_FETCHED, developer), apply)

    return once


def body_of(engine: Engine, index: int) -> dict[str, object]:
    with reading(engine) as connection:
        stored = connection.execute(select(entry.c.body).where(entry.c.idx == index)).scalar_one()
    whole: dict[str, object] = json.loads(stored)
    return whole


def test_only_the_authority_opens_or_closes_a_period(writer: Writer, developer: Actor) -> None:
    for command in (open_period, close_period):
        with pytest.raises(Denied, match="authority_required"):
            command(writer, developer, "2026-11")


@pytest.mark.parametrize("name", ["", "2026/11", "A", "x" * 41, "2026-11\n"])
def test_a_period_has_a_plain_name(writer: Writer, authority: Actor, name: str) -> None:
    with pytest.raises(InvalidInput, match="period_name_invalid"):
        open_period(writer, authority, name)


def test_a_second_period_waits_for_the_first(writer: Writer, authority: Actor) -> None:
    open_period(writer, authority, "2026-11")
    with pytest.raises(Conflict, match="period_exists"):
        open_period(writer, authority, "2026-12")


def test_a_closed_period_neither_closes_nor_opens_again(writer: Writer, authority: Actor) -> None:
    open_period(writer, authority, "2026-11")
    close_period(writer, authority, "2026-11")
    with pytest.raises(Conflict, match="period_not_open"):
        close_period(writer, authority, "2026-11")
    with pytest.raises(Conflict, match="period_exists"):
        open_period(writer, authority, "2026-11")


def test_no_fetch_is_metered_outside_a_period(engine: Engine, fetch: Fetch) -> None:
    with pytest.raises(Conflict, match="no_open_period"):
        fetch(make_licence())
    with reading(engine) as connection:
        assert connection.execute(select(entry.c.kind)).scalars().all() == []


def test_a_product_without_an_approved_tariff_leaves_no_trace_in_the_ledger(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    with pytest.raises(Denied, match="tariff_not_approved"):
        fetch(make_licence(approval=" "))
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(usage)).scalar() == 0
        kinds = connection.execute(select(entry.c.kind).order_by(entry.c.idx)).scalars().all()
    assert kinds == [EntryKind.PERIOD_OPENED.value]


def test_a_statement_exists_only_after_the_close_and_for_its_payees(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    fetch(make_licence())
    with reading(engine) as connection, pytest.raises(NotFound, match="statement_unknown"):
        period_statement(connection, "2026-11")
    close_period(writer, authority, "2026-11")
    with reading(engine) as connection, pytest.raises(NotFound, match="statement_unknown"):
        payee_statement(connection, "2026-11", "stranger")


def test_the_log_entry_of_a_fetch_names_its_rule_and_commits_to_what_it_accrues(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    metered = fetch(make_licence())
    public = body_of(engine, metered.index)["public"]
    assert isinstance(public, dict)
    assert public["product"] == "rel_1"
    assert public["buyer"] == "enterprise"
    assert public["tariff_version"] == "licence_a-t1"
    assert public["rule_digest"] == metered.value.rule_digest
    with reading(engine) as connection:
        query = select(accrual.c.payee, accrual.c.micro_fen).order_by(accrual.c.payee)
        lines = [{"payee": p, "micro_fen": m} for p, m in connection.execute(query)]
    assert public["accruals_digest"] == digest(lines)
    assert sum(int(line["micro_fen"]) for line in lines) == 1_999 * MICRO_FEN_PER_FEN


def test_closing_pays_the_pool_to_the_fen_and_commits_to_the_statement(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    indexes = [fetch(make_licence()).index for _ in range(3)]
    closed = close_period(writer, authority, "2026-11")
    with reading(engine) as connection:
        document = period_statement(connection, "2026-11").document
        ledger = balances(connection)
    assert document["pool_fen"] == 3 * 1_999 == sum(line["fen"] for line in document["lines"])
    assert document["close_index"] == closed.index
    assert document["pools"][0]["audit_indexes"] == indexes
    # 5,997 fen less 6 % leave 5,637.18 fen, a third each; the largest remainders get the rest.
    assert ledger == {
        "receivable:operator:enterprise": 5_997,
        "tax:tax": -360,
        "treasury:civil_affairs": -1_879,
        "treasury:education": -1_879,
        "account:platform": -1_879,
    }
    public = body_of(engine, closed.index)["public"]
    assert isinstance(public, dict)
    assert public["statement_digest"] == document["digest"] == closed.value.statement_digest
    body = {key: value for key, value in document.items() if key != "digest"}
    assert digest(body) == document["digest"]


def test_a_payees_statement_names_every_fetch_it_rests_on(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    indexes = [fetch(make_licence()).index for _ in range(3)]
    close_period(writer, authority, "2026-11")
    with reading(engine) as connection:
        document = payee_statement(connection, "2026-11", "education")
        assert payees_of(connection, "2026-11") == ("civil_affairs", "education", "platform", "tax")
    (line,) = document["lines"]
    assert [item["audit_index"] for item in line["fetches"]] == indexes
    assert sum(item["micro_fen"] for item in line["fetches"]) == document["micro_fen"]
    assert abs(document["fen"] * MICRO_FEN_PER_FEN - document["micro_fen"]) < MICRO_FEN_PER_FEN
    assert line["channel"] == "treasury"


@pytest.mark.parametrize("purpose", [Purpose.PUBLIC_GOVERNANCE, Purpose.PUBLIC_WELFARE])
def test_free_purposes_are_metered_at_zero(
    engine: Engine,
    writer: Writer,
    authority: Actor,
    fetch: Fetch,
    purpose: Purpose,
) -> None:
    open_period(writer, authority, "2026-11")
    metered = fetch(make_licence(price_class=purpose))
    closed = close_period(writer, authority, "2026-11")
    assert closed.value.journals == ()
    with reading(engine) as connection:
        document = payee_statement(connection, "2026-11", "education")
        assert connection.execute(select(func.sum(accrual.c.micro_fen))).scalar() == 0
    assert document["fen"] == 0
    assert document["lines"][0]["fetches"] == [{"audit_index": metered.index, "micro_fen": 0}]


def test_each_licence_has_a_pool_and_a_journal_of_its_own(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    fetch(make_licence())
    fetch(make_licence("licence_b", payer="other"), buyer="enterprise")
    fetch(make_licence("licence_c", fen=7, payer="city", shares=(("transport", 10**6),)))
    closed = close_period(writer, authority, "2026-11")
    assert len(closed.value.journals) == 3
    with reading(engine) as connection:
        ledger = balances(connection)
        document = period_statement(connection, "2026-11").document
    assert ledger["receivable:operator:enterprise"] == 1_999
    assert ledger["receivable:operator:other"] == 1_999
    assert ledger["receivable:operator:city"] == 7
    assert sum(ledger.values()) == 0
    assert document["scheme"] == "licence_a-s1, licence_b-s1, licence_c-s1"
    for pool in document["pools"]:
        lines = [x for x in document["lines"] if x["rule_digest"] == pool["rule_digest"]]
        assert sum(line["fen"] for line in lines) == pool["pool_fen"]


def test_a_reversal_needs_the_authority_an_open_period_and_a_journal(
    writer: Writer, authority: Actor, developer: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    fetch(make_licence())
    (settled,) = close_period(writer, authority, "2026-11").value.journals
    with pytest.raises(Denied, match="authority_required"):
        reverse_journal(writer, developer, settled, "mistake")
    with pytest.raises(Conflict, match="no_open_period"):
        reverse_journal(writer, authority, settled, "mistake")
    open_period(writer, authority, "2026-12")
    with pytest.raises(NotFound, match="journal_unknown"):
        reverse_journal(writer, authority, "journal_none", "mistake")


def test_a_reversal_lands_in_the_open_period_and_is_listed_apart(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    fetch(make_licence())
    (settled,) = close_period(writer, authority, "2026-11").value.journals
    open_period(writer, authority, "2026-12")
    reversal = reverse_journal(writer, authority, settled, "mistake")
    with pytest.raises(Conflict, match="reversal_final"):
        reverse_journal(writer, authority, reversal.value.id, "mistake")
    close_period(writer, authority, "2026-12")
    with reading(engine) as connection:
        assert set(balances(connection).values()) == {0}
        (adjustment,) = period_statement(connection, "2026-12").document["adjustments"]
    assert adjustment["reverses"] == settled
    public = body_of(engine, reversal.index)["public"]
    assert isinstance(public, dict)
    assert public["reversal_digest"] == reversal.value.digest


def test_a_journal_is_reversed_once(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    fetch(make_licence())
    (settled,) = close_period(writer, authority, "2026-11").value.journals
    open_period(writer, authority, "2026-12")
    reverse_journal(writer, authority, settled, "mistake")
    with pytest.raises(Conflict, match="journal_reversed"):
        reverse_journal(writer, authority, settled, "mistake")
    with reading(engine) as connection:
        assert set(balances(connection).values()) == {0}


def test_nothing_is_settled_where_accruals_are_not_what_was_metered(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    metered = fetch(make_licence())
    with engine.begin() as connection:
        connection.execute(
            insert(accrual).values(
                audit_index=metered.index,
                payee="stranger",
                rule_digest=metered.value.rule_digest,
                channel="account",
                micro_fen=MICRO_FEN_PER_FEN,
            )
        )
    with pytest.raises(Unavailable, match="ledger_inconsistent"):
        close_period(writer, authority, "2026-11")
    with reading(engine) as connection:
        assert open_period_id(connection) == "2026-11"


def test_statements_read_in_both_languages_and_say_that_they_are_fictional(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    open_period(writer, authority, "2026-11")
    for _ in range(25):
        fetch(make_licence())
    close_period(writer, authority, "2026-11")
    with reading(engine) as connection:
        whole = readable_period(period_statement(connection, "2026-11").document)
        one = readable_payee(payee_statement(connection, "2026-11", "education"))
    assert "虚构示例" in whole.markdown("zh")
    assert "Fictional" in one.markdown("en")
    assert "国库（非税收入）" in whole.markdown("zh")
    assert "499.75" in whole.markdown("en")
    assert "and 5 more" in one.markdown("en")


def test_the_export_holds_the_ledger_in_the_shape_the_verifier_reads(
    engine: Engine, writer: Writer, authority: Actor, fetch: Fetch
) -> None:
    writer.submit(AuditEvent(EntryKind.SERVICE_STARTED, authority), no_effect)
    open_period(writer, authority, "2026-11")
    metered = fetch(make_licence())
    closed = close_period(writer, authority, "2026-11")
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
    accruals = [json.loads(text) for text in files["accruals.jsonl"].splitlines()]
    assert {item["audit_index"] for item in accruals} == {metered.index}
    rule = json.loads(files[f"rules/{metered.value.rule_digest.removeprefix('sha256:')}.json"])
    assert digest(rule) == metered.value.rule_digest
    assert json.loads(files["statements/2026-11.json"])["close_index"] == closed.index
