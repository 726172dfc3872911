"""Matters and notices on PostgreSQL: the same guards, sums, searches and orders."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.writer import GroupCommitWriter
from catalog.matters.announcing import Announcer, announcements
from catalog.matters.chasing import Chase
from catalog.matters.clocks import Clocks
from catalog.matters.matter import MissingPaper
from catalog.matters.moves import ask_for_papers
from catalog.matters.opening import complete_papers, conclude
from catalog.matters.reads import inbox, overdue
from catalog.matters.scorecards import scorecards
from catalog.notices.outbox import notices_for
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import metadata, open_engine, reading
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.notices import NoticeRules
from tests.fakes import SteppedClock
from tests.matters import HANDLER, Desk
from tests.postgresql import postgresql_server

pytestmark = pytest.mark.full
PACK = load_policies()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with postgresql_server(tmp_path / "pg") as url:
        engine = open_engine(url)
        metadata.create_all(engine)
        clock, keys = SteppedClock(), FileKeyStore(tmp_path / "keys")
        writer = GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head")
        yield Desk(writer, engine, Clocks.of(PACK, "national"), clock)
        writer.close()
        engine.dispose()


def test_a_matter_lives_and_is_guarded_alike(desk: Desk) -> None:
    rules = PACK.rules(NoticeRules)
    start_us = desk.clock.now_us()
    first, second = desk.open(), desk.open("share_unconditional")
    ask_for_papers(desk.writer, desk.clocks, HANDLER, first.id, [MissingPaper(name="x")])
    desk.run(lambda c, e: complete_papers(c, e, desk.clocks, first.id))
    desk.clock.advance(30 * MICROSECONDS_PER_DAY)
    chase = Chase(desk.engine, desk.writer, desk.clock, desk.clocks, rules, "bureau")
    assert chase.run_once() == 2
    Announcer(desk.engine, desk.writer, desk.clock, desk.clocks, rules).run_once()
    with reading(desk.engine) as connection:
        assert [item.id for item in inbox(connection, HANDLER)] == [second.id, first.id]
        assert len(overdue(connection, desk.clock.now_us())) == 2
        assert announcements(connection)[0]["departments"] == {"civil": 2}
        assert len(notices_for(connection, HANDLER)) == 3
    desk.run(lambda c, e: conclude(c, e, first.id, "granted"))
    with reading(desk.engine) as connection:
        (card,) = scorecards(connection, start_us, desk.clock.now_us() + 1)
    assert (card.decided, card.on_time_ppm, card.overdue) == (1, 0, 1)
    for statement in (
        f"UPDATE matter SET state = 'open', outcome = NULL WHERE id = '{first.id}'",
        "DELETE FROM matter",
        "DELETE FROM matter_move",
        "UPDATE notice_outbox SET kind = 'x.y'",
        "DELETE FROM overdue_announcement",
    ):
        with desk.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(text(statement))
