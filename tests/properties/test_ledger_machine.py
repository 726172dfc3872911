"""The ledger against a model of fifty lines: use, post, replay, reverse, close, crash."""

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
from sqlalchemy import Connection, func, select

from authorization.revenue_terms import Purpose
from foundation.db import reading
from foundation.errors import Conflict, InvalidInput
from foundation.money import MICRO_FEN_PER_FEN
from revenue import store, usage_store
from revenue.carries import bill_carry_micro_fen, carried_by_payee
from revenue.ledger import Account, JournalKind, JournalRequest, Posting, balances, post, reverse
from revenue.periods import close_at, open_at, open_period_id
from revenue.pools import give_back_pool, pools_of
from revenue.settlement_rules import compile_rule, keep_rule
from tests.properties.test_ledger_order import DATASETS, priced
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import RULES, Asked, Entry, Scene, bill

PRICES_MICRO_FEN = {"lic_odd": 1_300_007, "lic_small": 400_001, "lic_cent": 1_000_000}
LICENCES = {name: priced(name, micro, payer=name) for name, micro in PRICES_MICRO_FEN.items()}
LICENCES["lic_free"] = make_licence("lic_free", price_class=Purpose.PUBLIC_WELFARE)
NAMES = st.sampled_from(["account:a", "account:b", "treasury:c"])
LEGS = st.lists(st.tuples(NAMES, st.integers(-50, 50)), min_size=1, max_size=4)
T = TypeVar("T")


class Crash(Exception):
    """The process died before the commit."""


@dataclass
class Model:
    """What the ledger should hold, in plain dictionaries."""

    open: str | None = None
    periods: int = 0
    balances: Counter[str] = field(default_factory=Counter)
    unbilled: Counter[str] = field(default_factory=Counter)  # micro-fen by licence, since a close
    carried: Counter[str] = field(default_factory=Counter)  # micro-fen by licence
    moved: dict[str, tuple[str, int]] = field(default_factory=dict)  # by journal: licence, micro
    metered: int = 0
    posted: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)

    def use(self, licence: str) -> None:
        price = PRICES_MICRO_FEN.get(licence, 0)
        self.unbilled[licence] += price
        self.metered += price

    def close(self) -> dict[str, int]:
        """Return the fen that each used licence is billed."""
        billed = {}
        for licence, gross in self.unbilled.items():
            due = gross + self.carried[licence]
            billed[licence] = max(0, due) // MICRO_FEN_PER_FEN
            self.carried[licence] = due - billed[licence] * MICRO_FEN_PER_FEN
        return billed

    def post(self, legs: tuple[tuple[str, int], ...]) -> None:
        for code, fen in legs:
            self.balances[code] += fen

    def reverse(self, journal: str) -> None:
        self.reversed.add(journal)
        self.post(tuple((code, -fen) for code, fen in self.posted[journal]))
        if journal in self.moved:
            licence, micro = self.moved[journal]
            self.carried[licence] -= micro


