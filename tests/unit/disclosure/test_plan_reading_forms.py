"""What is read: forms that mean the same are one plan, and each change of meaning is another."""

from datetime import date
from decimal import Decimal

import pytest

from disclosure.outcome import Refused
from disclosure.plan.conditions import both
from disclosure.plan.expressions import (
    PER_UNIT,
    Among,
    Binned,
    Comparison,
    DatePart,
    Either,
    Field,
    Measure,
    Missing,
    Negated,
    Truncated,
)
from disclosure.plan.question import (
    AggregateOutput,
    Function,
    Having,
    InnerFunction,
    InnerOutput,
    Number,
    Operation,
    PerUnit,
    PublicJoin,
    Question,
    Reference,
    Source,
)
from tests.planning import WIDE, asked, plan, question


def read(sql: str) -> Question:
    return question(sql, WIDE)


def where(condition: str) -> object:
    return read(f"SELECT COUNT(*) FROM survey WHERE {condition}").where


def column(name: str) -> Field:
    return Field("survey", name)


SAME = [
    [  # names, case, order, repeats, positions
        "SELECT state, COUNT(*) AS n FROM survey WHERE sex = 1 GROUP BY state",
        "select s.STATE, count(*) as n from Survey s where 1 = sex group by 1",
        "SELECT state, COUNT(*) AS n FROM survey WHERE sex IN (1, 1) GROUP BY ALL",
        "SELECT state, COUNT(1) AS n FROM survey WHERE sex <> 2 GROUP BY survey.state",
        "SELECT state, COUNT() AS n FROM survey WHERE NOT sex = 2 GROUP BY state",
        "SELECT state, COUNT(age) AS n FROM survey WHERE sex < 2 GROUP BY state",
        "SELECT DISTINCT state, COUNT(*) AS n FROM survey WHERE sex = '1' GROUP BY state",
        (
            "WITH q AS (SELECT * FROM survey WHERE sex = 1) "
            "SELECT state, COUNT(*) AS n FROM q GROUP BY state"
        ),
        (
            "SELECT place AS state, COUNT(*) AS n FROM "
            "(SELECT state AS place, sex AS s FROM survey) q WHERE q.s = 1 GROUP BY place"
        ),
    ],
    [  # combinations of conditions
        "SELECT COUNT(*) FROM survey WHERE age BETWEEN 3 AND 9 AND NOT (pay > 2 OR member)",
        "SELECT COUNT(*) FROM survey WHERE NOT member AND pay <= 2.0 AND 9 >= age AND age > 2",
        (
            "SELECT COUNT(*) FROM survey WHERE NOT (NOT (member IS FALSE AND pay < 2.05)) "
            "AND age >= 2.5 AND NOT age >= 10 AND age >= 1"
        ),
    ],
    [  # clamps
        "SELECT SUM(LEAST(GREATEST(score, 0), 10)) AS s FROM survey",
        "SELECT SUM(GREATEST(LEAST(score, 10), 0)) AS s FROM survey",
        "SELECT SUM(GREATEST(0, LEAST(10, score))) AS s FROM survey",
        (
            "SELECT SUM(CASE WHEN score < 0 THEN 0 WHEN score > 10 THEN 10 ELSE score END) AS s "
            "FROM survey"
        ),
        (
            "SELECT SUM(CASE WHEN 10 <= score THEN 10 WHEN score <= 0 THEN 0 ELSE score END) AS s "
            "FROM survey"
        ),
        "SELECT SUM(v) AS s FROM (SELECT LEAST(GREATEST(score, 0), 10) AS v FROM survey)",
    ],
    [  # a clamp wider than what is declared is none
        "SELECT AVG(age) AS a FROM survey",
        "SELECT MEAN(LEAST(GREATEST(age, -5), 1000)) AS a FROM survey",
    ],
    [  # quantiles
        "SELECT MEDIAN(pay) AS m FROM survey",
        "SELECT QUANTILE(pay, 0.5) AS m FROM survey",
        "SELECT QUANTILE_DISC(pay, 0.50) AS m FROM survey",
        "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY pay) AS m FROM survey",
        "SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY pay DESC) AS m FROM survey",
    ],
    [  # dates and bins
        "SELECT month(day) AS m, floor(age / 10) * 10 AS b, COUNT(*) FROM survey GROUP BY ALL",
        (
            "SELECT EXTRACT(MONTH FROM day) AS m, 10 * floor(age / 10.0) AS b, COUNT(*) "
            "FROM survey GROUP BY m, b"
        ),
        (
            "SELECT date_part('month', day) AS m, (age // 10) * 10 AS b, COUNT(*) FROM survey "
            "GROUP BY month(day), 10 * (age // 10)"
        ),
    ],
    [  # labels
        "SELECT CASE WHEN state = 'CA' THEN 'w' ELSE 'e' END AS k, COUNT(*) FROM survey GROUP BY k",
        "SELECT CASE state WHEN 'CA' THEN 'w' ELSE 'e' END AS k, COUNT(*) FROM survey GROUP BY k",
        "SELECT IF(state NOT IN ('NY', 'TX'), 'w', 'e') AS k, COUNT(*) FROM survey GROUP BY k",
        (
            "SELECT CASE WHEN state = 'CA' THEN 'w' WHEN TRUE THEN 'e' ELSE 'never' END AS k, "
            "COUNT(*) FROM survey GROUP BY k"
        ),
        (
            "SELECT k, COUNT(*) FROM (SELECT CASE state WHEN 'CA' THEN 'w' ELSE 'e' END AS k "
            "FROM survey) GROUP BY k"
        ),
    ],
    [  # formulas
        "SELECT 100.0 * SUM(pay) / COUNT(*) AS r FROM survey",
        "SELECT (1e2 * CAST(SUM(pay) AS DOUBLE)) / NULLIF(COUNT(*), 0) AS r FROM survey",
    ],
    [  # joins
        "SELECT area, COUNT(*) AS n FROM survey JOIN zones ON zone = code GROUP BY area",
        "SELECT z.area, COUNT(*) AS n FROM zones z JOIN survey s ON z.code = s.zone GROUP BY 1",
        (
            "SELECT area, COUNT(*) AS n FROM survey JOIN (SELECT code AS zone, area FROM zones) q "
            "USING (zone) GROUP BY area"
        ),
    ],
    [  # units to units
        "SELECT clinic, COUNT(*) AS n FROM survey a JOIN visits b ON a.unit = b.unit GROUP BY ALL",
        "SELECT clinic, COUNT(*) AS n FROM visits JOIN survey USING (unit) GROUP BY ALL",
        (
            "SELECT clinic, COUNT(*) AS n FROM visits b JOIN survey a ON b.person = a.person "
            "GROUP BY ALL"
        ),
    ],
    [  # first by unit
        (
            "SELECT AVG(n) AS a FROM (SELECT unit, COUNT(*) AS n FROM survey WHERE sex = 1 "
            "GROUP BY unit) WHERE n > 2"
        ),
        (
            "WITH q AS (SELECT person, COUNT(age) AS c, MAX(pay) AS never_read FROM survey "
            "WHERE sex = 1 GROUP BY 1 HAVING 3 <= COUNT(*)) SELECT AVG(c) AS a FROM q"
        ),
        (
            "WITH p AS (SELECT unit AS u, sex FROM survey WHERE sex <> 2), "
            "q AS (SELECT u, COUNT(*) AS c FROM p GROUP BY u) SELECT AVG(c) AS a "
            "FROM q WHERE c >= 3"
        ),
    ],
]


