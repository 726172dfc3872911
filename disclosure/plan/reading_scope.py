"""What each name in a question means: a granted field, the privacy unit, or a derived column.

Unknown names and names not granted read the same. The privacy unit has a name only where it is
counted, grouped by in an inner aggregate, or joined on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from disclosure.plan import refusals, tree
from disclosure.plan.expressions import Field
from disclosure.plan.facts import Facts, facts_of
from disclosure.plan.model import Asked
from disclosure.plan.question import Source
from disclosure.plan.tree import Node

UNIT = "unit"
"""The virtual column that stands for the privacy unit, however many columns name it."""


@dataclass(frozen=True)
class UnitPart:
    """A column that names the privacy unit of a data set: the whole of it, or one column of it."""

    dataset: str
    column: str | None = None


@dataclass(frozen=True)
class Visible:
    """One relation of FROM under its alias, with what its columns stand for.

    ``derived`` are columns of a subquery that are expressions: each with the scope to read it in.
    """

    alias: str
    fields: Mapping[str, Field]
    units: Mapping[str, UnitPart] = field(default_factory=dict)
    derived: Mapping[str, "Derived"] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def knows(self, name: str) -> bool:
        """Tell whether a column of that name can be seen."""
        return any(name in item for item in (self.fields, self.units, self.derived))

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, in the order in which ``*`` would give them."""
        return tuple(dict.fromkeys((*self.units, *self.fields, *self.derived)))


@dataclass(frozen=True)
class Derived:
    """An expression that a subquery gives a name, and the scope in which it was written."""

    node: Node
    scope: "Scope"


@dataclass(frozen=True)
class Scope:
    """The relations that an expression may name, and the source they come from.

    ``mends`` gives unbounded measures bounds of our own: for the question that a refusal shows.
    """

    asked: Asked
    source: Source
    visible: tuple[Visible, ...]
    mends: bool = False

    def field(self, path: tuple[str, ...]) -> Field:
        """Return the granted field of a dotted name. Raises Refused."""
        found = self._relation(path).fields.get(path[-1])
        if found is None:
            raise refusals.not_granted()
        return found

    def unit(self, path: tuple[str, ...]) -> UnitPart | None:
        """Return the part of the privacy unit that a dotted name stands for, if any."""
        matches = [
            item.units[path[-1]]
            for item in self._candidates(path)
            if path[-1] in item.units and path[-1] not in item.fields
        ]
        return matches[0] if matches else None

    def expanded(self, node: Node) -> "Derived":
        """Replace the name of a derived column by what it stands for, however deep."""
        path = tree.column_path(node)
        if path is None:
            return Derived(node, self)
        matches = [i.derived[path[-1]] for i in self._candidates(path) if path[-1] in i.derived]
        if len(matches) != 1:
            return Derived(node, self)
        return matches[0].scope.expanded(matches[0].node)

    def facts(self, of: Field) -> Facts:
        """Return the declared facts of a field."""
        return facts_of(of, self.source, self.asked)

    def _candidates(self, path: tuple[str, ...]) -> list[Visible]:
        if len(path) == 1:
            return [item for item in self.visible if path[0] not in item.hidden]
        qualified = 2  # relation and column
        if len(path) != qualified:
            return []
        return [item for item in self.visible if item.alias == path[0]]

    def _relation(self, path: tuple[str, ...]) -> Visible:
        found = [item for item in self._candidates(path) if item.knows(path[-1])]
        if len(found) > 1:
            raise refusals.form(
                "sql",
                f"列名“{path[-1]}”在多个表中都有，请写明表名。",
                f"More than one table has a column {path[-1]!r}: name the table.",
            )
        if not found:
            raise refusals.not_granted()
        return found[0]


def visible_protected(name: str, alias: str, asked: Asked) -> Visible:
    """Return a protected data set as its licence shows it: granted columns, and the unit."""
    item = asked.protected[name]
    declaration = item.declaration
    granted = (c.name for c in declaration.columns if c.name in item.columns)
    fields = {column: Field(name, column) for column in granted}
    units = {column: UnitPart(name, column) for column in declaration.unit_columns}
    if len(units) == 1:
        units = {column: UnitPart(name) for column in units}
    if declaration.column(UNIT) is None:
        units[UNIT] = UnitPart(name)
    return Visible(alias, fields, units)


def visible_public(name: str, alias: str, asked: Asked) -> Visible:
    """Return a public table as its licence shows it."""
    item = asked.public[name]
    granted = (c.name for c in item.declaration.columns if c.name in item.columns)
    return Visible(alias, {column: Field(name, column) for column in granted})


def is_whole_unit(parts: Iterable[UnitPart | None], asked: Asked) -> bool:
    """Tell whether some columns name one privacy unit, all of it."""
    found = list(parts)
    known = [part for part in found if part is not None]
    if not known or len(known) < len(found) or len({part.dataset for part in known}) > 1:
        return False
    if any(part.column is None for part in known):
        return True
    columns = asked.protected[known[0].dataset].declaration.unit_columns
    return {part.column for part in known} == set(columns)
