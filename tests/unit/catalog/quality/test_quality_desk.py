"""Figures of data are for their keepers: sealed, absent from the log, unknown to all others."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from catalog.quality.judging import decide_suggestion, decisions, release_score, released_scores
from catalog.quality.keepers import assign_steward, relieve_steward, stewards
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import Actor
from tests.quality import (
    AUTHORITY,
    HEAD,
    OPERATOR,
    OTHER,
    PROGRAM,
    PROVIDER,
    REGULATOR,
    STEWARD,
    QualityWorld,
    quality_world,
    serves,
)
from tests.refusing import code_of

ROWS = [(f"1380013{place:04d}", 20 + place % 3, "p" if place % 4 else None) for place in range(40)]
NEIGHBOUR = ROWS[:-1]
RULES = {
    "rules": [
        {"name": "there", "dimension": "completeness", "columns": ["kind"]},
        {"name": "once", "dimension": "uniqueness", "columns": ["code"]},
        {"name": "fresh", "dimension": "timeliness"},
    ]
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QualityWorld]:
    with quality_world(tmp_path_factory.mktemp("quality")) as world:
        world.publish(PROVIDER, "taxpayers", ROWS)
        yield world


@pytest.mark.parametrize("stranger", [OTHER, OPERATOR, REGULATOR, STEWARD])
def test_to_all_others_the_figures_do_not_exist(world: QualityWorld, stranger: Actor) -> None:
    for ask in (world.desk.measure, world.desk.read):
        assert code_of(lambda ask=ask: ask(stranger, "taxpayers"), NotFound) == "dataset_unknown"  # type: ignore[misc]
    assert code_of(lambda: world.desk.read(stranger, "nothing"), NotFound) == "dataset_unknown"
    with pytest.raises(Denied, match="keeper_required"):
        world.desk.declare(stranger, "taxpayers", RULES)


def test_a_steward_keeps_a_data_set_from_assignment_to_relief(world: QualityWorld) -> None:
    def assign(actor: Actor, person: str) -> object:
        return assign_steward(world.writer, actor, serves, "taxpayers", person)

    assert code_of(lambda: assign(PROVIDER, STEWARD.person), Denied) == "head_required"
    assert code_of(lambda: assign(HEAD, OTHER.person), InvalidInput) == "steward_unknown"
    assert code_of(lambda: assign(HEAD, HEAD.person), Denied) == "applicant_cannot_approve"
    assign(HEAD, STEWARD.person)
    assert code_of(lambda: assign(HEAD, STEWARD.person), Conflict) == "steward_assigned"
    world.desk.declare(STEWARD, "taxpayers", RULES)
    relieve_steward(world.writer, HEAD, "taxpayers", STEWARD.person)
    with pytest.raises(Denied, match="keeper_required"):
        world.desk.declare(STEWARD, "taxpayers", RULES)
    with reading(world.engine) as connection:
        dataset = world.desk.measure(PROVIDER, "taxpayers").dataset
        assert dataset == "taxpayers"
        found = connection.execute(text("SELECT id FROM dataset WHERE name='taxpayers'")).scalar()
        assert [item.until_us is None for item in stewards(connection, str(found))] == [False]


def test_a_measurement_is_sealed_and_no_figure_stands_in_the_log(world: QualityWorld) -> None:
    world.desk.declare(PROVIDER, "taxpayers", RULES)
    measured = world.desk.measure(PROVIDER, "taxpayers")
    assert measured.profile["rows"] == 40
    assert measured.scores == {"there": 750, "once": 1_000, "fresh": 1_000}
    assert measured.score == 916
    assert measured.risk["band"] == "low"
    read = world.desk.read(AUTHORITY, "taxpayers")
    assert read == measured
    with reading(world.engine) as connection:
        sealed = connection.execute(
            text("SELECT sealed FROM quality_measurement ORDER BY entry_index DESC LIMIT 1")
        ).scalar_one()
    assert b"13800130001" not in bytes(sealed)
    about = [entry for entry in world.entries() if "measured" in entry.kind]
    for entry in about:
        assert set(entry.public) <= {
            *("dataset", "measurement", "version", "ruleset", "rules_version"),
            *("person", "organisation", "roles", "kind", "actor"),
        }
    assert "13800130001" not in json.dumps([dict(entry.public) for entry in world.entries()])


def test_neighbours_differ_in_no_entry_but_their_identifiers(tmp_path: Path) -> None:
    told = []
    for place, rows in enumerate((ROWS, NEIGHBOUR)):
        home = tmp_path / str(place)
        home.mkdir()
        with quality_world(home) as world:
            world.publish(PROVIDER, "taxpayers", rows)
            world.desk.declare(PROVIDER, "taxpayers", RULES)
            measured = world.desk.measure(PROVIDER, "taxpayers")
            decide_suggestion(
                world.desk, PROVIDER, "taxpayers", measured.id, 0, "accepted", "手机号"
            )
            told.append([_plain(dict(entry.public)) for entry in world.entries()])
    assert told[0] == told[1]


def _plain(public: dict[str, object]) -> dict[str, object]:
    """Leave out what is drawn or counted anew for each world: identifiers, digests, times."""
    drawn = {"measurement", "version", "manifest_digest", "dataset_id", "key_names", "number"}
    return {
        name: value
        for name, value in public.items()
        if name not in drawn
        and not isinstance(value, dict)
        and "entry" not in name
        and "digest" not in name
        and "revision" not in name
        and name != "papers"
    }


def test_a_suggestion_changes_no_declaration_and_is_decided_once(world: QualityWorld) -> None:
    measured = world.desk.measure(PROVIDER, "taxpayers")
    assert [(item.column, item.detector) for item in measured.suggestions] == [
        ("code", "mobile"),
        ("code", "unique_values"),
    ]

    def decide(actor: Actor, reason: str = "确为手机号") -> dict[str, object]:
        return decide_suggestion(world.desk, actor, "taxpayers", measured.id, 0, "accepted", reason)

    assert code_of(lambda: decide(PROVIDER, " "), InvalidInput) == "reason_missing"
    assert code_of(lambda: decide(AUTHORITY), Denied) == "keeper_required"
    assert code_of(lambda: decide(PROGRAM), Denied) == "service_account_cannot_approve"
    change = decide(PROVIDER)["change"]
    assert isinstance(change, dict)
    assert change["to"] == {"identifier": "direct", "grade": "L3"}
    assert code_of(lambda: decide(PROVIDER), Conflict) == "suggestion_decided"
    with reading(world.engine) as connection:
        assert decisions(connection, measured.id) == {0: "accepted"}
        declared = connection.execute(text("SELECT declaration FROM dataset")).scalars()
        assert all('"direct"' not in document for document in declared)
    decided = next(entry for entry in world.entries() if "suggestion" in entry.kind)
    assert "mobile" not in json.dumps(dict(decided.public))


def test_others_see_only_the_band_that_the_owner_released(world: QualityWorld) -> None:
    world.desk.declare(PROVIDER, "taxpayers", RULES)
    measured = world.desk.measure(PROVIDER, "taxpayers")
    with reading(world.engine) as connection:
        assert released_scores(connection, "taxpayers") == []

    def release(actor: Actor, band: str) -> object:
        return release_score(world.desk, actor, "taxpayers", measured.id, band)  # type: ignore[arg-type]

    assert code_of(lambda: release(PROVIDER, "excellent"), Denied) == "score_above_measured"
    assert code_of(lambda: release(AUTHORITY, "good"), Denied) == "keeper_required"
    release(PROVIDER, "good")
    assert code_of(lambda: release(PROVIDER, "fair"), Conflict) == "score_released"
    with reading(world.engine) as connection:
        assert [item.band for item in released_scores(connection, "taxpayers")] == ["good"]


def test_what_was_measured_stays(world: QualityWorld) -> None:
    world.desk.measure(PROVIDER, "taxpayers")
    for statement in (
        "DELETE FROM quality_measurement",
        "UPDATE quality_measurement SET ruleset=9",
    ):
        with pytest.raises(DBAPIError), world.engine.begin() as connection:
            connection.execute(text(statement))


def test_an_unmeasured_data_set_says_so_to_its_keeper(world: QualityWorld) -> None:
    assert code_of(lambda: world.desk.read(OTHER, "residents"), NotFound) == "measurement_unknown"
    assert code_of(lambda: world.desk.measure(OTHER, "residents"), Conflict) == "no_version"
