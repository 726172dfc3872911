"""The tables of the register of released figures: append-only, no person and no plain figure."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from foundation.db import metadata
from foundation.guards import guard_append_only

released_table = Table(
    "released_table",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("request", String(80), nullable=False, index=True),
    Column("file", String(100), nullable=False),
    Column("licence", String(80), nullable=False),
    Column("population", String(80), nullable=False, index=True),
    Column("dataset", String(80), nullable=False),
    Column("version", String(80), nullable=False),
    Column("extract", String(80), nullable=False),
    Column("columns", Text, nullable=False),
    Column("plan_digest", String(80), nullable=False),
    Column("plan", Text, nullable=False),
    Column("policy_digest", String(80), nullable=False),
    Column("compared", Text, nullable=False),
    Column("protection", Text, nullable=False),
    Column("entry_index", BigInteger, nullable=False, unique=True),
    Column("recorded_us", BigInteger, nullable=False),
    UniqueConstraint("request", "file", "plan_digest", "extract", name="uq_released_table_file"),
)
"""``compared`` names the earlier tables that this one was held against, newest first;
``protection`` says which cells are held back, by the places of their categories."""

released_figure = Table(
    "released_figure",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("table_id", String(80), ForeignKey("released_table.id"), nullable=False, index=True),
    Column("population", String(80), nullable=False),
    Column("comparable", String(120), nullable=False),
    Column("cell", Text, nullable=False),
    Column("contributors", BigInteger, nullable=False),
    Column("sketch", LargeBinary, nullable=False),
    Index("ix_released_figure_near", "population", "comparable", "contributors"),
)

released_cells = Table(
    "released_cells",
    metadata,
    Column("table_id", String(80), ForeignKey("released_table.id"), primary_key=True),
    Column("box", LargeBinary, nullable=False),
)
"""The true cells of a table, sealed under the register's key and bound to its id."""

guard_append_only("released_table", "released_figure", "released_cells")
