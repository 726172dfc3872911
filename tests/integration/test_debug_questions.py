"""Debug sessions: the same questions, refusals and shapes as in production, and nothing spent."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest
from sqlalchemy import func, select

from audit.tags import EntryKind
from disclosure.given import table_of
from disclosure.pipeline.estimating import Wanted
from disclosure.verify.claims import Claim
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.settings import Settings
from revenue.usage_store import usage
from tests.city import COUNT_BY_STATE, ROWS_QUESTION, City, built_city, licence_json, rows_of, told
from tests.city_wide import QUESTIONS, wide_licence, wide_plan
from tests.claims import GRANT, claim_json
from tests.gallery import gallery_city, gallery_questions, made_rows
from tests.parts import need_example_data, need_namespaces
from tests.rule_files import generous

pytestmark = need_namespaces
NANO_RHO = 150_000_000
REFUSED = (
    "SELECT wages FROM households",
    "SELECT name FROM households",
    "SELECT MAX(pay) AS most FROM residents",
    "SELECT COUNT(*) AS n FROM householders",
    "SELECT COUNT(*) FROM residents WHERE resident = 4",
    "SELEC",
)

REFUSED_IN_NOTEBOOKS = [
    "aggregate_form",
    "column_not_granted",
    "column_protected",
    "table_not_granted",
]


def licence_with_claims() -> dict[str, object]:
    document = wide_licence()
    return {**document, "grants": [*document["grants"], GRANT]}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home = tmp_path_factory.mktemp("city")
    rules = generous(tmp_path_factory.mktemp("rules"))
    plan = replace(wide_plan(600), licence=licence_with_claims())
    with built_city(home, plan, settings=Settings(home=home, policies=rules)) as found:
        yield found


Ended = tuple[str, object]


def ended(city: City, sql: str, *, twin: bool, nano_rho: int | None = None) -> Ended:
    """Return how a question ends: the shape of its answer, or its whole refusal."""
    try:
        given = city.ask(sql, scope=replace(city.scope(), twin=twin), nano_rho=nano_rho)
    except SandgateError as refusal:
        said = (refusal.code, refusal.field, refusal.rule, refusal.allowed_sql, refusal.message)
        return "refused", said
    schema: pa.Schema = table_of(given.arrow_stream).schema
    return "answered", schema.remove_metadata()


def test_an_answer_from_a_twin_is_marked_and_free(city: City) -> None:
    scope = replace(city.scope(), twin=True)
    for sql in (ROWS_QUESTION, COUNT_BY_STATE):
        given = city.ask(sql, scope=scope)
        facts = told(given)
        assert facts["synthetic"] is True
        assert facts["cost_nano_rho"] == facts["gross_micro_fen"] == 0
        assert facts["notes"]["zh"].startswith("合成数据：")
        assert facts["notes"]["en"].startswith("Synthetic: ")
        assert facts["receipt"].startswith("c2sp.org/tlog-proof")
        assert rows_of(given)
    priced = city.platform.pipeline.estimate(scope, COUNT_BY_STATE, None)
    assert facts["would_cost"]["nano_rho"] == priced["cost_nano_rho"] == 5_000_000
    assert facts["would_cost"]["money"]["question_fen"] == priced["money"]["question_fen"]  # type: ignore[index]
    assert set(priced) >= {"answer_slot_milliseconds", "aggregates", "money"}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_has_the_same_shape_on_the_twin(city: City, name: str) -> None:
    """Every capability runs; the real shape is asked for those whose slots are short."""
    found = ended(city, QUESTIONS[name], twin=True, nano_rho=NANO_RHO)
    assert found[0] == "answered", found
    if name in {"mean", "months", "public join"}:
        assert found == ended(city, QUESTIONS[name], twin=False, nano_rho=NANO_RHO)


@pytest.mark.parametrize("sql", REFUSED)
def test_a_refusal_is_the_same_on_the_twin(city: City, sql: str) -> None:
    found = ended(city, sql, twin=True)
    assert found[0] == "refused"
    assert found == ended(city, sql, twin=False)
    assert city.entries(EntryKind.QUESTION_REFUSED)[-2].public["twin"] is True


def test_figures_of_a_twin_are_near_to_the_twin(city: City) -> None:
    """Noise is added as in production: the interval holds the twin's own count, mostly."""
    sql = "SELECT COUNT(*) AS n FROM residents WHERE age < 60"
    (row,) = rows_of(city.ask(sql, scope=replace(city.scope(), twin=True), nano_rho=NANO_RHO))
    assert row["n_low"] < row["n"] < row["n_high"]
    assert 500 < row["n"] < 2_500  # of some 2,000 rows; the data have 1,200


