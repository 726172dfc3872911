"""The debug road: the same question, checked, decided and priced alike, answered from twins alone.

It is handed no key store and no path, and asks workers that were only ever given twins. What a
decision would charge, set aside and refuse is carried out and undone inside the same commit, so a
question that production would refuse is refused here in the same words; nothing is spent.

A private answer does not wait for its slot: how long synthetic rows take tells nothing of real
ones, and the estimate says how long production would wait. Where the engine fails, that is said:
production would answer as if no row had matched, and close the class of plans.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Connection, Engine

from audit.events import AuditEvent, PendingEntry, Recorded, Writer, no_effect
from audit.tags import EntryKind
from authorization.revocation import SuspensionBoard, check_in_force
from disclosure.asks import Ask
from disclosure.budgets.charging import charge_question
from disclosure.budgets.listing import Outlook
from disclosure.engine.loading import TableSource
from disclosure.engine.supervisor import AnswerCaps, EnginePool, WorkerKey
from disclosure.given import Given, arrow_bytes, summary_of
from disclosure.granted import GrantedDataset
from disclosure.metering import QuestionMeter
from disclosure.outcome import question_failed
from disclosure.pipeline.estimating import least_left
from disclosure.pipeline.parts import PipelineParts
from disclosure.pipeline.preparing import Prepared
from disclosure.pipeline.private import slot_class
from disclosure.pipeline.uses import question_use
from disclosure.plan.pricing import PricedPlan
from disclosure.plan.relations import Relation, relations
from disclosure.plan.rendering import rendered, tables_in_order
from disclosure.plan.shaping import Shaped, shape
from disclosure.plan_classes import check_open
from disclosure.refusals_log import RefusalsLog
from disclosure.scope import QuestionScope
from disclosure.twins.answers import (
    AgainKey,
    SyntheticAnswer,
    again_key,
    find_synthetic,
    give_synthetic,
    keep_synthetic,
    noted,
)
from disclosure.twins.claims import synthetic_subjects
from disclosure.twins.shelf import Twin, TwinShelf
from disclosure.twins.undone import UnheardEntry, undone
from disclosure.twins.wanted import twins_wanted
from foundation.canonical import digest
from foundation.clock import Clock
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.ids import new_id
from policies.schema.gate import GateRules
from policies.schema.privacy import PrivacyRules


@dataclass(frozen=True)
class RehearsalParts:
    """What the debug road stands on: nothing here leads to a row."""

    engine: Engine
    writer: Writer
    clock: Clock
    board: SuspensionBoard
    pool: EnginePool
    shelf: TwinShelf
    privacy: PrivacyRules
    limits: GateRules
    policy_digest: str
    meter: QuestionMeter
    refusals: RefusalsLog
    environment_digest: Callable[[], str]


@dataclass(frozen=True)
class _Staged:
    """A prepared question and the twins that it would be asked of."""

    prepared: Prepared
    twins: Mapping[str, Twin]
    key: AgainKey

    @property
    def seeds(self) -> dict[str, str]:
        """The seeds of the twins that are read, by data set."""
        return {name: self.twins[name].seed for name in self.prepared.datasets}


def rehearsal_parts(parts: PipelineParts, refusals: RefusalsLog) -> RehearsalParts:
    """Return what the debug road may have of the pipeline's parts: neither keys nor home."""
    return RehearsalParts(
        engine=parts.engine,
        writer=parts.writer,
        clock=parts.clock,
        board=parts.board,
        pool=parts.pool,
        shelf=parts.shelf,
        privacy=parts.privacy,
        limits=parts.limits,
        policy_digest=parts.policy_digest,
        meter=parts.meter,
        refusals=refusals,
        environment_digest=parts.environment_digest,
    )


