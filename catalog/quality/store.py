"""The tables of quality: rules, sealed measurements, stewards, sources of items, corrections.

What was measured is sealed and only ever added. A claim to an item and a correction move on by the
roads of their state machines and never turn back; the database itself refuses anything else.
"""

from collections.abc import Collection, Mapping, Sequence

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
    UniqueConstraint,
    text,
)

from catalog.quality.correction_states import MOVES, CorrectionState
from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back


def _dataset_column(*, nullable: bool = False) -> Column[str]:
    return Column("dataset_id", String(64), ForeignKey("dataset.id"), nullable=nullable, index=True)


quality_ruleset = Table(
    "quality_ruleset",
    metadata,
    Column("id", String(64), primary_key=True),
    _dataset_column(),
    Column("number", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("declared_by", String(64), nullable=False),
    Column("declared_us", BigInteger, nullable=False),
    UniqueConstraint("dataset_id", "number", name="uq_quality_ruleset_number"),
    CheckConstraint("number > 0", name="number"),
)

quality_measurement = Table(
    "quality_measurement",
    metadata,
    Column("id", String(64), primary_key=True),
    _dataset_column(),
    Column("version_id", String(64), ForeignKey("dataset_version.id"), nullable=False),
    Column("ruleset", Integer, nullable=False),
    Column("rules_version", String(120), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("key_name", String(160), nullable=False),
    Column("measured_by", String(64), nullable=False),
    Column("measured_us", BigInteger, nullable=False),
    Column("entry_index", BigInteger, nullable=False, unique=True),
)
"""``ruleset`` is 0 where the data set has declared no quality rules."""

quality_suggestion_decision = Table(
    "quality_suggestion_decision",
    metadata,
    Column("measurement", String(64), ForeignKey("quality_measurement.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("person", String(64), nullable=False),
    Column("decided_us", BigInteger, nullable=False),
    CheckConstraint("outcome IN ('accepted', 'declined')", name="outcome"),
    CheckConstraint("reason <> ''", name="reason"),
)

quality_score_release = Table(
    "quality_score_release",
    metadata,
    Column("measurement", String(64), ForeignKey("quality_measurement.id"), primary_key=True),
    _dataset_column(),
    Column("version_id", String(64), ForeignKey("dataset_version.id"), nullable=False),
    Column("band", String(20), nullable=False),
    Column("released_by", String(64), nullable=False),
    Column("released_us", BigInteger, nullable=False),
)

dataset_steward = Table(
    "dataset_steward",
    metadata,
    Column("id", String(64), primary_key=True),
    _dataset_column(),
    Column("person", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("assigned_by", String(64), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("relieved_by", String(64)),
    Column("until_us", BigInteger),
    CheckConstraint("(relieved_by IS NULL) = (until_us IS NULL)", name="relieved"),
    Index(
        "uq_dataset_steward_now",
        "dataset_id",
        "person",
        unique=True,
        sqlite_where=text("until_us IS NULL"),
        postgresql_where=text("until_us IS NULL"),
    ),
)

item_claim = Table(
    "item_claim",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("item", String(200), nullable=False, index=True),
    _dataset_column(),
    Column("column_name", String(63), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("matter", String(64)),
    Column("claimed_by", String(64), nullable=False),
    Column("claimed_us", BigInteger, nullable=False),
    Column("decided_by", String(64)),
    Column("decided_us", BigInteger),
    CheckConstraint("state IN ('authoritative', 'contested', 'refused', 'replaced')", name="state"),
    CheckConstraint("decided_by IS NULL OR decided_by <> claimed_by", name="second_person"),
    Index(
        "uq_item_claim_authoritative",
        "item",
        unique=True,
        sqlite_where=text("state = 'authoritative'"),
        postgresql_where=text("state = 'authoritative'"),
    ),
)
"""One authoritative source per item (一数一源): the index lets no second one stand."""

source_comparison = Table(
    "source_comparison",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("item", String(200), nullable=False),
    Column("left_dataset", String(64), ForeignKey("dataset.id"), nullable=False),
    Column("right_dataset", String(64), ForeignKey("dataset.id"), nullable=False),
    Column("left_version", String(64), ForeignKey("dataset_version.id"), nullable=False),
    Column("right_version", String(64), ForeignKey("dataset_version.id"), nullable=False),
    Column("document", Text, nullable=False),
    Column("counts", LargeBinary, nullable=False),
    Column("left_keys", LargeBinary, nullable=False),
    Column("right_keys", LargeBinary, nullable=False),
    Column("key_name", String(160), nullable=False),
    Column("ordered_by", String(64), nullable=False),
    Column("compared_us", BigInteger, nullable=False),
    CheckConstraint("left_dataset <> right_dataset", name="two"),
)
"""Three sealed boxes: the counts for both sources and the authority, and each source's keys."""

correction = Table(
    "data_correction",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("target", String(16), nullable=False),
    _dataset_column(nullable=True),
    Column("entry_id", String(64), nullable=False, index=True),
    Column("provider", String(64), nullable=False, index=True),
    Column("organisation", String(64), nullable=False, index=True),
    Column("person", String(64), nullable=False),
    Column("claim", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("comparison", String(64), ForeignKey("source_comparison.id")),
    Column("state", String(16), nullable=False, index=True),
    Column("matter", String(64)),
    Column("referral", String(64)),
    Column("case_number", String(40), nullable=False),
    Column("raised_us", BigInteger, nullable=False),
    Column("referred_by", String(64)),
    Column("handler_person", String(64)),
    Column("judged_us", BigInteger),
    Column("fixed_by", String(64)),
    Column("answer", Text, nullable=False, server_default=""),
    Column("closed_us", BigInteger),
    CheckConstraint("kind IN ('correction', 'objection')", name="kind"),
    CheckConstraint("target IN ('dataset', 'entry')", name="target"),
    CheckConstraint("(target = 'dataset') = (dataset_id IS NOT NULL)", name="about"),
    CheckConstraint("claim <> '' AND evidence <> ''", name="grounds"),
    CheckConstraint("handler_person IS NULL OR handler_person <> person", name="handler"),
    CheckConstraint("referred_by IS NULL OR referred_by <> person", name="referrer"),
    CheckConstraint(
        "(state IN ('upheld', 'corrected', 'answered', 'refused')) = (handler_person IS NOT NULL)",
        name="judged",
    ),
    CheckConstraint(
        "(state IN ('corrected', 'answered')) = (fixed_by IS NOT NULL)", name="corrected"
    ),
    Index("ix_data_correction_person", "person", "raised_us"),
    CheckConstraint("(state IN ('answered', 'refused')) = (answer <> '')", name="answered"),
    CheckConstraint(
        "(state IN ('answered', 'refused', 'withdrawn')) = (closed_us IS NOT NULL)", name="closed"
    ),
)
"""``fixed_by`` is the version (of the data set, or of the entry) that corrects what was wrong."""

correction_move = Table(
    "data_correction_move",
    metadata,
    Column("correction", String(64), ForeignKey("data_correction.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("move", String(16), nullable=False),
    Column("person", String(64), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("entry_index", BigInteger, nullable=False),
    Column("moved_us", BigInteger, nullable=False),
)

affected_output = Table(
    "affected_output",
    metadata,
    Column("correction", String(64), ForeignKey("data_correction.id"), primary_key=True),
    Column("output", String(80), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("licence", String(80), nullable=False),
    Column("organisation", String(64), nullable=False, index=True),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("flagged_us", BigInteger, nullable=False),
)
"""What rests on data found wrong: flagged for its holder, never taken back by itself."""


def _fixed(names: Collection[str]) -> list[str]:
    return [f"NEW.{name} <> OLD.{name}" for name in names]


def _off_the_road(moves: Mapping[str, Sequence[str]]) -> str:
    """Return the condition that a state changed by no move of its machine."""
    kept = [
        f"(OLD.state = '{start}' AND NEW.state IN ({', '.join(repr(end) for end in ends)}))"
        for start, ends in moves.items()
    ]
    return f"NOT (NEW.state = OLD.state OR {' OR '.join(kept)})"


_CLAIM_MOVES = {
    "authoritative": ("replaced",),
    "contested": ("authoritative", "refused"),
}
_CORRECTION_MOVES = {
    str(state): [str(end) for (start, _move), end in MOVES.items() if start is state]
    for state in CorrectionState
    if not state.is_closed
}
_CLOSED = ", ".join(f"'{state}'" for state in CorrectionState if state.is_closed)

_DATED = ("case_number", "raised_us")

guard_append_only(
    "quality_ruleset",
    "quality_measurement",
    "quality_suggestion_decision",
    "quality_score_release",
    "source_comparison",
    "data_correction_move",
    "affected_output",
)
guard_from_turning_back(
    "dataset_steward",
    " OR ".join(
        [
            *_fixed(("id", "dataset_id", "person", "organisation", "assigned_by", "since_us")),
            "OLD.until_us IS NOT NULL",
        ]
    ),
)
guard_from_turning_back(
    "item_claim",
    " OR ".join(
        [
            *_fixed(("id", "item", "dataset_id", "column_name", "provider", "claimed_by")),
            _off_the_road(_CLAIM_MOVES),
        ]
    ),
)
guard_from_turning_back(
    "data_correction",
    " OR ".join(
        [
            *_fixed(
                ("id", "kind", "target", "provider", "organisation", "person", "claim", *_DATED)
            ),
            f"OLD.state IN ({_CLOSED})",
            "(OLD.handler_person IS NOT NULL AND NEW.handler_person <> OLD.handler_person)",
            "(OLD.fixed_by IS NOT NULL AND NEW.fixed_by <> OLD.fixed_by)",
            _off_the_road(_CORRECTION_MOVES),
        ]
    ),
)
