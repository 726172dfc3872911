"""Delivery for real: granted columns and rows only, to that department only, while it may."""

import io

import pyarrow.parquet as pq
import pytest

from audit.reading import read_entries
from audit.tags import EntryKind
from authorization.organisations import Organisation, OrganisationKind, create_organisation
from authorization.sharing.figures import calls_by_department, calls_by_entry, calls_by_provider
from authorization.sharing.states import ShareState
from catalog.entries import ShareMode
from disclosure.release.bodies import TracedFile
from disclosure.release.encoding import sha256_of
from disclosure.release.fingerprints import seen
from foundation.db import reading
from foundation.errors import Denied, InvalidInput, NotFound
from foundation.identity import SYSTEM_ACTOR
from service.share_delivery import Copy
from tests.sharing_world import DAY_US, ROWS, World


def told(copy: Copy) -> TracedFile:
    plain, quoted = seen(copy.content.decode())
    return TracedFile(sha256=copy.digest, content=sha256_of(plain), quoted=quoted)


def test_the_interface_answers_a_departments_program_with_granted_columns(world: World) -> None:
    share = world.asked()
    found = world.delivery.call(world["program"], share.id, where={"plate": "闽A3"}, limit=10)
    assert found.rows == [{"region": "350102", "age": 7, "plate": "闽A3", "owner": ROWS[2][0]}]
    assert found.next_after is None
    pages = world.delivery.call(world["program"], share.id, columns=["plate"], limit=4)
    rest = world.delivery.call(
        world["program"], share.id, columns=["plate"], limit=4, after=pages.next_after or 0
    )
    assert [row["plate"] for row in (*pages.rows, *rest.rows)] == [row[3] for row in ROWS]
    assert rest.next_after is None
    none = world.delivery.call(world["program"], share.id, where={"plate": "无"}, limit=4)
    assert none.rows == []


def test_a_file_and_a_batch_carry_the_recipients_mark_and_are_traced(world: World) -> None:
    share = world.asked(mode="file")
    first = world.delivery.hand_over(world["clerk"], share.id, ShareMode.FILE)
    second = world.delivery.hand_over(world["director"], share.id, ShareMode.FILE)
    assert first.content.decode().startswith("region,age,plate\n")
    assert all(row[0] not in first.content.decode() for row in ROWS)
    traced = world.delivery.trace(world["constable"], share.id, told(second)).value
    assert traced is not None
    assert (traced["person"], traced["delivery"]) == ("director", second.delivery)
    other = TracedFile(sha256=f"sha256:{'0' * 64}")
    assert world.delivery.trace(world["constable"], share.id, other).value is None
    with pytest.raises(NotFound):
        world.delivery.trace(world["nurse"], share.id, told(second))
    batched = world.asked(mode="batch")
    copy = world.delivery.hand_over(world["program"], batched.id, ShareMode.BATCH)
    table = pq.read_table(io.BytesIO(copy.content))
    assert table.column("plate").to_pylist() == [row[3] for row in ROWS]
    assert copy.delivery.encode() in copy.content
    named = TracedFile(sha256=f"sha256:{'0' * 64}", marks=(copy.delivery,))
    by_name = world.delivery.trace(world["officer"], batched.id, named).value
    assert by_name is not None
    assert by_name["delivery"] == copy.delivery


def test_a_downward_grant_gives_a_region_its_own_rows(world: World) -> None:
    share = world.asked(region="3501")
    found = world.delivery.call(world["program"], share.id, limit=100)
    assert [row["plate"] for row in found.rows] == ["闽A1", "闽A2", "闽A3", "闽A5"]
    whole = world.asked(region="350100")  # the same division, written out
    assert world.delivery.call(world["program"], whole.id, limit=100).rows == found.rows
    narrow = world.asked(region="350103")
    found = world.delivery.call(world["program"], narrow.id, limit=100)
    assert [row["plate"] for row in found.rows] == ["闽A2"]


