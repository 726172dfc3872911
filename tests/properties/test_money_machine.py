"""The flow of money against a model: receive, confirm, distribute, dispute, pay out, undo, crash.

The model counts fen in and out by plain sums; the states of pools and the accounts of the ledger
are two further accounts of the same money, kept by different tables, and all three must agree.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, select

from audit.events import AuditEvent, PendingEntry, Recorded
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.identity import Actor, Role
from revenue.disputes.deciding import CorrectedLine
from revenue.disputes.opening import hold_dispute, open_dispute
from revenue.disputes.states import DisputeState, disputes
from revenue.flow.confirmations import claim_of, confirm_statement
from revenue.flow.moves import Done, Move
from revenue.flow.moving import Incoming, MoneyMoves
from revenue.flow.pool_state import PoolState, all_pools
from revenue.ledger import balances
from revenue.periods import open_period_id
from revenue.settlement_files.details import Details
from revenue.settlement_files.return_forms import Returned, ReturnedLine
from revenue.settlement_files.writing import file_bytes, files, send_file, write_file
from revenue.store import journal
from tests.fakes import TickingClock
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import RULES, Asked, Scene

CLERK = Actor("zhang", "data_bureau", frozenset({Role.AUTHORITY}))
CHIEF = Actor("wang", "data_bureau", frozenset({Role.AUTHORITY}))
PAYEES = ("civil_affairs", "education", "platform")
FEN = st.integers(1, 4_000)
LICENCES = {
    "lic_a": make_licence("lic_a", fen=1_999),
    "lic_b": make_licence("lic_b", fen=7, shares=(("education", 999_999), ("platform", 1))),
}
T = TypeVar("T")


class Crash(Exception):
    """The process died before the commit."""


class DirectWriter:
    """An entry and its effect in one transaction, or neither; ``dying`` stops before the commit."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.dying = False

    def submit(
        self, event: AuditEvent, apply: Callable[[Connection, PendingEntry], T]
    ) -> Recorded[T]:
        del event

        def effect(connection: Connection, entry: PendingEntry) -> T:
            value = apply(connection, entry)
            if self.dying:
                raise Crash
            return value

        value = self._scene.submit(effect)
        return Recorded(self._scene.size - 1, 1, b"", "", value)


