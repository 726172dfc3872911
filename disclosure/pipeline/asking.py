"""The one door from a question to an answer: parse, decide, plan, charge, log, run, shape, log.

No answer leaves without a durable decision entry before it and an outcome entry with it (I1); rows
reach a session from here alone (I2). A private answer leaves at its fixed slot, never before.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pyarrow as pa
from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.revocation import check_in_force
from disclosure.answers import NewAnswer, StoredAnswer, find_repeat, store_answer
from disclosure.asks import Ask
from disclosure.budgets.charging import charge_question
from disclosure.budgets.listing import Outlook
from disclosure.engine.supervisor import AnswerCaps, WorkerKey
from disclosure.given import Given, arrow_bytes, give, summary_of
from disclosure.history.guard import remember
from disclosure.outcome import question_failed
from disclosure.pipeline.estimating import Wanted, estimated, least_left, repriced
from disclosure.pipeline.parts import PipelineParts
from disclosure.pipeline.preparing import Prepared, Preparing
from disclosure.pipeline.private import Computed, PrivateAnswers
from disclosure.pipeline.rehearsing import Rehearsal, rehearsal_parts
from disclosure.pipeline.sources import extract_source
from disclosure.pipeline.uses import question_use
from disclosure.plan.pricing import PricedPlan
from disclosure.plan_classes import DONE, FAILED, check_open, close_class
from disclosure.refusals_log import RefusalsLog
from disclosure.scope import QuestionScope
from disclosure.spending import licence_budgets
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.ids import new_id
from foundation.keys import Citation


class Pipeline:
    """Answers the questions of sessions."""

    def __init__(self, parts: PipelineParts) -> None:
        """Join the parts."""
        self._parts = parts
        self._preparing = Preparing(
            parts.engine,
            parts.clock,
            parts.enforcer,
            parts.board,
            parts.gate,
            parts.privacy,
            parts.history,
        )
        self._private = PrivateAnswers(
            pool=parts.pool,
            clock=parts.clock,
            keys=parts.keys,
            home=parts.home,
            privacy=parts.privacy,
            limits=parts.limits,
            fault=parts.fault,
        )
        self._refusals = RefusalsLog(
            parts.writer, parts.clock, parts.limits.refusals_logged_per_minute_max
        )
        self._rehearsal = Rehearsal(rehearsal_parts(parts, self._refusals))

    def datasets(self, scope: QuestionScope) -> list[dict[str, object]]:
        """List what the licence grants, as declared; a debug session is told of twins besides."""
        granted = self._preparing.granted(scope)
        told = [item.described() for item in granted.values()]
        return self._rehearsal.marked(scope.licence, granted, told) if scope.twin else told

    def budget(self, scope: QuestionScope) -> list[dict[str, object]]:
        """Tell the licence's own budget for each population."""
        licence = self._preparing.licence(scope)
        with reading(self._parts.engine) as connection:
            return licence_budgets(connection, licence, self._parts.privacy, scope.project)

    def estimate(
        self,
        scope: QuestionScope,
        sql: str,
        question_nano_rho: int | None,
        wanted: Wanted | None = None,
    ) -> dict[str, object]:
        """Say what a question would cost and how exact it would be. Free; no data is read.

        With ``wanted`` the loss is the least at which a figure is as exact as that.
        """
        prepared = self._prepared(scope, sql, question_nano_rho)
        if wanted is not None:
            prepared = self._repriced(scope, prepared, wanted)
        with reading(self._parts.engine) as connection:
            outlook = Outlook(self._parts.clock.now_us(), project=scope.project)
            told = estimated(connection, prepared, self._parts.privacy, outlook)
            use = question_use(scope, prepared)
            money = self._parts.meter.price_of_question(connection, use, outlook.now_us)
            told = {**told, "money": money}
        if prepared.priced is None:
            return told
        return {
            **told,
            "question_nano_rho": prepared.priced.question_nano_rho,
            "budget_nano_rho_remaining": self._budget_left(scope, prepared),
        }

    def _repriced(self, scope: QuestionScope, prepared: Prepared, wanted: Wanted) -> Prepared:
        try:
            return repriced(prepared, wanted, self._parts.privacy)
        except SandgateError as refusal:
            self._refusals.record(scope, prepared.question, prepared.sql, refusal)
            raise

    def ask(
        self,
        scope: QuestionScope,
        sql: str,
        question_nano_rho: int | None,
        ask: Ask | None = None,
    ) -> Given:
        """Answer one question, or raise the refusal that was logged.

        Only an answer of rows can be given up through ``ask``; a private one comes at its slot.
        """
        ask = ask or Ask()
        asked_us = self._parts.clock.now_us()
        prepared = self._prepared(scope, sql, question_nano_rho)
        if prepared.priced is not None:
            self._keep_private(scope, prepared, ask)
        closed = None if prepared.priced is None else self._parts.closed()
        if closed is not None:
            self._refusals.record(scope, prepared.question, sql, closed)
            raise closed
        if scope.twin:
            return self._rehearsal.ask(scope, prepared, ask)
        if prepared.priced is None:
            return self._answer_rows(scope, prepared, ask)
        return self._answer_privately(scope, prepared, prepared.priced, asked_us)

    def report_attempt(
        self, scope: QuestionScope, label: str, code: str, *, stopped: bool
    ) -> str | None:
        """Log what a session says it tried of its sandbox; return the receipt, if not counted."""
        return self._refusals.record_attempt(scope, label, code, stopped=stopped)

    def write_counted_refusals(self, *, everything: bool = False) -> None:
        """Write refusals that were only counted, once their minute is over or the service stops."""
        self._refusals.write_counted(everything=everything)

    def _prepared(self, scope: QuestionScope, sql: str, question_nano_rho: int | None) -> Prepared:
        question = new_id("qst")
        try:
            return self._preparing.prepare(scope, question, sql, question_nano_rho)
        except SandgateError as refusal:
            self._refusals.record(scope, question, sql, refusal)
            raise

    def _keep_private(self, scope: QuestionScope, prepared: Prepared, ask: Ask) -> None:
        """Answer at the slot alone; what was given up before is decided by nobody."""
        try:
            ask.keep_private()
        except SandgateError as given_up:
            self._refusals.record(scope, prepared.question, prepared.sql, given_up)
            raise

    def _answer_rows(self, scope: QuestionScope, prepared: Prepared, ask: Ask) -> Given:
        decided = self._decide(scope, prepared)
        with self._failure_logged(scope, prepared):
            table = self._run_rows(scope, prepared, decided, ask)
            self._parts.fault("before_outcome")
            ask.settle()
            recorded = self._release(scope, prepared, decided.index, table, None)
        return give(recorded, repeated=False, budget_nano_rho_remaining=None)

    def _answer_privately(
        self, scope: QuestionScope, prepared: Prepared, priced: PricedPlan, asked_us: int
    ) -> Given:
        repeat = self._repeat(scope, prepared)
        if repeat is not None:
            return repeat
        decided = self._decide(scope, prepared)
        with self._failure_logged(scope, prepared):
            computed = self._private.compute(scope, prepared, priced, asked_us, decided)
            self._parts.fault("before_outcome")
            table = computed.shaped.table
            recorded = self._release(scope, prepared, decided.index, table, computed)
        left = self._budget_left(scope, prepared)
        return give(recorded, repeated=False, budget_nano_rho_remaining=left)

    @contextmanager
    def _failure_logged(self, scope: QuestionScope, prepared: Prepared) -> Iterator[None]:
        """Log that a permitted question got no answer; what was charged stays charged.

        What is no refusal of ours becomes one fixed code: its own text may quote data (I11).
        """
        try:
            yield
        except SandgateError as failure:
            if not failure.logged:  # an answer withheld for want of witnesses has its entries
                self._fail(scope, prepared, failure)
            raise
        except Exception:  # noqa: BLE001 - whatever it was, the caller learns one fixed code
            failed = question_failed("engine_error")
            self._fail(scope, prepared, failed)
            raise failed from None

    def _repeat(self, scope: QuestionScope, prepared: Prepared) -> Given | None:
        """Give a stored answer again: authorised afresh, free, and an entry of its own."""
        key = prepared.repeat_key(self._parts.policy_digest)
        with reading(self._parts.engine) as connection:
            found = find_repeat(connection, key)
        if found is None:
            return None
        public = {**scope.as_public(), **prepared.as_public(), "answer": found.id}
        event = AuditEvent(EntryKind.ANSWER_REPEATED, scope.actor, public, {"sql": prepared.sql})
        try:
            apply = self._given_again(scope, prepared, found)
            recorded = self._parts.writer.submit(event, apply)
        except SandgateError as refusal:
            if not refusal.logged:
                self._refusals.record(scope, prepared.question, prepared.sql, refusal)
            raise
        left = self._budget_left(scope, prepared)
        return give(recorded, repeated=True, budget_nano_rho_remaining=left)

    def _budget_left(self, scope: QuestionScope, prepared: Prepared) -> int | None:
        outlook = Outlook(self._parts.clock.now_us(), project=scope.project)
        with reading(self._parts.engine) as connection:
            return least_left(connection, prepared, self._parts.privacy, outlook)

    def _given_again(
        self, scope: QuestionScope, prepared: Prepared, answer: StoredAnswer
    ) -> Callable[[Connection, PendingEntry], StoredAnswer]:
        use = question_use(scope, prepared, answer=answer.id)

        def apply(connection: Connection, entry: PendingEntry) -> StoredAnswer:
            check_in_force(connection, self._parts.board, scope.licence, entry.time_us)
            gross = self._parts.meter.question_repeated(connection, entry, use)
            return replace(answer, gross_micro_fen=gross)

        return apply

    def _decide(self, scope: QuestionScope, prepared: Prepared) -> Citation:
        """Charge every level or none and log the decision, durably, before the engine is asked.

        Returns the decision's entry, on which keys may be asked for.
        """
        if scope.twin:
            raise question_failed("engine_error")  # a debug session decides nothing about data
        self._parts.fault("before_decision")
        priced = prepared.priced
        public = {
            **scope.as_public(),
            **prepared.as_public(),
            "cost_nano_rho": 0 if priced is None else priced.cost_nano_rho,
            "cost_delta_steps": 0 if priced is None else priced.cost_delta_steps,
            "policy_digest": self._parts.policy_digest,
        }

        use = question_use(scope, prepared)

        def apply(connection: Connection, entry: PendingEntry) -> None:
            check_in_force(connection, self._parts.board, scope.licence, entry.time_us)
            self._parts.meter.question_decided(connection, entry, use)
            if priced is not None:
                check_open(connection, priced.plan, scope.licence, self._parts.privacy)
                spent = charge_question(
                    connection,
                    entry,
                    licence=prepared.licence,
                    charges=prepared.charges(priced),
                    plan_digest=priced.digest,
                    rules=self._parts.privacy,
                    project=scope.project,
                )
                entry.amend(spent_digest=spent)
            remember(
                connection,
                scope.licence,
                prepared.sets,
                self._parts.history,
                asked_us=entry.time_us,
                entry_index=entry.index,
            )

        event = AuditEvent(EntryKind.QUESTION_DECIDED, scope.actor, public, prepared.as_private())
        try:
            decided = self._parts.writer.submit(event, apply).citation
        except SandgateError as refusal:
            self._refusals.record(scope, prepared.question, prepared.sql, refusal)
            raise
        self._parts.fault("after_decision")
        return decided

    def _run_rows(
        self, scope: QuestionScope, prepared: Prepared, decided: Citation, ask: Ask
    ) -> pa.Table:
        limits = self._parts.limits
        caps = AnswerCaps(
            limits.answer_rows_max, limits.answer_bytes_max, float(limits.answer_seconds_max)
        )
        key = WorkerKey(scope.licence, prepared.extract_version, "rows")
        tables = {
            item.dataset: extract_source(
                item,
                self._parts.home,
                self._parts.keys,
                prepared.columns_read(item.dataset),
                decided,
            )
            for item in prepared.extracts
        }
        person = scope.actor.person
        table = self._parts.pool.query(key, tables, prepared.sql, caps, person=person, ask=ask)
        self._parts.fault("after_run")
        return table

    def _release(
        self,
        scope: QuestionScope,
        prepared: Prepared,
        decided_index: int,
        table: pa.Table,
        computed: Computed | None,
    ) -> Recorded[StoredAnswer]:
        """Log the outcome and store the answer together; authority is checked once more here.

        A failure of the engine behind a private answer stands in the private part of this same
        entry, and closes the plan's class with it: nobody outside sees another number of entries.
        """
        given = self._new_answer(scope, prepared, table, computed)
        use = question_use(scope, prepared, answer=given.id, table=table)
        failed = computed is not None and computed.failed
        public = {
            **scope.as_public(),
            **prepared.as_public(),
            "answer": given.id,
            "content_digest": given.content_digest,
            "cost_nano_rho": given.cost_nano_rho,
            "decided_index": decided_index,
            "policy_digest": self._parts.policy_digest,
        }

        def apply(connection: Connection, entry: PendingEntry) -> StoredAnswer:
            check_in_force(connection, self._parts.board, scope.licence, entry.time_us)
            if failed and prepared.priced is not None:
                close_class(connection, prepared.priced.plan, scope.licence, entry)
            gross = self._parts.meter.question_answered(connection, entry, use)
            stored = store_answer(
                connection,
                given,
                decided_index=decided_index,
                answered_index=entry.index,
                now_us=entry.time_us,
            )
            return replace(stored, gross_micro_fen=gross)

        private = {} if computed is None else {"engine": FAILED if failed else DONE}
        event = AuditEvent(EntryKind.ANSWER_RELEASED, scope.actor, public, private)
        return self._parts.writer.submit(event, apply)

    def _new_answer(
        self,
        scope: QuestionScope,
        prepared: Prepared,
        table: pa.Table,
        computed: Computed | None,
    ) -> NewAnswer:
        priced, use = prepared.priced, question_use(scope, prepared)
        return NewAnswer(
            key=prepared.repeat_key(self._parts.policy_digest),
            mode="rows" if priced is None else "aggregate",
            organisation=scope.actor.organisation,
            person=scope.actor.person,
            session=scope.session,
            datasets=prepared.datasets,
            content=arrow_bytes(table),
            row_count=table.num_rows,
            summary=summary_of(
                priced,
                None if computed is None else computed.shaped,
                self._parts.privacy,
                self._parts.environment_digest(),
            ),
            cost_nano_rho=0 if priced is None else priced.cost_nano_rho,
            asked=use.asked,
            sources=use.sources,
        )

    def _fail(self, scope: QuestionScope, prepared: Prepared, failure: SandgateError) -> None:
        public = {**scope.as_public(), **prepared.as_public(), "code": failure.code}
        event = AuditEvent(EntryKind.ANSWER_FAILED, scope.actor, public)
        meter, question = self._parts.meter, prepared.question
        self._parts.writer.submit(event, partial(meter.question_failed, question=question))