def test_what_never_leaves_or_only_by_the_interface(world: World) -> None:
    share = world.asked(ShareState.APPROVED, mode="file")
    for column, code in (("note", "share_column_kept"), ("owner", "share_grade_needs_interface")):
        with pytest.raises(Denied, match=code):
            world.supplying.supply(world["constable"], share.id, "vehicles", [column])
    bounded = world.asked(ShareState.APPROVED, dataset="vehicles", columns=["age"])
    with pytest.raises(Denied, match="share_beyond_request"):
        world.supplying.supply(world["constable"], bounded.id, "vehicles", ["age", "plate"])
    with pytest.raises(NotFound, match="dataset_unknown"):
        world.supplying.supply(world["constable"], share.id, "households", ["age"])
    with pytest.raises(InvalidInput, match="share_region_column"):
        world.supplying.supply(world["constable"], share.id, "vehicles", ["age"], "region")


def test_strangers_wrong_modes_and_ungranted_columns_are_refused(world: World) -> None:
    share = world.asked()
    for name in ("nurse", "constable", "officer", "analyst"):
        with pytest.raises(NotFound, match="share_unknown"):
            world.delivery.call(world[name], share.id, limit=1)
    with pytest.raises(Denied, match="share_mode_differs"):
        world.delivery.hand_over(world["clerk"], share.id, ShareMode.FILE)
    for columns, where in ((["note"], {}), ([], {"note": "x"})):
        with pytest.raises(InvalidInput, match="share_column_not_granted"):
            world.delivery.call(world["clerk"], share.id, columns=columns, where=where, limit=1)
    with pytest.raises(InvalidInput, match="share_filter_type"):
        world.delivery.call(world["clerk"], share.id, where={"age": "12"}, limit=1)


@pytest.mark.parametrize("state", [ShareState.DRAFT, ShareState.SUBMITTED, ShareState.APPROVED])
def test_nothing_is_delivered_before_supply(world: World, state: ShareState) -> None:
    share = world.asked(state)
    with pytest.raises(Denied, match="share_not_delivering"):
        world.delivery.call(world["clerk"], share.id, limit=1)


def test_nothing_is_delivered_after_the_term_or_a_stop(fresh: World) -> None:
    share = fresh.asked(until="2026-12-31")
    fresh.delivery.call(fresh["clerk"], share.id, limit=1)
    fresh.using.suspend(fresh["officer"], share.id, "转供第三方")
    with pytest.raises(Denied, match="share_not_delivering"):
        fresh.delivery.call(fresh["clerk"], share.id, limit=1)
    fresh.using.rectify(fresh["clerk"], share.id, "已收回")
    fresh.using.resume(fresh["officer"], share.id, "复核通过")
    fresh.delivery.call(fresh["clerk"], share.id, limit=1)
    fresh.clock.advance(60 * DAY_US)
    with pytest.raises(Denied, match="share_expired"):
        fresh.delivery.call(fresh["clerk"], share.id, limit=1)


def test_a_department_that_an_operator_controls_gets_nothing(fresh: World) -> None:
    share = fresh.asked()
    create_organisation(
        fresh.writer,
        SYSTEM_ACTOR,
        Organisation(
            id="holding",
            kind=OrganisationKind.OPERATOR,
            name_zh="集团",
            name_en="Holding",
            affiliates=("transport",),
        ),
    )
    with pytest.raises(Denied, match="sharing_for_departments"):
        fresh.delivery.call(fresh["clerk"], share.id, limit=1)


def test_every_delivery_is_decided_before_and_recorded_after(fresh: World) -> None:
    share = fresh.asked()
    fresh.delivery.call(fresh["program"], share.id, where={"owner": ROWS[0][0]}, limit=5)
    with reading(fresh.engine) as connection:
        (decided,) = read_entries(connection, kinds=(EntryKind.SHARE_DELIVERY_DECIDED,))
        (made,) = read_entries(connection, kinds=(EntryKind.SHARE_DELIVERED,))
    assert made.public["decided"] == decided.index < made.index
    assert ROWS[0][0] not in str(decided.public) + str(made.public)
    assert decided.public["filtered"] == ["owner"]


def test_calls_are_counted_by_department(fresh: World) -> None:
    share = fresh.asked()
    for _ in range(3):
        fresh.delivery.call(fresh["program"], share.id, limit=2)
    with reading(fresh.engine) as connection:
        assert calls_by_department(connection) == [
            {"requester": "transport", "calls": 3, "rows": 6}
        ]
        assert calls_by_provider(connection)[0]["provider"] == "police"
        assert calls_by_entry(connection, since="2030-01-01") == []
