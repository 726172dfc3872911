"""How a version's values keep to the data elements of its columns: how many rows break which rule.

The confined builder counts; this module says what it must look for, and keeps what it found. A
count is for the source department and the authority only (I14).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from catalog.datasets import DatasetDeclaration
from catalog.standards.dictionary import Dictionary
from catalog.standards.store import conformance

RULES = ("element_length", "element_pattern", "element_value")
_CHECKED = frozenset({"text", "integer"})  # others have no writing of their own to be checked


@dataclass(frozen=True)
class ElementCheck:
    """What the values of one column are held to."""

    column: str
    element: str
    refuse: bool
    length_max: int | None = None
    pattern: str | None = None
    values: tuple[str, ...] = ()

    def order(self) -> dict[str, Any]:
        """Return what the confined builder is told."""
        return {
            "column": self.column,
            "refuse": self.refuse,
            "length_max": self.length_max,
            "pattern": self.pattern,
            "values": list(self.values),
        }


@dataclass(frozen=True)
class Violation:
    """So many rows of a column break one rule of its element."""

    column: str
    rule: str
    row_count: int


def element_checks(declaration: DatasetDeclaration, known: Dictionary) -> tuple[ElementCheck, ...]:
    """Return the checks of a data set's bound columns."""
    found = []
    for column in declaration.columns:
        element = known.elements.get(column.element or "")
        if element is not None and element.type in _CHECKED:
            found.append(
                ElementCheck(
                    column=column.name,
                    element=element.code,
                    refuse=element.on_violation == "refuse",
                    length_max=element.length_max,
                    pattern=element.pattern,
                    values=known.values_of(element),
                )
            )
    return tuple(found)


def violations_told(told: object, checks: Sequence[ElementCheck]) -> tuple[Violation, ...]:
    """Read what the builder says, and believe nothing but counts of columns that were asked."""
    asked = {check.column for check in checks}
    if not isinstance(told, list):
        return ()
    return tuple(
        Violation(item[0], item[1], item[2])
        for item in told[: len(asked) * len(RULES)]
        if isinstance(item, list)
        and len(item) == 3  # noqa: PLR2004 - column, rule, count
        and item[0] in asked
        and item[1] in RULES
        and isinstance(item[2], int)
        and item[2] > 0
    )


def keep_violations(
    connection: Connection,
    dataset_id: str,
    version_id: str | None,
    checks: Iterable[ElementCheck],
    found: Iterable[Violation],
    at_us: int,
) -> None:
    """Store the counts of one build, inside the effect that records or refuses its version."""
    elements = {check.column: check.element for check in checks}
    for item in found:
        connection.execute(
            insert(conformance).values(
                dataset_id=dataset_id,
                version_id=version_id,
                column=item.column,
                element=elements[item.column],
                rule=item.rule,
                row_count=item.row_count,
                at_us=at_us,
            )
        )


def conformance_report(connection: Connection, dataset_id: str) -> list[dict[str, object]]:
    """Return what each build of a data set found, newest first: for source and authority only."""
    query = select(conformance).where(conformance.c.dataset_id == dataset_id)
    return [
        {
            "version": row.version_id,
            "published": row.version_id is not None,
            "column": row.column,
            "element": row.element,
            "rule": row.rule,
            "row_count": row.row_count,
            "at_us": row.at_us,
        }
        for row in connection.execute(query.order_by(conformance.c.number.desc()))
    ]
