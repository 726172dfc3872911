"""Settling periods: what is refused, who pays from where, and where every fen goes."""

from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import DatabaseError

from authorization.documents import LicenceDocument
from authorization.scheme_terms import FixedAmount, ShareScheme
from foundation.db import reading
from foundation.errors import NotFound, Unavailable
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import Meter
from revenue.carries import carried_by_payee
from revenue.kinds import JournalKind
from revenue.ledger import Account, JournalRequest, Posting, balances, post
from revenue.permitted.store import permitted_decision, permitted_proposal
from revenue.pool_store import carry, pool
from revenue.pools import pools_of
from revenue.settlement_rules import compile_rule, keep_rule
from tests.tariffs import price_json, tariff_json
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import RULES, Asked, Scene, paid, pot_scheme, put_in_force, source

PAIR = {"d_roads": 10, "d_people": 10}


def licence(name: str = "lic_a", *, scheme: ShareScheme | None = None, **tariff: Any) -> Any:
    """Return a licence over two sources; ``tariff`` names other fields of its tariff."""
    plain = make_licence(name, scheme=scheme or pot_scheme(), datasets=("d_roads", "d_people"))
    terms = plain.product.model_dump(mode="json")
    terms["tariff"] = tariff_json(version=f"{name}-t1", **tariff)
    return plain.model_validate({**plain.model_dump(mode="json"), "product": terms})


def settled(terms: LicenceDocument, *asked: Asked) -> tuple[dict[str, Any], dict[str, int]]:
    scene = Scene([terms])
    scene.open("p")
    for one in asked:
        scene.use(one)
    scene.close("p")
    with reading(scene.engine) as connection:
        held = balances(connection)
    document = scene.pools("p").get(terms.id, {})
    scene.dispose()
    return document, held


def fixed(payee: str, fen: int) -> FixedAmount:
    return FixedAmount(payee=payee, channel="treasury", fen_per_period=fen)


def test_nothing_is_settled_where_the_carries_do_not_sum_to_zero() -> None:
    terms = licence()
    scene = Scene([terms])
    scene.open("p1")
    scene.use(Asked(terms, "k", PAIR))
    scene.close("p1")
    scene.open("p2")
    scene.use(Asked(terms, "k", PAIR))

    def tamper(connection: Connection, entry: Any) -> None:
        connection.execute(
            insert(carry).values(
                audit_index=entry.index,
                licence=terms.id,
                period_id="p1",
                payee="stranger",
                channel="account",
                micro_fen=1,
            )
        )

    scene.submit(tamper)
    with pytest.raises(Unavailable, match="ledger_inconsistent"):
        scene.close("p2")
    assert scene.pools("p2") == {}


def test_usage_of_a_licence_that_is_not_there_is_not_settled() -> None:
    known, unknown = licence(), licence("lic_b")
    scene = Scene([known])
    scene.open("p")
    scene.use(Asked(unknown, "k", PAIR))
    with pytest.raises(NotFound, match="licence_unknown"):
        scene.close("p")


@pytest.mark.parametrize("table", [pool, carry])
def test_no_pool_and_no_carry_is_edited_removed_or_replaced(table: Any) -> None:
    terms = licence(prices=[price_json("fetch", 1_500_000)])
    scene = Scene([terms])
    scene.open("p")
    scene.use(Asked(terms, "k", PAIR))
    scene.close("p")
    with reading(scene.engine) as connection:
        row = dict(connection.execute(select(table)).mappings().first() or {})
    again = insert(table).values(**row).prefix_with("OR REPLACE")
    for statement in (update(table).values(**row), delete(table), again):
        with scene.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA recursive_triggers=OFF")
            with pytest.raises(DatabaseError):
                connection.execute(statement)


def test_a_carry_is_a_whole_number() -> None:
    scene = Scene([licence()])
    scene.open("p")
    row = {"licence": "lic_a", "period_id": "p", "payee": "a", "channel": "account"}
    with pytest.raises(DatabaseError, match="whole numbers"), scene.engine.begin() as connection:
        connection.execute(insert(carry).values(audit_index=0, micro_fen=0.5, **row))