def test_nothing_is_spent_and_nothing_is_billed(city: City) -> None:
    before = city.platform.pipeline.budget(city.scope()), billed(city)
    scope = replace(city.scope(), twin=True)
    sql = "SELECT AVG(wages) AS mean FROM households"
    facts = told(city.ask(sql, scope=scope))
    again = told(city.ask(sql, scope=scope))
    assert (city.platform.pipeline.budget(city.scope()), billed(city)) == before
    assert city.platform.pipeline.budget(scope) == before[0]
    assert facts["would_cost"]["nano_rho"] > 0
    assert (again["repeated"], again["would_cost"]["nano_rho"]) == (True, 0)
    assert again["answer_id"] == facts["answer_id"]
    decided = city.entries(EntryKind.DEBUG_QUESTION_DECIDED)[-1].public
    assert decided["twin"] is True
    assert decided["would_cost_nano_rho"] == facts["would_cost"]["nano_rho"]
    assert set(decided["twin_seeds"]) == {"households"}


def test_a_question_past_the_budget_is_refused_as_in_production(city: City) -> None:
    scope = replace(city.scope(), twin=True)
    budget = city.platform.pipeline.budget(scope)[0]["budget_nano_rho_remaining"]
    document = licence_json()
    (line,) = document["budgets"]
    little = {**line, "budget_nano_rho": 12_000_000, "question_nano_rho_max": 5_000_000}
    small = city.grant({**document, "budgets": [little]})
    of_small = replace(city.scope(licence=small), twin=True)
    other = "SELECT age_band, COUNT(*) AS n FROM households GROUP BY age_band"
    assert rows_of(city.ask(COUNT_BY_STATE, scope=of_small))
    assert rows_of(city.ask(other, scope=of_small)), "a debug session spends nothing"
    city.ask(COUNT_BY_STATE, scope=city.scope(licence=small))
    city.ask(other, scope=city.scope(licence=small))
    third = "SELECT COUNT(*) AS n FROM households WHERE wages > 10000"
    refusals = []
    for twin in (True, False):
        with pytest.raises(SandgateError) as refused:
            city.ask(third, scope=replace(city.scope(licence=small), twin=twin))
        refusals.append((refused.value.code, refused.value.message))
    assert refusals[0] == refusals[1]
    assert refusals[0][0] == "budget_exhausted"
    assert city.platform.pipeline.budget(scope)[0]["budget_nano_rho_remaining"] == budget


def test_private_answers_that_were_charged_shape_the_twin_and_no_others(city: City) -> None:
    scope = replace(city.scope(), twin=True)
    sql = "SELECT clinic, COUNT(*) AS n FROM visits GROUP BY clinic"
    even = {row["clinic"]: row["n"] for row in rows_of(city.ask(sql, scope=scope))}
    filtered = "SELECT clinic, COUNT(*) AS n FROM visits WHERE clinic = 'teeth' GROUP BY clinic"
    city.ask(filtered, nano_rho=NANO_RHO)
    assert rows_of(city.ask(sql, scope=scope)) != []
    assert told(city.ask(sql, scope=scope))["repeated"] is True, "no other twin yet"
    seeds = city.entries(EntryKind.DEBUG_ANSWER_RELEASED)[-1].public["twin_seeds"]
    real = {row["clinic"]: max(0, row["n"]) for row in rows_of(city.ask(sql))}
    shaped = {row["clinic"]: row["n"] for row in rows_of(city.ask(sql, scope=scope))}
    assert city.entries(EntryKind.DEBUG_ANSWER_RELEASED)[-1].public["twin_seeds"] != seeds
    rows, counted = sum(shaped.values()), sum(real.values())
    assert set(shaped) == set(real) == set(even)
    for clinic, count in shaped.items():
        assert abs(count / rows - real[clinic] / counted) < 0.15


