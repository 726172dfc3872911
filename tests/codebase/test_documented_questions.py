"""The questions that the explanation of private answers shows are answered, as they stand there."""

import re

import pytest

from catalog.datasets import DatasetDeclaration
from catalog.store import NeighbourRelation
from disclosure.outcome import Refused
from disclosure.plan.model import Asked, AskedDataset, PublicTable
from tests.city_wide import RESIDENTS_DECLARED, VISITS_DECLARED, ZONES_DECLARED
from tests.parts import REPOSITORY
from tests.planning import priced

PAGES = ("private-answers.md", "private-answers.zh-CN.md")
SHOWN = re.compile(r"`(SELECT [^`]+)`")
REFUSED = {
    "SELECT * FROM residents": "aggregate_form",
    "SELECT age, pay FROM residents": "aggregate_form",
    "SELECT MAX(pay) AS most FROM residents": "aggregate_form",
    "SELECT COUNT(DISTINCT trade) AS n FROM residents": "distinct_not_unit",
    "SELECT COUNT(*) AS n FROM residents WHERE pay > age": "aggregate_form",
    "SELECT COUNT(*) AS n FROM residents WHERE trade LIKE 'b%'": "aggregate_form",
    "SELECT COUNT(*) FILTER (WHERE age < 18) AS n FROM residents": "aggregate_form",
    "SELECT SUM(pay) OVER () AS n FROM residents": "aggregate_form",
    "SELECT district, COUNT(*) AS n FROM residents GROUP BY ROLLUP (district)": "aggregate_form",
    "SELECT COUNT(*) AS n FROM residents UNION ALL SELECT COUNT(*) FROM visits": "aggregate_form",
    "SELECT COUNT(*) AS n FROM residents r JOIN zones z ON r.zone = z.area": "join_not_unique",
    "SELECT COUNT(*) AS n FROM residents r, visits v": "aggregate_form",
    "SELECT COUNT(*) AS n FROM residents r JOIN visits v ON r.zone = v.clinic": "aggregate_form",
    "SELECT COUNT(*) AS n FROM residents WHERE district = 'west'": "key_value_unknown",
}

pytestmark = pytest.mark.skipif(
    not (REPOSITORY / "docs" / "README.md").exists(), reason="needs a checkout: run it there"
)


def wide() -> Asked:
    """Ask the tables of the page, as declared in the wide city of the tests."""
    protected, public = {}, {}
    for told in (RESIDENTS_DECLARED, VISITS_DECLARED, ZONES_DECLARED):
        item = DatasetDeclaration.model_validate(told, strict=False)
        shown = frozenset(one.name for one in item.columns) - set(item.unit_columns)
        if item.population is None:
            public[item.name] = PublicTable(item, shown, frozenset(item.unique_keys))
        else:
            protected[item.name] = AskedDataset(item, shown, NeighbourRelation.DP_ONLY)
    return Asked(protected, public)


def shown(page: str) -> list[str]:
    path = REPOSITORY / "docs" / "explanation" / page
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [sql for sql in SHOWN.findall(text) if "FROM" in sql]


def test_both_languages_show_the_same_questions() -> None:
    assert shown(PAGES[0]) == shown(PAGES[1])
    assert len(shown(PAGES[0])) == 15


@pytest.mark.parametrize("sql", shown(PAGES[0]))
def test_a_question_that_is_shown_is_answered(sql: str) -> None:
    assert priced(sql, wide()).cost_nano_rho > 0


@pytest.mark.parametrize(("sql", "code"), REFUSED.items())
def test_what_the_page_says_is_refused_is_refused(sql: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        priced(sql, wide())
    assert refused.value.code == code


def test_the_threshold_that_the_page_names_is_the_rules() -> None:
    found = priced("SELECT trade, COUNT(*) AS n FROM residents GROUP BY trade", wide()).threshold
    assert found is not None
    text = (REPOSITORY / "docs" / "explanation" / PAGES[0]).read_text(encoding="utf-8")
    assert f"the threshold is {found.threshold} people" in text
