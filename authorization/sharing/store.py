"""The tables of sharing between departments: requests, deliveries, use records, disposals.

A request's document, parties and decision never change once decided; what was delivered, used and
destroyed is only ever added to.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back

share_request = Table(
    "share_request",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("entry", String(64), nullable=False),
    Column("provider", ForeignKey("organisation.id"), nullable=False, index=True),
    Column("requester", ForeignKey("organisation.id"), nullable=False, index=True),
    Column("drafted_by", ForeignKey("person.id"), nullable=False),
    Column("drafted_us", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("document_digest", String(80), nullable=False),
    Column("signed_by", ForeignKey("person.id")),
    Column("demand", String(64), nullable=False, server_default=""),
    Column("state", String(16), nullable=False, index=True),
    Column("conditional", Integer, nullable=False, server_default="0"),
    Column("case_number", String(64), nullable=False, server_default="", index=True),
    Column("matter", String(64), nullable=False, server_default=""),
    Column("submitted_us", BigInteger),
    Column("decided_by", ForeignKey("person.id")),
    Column("decided_us", BigInteger),
    Column("decision", Text, nullable=False, server_default="{}"),
    Column("granted", Text, nullable=False, server_default="{}"),
    Column("until_us", BigInteger),
    Column("supplied_us", BigInteger),
    Column("note", Text, nullable=False, server_default=""),
    Column("suspended_as", String(16), nullable=False, server_default=""),
    Column("changed_us", BigInteger, nullable=False),
    CheckConstraint("requester <> provider", name="two_departments"),
    CheckConstraint("signed_by IS NULL OR signed_by <> drafted_by", name="another_signs"),
    CheckConstraint(
        "decided_by IS NULL OR (decided_by <> drafted_by AND decided_by <> signed_by)",
        name="another_decides",
    ),
    CheckConstraint("state = 'draft' OR signed_by IS NOT NULL OR state = 'withdrawn'", name="head"),
    Index("ix_share_request_drafted", "drafted_by", "drafted_us"),
    CheckConstraint("suspended_as IN ('', 'provider', 'authority')", name="suspended_as"),
    CheckConstraint(
        "state NOT IN ('suspended', 'rectifying') OR suspended_as <> ''", name="suspended_by_one"
    ),
)

share_delivery = Table(
    "share_delivery",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("request", ForeignKey("share_request.id"), nullable=False, index=True),
    Column("mode", String(16), nullable=False),
    Column("dataset", String(63), nullable=False),
    Column("version", String(64), nullable=False),
    Column("person", ForeignKey("person.id"), nullable=False),
    Column("organisation", ForeignKey("organisation.id"), nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("content_digest", String(80), nullable=False),
    Column("copy_digest", String(80), nullable=False),
    Column("mark", LargeBinary, nullable=False),
    Column("decided_index", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
)

share_calls = Table(
    "share_calls",
    metadata,
    Column("request", ForeignKey("share_request.id"), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("requester", String(64), nullable=False, index=True),
    Column("provider", String(64), nullable=False, index=True),
    Column("entry", String(64), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    CheckConstraint("calls >= 0 AND row_count >= 0", name="counted"),
)

share_use = Table(
    "share_use",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("request", ForeignKey("share_request.id"), nullable=False, index=True),
    Column("person", ForeignKey("person.id"), nullable=False),
    Column("record", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
)

share_disposal = Table(
    "share_disposal",
    metadata,
    Column("request", ForeignKey("share_request.id"), primary_key=True),
    Column("person", ForeignKey("person.id"), nullable=False),
    Column("document", Text, nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
)

share_seal = Table(
    "share_seal",
    metadata,
    Column("request", ForeignKey("share_request.id"), primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("document", Text, nullable=False),
    Column("paper", LargeBinary, nullable=False),
    Column("signatures", Text, nullable=False),
    Column("ordered", Text, nullable=False),
    Column("person", ForeignKey("person.id"), nullable=False),
    Column("made_us", BigInteger, nullable=False),
)

_FINAL = ("refused", "withdrawn", "disposed")
_FIXED = ("id", "entry", "provider", "requester", "drafted_by", "drafted_us", "demand")
_DECIDED = ("document", "document_digest", "signed_by", "decided_by", "decision", "until_us")
_ORDER_LOST = (
    "OLD.suspended_as = 'authority' AND NEW.suspended_as <> 'authority' "
    "AND NOT (OLD.state = 'rectifying' AND NEW.state = 'in_use')"
)

guard_append_only("share_delivery", "share_use", "share_disposal", "share_seal")
guard_from_turning_back(
    "share_request",
    " OR ".join(
        [
            *(f"NEW.{name} <> OLD.{name}" for name in _FIXED),
            *(f"(OLD.decided_by IS NOT NULL AND NEW.{name} <> OLD.{name})" for name in _DECIDED),
            "(OLD.case_number <> '' AND NEW.case_number <> OLD.case_number)",
            f"(OLD.state IN {_FINAL} AND NEW.state <> OLD.state)",
            "(OLD.state <> 'draft' AND NEW.state = 'draft')",
            f"({_ORDER_LOST})",
        ]
    ),
)
guard_from_turning_back(
    "share_calls",
    "NEW.calls < OLD.calls OR NEW.row_count < OLD.row_count OR NEW.requester <> OLD.requester "
    "OR NEW.request <> OLD.request OR NEW.day <> OLD.day",
)
