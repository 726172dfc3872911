"""Unattended runs: waiting → running → finished or failed, each step logged, with what it cost.

A run names an approved review and its caps. What it spends of budget and money is counted beside
each question, in that question's own transaction (``charge_run``): a cap is never passed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Engine, Row, insert, select, update

from audit.events import AuditEvent, PendingEntry, Writer
from audit.tags import EntryKind
from authorization.revocation import SuspensionBoard, check_in_force
from authorization.separation import check_may_write
from catalog.datasets import Frozen
from foundation.db import reading
from foundation.errors import Conflict, Denied, Message, NotFound
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import new_id
from sandbox.review_store import runs
from sandbox.reviews import Review, ReviewDesk, ReviewState, require_review
from sandbox.store import sessions

RUN_RULE = "unattended-run"
BUDGET_MAX = 10**12
MONEY_MAX = 10**15


class RunState(StrEnum):
    """Where an unattended run stands."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class Trigger(StrEnum):
    """Why a run takes place: a person asked, a debug session moved on, or data were published."""

    PERSON = "person"
    SESSION = "session"
    VERSION = "version"


RUN_TRANSITIONS: Mapping[tuple[RunState, RunState], EntryKind] = {
    (RunState.WAITING, RunState.RUNNING): EntryKind.RUN_STARTED,
    (RunState.WAITING, RunState.FAILED): EntryKind.RUN_FAILED,
    (RunState.RUNNING, RunState.FINISHED): EntryKind.RUN_FINISHED,
    (RunState.RUNNING, RunState.FAILED): EntryKind.RUN_FAILED,
}
"""Every step there is, with the entry that it is logged as."""


class Caps(Frozen):
    """The most that one run may cost: zCDP loss, money, and time on the wall."""

    budget_nano_rho_max: int = Field(ge=0, le=BUDGET_MAX)
    money_micro_fen_max: int = Field(ge=0, le=MONEY_MAX)
    wall_seconds_max: int = Field(ge=1, le=7 * 86_400)


@dataclass(frozen=True)
class Run:
    """One run as the store knows it; ``session`` is its sandbox, once it has one."""

    id: str
    review: str
    licence: str
    project: str
    person: str
    organisation: str
    notebook_digest: str
    trigger: Trigger
    versions: tuple[str, ...]
    subscription: str | None
    session: str | None
    state: RunState
    budget_nano_rho_max: int
    money_micro_fen_max: int
    wall_seconds_max: int
    spent_nano_rho: int
    spent_micro_fen: int
    cells_run: int
    failed_cell: int | None
    code: str | None
    requested_us: int
    changed_us: int


@dataclass(frozen=True)
class Asked:
    """What a run is asked for with: the review, whose part of a budget, the caps and why."""

    review: Review
    project: str | None
    caps: Caps
    trigger: Trigger
    session: str | None = None
    subscription: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Ended:
    """How a run ended: cells that ran, and where it failed, the cell's number and a code."""

    cells_run: int
    code: str | None = None
    failed_cell: int | None = None


Charge = Callable[[Connection, PendingEntry, "Run"], None]