class MoneyMachine(RuleBasedStateMachine):
    """Drives the real tables on SQLite in memory, one transaction a step."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(tuple(LICENCES.values()))
        self.writer = DirectWriter(self.scene)
        self.answer: Returned | None = None
        self.moves = MoneyMoves(
            self.scene.engine, self.writer, TickingClock(), RULES, lambda *_: self._answer()
        )
        self.count = 0
        self.bank = 0
        self.paid_out = Counter[str]()

    @initialize()
    def begin(self) -> None:
        self.scene.open("p0")
        for payee, channel in [*((one, "treasury") for one in PAYEES), ("platform", "account")]:
            self._account(payee, channel)
        self._account("tax", "tax")
        self._account("operator", "bank")

    def teardown(self) -> None:
        self.scene.dispose()

    @rule(licence=st.sampled_from(sorted(LICENCES)), key=st.sampled_from("abc"))
    def use(self, licence: str, key: str) -> None:
        self.scene.use(Asked(LICENCES[licence], key, {"households": 1}))

    @rule()
    def close(self) -> None:
        self.count += 1
        with reading(self.scene.engine) as connection:
            name = open_period_id(connection)
        assert name is not None
        self.scene.close(name)
        self.scene.open(f"p{self.count}")

    @rule(fen=FEN, crash=st.booleans())
    def receive(self, fen: int, crash: bool) -> None:
        self.count += 1
        money = Incoming("operator", "enterprise", fen, f"bank-{self.count}")
        proposed = self.moves.propose_receipt(CLERK, money, None, "r")
        if self._approve(proposed, crash=crash):
            self.bank += fen

    @rule(fen=FEN, source=st.sampled_from(["unmatched", "wallet"]))
    def refund(self, fen: int, source: str) -> None:
        with self._may_refuse():
            proposed = self.moves.propose_refund(CLERK, "operator", "enterprise", fen, source, "r")
            self._approve(proposed)
            self.bank -= fen

    @rule(payee=st.sampled_from(PAYEES))
    def confirm(self, payee: str) -> None:
        person = Actor(payee, payee, frozenset({Role.PROVIDER}))
        for period in {state.period for state in self._pools()}:
            with self._may_refuse():
                with reading(self.scene.engine) as connection:
                    claim = claim_of(connection, period, payee)["digest"]
                confirm_statement(self.writer, person, period, payee, claim)

    @rule(crash=st.booleans(), pick=st.integers(0, 9))
    def distribute(self, crash: bool, pick: int) -> None:
        for state in self._one(self._pools(), pick):
            with self._may_refuse():
                proposed = self.moves.propose_distribution(CLERK, state.period, state.licence, "d")
                self._approve(proposed, crash=crash)

    @rule(payee=st.sampled_from([*PAYEES, "enterprise"]), pick=st.integers(0, 9))
    def dispute(self, payee: str, pick: int) -> None:
        person = Actor(payee, payee, frozenset({Role.PROVIDER}))
        for state in self._one(self._pools(), pick):
            with self._may_refuse():
                open_dispute(self.writer, person, state.period, state.licence, "d")

    @rule(pick=st.integers(0, 9))
    def hold(self, pick: int) -> None:
        for found in self._one(self._disputes(DisputeState.OPEN), pick):
            hold_dispute(self.writer, CLERK, found)

    @rule(pick=st.integers(0, 9), fen=st.none() | st.integers(0, 3_000), crash=st.booleans())
    def decide(self, pick: int, fen: int | None, crash: bool) -> None:
        """Dismiss, or correct every line of the bill to the same fen."""
        for name in self._one(self._disputes(DisputeState.HELD), pick):
            with reading(self.scene.engine) as connection:
                found = next(one for one in disputes(connection) if one.id == name)
            state = next(
                one
                for one in self._pools()
                if (one.period, one.licence) == (found.period, found.licence)
            )
            outcome = DisputeState.DISMISSED if fen is None else DisputeState.UPHELD
            lines = [
                CorrectedLine(line.split(":")[1], line.split(":")[0], fen or 0)
                for line in (() if fen is None else sorted(state.lines))
            ]
            with self._may_refuse():
                proposed = self.moves.propose_decision(CLERK, name, outcome, lines, "d")
                self._approve(proposed, crash=crash)

    @rule(fails=st.booleans(), crash=st.booleans())
    def pay_out(self, fails: bool, crash: bool) -> None:
        with self._may_refuse():
            file = write_file(self.writer, CLERK, "operator").value
            send_file(self.writer, CHIEF, file.id)
            with reading(self.scene.engine) as connection:
                rows = file_bytes(connection, file.id, "csv").decode().splitlines()[1:]
            status = "failed" if fails else "paid"
            lines = tuple(ReturnedLine(row.split(",")[0], status, None, "") for row in rows)
            self.answer = Returned(file.id, None, lines, 0)
            proposed = self.moves.propose_return(CLERK, file.id, b"x", "pain.002", "r")
            if self._approve(proposed, crash=crash) and not fails:
                self.bank -= file.fen
                for row in rows:
                    self.paid_out[row.split(",")[7]] += round(float(row.split(",")[4]) * 100)

    @precondition(lambda self: self.count)
    @rule(pick=st.integers(0, 99), crash=st.booleans())
    def undo(self, pick: int, crash: bool) -> None:
        with reading(self.scene.engine) as connection:
            found = connection.execute(select(journal.c.id, journal.c.kind)).all()
            rows: list[tuple[str, str]] = [(row.id, row.kind) for row in found]
        for name, kind in self._one(rows, pick):
            before = self._balances()
            with self._may_refuse():
                proposed = self.moves.propose_reversal(CLERK, name, "u")
                if self._approve(proposed, crash=crash):
                    after = self._balances()
                    self.bank += after["bank:operator"] - before["bank:operator"]
                    if kind == "payout":
                        for code in after.keys() | before.keys():
                            if code.startswith(("treasury", "account", "tax")):
                                self.paid_out[code] += after[code] - before[code]

    @invariant()
    def three_accounts_of_one_money_agree(self) -> None:
        held, pools = self._balances(), self._pools()
        assert sum(held.values()) == 0
        assert held["bank:operator"] == self.bank >= 0
        assert held["receivable:operator:enterprise"] == sum(one.due_fen for one in pools)
        owed: Counter[str] = Counter()
        payable: Counter[str] = Counter()
        for state in pools:
            assert state.due_fen >= 0
            owed.update(state.lines)
            owed.subtract(state.paid)
            payable.update(state.paid)
        for line in {*owed, *payable}:
            accrued = held[f"accrued:{line}"] + held[f"disputed:{line}"]
            assert accrued == -owed[line]
            assert held[line] == self.paid_out[line] - payable[line] <= 0
        unmatched = -held["unmatched:operator:enterprise"]
        assert unmatched >= 0

    @invariant()
    def nobody_is_paid_what_did_not_come_in(self) -> None:
        for state in self._pools():
            for line, fen in state.paid.items():
                assert 0 <= fen <= state.allotted.get(line, 0)
            if all(state.allotted.get(line, 0) <= fen for line, fen in state.lines.items()):
                assert sum(state.paid.values()) <= state.collected_fen

    def _approve(self, proposed: Recorded[Move], *, crash: bool = False) -> Recorded[Done] | None:
        if not crash:
            return self.moves.approve(CHIEF, proposed.value.id)
        before = self._balances()
        self.writer.dying = True
        with pytest.raises((Crash, SandgateError)):
            self.moves.approve(CHIEF, proposed.value.id)
        self.writer.dying = False
        assert self._balances() == before
        return None

    def _answer(self) -> Returned:
        assert self.answer is not None
        return self.answer

    def _account(self, payee: str, channel: str) -> None:
        details = Details(payee, "62220000", "102100099996")
        self._approve(self.moves.propose_details(CLERK, payee, channel, details, "a"))

    def _pools(self) -> list[PoolState]:
        with reading(self.scene.engine) as connection:
            return all_pools(connection)

    def _balances(self) -> Counter[str]:
        with reading(self.scene.engine) as connection:
            return Counter(balances(connection))

    def _disputes(self, state: DisputeState) -> list[str]:
        with reading(self.scene.engine) as connection:
            return [one.id for one in disputes(connection) if one.state is state]

    @staticmethod
    def _one(found: list[T], pick: int) -> list[T]:
        return [found[pick % len(found)]] if found else []

    @staticmethod
    @contextmanager
    def _may_refuse() -> Iterator[None]:
        """Let a refusal pass: the invariants say that it changed nothing that counts."""
        try:
            yield
        except SandgateError:
            return


def test_the_machine_reaches_every_kind_of_journal() -> None:
    """The steps below are one run of the machine: together they post each kind at least once."""
    machine = MoneyMachine()
    machine.begin()
    for _ in range(3):
        machine.use("lic_a", "a")
    machine.close()
    machine.receive(4_000, crash=False)
    machine.receive(4_000, crash=True)
    for payee in PAYEES:
        machine.confirm(payee)
    machine.dispute("education", 0)
    machine.hold(0)
    machine.distribute(crash=True, pick=0)
    machine.distribute(crash=False, pick=0)
    machine.pay_out(fails=True, crash=False)
    machine.pay_out(fails=False, crash=False)
    machine.decide(0, 1_500, crash=False)
    machine.receive(3_000, crash=False)
    machine.refund(1, "unmatched")
    machine.three_accounts_of_one_money_agree()
    machine.nobody_is_paid_what_did_not_come_in()
    with reading(machine.scene.engine) as connection:
        kinds = set(connection.execute(select(journal.c.kind)).scalars())
        assert len(files(connection)) == 2
    machine.teardown()
    assert kinds >= {"settlement", "receipt", "distribution", "payout", "refund"}
    assert kinds >= {"hold", "release", "reversal", "correction"}


TestMoney = MoneyMachine.TestCase
TestMoney.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
