"""Trackers, overlaps and one-hot sums over an extract about persons, and the ordinary work beside.

Each attack is two questions (or one) that would show very few people by their difference; it is
refused in either order and however it is worded. Nothing here has data: nor has the guard.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, insert, update
from sqlalchemy.exc import DatabaseError

from catalog.datasets import DatasetDeclaration
from disclosure.gate.question import CheckedQuestion
from disclosure.history.guard import (
    PersonExtract,
    check_history,
    question_sets,
    remember,
)
from disclosure.history.store import question_history
from disclosure.outcome import Refused
from foundation.db import metadata
from policies.load import load_policies
from policies.schema.history import HistoryRules
from tests.attacks.gate_corpus import GRANTS, LEGITIMATE
from tests.engines import gate_here

RULES = load_policies().rules(HistoryRules)
GATE = gate_here()
NOVEMBER_US = 1_795_000_000_000_000
STATES = tuple(f"S{place:02d}" for place in range(50))
COLUMNS: dict[str, dict[str, object]] = {
    "person": {"type": "text", "identifier": "direct", "mask": {"kind": "pseudonym"}},
    "state": {"type": "text", "identifier": "quasi", "public_values": list(STATES)},
    "age": {"type": "integer", "identifier": "quasi", "lower": 0, "upper": 99},
    "sex": {"type": "text", "identifier": "quasi", "public_values": ["F", "M"]},
    "town": {"type": "text", "identifier": "quasi"},
    "job": {"type": "text", "identifier": "quasi"},
    "year": {"type": "integer", "lower": 2020, "upper": 2026},
    "income": {"type": "integer", "identifier": "sensitive", "lower": 0, "upper": 999_999},
}


def declared(name: str, subject: str = "person") -> PersonExtract:
    labels = {"label_zh": name, "label_en": name}
    columns = [
        {**labels, **facts, "name": column, "grade": "L2", "exposure": "rows"}
        for column, facts in COLUMNS.items()
    ]
    declaration = {"name": name, "entry": "e", "subject": subject, "columns": columns, **labels}
    return PersonExtract(DatasetDeclaration.model_validate(declaration), tuple(COLUMNS))


PEOPLE = declared("people")


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    metadata.create_all(engine, tables=[question_history])
    with engine.begin() as connection:
        yield connection


def checked(sql: str) -> CheckedQuestion:
    return GATE.check(sql, {"people", "towns", *GRANTS})


def ask(connection: Connection, sql: str, licence: str = "lic_a", at: int = 0) -> None:
    asked = question_sets(checked(sql), [PEOPLE, declared("towns", "open")], RULES)
    remember(
        connection, licence, asked, RULES, asked_us=NOVEMBER_US + at * 60_000_000, entry_index=at
    )


def refused(connection: Connection, *questions: str) -> Refused:
    for place, sql in enumerate(questions[:-1]):
        ask(connection, sql, at=place)
    with pytest.raises(Refused) as caught:
        ask(connection, questions[-1], at=len(questions))
    return caught.value


WIDE = "SELECT avg(income) FROM people WHERE state = 'S01' AND sex = 'F'"
TRACKERS = {
    "and_not": WIDE + " AND NOT (age = 43 AND town = 'x')",
    "de_morgan": WIDE + " AND (age <> 43 OR town != 'x')",
    "not_in_pair": WIDE + " AND NOT (town IN ('x') AND age BETWEEN 43 AND 43)",
    "one_person": WIDE + " AND person <> 'ab12'",
    "one_person_not_in": WIDE + " AND person NOT IN ('ab12')",
    "one_income": WIDE + " AND income <> 123456",
    "three": WIDE + " AND NOT (age = 43 AND job = 'judge' AND year = 2024)",
    "aliased": (
        "SELECT avg(p.income) FROM people AS p "
        "WHERE p.sex = 'F' AND 'S01' = p.state AND NOT (43 = p.age AND p.town = 'x')"
    ),
    "in_with": (
        "WITH a AS (SELECT * FROM people WHERE state = 'S01') "
        "SELECT sum(income) FROM a WHERE sex = 'F' AND NOT (age = 43 AND town = 'x')"
    ),
    "in_subquery": (
        "SELECT count(*) FROM (SELECT age AS a, town AS t FROM people "
        "WHERE state = 'S01' AND sex = 'F') WHERE NOT (a = 43 AND t = 'x')"
    ),
    "renamed_by_place": (
        "SELECT sum(i) FROM people AS q(p, s, a, x, t, j, y, i) "
        "WHERE s = 'S01' AND x = 'F' AND NOT (a = 43 AND t = 'x')"
    ),
    "case_inside": (
        "SELECT sum(CASE WHEN NOT (age = 43 AND town = 'x') THEN income END) FROM people "
        "WHERE state = 'S01' AND sex = 'F'"
    ),
    "filter_inside": (
        "SELECT sum(income) FILTER (WHERE age <> 43 OR town <> 'x') FROM people "
        "WHERE state = 'S01' AND sex = 'F'"
    ),
    "derived": WIDE + " AND person || '' <> 'ab12'",
    "derived_alias": (
        "SELECT sum(income) FROM (SELECT *, upper(person) AS u FROM people) "
        "WHERE state = 'S01' AND sex = 'F' AND u <> 'AB12'"
    ),
    "in_union": (
        "SELECT sum(income) FROM (SELECT * FROM people WHERE state = 'S01' AND sex = 'F' AND "
        "person <> 'ab12' UNION ALL SELECT * FROM people WHERE state = 'S02')"
    ),
    "joined": (
        "SELECT sum(p.income) FROM people p JOIN towns t ON t.town = p.town "
        "WHERE p.state = 'S01' AND p.sex = 'F' AND p.person <> 'ab12'"
    ),
    "in_literals_of_a_subquery": WIDE + " AND person NOT IN (SELECT 'ab12')",
    "null_where_equal": WIDE.replace("avg(income)", "count(nullif(person, 'ab12'))"),
    "other_statistic": WIDE.replace("avg", "max") + " AND person <> 'ab12' GROUP BY year",
}


@pytest.mark.parametrize("name", sorted(TRACKERS))
@pytest.mark.parametrize("turned", [False, True])
def test_a_tracker_is_refused_in_either_order_and_names_the_earlier_question(
    connection: Connection, name: str, turned: bool
) -> None:
    wide = WIDE
    if name == "joined":  # the join is a condition of its own on what is counted
        joined = "people p JOIN towns t ON t.town = p.town WHERE p.state"
        wide = WIDE.replace("people WHERE state", joined)
    pair = (TRACKERS[name], wide) if turned else (wide, TRACKERS[name])
    error = refused(connection, *pair)
    assert error.code == "history_difference"
    assert "2026-11-" in error.message.en
    assert "2026-11-" in error.message.zh
    assert error.rule == "policies/history/difference_cells_max"
    assert error.way_out is not None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            WIDE + " AND town = 'x' AND age <= 42",
            WIDE + " AND town = 'x' AND age <= 43",
        ),
        (
            WIDE + " AND town = 'x' AND age BETWEEN 20 AND 42",
            WIDE + " AND town = 'x' AND age >= 20 AND age < 44",
        ),
        (
            WIDE + " AND job = 'judge' AND town IN ('x', 'y', 'z')",
            WIDE + " AND job = 'judge' AND town IN ('z', 'x')",
        ),
        (
            WIDE + " AND town = 'x' AND job NOT IN ('a', 'b')",
            WIDE + " AND town = 'x' AND job <> 'a'",
        ),
        (
            WIDE + " AND town = 'x' AND job = 'judge'",
            WIDE + " AND town = 'x' AND job = 'judge' AND age IS NOT NULL",
        ),
        (WIDE + " AND person < 'ab12'", WIDE + " AND person <= 'ab12'"),
        (WIDE + " AND person > 'ab12'", WIDE + " AND person >= 'ab12'"),
        (WIDE + " AND income + 0 <= 50000", WIDE + " AND income + 0 <= 50001"),
        (WIDE + " AND income * 1 <= 50000", WIDE + " AND 50001 >= income"),
        (
            WIDE + " AND income * 2 BETWEEN 0 AND 90000",
            WIDE + " AND income * 2 BETWEEN 0 AND 90001",
        ),
    ],
)
def test_two_that_overlap_but_for_a_few_are_refused(
    connection: Connection, first: str, second: str
) -> None:
    assert refused(connection, first, second).code == "history_difference"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(income) FROM people WHERE person = 'ab12'",
        "SELECT sum(income) FROM people WHERE person BETWEEN 'ab12' AND 'ab12'",
        "SELECT sum(income) FROM people WHERE person >= 'ab12' AND person < 'ab13'",
        "SELECT sum(income) FROM people WHERE person IN (SELECT 'ab12')",
        "SELECT sum(CASE WHEN person = 'ab12' THEN income ELSE 0 END) FROM people",
        "SELECT sum(income) FILTER (WHERE person IN ('ab12')), count(*) FROM people",
        "SELECT sum(income * CAST(person = 'ab12' AS INTEGER)) FROM people",
        "SELECT count_if(person = 'ab12' AND income > 5000) FROM people",
        "SELECT sum(income) FROM people WHERE state = 'S01' OR person = 'ab12'",
        "SELECT count(*) FROM people WHERE age = 43 AND sex = 'F' AND town = 'x' AND job = 'j'",
        "SELECT sum(if(age = 43 AND town = 'x', if(job = 'j' AND sex = 'F', 1, 0), 0)) FROM people",
        "SELECT max(income) OVER () FROM people WHERE person = 'ab12'",
        "SELECT (SELECT avg(income) FROM people WHERE person = 'ab12') AS x FROM towns",
    ],
)
def test_one_statistic_over_one_person_is_refused_by_itself(
    connection: Connection, sql: str
) -> None:
    error = refused(connection, sql)
    assert (error.code, error.rule) == ("history_single", "policies/history/single_cells_max")


def test_a_tracker_inside_one_question_is_refused(connection: Connection) -> None:
    sql = "SELECT sum(income), sum(income) FILTER (WHERE person <> 'ab12') FROM people"
    error = refused(connection, sql)
    assert error.code == "history_difference"
    assert "in this question" in error.message.en


def test_more_conditions_than_are_compared_are_refused(connection: Connection) -> None:
    listed = ", ".join(f"sum(CASE WHEN age = {age} THEN 1 END)" for age in range(80))
    assert refused(connection, f"SELECT {listed} FROM people").code == "history_too_many_conditions"


ORDINARY = (
    "SELECT * FROM people WHERE person = 'ab12'",
    "SELECT count(*) FROM people",
    "SELECT state, avg(income) FROM people GROUP BY state ORDER BY 2 DESC",
    "SELECT state, avg(income) FROM people WHERE age >= 18 GROUP BY state",
    "SELECT state, avg(income) FROM people WHERE age >= 18 AND sex = 'F' GROUP BY state",
    "SELECT state, avg(income) FROM people WHERE age >= 18 AND sex = 'M' GROUP BY state",
    "SELECT avg(income) FROM people WHERE state = 'S01'",
    "SELECT avg(income) FROM people WHERE state <> 'S01'",
    "SELECT avg(income) FROM people WHERE state IN ('S01', 'S02', 'S03')",
    "SELECT avg(income) FROM people WHERE state IN ('S01', 'S02')",
    "SELECT avg(income) FROM people WHERE state = 'S01' AND age BETWEEN 30 AND 39",
    "SELECT avg(income) FROM people WHERE state = 'S01' AND age BETWEEN 30 AND 40",
    "SELECT avg(income) FROM people WHERE state = 'S01' AND age BETWEEN 40 AND 49",
    "SELECT avg(income) FROM people WHERE state = 'S01' AND sex = 'F' AND year = 2024",
    "SELECT avg(income) FROM people WHERE state = 'S01' AND sex = 'F' AND year <> 2024",
    "SELECT year, count(*) FROM people WHERE income > 0 GROUP BY year",
    "SELECT year, count(*) FROM people WHERE income IS NOT NULL GROUP BY ROLLUP (year)",
    "SELECT sum(CASE WHEN sex = 'F' THEN 1 ELSE 0 END) * 1.0 / count(*) FROM people",
    "SELECT sum(CASE WHEN income > 50000 THEN 1 END), count(*) FROM people",
    "SELECT sum(CASE WHEN age < 30 THEN 1 END), sum(if(age < 60, income, 0)) FROM people",
    "SELECT town, count(*) FILTER (WHERE age >= 60) AS old FROM people GROUP BY town",
    "SELECT median(income) FROM people WHERE town = 'x'",
    "SELECT median(income) FROM people WHERE town = 'x' AND age >= 18",
    "SELECT count(DISTINCT person) FROM people WHERE job LIKE 'teach%'",
    "SELECT t.town, avg(p.income) FROM people p JOIN towns t USING (town) GROUP BY 1",
    "SELECT town, avg(income) FROM people GROUP BY town HAVING count(*) > 9",
    "SELECT state, income, rank() OVER (PARTITION BY state ORDER BY income) AS r FROM people",
    "SELECT person, sum(income) FROM people GROUP BY person",
)  # fmt: skip


def test_ordinary_work_is_never_refused_in_any_order_twice_over(connection: Connection) -> None:
    for place, sql in enumerate((*ORDINARY, *reversed(ORDINARY))):
        ask(connection, sql, at=place)


@pytest.mark.parametrize("subject", ["organisation", "open"])
def test_what_is_about_no_person_is_left_alone(connection: Connection, subject: str) -> None:
    extract = declared("people", subject)
    for sql in (WIDE, *TRACKERS.values(), *LEGITIMATE):
        asked = question_sets(checked(sql), [extract], RULES)
        assert not asked.sets
        remember(connection, "lic_a", asked, RULES, asked_us=1, entry_index=1)
    assert connection.execute(question_history.select()).fetchall() == []


def test_another_licences_questions_are_not_read(connection: Connection) -> None:
    ask(connection, WIDE, licence="lic_b")
    ask(connection, TRACKERS["one_person"], licence="lic_a")


def test_a_check_alone_remembers_nothing(connection: Connection) -> None:
    asked = question_sets(checked(TRACKERS["one_person"]), [PEOPLE], RULES)
    check_history(connection, "lic_a", asked, RULES)
    ask(connection, WIDE)


def test_the_same_question_again_adds_nothing(connection: Connection) -> None:
    ask(connection, WIDE)
    before = len(connection.execute(question_history.select()).fetchall())
    ask(connection, WIDE, at=1)
    assert len(connection.execute(question_history.select()).fetchall()) == before == 3


def test_history_cannot_be_rewritten(connection: Connection) -> None:
    ask(connection, WIDE)
    for change in (question_history.delete(), update(question_history).values(asked_us=1)):
        with pytest.raises(DatabaseError), connection.begin_nested():
            connection.execute(change)


def test_thousands_of_earlier_questions_cost_a_few_indexed_steps(connection: Connection) -> None:
    rows = [
        {
            "licence": "lic_a", "dataset": "people", "rest_key": f"sha256:{place}",
            "part_key": "p", "part": "null", "asked_us": place, "entry_index": place,
        }
        for place in range(20_000)
    ]  # fmt: skip
    connection.execute(insert(question_history), rows)
    plan = connection.exec_driver_sql(
        "EXPLAIN QUERY PLAN SELECT part FROM question_history "
        "WHERE licence = 'lic_a' AND dataset = 'people' AND rest_key IN ('a', 'b')"
    ).fetchall()
    assert "SEARCH" in str(plan)
    ask(connection, WIDE)


@pytest.mark.parametrize("turned", [False, True])
def test_no_flood_of_other_questions_pushes_a_tracker_out(
    connection: Connection, turned: bool
) -> None:
    first, last = (WIDE, TRACKERS["one_person"])[:: -1 if turned else 1]
    ask(connection, first)
    (row,) = [
        item._asdict()
        for item in connection.execute(question_history.select())
        if item.part == "null"
    ][:1]
    flood = [
        {**row, "part_key": f"sha256:{place}", "asked_us": row["asked_us"] + place + 1}
        | {"part": json.dumps(["values", "town", [f"t:{place}"], False])}
        for place in range(RULES.candidates_max + 1)
    ]
    whole = connection.execute(question_history.select()).fetchall()
    flood += [{**item, "rest_key": other.rest_key} for item in flood for other in whole]
    connection.execute(insert(question_history).prefix_with("OR IGNORE"), flood)
    with pytest.raises(Refused, match="history_difference"):
        ask(connection, last, at=9)


def test_the_rule_file_is_what_decides(connection: Connection) -> None:
    looser = RULES.model_copy(update={"difference_cells_max": 10**12})
    for sql in (WIDE, TRACKERS["not_in_pair"]):
        asked = question_sets(checked(sql), [PEOPLE], looser)
        remember(connection, "lic_a", asked, looser, asked_us=1, entry_index=1)


def test_the_demos_notebook_asks_nothing_that_is_refused(connection: Connection) -> None:
    path = Path(__file__).parents[2] / "examples/notebooks/household_brief.ipynb"
    cells = json.loads(path.read_text())["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    texts = [part for source in sources for part in source.split('"""')[1::2]]
    asked = 0
    for sql in texts:
        if "SELECT" in sql:
            try:
                found = GATE.check(sql, {"households", "colleges", "flights"})
            except Refused:
                continue
            households = PersonExtract(
                declared("households").declaration, tuple(sorted({c for _, c in found.columns}))
            )
            sets = question_sets(found, [households], RULES)
            remember(connection, "lic_a", sets, RULES, asked_us=1, entry_index=1)
            asked += 1
    assert asked
