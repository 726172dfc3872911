"""Decides what a governed extract holds, before any row is read: an extract is a release (I13).

It holds the columns granted as rows, masked, and the rows that pass the licence's constant
filters, judged on what the holder may see: never a column that only a filter or an aggregate reads.
"""

import pyarrow as pa
import pyarrow.compute as pc

from authorization.documents import AccessMode, Grant, RowFilter
from authorization.grant_terms import FilterOnly
from catalog.datasets import (
    Column,
    ColumnType,
    DatasetDeclaration,
    Frozen,
    Grade,
    IdentifierKind,
    MaskKind,
)
from disclosure.masking import apply_mask, masked_type
from disclosure.masking.filters import passing
from disclosure.masking.linkage import column_key
from disclosure.masking.shown import shown_columns
from foundation.canonical import digest
from foundation.errors import Denied, Message
from policies.schema.masks import ExtractThreshold, MaskRules

UNIT_COLUMN = "_unit"
RULE = "policies/masks"
DECIMAL_DIGITS = 18  # as many as any 64-bit integer can be sure to hold
_HIDES_ALL = frozenset({MaskKind.NULL, MaskKind.REDACT})
_SHOWN = {
    ColumnType.INTEGER: pa.int64(),
    ColumnType.DECIMAL: pa.int64(),
    ColumnType.TEXT: pa.string(),
    ColumnType.DATE: pa.date32(),
    ColumnType.BOOLEAN: pa.bool_(),
}


class ExtractPlan(Frozen):
    """What one data set gives one licence as rows, before any row is read.

    ``hidden_filters`` choose rows by columns that are never inside, ``hidden_columns`` declares
    them. Pseudonyms stand under the key of ``linkage_group``, or of each column where it is None.
    ``masked_as`` is the digest of the rules that say how masked values look: two extracts of
    equal plans and one version show the same, but for their pseudonyms.
    """

    dataset: str
    population: str | None
    unit_columns: tuple[str, ...]
    columns: tuple[Column, ...]
    filters: tuple[RowFilter, ...]
    hidden_filters: tuple[FilterOnly, ...] = ()
    hidden_columns: tuple[Column, ...] = ()
    linkage_group: str | None = None
    threshold: ExtractThreshold
    masked_as: str

    @property
    def counts_units(self) -> bool:
        """Tell whether groups are counted in units, or in rows where the data has none."""
        return bool(self.unit_columns)

    @property
    def digest(self) -> str:
        """Name everything that this plan decides."""
        return digest(self.model_dump(mode="json"))

    def source_columns(self) -> tuple[str, ...]:
        """Return the stored columns that a build needs to read."""
        names = tuple(column.name for column in (*self.columns, *self.hidden_columns))
        return (*names, UNIT_COLUMN) if self.counts_units else names

    def cluster(self) -> str | None:
        """Return the column that a worker may lay its rows out by: the first date it shows.

        Position then says no more than that date does; within a date the keyed order stays.
        """
        dates = [
            column.name
            for column in self.columns
            if column.type is ColumnType.DATE and column.mask.kind not in _HIDES_ALL
        ]
        return dates[0] if dates else None

    def names(self, *kinds: IdentifierKind) -> list[str]:
        """Return the columns of some kinds, or all, in their order."""
        chosen = kinds or tuple(IdentifierKind)
        return [column.name for column in self.columns if column.identifier in chosen]

    def quasi(self) -> list[str]:
        """Return the columns by which somebody could be recognised."""
        return self.names(IdentifierKind.QUASI, IdentifierKind.DIRECT)

    def sensitive(self) -> list[str]:
        """Return the columns whose values must differ among look-alikes."""
        return self.names(IdentifierKind.SENSITIVE)

    def shows_no_more_than(self, other: "ExtractPlan") -> bool:
        """Tell whether all that this plan shows stands in the other's extract as well."""
        strict_enough = self.threshold.k >= other.threshold.k and (
            self.threshold.l >= other.threshold.l
        )
        same_rows = (self.filters, self.hidden_filters, self.masked_as, self.linkage_group) == (
            other.filters,
            other.hidden_filters,
            other.masked_as,
            other.linkage_group,
        )
        return strict_enough and same_rows and set(self.columns) <= set(other.columns)


def plan_extract(dataset: DatasetDeclaration, grant: Grant, rules: MaskRules) -> ExtractPlan:
    """Decide what a grant's extract holds. Raises Denied where a rule forbids the extract."""
    if AccessMode.ROWS not in grant.modes:
        raise denied("rows_not_granted", "modes", "该授权未包含明细模式。", "Rows are not granted.")
    if dataset.subject == "person" and not grant.basis:
        raise denied(
            "basis_missing",
            "basis",
            "个人数据的明细授权须写明依据。",
            "Rows about persons need a named basis.",
        )
    columns = shown_columns(dataset, grant, rules)
    _check_filters(columns, grant.row_filters)
    if not columns:
        raise denied(
            "extract_empty",
            "columns",
            "没有可作为明细给出的列。",
            "No column may be given as rows.",
        )
    return ExtractPlan(
        dataset=dataset.name,
        population=dataset.population,
        unit_columns=dataset.unit_columns,
        columns=columns,
        filters=grant.row_filters,
        hidden_filters=grant.filter_only,
        hidden_columns=_named(dataset, {item.column for item in grant.filter_only}),
        linkage_group=grant.linkage_group,
        threshold=_threshold(dataset, columns, rules),
        masked_as=masked_as(rules),
    )


