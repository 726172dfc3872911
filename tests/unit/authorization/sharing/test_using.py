"""Use, misuse, rectification and destruction; and that there is no other way between the states."""

import base64
import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit.verify.certificates import verify_certificate
from audit.verify.notes import read_key
from authorization.sharing.states import MOVES, ShareState, may_see, require_share, shares
from authorization.sharing.using import UseRecord, uses
from foundation.db import reading
from foundation.errors import Conflict, Denied, NotFound, SandgateError
from tests.sharing_world import World

RECORD = UseRecord(scenario="年检", process="核查", effect="少跑一次", storage="专网库")
ACTS = ("approve", "refuse", "supply", "suspend", "rectify", "resume", "terminate", "dispose")
LEADS_TO = {
    "approve": ShareState.APPROVED,
    "refuse": ShareState.REFUSED,
    "supply": ShareState.SUPPLIED,
    "suspend": ShareState.SUSPENDED,
    "rectify": ShareState.RECTIFYING,
    "resume": ShareState.IN_USE,
    "terminate": ShareState.TERMINATED,
    "dispose": ShareState.DISPOSED,
}
ROADS = {
    ShareState.SUPPLIED: (),
    ShareState.SUSPENDED: ("suspend",),
    ShareState.RECTIFYING: ("suspend", "rectify"),
    ShareState.TERMINATED: ("terminate",),
    ShareState.DISPOSED: ("dispose",),
}


def act(world: World, share: str, name: str) -> None:
    if name == "approve":
        world.deciding.approve(world["constable"], share)
    elif name == "refuse":
        world.deciding.refuse(world["constable"], share, "理由", "依据")
    elif name == "supply":
        world.supplying.supply(world["constable"], share, "vehicles", ["age"])
    elif name == "dispose":
        world.using.dispose(world["director"], share, "逻辑删除并覆写")
    elif name == "rectify":
        world.using.rectify(world["clerk"], share, "措施")
    else:
        getattr(world.using, name)(world["constable"], share, "理由")


@pytest.mark.parametrize("start", [*ROADS, ShareState.SUBMITTED, ShareState.APPROVED])
def test_every_move_that_is_not_in_the_table_is_refused(world: World, start: ShareState) -> None:
    for name in ACTS:
        share = world.asked(start if start not in ROADS else ShareState.SUPPLIED)
        for step in ROADS.get(start, ()):
            act(world, share.id, step)
        allowed = LEADS_TO[name] in MOVES[start]
        if name == "resume":
            allowed = start is ShareState.RECTIFYING
        if allowed:
            act(world, share.id, name)
        else:
            with pytest.raises(SandgateError):
                act(world, share.id, name)
        with reading(world.engine) as connection:
            after = require_share(connection, share.id).state
        assert after is (LEADS_TO[name] if allowed else start), name


def test_use_is_recorded_by_the_user_and_kept(fresh: World) -> None:
    share = fresh.asked()
    fresh.using.record_use(fresh["clerk"], share.id, RECORD)
    with reading(fresh.engine) as connection:
        (found,) = uses(connection, share.id)
        assert require_share(connection, share.id).state is ShareState.IN_USE
    assert (found["effect"], found["person"]) == ("少跑一次", "clerk")
    with pytest.raises(NotFound):
        fresh.using.record_use(fresh["nurse"], share.id, RECORD)
    with pytest.raises(DBAPIError), fresh.engine.begin() as connection:
        connection.execute(text("DELETE FROM share_use"))


def test_misuse_is_named_by_the_provider_or_the_authority_never_by_the_user(world: World) -> None:
    share = world.asked()
    for name in ("clerk", "director", "nurse", "chief", "analyst"):
        with pytest.raises(SandgateError):
            world.using.suspend(world[name], share.id, "x")
    suspended = world.using.suspend(world["officer"], share.id, "转供第三方").value
    assert (suspended.state, suspended.note) == (ShareState.SUSPENDED, "转供第三方")
    with pytest.raises(SandgateError):
        world.using.resume(world["officer"], share.id, "未整改")


def test_destruction_is_certified_by_the_head_and_holds_offline(world: World) -> None:
    share = world.asked()
    world.delivery.call(world["clerk"], share.id, limit=2)
    with pytest.raises(Denied):
        world.using.dispose(world["clerk"], share.id, "删除")
    recorded = world.using.dispose(world["director"], share.id, "逻辑删除并覆写")
    body = base64.b64encode(recorded.body).decode()
    entry = {"index": recorded.index, "body": body, "receipt": recorded.receipt}
    certificate = {"document": recorded.value, "entry": entry}
    key = read_key(world.writer.verifier_key.text())
    good = json.dumps(certificate, ensure_ascii=False).encode()
    assert verify_certificate(good, key).exit_code == 0
    bad = good.replace("逻辑删除并覆写".encode(), "什么也没做".encode())
    assert verify_certificate(bad, key).exit_code == 1
    with pytest.raises(Denied, match="share_not_delivering"):
        world.delivery.call(world["clerk"], share.id, limit=2)
    with pytest.raises(Conflict):
        world.using.resume(world["constable"], share.id, "x")


def test_the_store_itself_keeps_what_was_decided(world: World) -> None:
    share = world.asked()
    for change in ("requester = 'health'", "document = '{}'", "state = 'draft'", "entry = 'x'"):
        with pytest.raises(DBAPIError), world.engine.begin() as connection:
            connection.execute(text(f"UPDATE share_request SET {change}"))
    assert share.requester == "transport"


def test_a_request_is_seen_by_its_parties_authority_and_regulator_only(fresh: World) -> None:
    share = fresh.asked()
    seen = {name for name, actor in fresh.people.items() if may_see(actor, share)}
    departments = {"constable", "sergeant", "chief", "envoy", "second_envoy"}
    departments |= {"clerk", "director", "program"}
    assert seen == departments | {"officer", "second_officer"}
    with reading(fresh.engine) as connection:
        assert shares(connection, fresh["nurse"]) == []
        assert [one.id for one in shares(connection, fresh["chief"])] == [share.id]
