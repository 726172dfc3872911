"""Records a resource's registration code (登记编码) and the digest of its deposit (存证)."""

from typing import Self

from pydantic import Field, model_validator
from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import Frozen
from catalog.registration import require_provider
from catalog.resources.store import resource_evidence
from catalog.store import dataset_by_name
from foundation.errors import Message, NotFound
from foundation.identity import Actor


class Evidence(Frozen):
    """What registration gave: its code, the digest of what was deposited, or both."""

    registration_code: str | None = Field(default=None, min_length=1, max_length=100)
    evidence_digest: str | None = Field(default=None, pattern=r"^(sha256|sm3):[0-9a-f]{64}$")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.registration_code is None and self.evidence_digest is None:
            raise ValueError("neither a code nor a digest")
        return self


def add_evidence(writer: Writer, actor: Actor, dataset: str, told: Evidence) -> Recorded[Evidence]:
    """Record evidence of a resource. Raises NotFound, and Denied for others than its source."""
    public = {"dataset": dataset, **told.model_dump()}
    event = AuditEvent(EntryKind.RESOURCE_EVIDENCED, actor, public)

    def apply(connection: Connection, entry: PendingEntry) -> Evidence:
        found = dataset_by_name(connection, dataset)
        if found is None:
            raise NotFound(
                "dataset_unknown",
                Message("没有该数据集。", "There is no such data set."),
                field="dataset",
            )
        require_provider(actor, found.provider)
        connection.execute(
            insert(resource_evidence).values(
                dataset=dataset, person=actor.person, at_us=entry.time_us, **told.model_dump()
            )
        )
        return told

    return writer.submit(event, apply)


def evidence_of(connection: Connection, dataset: str) -> Evidence | None:
    """Return the newest code and the newest digest of a resource, or None where there is none."""
    query = select(resource_evidence).where(resource_evidence.c.dataset == dataset)
    rows = connection.execute(query.order_by(resource_evidence.c.number)).all()
    if not rows:
        return None
    codes = [row.registration_code for row in rows if row.registration_code is not None]
    digests = [row.evidence_digest for row in rows if row.evidence_digest is not None]
    return Evidence(
        registration_code=codes[-1] if codes else None,
        evidence_digest=digests[-1] if digests else None,
    )
