"""The table of zones. A zone goes one way only: open, closed, destroyed; nothing else changes.

The zone ``public`` is always there and has no row: what names no zone stands in it.
"""

from enum import StrEnum

from pydantic import Field
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Row,
    String,
    Table,
    select,
)

from catalog.datasets import PUBLIC_ZONE, Frozen, Grade
from catalog.entries import Bilingual
from foundation.db import metadata
from foundation.guards import guard_from_turning_back

ZONE_PATTERN = r"^[a-z][a-z0-9_-]{0,62}$"
REGION_PATTERN = r"^(|[0-9]{6})$"


class ZoneKind(StrEnum):
    """What a zone is for; ``policies/zones`` says what each kind may hold."""

    PUBLIC = "public"  # 公共数据区
    REGIONAL = "regional"  # 地区专区
    ENTERPRISE = "enterprise"  # 企业专区


class ZoneState(StrEnum):
    """Nothing is answered from a zone that is not open."""

    OPEN = "open"
    CLOSED = "closed"
    DESTROYED = "destroyed"


class Zone(Frozen):
    """One zone. ``keeper`` is the organisation that looks after it; ``region`` a division code."""

    id: str = Field(pattern=ZONE_PATTERN)
    kind: ZoneKind
    name: Bilingual
    keeper: str
    region: str = Field(default="", pattern=REGION_PATTERN)
    grade_max: Grade
    state: ZoneState = ZoneState.OPEN
    closed_by: str | None = None


PUBLIC = Zone(
    id=PUBLIC_ZONE,
    kind=ZoneKind.PUBLIC,
    name=Bilingual(zh="公共数据区", en="Public data zone"),
    keeper="",
    grade_max=Grade.L4,
)

zone_table = Table(
    "zone",
    metadata,
    Column("id", String(63), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name_zh", String(400), nullable=False),
    Column("name_en", String(400), nullable=False),
    Column("keeper", String(64), nullable=False),
    Column("region", String(6), nullable=False),
    Column("grade_max", String(2), nullable=False),
    Column("state", String(16), nullable=False),
    Column("opened_by", String(64), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("closed_by", String(64)),
    Column("closed_us", BigInteger),
    Column("destroyed_by", String(64)),
    CheckConstraint("kind IN ('public', 'regional', 'enterprise')", name="kind"),
    CheckConstraint("state IN ('open', 'closed', 'destroyed')", name="state"),
    CheckConstraint("id <> 'public'", name="public_is_always_there"),
    CheckConstraint("(state = 'open') = (closed_by IS NULL)", name="closed"),
    CheckConstraint("(state = 'destroyed') = (destroyed_by IS NOT NULL)", name="destroyed"),
    CheckConstraint("destroyed_by IS NULL OR destroyed_by <> closed_by", name="two_people"),
)

_FIXED = ("id", "kind", "name_zh", "name_en", "keeper", "region", "grade_max", "opened_by")
_TURNS_BACK = " OR ".join(
    [
        *(f"NEW.{name} <> OLD.{name}" for name in _FIXED),
        "(OLD.state = 'destroyed')",
        "(OLD.state = 'closed' AND NEW.state = 'open')",
        "(OLD.closed_by IS NOT NULL AND NEW.closed_by <> OLD.closed_by)",
    ]
)
guard_from_turning_back("zone", _TURNS_BACK)


def zone(connection: Connection, zone_id: str) -> Zone | None:
    """Return a zone, or None."""
    if zone_id == PUBLIC_ZONE:
        return PUBLIC
    row = connection.execute(select(zone_table).where(zone_table.c.id == zone_id)).first()
    return None if row is None else _zone(row)


def zones(connection: Connection) -> list[Zone]:
    """Return all zones: the public one, then the others by name."""
    rows = connection.execute(select(zone_table).order_by(zone_table.c.id))
    return [PUBLIC, *(_zone(row) for row in rows)]


def _zone(row: Row[tuple[object, ...]]) -> Zone:
    return Zone(
        id=row.id,
        kind=ZoneKind(row.kind),
        name=Bilingual(zh=row.name_zh, en=row.name_en),
        keeper=row.keeper,
        region=row.region,
        grade_max=Grade(row.grade_max),
        state=ZoneState(row.state),
        closed_by=row.closed_by,
    )
