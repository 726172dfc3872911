"""A question as SQL text in the analyst's own grammar: one text for each question.

What is written reads back as the same question, so that a refusal can show it and a person can
run it as it stands.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from disclosure.plan.expressions import (
    PER_UNIT,
    Among,
    Binned,
    Both,
    Cases,
    Comparison,
    Condition,
    Either,
    Extracted,
    Field,
    KeyExpression,
    Literal,
    Measure,
    Missing,
    Negated,
    Plain,
    Truncated,
)
from disclosure.plan.facts import Facts, declaration_of, facts_of
from disclosure.plan.model import Asked
from disclosure.plan.question import (
    AggregateOutput,
    Formula,
    FormulaOutput,
    Function,
    Having,
    InnerOutput,
    KeyOutput,
    Number,
    Operation,
    Ordering,
    Output,
    PublicJoin,
    Question,
    Reference,
    Source,
)
from disclosure.plan.words import name_sql

UNIT = "unit"
PPM = 1_000_000
_INNER = "units"
"""The alias of the per-unit aggregate."""


def write_question(question: Question, asked: Asked) -> str:
    """Return the text of a question. Raises KeyError for a field that is not in ``asked``."""
    return Writer(question.source, asked).question(question)


class Writer:
    """Writes a question over one source."""

    def __init__(self, source: Source, asked: Asked, *, inner: bool = False) -> None:
        """Write over one source; ``inner`` is the SELECT inside a per-unit aggregate."""
        self._source = source
        self._asked = asked
        self._inner = inner
        joined = bool(source.public_joins) or source.unit_join is not None
        self._qualified = joined and (inner or source.per_unit is None)

    def question(self, question: Question) -> str:
        """Write the whole."""
        parts = [
            "SELECT " + ", ".join(self.output(item) for item in question.outputs),
            "FROM " + self.source(),
        ]
        if question.where is not None:
            parts.append("WHERE " + self.condition(question.where))
        if question.keys:
            parts.append("GROUP BY " + ", ".join(self.group(question.outputs)))
        if question.having:
            parts.append("HAVING " + " AND ".join(map(_having, question.having)))
        if question.order:
            parts.append("ORDER BY " + ", ".join(map(_ordering, question.order)))
        if question.limit is not None:
            parts.append(f"LIMIT {question.limit}")
        if question.offset:
            parts.append(f"OFFSET {question.offset}")
        return " ".join(parts)

    def source(self) -> str:
        """Write FROM."""
        if self._source.per_unit is not None and not self._inner:
            return f"({self._per_unit()}) AS {_INNER}"
        text = name_sql(self._source.dataset)
        if self._source.unit_join is not None:
            text += self._unit_join(self._source.unit_join)
        return text + "".join(self._join(item) for item in self._source.public_joins)

    def _join(self, join: PublicJoin) -> str:
        kind = "LEFT JOIN" if join.outer else "JOIN"
        far = Field(join.relation, join.column)
        return f" {kind} {name_sql(join.relation)} ON {self.field(join.left)} = {self.field(far)}"

    def _unit_join(self, other: str) -> str:
        first = self._source.dataset
        pairs = zip(self._units(first), self._units(other), strict=True)
        equal = " AND ".join(f"{near} = {far}" for near, far in pairs)
        return f" JOIN {name_sql(other)} ON {equal}"

    def _units(self, dataset: str) -> list[str]:
        """Name the privacy unit of a data set, by its columns where a column is called unit."""
        declaration = declaration_of(dataset, self._asked)
        virtual = declaration.column(UNIT) is None
        names = [UNIT] if virtual else list(declaration.unit_columns)
        return [self.column(dataset, name) for name in names]

    def _per_unit(self) -> str:
        writer = Writer(self._source, self._asked, inner=True)
        per_unit = self._source.per_unit
        if per_unit is None:
            raise ValueError("a per-unit aggregate is there to be written")
        units = writer._units(self._source.dataset)
        listed = [*units, *(writer.inner(item) for item in per_unit.outputs)]
        where = "" if per_unit.where is None else f" WHERE {writer.condition(per_unit.where)}"
        parts = ["SELECT", ", ".join(listed), "FROM", writer.source() + where, "GROUP BY"]
        return " ".join([*parts, ", ".join(units)])

    def inner(self, output: InnerOutput) -> str:
        """Write one figure of each unit."""
        argument = "*" if output.field is None else self.field(output.field)
        return f"{output.function.value.upper()}({argument}) AS {name_sql(output.name)}"

    def field(self, field: Field) -> str:
        """Write a field."""
        if field.relation == PER_UNIT:
            return name_sql(field.column)
        return self.column(field.relation, field.column)

    def column(self, relation: str, column: str) -> str:
        """Write a column, with its relation where there are several."""
        if not self._qualified:
            return name_sql(column)
        return f"{name_sql(relation)}.{name_sql(column)}"

    def facts(self, field: Field) -> Facts:
        """Return the declared facts of a field."""
        return facts_of(field, self._source, self._asked)

    def output(self, output: Output) -> str:
        """Write one output of SELECT."""
        match output:
            case KeyOutput(name, key):
                text = self.key(key)
                plain = isinstance(key, Plain) and key.field.column == name
                return text if plain else f"{text} AS {name_sql(name)}"
            case AggregateOutput():
                return f"{self.aggregate(output)} AS {name_sql(output.name)}"
            case FormulaOutput(name, formula, reads):
                return f"{self.formula(formula, reads)} AS {name_sql(name)}"

    def group(self, outputs: Iterable[Output]) -> list[str]:
        """Write what GROUP BY lists: plain keys by name, others by place."""
        return [
            self.key(item.key) if isinstance(item.key, Plain) else str(place)
            for place, item in enumerate(outputs, start=1)
            if isinstance(item, KeyOutput)
        ]

    def key(self, key: KeyExpression) -> str:
        """Write a key."""
        match key:
            case Plain(field):
                return self.field(field)
            case Truncated(field, part):
                return f"date_trunc('{part.value}', {self.field(field)})"
            case Extracted(field, part):
                return f"date_part('{part.value}', {self.field(field)})"
            case Binned(field, width, indexed):
                shown = _number(width, self.facts(field).scale)
                floored = f"floor({self.field(field)} / {shown})"
                return floored if indexed else f"{floored} * {shown}"
            case Cases(branches, otherwise):
                whens = " ".join(
                    f"WHEN {self.condition(item.when)} THEN {_label(item.then)}"
                    for item in branches
                )
                return f"CASE {whens} ELSE {_label(otherwise)} END"

    def aggregate(self, output: AggregateOutput) -> str:
        """Write an aggregate."""
        if output.function is Function.UNITS:
            return f"COUNT(DISTINCT {self._unit()})"
        if output.function is Function.COUNT:
            return "COUNT(*)" if output.counted is None else f"COUNT({self.field(output.counted)})"
        if output.measure is None:
            raise ValueError("an aggregate of values names its measure")
        measure = self.measure(output.measure)
        if output.function is Function.QUANTILE:
            quantile = f"{Decimal(output.quantile_ppm or 0) / PPM:f}"
            return f"QUANTILE_CONT({measure}, {quantile})"
        names = {
            Function.VARIANCE: ("VAR_SAMP", "VAR_POP"),
            Function.STDDEV: ("STDDEV_SAMP", "STDDEV_POP"),
        }
        plain = output.function.value.upper()
        name = names.get(output.function, (plain, plain))[output.of_population]
        return f"{name}({measure})"

    def _unit(self) -> str:
        if self._source.per_unit is not None:
            return self._unit_inside()
        return self._units(self._source.dataset)[0]

    def _unit_inside(self) -> str:
        declaration = declaration_of(self._source.dataset, self._asked)
        return UNIT if declaration.column(UNIT) is None else declaration.unit_columns[0]

    def measure(self, measure: Measure) -> str:
        """Write a measure, clamped where its bounds are not the declared ones."""
        facts, field = self.facts(measure.field), self.field(measure.field)
        if (facts.lower, facts.upper) == (measure.lower, measure.upper):
            return field
        lower, upper = (_number(end, measure.scale) for end in (measure.lower, measure.upper))
        return f"LEAST(GREATEST({field}, {lower}), {upper})"

    def formula(self, formula: Formula, reads: tuple[AggregateOutput, ...]) -> str:
        """Write arithmetic on aggregates."""
        match formula:
            case Number(value):
                return f"{value:f}"
            case Reference(place):
                return self.aggregate(reads[place])
            case Operation(operator, left, right):
                return f"{self._term(left, reads)} {operator} {self._term(right, reads)}"

    def _term(self, formula: Formula, reads: tuple[AggregateOutput, ...]) -> str:
        text = self.formula(formula, reads)
        return f"({text})" if isinstance(formula, Operation) else text

    def condition(self, condition: Condition) -> str:
        """Write a condition."""
        match condition:
            case Both(parts):
                return " AND ".join(self._part(part) for part in parts) or "TRUE"
            case Either(parts):
                return " OR ".join(self._part(part) for part in parts) or "FALSE"
            case Negated(part):
                return f"NOT ({self.condition(part)})"
            case Missing(field):
                return f"{self.field(field)} IS NULL"
            case Among(field, literals):
                return f"{self.field(field)} IN ({self._listed(field, literals)})"
            case Comparison(field, operator, literal):
                return f"{self.field(field)} {operator} {self.literal(field, literal)}"

    def _part(self, condition: Condition) -> str:
        text = self.condition(condition)
        return f"({text})" if isinstance(condition, Both | Either) else text

    def _listed(self, field: Field, literals: tuple[Literal, ...]) -> str:
        return ", ".join(self.literal(field, literal) for literal in literals)

    def literal(self, field: Field, literal: Literal) -> str:
        """Write a literal as its field is written."""
        if isinstance(literal, int) and not isinstance(literal, bool):
            return _number(literal, self.facts(field).scale)
        return _label(literal)


def _having(item: Having) -> str:
    return f"{name_sql(item.output)} {item.operator} {item.literal:f}"


def _ordering(item: Ordering) -> str:
    direction = " DESC" if item.descending else ""
    return name_sql(item.output) + direction + (" NULLS FIRST" if item.nulls_first else "")


def _number(stored: int, scale: int) -> str:
    return f"{Decimal(stored).scaleb(-scale):f}"


def _label(literal: Literal | None) -> str:
    match literal:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if literal else "FALSE"
        case int():
            return str(literal)
        case date():
            return f"DATE '{literal.isoformat()}'"
        case _:
            return "'" + literal.replace("'", "''") + "'"
