"""Differencing and averaging: an attacker learns no more of one person than the ledger allows.

The attacker asks for a total with and without a group, or the same thing again and again. The
first meets independent noise, the second the stored answer; the budget ends both.
"""

import math

import pytest

from disclosure.outcome import Refused
from disclosure.plan.shaping import shape
from tests.planning import Row, bounded, declared, exact, plan, priced

EVERYBODY: list[Row] = [
    *((person, "CA", 1, 100) for person in range(200)),
    (999, "NY", 2, 150),
]
TRIALS = 300


def noisy(sql: str, rows: list[Row]) -> list[int]:
    store = bounded(rows, declared())
    found = priced(sql)
    integers = exact(store, found.plan)
    return [int(shape(found, integers).table.column("n").to_pylist()[0]) for _ in range(TRIALS)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) FROM survey WHERE person <> 999",
        "SELECT COUNT(*) FROM survey WHERE NOT (state = 'NY' AND person = 999)",
        "SELECT CASE WHEN unit = 999 THEN 1 ELSE 0 END AS k, COUNT(*) FROM survey GROUP BY k",
        "SELECT COUNT(*) FROM survey WHERE state = (SELECT 'NY')",
        "SELECT COUNT(*) FILTER (WHERE state <> 'NY') FROM survey",
        "SELECT MIN(person) FROM survey",
        "SELECT COUNT(DISTINCT person) FROM survey WHERE person = 999",
        "SELECT SUM(CASE WHEN state = 'NY' THEN 1 ELSE 0 END) FROM survey",
        "SELECT COUNT(*) FROM survey EXCEPT SELECT COUNT(*) FROM survey",
    ],
)
def test_a_difference_inside_one_question_is_refused(sql: str) -> None:
    with pytest.raises(Refused):
        plan(sql)


def test_the_difference_of_two_questions_hides_the_person() -> None:
    everybody = noisy("SELECT COUNT(*) AS n FROM survey", EVERYBODY)
    others = noisy("SELECT COUNT(*) AS n FROM survey WHERE state = 'CA'", EVERYBODY)
    differences = [left - right for left, right in zip(everybody, others, strict=True)]
    guessed = sum(difference >= 1 for difference in differences) / TRIALS
    assert abs(guessed - 0.5) < 0.15  # a coin, where the exact answer would be always right


def test_averaging_repeats_would_need_one_charge_each() -> None:
    """A repeat has the digest of the stored answer; a fresh draw costs the whole price again."""
    first, again = (priced("SELECT COUNT(*) AS n FROM survey") for _ in range(2))
    reworded = priced("select count(*) as n from survey t")
    assert first.digest == again.digest == reworded.digest
    loss = first.cost_nano_rho / 1e9
    draws_within_lifetime = math.floor(2.0 / loss)
    sigma = first.noised[0].mechanism.scale / math.sqrt(draws_within_lifetime)
    bound = first.noised[0].mechanism.sensitivity / 2  # sigma of the mean at rho 2: d / sqrt(2·2)
    assert sigma >= bound * 0.99


def test_a_group_of_one_is_not_seen_to_exist() -> None:
    table = shape(
        found := priced("SELECT state, COUNT(*) AS n FROM survey GROUP BY state"),
        exact(bounded(EVERYBODY, declared()), found.plan),
    ).table
    assert table.column("state").to_pylist() == ["CA", "NY", "TX"]
