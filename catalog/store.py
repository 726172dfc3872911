"""The catalogue's tables and their reads: published entries, populations, data sets, versions.

Data sets and versions are append-only; entries move only as ``catalog.book`` says. A population
changes in two ways only, both one way: declared to approved, and ``dp_only`` to ``mixed`` (I4).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from catalog.book.states import EntryState
from catalog.book.store import catalog_entry, catalog_revision
from catalog.datasets import (
    PUBLIC_ZONE,
    Dataset,
    DatasetDeclaration,
    Frozen,
    StoredFile,
    Version,
)
from catalog.entries import Bilingual, CatalogueEntry
from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back


class PopulationState(StrEnum):
    """A population counts for nothing until a second person approved it."""

    DECLARED = "declared"
    APPROVED = "approved"


class NeighbourRelation(StrEnum):
    """What one unit may change (I4)."""

    DP_ONLY = "dp_only"
    MIXED = "mixed"


class RegisteredEntry(Frozen):
    """A catalogue entry as it was last published, with its identifier."""

    id: str
    provider: str
    state: EntryState
    version: int
    digest: str
    zone: str
    entry: CatalogueEntry
    created_us: int

    @property
    def is_published(self) -> bool:
        """Tell whether it is on the catalogue now; a change under review takes nothing off."""
        return self.state in {EntryState.PUBLISHED, EntryState.CHANGE_SUBMITTED}


class Population(Frozen):
    """A unit namespace: whom the privacy budget belongs to.

    ``statement`` says why it is disjoint from every other population.
    """

    name: str
    label: Bilingual
    unit: Bilingual
    statement: str
    state: PopulationState
    relation: NeighbourRelation
    declared_by: str
    approved_by: str | None


population_table = Table(
    "population",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("label", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("statement", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("relation", String(16), nullable=False),
    Column("declared_by", String(64), nullable=False),
    Column("declared_us", BigInteger, nullable=False),
    Column("approved_by", String(64)),
    CheckConstraint("state IN ('declared', 'approved')", name="state"),
    CheckConstraint("relation IN ('dp_only', 'mixed')", name="relation"),
    CheckConstraint("approved_by IS NULL OR approved_by <> declared_by", name="second_person"),
    CheckConstraint("(state = 'approved') = (approved_by IS NOT NULL)", name="approved"),
)

dataset_table = Table(
    "dataset",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("entry_id", String(64), ForeignKey("catalog_entry.id"), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("population", String(63), ForeignKey("population.name")),
    Column("declaration", Text, nullable=False),
    Column("zone", String(63), nullable=False, default=PUBLIC_ZONE, server_default=PUBLIC_ZONE),
    Column("created_us", BigInteger, nullable=False),
)

version_table = Table(
    "dataset_version",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("dataset_id", String(64), ForeignKey("dataset.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("manifest_digest", String(80), nullable=False, unique=True),
    Column("row_count", BigInteger, nullable=False),
    Column("files", Text, nullable=False),
    Column("zone", String(63), nullable=False, default=PUBLIC_ZONE, server_default=PUBLIC_ZONE),
    UniqueConstraint("dataset_id", "number", name="uq_dataset_version_number"),
    CheckConstraint("number > 0", name="number"),
)

_APPEND_ONLY = ("dataset", "dataset_version")
_FIXED_POPULATION = ("name", "label", "unit", "statement", "declared_by", "declared_us")
_POPULATION_TURNS_BACK = " OR ".join(
    [
        *(f"NEW.{name} <> OLD.{name}" for name in _FIXED_POPULATION),
        "(OLD.state = 'approved' AND NEW.state <> 'approved')",
        "(OLD.approved_by IS NOT NULL AND NEW.approved_by <> OLD.approved_by)",
        "(OLD.relation = 'mixed' AND NEW.relation <> 'mixed')",
    ]
)


guard_append_only(*_APPEND_ONLY)
guard_from_turning_back("population", _POPULATION_TURNS_BACK)


def entry_by_id(connection: Connection, entry_id: str) -> RegisteredEntry | None:
    """Return an entry by its identifier as last published; None where it never was."""
    row = connection.execute(_PUBLISHED.where(catalog_entry.c.id == entry_id)).first()
    return _entry(row) if row else None


def entry_by_code(connection: Connection, code: str) -> RegisteredEntry | None:
    """Return an entry by its catalogue code as last published; None where it never was."""
    row = connection.execute(_PUBLISHED.where(catalog_entry.c.code == code)).first()
    return _entry(row) if row else None


def entries(connection: Connection) -> list[RegisteredEntry]:
    """Return all entries that were ever published, by code."""
    return [_entry(row) for row in connection.execute(_PUBLISHED.order_by(catalog_entry.c.code))]


def population(connection: Connection, name: str) -> Population | None:
    """Return a population by name."""
    row = connection.execute(
        select(population_table).where(population_table.c.name == name)
    ).first()
    return _population(row) if row else None


def populations(connection: Connection) -> list[Population]:
    """Return all populations, by name."""
    rows = connection.execute(select(population_table).order_by(population_table.c.name))
    return [_population(row) for row in rows]


def dataset_by_name(connection: Connection, name: str) -> Dataset | None:
    """Return a data set by name."""
    row = connection.execute(select(dataset_table).where(dataset_table.c.name == name)).first()
    return _dataset(row) if row else None


def datasets(connection: Connection) -> list[Dataset]:
    """Return all data sets, by name."""
    rows = connection.execute(select(dataset_table).order_by(dataset_table.c.name))
    return [_dataset(row) for row in rows]


def current_version(connection: Connection, dataset_id: str) -> Version | None:
    """Return a data set's newest version."""
    row = connection.execute(
        select(version_table)
        .where(version_table.c.dataset_id == dataset_id)
        .order_by(version_table.c.number.desc())
        .limit(1)
    ).first()
    return _version(row) if row else None