class Rehearsal:
    """Answers the questions of debug sessions."""

    def __init__(self, parts: RehearsalParts) -> None:
        """Join the parts."""
        self._parts = parts

    def ask(self, scope: QuestionScope, prepared: Prepared, ask: Ask) -> Given:
        """Answer one prepared question from twins, or raise the refusal that was logged."""
        staged = self._staged(prepared)
        again = self._again(scope, staged)
        if again is not None:
            return again
        decided = self._decide(scope, staged)
        with self._failure_logged(scope, staged):
            table, summary = self._answer(scope, staged, ask)
            ask.settle()
            answer = SyntheticAnswer(
                id=new_id("ans"),
                key=staged.key,
                mode="rows" if prepared.priced is None else "aggregate",
                content=arrow_bytes(table),
                summary=noted(summary),
            )
            recorded = self._record(scope, staged, answer, decided)
        return self._given(scope, staged, recorded, repeated=False)

    def marked(
        self, licence: str, granted: Mapping[str, GrantedDataset], told: Sequence[dict[str, object]]
    ) -> list[dict[str, object]]:
        """Mark descriptions as those of twins, and name units of them that claims can be about."""
        with reading(self._parts.engine) as connection:
            twins = self._parts.shelf.of(
                twins_wanted(connection, licence, granted, self._parts.shelf.rules)
            )
        return [
            {
                **item,
                "synthetic": True,
                "synthetic_subjects": synthetic_subjects(granted[name], twins[name]),
            }
            for item in told
            for name in [str(item["name"])]
        ]

    def _staged(self, prepared: Prepared) -> _Staged:
        with reading(self._parts.engine) as connection:
            twins = self._parts.shelf.of(
                twins_wanted(
                    connection, prepared.licence.id, prepared.granted, self._parts.shelf.rules
                )
            )
        plan = prepared.repeat_key(self._parts.policy_digest).plan_digest
        seeds = {name: twin.seed for name, twin in twins.items()}
        key = again_key(prepared.licence.id, seeds, plan, self._parts.policy_digest)
        return _Staged(prepared, twins, key)

    def _again(self, scope: QuestionScope, staged: _Staged) -> Given | None:
        """Give a private answer from the same twins again, as production does."""
        if staged.prepared.priced is None:
            return None
        with reading(self._parts.engine) as connection:
            found = find_synthetic(connection, staged.key)
        if found is None:
            return None
        kept = found

        def apply(connection: Connection, entry: PendingEntry) -> SyntheticAnswer:
            check_in_force(connection, self._parts.board, scope.licence, entry.time_us)
            return kept

        public = {**self._released(scope, staged, kept), "repeated": True}
        private = staged.prepared.as_private()
        event = AuditEvent(EntryKind.DEBUG_ANSWER_RELEASED, scope.actor, public, private)
        with self._refusal_logged(scope, staged):
            recorded = self._parts.writer.submit(event, apply)
        return self._given(scope, staged, recorded, repeated=True)

    def _decide(self, scope: QuestionScope, staged: _Staged) -> int:
        """Log the decision; charge, set aside and refuse as production would, and undo it."""
        parts, prepared = self._parts, staged.prepared
        priced, use = prepared.priced, question_use(scope, prepared)

        def apply(connection: Connection, entry: PendingEntry) -> None:
            check_in_force(connection, parts.board, scope.licence, entry.time_us)
            unheard = UnheardEntry(entry)
            with undone(connection):
                parts.meter.question_decided(connection, unheard, use)
                if priced is None:
                    return
                check_open(connection, priced.plan, scope.licence, parts.privacy)
                charge_question(
                    connection,
                    unheard,
                    licence=prepared.licence,
                    charges=prepared.charges(priced),
                    plan_digest=priced.digest,
                    rules=parts.privacy,
                    project=scope.project,
                )

        public = {
            **self._public(scope, staged),
            "would_cost_nano_rho": 0 if priced is None else priced.cost_nano_rho,
            "would_cost_delta_steps": 0 if priced is None else priced.cost_delta_steps,
        }
        private = prepared.as_private()
        event = AuditEvent(EntryKind.DEBUG_QUESTION_DECIDED, scope.actor, public, private)
        with self._refusal_logged(scope, staged):
            return parts.writer.submit(event, apply).index

    def _answer(
        self, scope: QuestionScope, staged: _Staged, ask: Ask
    ) -> tuple[pa.Table, dict[str, object]]:
        priced = staged.prepared.priced
        if priced is None:
            return self._rows(scope, staged, ask), self._summary(None, None)
        return self._private(scope, staged, priced)

    def _rows(self, scope: QuestionScope, staged: _Staged, ask: Ask) -> pa.Table:
        limits, prepared = self._parts.limits, staged.prepared
        caps = AnswerCaps(
            limits.answer_rows_max, limits.answer_bytes_max, float(limits.answer_seconds_max)
        )
        tables = {
            item.dataset: synthetic_source(
                staged.twins[item.dataset].extract, prepared.columns_read(item.dataset)
            )
            for item in prepared.extracts
        }
        key = WorkerKey(scope.licence, staged.key.twin_seed, "rows", synthetic=True)
        person = scope.actor.person
        return self._parts.pool.query(key, tables, prepared.sql, caps, person=person, ask=ask)

    def _private(
        self, scope: QuestionScope, staged: _Staged, priced: PricedPlan
    ) -> tuple[pa.Table, dict[str, object]]:
        plan, limits = priced.plan, self._parts.limits
        wanted = relations(plan)
        named = sorted([item.name, item.dataset, item.file or ""] for item in wanted)
        version = digest({"twins": staged.key.twin_seed, "relations": named})
        key = WorkerKey(scope.licence, version, "aggregate", synthetic=True)
        tables = {item.name: self._source(staged, item) for item in wanted}
        seconds = self._parts.privacy.answer_slot_milliseconds[slot_class(plan)] / 1_000
        caps = AnswerCaps(limits.answer_rows_max, limits.answer_bytes_max, seconds)
        person = scope.actor.person
        statements = rendered(plan)
        with self._parts.pool.keeping(key):
            found = [
                self._parts.pool.query(key, tables, item.sql, caps, person=person)
                for item in statements
            ]
        shaped = shape(priced, tables_in_order(statements, found, plan))
        return shaped.table, self._summary(priced, shaped)

    def _summary(self, priced: PricedPlan | None, shaped: Shaped | None) -> dict[str, object]:
        return summary_of(priced, shaped, self._parts.privacy, self._parts.environment_digest())

    def _source(self, staged: _Staged, relation: Relation) -> TableSource:
        twin = staged.twins[relation.dataset]
        table = twin.extract if relation.file is None else twin.protected[relation.file]
        return synthetic_source(table, frozenset(relation.columns))

    def _record(
        self, scope: QuestionScope, staged: _Staged, answer: SyntheticAnswer, decided: int
    ) -> Recorded[SyntheticAnswer]:
        """Log the outcome and keep the answer together; authority is checked once more here."""

        def apply(connection: Connection, entry: PendingEntry) -> SyntheticAnswer:
            check_in_force(connection, self._parts.board, scope.licence, entry.time_us)
            return keep_synthetic(
                connection, answer, scope, answered_index=entry.index, now_us=entry.time_us
            )

        public = {
            **self._released(scope, staged, answer),
            "repeated": False,
            "decided_index": decided,
        }
        event = AuditEvent(EntryKind.DEBUG_ANSWER_RELEASED, scope.actor, public)
        return self._parts.writer.submit(event, apply)

    def _given(
        self,
        scope: QuestionScope,
        staged: _Staged,
        recorded: Recorded[SyntheticAnswer],
        *,
        repeated: bool,
    ) -> Given:
        """Say what production would have taken; the budget that is left is the real one."""
        parts, prepared = self._parts, staged.prepared
        priced = None if repeated else prepared.priced
        outlook = Outlook(parts.clock.now_us(), project=scope.project)
        with reading(parts.engine) as connection:
            left = least_left(connection, prepared, parts.privacy, outlook)
            use = question_use(scope, prepared)
            money = parts.meter.price_of_question(connection, use, outlook.now_us)
        would_cost = {
            "nano_rho": 0 if priced is None else priced.cost_nano_rho,
            "delta_steps": 0 if priced is None else priced.cost_delta_steps,
            "money": None if repeated else dict(money),
        }
        return give_synthetic(
            recorded, repeated=repeated, would_cost=would_cost, budget_nano_rho_remaining=left
        )

    def _public(self, scope: QuestionScope, staged: _Staged) -> dict[str, object]:
        return {
            **scope.as_public(),
            **staged.prepared.as_public(),
            "twin_seeds": staged.seeds,
            "policy_digest": self._parts.policy_digest,
        }

    def _released(
        self, scope: QuestionScope, staged: _Staged, answer: SyntheticAnswer
    ) -> dict[str, object]:
        told = {"answer": answer.id, "content_digest": answer.content_digest}
        return {**self._public(scope, staged), **told}

    @contextmanager
    def _refusal_logged(self, scope: QuestionScope, staged: _Staged) -> Iterator[None]:
        prepared = staged.prepared
        try:
            yield
        except SandgateError as refusal:
            if not refusal.logged:
                self._parts.refusals.record(scope, prepared.question, prepared.sql, refusal)
            raise

    @contextmanager
    def _failure_logged(self, scope: QuestionScope, staged: _Staged) -> Iterator[None]:
        """Log that a permitted question got no answer, under one fixed code (I11)."""
        try:
            yield
        except SandgateError as failure:
            self._fail(scope, staged, failure)
            raise
        except Exception:  # noqa: BLE001 - whatever it was, the caller learns one fixed code
            failed = question_failed("engine_error")
            self._fail(scope, staged, failed)
            raise failed from None

    def _fail(self, scope: QuestionScope, staged: _Staged, failure: SandgateError) -> None:
        public = {**self._public(scope, staged), "code": failure.code}
        event = AuditEvent(EntryKind.DEBUG_QUESTION_FAILED, scope.actor, public)
        self._parts.writer.submit(event, no_effect)


def synthetic_source(table: pa.Table, needed: frozenset[str]) -> TableSource:
    """Stream a twin's table to a worker of twins, column by column."""

    def open_columns(columns: tuple[str, ...]) -> pa.RecordBatchReader:
        return table.select(list(columns)).to_reader()

    sizes = {name: max(1, table.column(name).nbytes) for name in table.column_names}
    return TableSource(open_columns, sizes, needed, synthetic=True)
