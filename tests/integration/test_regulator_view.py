"""The regulator's view of a running city: who is refused, what is found, told and drawn."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from audit.tags import EntryKind
from audit.verify.__main__ import run as verify
from foundation.clock import MICROSECONDS_PER_SECOND, to_iso
from tests.calling import API, entries, problem_of
from tests.city import built_city
from tests.city_documents import COUNT_BY_STATE, POPULATION
from tests.fakes import TickingClock
from tests.oversight import Scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    clock = TickingClock()
    with built_city(tmp_path_factory.mktemp("city"), clock=clock) as city:
        yield Scene(city, clock)


@pytest.mark.parametrize("account", ["analyst", "rival", "founder", "buyer", "checker_one"])
@pytest.mark.parametrize(
    "path", ["search", "columns", "odometer", "alerts", "alert-rules", "timelines/question/x"]
)
def test_only_the_regulator_is_let_in(scene: Scene, account: str, path: str) -> None:
    refused = scene.get(f"/regulator/{path}", account)
    assert problem_of(refused, 403)["code"] == "role_missing"


def test_an_operator_finds_own_entries_and_never_those_of_another(scene: Scene) -> None:
    for account, house in (("analyst", "pearl_operator"), ("rival", "river_operator")):
        for terms in ({}, {"person": "analyst"}, {"organisation": "pearl_operator"}):
            found = scene.get("/log/own", account, **terms).json()
            houses = {entry["content"]["actor"]["organisation"] for entry in found["entries"]}
            assert houses <= {house}
    assert scene.get("/log/own", "analyst", dataset="households").json()["entries"]
    nothing = scene.get("/log/own", "rival", dataset="households").json()
    assert nothing["entries"] == []
    assert nothing["next_before"] is None


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"licenze": "x"}, "search_term_unknown"),
        ({"column": "wages"}, "column_term_invalid"),
        ({"since": "yesterday"}, "time_invalid"),
        ({"until": "99999-01-01"}, "time_invalid"),
        ({"period": "1999-01"}, "period_unknown"),
        ({"person": ""}, "search_term_invalid"),
        ({"limit": "100000"}, "invalid_field"),
        ({"kind": "query:question:guessed"}, "invalid_field"),
    ],
)
def test_a_term_that_is_none_is_refused_and_finds_nothing(
    scene: Scene, terms: dict[str, str], code: str
) -> None:
    assert problem_of(scene.get("/regulator/search", **terms))["code"] == code


@pytest.mark.parametrize(
    "hostile", ["' OR 1=1 --", "%", "_", "*", "analyst' UNION SELECT", '"; DROP TABLE entry', "\\"]
)
def test_a_search_term_is_a_value_and_no_pattern(scene: Scene, hostile: str) -> None:
    size = scene.city.log_size()
    for term in ("person", "licence", "dataset", "release"):
        assert scene.found(**{term: hostile}) == []
    assert scene.city.log_size() > size  # the reading itself is told


def test_search_finds_by_everything_that_an_entry_names(scene: Scene) -> None:
    decided = scene.found(question=scene.question, decision="permitted")
    assert [entry["kind"] for entry in decided] == ["query:question:decided"]
    public, index = decided[0]["content"]["public"], decided[0]["index"]
    named = {
        "licence": scene.city.licence,
        "person": "analyst",
        "organisation": "pearl_operator",
        "dataset": "households",
        "column": "households.age_band",
        "purpose": "industry",
        "session": public["session"],
        "period": "2026-11",
        "population": POPULATION,
        "kind": "query:question:decided",
        "since": decided[0]["time"],
    }
    for name, value in named.items():
        assert index in {one["index"] for one in scene.found(**{name: value}, limit="200")}, name
    assert [entry["index"] for entry in scene.found(**named)] == [index]
    assert scene.found(**{**named, "column": "households.wages"}) == []
    assert scene.found(release=scene.release, decision="answered")
    assert [one["kind"] for one in scene.found(decision="refused", licence=scene.city.licence)][
        -1:
    ] == ["query:question:refused"]


def test_pages_go_on_without_gap_or_double(scene: Scene) -> None:
    whole = [
        entry["index"] for entry in scene.found(limit="200", until=to_iso(scene.clock.now_us()))
    ]
    client, seen, before = scene.city.client("auditor"), [], whole[0] + 1
    while before is not None:
        asked = {"limit": "7", "before": str(before)}
        page = client.get(f"{API}/regulator/search", params=asked).json()
        seen += [entry["index"] for entry in page["entries"]]
        before = page["next_before"]
    assert seen[: len(whole)] == whole
    assert seen == list(range(whole[0], -1, -1))


def test_a_reading_is_an_entry_and_the_same_again_is_counted(scene: Scene) -> None:
    for _ in range(4):
        scene.found(person="buyer")
    scene.clock.advance(61 * MICROSECONDS_PER_SECOND)
    scene.city.platform.oversight.write_counted()
    told_of = entries(scene.city, EntryKind.RECORDS_READ, person="buyer")
    assert [entry.public.get("count", 1) for entry in told_of] == [1, 3]
    assert {entry.content["actor"]["person"] for entry in told_of} == {"auditor"}


def test_the_life_of_a_question_runs_from_decision_to_settlement(scene: Scene) -> None:
    life = scene.get(f"/regulator/timelines/question/{scene.question}").json()
    kinds = [step["kind"] for step in life["steps"]]
    assert kinds == [
        "query:question:decided",
        "query:answer:released",
        "query:answer:repeated",
        "release:request:submitted",
        "release:request:checked",
        "release:request:voted",
        "release:request:voted",
        "release:request:delivered",
        "revenue:product:fetched",
        "revenue:period:closed",
    ]
    decided = life["steps"][0]
    assert "analyst of pearl_operator: A question was permitted" in decided["sentences"]["en"]
    assert "households.age_band" in decided["sentences"]["en"]
    assert "隐私损失" in decided["sentences"]["zh"]
    assert "计费 100.01 元" in life["steps"][8]["sentences"]["zh"]
    assert life["complete"] is True


def test_each_step_of_a_life_carries_a_receipt_that_verifies(scene: Scene, tmp_path: Path) -> None:
    key = scene.get("/log/key").text.strip()
    for step in scene.get(f"/regulator/timelines/release/{scene.release}").json()["steps"]:
        receipt = tmp_path / f"{step['index']}.tlog-proof"
        receipt.write_text(step["receipt"], encoding="utf-8")
        assert verify(["receipt", str(receipt), "--key", key, "--leaf", step["leaf"]]) == 0


def test_the_life_of_a_licence_counts_its_questions(scene: Scene) -> None:
    life = scene.get(f"/regulator/timelines/licence/{scene.city.licence}").json()
    kinds = [step["kind"] for step in life["steps"]]
    assert kinds[0] == "authorization:licence:drafted"
    assert {"authorization:licence:activated", "disclosure:extract:built"} <= set(kinds)
    assert {"revenue:product:fetched", "revenue:period:closed"} <= set(kinds)
    assert "query:question:decided" not in kinds
    (budget,) = life["budgets"]
    assert budget["agrees"] is True
    assert budget["tree"]["spent_nano_rho"] > 0
    assert life["counts"]["permitted"] == {"entries": 2, "exact": True}
    assert life["counts"]["answered"] == {"entries": 3, "exact": True}
    assert life["counts"]["refused"] == {"entries": 1, "exact": True}


def test_a_life_of_nothing_is_not_found(scene: Scene) -> None:
    for subject in ("question", "licence", "release"):
        refused = scene.get(f"/regulator/timelines/{subject}/nothing")
        assert problem_of(refused, 404)["code"] == "no_such_life"


def test_who_touched_a_column_is_told_by_person_and_licence(scene: Scene) -> None:
    touched = scene.get("/regulator/columns", column="households.age_band").json()
    lines = {line["person"]: line for line in touched["touched_by"]}
    assert lines["analyst"]["counts"] == {"permitted": 1, "answered": 1}
    assert lines["analyst"]["releases"] == [scene.release]
    assert lines["colleague"]["counts"] == {"repeated": 1}
    assert set(lines) == {"analyst", "colleague"}  # who looked at the column's record is not here
    assert touched["complete"] is True
    extracts = scene.get("/regulator/columns", column="colleges.earnings").json()["touched_by"]
    assert {"extracts": 1} in [line["counts"] for line in extracts]
    untouched = scene.get("/regulator/columns", column="households.wages").json()
    assert untouched["touched_by"] == []


def test_the_odometer_draws_and_agrees(scene: Scene) -> None:
    report = scene.get("/regulator/odometer").json()
    (line,) = report["populations"]
    assert report["agrees"] is line["agrees"] is True
    assert line["recomputed_nano_rho"] == line["stored_nano_rho"] > 0
    drawn = scene.get(f"/regulator/odometer/{POPULATION}/picture")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    root = ET.fromstring(drawn.text)
    assert "differs" not in "".join(root.itertext())
    assert problem_of(scene.get("/regulator/odometer/nobody/picture"), 404)


def test_the_odometer_says_when_the_store_differs(tmp_path: Path) -> None:
    with built_city(tmp_path) as city:
        city.ask(COUNT_BY_STATE)
        client = city.client("auditor")
        assert client.get(f"{API}/regulator/odometer").json()["agrees"] is True
        with city.platform.engine.begin() as connection:
            triggers = (
                "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='budget_node'"
            )
            for (name,) in connection.execute(text(triggers)).all():
                connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text("UPDATE budget_node SET spent_nano_rho = spent_nano_rho - 1"))
        report = client.get(f"{API}/regulator/odometer").json()
        assert report["agrees"] is False
        assert report["populations"][0]["agrees"] is False
        picture = client.get(f"{API}/regulator/odometer/{POPULATION}/picture").text
        assert "differs from the stored budgets" in picture