@pytest.mark.parametrize("texts", SAME, ids=[texts[0][:60] for texts in SAME])
def test_the_same_question_in_other_words_is_the_same_plan(texts: list[str]) -> None:
    first, *others = (plan(sql, WIDE) for sql in texts)
    for sql, other in zip(texts[1:], others, strict=True):
        # An unnamed COUNT(age) is called otherwise, but measures the same.
        assert other.measured == first.measured, sql
        assert other.where == first.where, sql
        assert other == first, sql
        assert other.digest == first.digest, sql


BASE = (
    "SELECT state, COUNT(*) AS n, SUM(LEAST(pay, 9)) AS s FROM survey "
    "WHERE age > 3 GROUP BY state HAVING n > 1 ORDER BY n LIMIT 3"
)
CHANGES = [
    ("state,", "sex,"),
    ("COUNT(*)", "COUNT(pay)"),
    ("COUNT(*)", "COUNT(DISTINCT unit)"),
    (" AS n", " AS m"),
    ("SUM", "AVG"),
    ("SUM", "VAR_SAMP"),
    ("SUM", "VAR_POP"),
    ("SUM", "MEDIAN"),
    ("pay, 9", "pay, 9.1"),
    ("pay, 9", "age, 9"),
    ("LEAST", "GREATEST"),
    ("age > 3", "age > 4"),
    ("age > 3", "age <> 3"),
    ("age > 3", "score > 3"),
    ("age > 3", "NOT age > 3"),
    ("n > 1", "n > 1.5"),
    ("n > 1", "n >= 1"),
    ("HAVING n > 1", ""),
    ("BY n", "BY n DESC"),
    ("BY n", "BY s"),
    ("BY n", "BY n NULLS FIRST"),
    ("LIMIT 3", "LIMIT 4"),
    ("LIMIT 3", "LIMIT 3 OFFSET 1"),
    ("FROM survey", "FROM survey LEFT JOIN zones ON zone = code"),
    ("FROM survey", "FROM survey JOIN zones ON zone = code"),
    ("FROM survey", "FROM survey JOIN visits USING (person)"),
]


