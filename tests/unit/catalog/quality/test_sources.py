"""One source for each item; two sources compared under seal; tickets for the one that is not it."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from catalog.matters.reads import inbox
from catalog.quality.comparisons import (
    Comparison,
    compare_sources,
    comparisons,
    read_comparison,
)
from catalog.quality.correction_reads import required_correction
from catalog.quality.sources import ItemClaim, claim_item, claims, decide_claim, source_of
from catalog.quality.tickets import tickets_of
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import Actor
from tests.quality import (
    AUTHORITY,
    AUTHORITY_HOUSE,
    OPERATOR,
    OTHER,
    PROGRAM,
    PROVIDER,
    SECOND,
    SECOND_AUTHORITY,
    QualityWorld,
    quality_world,
)
from tests.refusing import code_of

SIDE = {"keys": ["code"], "column": "age"}
ASKED = Comparison.model_validate(
    {
        "item": "年龄",
        "left": {"dataset": "taxpayers", **SIDE},
        "right": {"dataset": "residents", **SIDE},
    }
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QualityWorld]:
    with quality_world(tmp_path_factory.mktemp("sources")) as world:
        world.publish(PROVIDER, "taxpayers", [("a", 1, "x"), ("b", 2, "x"), ("c", 3, "x")])
        world.publish(OTHER, "residents", [("a", 1, "x"), ("b", 9, "x"), ("d", 4, "x")])
        yield world


def claimed(world: QualityWorld, actor: Actor, item: str, dataset: str, column: str) -> ItemClaim:
    clocks = world.corrections.clocks
    recorded = claim_item(world.writer, clocks, actor, AUTHORITY_HOUSE, item, dataset, column)
    return recorded.value


def apart(_connection: Connection, actor: Actor, organisation: str) -> None:
    if actor.organisation == organisation:
        raise AssertionError("the authority decides no claim of its own")


def decided(world: QualityWorld, actor: Actor, claim: str, decision: str) -> ItemClaim:
    return decide_claim(world.writer, actor, apart, claim, decision, "依职责分工").value  # type: ignore[arg-type]


def test_only_a_keeper_claims_a_column_that_is_there(world: QualityWorld) -> None:
    def claim(actor: Actor, column: str) -> object:
        return claimed(world, actor, "姓名", "taxpayers", column)

    assert code_of(lambda: claim(OTHER, "code"), Denied) == "keeper_required"
    assert code_of(lambda: claim(PROGRAM, "code"), Denied) == "service_account_cannot_approve"
    assert code_of(lambda: claim(PROVIDER, "none"), InvalidInput) == "column_unknown"


@pytest.mark.parametrize(("decision", "source"), [("keep", "taxpayers"), ("replace", "residents")])
def test_a_second_source_is_the_authoritys_to_decide(
    world: QualityWorld, decision: str, source: str
) -> None:
    item = f"住址 {decision}"
    first = claimed(world, PROVIDER, item, "taxpayers", "code")
    assert first.state == "authoritative"
    second = claimed(world, OTHER, item, "residents", "code")
    assert second.state == "contested"
    assert code_of(lambda: claimed(world, OTHER, item, "residents", "code"), Conflict)
    with reading(world.engine) as connection:
        standing = source_of(connection, item)
        assert standing is not None
        assert standing.dataset == "taxpayers"
        assert second.matter in {found.id for found in inbox(connection, AUTHORITY)}
    assert code_of(lambda: decided(world, OTHER, second.id, decision), Denied)
    decided(world, AUTHORITY, second.id, decision)
    again = code_of(lambda: decided(world, SECOND_AUTHORITY, second.id, decision), Conflict)
    assert again == "claim_not_contested"
    with reading(world.engine) as connection:
        standing = source_of(connection, item)
        assert standing is not None
        assert standing.dataset == source
        states = {claim.dataset: claim.state for claim in claims(connection, item)}
    assert states == (
        {"taxpayers": "authoritative", "residents": "refused"}
        if decision == "keep"
        else {"taxpayers": "replaced", "residents": "authoritative"}
    )


def test_the_database_holds_two_sources_of_no_item(world: QualityWorld) -> None:
    claimed(world, PROVIDER, "编号", "taxpayers", "code")
    second = claimed(world, OTHER, "编号", "residents", "code")
    for statement in (
        f"UPDATE item_claim SET state='authoritative' WHERE id='{second.id}'",
        "UPDATE item_claim SET state='contested' WHERE item='编号' AND state='authoritative'",
        f"DELETE FROM item_claim WHERE id='{second.id}'",
    ):
        with pytest.raises(DBAPIError), world.engine.begin() as connection:
            connection.execute(text(statement))


def test_a_comparison_is_ordered_by_the_authority_over_alike_columns(world: QualityWorld) -> None:
    assert code_of(lambda: compare_sources(world.desk, PROVIDER, ASKED), Denied)
    unlike = Comparison.model_validate(
        {**ASKED.model_dump(), "right": {**ASKED.right.model_dump(), "column": "kind"}}
    )
    assert code_of(lambda: compare_sources(world.desk, AUTHORITY, unlike), InvalidInput)


def test_each_source_gets_its_own_keys_and_operators_none(world: QualityWorld) -> None:
    comparison = compare_sources(world.desk, AUTHORITY, ASKED)
    counts = {"agree": 1, "ambiguous": 0, "differ": 1, "left_only": 1, "right_only": 1}
    ours = read_comparison(world.desk, PROVIDER, comparison)
    assert ours["counts"] == counts
    assert ours["left_keys"] == {"differ": [["b"]], "missing_there": [["c"]]}
    assert "right_keys" not in ours
    theirs = read_comparison(world.desk, OTHER, comparison)
    assert theirs["right_keys"] == {"differ": [["b"]], "missing_there": [["d"]]}
    seen = read_comparison(world.desk, AUTHORITY, comparison)
    assert seen["counts"] == counts
    assert not {"left_keys", "right_keys"} & set(seen)
    refused = code_of(lambda: read_comparison(world.desk, OPERATOR, comparison), NotFound)
    assert refused == "comparison_unknown"
    with reading(world.engine) as connection:
        assert comparisons(connection, OPERATOR) == []
        assert len(comparisons(connection, SECOND)) == 1
    logged = [entry for entry in world.entries() if "sources:compared" in entry.kind]
    assert "agree" not in json.dumps(dict(logged[-1].public))


def test_differences_become_a_ticket_for_the_source_that_is_not_authoritative(
    world: QualityWorld,
) -> None:
    claimed(world, PROVIDER, "年龄", "taxpayers", "age")
    comparison = compare_sources(world.desk, AUTHORITY, ASKED)
    assert code_of(lambda: tickets_of(world.desk, world.corrections, PROVIDER, comparison), Denied)
    (ticket,) = tickets_of(world.desk, world.corrections, AUTHORITY, comparison)
    with reading(world.engine) as connection:
        found = required_correction(connection, ticket)
        assert (found.subject, found.provider, found.comparison) == (
            "residents",
            OTHER.organisation,
            comparison,
        )
        assert found.matter in {item.id for item in inbox(connection, OTHER)}
