"""I14: two running platforms whose data differ in one household look the same from outside.

All that anyone but the source and the authority can see is compared to the byte: estimates,
refusals, listings, budgets, entries, the shape and keys of answers, receipts. Only the noisy
figures may differ, and what is random in any run: identifiers, nonces, salts, times, signatures.
"""

import json
import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from audit.tags import EntryKind
from catalog.store import current_version, dataset_by_name
from catalog.versions import read_rows, version_directory
from disclosure.privacy import Mechanism
from disclosure.release.desk import ReleaseRequest, ReleaseVote
from foundation.db import reading
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import Meter
from revenue.pool_store import carry, pool
from revenue.store import journal, posting, seal, statement
from revenue.usage_store import contribution, usage
from tests.calling import API
from tests.city import COUNT_BY_STATE, City, Plan, household_rows, licence_json, rows_of, told
from tests.neighbours import (
    Cities,
    log_of,
    of_both,
    open_pair,
    same_bytes,
    seen_of_answer,
    seen_of_refusal,
    settled,
)
from tests.parts import need_namespaces
from tests.tariffs import price_json, tariff_json

pytestmark = need_namespaces

# Alone in its group set's corner: nobody else is older and lives in the west.
LONELY = [
    {
        "household": 9_999,
        "name": "The only one",
        "state": "west",
        "age_band": "older",
        "wages": 100_000,
    }
    for _ in range(3)
]
REST = [
    row
    for row in household_rows(400)
    if not (row["state"] == "west" and row["age_band"] == "older")
]
QUESTIONS = (
    COUNT_BY_STATE,
    "SELECT state, age_band, SUM(wages) AS total FROM households GROUP BY state, age_band",
    "SELECT age_band, SUM(wages) AS total, COUNT(*) AS n FROM households GROUP BY age_band",
    "SELECT COUNT(*) AS n FROM households WHERE state = 'west' AND age_band = 'older'",
    "SELECT COUNT(*) AS n FROM households WHERE wages > 99999",
    "SELECT state, MEDIAN(wages) AS middle, COUNT(*) AS n FROM households GROUP BY state",
)
REFUSALS = (
    "SELECT wages FROM households",
    "SELECT COUNT(*) FROM households WHERE wages > (SELECT AVG(wages) FROM households)",
    "SELECT COUNT(*) FROM households WHERE household = 9999",
    "SELECT MAX(wages) FROM households",
    "SELECT name FROM households",
    "SELECT 1/0 FROM households",
    "SELECT COUNT(*) FROM householders",
)


def priced_licence() -> dict[str, Any]:
    """Return a licence whose tariff prices whatever it can, and more of it by tiers."""
    licence = licence_json()
    tiers = [{"from_unit": 3, "discount_ppm": 100_000}]
    prices = [price_json(meter.value, 1_234_567) for meter in Meter if meter is not Meter.FETCH]
    fetch = price_json("fetch", 10_001 * MICRO_FEN_PER_FEN)
    licence["product"]["tariff"] = tariff_json(
        prices=[fetch, *({**price, "tiers": tiers} for price in prices)]
    )
    return licence


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cities]:
    """Two neighbours: the second lacks one household of three rows."""
    whole = Plan(households=[*REST, *LONELY], licence=priced_licence())
    plans = (whole, whole.without_household(9_999))
    with open_pair(tmp_path_factory.mktemp("pair"), plans) as pair:
        yield pair


@pytest.mark.parametrize("sql", QUESTIONS)
def test_estimates_are_equal_to_the_byte(cities: Cities, sql: str) -> None:
    same_bytes([city.platform.pipeline.estimate(city.scope(), sql, None) for city in cities])


@pytest.mark.parametrize("sql", QUESTIONS)
def test_answers_differ_in_noisy_figures_only(cities: Cities, sql: str) -> None:
    same_bytes(of_both(cities, lambda city: seen_of_answer(city, sql)))
    same_bytes(of_both(cities, lambda city: seen_of_answer(city, sql)))  # and so do their repeats


@pytest.mark.parametrize("sql", REFUSALS)
def test_refusals_are_equal_to_the_byte(cities: Cities, sql: str) -> None:
    same_bytes([seen_of_refusal(city, sql) for city in cities])


def test_listings_and_budgets_are_equal_to_the_byte(cities: Cities) -> None:
    same_bytes([city.platform.pipeline.datasets(city.scope()) for city in cities])
    same_bytes([settled(city.platform.pipeline.budget(city.scope())) for city in cities])


@pytest.mark.parametrize("path", ["/catalog/datasets", "/catalog/datasets/households/rows"])
def test_the_catalogue_tells_an_operator_the_same(cities: Cities, path: str) -> None:
    seen = []
    for city in cities:
        response = city.client("analyst").get(f"/api/v1{path}")
        seen.append((response.status_code, settled(response.json())))
    same_bytes(seen)


def test_every_entry_of_the_log_says_the_same(cities: Cities) -> None:
    """Kinds, order, actors, public fields and sizes of the bodies."""
    seen = [log_of(city) for city in cities]
    for one, two in zip(*seen, strict=True):
        assert one == two
    assert {kind for kind, _, _ in seen[0]} >= {
        EntryKind.VERSION_PUBLISHED,
        EntryKind.QUESTION_DECIDED,
        EntryKind.ANSWER_RELEASED,
        EntryKind.ANSWER_REPEATED,
        EntryKind.QUESTION_REFUSED,
    }


