"""Which line of data a data set belongs to: its own, an older one's of equal columns, or declared.

All versions of a data set are one line. A data set registered anew with the columns of an older
one of the same population joins that one's line: so do the same bytes under another name, and a
set that overlaps it. What is derived with other columns is declared by the authority. The line is
the owner's cap; that nothing escapes the people's own cap is for the population to hold (I5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.separation import check_natural_person, check_role
from catalog.datasets import DatasetDeclaration
from catalog.store import dataset_by_name, dataset_table
from disclosure.budgets.store import budget_lineage
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role

RULE = "I5"


class Origin(StrEnum):
    """Why a data set stands in its line."""

    OWN = "own"
    SAME_COLUMNS = "same_columns"
    DECLARED = "declared"


@dataclass(frozen=True)
class Lineage:
    """The line of one data set; ``name`` is that of its oldest data set."""

    dataset: str
    population: str
    name: str
    origin: Origin


def lineage_of(connection: Connection, dataset: str) -> Lineage:
    """Return the line that a data set of a population belongs to. Raises NotFound.

    What was recorded at its first charge, or declared, stays for good.
    """
    row = connection.execute(
        select(budget_lineage).where(budget_lineage.c.dataset == dataset)
    ).first()
    if row is not None:
        return Lineage(row.dataset, row.population, row.lineage, Origin(row.origin))
    found = _declaration(connection, dataset)
    for name in _registered_before(connection, dataset, str(found.population)):
        older = _declaration(connection, name)
        if _columns(older) == _columns(found):
            line = lineage_of(connection, name).name
            return Lineage(dataset, str(found.population), line, Origin.SAME_COLUMNS)
    return Lineage(dataset, str(found.population), dataset, Origin.OWN)


def keep_lineages(connection: Connection, datasets: Sequence[str], entry_index: int) -> None:
    """Keep, inside another effect, the lines that data sets are charged under from now on."""
    table = budget_lineage.c
    known = connection.execute(select(table.dataset).where(table.dataset.in_(datasets))).scalars()
    for dataset in sorted(set(datasets) - set(known)):
        _record(connection, lineage_of(connection, dataset), entry_index)


def _record(connection: Connection, lineage: Lineage, entry_index: int) -> None:
    connection.execute(
        insert(budget_lineage).values(
            dataset=lineage.dataset,
            population=lineage.population,
            lineage=lineage.name,
            origin=str(lineage.origin),
            entry_index=entry_index,
        )
    )


def declare_derived(writer: Writer, actor: Actor, dataset: str, source: str) -> Recorded[Lineage]:
    """Put a data set into the line of the one it is derived from, before its first charge.

    Only a data set that would stand alone can be put elsewhere: a declaration never leads out of
    a line that is spent.
    """
    check_role(actor, Role.AUTHORITY)
    check_natural_person(actor)
    public: dict[str, object] = {"datasets": [dataset, source], "dataset": dataset}

    def apply(connection: Connection, entry: PendingEntry) -> Lineage:
        found, above = lineage_of(connection, dataset), lineage_of(connection, source)
        if found.population != above.population:
            raise InvalidInput(
                "lineage_of_another_population",
                Message(
                    "两个数据集不属于同一总体，隐私预算各自计算；派生关系只在同一总体内登记。",
                    "The two data sets belong to different populations, each with its own budget.",
                ),
                field="$.source",
                rule=RULE,
            )
        if found.origin is not Origin.OWN or _is_line(connection, dataset) or dataset == above.name:
            raise Conflict(
                "lineage_stands",
                Message(
                    f"数据集“{dataset}”的数据谱系已确定为“{found.name}”，不能再改。",
                    f"The lineage of the data set {dataset!r} stands as {found.name!r} and cannot "
                    "be changed.",
                ),
                field="$.dataset",
                rule=RULE,
            )
        made = Lineage(dataset, found.population, above.name, Origin.DECLARED)
        _record(connection, made, entry.index)
        entry.amend(population=made.population, lineage=made.name)
        return made

    return writer.submit(AuditEvent(EntryKind.LINEAGE_DECLARED, actor, public), apply)


def _is_line(connection: Connection, dataset: str) -> bool:
    """Tell whether something was charged or put under this data set's own line already."""
    query = select(budget_lineage.c.dataset).where(budget_lineage.c.lineage == dataset)
    return connection.execute(query.limit(1)).first() is not None


def _declaration(connection: Connection, name: str) -> DatasetDeclaration:
    found = dataset_by_name(connection, name)
    if found is None or found.declaration.population is None:
        raise NotFound(
            "dataset_without_population",
            Message(
                f"没有数据集“{name}”，或它不属于任何总体，不涉及隐私预算。",
                f"There is no data set {name!r} that belongs to a population.",
            ),
            field="dataset",
            rule=RULE,
        )
    return found.declaration


def _registered_before(connection: Connection, dataset: str, population: str) -> list[str]:
    """Name the data sets of a population that are older than this one, oldest first."""
    table = dataset_table.c
    query = select(table.name).where(table.population == population)
    names = list(connection.execute(query.order_by(table.created_us, table.id)).scalars())
    return names[: names.index(dataset)]


def _columns(declaration: DatasetDeclaration) -> set[tuple[str, str]]:
    return {(column.name, str(column.type)) for column in declaration.columns}
