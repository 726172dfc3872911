"""I14: two running platforms whose data differ in one household look the same from outside.

All that anyone but the source and the authority can see is compared to the byte: estimates,
refusals, listings, budgets, entries, the shape and keys of answers, receipts. Only the noisy
figures may differ, and what is random in any run: identifiers, nonces, salts, times, signatures.
"""

import json
import re
import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest

from audit.tags import EntryKind
from catalog.store import current_version, dataset_by_name
from catalog.versions import read_rows, version_directory
from disclosure.given import table_of
from foundation.db import reading
from foundation.errors import SandgateError
from tests.city import (
    COUNT_BY_STATE,
    City,
    Plan,
    built_city,
    household_rows,
    rows_of,
    told,
)
from tests.parts import need_namespaces

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
RANDOM_KEYS = {
    "nonce",
    "receipt",
    "index",
    "time_us",
    "salt",
    "certificate",
    "signature",
    "note",
    "expires",
    "spent_by_us",
    "at",
}
RANDOM_TEXTS = re.compile(r"\b[0-9a-f]{64}\b|(?<![a-z2-7])[a-z2-7]{26}(?![a-z2-7])")


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[City, City]]:
    """Two neighbours: the second lacks one household of three rows."""
    whole = Plan(households=[*REST, *LONELY])
    with (
        built_city(tmp_path_factory.mktemp("one") / "home", whole) as one,
        built_city(tmp_path_factory.mktemp("two") / "home", whole.without_household(9_999)) as two,
    ):
        yield one, two


def settled(value: Any, names: dict[str, str] | None = None) -> Any:
    """Replace what is random in any run by the order of its first appearance."""
    names = {} if names is None else names
    if isinstance(value, dict):
        return {
            key: f"random {type(item).__name__}" if key in RANDOM_KEYS else settled(item, names)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [settled(item, names) for item in value]
    if isinstance(value, str):
        return RANDOM_TEXTS.sub(
            lambda found: names.setdefault(found[0], f"random {len(names)} of {len(found[0])}"),
            value,
        )
    return value


def seen_of_answer(city: City, sql: str) -> dict[str, Any]:
    """All of an answer but the noisy figures."""
    given = city.ask(sql)
    table = table_of(given.arrow_stream)
    keys = [name for name in table.column_names if name in {"state", "age_band"}]
    facts = told(given)
    return {
        "schema": str(table.schema.remove_metadata()),
        "rows": table.num_rows,
        "keys": table.select(keys).to_pylist(),
        "widths": [row["n_high"] - row["n_low"] for row in table.to_pylist() if "n_high" in row],
        "bytes": table.nbytes,
        "stream_bytes": len(given.arrow_stream) - len(json.dumps(facts, ensure_ascii=False)),
        "facts": settled(facts),
        "receipt_lines": len(given.receipt.splitlines()),
        "index": given.index,
    }


def seen_of_refusal(city: City, sql: str) -> tuple[object, ...]:
    with pytest.raises(SandgateError) as found:
        city.ask(sql)
    error = found.value
    return (
        type(error).__name__,
        error.code,
        error.status,
        error.message,
        error.field,
        error.rule,
        error.way_out,
        error.allowed_sql,
    )


def same_bytes(seen: list[Any]) -> None:
    one, two = (repr(item).encode() for item in seen)
    assert one == two


@pytest.mark.parametrize("sql", QUESTIONS)
def test_estimates_are_equal_to_the_byte(cities: tuple[City, City], sql: str) -> None:
    same_bytes([city.platform.pipeline.estimate(city.scope(), sql, None) for city in cities])


@pytest.mark.parametrize("sql", QUESTIONS)
def test_answers_differ_in_noisy_figures_only(cities: tuple[City, City], sql: str) -> None:
    same_bytes([seen_of_answer(city, sql) for city in cities])
    same_bytes([seen_of_answer(city, sql) for city in cities])  # and so do their repeats


@pytest.mark.parametrize("sql", REFUSALS)
def test_refusals_are_equal_to_the_byte(cities: tuple[City, City], sql: str) -> None:
    same_bytes([seen_of_refusal(city, sql) for city in cities])


def test_listings_and_budgets_are_equal_to_the_byte(cities: tuple[City, City]) -> None:
    same_bytes([city.platform.pipeline.datasets(city.scope()) for city in cities])
    same_bytes([settled(city.platform.pipeline.budget(city.scope())) for city in cities])


@pytest.mark.parametrize("path", ["/catalog/datasets", "/catalog/datasets/households/rows"])
def test_the_catalogue_tells_an_operator_the_same(cities: tuple[City, City], path: str) -> None:
    seen = []
    for city in cities:
        response = city.client("analyst").get(f"/api/v1{path}")
        seen.append((response.status_code, settled(response.json())))
    same_bytes(seen)


def test_every_entry_of_the_log_says_the_same(cities: tuple[City, City]) -> None:
    """Kinds, order, actors, public fields and sizes of the bodies."""
    seen = []
    for city in cities:
        names: dict[str, str] = {}
        seen.append(
            [
                (entry.kind, settled(entry.content, names), len(entry.body))
                for entry in city.entries()
                if entry.kind != EntryKind.SERVICE_STARTED
            ]
        )
    for one, two in zip(*seen, strict=True):
        assert one == two
    assert {kind for kind, _, _ in seen[0]} >= {
        EntryKind.VERSION_PUBLISHED,
        EntryKind.QUESTION_DECIDED,
        EntryKind.ANSWER_RELEASED,
        EntryKind.ANSWER_REPEATED,
        EntryKind.QUESTION_REFUSED,
    }


def test_what_was_received_is_listed_the_same(cities: tuple[City, City]) -> None:
    listed = [
        settled(city.platform.received.list(city.licence, city.actor("auditor"))) for city in cities
    ]
    same_bytes(listed)


def test_a_failure_of_the_engine_is_the_same(cities: tuple[City, City]) -> None:
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


def test_positive_control_the_exact_counts_do_differ(cities: tuple[City, City]) -> None:
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


def test_a_private_answer_takes_its_slot_whatever_the_data(cities: tuple[City, City]) -> None:
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
