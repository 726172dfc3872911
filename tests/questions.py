"""Random questions of the whole grammar over ``tests.planning.WIDE``, and other spellings of them.

Questions are made in the form in which the reader gives them, so that writing and reading one
again must give the same.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from catalog.datasets import ColumnType
from disclosure.plan.conditions import (
    TRUE,
    both,
    either,
    equals_any,
    equals_none,
)
from disclosure.plan.expressions import (
    PER_UNIT,
    Among,
    Binned,
    Both,
    Branch,
    Cases,
    Comparison,
    Condition,
    DatePart,
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
from disclosure.plan.facts import Facts, facts_of, public_literals
from disclosure.plan.question import (
    AggregateOutput,
    Formula,
    FormulaOutput,
    Function,
    Having,
    InnerFunction,
    InnerOutput,
    KeyOutput,
    Number,
    Operation,
    Ordering,
    Output,
    PerUnit,
    PublicJoin,
    Question,
    Reference,
    Source,
)
from disclosure.plan.reading import fields_read
from disclosure.plan.writing import Writer
from tests.planning import WIDE

TRUNCATED = (DatePart.YEAR, DatePart.QUARTER, DatePart.MONTH, DatePart.WEEK, DatePart.DAY)
NUMBERS = frozenset({ColumnType.INTEGER, ColumnType.DECIMAL})
ZONES = PublicJoin("zones", Field("survey", "zone"), "code")
AREAS = PublicJoin("areas", Field("zones", "area"), "name")
INNER = (
    InnerOutput("count", InnerFunction.COUNT),
    InnerOutput("count_pay", InnerFunction.COUNT, Field("survey", "pay")),
    InnerOutput("max_day", InnerFunction.MAX, Field("survey", "day")),
    InnerOutput("min_age", InnerFunction.MIN, Field("survey", "age")),
    InnerOutput("sum_pay", InnerFunction.SUM, Field("survey", "pay")),
)


@st.composite
def sources(draw: st.DrawFn) -> Source:
    outer = draw(st.booleans())
    joins = draw(
        st.sampled_from(
            [
                (),
                (PublicJoin("zones", ZONES.left, "code", outer),),
                (PublicJoin("zones", ZONES.left, "code"), AREAS),
            ]
        )
    )
    # Joins stand in the order of their names, each after the one that it starts from.
    return draw(
        st.sampled_from(
            [
                Source("survey", joins),
                Source("survey", joins, unit_join="visits"),
                Source("survey", joins, per_unit=PerUnit(INNER)),
            ]
        )
    )


def readable(source: Source) -> list[Field]:
    """Return every field that the outer question may read."""
    if source.per_unit is not None:
        return [Field(PER_UNIT, item.name) for item in source.per_unit.outputs]
    return stored(source)


def stored(source: Source) -> list[Field]:
    names = [source.dataset, *([source.unit_join] if source.unit_join else [])]
    fields = [
        Field(name, column) for name in names for column in sorted(WIDE.protected[name].columns)
    ]
    for join in source.public_joins:
        fields += [Field(join.relation, c) for c in sorted(WIDE.public[join.relation].columns)]
    return fields


def literals(facts: Facts) -> st.SearchStrategy[Literal]:
    if facts.public_values:
        return st.sampled_from(public_literals(facts))
    if facts.type is ColumnType.DATE:
        return st.dates(date(2023, 12, 1), date(2025, 6, 30))
    if facts.type in NUMBERS:
        return st.integers(-60, 210)
    return st.sampled_from(["a", "b'c", "", "东", "z9"])


@st.composite
def leaves(draw: st.DrawFn, field: Field, source: Source) -> Condition:
    facts = facts_of(field, source, WIDE)
    kind = draw(st.sampled_from(["any", "none", "missing", "range", "range"]))
    if kind == "missing":
        missing: list[Condition] = [Missing(field), Negated(Missing(field))]
        return draw(st.sampled_from(missing))
    if facts.type is ColumnType.BOOLEAN:
        return equals_any(field, {draw(st.booleans())})
    found = draw(st.sets(literals(facts), min_size=1, max_size=3))
    if kind == "any":
        return equals_any(field, found)
    if kind == "none":
        return equals_none(field, found)
    plain = facts.type is ColumnType.TEXT
    operators = ["<", "<=", ">", ">="] if plain else ["<=", ">="]
    return Comparison(field, draw(st.sampled_from(operators)), next(iter(found)))


def conditions(fields: Sequence[Field], source: Source) -> st.SearchStrategy[Condition]:
    leaf = st.sampled_from(fields).flatmap(lambda field: leaves(field, source))
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(both),
            st.lists(inner, min_size=2, max_size=3).map(either),
        ),
        max_leaves=5,
    )


def keys(fields: Sequence[Field], source: Source) -> st.SearchStrategy[KeyExpression]:
    known = {field: facts_of(field, source, WIDE) for field in fields}
    dates = [field for field, facts in known.items() if facts.type is ColumnType.DATE]
    numbers = [field for field, facts in known.items() if facts.type in NUMBERS]
    plain = [field for field in fields if field.relation != PER_UNIT]
    condition = conditions(fields, source).filter(lambda item: item not in (TRUE, Either(())))
    branches = st.lists(
        st.builds(Branch, condition, st.sampled_from(["low", "it's", None])),
        min_size=1,
        max_size=3,
    ).map(tuple)
    chosen: list[st.SearchStrategy[KeyExpression]] = [
        st.builds(Binned, st.sampled_from(numbers), st.integers(1, 500), st.booleans()),
        st.builds(Cases, branches, st.sampled_from(["rest", None])),
    ]
    if plain:
        chosen.append(st.builds(Plain, st.sampled_from(plain)))
    if dates:
        field = st.sampled_from(dates)
        chosen.append(st.builds(Truncated, field, st.sampled_from(TRUNCATED)))
        chosen.append(st.builds(Extracted, field, st.sampled_from(list(DatePart))))
    return st.one_of(chosen)


@st.composite
def measures(draw: st.DrawFn, fields: Sequence[Field], source: Source) -> Measure:
    known = {field: facts_of(field, source, WIDE) for field in fields}
    field = draw(st.sampled_from([f for f, facts in known.items() if facts.type in NUMBERS]))
    facts = known[field]
    lower = -200 if facts.lower is None else facts.lower
    upper = 200 if facts.upper is None else facts.upper
    ends = (lower, upper)
    if None in {facts.lower, facts.upper} or draw(st.booleans()):
        ends = tuple(sorted(draw(st.tuples(*[st.integers(lower, upper)] * 2))))
    return Measure(field, ends[0], ends[1], facts.scale, facts.nullable)


@st.composite
def aggregates(draw: st.DrawFn, fields: Sequence[Field], source: Source) -> AggregateOutput:
    function = draw(st.sampled_from(list(Function)))
    if function is Function.UNITS:
        return AggregateOutput("", function)
    if function is Function.COUNT:
        nullable = [f for f in fields if facts_of(f, source, WIDE).nullable]
        counted = draw(st.sampled_from([None, *nullable]))
        return AggregateOutput("", function, counted=counted)
    measure = draw(measures(fields, source))
    if function is Function.QUANTILE:
        ppm = draw(st.integers(1, 999_999))
        return AggregateOutput("", function, measure, quantile_ppm=ppm)
    spread = function in {Function.VARIANCE, Function.STDDEV}
    of_population = spread and draw(st.booleans())
    return AggregateOutput("", function, measure, of_population=of_population)


@st.composite
def formulas(draw: st.DrawFn, fields: Sequence[Field], source: Source) -> FormulaOutput:
    found = draw(st.lists(aggregates(fields, source), min_size=1, max_size=2, unique=True))
    leaf: st.SearchStrategy[Formula] = st.one_of(
        st.builds(Reference, st.integers(0, len(found) - 1)),
        st.decimals(-50, 50, places=2).map(lambda n: Number(n.normalize() if n else Decimal(0))),
    )
    formula = draw(
        st.recursive(
            leaf,
            lambda inner: st.builds(Operation, st.sampled_from("+-*/"), inner, inner),
            max_leaves=4,
        )
    )
    whole = Operation("*", formula, Reference(0))
    reads: list[AggregateOutput] = []
    return FormulaOutput("", _renumbered(whole, found, reads), tuple(reads))


def _renumbered(
    formula: Formula, found: list[AggregateOutput], reads: list[AggregateOutput]
) -> Formula:
    """Number the aggregates of a formula in the order in which it reads them, left to right."""
    match formula:
        case Reference(place):
            named = _named_by_default(found[place])
            if named not in reads:
                reads.append(named)
            return Reference(reads.index(named))
        case Operation(operator, left, right):
            first = _renumbered(left, found, reads)
            return Operation(operator, first, _renumbered(right, found, reads))
        case _:
            return formula


def _named_by_default(item: AggregateOutput) -> AggregateOutput:
    from dataclasses import replace  # noqa: PLC0415

    field = item.counted or (item.measure.field if item.measure is not None else None)
    name = item.function.value if field is None else f"{item.function.value}_{field.column}"
    return replace(item, name=name)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    source = draw(sources())
    fields = readable(source)
    shown: list[KeyOutput | AggregateOutput | FormulaOutput] = [
        *(KeyOutput("", key) for key in draw(st.lists(keys(fields, source), max_size=2))),
        *draw(st.lists(aggregates(fields, source), min_size=1, max_size=2)),
        *draw(st.lists(formulas(fields, source), max_size=1)),
    ]
    outputs = tuple(_named(item, place) for place, item in enumerate(draw(st.permutations(shown))))
    where = draw(st.none() | conditions(fields, source).filter(lambda item: item != TRUE))
    figures = [item.name for item in outputs if not isinstance(item, KeyOutput)]
    having = draw(
        st.sets(
            st.builds(
                Having,
                st.sampled_from(figures),
                st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
                st.integers(-9, 9).map(Decimal),
            ),
            max_size=2,
        )
    )
    order = draw(
        st.lists(
            st.builds(
                Ordering,
                st.sampled_from([item.name for item in outputs]),
                st.booleans(),
                st.booleans(),
            ),
            max_size=2,
        )
    )
    question = Question(
        _with_inner(source, draw),
        outputs,
        where,
        tuple(sorted(having, key=lambda item: (item.output, item.operator, item.literal))),
        tuple(order),
        draw(st.none() | st.integers(0, 100)),
        draw(st.integers(0, 5)),
    )
    return _pruned(question)


def _named(item: Output, place: int) -> Output:
    from dataclasses import replace  # noqa: PLC0415

    names = ("a", "Select", "x y", 'q"', "列", "n_1")
    return replace(item, name=f"{names[place % len(names)]}{place}")


def _with_inner(source: Source, draw: st.DrawFn) -> Source:
    if source.per_unit is None:
        return source
    inner = Source(source.dataset, source.public_joins)
    where = draw(st.none() | conditions(stored(inner), inner).filter(lambda item: item != TRUE))
    return Source(source.dataset, source.public_joins, None, PerUnit(INNER, where))


def _pruned(question: Question) -> Question:
    from dataclasses import replace  # noqa: PLC0415

    per_unit = question.source.per_unit
    if per_unit is None:
        return question
    read = {field.column for field in fields_read(question) if field.relation == PER_UNIT}
    outputs = tuple(item for item in per_unit.outputs if item.name in read)
    return replace(
        question, source=replace(question.source, per_unit=PerUnit(outputs, per_unit.where))
    )


class OtherSpelling(Writer):
    """Writes a question as somebody else would have: the same meaning in other words."""

    draw: st.DrawFn

    def condition(self, condition: Condition) -> str:
        text = self._condition(condition)
        return f"NOT (NOT ({text}))" if self.draw(st.integers(0, 3)) == 0 else text

    def _condition(self, condition: Condition) -> str:
        match condition:
            case Both(parts) | Either(parts) if parts:
                word = " AND " if isinstance(condition, Both) else " OR "
                shuffled = self.draw(st.permutations(parts))
                return word.join(f"({self.condition(part)})" for part in shuffled)
            case Among(field, values):
                equal = (f"{self.field(field)} = {self.literal(field, v)}" for v in values[::-1])
                return f"({' OR '.join(equal)})"
            case Negated(Among(field, values)):
                return f"{self.field(field)} NOT IN ({self._listed(field, values[::-1])})"
            case Comparison(field, operator, value):
                return self._comparison(field, operator, value)
            case _:
                return super().condition(condition)

    def _comparison(self, field: Field, operator: str, value: Literal) -> str:
        name, shown = self.field(field), self.literal(field, value)
        if operator not in {"<=", ">="} or isinstance(value, str | bool):
            flipped = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
            return f"{shown} {flipped[operator]} {name}"
        step = 1 if operator == "<=" else -1
        if isinstance(value, date):
            beyond = self.literal(field, value + timedelta(days=step))
        else:
            beyond = self.literal(field, int(value) + step)
        strict = operator[0]
        ways = [f"{name} {strict} {beyond}", f"NOT {name} {'>' if step > 0 else '<'} {shown}"]
        return self.draw(st.sampled_from(ways))

    def measure(self, measure: Measure) -> str:
        field = self.field(measure.field)
        lower, upper = (self.literal(measure.field, end) for end in (measure.lower, measure.upper))
        ways = [
            f"GREATEST(LEAST({upper}, {field}), {lower})",
            (
                f"CASE WHEN {field} < {lower} THEN {lower} "
                f"WHEN {field} > {upper} THEN {upper} ELSE {field} END"
            ),
        ]
        return self.draw(st.sampled_from(ways))

    def group(self, outputs: object) -> list[str]:
        return ["ALL"] if outputs else []


def other_spelling(question: Question, draw: st.DrawFn) -> str:
    """Return another text for a question."""
    writer = OtherSpelling(question.source, WIDE)
    writer.draw = draw
    return writer.question(question)
