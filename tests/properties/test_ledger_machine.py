"""The ledger against a model of fifty lines: fetch, post, replay, reverse, close, in any order."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
)
from sqlalchemy import Connection, func, insert, select

from audit import store as audit_store
from authorization.revenue_terms import Purpose
from foundation.db import metadata, open_engine, reading
from foundation.errors import Conflict, InvalidInput
from foundation.money import MICRO_FEN_PER_FEN
from revenue import store
from revenue.ledger import Account, JournalKind, JournalRequest, Posting, balances, post, reverse
from revenue.periods import close_at, open_at, open_period_id
from revenue.settlement_rules import compile_rule, keep_rule
from revenue.statements import period_statement
from revenue.usage import meter_fetch
from tests.unit.revenue.selling import make_licence, revenue_rules

RULES = revenue_rules()
LICENCES = {
    "thirds": make_licence("thirds", fen=1_000),
    "one_fen": make_licence("one_fen", fen=1, payer="city"),
    "free": make_licence("free", price_class=Purpose.PUBLIC_WELFARE),
}
NAMES = st.sampled_from(["account:a", "account:b", "treasury:c"])
LEGS = st.lists(st.tuples(NAMES, st.integers(-50, 50)), min_size=1, max_size=4)
T = TypeVar("T")


@dataclass
class Entry:
    """An entry with a place in the log, as ``apply`` sees it."""

    index: int
    time_us: int = 1
    public: dict[str, object] = field(default_factory=dict)

    def amend(self, **public: object) -> None:
        """Keep what was added, as the writer does."""
        self.public.update(public)


@dataclass
class Model:
    """What the ledger should hold, in plain dictionaries."""

    open: str | None = None
    periods: int = 0
    balances: Counter[str] = field(default_factory=Counter)
    micro_fen: int = 0
    gross_fen: Counter[str] = field(default_factory=Counter)
    posted: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)

    def post(self, legs: tuple[tuple[str, int], ...]) -> None:
        for code, fen in legs:
            self.balances[code] += fen


class LedgerMachine(RuleBasedStateMachine):
    """Drives the real tables on SQLite in memory, one transaction per step."""

    journals: Bundle[str] = Bundle("journals")

    def __init__(self) -> None:
        super().__init__()
        self.engine = open_engine("sqlite://")
        tables = [audit_store.entry, *(metadata.tables[name] for name in LEDGER)]
        metadata.create_all(self.engine, tables=tables)
        self.model = Model()
        self.size = 0
        self.rule_digest = self.submit(self._first_rule)

    def teardown(self) -> None:
        self.engine.dispose()

    def submit(self, apply: Callable[[Connection, Entry], T]) -> T:
        entry = Entry(self.size)
        with self.engine.begin() as connection:
            connection.execute(
                insert(audit_store.entry).values(
                    idx=entry.index, time_us=1, kind="k", body=b"{}", leaf_hash=b"0" * 32
                )
            )
            value = apply(connection, entry)
        self.size += 1
        return value

    @staticmethod
    def _first_rule(connection: Connection, _entry: Entry) -> str:
        compiled = compile_rule(LICENCES["thirds"], RULES)
        keep_rule(connection, compiled)
        return compiled.digest

    @rule()
    def open(self) -> None:
        name = f"p{self.model.periods}"
        if self.model.open is not None:
            with pytest.raises(Conflict):
                self.submit(lambda c, e: open_at(c, e, name))
            return
        self.submit(lambda c, e: open_at(c, e, name))
        self.model.open, self.model.periods = name, self.model.periods + 1
        self.model.gross_fen.clear()

    @rule(licence=st.sampled_from(sorted(LICENCES)), buyer=st.sampled_from(["x", "y"]))
    def fetch(self, licence: str, buyer: str) -> None:
        def apply(connection: Connection, entry: Entry) -> int:
            return meter_fetch(
                connection,
                entry,
                licence=LICENCES[licence],
                product="table",
                buyer=buyer,
                rules=RULES,
            ).gross_micro_fen

        if self.model.open is None:
            with pytest.raises(Conflict):
                self.submit(apply)
            return
        gross = self.submit(apply)
        self.model.micro_fen += gross
        payer = LICENCES[licence].product.payer
        self.model.gross_fen[f"receivable:operator:{payer}"] += gross // MICRO_FEN_PER_FEN

    @rule(target=journals)
    def close(self) -> MultipleResults[str]:
        period = self.model.open
        if period is None:
            with pytest.raises(Conflict):
                self.submit(lambda c, e: close_at(c, e, "p0"))
            return multiple()
        closed = self.submit(lambda c, e: close_at(c, e, period))
        self.model.open = None
        assert closed.pool_fen == sum(self.model.gross_fen.values())
        with reading(self.engine) as connection:
            lines = period_statement(connection, period).document["lines"]
            settled = {name: _legs(connection, name) for name in closed.journals}
        assert sum(line["fen"] for line in lines) == closed.pool_fen
        for name, legs in settled.items():
            self.model.posted[name] = legs
            self.model.post(legs)
        for code, fen in self.model.gross_fen.items():
            debits = (x for legs in settled.values() for c, x in legs if c == code)
            assert sum(debits) == fen
        return multiple(*closed.journals)

    @rule(target=journals, key=st.sampled_from("abc"), legs=LEGS)
    def post(self, key: str, legs: list[tuple[str, int]]) -> MultipleResults[str] | str:
        request = self._request(key, tuple(legs))

        def apply(connection: Connection, entry: Entry) -> str:
            return post(connection, entry, request).id

        wanted = self.model.posted.get(key)
        if wanted is not None and (
            wanted != tuple(legs) or self.model.open != self._period_of(key)
        ):
            with pytest.raises(Conflict, match="idempotency_key_reused"):
                self.submit(apply)
        elif wanted is not None:
            assert self.submit(apply) in self.model.posted
        elif sum(x for _, x in legs) or len(legs) < 2 or any(x == 0 for _, x in legs):
            with pytest.raises(InvalidInput):
                self.submit(apply)
        elif self.model.open is None:
            with pytest.raises(Conflict, match="period_not_open"):
                self.submit(apply)
        else:
            name = self.submit(apply)
            self.model.posted[key] = self.model.posted[name] = tuple(legs)
            self.model.post(tuple(legs))
            return name
        return multiple()

    @rule(journal=journals)
    def reverse(self, journal: str) -> None:
        period = self.model.open or "p0"
        done = journal in self.model.reversed
        again = done and period == self._period_of(f"reversal:{journal}")  # a replay, closed or not
        if not again and (done or self.model.open is None):
            with pytest.raises(Conflict):
                self.submit(lambda c, e: reverse(c, e, journal, period))
            return
        posted = self.submit(lambda c, e: reverse(c, e, journal, period))
        assert posted.replayed == done
        if not done:
            self.model.reversed.add(journal)
            self.model.post(tuple((code, -fen) for code, fen in self.model.posted[journal]))

    @invariant()
    def the_books_agree(self) -> None:
        with reading(self.engine) as connection:
            held = balances(connection)
            accrued = connection.execute(select(func.sum(store.accrual.c.micro_fen))).scalar()
            assert open_period_id(connection) == self.model.open
        assert {c: x for c, x in held.items() if x} == {
            c: x for c, x in self.model.balances.items() if x
        }
        assert sum(held.values()) == 0
        assert (accrued or 0) == self.model.micro_fen

    def _request(self, key: str, legs: tuple[tuple[str, int], ...]) -> JournalRequest:
        postings = (Posting(Account(*code.split(":", 1)), fen) for code, fen in legs)
        return JournalRequest(
            idempotency_key=key,
            period=self.model.open or "p0",
            kind=JournalKind.ADJUSTMENT,
            rule_digest=self.rule_digest,
            postings=tuple(postings),
        )

    def _period_of(self, key: str) -> str | None:
        query = select(store.journal.c.period_id).where(store.journal.c.idempotency_key == key)
        with reading(self.engine) as connection:
            period: str | None = connection.execute(query).scalar()
        return period


LEDGER = (
    *("account", "period", "settlement_rule", "usage", "accrual"),
    *("seal", "journal", "posting", "statement"),
)


def _legs(connection: Connection, journal: str) -> tuple[tuple[str, int], ...]:
    query = select(store.posting.c.account, store.posting.c.fen)
    rows = connection.execute(query.where(store.posting.c.journal_id == journal))
    return tuple((code, fen) for code, fen in rows)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
