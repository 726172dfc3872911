"""Assessment and accountability (考核评估、责任追究) of departments, from the record alone.

A card joins what a department keeps (entries, resources, updates) with how it decided; the list of
accountability names each matter that was decided late or is overdue. There is no mark and no rank:
who judges is a person, and the same record gives the same card.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from catalog.matters.matter import MatterState
from catalog.matters.scorecards import Scorecard, scorecards
from catalog.matters.store import matter_table
from foundation.clock import MICROSECONDS_PER_DAY
from service.figures.holdings import Covered, by, holdings, share_ppm
from service.figures.timeliness import resource_ages

LATE_MAX = 500


def assessment(
    connection: Connection,
    age_days: Mapping[str, int],
    now_us: int,
    recent_days: int,
    house: str | None = None,
) -> dict[str, Any]:
    """Return the card of each department, or of one ``house``, over the last days."""
    since_us = now_us - recent_days * MICROSECONDS_PER_DAY
    covered = by(holdings(connection), lambda group: [group.provider])
    decided = {card.organisation: card for card in scorecards(connection, since_us, now_us)}
    updated: dict[str, list[bool]] = {}
    for one in resource_ages(connection, age_days, now_us, house):
        if one["in_time"] is not None:
            updated.setdefault(one["organisation"], []).append(one["in_time"])
    names = {str(name) for name in covered} | set(decided) | set(updated)
    return {
        "days": recent_days,
        "cards": [
            _card(name, covered.get(name, Covered()), decided.get(name), updated.get(name, []))
            for name in sorted(names)
            if house in (None, name)
        ],
        "late_matters": late_matters(connection, since_us, now_us, house),
    }


def late_matters(
    connection: Connection, since_us: int, now_us: int, house: str | None = None
) -> list[dict[str, Any]]:
    """Return what was decided after its time since then, and what is overdue now."""
    table = matter_table.c
    decided_late = and_(table.in_time.is_(False), table.concluded_us >= since_us)
    owed = and_(
        table.state == str(MatterState.OPEN), table.due_us < now_us, table.due_on.is_not(None)
    )
    query = select(matter_table).where(or_(decided_late, owed)).order_by(table.due_us)
    if house is not None:
        query = query.where(table.handler == house)
    return [
        {
            "case": row.case,
            "matter": row.id,
            "title": json.loads(row.title),
            "organisation": row.handler,
            "due_on": row.due_on,
            "state": row.state,
            "reminded": int(row.reminded),
            "escalated": int(row.escalated),
            "outcome": row.outcome,
        }
        for row in connection.execute(query.limit(LATE_MAX))
    ]


def _card(
    name: str, covered: Covered, decided: Scorecard | None, updated: list[bool]
) -> dict[str, Any]:
    matters = {} if decided is None else decided.model_dump(exclude={"organisation"})
    return {
        "organisation": name,
        "coverage": covered.as_json(),
        "resources_dated": len(updated),
        "resources_in_time": sum(updated),
        "resources_in_time_ppm": share_ppm(sum(updated), len(updated)),
        "matters": matters,
    }