def test_estimates_are_the_same(city: City) -> None:
    wanted = Wanted("n", Decimal(50))
    sql = "SELECT age_band, COUNT(*) AS n FROM households GROUP BY age_band"
    found = [
        city.platform.pipeline.estimate(replace(city.scope(), twin=twin), sql, None, wanted)
        for twin in (True, False)
    ]
    assert found[0] == found[1]


def test_claims_are_answered_from_the_twin(city: City) -> None:
    scope = replace(city.scope(), twin=True)
    listed = {item["name"]: item for item in city.platform.pipeline.datasets(scope)}
    subjects = listed["households"]["synthetic_subjects"]
    assert isinstance(subjects, list)
    assert len(subjects) == 3
    subject, state = subjects[0]["subject"]["household"], subjects[0]["claimed"]["state"]
    assert int(subject) >= 900_000_000
    other = next(name for name in ("north", "south", "east", "west") if name != state)
    words = [
        city.platform.verifier.verify(scope, Claim.model_validate(claim_json(who, state=what)))
        for who, what in ((subject, state), (subject, other), (4, "east"))
    ]
    assert [word.answer for word in words] == ["yes", "no", "unknown"]
    assert all(word.synthetic and word.gross_micro_fen == 0 for word in words)
    entry = city.entries(EntryKind.DEBUG_CLAIM_ANSWERED)[-1].public
    assert "subject" not in entry
    assert entry["twin"] is True
    bad = Claim.model_validate(claim_json(subject, name="x"))
    with pytest.raises(SandgateError) as refused:
        city.platform.verifier.verify(scope, bad)
    assert refused.value.code == "claim_not_granted"
    assert city.entries(EntryKind.VERIFICATION_REFUSED)[-1].public["twin"] is True


def test_the_descriptions_are_the_same_but_for_the_mark(city: City) -> None:
    real = city.platform.pipeline.datasets(city.scope())
    twin = city.platform.pipeline.datasets(replace(city.scope(), twin=True))
    marks = {"synthetic", "synthetic_subjects"}
    assert [{k: v for k, v in item.items() if k not in marks} for item in twin] == real
    assert all(item["synthetic"] is True for item in twin)


def test_every_question_of_the_notebooks_runs_on_the_twin(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Those refused are the ones that the notebooks show as refused; none fails in the engine."""
    with gallery_city(tmp_path_factory.mktemp("gallery"), made_rows) as city:
        ends = {name: ended(city, sql, twin=True) for name, sql in gallery_questions().items()}
    refused = {name: said for name, (end, said) in ends.items() if end == "refused"}
    codes = sorted(said[0] for said in refused.values() if isinstance(said, tuple))
    assert codes == REFUSED_IN_NOTEBOOKS
    assert len(ends) - len(refused) >= 24


@need_example_data
@pytest.mark.full
def test_every_question_of_the_notebooks_ends_alike_on_the_twin(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    questions = gallery_questions()
    assert len(questions) > 25
    with gallery_city(tmp_path_factory.mktemp("gallery")) as city:
        ends = {
            name: (ended(city, sql, twin=True), ended(city, sql, twin=False))
            for name, sql in questions.items()
        }
    other = {name: pair for name, pair in ends.items() if pair[0] != pair[1]}
    assert not other
    assert sum(twin[0] == "answered" for twin, _ in ends.values()) > 20


def billed(city: City) -> object:
    with reading(city.platform.engine) as connection:
        return connection.execute(select(func.count()).select_from(usage)).scalar_one()