def versions(connection: Connection, dataset_id: str) -> list[Version]:
    """Return a data set's versions, oldest first."""
    rows = connection.execute(
        select(version_table)
        .where(version_table.c.dataset_id == dataset_id)
        .order_by(version_table.c.number)
    )
    return [_version(row) for row in rows]


def version_ids(connection: Connection) -> set[str]:
    """Return the identifiers of all versions of all data sets."""
    return set(connection.execute(select(version_table.c.id)).scalars())


def next_version_number(connection: Connection, dataset_id: str) -> int:
    """Return the number that the next version of a data set will have."""
    highest = connection.execute(
        select(func.max(version_table.c.number)).where(version_table.c.dataset_id == dataset_id)
    ).scalar()
    return (highest or 0) + 1


def files_text(files: Sequence[StoredFile]) -> str:
    """Return the stored form of a version's files."""
    return _Files(files=tuple(files)).model_dump_json()


class _Files(Frozen):
    files: tuple[StoredFile, ...]


_PUBLISHED = select(
    catalog_entry.c.id,
    catalog_entry.c.provider,
    catalog_entry.c.state,
    catalog_entry.c.version,
    catalog_entry.c.zone,
    catalog_entry.c.created_us,
    catalog_revision.c.digest,
    catalog_revision.c.document,
).join(
    catalog_revision,
    (catalog_revision.c.entry_id == catalog_entry.c.id)
    & (catalog_revision.c.version == catalog_entry.c.version),
)


def _entry(row: Row[Any, *tuple[Any, ...]]) -> RegisteredEntry:
    fields = dict(row._mapping)  # noqa: SLF001 - the row's own columns
    document = CatalogueEntry.model_validate_json(fields.pop("document"))
    return RegisteredEntry(**fields, entry=document)


def _population(row: Row[tuple[object, ...]]) -> Population:
    return Population(
        name=row.name,
        label=Bilingual.model_validate_json(row.label),
        unit=Bilingual.model_validate_json(row.unit),
        statement=row.statement,
        state=PopulationState(row.state),
        relation=NeighbourRelation(row.relation),
        declared_by=row.declared_by,
        approved_by=row.approved_by,
    )


def _dataset(row: Row[tuple[object, ...]]) -> Dataset:
    declaration = DatasetDeclaration.model_validate_json(row.declaration)
    return Dataset(id=row.id, provider=row.provider, declaration=declaration, zone=row.zone)


def _version(row: Row[tuple[object, ...]]) -> Version:
    return Version(
        id=row.id,
        dataset=row.dataset_id,
        number=row.number,
        created_us=row.created_us,
        manifest_digest=row.manifest_digest,
        row_count=row.row_count,
        files=_Files.model_validate_json(row.files).files,
        zone=row.zone,
    )