def test_the_waterfall_runs_in_its_order_and_stops_where_nothing_is_left() -> None:
    scheme = pot_scheme(
        cost_recovery=(fixed("centre", 600), fixed("archive", 300)),
        permitted_profit=FixedAmount(payee="operator", channel="account", fen_per_period=500),
    )
    terms = licence(scheme=scheme, fen_per_fetch=10_600)
    document, _ = settled(terms, Asked(terms, "k", PAIR))
    assert [step["step"] for step in document["steps"]] == [
        *("tax", "cost_recovery", "cost_recovery", "permitted_profit"),
        *("share", "pot", "pot", "pot_unused"),
    ]
    assert paid(document) == {
        "tax": 600,
        "archive": 300,
        "centre": 600,
        "operator": 500,
        "platform": 3_440,
        "people_bureau": 2_580,
        "roads_bureau": 2_580,
        "public_finance": 0,
    }
    poor = licence(scheme=scheme, fen_per_fetch=106)
    document, _ = settled(poor, Asked(poor, "k", PAIR))
    fen = paid(document)
    assert (fen["tax"], fen["centre"], fen["archive"], fen["operator"]) == (6, 67, 33, 0)


def test_what_nobody_may_take_goes_to_the_named_payee() -> None:
    capped = pot_scheme(
        sources=[source("d_roads", maximum_ppm=250_000), source("d_people")], ppm=1_000_000
    )
    terms = licence(scheme=capped, fen_per_fetch=1_060)
    document, _ = settled(terms, Asked(terms, "k", {"d_roads": 1}))
    assert paid(document) == {
        "tax": 60,
        "roads_bureau": 250,
        "people_bureau": 0,
        "public_finance": 750,
    }
    nobody, _ = settled(terms, Asked(terms, "k", {}))
    assert paid(nobody)["public_finance"] == 1_000


def test_a_fee_is_owed_without_any_use_and_never_by_the_free_or_the_unapproved() -> None:
    fee = {"fen_per_period": 530, "ceiling_fen_per_period": 530}
    idle, held = settled(licence(prices=[], subscription=fee))
    assert (idle["billed_fen"], idle["usage_count"], idle["subscription_fen"]) == (530, 0, 530)
    assert held["receivable:operator:enterprise"] == 530
    assert paid(idle)["public_finance"] == 300  # 60 % of the 500 after tax: nobody contributed
    refused: list[dict[str, Any]] = [
        {"approval": " "},
        {"valid_until": "2001-01-01"},
        {"subscription": {**fee, "ceiling_fen_per_period": 529}},
    ]
    for changes in refused:
        document, _ = settled(licence(**({"prices": [], "subscription": fee} | changes)))
        assert document == {}


def test_prepaid_use_is_taken_from_the_wallet_and_no_more_than_it_holds() -> None:
    terms = licence(prices=[price_json("fetch", 10_400_000)], prepaid=True)
    scene = Scene([terms])
    scene.open("p")

    def deposit(connection: Connection, entry: Any) -> None:
        rule = compile_rule(terms, terms.product.tariff, "sha256:x", RULES)
        keep_rule(connection, rule)
        legs = (
            Posting(Account("bank", "operator"), 25),
            Posting(Account("wallet", "enterprise"), -25),
        )
        post(
            connection,
            entry,
            JournalRequest("deposit", "p", JournalKind.DEPOSIT, rule.digest, legs),
        )

    scene.submit(deposit)
    scene.use(Asked(terms, "a", PAIR))
    scene.use(Asked(terms, "b", PAIR))
    scene.close("p")
    document = scene.pools("p")["lic_a"]
    assert (document["billed_fen"], document["prepaid_fen"]) == (20, 20)
    with reading(scene.engine) as connection:
        held = balances(connection)
    assert held["wallet:enterprise"] == -5
    assert "receivable:operator:enterprise" not in held
    assert sum(held.values()) == 0


def test_the_journal_accrues_every_line_and_pays_nobody_yet() -> None:
    terms = licence(fen_per_fetch=1_999)
    document, held = settled(terms, Asked(terms, "k", PAIR))
    assert held == {
        "receivable:operator:enterprise": 1_999,
        **{
            f"accrued:{line['channel']}:{line['payee']}": -line["fen"]
            for line in document["lines"]
            if line["fen"]
        },
    }
    assert "accrued:tax:tax" in held


