"""Both sides of a request hear of its moves, by their roles; a term is called to mind in time."""

from sqlalchemy import select

from authorization.sharing.ending import KIND, TermReminders
from authorization.sharing.states import ShareState
from catalog.matters.clocks import Clocks
from catalog.notices.outbox import StoredNotice, notice_of, notice_outbox
from foundation.db import reading
from tests.sharing_world import DAY_US, PACK, RULES, World


def told(world: World, share: str) -> list[StoredNotice]:
    query = select(notice_outbox).where(notice_outbox.c.subject == share)
    with reading(world.engine) as connection:
        rows = connection.execute(query.order_by(notice_outbox.c.number))
        return [notice_of(row) for row in rows]


def test_each_move_is_told_to_the_side_that_must_act(fresh: World) -> None:
    share = fresh.asked(ShareState.SUPPLIED)
    fresh.using.suspend(fresh["constable"], share.id, "秘密的理由")
    fresh.using.rectify(fresh["clerk"], share.id, "措施")
    fresh.using.resume(fresh["sergeant"], share.id, "已改")
    fresh.using.terminate(fresh["constable"], share.id, "期满")
    found = told(fresh, share.id)
    assert [(one.organisation, one.data["state"]) for one in found] == [
        ("transport", "approved"),
        ("transport", "supplied"),
        ("transport", "suspended"),
        ("police", "suspended"),
        ("transport", "in_use"),
        ("transport", "terminated"),
        ("police", "terminated"),
    ]
    assert all(one.roles and one.person is None for one in found)
    assert not any("秘密" in one.body.zh for one in found)
    assert share.case_number in found[0].title.en
    refused = fresh.asked(ShareState.SUBMITTED)
    fresh.deciding.refuse(fresh["constable"], refused.id, "理由", "依据")
    assert [one.data["state"] for one in told(fresh, refused.id)] == ["refused"]


def test_a_term_is_called_to_mind_once_a_step_and_not_after_its_end(fresh: World) -> None:
    share = fresh.asked(ShareState.SUPPLIED)
    assert share.until_us is not None
    reminders = TermReminders(
        fresh.engine,
        fresh.writer,
        fresh.clock,
        Clocks.of(PACK, "national"),
        RULES.term_notice_days_before,
    )
    assert reminders.run_once() == 0
    for days, due in ((31, 0), (29, 1), (20, 0), (6, 1), (1, 0)):
        fresh.clock.advance(share.until_us - days * DAY_US - fresh.clock.now_us())
        assert (days, reminders.run_once(), reminders.run_once()) == (days, due, 0)
    fresh.clock.advance(2 * DAY_US)
    assert reminders.run_once() == 0
    found = [one for one in told(fresh, share.id) if one.kind == KIND]
    assert [(one.organisation, one.data["until"]) for one in found] == [
        ("transport", "2027-06-30")
    ] * 2
