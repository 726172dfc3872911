"""Which classes of private questions are closed, because one of them once failed on data.

A plan is made so that it cannot fail on data. If one does all the same, its caller gets an answer
shaped as if no row had matched, in the same number of entries, and such plans are refused to its
licence, after a second licence's failure to all, until a person of the authority has looked (I14).
"""

import json
from dataclasses import dataclass

from sqlalchemy import BigInteger, CheckConstraint, Column, Connection, String, Table, Text, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from disclosure.outcome import Refused
from disclosure.plan.expressions import fields_of
from disclosure.plan.model import AggregatePlan
from foundation.canonical import canonical_bytes, digest
from foundation.db import metadata
from foundation.errors import Conflict, Denied, Message, NotFound
from foundation.guards import guard_from_turning_back
from foundation.identity import Actor, ActorKind, Role
from foundation.ids import new_id
from policies.schema.privacy import PrivacyRules

RULE = "I14"
FAILED, DONE = "failed", "done  "
"""What the private part of an outcome entry says of the engine; both of one length."""

closed_plan_class = Table(
    "closed_plan_class",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("class_digest", String(80), nullable=False, index=True),
    Column("description", Text, nullable=False),
    Column("licence", String(80), nullable=False),
    Column("closed_index", BigInteger, nullable=False),
    Column("closed_us", BigInteger, nullable=False),
    Column("reopened_us", BigInteger),
    Column("reopened_by", String(80), nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    CheckConstraint("(reopened_us IS NULL) = (reopened_by = '')", name="reopened"),
)

guard_from_turning_back(
    "closed_plan_class",
    "OLD.reopened_us IS NOT NULL OR NEW.id <> OLD.id OR NEW.class_digest <> OLD.class_digest "
    "OR NEW.closed_index <> OLD.closed_index",
)


@dataclass(frozen=True)
class ClosedClass:
    """One closing: what kind of plan, by whose question, and whether somebody has looked since."""

    id: str
    description: dict[str, object]
    licence: str
    closed_index: int
    closed_us: int
    reopened_us: int | None
    reopened_by: str
    reason: str


def described(plan: AggregatePlan) -> dict[str, object]:
    """Name a plan's class: what it reads and does, without the literals of one question."""
    source = plan.question.source
    where = () if plan.where is None else fields_of(plan.where)
    return {
        "datasets": [source.dataset, *([source.unit_join] if source.unit_join else [])],
        "public_tables": sorted(join.relation for join in source.public_joins),
        "road": str(plan.bounding.road),
        "group_set": plan.bounding.group_set,
        "keys": sorted(_key_words(plan)),
        "conditions": sorted({f"{field.relation}.{field.column}" for field in where}),
        "measured": sorted({str(item.kind) for item in plan.measured}),
        "measures": sorted({m.measure.field.column for m in plan.measured if m.measure}),
    }


def class_digest(plan: AggregatePlan) -> str:
    """Return the digest that names a plan's class."""
    return digest(described(plan))


def check_open(
    connection: Connection, plan: AggregatePlan, licence: str, rules: PrivacyRules
) -> None:
    """Raise Refused where the plan's class is closed to a licence.

    One licence's failure closes the class to that licence; a second licence's, to everybody: so
    that nobody who can make a question late takes a kind of question from all others.
    """
    table = closed_plan_class.c
    query = select(table.licence).where(
        table.class_digest == class_digest(plan), table.reopened_us.is_(None)
    )
    failed = set(connection.execute(query.distinct()).scalars())
    if licence in failed or len(failed) >= rules.failed_licences_close_class:
        raise Refused(
            "plan_class_closed",
            Message(
                zh="同类的受保护查询曾未能执行完毕，该类查询已暂停，等待数据主管部门查看。",
                en="A private question of this kind once failed to complete; its kind is closed "
                "until a person of the data authority has looked.",
            ),
            field="sql",
            rule=RULE,
            way_out=Message(
                zh="请换一种分组、筛选或聚合方式，或联系数据主管部门重新开放此类查询。",
                en="Ask with other keys, conditions or aggregates, or ask the data authority to "
                "open this kind of question again.",
            ),
        )


def close_class(
    connection: Connection, plan: AggregatePlan, licence: str, entry: PendingEntry
) -> None:
    """Close a plan's class inside the effect of the outcome entry that told of its failure."""
    connection.execute(
        closed_plan_class.insert().values(
            id=new_id("cpc"),
            class_digest=class_digest(plan),
            description=canonical_bytes(described(plan)).decode(),
            licence=licence,
            closed_index=entry.index,
            closed_us=entry.time_us,
        )
    )


def closed_classes(connection: Connection) -> tuple[ClosedClass, ...]:
    """List every closing, newest first; for the authority and the regulator only."""
    rows = connection.execute(
        select(closed_plan_class).order_by(closed_plan_class.c.closed_index.desc())
    )
    return tuple(
        ClosedClass(
            id=row.id,
            description=json.loads(row.description),
            licence=row.licence,
            closed_index=row.closed_index,
            closed_us=row.closed_us,
            reopened_us=row.reopened_us,
            reopened_by=row.reopened_by,
            reason=row.reason,
        )
        for row in rows
    )


def reopen_class(writer: Writer, actor: Actor, closing: str, reason: str) -> Recorded[None]:
    """Open a class of questions again, after a person of the authority has looked.

    Raises Denied, NotFound, or Conflict where it is open already.
    """
    if not actor.has(Role.AUTHORITY) or actor.kind is not ActorKind.PERSON:
        raise Denied(
            "authority_required",
            Message(
                "只有数据主管部门的工作人员可以重新开放此类查询。",
                "Only a person of the data authority opens a class of questions again.",
            ),
            rule="I8",
        )
    event = AuditEvent(
        EntryKind.PLAN_CLASS_REOPENED, actor, {"closing": closing}, {"reason": reason}
    )

    def apply(connection: Connection, entry: PendingEntry) -> None:
        table = closed_plan_class.c
        row = connection.execute(select(table.reopened_us).where(table.id == closing)).first()
        if row is None:
            raise NotFound(
                "closing_unknown",
                Message(f"没有编号为“{closing}”的停用记录。", f"There is no closing {closing!r}."),
                field="closing",
            )
        if row.reopened_us is not None:
            raise Conflict(
                "closing_over",
                Message("此类查询已重新开放。", "This class of questions is open again already."),
                field="closing",
            )
        connection.execute(
            closed_plan_class.update()
            .where(table.id == closing)
            .values(reopened_us=entry.time_us, reopened_by=actor.person, reason=reason)
        )

    return writer.submit(event, apply)


def _key_words(plan: AggregatePlan) -> list[str]:
    return [
        f"{type(key.expression).__name__}:"
        + ",".join(sorted({f"{f.relation}.{f.column}" for f in fields_of(key.expression)}))
        for key in plan.keys
    ]
