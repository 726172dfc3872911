"""Imports over a real book and log: judged, taken once, changes proposed, bad rows returned."""

import io
import json
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from audit.reading import read_entries
from audit.tags import EntryKind
from catalog.book.store import catalog_entry, catalog_revision
from catalog.exchange import reports
from catalog.exchange.judging import RowState
from catalog.exchange.store import rows_of
from foundation.db import reading
from foundation.errors import Conflict, Denied, NotFound
from tests.catalogue_exchange import STEWARD, STRANGER, Exchange, exchange
from tests.catalogue_sheets import row_of, xlsx_of


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with exchange(tmp_path_factory.mktemp("imports")) as opened:
        yield opened


def _states(world: Exchange, import_id: str) -> list[str]:
    with reading(world.engine) as connection:
        return [str(row.state) for row in rows_of(connection, import_id)]


def _kinds(world: Exchange, *kinds: EntryKind) -> list[dict[str, object]]:
    with reading(world.engine) as connection:
        return [dict(entry.public) for entry in read_entries(connection, kinds=kinds)]


def test_a_judgement_changes_nothing_and_is_logged(world: Exchange) -> None:
    with reading(world.engine) as connection:
        before = len(connection.execute(select(catalog_entry.c.id)).all())
    import_id = world.judge([row_of(100), row_of(101, 共享属性="看情况")])
    with reading(world.engine) as connection:
        assert len(connection.execute(select(catalog_entry.c.id)).all()) == before
    assert _states(world, import_id) == ["new", "refused"]
    judged = _kinds(world, EntryKind.IMPORT_JUDGED)[-1]
    assert (judged["import"], judged["rows"], judged["refused"]) == (import_id, 2, 1)


def test_good_rows_are_taken_and_bad_rows_come_back_to_be_corrected(world: Exchange) -> None:
    import_id = world.judge([row_of(0), row_of(1, 更新频率="偶尔"), row_of(2)])
    taken = world.imports.take(STEWARD, import_id)
    assert (taken.drafts, taken.changes, taken.left) == (2, 0, ())
    logged = _kinds(world, EntryKind.IMPORT_TAKEN)[-1]
    assert logged["drafts"] == 2
    assert _kinds(world, EntryKind.BATCH_DRAFTED)
    for stranger, wanted in ((STRANGER, import_id), (STEWARD, "imp_guessed")):
        with pytest.raises(NotFound, match="import_unknown"):
            world.imports.of(stranger, wanted)
    found = world.imports.of(STEWARD, import_id)
    with reading(world.engine) as connection:
        refused = list(rows_of(connection, import_id, states=frozenset({RowState.REFUSED})))
    returned = reports.refused_xlsx(found, refused)
    sheet = world.imports.reader.read(returned, "退回.xlsx")
    assert len(sheet.rows) == 1
    assert "更新频率" in sheet.rows[0][-1]
    assert sheet.rows[0][-2] == "3"
    header = list(sheet.headers)
    corrected = [list(row) for row in sheet.rows]
    corrected[0][header.index("更新频率")] = "每年"
    again = _book(header, corrected)
    second, _ = world.imports.judge(STEWARD, STEWARD.organisation, again, "更正.xlsx")
    assert second.about["counts"]["new"] == 1
    assert world.imports.take(STEWARD, second.id).drafts == 1


def test_taking_twice_is_a_conflict_and_the_same_file_is_recognised(world: Exchange) -> None:
    rows = [row_of(10), row_of(11)]
    data = xlsx_of(rows, world.imports.rules)
    first, repeated = world.imports.judge(STEWARD, STEWARD.organisation, data, "一.xlsx")
    assert not repeated
    world.imports.take(STEWARD, first.id)
    with pytest.raises(Conflict) as refusal:
        world.imports.take(STEWARD, first.id)
    assert refusal.value.code == "import_taken"
    second, repeated = world.imports.judge(STEWARD, STEWARD.organisation, data, "二.xlsx")
    assert repeated
    assert second.id == first.id
    assert second.taken is not None
    other = world.judge([row_of(10), row_of(11), row_of(12)])
    assert _states(world, other) == ["same", "same", "new"]


def test_what_is_taken_already_by_a_killed_run_is_not_taken_twice(world: Exchange) -> None:
    import_id = world.judge([row_of(20), row_of(21)])
    with reading(world.engine) as connection:
        entries = [row.entry for row in rows_of(connection, import_id) if row.entry]
    world.imports.drafting.make(STEWARD, STEWARD.organisation, entries[:1], import_id)
    taken = world.imports.take(STEWARD, import_id)
    assert (taken.drafts, taken.same) == (1, 1)


def test_a_changed_row_of_a_published_entry_becomes_a_proposed_change(world: Exchange) -> None:
    world.publish([30])
    import_id = world.judge([row_of(30, 摘要="职责调整后改为按日更新。")])
    assert _states(world, import_id) == ["changed"]
    assert world.imports.take(STEWARD, import_id).changes == 1
    with reading(world.engine) as connection:
        head = connection.execute(
            select(catalog_entry).where(catalog_entry.c.code == row_of(30)["目录代码"])
        ).one()
        texts = connection.execute(
            select(catalog_revision.c.state, catalog_revision.c.version).where(
                catalog_revision.c.entry_id == head.id
            )
        ).all()
    assert head.version == 1
    assert sorted(state for state, _ in texts) == ["draft", "published"]


def test_another_department_neither_imports_sees_nor_takes_over(world: Exchange) -> None:
    import_id = world.judge([row_of(40)])
    world.imports.take(STEWARD, import_id)
    for move in (world.imports.of, world.imports.take):
        with pytest.raises((Denied, NotFound)):
            move(STRANGER, import_id)
    data = xlsx_of([row_of(41)], world.imports.rules)
    with pytest.raises(Denied):
        world.imports.judge(STRANGER, STEWARD.organisation, data, "a.xlsx")
    own = world.judge([row_of(40)], STRANGER)
    assert _states(world, own) == ["refused"]


def test_the_report_says_every_row_in_three_forms(world: Exchange) -> None:
    rows = [row_of(50), row_of(51, 共享属性="看情况", 提供单位代码="123"), row_of(52)]
    import_id = world.judge(rows)
    found = world.imports.of(STEWARD, import_id)
    with reading(world.engine) as connection:
        stored = list(rows_of(connection, import_id))
    told = json.loads(reports.report_json(found, stored))
    assert [row["row"] for row in told["rows_judged"]] == [2, 3, 4]
    fault = told["rows_judged"][1]["faults"][0]
    assert {"column", "header", "rule", "message", "way_out"} <= set(fault)
    text = reports.report_csv(stored).decode("utf-8-sig")
    assert text.count("\r\n") >= 4
    sheet = world.imports.reader.read(reports.report_xlsx(found, stored), "报告.xlsx")
    assert sheet.headers[:4] == reports.HEADER[:4]


def _book(header: list[str], rows: list[list[str]]) -> bytes:
    from foundation.sheet import Book  # noqa: PLC0415

    book = Book("更正", made_at_us=0)
    book.sheet("更正", header, rows)
    return io.BytesIO(book.xlsx()).getvalue()