def masked_as(rules: MaskRules) -> str:
    """Name the rules that say how masked values look: equal names, equal looks."""
    return digest(rules.model_dump(mode="json", exclude={"thresholds", "note", "version"}))


def building_schema(plan: ExtractPlan) -> pa.Schema:
    """Return the types under construction: decimals as stored integers, the counted unit last."""
    fields = [pa.field(column.name, _building_type(column)) for column in plan.columns]
    if plan.counts_units:
        fields.append(pa.field(UNIT_COLUMN, pa.int64()))
    return pa.schema(fields)


def shown_type(column: Column, digits: int = DECIMAL_DIGITS) -> pa.DataType:
    """Return the type in which an extract shows a column."""
    kind = _building_type(column)
    decimal = column.type is ColumnType.DECIMAL and pa.types.is_integer(kind)
    return pa.decimal128(digits, column.scale) if decimal else kind


def decimal_digits(largest: int) -> int:
    """Return the digits of a decimal whose stored integers are at most so large.

    The usual 15 leave the engine room to calculate in 64 bits; 18 and 19 are for larger values.
    """
    return next((digits for digits in (15, DECIMAL_DIGITS) if largest < 10 ** (digits - 1)), 19)


def as_shown(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Give a decimal back its point: its stored integer is the same number without it."""
    if not pa.types.is_decimal(kind):
        return values
    whole = values.cast(pa.decimal128(DECIMAL_DIGITS + 1, 0))
    return pa.Array.from_buffers(kind, len(whole), whole.buffers(), offset=whole.offset)


def visible(
    plan: ExtractPlan, batch: pa.RecordBatch, pseudonym_key: bytes, rules: MaskRules
) -> pa.RecordBatch:
    """Mask a batch of stored rows, and keep those whose masked values pass the filters."""
    if plan.hidden_filters:
        batch = batch.filter(passing(batch, plan.hidden_filters, plan.hidden_columns))
    arrays = [
        apply_mask(
            batch.column(column.name),
            column.mask,
            key=_key(plan, column, pseudonym_key),
            rules=rules,
        ).cast(_building_type(column))
        for column in plan.columns
    ]
    if plan.counts_units:
        arrays.append(batch.column(UNIT_COLUMN).cast(pa.int64()))
    shown = pa.RecordBatch.from_arrays(arrays, schema=building_schema(plan))
    kinds = {column.name: shown_type(column, DECIMAL_DIGITS + 1) for column in plan.columns}
    for row_filter in plan.filters:
        values = as_shown(shown.column(row_filter.column), kinds[row_filter.column])
        text = pc.cast(values, pa.string())
        passes = pc.is_in(text, pa.array(row_filter.values, pa.string()))
        if passes.true_count < len(passes):  # else there is nothing to copy
            shown = shown.filter(passes)
    return shown


def denied(code: str, field: str, zh: str, en: str, way_out: Message | None = None) -> Denied:
    """Say that a rule about extracts forbids one."""
    return Denied(code, Message(zh, en), field=field, rule=RULE, way_out=way_out)


def groups_too_small(letter: str, wanted: int) -> Denied:
    """Say that some visible combination is shared by too few units, or by too alike ones."""
    return denied(
        "extract_groups_too_small",
        "columns",
        f"授权副本未达到 {letter}={wanted}：可见的准标识符组合中有过小的组。",
        f"The extract misses {letter}={wanted}: some combination of visible quasi-identifiers is "
        "shared by too few.",
        way_out=Message(
            "请减少准标识符列，或由供数单位采用更粗的泛化。",
            "Grant fewer quasi-identifiers, or have the source generalise them more.",
        ),
    )


def _check_filters(columns: tuple[Column, ...], filters: tuple[RowFilter, ...]) -> None:
    shown = {column.name for column in columns if column.mask.kind not in _HIDES_ALL}
    for row_filter in filters:
        if row_filter.column not in shown:
            raise denied(
                "filter_column_not_granted",
                f"row_filters.{row_filter.column}",
                f"行筛选列“{row_filter.column}”未作为明细列授权，或已全部隐去。",
                f"The row filter reads {row_filter.column!r}, which is not granted as rows, or is "
                "hidden whole.",
            )


def _threshold(
    dataset: DatasetDeclaration, columns: tuple[Column, ...], rules: MaskRules
) -> ExtractThreshold:
    grade = max((column.grade for column in columns), key=list(Grade).index)
    threshold = rules.threshold(dataset.subject, str(grade))
    if threshold is None:
        raise denied(
            "grade_not_as_rows",
            "columns",
            f"{grade} 级数据不得以明细形式给出。",
            f"Data of grade {grade} about this kind of subject is never given as rows.",
        )
    return threshold


def _building_type(column: Column) -> pa.DataType:
    return masked_type(column.mask, _SHOWN[column.type])


def _named(dataset: DatasetDeclaration, names: set[str]) -> tuple[Column, ...]:
    return tuple(column for column in dataset.columns if column.name in names)


def _key(plan: ExtractPlan, column: Column, licence_key: bytes) -> bytes:
    return column_key(
        licence_key, dataset=plan.dataset, column=column.name, group=plan.linkage_group
    )