def test_each_change_of_what_is_asked_is_another_digest() -> None:
    texts = [BASE, *(changed(old, new) for old, new in CHANGES)]
    assert len({plan(sql, WIDE).digest for sql in texts}) == len(texts)


def changed(old: str, new: str) -> str:
    assert old in BASE
    text = BASE.replace(old, new)
    for name in ("state", "sex"):
        if old.startswith("state") and name == "sex":
            text = text.replace("GROUP BY state", f"GROUP BY {name}")
    return text.replace(" n >", " m >").replace("BY n", "BY m") if " AS m" in text else text


def test_a_row_filter_of_the_licence_is_part_of_the_digest() -> None:
    sql = "SELECT COUNT(*) FROM survey"
    digests = {
        plan(sql, asked(forced=forced)).digest
        for forced in ({}, {"state": ("CA",)}, {"state": ("CA", "NY")}, {"sex": ("1",)})
    }
    assert len(digests) == len({"none", "one", "two", "other"})


def test_literals_are_stored_form() -> None:
    assert where("pay > 2.25") == Comparison(column("pay"), ">=", 23)
    assert where("pay < 2.25") == Comparison(column("pay"), "<=", 22)
    assert where("pay = 2.5") == Comparison(column("pay"), "=", 25)
    assert where("pay = '2.5'") == Comparison(column("pay"), "=", 25)
    assert where("age < -0.5") == Comparison(column("age"), "<=", -1)
    assert where("seen < '2024-02-01'") == Comparison(column("seen"), "<=", date(2024, 1, 31))
    assert where("member") == Comparison(column("member"), "=", True)
    assert where("NOT member") == Comparison(column("member"), "=", False)
    assert where("age IN (9, 1e0, 3)") == Among(column("age"), (1, 3, 9))
    assert where("age NOT IN (9, 3)") == Negated(Among(column("age"), (3, 9)))


def test_a_literal_that_cannot_match_is_no_error() -> None:
    for never in ("pay = 2.55", "age = 0.5", "age IN (0.1, 0.2)", "age = 9e18", "FALSE"):
        assert where(never) == Either(())
    assert where("score <> 0.5") == Negated(Missing(column("score")))
    assert where("NOT score = 0.5") == Negated(Missing(column("score")))
    assert where("age < 5e30") == Negated(Missing(column("age")))
    assert where("age > 3 AND age < 2") == Either(())
    assert where("TRUE") is None
    assert where("age = 0.5 OR sex = 1") == Comparison(column("sex"), "=", 1)


def test_conditions_stand_in_one_order() -> None:
    first = where("age > 3 AND (zone = 'a' OR pay IS NULL) AND score <= 4 AND score < 9")
    assert first == where("score < 5 AND (NOT pay IS NOT NULL OR 'a' = zone) AND NOT 3 >= age")
    assert where("age >= 1 AND age >= 3 AND age <= 9") == both(
        (Comparison(column("age"), ">=", 3), Comparison(column("age"), "<=", 9))
    )
    assert where("zone = 'a' OR zone IN ('b', 'a')") == Among(column("zone"), ("a", "b"))


def test_keys_are_read() -> None:
    assert read("SELECT date_trunc('MONTH', day), COUNT(*) FROM survey GROUP BY 1").keys == (
        Truncated(column("day"), DatePart.MONTH),
    )
    assert read("SELECT floor(pay / 2.5) * 2.5, COUNT(*) FROM survey GROUP BY 1").keys == (
        Binned(column("pay"), 25),
    )
    assert read("SELECT age // 5, COUNT(*) FROM survey GROUP BY 1").keys == (
        Binned(column("age"), 5, indexed=True),
    )


