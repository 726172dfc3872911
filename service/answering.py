"""What answers questions and claims, put together: the pipeline and the verifier on one ground."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Engine

from audit.coalescing import CoalescingLog
from audit.events import Writer
from audit.writer import GroupCommitWriter
from authorization.enforcer import Enforcer
from authorization.revocation import SuspensionBoard
from authorization.signing import AuthorityKeys
from disclosure.engine.supervisor import AnswerCaps, EnginePool, Opener, WorkerKey
from disclosure.gate.question import QueryGate
from disclosure.pipeline.asking import Pipeline
from disclosure.pipeline.parts import PipelineParts
from disclosure.pipeline.rehearsing import synthetic_source
from disclosure.twins.shelf import TwinShelf
from disclosure.verify.rehearsing import ClaimRehearsal
from disclosure.verify.verifier import Verifier, VerifierParts
from foundation.clock import Clock
from foundation.settings import Settings
from policies.load import PolicyPack
from policies.schema.gate import GateRules
from policies.schema.history import HistoryRules
from policies.schema.masks import MaskRules
from policies.schema.privacy import PrivacyRules
from policies.schema.twins import TwinRules
from policies.schema.verification import VerificationRules
from sandbox.session_image import EnvironmentDigest
from service.key_opening import OpenedKeys
from service.run_caps import CappedMetering
from service.starting import BudgetsWatch
from service.witnessing import Witnessing


@dataclass(frozen=True)
class Ground:
    """What every part stands on: where it writes, what it signs with, which rules hold."""

    settings: Settings
    clock: Clock
    opened: OpenedKeys
    pack: PolicyPack
    engine: Engine
    log: GroupCommitWriter
    writer: Writer
    authority: AuthorityKeys
    witnessing: Witnessing
    fault: Callable[[str], None]


def build_pipeline(
    ground: Ground,
    enforcer: Enforcer,
    board: SuspensionBoard,
    pool: EnginePool,
    metering: CappedMetering,
) -> Pipeline:
    """Return what answers questions."""
    pack = ground.pack
    limits = pack.rules(GateRules)
    return Pipeline(
        PipelineParts(
            engine=ground.engine,
            writer=ground.writer,
            clock=ground.clock,
            keys=ground.opened.store,
            home=ground.settings.home,
            enforcer=enforcer,
            board=board,
            gate=QueryGate(pool.parse, limits),
            pool=pool,
            privacy=pack.rules(PrivacyRules),
            limits=limits,
            history=pack.rules(HistoryRules),
            policy_digest=pack.digest,
            fault=ground.fault,
            closed=BudgetsWatch(ground.engine, ground.writer),
            meter=metering,
            shelf=twin_shelf(pack),
            environment_digest=EnvironmentDigest(ground.settings.session_environment.resolve()),
        )
    )


def twin_shelf(pack: PolicyPack) -> TwinShelf:
    """Return where twins are made and kept; a shelf of its own makes the same ones."""
    return TwinShelf(pack.rules(TwinRules), pack.rules(MaskRules))


def build_verifier(
    ground: Ground,
    enforcer: Enforcer,
    board: SuspensionBoard,
    pool: EnginePool,
    denials: CoalescingLog,
    metering: CappedMetering,
) -> Verifier:
    """Return what answers claims (核验), each by the workers that hold protected columns."""
    rules = ground.pack.rules(VerificationRules)
    seconds = rules.answer_slot_milliseconds / 1_000
    caps = AnswerCaps(rows_max=1, bytes_max=1 << 16, deadline_seconds=seconds)

    def run(
        licence: str, version: str, tables: Mapping[str, Opener], sql: str, person: str
    ) -> pa.Table:
        key = WorkerKey(licence, version, "aggregate")
        return pool.query(key, tables, sql, caps, person=person)

    def run_twin(
        licence: str, version: str, tables: Mapping[str, pa.Table], sql: str, person: str
    ) -> pa.Table:
        key = WorkerKey(licence, version, "aggregate", synthetic=True)
        sources = {
            name: synthetic_source(table, frozenset(table.column_names))
            for name, table in tables.items()
        }
        return pool.query(key, sources, sql, caps, person=person)

    return Verifier(
        VerifierParts(
            engine=ground.engine,
            writer=ground.writer,
            clock=ground.clock,
            keys=ground.opened.store,
            home=ground.settings.home,
            enforcer=enforcer,
            board=board,
            run=run,
            rules=rules,
            policy_digest=ground.pack.digest,
            refusals=denials,
            meter=metering,
            rehearsal=ClaimRehearsal(
                engine=ground.engine,
                writer=ground.writer,
                board=board,
                shelf=twin_shelf(ground.pack),
                run=run_twin,
                policy_digest=ground.pack.digest,
                meter=metering,
            ),
        )
    )
