"""The table desk put together: which worker counts, whom the policy lets ask, which rules hold."""

from collections.abc import Mapping
from functools import partial

import pyarrow as pa
from sqlalchemy import Connection

from authorization.decisions import AccessRequest, check_decision, decide
from authorization.enforcer import Enforcer
from authorization.lines import Action
from authorization.organisations import actor_for_person
from authorization.revocation import SuspensionBoard
from catalog.datasets import DatasetDeclaration
from disclosure.engine.supervisor import AnswerCaps, EnginePool, Opener, WorkerKey
from disclosure.gate.question import QueryGate
from disclosure.outcome import QuestionFailed
from disclosure.release.tables.boxes import CellBoxes
from disclosure.release.tables.desk import Asker, TableDesk, TableParts, TableRuleset
from disclosure.release.tables.previewing import TablePreviews
from disclosure.release.tables.sketches import LANES
from foundation.keys import CIPHERS
from policies.schema.checks import CheckRules
from policies.schema.gate import GateRules
from policies.schema.masks import MaskRules
from policies.schema.tables import TableRules
from service.answering import Ground

BYTES_MAX = 512 << 20
"""What a worker may answer: a table of the most cells brings one number a cell and lane."""


def build_table_desk(
    ground: Ground, enforcer: Enforcer, board: SuspensionBoard, pool: EnginePool
) -> TableDesk:
    """Return what recomputes tables for release, in workers that hold people's numbers."""
    pack = ground.pack
    rules = pack.rules(TableRules)
    caps = AnswerCaps(rules.cells_max * LANES, BYTES_MAX, float(rules.seconds_max))

    cipher = CIPHERS[ground.settings.data_cipher]

    def run(
        licence: str, version: str, tables: Mapping[str, Opener], sql: str, person: str
    ) -> pa.Table:
        key = WorkerKey(licence, version, "aggregate")
        try:
            return pool.query(key, tables, sql, caps, person=person)
        except QuestionFailed:  # a worker may be ended beneath a statement; a new one is asked once
            return pool.query(key, tables, sql, caps, person=person)

    return TableDesk(
        TableParts(
            writer=ground.writer,
            keys=ground.opened.store,
            home=ground.settings.home,
            gate=QueryGate(pool.parse, pack.rules(GateRules)),
            run=run,
            may_ask=partial(_check_may_ask, ground, enforcer, board),
            boxes=CellBoxes(ground.opened.store, ground.writer, cipher),
            rules=TableRuleset(
                tables=rules,
                checks=pack.rules(CheckRules),
                masks=pack.rules(MaskRules),
                policy_digest=pack.digest,
            ),
        )
    )


def build_table_previews(ground: Ground, board: SuspensionBoard, desk: TableDesk) -> TablePreviews:
    """Return what rehearses tables for their authors."""
    rules = ground.pack.rules(TableRules)
    return TablePreviews(ground.engine, ground.writer, board, desk, rules)


def _check_may_ask(
    ground: Ground,
    enforcer: Enforcer,
    board: SuspensionBoard,
    connection: Connection,
    asker: Asker,
    dataset: DatasetDeclaration,
    columns: tuple[str, ...],
) -> None:
    """Ask the policy for these columns as rows, as a question in the session would."""
    actor = actor_for_person(connection, asker.person, asker.organisation)
    request = AccessRequest(actor, asker.licence, Action.QUERY_ROWS, dataset, columns)
    check_decision(decide(enforcer.snapshot, board, request, ground.clock.now_us()))