def test_measures_are_clamped_to_the_declared_bounds_or_tighter() -> None:
    def measure(text: str) -> Measure | None:
        return read(f"SELECT SUM({text}) FROM survey").aggregates[0].measure

    pay, score = column("pay"), column("score")
    assert measure("pay") == Measure(pay, -50, 200, 1, nullable=True)
    assert measure("LEAST(pay, 3.5)") == Measure(pay, -50, 35, 1, nullable=True)
    assert measure("GREATEST(pay, 30)") == Measure(pay, 300, 300, 1, nullable=True)
    assert measure("LEAST(GREATEST(score, -2), 7)") == Measure(score, -2, 7, nullable=True)
    assert measure("LEAST(GREATEST(score, 9), 7)") == Measure(score, 7, 7, nullable=True)


def test_quantiles_are_parts_per_million() -> None:
    found = read("SELECT QUANTILE_CONT(age, 0.9), MEDIAN(age) FROM survey").aggregates
    assert [(item.name, item.quantile_ppm) for item in found] == [
        ("quantile_age", 900_000),
        ("median_age", 500_000),
    ]
    descending = "SELECT PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY age DESC) FROM survey"
    assert read(descending).aggregates[0].quantile_ppm == 100_000


def test_a_formula_reads_each_aggregate_once() -> None:
    (output,) = read("SELECT -SUM(age) / COUNT(*) + 2 * COUNT(*) AS f FROM survey").outputs
    total, count = read("SELECT SUM(age), COUNT(*) FROM survey").aggregates
    assert output.reads == (total, count)  # type: ignore[union-attr]
    minus = Operation("-", Number(Decimal(0)), Reference(0))
    twice = Operation("*", Number(Decimal(2)), Reference(1))
    quotient = Operation("/", minus, Reference(1))
    assert output.formula == Operation("+", quotient, twice)  # type: ignore[union-attr]


def test_having_and_order_find_their_column_by_name_place_or_meaning() -> None:
    texts = [
        f"SELECT state, 2 * COUNT(*) AS d, SUM(pay) AS s FROM survey GROUP BY state "
        f"HAVING {having} ORDER BY {order}"
        for having, order in (
            ("d > 3 AND 9 >= s", "s DESC, state"),
            ("SUM(pay) <= 9 AND COUNT(*) * 2 > 3", "3 DESC, 1"),
            ("2 * COUNT(*) > 3 AND s <= 9.0", "SUM(pay) DESC NULLS LAST, survey.state ASC"),
        )
        if "COUNT(*) * 2" not in having
    ]
    first, *others = map(read, texts)
    assert all(item == first for item in others)
    assert first.having == (Having("d", ">", Decimal(3)), Having("s", "<=", Decimal(9)))


def test_joins_are_read() -> None:
    found = read(
        "SELECT coastal, COUNT(*) FROM survey LEFT JOIN zones z ON z.code = zone "
        "LEFT JOIN areas a ON z.area = a.name GROUP BY coastal"
    )
    assert found.source == Source(
        "survey",
        (
            PublicJoin("zones", column("zone"), "code", outer=True),
            PublicJoin("areas", Field("zones", "area"), "name", outer=True),
        ),
    )
    joined = read("SELECT AVG(cost) FROM visits JOIN survey ON visits.person = survey.unit")
    assert joined.source == Source("survey", unit_join="visits")


def test_the_inner_aggregate_is_read_without_its_names() -> None:
    found = read(
        "SELECT SUM(LEAST(GREATEST(total, 0), 50)) AS s, COUNT(*) AS people FROM ("
        "SELECT unit AS u, SUM(pay) AS total, MIN(day) AS first FROM survey WHERE age > 17 "
        "GROUP BY u) q WHERE q.first >= '2024-06-01'"
    )
    assert found.source == Source(
        "survey",
        per_unit=PerUnit(
            (
                InnerOutput("min_day", InnerFunction.MIN, column("day")),
                InnerOutput("sum_pay", InnerFunction.SUM, column("pay")),
            ),
            Comparison(column("age"), ">=", 18),
        ),
    )
    assert found.where == Comparison(Field(PER_UNIT, "min_day"), ">=", date(2024, 6, 1))
    total = Field(PER_UNIT, "sum_pay")
    measure = Measure(total, 0, 500, 1, nullable=True)
    assert found.aggregates[0] == AggregateOutput("s", Function.SUM, measure)


def test_names_in_two_tables_need_their_table() -> None:
    sql = "SELECT COUNT(*) FROM survey JOIN (SELECT code, size AS age FROM zones) z ON zone = code"
    assert read(f"{sql} WHERE z.age = 3").where == Comparison(Field("zones", "size"), "=", 3)
    with pytest.raises(Refused, match="aggregate_form"):
        read(f"{sql} WHERE age = 3")
