"""Timeliness (时效): resources updated within the frequency their entry declares, matters in time.

A resource's age is that of its newest version; how many days a frequency allows stands in
``policies/quality``. One without any version is named apart, neither in time nor late.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from catalog.book.store import catalog_entry, catalog_revision
from catalog.matters.scorecards import scorecards
from catalog.store import dataset_table, version_table
from foundation.clock import MICROSECONDS_PER_DAY
from service.figures.holdings import share_ppm

LATE_MAX = 200


def timeliness(
    connection: Connection,
    age_days: Mapping[str, int],
    now_us: int,
    recent_days: int,
    house: str | None = None,
) -> dict[str, Any]:
    """Return both, of all departments or of one ``house``; matters over the last days."""
    resources = resource_ages(connection, age_days, now_us, house)
    dated = [one for one in resources if one["age_days"] is not None]
    late = [one for one in dated if not one["in_time"]]
    in_time = len(dated) - len(late)
    since_us = now_us - recent_days * MICROSECONDS_PER_DAY
    cards = scorecards(connection, since_us, now_us, None if house is None else [house])
    clocked = {card.organisation: card for card in cards if card.on_time_ppm is not None}
    return {
        "resources": {
            "total": len(resources),
            "without_version": len(resources) - len(dated),
            "in_time": in_time,
            "late": len(late),
            "share_ppm": share_ppm(in_time, len(dated)),
            "late_resources": late[:LATE_MAX],
        },
        "matters": {
            "days": recent_days,
            "decided": sum(card.decided for card in cards),
            "decided_in_time": sum(card.decided_in_time for card in cards),
            "overdue": sum(card.overdue for card in cards),
            "by_department": [
                {
                    "organisation": name,
                    "decided": card.decided,
                    "decided_in_time": card.decided_in_time,
                    "share_ppm": card.on_time_ppm,
                    "overdue": card.overdue,
                }
                for name, card in sorted(clocked.items())
            ],
        },
    }


def resource_ages(
    connection: Connection, age_days: Mapping[str, int], now_us: int, house: str | None = None
) -> list[dict[str, Any]]:
    """Return each resource with the age of its newest version (days), the longest late first."""
    newest = (
        select(version_table.c.dataset_id, func.max(version_table.c.created_us).label("made_us"))
        .group_by(version_table.c.dataset_id)
        .subquery()
    )
    published = (catalog_revision.c.entry_id == catalog_entry.c.id) & (
        catalog_revision.c.version == catalog_entry.c.version
    )
    query = (
        select(
            *(dataset_table.c.name, dataset_table.c.provider, catalog_entry.c.code),
            *(catalog_revision.c.document, newest.c.made_us),
        )
        .select_from(dataset_table)
        .join(catalog_entry, catalog_entry.c.id == dataset_table.c.entry_id)
        .join(catalog_revision, published)
        .outerjoin(newest, newest.c.dataset_id == dataset_table.c.id)
    )
    if house is not None:
        query = query.where(dataset_table.c.provider == house)
    found = [_aged(row, age_days, now_us) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (-(one["late_days"] or 0), one["resource"]))


def _aged(row: Any, age_days: Mapping[str, int], now_us: int) -> dict[str, Any]:
    frequency = json.loads(row.document)["update_frequency"]
    allowed = age_days[frequency]
    passed_us = None if row.made_us is None else now_us - row.made_us
    in_time = None if passed_us is None else passed_us <= allowed * MICROSECONDS_PER_DAY
    age = None if passed_us is None else passed_us // MICROSECONDS_PER_DAY
    return {
        "resource": row.name,
        "organisation": row.provider,
        "code": row.code,
        "frequency": frequency,
        "allowed_days": allowed,
        "age_days": age,
        "in_time": in_time,
        "late_days": None if age is None else max(0, age - allowed),
    }