class RunDesk:
    """Keeps runs; what executes them is the service's."""

    def __init__(
        self, engine: Engine, writer: Writer, board: SuspensionBoard, desk: ReviewDesk
    ) -> None:
        """Join store, log and reviews."""
        self._engine = engine
        self._writer = writer
        self._board = board
        self._desk = desk

    def request(self, actor: Actor, asked: Asked, more: Charge | None = None) -> Run:
        """Ask for a run. Raises Conflict where the review does not hold, Denied if shut.

        ``more`` is written with it, in the same transaction.
        """
        review, run_id = asked.review, new_id("run")
        row = {
            "id": run_id,
            "review": review.id,
            "licence": review.licence,
            "project": asked.project or "",
            "person": actor.person,
            "organisation": actor.organisation,
            "notebook_digest": review.notebook_digest,
            "trigger": asked.trigger.value,
            "subscription": asked.subscription,
            "session": asked.session,
            "state": RunState.WAITING.value,
            **asked.caps.model_dump(),
        }

        def apply(connection: Connection, entry: PendingEntry) -> Run:
            check_may_write(actor)
            check_in_force(connection, self._board, review.licence, entry.time_us)
            self._desk.check_stands(connection, review.id, review.licence, entry.time_us)
            if asked.session is not None:
                _refuse_second(connection, asked.session)
            times = {"requested_us": entry.time_us, "changed_us": entry.time_us}
            connection.execute(insert(runs).values(**row, **times))
            run = require_run(connection, run_id)
            if more is not None:
                more(connection, entry, run)
            return run

        public = {
            "run": run_id,
            **{name: row[name] for name in ("review", "licence", "notebook_digest", "trigger")},
            "subscription": asked.subscription,
            "version": asked.version,
            **asked.caps.model_dump(),
        }
        event = AuditEvent(EntryKind.RUN_REQUESTED, actor, public)
        return self._writer.submit(event, apply).value

    def start(
        self, run: Run, actor: Actor, session: str, versions: Sequence[str], charge: Charge
    ) -> Run:
        """Begin a run in its session; ``charge`` counts what the session itself costs.

        The review is asked about once more: what was lost since the request stops it here.
        """
        columns = {"session": session, "versions": json.dumps(sorted(versions))}
        public = {"session": session}

        def check(connection: Connection, entry: PendingEntry, current: Run) -> None:
            self._desk.check_stands(connection, current.review, current.licence, entry.time_us)
            charge(connection, entry, current)

        return self._move(run, RunState.RUNNING, actor, public, columns, check)

    def end(self, run: Run, ended: Ended) -> Run:
        """End a run, with what it cost; a failure names the cell's number and a code, no value."""
        target = RunState.FINISHED if ended.code is None else RunState.FAILED
        columns = {
            "cells_run": ended.cells_run,
            "failed_cell": ended.failed_cell,
            "code": ended.code,
        }
        failure = {"cell": ended.failed_cell, "code": ended.code}
        public = {"cells": ended.cells_run, **({} if ended.code is None else failure)}

        def note(_connection: Connection, entry: PendingEntry, current: Run) -> None:
            entry.amend(
                session=current.session,
                versions=list(current.versions),
                cost_nano_rho=current.spent_nano_rho,
                cost_micro_fen=current.spent_micro_fen,
            )

        return self._move(run, target, SYSTEM_ACTOR, public, columns, note)

    def recover(self) -> list[Run]:
        """End what was running when an earlier service ended; return those runs."""
        left = self.runs(state=RunState.RUNNING)
        return [self.end(run, Ended(run.cells_run, "service_restarted")) for run in left]

    def runs(self, *, licence: str | None = None, state: RunState | None = None) -> list[Run]:
        """Return runs, oldest first."""
        query = select(runs).order_by(runs.c.requested_us, runs.c.id)
        if licence is not None:
            query = query.where(runs.c.licence == licence)
        if state is not None:
            query = query.where(runs.c.state == state.value)
        with reading(self._engine) as connection:
            return [_run(row) for row in connection.execute(query)]

    def run(self, run_id: str) -> Run:
        """Return one run. Raises NotFound."""
        with reading(self._engine) as connection:
            return require_run(connection, run_id)

    def _move(
        self,
        run: Run,
        target: RunState,
        actor: Actor,
        public: Mapping[str, object],
        columns: Mapping[str, Any],
        also: Charge,
    ) -> Run:
        kind = {new: kind for (_old, new), kind in RUN_TRANSITIONS.items()}[target]
        named = {name: getattr(run, name) for name in ("review", "licence", "notebook_digest")}

        def apply(connection: Connection, entry: PendingEntry) -> Run:
            current = require_run(connection, run.id)
            if (current.state, target) not in RUN_TRANSITIONS:
                raise _illegal(current.state, target)
            also(connection, entry, current)
            connection.execute(
                update(runs)
                .where(runs.c.id == run.id, runs.c.state == current.state.value)
                .values(state=target.value, changed_us=entry.time_us, **columns)
            )
            return require_run(connection, run.id)

        event = AuditEvent(kind, actor, {"run": run.id, **named, **public})
        return self._writer.submit(event, apply).value


