"""Important data, and what a licence's own filters read, count as read: with approval, by grade."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from authorization.documents import Grant
from disclosure.granted import case_approved
from foundation.errors import SandgateError
from tests.city import HOUSEHOLDS, City, Further, Plan, built_city, household_rows, licence_json
from tests.parts import need_namespaces

pytestmark = need_namespaces
KEPT = {**HOUSEHOLDS, "name": "reserves", "entry": "306001/6", "important": True}
COUNT = "SELECT state, COUNT(*) AS n FROM reserves GROUP BY state"


def licence(basis: str) -> dict[str, Any]:
    document = licence_json()
    households = document["grants"][0]
    asked = {**households, "dataset": "reserves", "basis": basis}
    budget = {**document["budgets"][0], "budget_nano_rho": 20_000_000}
    budgets = [budget | {"question_nano_rho_max": 10_000_000}]
    return {**document, "grants": [households, asked], "budgets": budgets}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    rows = household_rows(40)
    plan = replace(Plan(), households=rows, licence=licence(""), further=(Further(KEPT, rows),))
    with built_city(tmp_path_factory.mktemp("approval"), plan) as built:
        yield built


def estimate(city: City, sql: str, licence_id: str | None = None) -> dict[str, object]:
    scope = city.scope() if licence_id is None else city.scope(licence=licence_id)
    return city.platform.pipeline.estimate(scope, sql, None)


@pytest.mark.parametrize("sql", [COUNT, "SELECT COUNT(*) AS n FROM reserves"])
def test_important_data_is_asked_only_with_an_approved_case(city: City, sql: str) -> None:
    for ask in (lambda: estimate(city, sql), lambda: city.ask(sql)):
        with pytest.raises(SandgateError) as refused:
            ask()
        assert refused.value.code == "case_not_approved"


def test_important_data_in_an_approved_case_is_asked(city: City) -> None:
    approved = city.grant(licence("个案批准 7 号"))
    assert estimate(city, COUNT, approved)["alternatives"]
    assert estimate(city, "SELECT COUNT(*) AS n FROM households")["question_nano_rho"]


def test_an_approval_of_rows_or_verification_approves_no_case() -> None:
    terms = {"identifiers": ["household"], "consent": {"purposes": ["loan"], "days_max": 9}}
    plain = {"dataset": "reserves", "columns": ["state"]}
    rows = Grant.model_validate({**plain, "modes": ["rows"], "basis": "A"})
    verify = Grant.model_validate({**plain, "modes": ["verify"], "basis": "B", "verify": terms})
    aggregate = Grant.model_validate({**plain, "modes": ["aggregate"]})
    assert not case_approved([rows, verify, aggregate], "reserves")
    approved = aggregate.model_copy(update={"basis": "C"})
    assert case_approved([rows, approved], "reserves")
    assert not case_approved([approved], "households")
    assert not case_approved([aggregate.model_copy(update={"basis": "  "})], "reserves")