def test_what_is_above_the_permitted_revenue_goes_to_the_reserve_pro_rata() -> None:
    scheme = pot_scheme(clawback=True)
    first, second = (
        licence(name, scheme=scheme, fen_per_fetch=fen)
        for name, fen in (("lic_a", 1_000), ("lic_b", 3_000))
    )
    scene = Scene([first, second])
    scene.submit(lambda connection, entry: _decide(connection, entry, 2_400))
    scene.open("p")
    for terms in (first, second):
        scene.use(Asked(terms, "k", PAIR))
    scene.close("p")
    pools = scene.pools("p")
    found = {
        name: (one["permitted_left_fen"], one["excess_fen"], paid(one)[name])
        for name, one in pools.items()
    }
    assert found == {"lic_a": (600, 400, 400), "lic_b": (1_800, 1_200, 1_200)}
    scene.open("q")
    scene.use(Asked(first, "k", PAIR))
    scene.close("q")
    assert scene.pools("q")["lic_a"]["excess_fen"] == 1_000
    with reading(scene.engine) as connection:
        assert balances(connection)["accrued:reserve:lic_a"] < -400


def _decide(connection: Connection, entry: Any, maximum_fen: int) -> None:
    """Put a decision on the operator's maximum in the store, past its two people."""
    same = {"operator": "operator", "digest": "sha256:d"}
    connection.execute(
        insert(permitted_proposal).values(
            **same,
            version="1",
            document="{}",
            proposed_by="a",
            proposed_index=entry.index,
            proposed_us=1,
        )
    )
    connection.execute(
        insert(permitted_decision).values(
            **same,
            year=2027,
            maximum_fen=maximum_fen,
            computed="{}",
            decided_by="b",
            decided_index=entry.index,
        )
    )


def test_use_before_any_period_and_late_use_belong_to_the_next_that_closes() -> None:
    terms = licence(fen_per_fetch=10)
    scene = Scene([terms])
    scene.use(Asked(terms, "early", PAIR))
    scene.open("p1")
    scene.close("p1")
    scene.use(Asked(terms, "between", PAIR))
    scene.open("p2")
    scene.use(Asked(terms, "within", PAIR))
    scene.close("p2")
    scene.open("p3")
    scene.close("p3")
    counts = [scene.pools(name).get("lic_a", {}).get("usage_count") for name in ("p1", "p2", "p3")]
    assert counts == [1, 2, None]
    assert scene.pools("p2")["lic_a"]["after_index"] == scene.pools("p1")["lic_a"]["close_index"]


def test_a_payee_who_left_the_scheme_is_still_paid_what_it_carries() -> None:
    terms = licence(scheme=pot_scheme(ppm=0), prices=[price_json("fetch", 1_000_000)])
    scene = Scene([terms])
    scene.open("p0")
    for _ in range(7):
        scene.use(Asked(terms, "k", PAIR))
    scene.close("p0")
    with reading(scene.engine) as connection:
        before = carried_by_payee(connection, "lic_a")
    assert set(before) == {"platform", "tax"}
    other = pot_scheme(version="s2", ppm=1_000_000)
    scene.submit(lambda connection, entry: put_in_force(connection, entry, "lic_a", other))
    for number in range(1, 4):
        scene.open(f"p{number}")
        scene.use(Asked(terms, "k", PAIR))
        scene.close(f"p{number}")
    lines = {line["payee"]: line for line in scene.pools("p1")["lic_a"]["lines"]}
    assert lines["platform"]["micro_fen"] == 0
    assert lines["platform"]["carry_in_micro_fen"] == before["platform"].micro_fen
    with reading(scene.engine) as connection:
        after = carried_by_payee(connection, "lic_a")
    assert sum(one.micro_fen for one in after.values()) == 0
    assert all(abs(one.micro_fen) < 2 * MICRO_FEN_PER_FEN for one in after.values())


def test_every_meter_is_counted_and_a_free_one_is_worth_nothing() -> None:
    terms = licence(fen_per_fetch=7)
    asked = [Asked(terms, "k", PAIR, meter=meter) for meter in (Meter.FETCH, Meter.SESSION_HOUR)]
    document, _ = settled(terms, *asked)
    assert document["usage_totals"] == {"fetch": 1, "session_hour": 1}
    assert document["billed_fen"] == 7


def test_a_pool_is_kept_as_it_was_written() -> None:
    terms = licence()
    scene = Scene([terms])
    scene.open("p")
    scene.use(Asked(terms, "k", PAIR))
    assert scene.pools("p") == {}
    closed = scene.close("p")
    with reading(scene.engine) as connection:
        (kept,) = pools_of(connection, "p")
    assert (kept.licence, kept.audit_index) == ("lic_a", closed.close_index)
    assert kept.billed_fen == closed.pool_fen == 10_001
    assert kept.tax_fen == paid(kept.document)["tax"]
