"""A stored answer comes back only under the very same terms, and nothing stored can change."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from disclosure.answers import (
    NewAnswer,
    RepeatKey,
    answer_by_id,
    find_repeat,
    received,
    row_filter_digest,
    store_answer,
)
from foundation.db import metadata

KEY = RepeatKey("lic_a", "ver_1", "sha256:plan", "sha256:policy", row_filter_digest({}))


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    metadata.create_all(engine)
    with engine.begin() as opened:
        yield opened


def given(mode: str = "aggregate", organisation: str = "org_a") -> NewAnswer:
    return NewAnswer(
        key=KEY,
        mode=mode,  # type: ignore[arg-type]
        organisation=organisation,
        person="person_a",
        session="ses_a",
        datasets=("survey",),
        content=b"arrow",
        row_count=3,
        summary={"mode": mode},
    )


def keep(connection: Connection, answer: NewAnswer, index: int = 2) -> None:
    store_answer(connection, answer, decided_index=1, answered_index=index, now_us=9)


@pytest.mark.parametrize(
    "other",
    [
        {"licence": "lic_b"},
        {"version": "ver_2"},
        {"plan_digest": "sha256:other"},
        {"policy_digest": "sha256:other"},
        {"row_filter_digest": row_filter_digest({"state": ["CA"]})},
    ],
)
def test_other_terms_find_nothing(connection: Connection, other: dict[str, str]) -> None:
    keep(connection, given())
    assert find_repeat(connection, replace(KEY, **other)) is None


def test_rows_are_never_repeated_from_the_store(connection: Connection) -> None:
    keep(connection, given("rows"))
    assert find_repeat(connection, KEY) is None


def test_an_answer_of_another_licence_reads_as_none(connection: Connection) -> None:
    answer = given()
    keep(connection, answer)
    assert answer_by_id(connection, answer.id, "lic_b") is None


@pytest.mark.parametrize("statement", ["DELETE FROM answer", "UPDATE answer SET content = x'00'"])
def test_a_stored_answer_does_not_change(connection: Connection, statement: str) -> None:
    keep(connection, given())
    with pytest.raises(IntegrityError):
        connection.execute(text(statement))


def test_a_repeat_is_the_first_answer_whole(connection: Connection) -> None:
    first, second = given(), given()
    keep(connection, first)
    keep(connection, second, index=5)
    found = find_repeat(connection, KEY)
    assert found is not None
    assert found.given == first
    assert found.given.content_digest == first.content_digest != second.content_digest
    assert answer_by_id(connection, second.id, "lic_a") is not None


def test_everything_received_is_listed_without_its_content(connection: Connection) -> None:
    keep(connection, given())
    keep(connection, given("rows"), index=3)
    keep(connection, given(organisation="org_b"), index=4)
    listed = received(connection, organisation="org_a")
    assert [(item.mode, item.answered_index) for item in listed] == [("aggregate", 2), ("rows", 3)]
    assert listed[0].content_bytes == 5
    assert not hasattr(listed[0], "content")
    assert len(received(connection, licence="lic_a")) == 3
