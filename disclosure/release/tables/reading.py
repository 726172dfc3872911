"""From an author's SQL to a table plan, by the gate and the reader that every question passes.

What stands in the extract is declared here as it looks after its masks, so that a key or condition
means what it means over the operator's own rows. Whatever else the text asks is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from catalog.datasets import BOUND_MAX, Column, ColumnType, DatasetDeclaration, Mask
from catalog.store import NeighbourRelation
from disclosure.extracts.plan import ExtractPlan, shown_type
from disclosure.gate.question import QueryGate
from disclosure.outcome import Refused
from disclosure.plan.expressions import Field, fields_of
from disclosure.plan.facts import facts_of
from disclosure.plan.model import Asked, AskedDataset, StoredColumn
from disclosure.plan.question import AggregateOutput, Function, KeyOutput, Question
from disclosure.plan.reading import fields_read, mended_question, read_question
from disclosure.plan.refusals import with_way_out
from disclosure.plan.tree import Node
from disclosure.plan.writing import write_question
from disclosure.release.tables import refusals
from disclosure.release.tables.plan import Figure, Statistic, TableKey, TablePlan, TableRequest
from disclosure.release.tables.showing import is_reserved
from policies.schema.tables import TableRules

_STATISTICS = {
    Function.UNITS: Statistic.PEOPLE,
    Function.SUM: Statistic.SUM,
    Function.AVG: Statistic.AVERAGE,
    Function.STDDEV: Statistic.DEVIATION,
}
_PASSED_ON = frozenset(
    {"aggregate_form", "distinct_not_unit", "literal_type", "table_form", "table_too_large"}
)


@dataclass(frozen=True)
class GrantedRows:
    """One data set that a licence holds as rows: as declared, and what its extract shows."""

    declaration: DatasetDeclaration
    extract: ExtractPlan

    def asked(self) -> AskedDataset:
        """Return the data set as a question over its rows sees it: masked columns alone."""
        columns = tuple(_as_shown(column) for column in self.extract.columns)
        return AskedDataset(
            declaration=self.declaration.model_copy(update={"columns": columns}),
            columns=frozenset(column.name for column in columns),
            neighbours=NeighbourRelation.MIXED,
        )


def read_table(
    gate: QueryGate, request: TableRequest, granted: Mapping[str, GrantedRows], rules: TableRules
) -> TablePlan:
    """Return the plan of a table. Raises Refused; a name that is not granted as rows reads alike.

    The gate's own refusals come as they are.
    """
    if not granted:
        raise refusals.no_rows_granted()
    asked = Asked({name: item.asked() for name, item in granted.items()})
    checked = gate.check(request.sql, granted.keys())
    read = partial(_planned, asked=asked, granted=granted, request=request, rules=rules)
    try:
        return read(read_question(checked.tree, asked))
    except Refused as refused:
        found = refused if refused.code in _PASSED_ON else refusals.unknown_name()
        raise with_way_out(found, _nearest(checked.tree, asked, read)) from None


def _nearest(syntax: Node, asked: Asked, read: Callable[[Question], TablePlan]) -> str | None:
    """Return the text of a table near to one that was refused, or None: of text and grant alone."""
    mended = mended_question(syntax, asked)
    if mended is None:
        return None
    keys = tuple(item for item in mended.outputs if isinstance(item, KeyOutput))
    figures = tuple(
        item
        for item in mended.outputs
        if isinstance(item, AggregateOutput) and _has_statistic(item)
    )
    counts = (AggregateOutput("n", Function.COUNT),)
    for where in (mended.where, None):
        plain = Question(mended.source, (*keys, *(figures or counts)), where)
        try:
            read(plain)
        except Refused:
            continue
        return write_question(plain, asked)
    return None


def _planned(
    question: Question,
    asked: Asked,
    granted: Mapping[str, GrantedRows],
    request: TableRequest,
    rules: TableRules,
) -> TablePlan:
    _check_plain(question)
    _check_names(question)
    plan = TablePlan(
        dataset=question.source.dataset,
        keys=_keys(question),
        figures=_figures(question, granted[question.source.dataset]),
        where=question.where,
        stored=_stored(question, asked),
        margins=request.margins,
        rounding=request.rounding,
    )
    for what, found, most in (
        ("keys", plan.keys, rules.keys_max),
        ("figures", plan.figures, rules.figures_max),
    ):
        if len(found) > most:
            raise refusals.too_large(what, most)
    return plan


def _as_shown(column: Column) -> Column:
    kind = shown_type(column)
    types = {
        pa.types.is_decimal: ColumnType.DECIMAL,
        pa.types.is_integer: ColumnType.INTEGER,
        pa.types.is_date: ColumnType.DATE,
        pa.types.is_boolean: ColumnType.BOOLEAN,
    }
    shown = next((named for is_kind, named in types.items() if is_kind(kind)), ColumnType.TEXT)
    number = shown in {ColumnType.INTEGER, ColumnType.DECIMAL}
    return column.model_copy(
        update={
            "type": shown,
            "scale": column.scale if shown is ColumnType.DECIMAL else 0,
            "mask": Mask(),
            "nullable": True,  # a mask may leave nothing of a value
            "public_values": (),
            "lower": -BOUND_MAX if number else None,
            "upper": BOUND_MAX if number else None,
        }
    )


def _check_plain(question: Question) -> None:
    source = question.source
    if source.public_joins or source.unit_join is not None or source.per_unit is not None:
        raise refusals.joined()
    if question.having or question.order or question.limit is not None or question.offset:
        raise refusals.form(
            "sql",
            "出域表不能用 HAVING、ORDER BY、LIMIT：选取哪些行会透露被隐去的值；"
            "各行按分组键排列。请用 WHERE 选取分组。",
            "A table for release has no HAVING, ORDER BY or LIMIT: which rows are chosen would "
            "tell of what is suppressed. Rows stand by their keys; choose groups with WHERE.",
        )
    for output in question.outputs:
        if not isinstance(output, KeyOutput | AggregateOutput) or (
            isinstance(output, AggregateOutput) and not _has_statistic(output)
        ):
            raise refusals.form(
                "select",
                "出域表只能含分组键与 COUNT(*)、COUNT(列)、COUNT(DISTINCT unit)、SUM、AVG、STDDEV；"
                "比率与差值请由已放行的数值计算。",
                "A table for release shows keys and COUNT(*), COUNT(column), COUNT(DISTINCT unit), "
                "SUM, AVG, STDDEV; compute ratios and differences from what was released.",
            )


def _check_names(question: Question) -> None:
    for output in question.outputs:
        if is_reserved(output.name):
            raise refusals.form(
                "select",
                f"列名“{output.name}”由出域表自用，请用 AS 另取名称。",
                f"The table has a column of its own called {output.name!r}: rename it with AS.",
            )


def _has_statistic(output: AggregateOutput) -> bool:
    known = output.function is Function.COUNT or output.function in _STATISTICS
    return known and not output.of_population


def _keys(question: Question) -> tuple[TableKey, ...]:
    shown = [item for item in question.outputs if isinstance(item, KeyOutput)]
    if len({item.key for item in shown}) < len(shown):
        raise refusals.form("select", "同一分组键只能出现一次。", "A key stands once in a table.")
    return tuple(TableKey(item.name, item.key) for item in shown)


def _figures(question: Question, rows: GrantedRows) -> tuple[Figure, ...]:
    found: list[Figure] = []
    for item in question.outputs:
        if not isinstance(item, AggregateOutput):
            continue
        statistic = _STATISTICS.get(item.function)
        if statistic is Statistic.PEOPLE and not rows.extract.counts_units:
            raise refusals.form(
                "select",
                "该数据集没有隐私主体，不能用 COUNT(DISTINCT unit)，请用 COUNT(*)。",
                "This data set has no units of privacy to count: write COUNT(*).",
            )
        if statistic is None:
            statistic = Statistic.ROWS if item.counted is None else Statistic.VALUES
        found.append(Figure(item.name, statistic, item.measure, item.counted))
    return tuple(found)


def _stored(question: Question, asked: Asked) -> tuple[StoredColumn, ...]:
    read: set[Field] = set(fields_read(question))
    for key in question.keys:
        read |= set(fields_of(key))
    found = []
    for field in sorted(read, key=lambda item: item.column):
        facts = facts_of(field, question.source, asked)
        found.append(StoredColumn(field, facts.type, facts.scale))
    return tuple(found)
