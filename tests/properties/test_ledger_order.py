"""Whatever order fetches come in, every payee is paid the same, and nothing drifts."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from audit import store as audit_store
from foundation.db import metadata, open_engine
from foundation.money import MICRO_FEN_PER_FEN
from revenue import store  # noqa: F401 - the ledger's tables
from revenue.periods import close_at, open_at
from revenue.statements import period_statement
from revenue.usage import meter_fetch
from tests.properties.test_ledger_machine import LEDGER, Entry
from tests.unit.revenue.selling import make_licence, revenue_rules

RULES = revenue_rules()
LICENCES = (
    make_licence("thirds", fen=1),
    make_licence("odd", fen=7, shares=(("x", 999_999), ("y", 1))),
    make_licence("halves", fen=3, payer="city", shares=(("a", 500_000), ("b", 500_000))),
)
Payments = dict[tuple[str, str], tuple[int, int]]


def _logged(connection: Connection, index: int) -> Entry:
    connection.execute(
        insert(audit_store.entry).values(
            idx=index, time_us=1, kind="k", body=b"{}", leaf_hash=b"0" * 32
        )
    )
    return Entry(index)


def _payments(order: Sequence[int]) -> Payments:
    engine = open_engine("sqlite://")
    metadata.create_all(
        engine, tables=[audit_store.entry, *(metadata.tables[name] for name in LEDGER)]
    )
    with engine.begin() as connection:
        open_at(connection, _logged(connection, 0), "p")
        for index, number in enumerate(order, start=1):
            meter_fetch(
                connection,
                _logged(connection, index),
                licence=LICENCES[number],
                product="table",
                buyer="b",
                rules=RULES,
            )
        close_at(connection, _logged(connection, len(order) + 1), "p")
        lines = period_statement(connection, "p").document["lines"]
    engine.dispose()
    return {
        (line["rule_digest"], line["payee"]): (line["micro_fen"], line["fen"]) for line in lines
    }


@settings(max_examples=25, deadline=None)
@given(st.data(), st.lists(st.integers(0, len(LICENCES) - 1), min_size=1, max_size=20))
def test_the_order_of_fetches_changes_no_payment(data: st.DataObject, order: list[int]) -> None:
    paid = _payments(order)
    assert paid == _payments(data.draw(st.permutations(order)))
    owed = sum(LICENCES[number].product.tariff.fen_per_fetch for number in order)
    assert sum(fen for _, fen in paid.values()) == owed
    assert sum(micro for micro, _ in paid.values()) == owed * MICRO_FEN_PER_FEN
    for micro, fen in paid.values():
        assert abs(fen * MICRO_FEN_PER_FEN - micro) < MICRO_FEN_PER_FEN
