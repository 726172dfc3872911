"""The twins of a licence: made at the first debug question, kept in memory, shown under its masks.

A twin has the schema that the licence's extract and protected tables have. Pseudonyms stand under a
key of this file's own, so that none of a twin is ever one of the data.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from catalog.builder import rows_schema
from catalog.datasets import Column, DatasetDeclaration, MaskKind
from catalog.written import StoredValue, stored_value
from disclosure.extracts.plan import (
    ExtractPlan,
    as_shown,
    decimal_digits,
    shown_type,
    visible,
)
from disclosure.masking import apply_mask
from disclosure.twins.chance import Chance
from disclosure.twins.links import linked_values
from disclosure.twins.protected import protected_tables
from disclosure.twins.rows import TwinOrder, make_rows, unit_ordinals
from disclosure.twins.values import Domain, declared_values, samples
from foundation.canonical import digest
from policies.schema.masks import MaskRules
from policies.schema.twins import TwinRules

PSEUDONYM_KEY = hashlib.sha256(b"sandgate/twin-pseudonyms@1").digest()
SAMPLES = 2_000


@dataclass(frozen=True)
class TwinWanted:
    """One data set of a licence: its declaration, its filters' values, what its extract shows."""

    declaration: DatasetDeclaration
    forced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    plan: ExtractPlan | None = None
    weights: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Twin:
    """The twin of one data set, as rows, as an extract, and as aggregates read it."""

    order: TwinOrder
    plan: ExtractPlan | None
    rules: TwinRules
    masks: MaskRules

    @cached_property
    def seed(self) -> str:
        """The digest of all that this twin follows from."""
        return self.order.seed(self.rules)

    @cached_property
    def rows(self) -> pa.Table:
        """The rows as a version would store them."""
        return make_rows(self.order, self.rules)

    @cached_property
    def extract(self) -> pa.Table:
        """The rows as the licence's extract shows them. Raises ValueError where it has none."""
        if self.plan is None:
            raise ValueError("the licence has no extract of this data set")
        found = self.rows.select(list(self.plan.source_columns()))
        parts = [
            visible(self.plan, batch, PSEUDONYM_KEY, self.masks) for batch in found.to_batches()
        ]
        return pa.Table.from_batches([_shown(self.plan, part) for part in parts])

    @cached_property
    def protected(self) -> Mapping[str, pa.Table]:
        """The tables of a version, by their files' names; none for open data."""
        declaration = self.order.declaration
        if not declaration.unit_columns:
            return {}
        ordinals = unit_ordinals(self.order, self.rules)
        return protected_tables(declaration, self.rows, ordinals, self.seed)


class TwinShelf:
    """Keeps the twins of some licences in memory. Holds no path, no key and no connection."""

    def __init__(self, rules: TwinRules, masks: MaskRules) -> None:
        """Begin empty."""
        self.rules = rules
        self._masks = masks
        self._kept: OrderedDict[str, Mapping[str, Twin]] = OrderedDict()
        self._turn = threading.Lock()

    def of(self, wanted: Sequence[TwinWanted]) -> Mapping[str, Twin]:
        """Return the twins of a licence's data sets, by name; made once for equal metadata."""
        orders = twin_orders(wanted, self.rules, self._masks)
        plans = {item.declaration.name: item.plan for item in wanted}
        name = digest(
            sorted(
                [order.seed(self.rules), plan.digest if plan is not None else ""]
                for order in orders
                for plan in [plans[order.declaration.name]]
            )
        )
        with self._turn:
            found = self._kept.pop(name, None)
            if found is None:
                found = {
                    order.declaration.name: Twin(
                        order, plans[order.declaration.name], self.rules, self._masks
                    )
                    for order in orders
                }
            self._kept[name] = found
            while len(self._kept) > self.rules.kept_licences_max:
                self._kept.popitem(last=False)
        return found


def twin_orders(
    wanted: Sequence[TwinWanted], rules: TwinRules, masks: MaskRules
) -> tuple[TwinOrder, ...]:
    """Say from what each twin is made: links between data sets first, then filters."""
    declarations = [_as_masked(item) for item in wanted]
    linked = linked_values(declarations, rules)
    orders = []
    for item, declaration in zip(wanted, declarations, strict=True):
        links = {
            column: values for (name, column), values in linked.items() if name == declaration.name
        }
        filters = _Filters(item, declaration, links, rules, masks)
        orders.append(TwinOrder(declaration, links | filters.passing(), item.weights))
    return tuple(orders)


def _as_masked(item: TwinWanted) -> DatasetDeclaration:
    """Return the declaration under the masks of the extract: a value must be one they can read."""
    shown = {} if item.plan is None else {column.name: column for column in item.plan.columns}
    columns = tuple(shown.get(column.name, column) for column in item.declaration.columns)
    return item.declaration.model_copy(update={"columns": columns})


@dataclass(frozen=True)
class _Filters:
    """The filters of a licence over one data set, and what they let pass."""

    item: TwinWanted
    declaration: DatasetDeclaration
    links: Mapping[str, tuple[StoredValue, ...]]
    rules: TwinRules
    masks: MaskRules

    def passing(self) -> dict[str, tuple[StoredValue, ...]]:
        """Return the values that pass, by column; a column that has none is not among them."""
        found = {name: self._passing(name, texts) for name, texts in self.item.forced.items()}
        return {name: values for name, values in found.items() if values}

    def _passing(self, name: str, texts: Sequence[str]) -> tuple[StoredValue, ...]:
        column = self.declaration.column(name)
        if column is None:
            return ()
        plan = self.item.plan
        hidden = plan is not None and any(one.column == name for one in plan.hidden_filters)
        if hidden or plan is None or column.mask.kind is MaskKind.NONE:
            return self._stored(column, texts)
        return self._masked(column, texts)

    def _stored(self, column: Column, texts: Sequence[str]) -> tuple[StoredValue, ...]:
        stored = (stored_value(column, text) for text in texts)
        known = self.links.get(column.name)
        return tuple(v for v in stored if v is not None and (known is None or v in known))

    def _masked(self, column: Column, texts: Sequence[str]) -> tuple[StoredValue, ...]:
        """Try what the column may hold: its filter reads what the mask shows."""
        known = self.links.get(column.name)
        if known is None:
            known = declared_values(column, self.rules.text_values_max)
        chance = Chance("filter", self.declaration.name, column.name)
        found = samples(Domain(column, known), chance, SAMPLES)
        kind = rows_schema(self.declaration).field(column.name).type
        values = pa.array(found, kind)
        shown = apply_mask(values, column.mask, key=PSEUDONYM_KEY, rules=self.masks)
        passes = pc.is_in(pc.cast(shown, pa.string()), pa.array(texts, pa.string())).to_pylist()
        return tuple(value for value, passed in zip(found, passes, strict=True) if passed)


def _shown(plan: ExtractPlan, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Give decimals their point back, and leave out what only the build counts."""
    fields, arrays = [], []
    for column in plan.columns:
        largest = max(abs(column.lower or 0), abs(column.upper or 0))
        kind = shown_type(column, decimal_digits(largest))
        fields.append(pa.field(column.name, kind))
        arrays.append(as_shown(batch.column(column.name), kind))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
