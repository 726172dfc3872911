"""Runs on publication: who wants a reviewed notebook run on each new version of a data set.

A subscription holds caps for each of its runs and names the version it has seen; a newer one is a
run, asked for in the same transaction that moves the mark, so that no version runs twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from audit.events import AuditEvent, PendingEntry, Writer
from audit.tags import EntryKind
from authorization.revocation import SuspensionBoard, check_in_force
from authorization.separation import check_may_write
from foundation.db import reading
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from sandbox.review_store import subscriptions
from sandbox.reviews import Review, ReviewDesk
from sandbox.unattended import Asked, Caps, Run, RunDesk, Trigger

SUBSCRIPTION_RULE = "run-subscription"


@dataclass(frozen=True)
class Subscription:
    """One subscription; ``last_version`` is the newest version that it has seen."""

    id: str
    review: str
    licence: str
    project: str
    dataset: str
    person: str
    organisation: str
    last_version: str
    budget_nano_rho_max: int
    money_micro_fen_max: int
    wall_seconds_max: int
    made_us: int
    ended_us: int | None

    @property
    def caps(self) -> Caps:
        """Return the caps of each of its runs."""
        return Caps(
            budget_nano_rho_max=self.budget_nano_rho_max,
            money_micro_fen_max=self.money_micro_fen_max,
            wall_seconds_max=self.wall_seconds_max,
        )


class SubscriptionDesk:
    """Keeps subscriptions and asks for their runs."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        board: SuspensionBoard,
        desk: ReviewDesk,
        runs: RunDesk,
    ) -> None:
        """Join store, log, reviews and runs."""
        self._engine = engine
        self._writer = writer
        self._board = board
        self._desk = desk
        self._runs = runs

    def subscribe(
        self,
        actor: Actor,
        review: Review,
        dataset: str,
        project: str | None,
        caps: Caps,
        version: str,
    ) -> Subscription:
        """Ask for a run on each version after ``version``. Raises InvalidInput for a foreign set.

        Conflict where the review does not hold now.
        """
        if dataset not in review.datasets:
            raise InvalidInput(
                "dataset_not_reviewed",
                Message("该审查不包含这个数据集。", "The approval does not name this data set."),
                field="$.dataset",
                rule=SUBSCRIPTION_RULE,
            )
        row = {
            "id": new_id("sub"),
            "review": review.id,
            "licence": review.licence,
            "project": project or "",
            "dataset": dataset,
            "person": actor.person,
            "organisation": actor.organisation,
            "last_version": version,
            **caps.model_dump(),
        }

        def apply(connection: Connection, entry: PendingEntry) -> Subscription:
            check_may_write(actor)
            check_in_force(connection, self._board, review.licence, entry.time_us)
            self._desk.check_stands(connection, review.id, review.licence, entry.time_us)
            connection.execute(insert(subscriptions).values(made_us=entry.time_us, **row))
            return _require(connection, str(row["id"]))

        public = {
            "subscription": row["id"],
            **{name: row[name] for name in ("review", "licence", "dataset")},
            "notebook_digest": review.notebook_digest,
            **caps.model_dump(),
        }
        event = AuditEvent(EntryKind.SUBSCRIPTION_MADE, actor, public)
        return self._writer.submit(event, apply).value

    def end(self, actor: Actor, subscription_id: str, reason: str) -> Subscription:
        """End a subscription: its own organisation, or the authority. Raises NotFound, Conflict."""
        named = self.subscription(subscription_id)
        overseer = actor.has(Role.AUTHORITY) or actor.has(Role.SYSTEM)
        if not overseer and actor.organisation != named.organisation:
            raise _unknown()

        def apply(connection: Connection, entry: PendingEntry) -> Subscription:
            check_may_write(actor)
            current = _require(connection, subscription_id)
            if current.ended_us is not None:
                raise Conflict(
                    "subscription_ended",
                    Message("该订阅已终止。", "This subscription has ended."),
                    field="subscription",
                )
            connection.execute(
                update(subscriptions)
                .where(subscriptions.c.id == subscription_id)
                .values(ended_us=entry.time_us)
            )
            return _require(connection, subscription_id)

        public = {
            "subscription": subscription_id,
            **{name: getattr(named, name) for name in ("review", "licence", "dataset")},
        }
        event = AuditEvent(EntryKind.SUBSCRIPTION_ENDED, actor, public, {"reason": reason})
        return self._writer.submit(event, apply).value

    def due(self, newest: Callable[[str], str | None]) -> list[tuple[Subscription, str]]:
        """Return standing subscriptions with a version that they have not seen."""
        with reading(self._engine) as connection:
            query = select(subscriptions).where(subscriptions.c.ended_us.is_(None))
            standing = [_subscription(row) for row in connection.execute(query)]
        found = [(one, newest(one.dataset)) for one in standing]
        return [(one, ver) for one, ver in found if ver is not None and ver != one.last_version]

    def run_for(self, actor: Actor, one: Subscription, review: Review, version: str) -> Run:
        """Ask for the run of a new version; the mark moves with it, or neither does."""

        def move(connection: Connection, _entry: PendingEntry, _run: Run) -> None:
            changed = connection.execute(
                update(subscriptions)
                .where(
                    subscriptions.c.id == one.id,
                    subscriptions.c.last_version == one.last_version,
                    subscriptions.c.ended_us.is_(None),
                )
                .values(last_version=version)
            )
            if changed.rowcount != 1:
                raise Conflict(
                    "subscription_ended",
                    Message("该订阅已终止或已处理。", "This subscription has ended or moved on."),
                    field="subscription",
                )

        asked = Asked(
            review=review,
            project=one.project or None,
            caps=one.caps,
            trigger=Trigger.VERSION,
            subscription=one.id,
            version=version,
        )
        return self._runs.request(actor, asked, move)

    def subscriptions(self, licence: str | None = None) -> list[Subscription]:
        """Return subscriptions, oldest first."""
        query = select(subscriptions).order_by(subscriptions.c.made_us, subscriptions.c.id)
        if licence is not None:
            query = query.where(subscriptions.c.licence == licence)
        with reading(self._engine) as connection:
            return [_subscription(row) for row in connection.execute(query)]

    def subscription(self, subscription_id: str) -> Subscription:
        """Return one subscription. Raises NotFound."""
        with reading(self._engine) as connection:
            return _require(connection, subscription_id)


def _require(connection: Connection, subscription_id: str) -> Subscription:
    found = connection.execute(
        select(subscriptions).where(subscriptions.c.id == subscription_id)
    ).one_or_none()
    if found is None:
        raise _unknown()
    return _subscription(found)


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(**row._asdict())


def _unknown() -> NotFound:
    return NotFound(
        "subscription_unknown",
        Message("没有这项订阅。", "There is no such subscription."),
        field="subscription",
    )
