"""Which extracts are in force: one per licence, data set, version and policy, logged both ways.

An extract counts from its EXTRACT_BUILT entry on and is gone with its EXTRACT_DESTROYED entry;
its key is destroyed right after that entry is durable. What it showed is kept for good, so that
later ones can be judged together with it (I13). Paths are relative to the platform's home.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Row,
    String,
    Table,
    Text,
    select,
    update,
)

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import MaskKind
from disclosure.extracts import Extract, ExtractPlan, destroy_extract
from foundation.db import metadata
from foundation.identity import Actor
from foundation.keys import KeyStore

extracts = Table(
    "extract",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("licence", String(80), nullable=False, index=True),
    Column("dataset", String(80), nullable=False),
    Column("version", String(80), nullable=False),
    Column("policy_digest", String(80), nullable=False),
    Column("path", Text, nullable=False),
    Column("key_name", String(120), nullable=False, unique=True),
    Column("columns_json", Text, nullable=False),
    Column("column_bytes_json", Text, nullable=False),
    Column("cluster", String(80)),
    Column("plan_json", Text, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("built_index", BigInteger, nullable=False),
    Column("built_us", BigInteger, nullable=False),
    Column("destroyed_us", BigInteger),
    CheckConstraint("destroyed_us IS NULL OR destroyed_us >= built_us", name="order"),
)


@dataclass(frozen=True)
class ActiveExtract:
    """An extract that a licence's rows worker may be loaded with; ``path`` is below the home.

    ``column_bytes`` says how much memory each column takes in a worker; ``cluster`` is the column
    that a worker lays the rows out by. ``masks`` are the kinds of mask its columns stand under.
    """

    licence: str
    dataset: str
    version: str
    policy_digest: str
    digest: str
    path: Path
    key_name: str
    columns: tuple[str, ...]
    column_bytes: Mapping[str, int] = field(default_factory=dict)
    cluster: str | None = None
    masks: Mapping[str, str] = field(default_factory=dict)

    @property
    def unmasked(self) -> frozenset[str]:
        """The columns that show what is stored."""
        return frozenset(name for name, kind in self.masks.items() if kind == MaskKind.NONE)


@dataclass(frozen=True)
class HeldExtract:
    """An extract that a licence has or once had: what it showed, and of which version."""

    licence: str
    version: str
    plan: ExtractPlan


def activate_extract(
    writer: Writer,
    actor: Actor,
    extract: Extract,
    *,
    home: Path,
    licence: str,
    version: str,
    policy_digest: str,
) -> Recorded[None]:
    """Put a built extract in force: its entry and its record commit together, or neither."""
    event = AuditEvent(
        EntryKind.EXTRACT_BUILT,
        actor,
        public={
            "licence": licence,
            "dataset": extract.dataset,
            "version": version,
            "policy_digest": policy_digest,
            "extract_digest": extract.digest,
            "columns": list(extract.columns),
            "plan_digest": extract.plan.digest,
            "key_name": extract.key_name,
        },
    )

    def apply(connection: Connection, entry: PendingEntry) -> None:
        connection.execute(
            extracts.insert().values(
                digest=extract.digest,
                licence=licence,
                dataset=extract.dataset,
                version=version,
                policy_digest=policy_digest,
                path=str(extract.path.relative_to(home)),
                key_name=extract.key_name,
                columns_json=json.dumps(extract.columns),
                column_bytes_json=json.dumps(dict(extract.column_bytes)),
                cluster=extract.plan.cluster(),
                plan_json=extract.plan.model_dump_json(),
                row_count=extract.row_count,
                built_index=entry.index,
                built_us=entry.time_us,
            )
        )

    return writer.submit(event, apply)


def end_extract(
    writer: Writer,
    actor: Actor,
    extract: ActiveExtract,
    keys: KeyStore,
    *,
    home: Path,
    reason: str,
) -> Recorded[None]:
    """Take an extract out of force, then destroy its key and file."""
    event = AuditEvent(
        EntryKind.EXTRACT_DESTROYED,
        actor,
        public={
            "licence": extract.licence,
            "dataset": extract.dataset,
            "extract_digest": extract.digest,
            "key_name": extract.key_name,
            "reason": reason,
        },
    )

    def apply(connection: Connection, entry: PendingEntry) -> None:
        connection.execute(
            update(extracts)
            .where(extracts.c.digest == extract.digest, extracts.c.destroyed_us.is_(None))
            .values(destroyed_us=entry.time_us)
        )

    recorded = writer.submit(event, apply)
    destroy_extract(home / extract.path, extract.key_name, keys, recorded.citation)
    return recorded


def standing_extracts(connection: Connection, licence: str | None = None) -> list[ActiveExtract]:
    """Return every extract that was not destroyed, of one licence or of all, oldest first."""
    query = select(extracts).where(extracts.c.destroyed_us.is_(None))
    if licence is not None:
        query = query.where(extracts.c.licence == licence)
    return [_extract(row) for row in connection.execute(query.order_by(extracts.c.built_index))]


def active_extracts(connection: Connection, licence: str) -> tuple[ActiveExtract, ...]:
    """Return a licence's extracts in force, the latest of each data set."""
    latest = {found.dataset: found for found in standing_extracts(connection, licence)}
    return tuple(latest.values())


def superseded_extracts(connection: Connection) -> list[ActiveExtract]:
    """Return extracts that stand though a later one of their licence and data set is in force."""
    standing = standing_extracts(connection)
    latest = {(found.licence, found.dataset): found.digest for found in standing}
    return [found for found in standing if latest[found.licence, found.dataset] != found.digest]


def held_extracts(connection: Connection, licences: Collection[str]) -> list[HeldExtract]:
    """Return every extract that any of these licences ever had, destroyed ones too."""
    query = select(extracts).where(extracts.c.licence.in_(list(licences)))
    return [
        HeldExtract(row.licence, row.version, ExtractPlan.model_validate_json(row.plan_json))
        for row in connection.execute(query.order_by(extracts.c.built_index))
    ]


def extract_by_digest(connection: Connection, licence: str, digest: str) -> HeldExtract | None:
    """Return an extract that a licence has or once had; that of another licence reads as none."""
    query = select(extracts).where(extracts.c.digest == digest, extracts.c.licence == licence)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return HeldExtract(row.licence, row.version, ExtractPlan.model_validate_json(row.plan_json))


def extract_plan(connection: Connection, digest: str) -> ExtractPlan:
    """Return what a recorded extract shows."""
    query = select(extracts.c.plan_json).where(extracts.c.digest == digest)
    return ExtractPlan.model_validate_json(connection.execute(query).scalar_one())


def _extract(row: Row[Any]) -> ActiveExtract:
    return ActiveExtract(
        licence=row.licence,
        dataset=row.dataset,
        version=row.version,
        policy_digest=row.policy_digest,
        digest=row.digest,
        path=Path(row.path),
        key_name=row.key_name,
        columns=tuple(json.loads(row.columns_json)),
        column_bytes=json.loads(row.column_bytes_json),
        cluster=row.cluster,
        masks={
            column["name"]: column["mask"]["kind"]
            for column in json.loads(row.plan_json)["columns"]
        },
    )
