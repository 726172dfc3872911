"""Finds which columns of twins must hold each other's values, so that joins hit as they should.

No declaration names a foreign key, so keys are matched by what is declared: an open data set's
unique key is referred to by a column of its own type and name, of the data set's name with it, of
the same label, or of the same declared values.
"""

from collections.abc import Iterator, Mapping, Sequence

from catalog.datasets import Column, ColumnType, DatasetDeclaration
from catalog.written import StoredValue
from disclosure.twins.values import declared_values, own_value
from policies.schema.twins import TwinRules

Place = tuple[str, str]
_KEYS = frozenset({ColumnType.TEXT, ColumnType.INTEGER, ColumnType.DATE})


def linked_values(
    declarations: Sequence[DatasetDeclaration], rules: TwinRules
) -> Mapping[Place, tuple[StoredValue, ...]]:
    """Return the values of unique keys and of what refers to them, by data set and column."""
    found: dict[Place, tuple[StoredValue, ...]] = {}
    for declaration in declarations:
        for name in declaration.unique_keys:
            key = declaration.column(name)
            if key is None:
                continue
            referring = list(_referring(declaration, key, declarations))
            values = _key_values(key, [column for _, column in referring], rules)
            found[declaration.name, name] = values
            for other, column in referring:
                if not column.public_values:
                    found.setdefault((other.name, column.name), values)
    return found


def _referring(
    declaration: DatasetDeclaration, key: Column, declarations: Sequence[DatasetDeclaration]
) -> Iterator[tuple[DatasetDeclaration, Column]]:
    for other in declarations:
        if other.name == declaration.name:
            continue
        for column in other.columns:
            owned = column.name in {*other.unit_columns, *other.unique_keys}
            if not owned and _refers(column, declaration.name, key):
                yield other, column


def _refers(column: Column, dataset: str, key: Column) -> bool:
    if column.type is not key.type or key.type not in _KEYS:
        return False
    singular = dataset.removesuffix("s")
    names = {key.name, f"{dataset}_{key.name}", f"{singular}_{key.name}", dataset, singular}
    shared = set(column.public_values) & set(key.public_values)
    alike = 2 * len(shared) >= max(1, len(key.public_values)) and bool(shared)
    return column.name in names or column.label_zh == key.label_zh or alike


def _key_values(
    key: Column, referring: Sequence[Column], rules: TwinRules
) -> tuple[StoredValue, ...]:
    """Return a key's values: its own declared ones, those of what refers to it, or made ones."""
    for column in (key, *referring):
        if column.public_values:
            return declared_values(column, 1)[: rules.key_rows_max]
    count = min(rules.key_rows_max, rules.units_max)
    return tuple(dict.fromkeys(own_value(key, ordinal) for ordinal in range(count)))