def charge_run(
    connection: Connection, session: str, *, nano_rho: int = 0, micro_fen: int = 0
) -> None:
    """Count what a question of a run costs, or refuse it; of a session without a run, nothing.

    For use inside an ``apply``. Raises Denied where a cap would be passed, Conflict where no run
    is under way or its review was withdrawn. What a failed question was counted at stays counted.
    """
    running = runs.c.state == RunState.RUNNING.value
    query = select(runs).where(runs.c.session == session, running)
    row = connection.execute(query).one_or_none()
    if row is None:
        _refuse_reviewed(connection, session)
        return
    run = _run(row)
    if require_review(connection, run.review).state is not ReviewState.APPROVED:
        raise _withdrawn()
    charge(connection, run, nano_rho=nano_rho, micro_fen=micro_fen)


def charge(connection: Connection, run: Run, *, nano_rho: int = 0, micro_fen: int = 0) -> None:
    """Count a cost of a run; for use inside an ``apply``. Raises Denied past a cap."""
    check_caps(run, nano_rho=nano_rho, micro_fen=micro_fen)
    spent = {
        "spent_nano_rho": run.spent_nano_rho + nano_rho,
        "spent_micro_fen": run.spent_micro_fen + micro_fen,
    }
    connection.execute(update(runs).where(runs.c.id == run.id).values(**spent))


def check_caps(run: Run, *, nano_rho: int = 0, micro_fen: int = 0) -> None:
    """Refuse a cost that would pass one of a run's caps. Raises Denied."""
    if run.spent_nano_rho + nano_rho > run.budget_nano_rho_max:
        raise _capped("run_budget_cap", "隐私预算", "privacy budget", "budget_nano_rho_max")
    if run.spent_micro_fen + micro_fen > run.money_micro_fen_max:
        raise _capped("run_money_cap", "费用", "money", "money_micro_fen_max")


def require_run(connection: Connection, run_id: str) -> Run:
    """Return one run. Raises NotFound."""
    row = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFound(
            "run_unknown", Message("没有这次运行。", "There is no such run."), field="run"
        )
    return _run(row)


def run_of_session(connection: Connection, session: str) -> Run | None:
    """Return the newest run that a session executes; None for a person's own session."""
    newest = runs.c.requested_us.desc()
    query = select(runs).where(runs.c.session == session).order_by(newest).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _run(row)


def _refuse_second(connection: Connection, session: str) -> None:
    """Refuse a second run of one session while another is to come, or under way."""
    going = runs.c.state.in_([RunState.WAITING.value, RunState.RUNNING.value])
    if connection.execute(select(runs.c.id).where(runs.c.session == session, going)).first():
        raise Conflict(
            "run_state",
            Message("该会话已在转入生产运行。", "This session is moving to production already."),
            field="session",
            rule=RUN_RULE,
        )


def _refuse_reviewed(connection: Connection, session: str) -> None:
    """Refuse a question of a reviewed session outside its run."""
    query = select(sessions.c.review).where(sessions.c.id == session)
    if connection.execute(query).scalar():
        raise Conflict(
            "run_state",
            Message("该会话只在其运行期间回答查询。", "This session answers during its run only."),
            field="session",
            rule=RUN_RULE,
        )


def _run(row: Row[Any]) -> Run:
    fields = row._asdict()
    fields["trigger"] = Trigger(row.trigger)
    fields["state"] = RunState(row.state)
    fields["versions"] = tuple(json.loads(row.versions))
    return Run(**fields)


def _capped(code: str, zh: str, en: str, field: str) -> Denied:
    return Denied(
        code,
        Message(
            f"该查询将超出本次运行的{zh}上限，未执行。",
            f"This question would pass the run's cap of {en}; it was not asked.",
        ),
        field=field,
        rule=RUN_RULE,
        way_out=Message(
            "请以更高的上限重新请求运行，或减少查询。",
            "Ask for a run with a higher cap, or ask less.",
        ),
    )


def _withdrawn() -> Conflict:
    return Conflict(
        "review_not_approved",
        Message(
            "该笔记本的审查已撤销，运行停止。",
            "The review of this notebook was withdrawn; its run stops.",
        ),
        field="review",
        rule=RUN_RULE,
    )


def _illegal(source: RunState, target: RunState) -> Conflict:
    return Conflict(
        "run_state",
        Message(
            f"运行状态为 {source}，不能变为 {target}。",
            f"The run is {source}; it cannot become {target}.",
        ),
        field="state",
        rule=RUN_RULE,
    )
