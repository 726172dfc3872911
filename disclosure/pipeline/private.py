"""Computes one private answer inside its fixed slot: what is read, what runs, when it may leave.

The slot is a function of the plan (I14). What failed on data ends as an answer in which no row
matched, at the same moment; the questions of one licence wait for each other, so that how long one
took tells nothing to another.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from catalog.versions import version_directory
from disclosure.engine.loading import TableSource
from disclosure.engine.supervisor import AnswerCaps, EnginePool, WorkerKey
from disclosure.outcome import question_failed
from disclosure.pipeline.preparing import Prepared
from disclosure.pipeline.sources import extract_source, parquet_source
from disclosure.plan.model import AggregatePlan, MeasuredKind, Road
from disclosure.plan.pricing import PricedPlan
from disclosure.plan.relations import Relation, relations
from disclosure.plan.rendering import Statement, rendered, tables_in_order
from disclosure.plan.shaping import Shaped, shape, shape_empty
from disclosure.scope import QuestionScope
from disclosure.slots import Slot
from foundation.canonical import digest
from foundation.clock import Clock
from foundation.keys import Citation, KeyStore
from policies.schema.gate import GateRules
from policies.schema.privacy import PrivacyRules, SlotClass

WARM = "SELECT 1 AS warm"
LOADING_SHARE = 4
"""What comes before the engine is asked shares its slot, loading of tables too: where that takes
more than this part of one, the question runs in the next, so that it shows in whole slots only."""
log = logging.getLogger("sandgate.private")


@dataclass(frozen=True)
class Computed:
    """An answer that may leave, and whether the engine failed behind it; only the log is told."""

    shaped: Shaped
    failed: bool


@dataclass(frozen=True)
class PrivateAnswers:
    """Computes private answers. ``fault`` is called at named points, for tests."""

    pool: EnginePool
    clock: Clock
    keys: KeyStore
    home: Path
    privacy: PrivacyRules
    limits: GateRules
    fault: Callable[[str], None]
    _queues: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    def compute(
        self,
        scope: QuestionScope,
        prepared: Prepared,
        priced: PricedPlan,
        asked_us: int,
        decided: Citation,
    ) -> Computed:
        """Run and shape within the slot, then wait for its end. Raises QuestionFailed.

        The slot begins when the question came, so that how long it was prepared, logged and queued
        beside others shows no more than the engine's own time.

        What can go wrong before a row was looked at (no worker, no file, no key, no room for the
        table) is raised; whatever goes wrong after it is answered as if no row had matched.
        """
        with self._queues[scope.licence]:
            milliseconds = self.privacy.answer_slot_milliseconds[slot_class(priced.plan)]
            slot = Slot(self.clock, asked_us, milliseconds * 1_000)
            return self._computed(scope, prepared, priced, slot, decided)

    def _computed(
        self,
        scope: QuestionScope,
        prepared: Prepared,
        priced: PricedPlan,
        slot: Slot,
        decided: Citation,
    ) -> Computed:
        plan = priced.plan
        wanted = relations(plan)
        key = WorkerKey(scope.licence, _version(prepared, wanted), "aggregate")
        tables = {item.name: self._source(prepared, item, decided) for item in wanted}

        def ask(sql: str) -> pa.Table:
            """Ask within what is left of the slot: all statements share it."""
            caps = AnswerCaps(
                self.limits.answer_rows_max, self.limits.answer_bytes_max, slot.seconds_left
            )
            return self.pool.query(key, tables, sql, caps, person=scope.actor.person)

        with self.pool.keeping(key):  # else another licence could end the worker in between
            ask(WARM)
            if slot.taken_us > slot.length_us // LOADING_SHARE:
                slot.wait()
                slot = Slot.beginning_now(self.clock, slot.length_us)
            shaped = self._shaped(priced, rendered(plan), ask)
        failed = shaped is None or slot.is_over
        if shaped is None or failed:
            shaped = shape_empty(priced)  # before the wait: its noise takes time as well
        slot.wait()
        return Computed(shaped, failed)

    def _shaped(
        self, priced: PricedPlan, statements: Sequence[Statement], ask: Callable[[str], pa.Table]
    ) -> Shaped | None:
        """Run every statement and shape what they found, or None: how it failed is not told."""
        try:
            found = [ask(statement.sql) for statement in statements]
            self.fault("after_run")
            return shape(priced, tables_in_order(statements, found, priced.plan))
        except Exception as error:  # noqa: BLE001 - whatever it was could depend on data
            log.warning("a private plan failed: %s", type(error).__name__)
            return None

    def _source(self, prepared: Prepared, relation: Relation, decided: Citation) -> TableSource:
        granted = prepared.granted[relation.dataset]
        if relation.file is not None:
            directory = version_directory(self.home, granted.version.id, granted.version.zone)
            return parquet_source(directory / relation.file, relation.columns)
        if granted.extract is None:
            raise question_failed("engine_error")
        return extract_source(granted.extract, self.home, self.keys, relation.columns, decided)


def slot_class(plan: AggregatePlan) -> SlotClass:
    """Name the rule file's slot for a plan: by its road, and by what takes longer on any road.

    Those are unit joins; and noisy choices of quantiles, people counted over stored ranks, and
    groups without a public domain.
    """
    if plan.question.source.unit_join:
        return "joined"
    kinds = {measured.kind for measured in plan.measured}
    counts_people = MeasuredKind.UNITS in kinds and plan.bounding.road is Road.RANKED
    if plan.bounding.road in {Road.DECLARED, Road.RANKED} and (
        MeasuredKind.QUANTILE in kinds or counts_people or plan.has_unknown_keys
    ):
        return "heavy"
    slots: dict[Road, SlotClass] = {
        Road.DECLARED: "declared",
        Road.RANKED: "ranked",
        Road.UNRANKED: "unranked",
        Road.PER_UNIT: "per_unit",
    }
    return slots[plan.bounding.road]


def _version(prepared: Prepared, wanted: Sequence[Relation]) -> str:
    """Name the state of all that is read: a worker serves one such state."""
    return digest(sorted([item.name, item.file or "", _state(prepared, item)] for item in wanted))


def _state(prepared: Prepared, relation: Relation) -> str:
    granted = prepared.granted[relation.dataset]
    if relation.file is None and granted.extract is not None:
        return granted.extract.digest
    return granted.version.manifest_digest
