"""What the pipeline gives: masked rows, private aggregates, repeats; each with a receipt."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from audit.proofs import verify_receipt
from audit.tags import EntryKind
from authorization.revocation import check_in_force
from catalog.store import current_version, dataset_by_name
from disclosure.given import table_of
from disclosure.pipeline.estimating import Wanted
from foundation.db import reading
from foundation.errors import SandgateError
from tests.city import (
    COUNT_BY_STATE,
    OPERATOR,
    RIVAL,
    ROWS_QUESTION,
    STATES,
    City,
    built_city,
    licence_json,
    rows_of,
    told,
)
from tests.parts import need_namespaces
from tests.registering import enrol

pytestmark = need_namespaces


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city") / "home") as found:
        yield found


def budget_left(city: City, licence: str | None = None) -> object:
    (line,) = city.platform.pipeline.budget(city.scope(licence=licence))
    return line["budget_nano_rho_remaining"]


def test_rows_come_masked_and_filtered(city: City) -> None:
    rows = rows_of(city.ask(ROWS_QUESTION.replace("degree,", "degree, year,")))
    assert len(rows) == 600
    assert {row["year"] for row in rows} == {2015, 2016}
    assert {row["code"] for row in rows} == {"US****"}
    assert {row["record"] for row in rows} == {"***"}
    assert all(row["earnings"] is None or row["earnings"] % 5_000 == 0 for row in rows)
    pseudonyms = {row["college_id"] for row in rows}
    assert len(pseudonyms) == 300
    assert not any(text.startswith("100") for text in pseudonyms)


def test_rows_may_be_computed_with_freely(city: City) -> None:
    sql = "SELECT degree, COUNT(*) AS n FROM colleges GROUP BY degree ORDER BY degree"
    given = city.ask(sql)
    assert rows_of(given) == [{"degree": "four_year", "n": 300}, {"degree": "two_year", "n": 300}]
    facts = told(given)
    assert (facts["mode"], facts["cost_nano_rho"]) == ("rows", 0)


def test_a_private_answer_has_every_public_group_and_an_interval(city: City) -> None:
    before = budget_left(city)
    given = city.ask(COUNT_BY_STATE)
    rows, facts = rows_of(given), told(given)
    assert [row["state"] for row in rows] == list(STATES)
    assert facts["mode"] == "aggregate"
    assert facts["intervals"]["households"] == {
        "low": "households_low",
        "high": "households_high",
    }
    for row in rows:
        assert row["households_low"] <= row["households"] <= row["households_high"]
        half_width = row["households_high"] - row["households"]
        assert abs(row["households"] - 300) < 6 * half_width
    assert facts["budget_nano_rho_remaining"] == budget_left(city)
    assert before - facts["cost_nano_rho"] == budget_left(city)


def test_each_answer_carries_a_receipt_that_proves_its_entry(city: City) -> None:
    given = city.ask(ROWS_QUESTION + " LIMIT 1")
    entry = city.entries(first=given.index)[0]
    key = city.platform.log.verifier_key
    assert verify_receipt(given.receipt, entry.leaf_hash, key) == given.index
    assert told(given)["receipt"] == given.receipt
    assert entry.public["answer"] == told(given)["answer_id"]


@pytest.mark.parametrize("account", ["analyst", "colleague"])
def test_a_repeat_is_the_stored_answer_and_free(city: City, account: str) -> None:
    sql = "SELECT age_band, COUNT(*) AS n FROM households GROUP BY age_band"
    first = city.ask(sql)
    left = budget_left(city)
    again = city.ask(sql.lower().replace(" from", "\n  FROM"), scope=city.scope(account))
    assert rows_of(again) == rows_of(first)
    facts = told(again)
    assert facts["repeated"]
    assert facts["cost_nano_rho"] == 0
    assert facts["answer_id"] == told(first)["answer_id"]
    assert again.index > first.index
    assert budget_left(city) == left
    (entry,) = city.entries(EntryKind.ANSWER_REPEATED, first=again.index)
    assert entry.public["answer"] == facts["answer_id"]
    assert entry.content["actor"]["person"] == account


def test_nothing_is_shared_across_licences(city: City) -> None:
    rival = city.grant(licence_json(RIVAL))
    sql = "SELECT state, COUNT(*) AS n FROM households GROUP BY state"
    first = city.ask(sql)
    other = city.ask(sql, scope=city.scope("rival", licence=rival))
    assert told(other)["answer_id"] != told(first)["answer_id"]
    assert told(other)["cost_nano_rho"] > 0
    with pytest.raises(SandgateError) as refusal:
        city.ask(sql, scope=city.scope("rival"))
    assert refusal.value.code == "licence_not_usable"


def test_a_repeat_is_authorised_afresh(city: City) -> None:
    licence = city.grant(licence_json())
    scope = city.scope(licence=licence)
    city.ask(COUNT_BY_STATE, scope=scope)
    city.platform.revocation.suspend(city.actor("approver"), licence, "test")
    with pytest.raises(SandgateError) as refusal:
        city.ask(COUNT_BY_STATE, scope=scope)
    assert refusal.value.code == "licence_not_in_force"
    with reading(city.platform.engine) as connection, pytest.raises(SandgateError):
        check_in_force(connection, city.platform.board, licence, city.platform.clock.now_us())


def test_a_wanted_exactness_is_the_same_question_at_the_least_loss(city: City) -> None:
    pipeline, scope = city.platform.pipeline, city.scope()
    found = pipeline.estimate(scope, COUNT_BY_STATE, None, Wanted("households", Decimal(60)))
    least = found["question_nano_rho"]
    assert isinstance(least, int)
    assert found == pipeline.estimate(scope, COUNT_BY_STATE, least)
    assert least != pipeline.estimate(scope, COUNT_BY_STATE, None)["question_nano_rho"]


def test_an_estimate_is_free_logs_nothing_and_foretells_the_cost(city: City) -> None:
    sql = "SELECT state, SUM(wages) AS total FROM households GROUP BY state"
    size, left = city.log_size(), budget_left(city)
    found = city.platform.pipeline.estimate(city.scope(), sql, None)
    rows = city.platform.pipeline.estimate(city.scope(), ROWS_QUESTION, None)
    assert (city.log_size(), budget_left(city)) == (size, left)
    assert rows["cost_nano_rho"] == 0
    assert told(city.ask(sql))["cost_nano_rho"] == found["cost_nano_rho"]


def test_a_private_answer_waits_for_its_slot(city: City) -> None:
    slot_us = 1_000_000
    asked_us = city.platform.clock.now_us()
    given = city.ask("SELECT state, AVG(wages) AS mean FROM households GROUP BY state")
    released = city.entries(first=given.index)[0]
    assert released.time_us - asked_us >= slot_us
    started = time.monotonic()
    city.ask("SELECT state, AVG(wages) AS mean FROM households GROUP BY state", nano_rho=4_000_000)
    assert time.monotonic() - started >= 1


def test_a_new_version_is_another_question_and_the_extract_stays(city: City) -> None:
    licence = city.grant(licence_json())
    scope = city.scope(licence=licence)
    first = city.ask(COUNT_BY_STATE, scope=scope)
    rows = city.ask(ROWS_QUESTION, scope=scope)
    city.publish("households", tuple({**row, "wages": 1} for row in _some_households()))
    city.publish("colleges", _some_colleges())
    again = city.ask(COUNT_BY_STATE, scope=scope)
    assert not told(again)["repeated"]
    assert told(again)["answer_id"] != told(first)["answer_id"]
    assert rows_of(city.ask(ROWS_QUESTION, scope=scope)) == rows_of(rows)
    entry = city.entries(EntryKind.ANSWER_RELEASED)[-1]
    with reading(city.platform.engine) as connection:
        dataset = dataset_by_name(connection, "colleges")
        assert dataset is not None
        newest = current_version(connection, dataset.id)
    assert newest is not None
    assert newest.manifest_digest not in entry.public["versions"]  # it names what was read


def _some_households() -> tuple[dict[str, object], ...]:
    return tuple(
        {"household": n, "name": "x", "state": STATES[n % 4], "age_band": "older", "wages": n}
        for n in range(40)
    )


def _some_colleges() -> list[dict[str, object]]:
    base = {"code": "US-1", "record": "r", "state": "east", "degree": "two_year"}
    return [{"college_id": n, **base, "year": 2015, "earnings": 10_000} for n in range(20)]


def test_what_a_licence_grants_is_told_without_counts(city: City) -> None:
    found = {item["name"]: item for item in city.platform.pipeline.datasets(city.scope())}
    assert set(found) == {"households", "colleges"}
    assert found["households"]["modes"] == ["aggregate"]
    columns = found["households"]["columns"]
    assert isinstance(columns, list)
    assert "name" not in {column["name"] for column in columns}
    assert "row_count" not in str(found)
    assert table_of(city.ask("SELECT COUNT(*) AS n FROM colleges").arrow_stream).num_rows == 1


def test_a_person_registered_later_may_ask_at_once(city: City) -> None:
    body = {
        "id": "newcomer",
        "name": "Newcomer",
        "organisations": [OPERATOR],
        "roles": ["operator"],
        "accounts": [{"name": "newcomer", "organisation": OPERATOR}],
    }
    enrol(city.client("founder"), city.client("security_admin"), body)
    assert rows_of(city.ask("SELECT COUNT(*) AS n FROM colleges", scope=city.scope("newcomer")))
