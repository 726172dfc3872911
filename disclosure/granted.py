"""What a session's licence grants right now: data sets, columns, extracts, neighbours.

Read once a question from the policy in force and the control store; nothing is remembered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from authorization.compile import CompiledLicence
from authorization.documents import AccessMode, Grant, RowFilter
from authorization.grant_terms import FilterOnly
from catalog.datasets import Dataset, Version
from catalog.store import NeighbourRelation, current_version, dataset_by_name, population
from disclosure.describing import Described, Join, joins_of
from disclosure.extract_records import ActiveExtract, active_extracts
from disclosure.gate.scope import TableGrant
from disclosure.plan.model import Asked, AskedDataset, PublicTable
from foundation.errors import Denied, Message

UNIT_NAME = "unit"


@dataclass(frozen=True)
class GrantedDataset:
    """One data set of a licence: what stands behind its name, and how it may be asked."""

    dataset: Dataset
    version: Version
    extract: ActiveExtract | None
    aggregate_columns: frozenset[str]
    neighbours: NeighbourRelation
    forced_values: Mapping[str, tuple[str, ...]]
    case_approved: bool = False
    verified: Grant | None = None
    joins: tuple[Join, ...] = ()

    @property
    def name(self) -> str:
        """The name that questions use."""
        return self.dataset.declaration.name

    def table_grant(self) -> TableGrant:
        """Return the columns that a question may name, by the way they may be answered."""
        declaration = self.dataset.declaration
        units = {UNIT_NAME, *declaration.unit_columns} if self.aggregate_columns else set()
        return TableGrant(
            extract=() if self.extract is None else self.extract.columns,
            protected=self.aggregate_columns,
            units=frozenset(units),
        )

    def asked(self) -> AskedDataset:
        """Return the data set as the aggregate plan sees it."""
        return AskedDataset(
            declaration=self.dataset.declaration,
            columns=self.aggregate_columns,
            neighbours=self.neighbours,
            forced_values=self.forced_values,
            has_ranks=any(file.role == "ranked" for file in self.version.files),
        )

    def public_table(self) -> PublicTable | None:
        """Return the data set as protected rows may be joined to it; None where it is not open.

        Only columns that no mask changed, be it declared, of the rules or of the licence: a masked
        value would join to the wrong row, or to many, beyond the bound of every plan.
        """
        declaration = self.dataset.declaration
        if declaration.subject != "open" or self.extract is None:
            return None
        plain = frozenset(
            column.name for column in declaration.columns if column.name in self.extract.unmasked
        )
        return PublicTable(declaration, plain, plain & frozenset(declaration.unique_keys))

    def described(self) -> dict[str, object]:
        """Return what an operator may know of the data set: see ``disclosure.describing``."""
        return Described(
            self.dataset.declaration,
            in_extract=frozenset(() if self.extract is None else self.extract.columns),
            masks={} if self.extract is None else self.extract.masks,
            aggregated=self.aggregate_columns,
            has_extract=self.extract is not None,
            verified=self.verified,
            joins=self.joins,
        ).as_public()


def asked_of(granted: Mapping[str, GrantedDataset]) -> Asked:
    """Return everything that a private question under this licence may name."""
    tables = {name: item.public_table() for name, item in granted.items()}
    return Asked(
        protected={name: item.asked() for name, item in granted.items() if item.aggregate_columns},
        public={name: table for name, table in tables.items() if table is not None},
    )


def granted_datasets(
    connection: Connection, licence: CompiledLicence
) -> Mapping[str, GrantedDataset]:
    """Return the licence's data sets by name. Raises Denied where one has no version."""
    extracts = {item.dataset: item for item in active_extracts(connection, licence.id)}
    granted = {
        grant.dataset: _granted(connection, licence, grant.dataset, extracts.get(grant.dataset))
        for grant in licence.document.grants
    }
    protected = [item.dataset.declaration for item in granted.values() if item.aggregate_columns]
    tables = {name: item.public_table() for name, item in granted.items()}
    public = [(name, table.unique) for name, table in tables.items() if table is not None]
    return {
        name: replace(item, joins=joins_of(name, protected, public))
        for name, item in granted.items()
    }


def _granted(
    connection: Connection, licence: CompiledLicence, name: str, extract: ActiveExtract | None
) -> GrantedDataset:
    dataset = dataset_by_name(connection, name)
    version = None if dataset is None else current_version(connection, dataset.id)
    if dataset is None or version is None:
        raise Denied(
            "dataset_not_available",
            Message(
                "授权中的数据集目前没有可用版本。",
                "A data set of this licence has no version in force now.",
            ),
            field="dataset",
        )
    return GrantedDataset(
        dataset=dataset,
        version=version,
        extract=extract if licence.extract(name) is not None else None,
        aggregate_columns=licence.columns(name, AccessMode.AGGREGATE),
        neighbours=_neighbours(connection, dataset.declaration.population),
        forced_values=forced_values(licence.document.grants, name),
        case_approved=case_approved(licence.document.grants, name),
        verified=licence.verification(name),
    )


def forced_values(grants: Iterable[Grant], dataset: str) -> Mapping[str, tuple[str, ...]]:
    """Return the values that a data set's filters leave; all filters of a column must hold."""
    forced: dict[str, tuple[str, ...]] = {}
    for grant in grants:
        filters: tuple[RowFilter | FilterOnly, ...] = (*grant.row_filters, *grant.filter_only)
        for item in filters if grant.dataset == dataset else ():
            before = forced.get(item.column, item.values)
            forced[item.column] = tuple(value for value in item.values if value in before)
    return forced


def case_approved(grants: Iterable[Grant], dataset: str) -> bool:
    """Tell whether the signed licence names an approval of private answers over a data set.

    Only a grant of aggregates counts: an approval of rows or of verification is another one.
    """
    return any(
        grant.basis.strip()
        for grant in grants
        if grant.dataset == dataset and AccessMode.AGGREGATE in grant.modes
    )


def _neighbours(connection: Connection, name: str | None) -> NeighbourRelation:
    found = None if name is None else population(connection, name)
    return NeighbourRelation.DP_ONLY if found is None else found.relation
