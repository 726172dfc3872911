"""A change of people that waits is told to who may confirm it, and its end to who proposed it."""

import pytest
from sqlalchemy import Engine, select

from audit.writer import GroupCommitWriter
from catalog.notices.outbox import StoredNotice, notice_of, notice_outbox
from foundation.db import reading
from foundation.identity import Role
from tests.fakes import SteppedClock
from tests.registries import Registry, person_json, registered


@pytest.fixture
def registry(city: GroupCommitWriter, engine: Engine, clock: SteppedClock) -> Registry:
    return registered(city, engine, clock)


def told(registry: Registry) -> list[StoredNotice]:
    with reading(registry.engine) as connection:
        return [notice_of(row) for row in connection.execute(select(notice_outbox))]


def test_confirmers_and_proposer_are_told_and_no_name_is(registry: Registry) -> None:
    newcomer = person_json()
    grant = registry.propose("drafter", "person", person=newcomer)
    (waiting,) = told(registry)
    assert (waiting.organisation, waiting.roles) == (
        registry.actor("sec").organisation,
        (Role.SECURITY_ADMINISTRATOR,),
    )
    registry.confirm("sec", grant)
    _, *decided = told(registry)
    assert {one.person for one in decided} == {"drafter", newcomer["id"]}
    said = [(one.title.en, one.body.en, one.data) for one in (waiting, *decided)]
    assert newcomer["name"] not in str(said)
