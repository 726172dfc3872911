"""The book's tables: entries, their revisions and moves, registered systems, subscriptions.

The database itself refuses what the road forbids: an entry names a published version only where a
published revision of that number stands, and such a revision has both assessments, a head's
sign-off over this very text by whoever made neither of them, and a reviewer who had no hand in it.
"""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from catalog.book.states import ENTRY_MOVES, REVISION_MOVES, EntryState, Move, RevisionState
from catalog.entries import CODE_CHARACTERS_MAX
from foundation.db import metadata
from foundation.guards import (
    guard_append_only,
    guard_from_replacing,
    guard_from_turning_back,
)

DIGEST_CHARACTERS = 80
_HAS_VERSION = (EntryState.PUBLISHED, EntryState.CHANGE_SUBMITTED, EntryState.WITHDRAWN)


def _one_of(column: str, values: Iterable[str]) -> str:
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({quoted})"


catalog_revision = Table(
    "catalog_entry_revision",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("entry_id", String(64), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("batch", String(64)),
    Column("state", String(16), nullable=False),
    Column("version", Integer),
    Column("digest", String(DIGEST_CHARACTERS), nullable=False),
    Column("previous_digest", String(DIGEST_CHARACTERS)),
    Column("drafted_by", String(64), nullable=False),
    Column("drafted_us", BigInteger, nullable=False),
    Column("revised_by", String(64), nullable=False),
    Column("revised_us", BigInteger, nullable=False),
    Column("papers", String(DIGEST_CHARACTERS), nullable=False),
    Column("signed_by", String(64)),
    Column("signed_us", BigInteger),
    Column("signed_papers", String(DIGEST_CHARACTERS)),
    Column("sign_matter", String(64)),
    Column("submitted_by", String(64)),
    Column("submitted_us", BigInteger),
    Column("matter", String(64)),
    Column("case_number", String(64)),
    Column("change_matter", String(64)),
    Column("decided_by", String(64)),
    Column("decided_organisation", String(64)),
    Column("decided_us", BigInteger),
    Column("reason", Text),
    Column("secrecy", Text),
    Column("secrecy_by", String(64)),
    Column("personal", Text),
    Column("personal_by", String(64)),
    Column("document", Text, nullable=False),
    UniqueConstraint("entry_id", "version", name="uq_catalog_entry_revision_version"),
    CheckConstraint(_one_of("state", RevisionState), name="state"),
    CheckConstraint("(state = 'published') = (version IS NOT NULL)", name="version"),
    CheckConstraint("signed_by IS NULL OR signed_by <> revised_by", name="signed_by_another"),
    CheckConstraint("signed_by IS NULL OR signed_by <> drafted_by", name="signed_not_by_drafter"),
    CheckConstraint(
        "(secrecy IS NULL) = (secrecy_by IS NULL) AND (personal IS NULL) = (personal_by IS NULL)",
        name="assessed_by_somebody",
    ),
    CheckConstraint(
        "signed_by IS NULL OR (signed_by <> secrecy_by AND signed_by <> personal_by)",
        name="signed_not_by_assessor",
    ),
    CheckConstraint(
        "state NOT IN ('submitted', 'published') OR (secrecy IS NOT NULL AND personal IS NOT NULL "
        "AND signed_by IS NOT NULL AND signed_papers IS NOT NULL AND signed_papers = papers)",
        name="papers_before_review",
    ),
    CheckConstraint(
        "state <> 'published' OR (decided_by IS NOT NULL AND decided_by <> drafted_by "
        "AND decided_by <> revised_by AND decided_by <> signed_by "
        "AND decided_by <> secrecy_by AND decided_by <> personal_by "
        "AND decided_organisation IS NOT NULL AND decided_organisation <> provider)",
        name="reviewed_by_another",
    ),
    Index("ix_catalog_entry_revision_entry", "entry_id", "state"),
    Index("ix_catalog_entry_revision_batch", "batch"),
    Index("ix_catalog_entry_revision_drafted", "drafted_by", "drafted_us"),
)

catalog_entry = Table(
    "catalog_entry",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("code", String(CODE_CHARACTERS_MAX), nullable=False, unique=True),
    Column("provider", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False, default=EntryState.DRAFT.value),
    Column("version", Integer),
    Column("zone", String(63), nullable=False, default="public"),
    Column("grade", String(8), nullable=False, default=""),
    Column("share_attribute", String(16), nullable=False, default=""),
    Column("open_attribute", String(16), nullable=False, default=""),
    Column("return_attribute", String(16), nullable=False, default=""),
    Column("tags", Text, nullable=False, default=""),
    Column("changed_us", BigInteger, nullable=False, default=0),
    Column("changed_index", BigInteger, nullable=False, default=0),
    Column("name_zh", Text, nullable=False, default=""),
    Column("name_en", Text, nullable=False, default=""),
    Column("search_text", Text, nullable=False, default=""),
    ForeignKeyConstraint(
        ("id", "version"),
        ("catalog_entry_revision.entry_id", "catalog_entry_revision.version"),
        name="fk_catalog_entry_published_revision",
    ),
    CheckConstraint(_one_of("state", EntryState), name="state"),
    CheckConstraint(
        f"(version IS NOT NULL) = ({_one_of('state', _HAS_VERSION)})",
        name="version",
    ),
    Index("ix_catalog_entry_provider_code", "provider", "code"),
    Index("ix_catalog_entry_state_code", "state", "code"),
)

catalog_move = Table(
    "catalog_entry_move",
    metadata,
    Column("idx", BigInteger, primary_key=True),
    Column("entry_id", String(64), ForeignKey("catalog_entry.id"), primary_key=True),
    Column("time_us", BigInteger, nullable=False),
    Column("move", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer),
    Column("digest", String(DIGEST_CHARACTERS), nullable=False),
    Column("previous_digest", String(DIGEST_CHARACTERS)),
    Column("matter", String(64)),
    Column("person", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("reason", Text),
    CheckConstraint(_one_of("move", Move), name="move"),
    Index("ix_catalog_entry_move_entry", "entry_id", "idx"),
    Index("ix_catalog_entry_move_kind", "move", "idx"),
)

catalog_system = Table(
    "catalog_system",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("provider", String(64), nullable=False),
    Column("label_zh", Text, nullable=False),
    Column("label_en", Text, nullable=False),
    Column("purpose_zh", Text, nullable=False),
    Column("purpose_en", Text, nullable=False),
    Column("registered_by", String(64), nullable=False),
    Column("registered_us", BigInteger, nullable=False),
    Column("retired_us", BigInteger),
    Index("ix_catalog_system_provider", "provider"),
)

catalog_entry_system = Table(
    "catalog_entry_system",
    metadata,
    Column("entry_id", String(64), ForeignKey("catalog_entry.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("system", String(63), ForeignKey("catalog_system.name"), primary_key=True),
    Index("ix_catalog_entry_system_system", "system"),
)

catalog_subscription = Table(
    "catalog_subscription",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("topic", String(16), nullable=False),
    Column("subject", String(CODE_CHARACTERS_MAX), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    CheckConstraint("topic IN ('entry', 'provider', 'tag')", name="topic"),
    Index("ix_catalog_subscription_person", "person"),
    Index("ix_catalog_subscription_subject", "topic", "subject"),
)

catalog_batch = Table(
    "catalog_batch",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("provider", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("digest", String(DIGEST_CHARACTERS), nullable=False),
    Column("drafted_us", BigInteger, nullable=False),
    CheckConstraint("rows > 0", name="rows"),
)


def _not_among(moves: Iterable[tuple[str, str]]) -> str:
    allowed = " OR ".join(
        f"(OLD.state = '{before}' AND NEW.state = '{after}')" for before, after in sorted(moves)
    )
    return f"(NEW.state <> OLD.state AND NOT ({allowed}))"


def _fixed(*columns: str) -> list[str]:
    return [f"NEW.{column} <> OLD.{column}" for column in columns]


_ENTRY_TURNS_BACK = " OR ".join(
    [
        *_fixed("id", "code", "provider", "created_us"),
        _not_among(ENTRY_MOVES),
        "(OLD.version IS NOT NULL AND (NEW.version IS NULL OR NEW.version < OLD.version))",
        "NEW.changed_index < OLD.changed_index",
    ]
)
_TEXT_CHANGES = " OR ".join(
    _fixed("digest", "document", "papers", "secrecy_by", "personal_by", "signed_by")
)
_REVISION_TURNS_BACK = " OR ".join(
    [
        *_fixed("id", "entry_id", "provider", "drafted_by", "drafted_us"),
        _not_among(REVISION_MOVES),
        "OLD.state IN ('published', 'refused', 'discarded')",
        f"(OLD.state <> 'draft' AND ({_TEXT_CHANGES}))",
    ]
)
_SYSTEM_TURNS_BACK = " OR ".join(
    [*_fixed("name", "provider", "registered_us"), "OLD.retired_us IS NOT NULL"]
)
_SUBSCRIPTION_TURNS_BACK = " OR ".join(
    [*_fixed("id", "person", "topic", "subject", "made_us"), "OLD.ended_us IS NOT NULL"]
)

guard_append_only("catalog_entry_move", "catalog_entry_system", "catalog_batch")
guard_from_turning_back("catalog_entry", _ENTRY_TURNS_BACK)
guard_from_turning_back("catalog_entry_revision", _REVISION_TURNS_BACK)
guard_from_turning_back("catalog_system", _SYSTEM_TURNS_BACK)
guard_from_turning_back("catalog_subscription", _SUBSCRIPTION_TURNS_BACK)
guard_from_replacing("catalog_entry", ("id",), ("code",))
guard_from_replacing("catalog_entry_revision", ("id",), ("entry_id", "version"))
