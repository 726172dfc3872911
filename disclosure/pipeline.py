"""The one door from a question to an answer: parse, decide, plan, charge, log, run, shape, log.

No answer leaves without a durable decision entry before it and an outcome entry with it (I1); rows
reach a session from here alone (I2). A private answer leaves at its fixed slot, never before.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine

from audit.events import AuditEvent, PendingEntry, Recorded, Writer, no_effect
from audit.tags import EntryKind
from authorization.enforcer import Enforcer
from authorization.revocation import SuspensionBoard, check_in_force
from catalog.versions import bounded_file, version_directory
from disclosure.answers import NewAnswer, StoredAnswer, find_repeat, store_answer
from disclosure.engine.supervisor import AnswerCaps, EnginePool, Opener, WorkerKey
from disclosure.extracts import open_extract
from disclosure.gate.question import QueryGate
from disclosure.given import Given, arrow_bytes, give, summary_of
from disclosure.outcome import question_failed
from disclosure.plan.pricing import PricedPlan, estimate
from disclosure.plan.rendering import bounded_sql
from disclosure.plan.shaping import Shaped, shape
from disclosure.preparing import Prepared, Preparing
from disclosure.refusals_log import RefusalsLog
from disclosure.scope import QuestionScope
from disclosure.spending import budget_left, charge_question, licence_budgets
from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.ids import new_id
from foundation.keys import KeyStore
from policies.schema.gate import GateRules
from policies.schema.privacy import PrivacyRules

BOUNDED = "bounded"


@dataclass(frozen=True)
class PipelineParts:
    """What the bootstrap hands the pipeline.

    ``fault`` is called at named points, for tests. ``closed`` says why no private question is
    answered in this process, where that is so.
    """

    engine: Engine
    writer: Writer
    clock: Clock
    keys: KeyStore
    home: Path
    enforcer: Enforcer
    board: SuspensionBoard
    gate: QueryGate
    pool: EnginePool
    privacy: PrivacyRules
    limits: GateRules
    policy_digest: str
    fault: Callable[[str], None]
    closed: SandgateError | None = None


class Pipeline:
    """Answers the questions of sessions."""

    def __init__(self, parts: PipelineParts) -> None:
        """Join the parts."""
        self._parts = parts
        self._preparing = Preparing(
            parts.engine, parts.clock, parts.enforcer, parts.board, parts.gate, parts.privacy
        )
        self._refusals = RefusalsLog(
            parts.writer, parts.clock, parts.limits.refusals_logged_per_minute_max
        )

    def datasets(self, scope: QuestionScope) -> list[dict[str, object]]:
        """List what the licence grants, as declared."""
        return [item.described() for item in self._preparing.granted(scope).values()]

    def budget(self, scope: QuestionScope) -> list[dict[str, object]]:
        """Tell the licence's own budget for each population."""
        licence = self._preparing.licence(scope)
        with reading(self._parts.engine) as connection:
            return licence_budgets(connection, licence, self._parts.privacy)

    def estimate(
        self, scope: QuestionScope, sql: str, question_nano_rho: int | None
    ) -> dict[str, object]:
        """Say what a question would cost and how exact it would be. Free; no data is read."""
        prepared = self._prepared(scope, sql, question_nano_rho)
        if prepared.priced is None:
            return {"mode": "rows", "cost_nano_rho": 0, "epsilon_shown": "0.000", "aggregates": []}
        return {
            **estimate(prepared.priced, self._parts.privacy),
            "budget_nano_rho_remaining": self._budget_left(prepared),
        }

    def ask(self, scope: QuestionScope, sql: str, question_nano_rho: int | None) -> Given:
        """Answer one question, or raise the refusal that was logged."""
        prepared = self._prepared(scope, sql, question_nano_rho)
        if prepared.priced is None:
            return self._answer_rows(scope, prepared)
        if self._parts.closed is not None:
            self._refusals.record(scope, prepared.question, sql, self._parts.closed)
            raise self._parts.closed
        return self._answer_privately(scope, prepared, prepared.priced)

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

    def _answer_rows(self, scope: QuestionScope, prepared: Prepared) -> Given:
        decided = self._decide(scope, prepared)
        with self._failure_logged(scope, prepared):
            table = self._run_rows(scope, prepared)
            self._parts.fault("before_outcome")
            recorded = self._release(scope, prepared, decided, table, None)
        return give(recorded, repeated=False, budget_nano_rho_remaining=None)

    def _answer_privately(
        self, scope: QuestionScope, prepared: Prepared, priced: PricedPlan
    ) -> Given:
        repeat = self._repeat(scope, prepared)
        if repeat is not None:
            return repeat
        decided = self._decide(scope, prepared)
        with self._failure_logged(scope, prepared):
            shaped = self._run_privately(scope, prepared, priced)
            self._parts.fault("before_outcome")
            recorded = self._release(scope, prepared, decided, shaped.table, shaped)
        left = self._budget_left(prepared)
        return give(recorded, repeated=False, budget_nano_rho_remaining=left)

    @contextmanager
    def _failure_logged(self, scope: QuestionScope, prepared: Prepared) -> Iterator[None]:
        """Log that a permitted question got no answer; what was charged stays charged.

        What is no refusal of ours becomes one fixed code: its own text may quote data (I11).
        """
        try:
            yield
        except SandgateError as failure:
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
            recorded = self._parts.writer.submit(event, self._still_in_force(scope, found))
        except SandgateError as refusal:
            self._refusals.record(scope, prepared.question, prepared.sql, refusal)
            raise
        return give(recorded, repeated=True, budget_nano_rho_remaining=self._budget_left(prepared))

    def _budget_left(self, prepared: Prepared) -> int | None:
        with reading(self._parts.engine) as connection:
            return budget_left(connection, prepared.licence, prepared.population)

    def _still_in_force(
        self, scope: QuestionScope, answer: StoredAnswer
    ) -> Callable[[Connection, PendingEntry], StoredAnswer]:
        def apply(connection: Connection, entry: PendingEntry) -> StoredAnswer:
            check_in_force(connection, self._parts.board, scope.licence, entry.time_us)
            return answer

        return apply

    def _decide(self, scope: QuestionScope, prepared: Prepared) -> int:
        """Charge every level or none and log the decision, durably, before the engine is asked.

        Returns the index of the decision's entry.
        """
        self._parts.fault("before_decision")
        priced = prepared.priced
        cost = 0 if priced is None else priced.cost_nano_rho
        public = {
            **scope.as_public(),
            **prepared.as_public(),
            "cost_nano_rho": cost,
            "policy_digest": self._parts.policy_digest,
        }
        if prepared.population is not None:
            public["population"] = prepared.population

        def apply(connection: Connection, entry: PendingEntry) -> None:
            check_in_force(connection, self._parts.board, scope.licence, entry.time_us)
            if prepared.population is not None and priced is not None:
                spent = charge_question(
                    connection,
                    entry,
                    licence=prepared.licence,
                    population=prepared.population,
                    priced=priced,
                    rules=self._parts.privacy,
                )
                entry.amend(spent_digest=spent)

        event = AuditEvent(EntryKind.QUESTION_DECIDED, scope.actor, public, {"sql": prepared.sql})
        try:
            index = self._parts.writer.submit(event, apply).index
        except SandgateError as refusal:
            self._refusals.record(scope, prepared.question, prepared.sql, refusal)
            raise
        self._parts.fault("after_decision")
        return index

    def _run_rows(self, scope: QuestionScope, prepared: Prepared) -> pa.Table:
        limits = self._parts.limits
        caps = AnswerCaps(
            limits.answer_rows_max, limits.answer_bytes_max, float(limits.answer_seconds_max)
        )
        key = WorkerKey(scope.licence, prepared.extract_version, "rows")
        table = self._parts.pool.query(
            key, self._extracts(prepared), prepared.sql, caps, person=scope.actor.person
        )
        self._parts.fault("after_run")
        return table

    def _run_privately(
        self, scope: QuestionScope, prepared: Prepared, priced: PricedPlan
    ) -> Shaped:
        """Run and shape within the slot, then wait for its end: the time taken says nothing.

        A failure waits for its slot too, and has one code: how it failed could depend on data.
        """
        slot_us = self._parts.privacy.answer_slot_milliseconds * 1_000
        key = WorkerKey(scope.licence, prepared.bounded_version(priced), "aggregate")
        tables = {BOUNDED: self._bounded(prepared, priced)}
        caps = AnswerCaps(
            self._parts.privacy.groups_max,
            self._parts.limits.answer_bytes_max,
            slot_us / MICROSECONDS_PER_SECOND,
        )
        person = scope.actor.person
        self._parts.pool.query(key, tables, "SELECT 1 AS warm", caps, person=person)
        started_us = self._parts.clock.now_us()
        shaped: Shaped | None = None
        with suppress(Exception):
            exact = self._parts.pool.query(
                key, tables, bounded_sql(priced.plan, BOUNDED), caps, person=person
            )
            self._parts.fault("after_run")
            shaped = shape(priced, exact)
        in_time = self._wait_for_slot(started_us, slot_us)
        if shaped is None or not in_time:
            raise question_failed("engine_error")
        return shaped

    def _wait_for_slot(self, started_us: int, slot_us: int) -> bool:
        """Wait for the end of the slot that is running; tell whether it is the first one."""
        taken_us = max(self._parts.clock.now_us() - started_us, 0)
        time.sleep((slot_us - taken_us % slot_us) / MICROSECONDS_PER_SECOND)
        return taken_us < slot_us

    def _release(
        self,
        scope: QuestionScope,
        prepared: Prepared,
        decided_index: int,
        table: pa.Table,
        shaped: Shaped | None,
    ) -> Recorded[StoredAnswer]:
        """Log the outcome and store the answer together; authority is checked once more here."""
        given = self._new_answer(scope, prepared, table, shaped)
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
            return store_answer(
                connection,
                given,
                decided_index=decided_index,
                answered_index=entry.index,
                now_us=entry.time_us,
            )

        event = AuditEvent(EntryKind.ANSWER_RELEASED, scope.actor, public)
        return self._parts.writer.submit(event, apply)

    def _new_answer(
        self, scope: QuestionScope, prepared: Prepared, table: pa.Table, shaped: Shaped | None
    ) -> NewAnswer:
        priced = prepared.priced
        return NewAnswer(
            key=prepared.repeat_key(self._parts.policy_digest),
            mode="rows" if priced is None else "aggregate",
            organisation=scope.actor.organisation,
            person=scope.actor.person,
            session=scope.session,
            datasets=prepared.datasets,
            content=arrow_bytes(table),
            row_count=table.num_rows,
            summary=summary_of(priced, shaped, self._parts.privacy),
            cost_nano_rho=0 if priced is None else priced.cost_nano_rho,
        )

    def _fail(self, scope: QuestionScope, prepared: Prepared, failure: SandgateError) -> None:
        public = {**scope.as_public(), **prepared.as_public(), "code": failure.code}
        event = AuditEvent(EntryKind.ANSWER_FAILED, scope.actor, public)
        self._parts.writer.submit(event, no_effect)

    def _extracts(self, prepared: Prepared) -> dict[str, Opener]:
        """Return how each extract is decrypted and streamed: by the service, never by a worker."""
        home = self._parts.home

        def opener(path: Path, key_name: str) -> Opener:
            return lambda: open_extract(home / path, self._parts.keys.data_key(key_name))

        return {item.dataset: opener(item.path, item.key_name) for item in prepared.extracts}

    def _bounded(self, prepared: Prepared, priced: PricedPlan) -> Opener:
        version = prepared.granted[priced.plan.dataset].version
        directory = version_directory(self._parts.home, version.id)
        path = directory / bounded_file(priced.plan.group_set.name)

        def opener() -> pa.RecordBatchReader:
            file = pq.ParquetFile(path)  # a missing or damaged file ends as engine_error, logged
            return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())

        return opener