class LedgerMachine(RuleBasedStateMachine):
    """Drives the real tables on SQLite in memory, one transaction per step."""

    journals: Bundle[str] = Bundle("journals")

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(tuple(LICENCES.values()))
        self.model = Model()
        self.rule_digest = self.scene.submit(self._first_rule)

    def teardown(self) -> None:
        self.scene.dispose()

    def submit(self, apply: Callable[[Connection, Entry], T]) -> T:
        return self.scene.submit(apply)

    @staticmethod
    def _first_rule(connection: Connection, _entry: Entry) -> str:
        licence = LICENCES["lic_odd"]
        compiled = compile_rule(licence, licence.product.tariff, "sha256:other", RULES)
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

    @rule(
        licence=st.sampled_from(sorted(LICENCES)),
        key=st.sampled_from("ab"),
        dataset=st.sampled_from(DATASETS),
        rows=st.integers(0, 60),
        times=st.integers(1, 3),
    )
    def use(self, licence: str, key: str, dataset: str, rows: int, times: int) -> None:
        """Use before a period opens is of the next one: nothing is refused, nothing is lost."""
        for _ in range(times):
            metered = self.scene.use(Asked(LICENCES[licence], key, {dataset: rows}))
            self.model.use(licence)
            assert metered.gross_micro_fen == PRICES_MICRO_FEN.get(licence, 0)

    @rule(licence=st.sampled_from(sorted(PRICES_MICRO_FEN)), target=journals)
    def month(self, licence: str) -> MultipleResults[str] | str:
        """A whole period at once, so that many closes are tried and not only many refusals."""
        if self.model.open is None:
            self.open()
        self.use(licence, "a", DATASETS[0], 7, 2)
        return self.close()

    @rule(target=journals)
    def close(self) -> MultipleResults[str]:
        period = self.model.open
        if period is None:
            with pytest.raises(Conflict):
                self.submit(lambda c, e: close_at(c, e, "p0", RULES))
            return multiple()
        before = dict(self.model.carried)
        closed = self.submit(lambda c, e: close_at(c, e, period, RULES))
        billed = self.model.close()
        with reading(self.scene.engine) as connection:
            settled = {name: _legs(connection, name) for name in closed.journals}
            pools = {pool.licence: pool for pool in pools_of(connection, period)}
        assert {name: pool.billed_fen for name, pool in pools.items()} == billed
        assert closed.pool_fen == sum(billed.values())
        assert len(settled) == sum(fen > 0 for fen in billed.values())
        for name, legs in settled.items():
            debits = {code.rpartition(":")[2]: fen for code, fen in legs if fen > 0}
            ((licence, fen),) = debits.items()  # each licence here has a payer of its own name
            assert fen == billed[licence]
            self.model.moved[name] = (
                licence,
                self.model.carried[licence] - before.get(licence, 0),
            )
            self.model.posted[name] = legs
            self.model.post(legs)
        self.model.unbilled.clear()
        self.model.open = None
        return multiple(*closed.journals)

    @rule(step=st.sampled_from(["use", "close", "post"]))
    def crash(self, step: str) -> None:
        """Whatever was under way when the process died has never happened."""
        period = self.model.open

        def apply(connection: Connection, entry: Entry) -> None:
            if step == "use":
                bill(connection, entry, Asked(LICENCES["lic_odd"], "c", {DATASETS[0]: 1}))
            elif step == "close" and period is not None:
                close_at(connection, entry, period, RULES)
            elif period is not None:
                legs = (("account:a", 5), ("account:b", -5))
                post(connection, entry, self._request("crashed", legs))
            raise Crash

        with pytest.raises(Crash):
            self.submit(apply)

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

        def apply(connection: Connection, entry: Entry) -> bool:
            posted = reverse(connection, entry, journal, period)
            give_back_pool(connection, entry, journal)
            return posted.replayed

        if not again and (done or self.model.open is None):
            with pytest.raises(Conflict):
                self.submit(apply)
            return
        assert self.submit(apply) == done
        if not done:
            self.model.reverse(journal)

    @invariant()
    def the_books_agree(self) -> None:
        with reading(self.scene.engine) as connection:
            held = balances(connection)
            metered = connection.execute(
                select(func.sum(usage_store.usage.c.gross_micro_fen))
            ).scalar()
            carried = {name: bill_carry_micro_fen(connection, name) for name in LICENCES}
            payees = [carried_by_payee(connection, name) for name in LICENCES]
            assert open_period_id(connection) == self.model.open
        assert {c: x for c, x in held.items() if x} == {
            c: x for c, x in self.model.balances.items() if x
        }
        assert sum(held.values()) == 0
        assert (metered or 0) == self.model.metered
        assert carried == {name: self.model.carried[name] for name in LICENCES}
        assert all(sum(one.micro_fen for one in known.values()) == 0 for known in payees)

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
        with reading(self.scene.engine) as connection:
            period: str | None = connection.execute(query).scalar()
        return period


def _legs(connection: Connection, journal: str) -> tuple[tuple[str, int], ...]:
    query = select(store.posting.c.account, store.posting.c.fen)
    rows = connection.execute(query.where(store.posting.c.journal_id == journal))
    return tuple((code, fen) for code, fen in rows)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