def test_meters_prices_and_weights_are_equal_to_the_byte(cities: Cities) -> None:
    """All usage rows and contributions of questions, refusals and repeats so far."""
    seen = []
    for city in cities:
        with reading(city.platform.engine) as connection:
            rows = [
                [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in (usage, contribution)
            ]
        lines, given = (sorted(settled(found), key=str) for found in rows)
        seen.append([lines, given])
    same_bytes(seen)
    lines, given = seen[0]
    meters = {line["meter"] for line in lines}
    assert meters >= {Meter.CALL, Meter.NANO_RHO, Meter.REPEAT}
    assert Meter.ROW not in meters
    assert sum(line["gross_micro_fen"] for line in lines) > 0
    assert {line["rows"] for line in given} == {0}


OF_A_COPY = frozenset({"date", "content-length", "x-copy-certificate"})
"""A copy's quote marks, and what names them, are drawn by a key for each copy handed out."""


def released(city: City) -> Iterator[object]:
    """Release an answer, open a period, sell it three times and close the period."""
    answer = str(told(city.ask(COUNT_BY_STATE, nano_rho=3_000_000))["answer_id"])
    asked = ReleaseRequest(answer_id=answer, title_zh="住户表", title_en="Households")
    desk = city.platform.desk
    request = desk.submit(city.actor("analyst"), city.licence, asked)
    yield request
    for checker in ("checker_one", "checker_two"):
        yes = ReleaseVote(decision="approve", sha256=request.sha256)
        request = desk.vote(city.actor(checker), request.id, yes)
    yield request
    founder, buyer = city.client("founder"), city.client("buyer")
    yield founder.post(f"{API}/periods", json={"id": "2026-11"}).json()
    for _ in range(3):
        fetched = buyer.post(f"{API}/products/{city.licence}/fetches")
        headers = {name: text for name, text in fetched.headers.items() if name not in OF_A_COPY}
        yield fetched.status_code, fetched.content.replace(b'"', b""), headers
    yield founder.post(f"{API}/periods/2026-11/close").json()


def books(city: City) -> Iterator[object]:
    """All statements by everybody who may read them, and every journal and accrual."""
    for account in ("founder", "auditor", "steward", "analyst", "buyer", "treasurer"):
        response = city.client(account).get(f"{API}/periods/2026-11/statements")
        yield response.status_code, response.json()
    with reading(city.platform.engine) as connection:
        for table in (usage, contribution, pool, carry, seal, journal, posting, statement):
            for row in connection.execute(select(table)).mappings():
                yield table.name, {name: str(value) for name, value in row.items()}


def test_a_period_closes_the_same_to_the_byte(
    cities: Cities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sampler, and with it all figures, fixed: bills, shares, statements, journals, log bodies.

    The double draws figures that do not depend on the data, so that the product sold is the same
    in both and whatever else depended on the data would show.
    """
    monkeypatch.setattr(Mechanism, "add", lambda _self, values: [300 for _ in values])
    first = [city.log_size() for city in cities]
    assert first[0] == first[1]
    told_of = [[form(item) for item in released(city)] for city in cities]
    same_bytes([sorted(repr(form(item)) for item in books(city)) for city in cities])
    same_bytes([log_of(city, first[0]) for city in cities])
    for one, two in zip(*told_of, strict=True):
        assert one == two
    lines = cities[0].client("founder").get(f"{API}/periods/2026-11/statements").json()
    assert sum(line["fen"] for line in lines["period"]["lines"]) > 0


def plain(value: object) -> object:
    """Take apart what JSON does not know."""
    return value.decode() if isinstance(value, bytes) else vars(value)


def form(value: object) -> object:
    """Return what was seen without what is random or a time."""
    return settled(json.loads(json.dumps(value, default=plain, ensure_ascii=False)))


def test_what_was_received_is_listed_the_same(cities: Cities) -> None:
    listed = [
        settled(city.platform.received.list(city.licence, city.actor("auditor"))) for city in cities
    ]
    same_bytes(listed)


def test_a_failure_of_the_engine_is_the_same(cities: Cities) -> None:
    seen = []
    for city in cities:
        (path,) = (city.home / "versions").glob("*/bounded-by_age.parquet")
        kept = path.read_bytes()
        path.unlink()
        city.platform.pool.drop(city.licence)  # the next worker has to load it
        sql = "SELECT age_band, AVG(wages) AS m FROM households GROUP BY age_band"
        seen.append(seen_of_refusal(city, sql))
        path.write_bytes(kept)
    same_bytes(seen)


def test_positive_control_the_exact_counts_do_differ(cities: Cities) -> None:
    counts = []
    for city in cities:
        with reading(city.platform.engine) as connection:
            dataset = dataset_by_name(connection, "households")
            assert dataset is not None
            version = current_version(connection, dataset.id)
        assert version is not None
        rows = read_rows(version_directory(city.home, version.id), ("state",))
        counts.append((version.row_count, sum(batch.num_rows for batch in rows)))
    assert counts[0][0] == counts[1][0] + 3
    assert counts[0] != counts[1]
    # And the noisy figures are free to: the same question, asked of both, is answered apart.
    noisy = [rows_of(city.ask(COUNT_BY_STATE)) for city in cities]
    assert noisy[0] != noisy[1]


def test_a_private_answer_takes_its_slot_whatever_the_data(cities: Cities) -> None:
    """Five answers of each: their times are the slot and a little, and the medians agree."""
    taken: list[list[float]] = [[], []]
    for city in cities:  # start the workers
        city.ask(COUNT_BY_STATE, nano_rho=1_000_000)
    for number in range(5):
        for times, city in zip(taken, cities, strict=True):
            started = time.monotonic()
            city.ask(COUNT_BY_STATE, nano_rho=2_000_000 + number)
            times.append(time.monotonic() - started)
    assert all(1.0 <= seconds < 1.9 for times in taken for seconds in times)
    one, two = (statistics.median(times) for times in taken)
    assert abs(one - two) < 0.3
