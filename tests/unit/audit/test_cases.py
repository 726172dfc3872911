"""Cases: who may hold, read and export, and what a case's file proves without the platform."""

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DatabaseError

from audit.cases.files import CASE_TRANSITIONS, HOLD_TRANSITIONS, CaseState, HoldState, cases
from audit.cases.scope import Scope, covered
from audit.cases.store import audit_case, case_hold
from audit.cases.texts import FieldState
from audit.events import AuditEvent, no_effect
from audit.reading import read_entries
from audit.retention.purge import PurgeRefused
from audit.store import entry, entry_private
from audit.tags import EntryKind
from audit.verify.findings import Report
from audit.verify.texts import field_states
from audit.writer import GroupCommitWriter
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import Actor, ActorKind, Role
from tests.unit.audit import retention_scene as scenes
from tests.unit.audit.retention_scene import (
    ANALYST,
    AUDITOR,
    ORIGIN,
    SECOND,
    STEWARD,
    STRANGER,
    Scene,
)

MARK = "SELECT secret_mark FROM households"
ROBOT = Actor("robot", "city_regulator", frozenset({Role.REGULATOR}), ActorKind.SERVICE)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scenes.retention_scene(tmp_path) as scene:
        yield scene


def opened(scene: Scene, scope: Scope) -> str:
    case = scene.files.open(AUDITOR, "群众举报核查").value.id
    scene.files.place(AUDITOR, case, scope)
    return case


def kinds(scene: Scene, kind: EntryKind) -> list[dict[str, object]]:
    with reading(scene.engine) as connection:
        return [found.public for found in read_entries(connection, kinds=(kind,))]


@pytest.mark.parametrize("actor", [ANALYST, STEWARD, ROBOT])
def test_only_a_person_of_the_regulator_opens_a_case(scene: Scene, actor: Actor) -> None:
    with pytest.raises(Denied) as refusal:
        scene.files.open(actor, "x")
    assert refusal.value.code == "auditor_only"
    assert kinds(scene, EntryKind.CASE_OPENED) == []


def test_another_organisation_neither_places_nor_lifts_nor_reads_nor_exports(scene: Scene) -> None:
    index = scene.ask(MARK, licence="lic_a")
    case = opened(scene, Scope(licences=("lic_a",)))
    with reading(scene.engine) as connection:
        hold = cases(connection)[0].holds[0].id
    for attempt in (
        lambda: scene.files.place(STRANGER, case, Scope()),
        lambda: scene.files.lift(STRANGER, case, hold, "x"),
        lambda: scene.files.close(STRANGER, case, "x"),
        lambda: scene.texts.read(STRANGER, case, [index]),
        lambda: scene.export(STRANGER, case),
    ):
        with pytest.raises(Denied) as refusal:
            attempt()
        assert refusal.value.code == "case_of_another_organisation"
    assert kinds(scene, EntryKind.TEXTS_REFUSED)[0]["code"] == "case_of_another_organisation"


def test_a_lifted_hold_and_a_closed_case_never_come_back(scene: Scene) -> None:
    case = opened(scene, Scope())
    with pytest.raises(Conflict) as refusal:
        scene.files.close(AUDITOR, case, "办结")
    assert refusal.value.code == "case_holds_standing"
    with reading(scene.engine) as connection:
        hold = cases(connection)[0].holds[0].id
    scene.files.lift(AUDITOR, case, hold, "办结")
    with pytest.raises(NotFound):
        scene.files.lift(AUDITOR, case, hold, "办结")
    scene.files.close(AUDITOR, case, "办结")
    with pytest.raises(Conflict):
        scene.files.place(AUDITOR, case, Scope())
    for statement in (
        update(audit_case).values(state="open"),
        update(case_hold).values(state="placed"),
        delete(case_hold),
    ):
        with scene.engine.connect() as connection, pytest.raises(DatabaseError):
            connection.execute(statement)


def test_every_state_has_its_move_and_its_entry() -> None:
    assert {new for _old, new in CASE_TRANSITIONS} == set(CaseState)
    assert {new for _old, new in HOLD_TRANSITIONS} == set(HoldState)
    assert not any(
        old in {CaseState.CLOSED, HoldState.LIFTED}
        for old, _new in (*CASE_TRANSITIONS, *HOLD_TRANSITIONS)
    )


def test_text_is_read_only_of_what_a_standing_hold_covers_and_the_reading_is_logged(
    scene: Scene,
) -> None:
    within, outside = scene.ask(MARK, licence="lic_a"), scene.ask(MARK, licence="lic_b")
    case = opened(scene, Scope(licences=("lic_a",)))
    for indexes in ([outside], [within, outside], [10_000]):
        with pytest.raises(Denied) as refusal:
            scene.texts.read(AUDITOR, case, indexes)
        assert refusal.value.code == "entry_not_covered"
        assert refusal.value.logged
    with pytest.raises(NotFound):
        scene.texts.read(AUDITOR, "case_of_nobody", [within])
    assert len(kinds(scene, EntryKind.TEXTS_REFUSED)) == 4
    assert kinds(scene, EntryKind.TEXTS_READ) == []
    recorded = scene.texts.read(AUDITOR, case, [within])
    (found,) = recorded.value
    assert found.state is FieldState.DISCLOSED
    assert found.hidden is not None
    assert found.hidden.text == MARK
    (told,) = kinds(scene, EntryKind.TEXTS_READ)
    assert (told["case"], told["entries"]) == (case, [within])
    with reading(scene.engine) as connection:
        (by,) = read_entries(connection, kinds=(EntryKind.TEXTS_READ,))
        hold = cases(connection)[0].holds[0].id
    assert by.content["actor"]["person"] == "auditor"
    assert MARK.encode() not in by.body
    scene.files.lift(AUDITOR, case, hold, "办结")
    with pytest.raises(Denied):
        scene.texts.read(AUDITOR, case, [within])


def test_nothing_is_opened_where_the_reading_cannot_be_logged(scene: Scene) -> None:
    index = scene.ask(MARK, licence="lic_a")
    case = opened(scene, Scope(licences=("lic_a",)))
    texts = scene.texts
    scene.writer.close()
    with pytest.raises(Exception, match="log_closed"):
        texts.read(AUDITOR, case, [index])


def test_a_class_that_is_not_readable_stays_shut(scene: Scene) -> None:
    event = AuditEvent(EntryKind.ANSWER_RELEASED, ANALYST, {"licence": "lic_a"}, {"engine": "done"})
    index = scene.writer.submit(event, no_effect).index
    case = opened(scene, Scope(licences=("lic_a",)))
    (found,) = scene.texts.read(AUDITOR, case, [index]).value
    assert (found.state, found.hidden) == (FieldState.WITHHELD, None)


def test_a_field_that_is_gone_without_an_entry_is_called_lost(scene: Scene) -> None:
    index = scene.ask(MARK, licence="lic_a")
    case = opened(scene, Scope(licences=("lic_a",)))
    with scene.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER entry_private_no_delete"))
        connection.execute(delete(entry_private).where(entry_private.c.idx == index))
    (found,) = scene.texts.read(AUDITOR, case, [index]).value
    assert found.state is FieldState.LOST


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), {0, 1, 2, 3}),
        (Scope(licences=("lic_a",)), {0, 2}),
        (Scope(licences=("lic_a",), datasets=("flights",)), {0, 1, 2}),
        (Scope(persons=("analyst",)), {0, 1, 2, 3}),
        (Scope(licences=("nothing",)), set()),
    ],
)
def test_what_is_named_widens_a_scope(scene: Scene, scope: Scope, expected: set[int]) -> None:
    scene.ask("a", licence="lic_a")
    scene.ask("b", licence="lic_b", datasets=["flights"])
    scene.ask("c", licence="lic_a", datasets=["flights"])
    scene.ask("d", licence="lic_c")
    with reading(scene.engine) as connection:
        found = connection.execute(select(entry.c.idx).where(covered([scope]))).scalars()
        assert set(found) == expected


def test_a_span_of_time_narrows_a_scope(scene: Scene) -> None:
    scene.ask("a", licence="lic_a")
    scene.clock.advance(10)
    begin = scene.clock.now_us()
    scene.ask("b", licence="lic_a")
    scene.clock.advance(10)
    scope = Scope(licences=("lic_a",), since_us=begin, until_us=begin + 5)
    with reading(scene.engine) as connection:
        found = connection.execute(select(entry.c.idx).where(covered([scope]))).scalars()
        assert set(found) == {1}
    with pytest.raises(InvalidInput):
        Scope(since_us=5, until_us=5).check()


def test_a_hold_outlives_a_restart(scene: Scene) -> None:
    scene.ask(MARK, licence="lic_a")
    opened(scene, Scope(licences=("lic_a",)))
    scene.pass_months(36, days=1)
    scene.writer.close()
    with (
        GroupCommitWriter(
            scene.engine, scene.keys, scene.clock, ORIGIN, scene.home / "head"
        ) as scene.writer,
        pytest.raises(PurgeRefused),
    ):
        scene.desk.propose(STEWARD, "question_text", None)


def exported(scene: Scene) -> tuple[Path, int, int]:
    """Export a case over one erased and one disclosed question; return them in that order."""
    gone = scene.ask(MARK, licence="lic_a")
    scene.pass_months(36, days=1)
    proposed = scene.desk.propose(STEWARD, "question_text", None).value
    scene.desk.confirm(SECOND, proposed.id, lambda _actor, _by, _at: None)
    kept = scene.ask("SELECT 城市, COUNT(*) FROM households GROUP BY 城市", licence="lic_a")
    case = opened(scene, Scope(licences=("lic_a",)))
    return scene.export(AUDITOR, case), gone, kept


def test_a_case_is_checked_offline_and_says_of_each_field_what_became_of_it(scene: Scene) -> None:
    path, gone, kept = exported(scene)
    report = scene.verified(path)
    assert report.exit_code == 0, report.text("en")
    said = {item.index: item.en for item in report.findings if item.code == "private_field"}
    assert "erased #" in said[gone]
    assert said[kept].endswith("disclosed")
    with zipfile.ZipFile(path) as pack:
        (erased,) = map(json.loads, pack.read("erased.jsonl").splitlines())
        assert (erased["index"], erased["field"]) == (gone, "sql")
        assert MARK not in "".join(
            pack.read(name).decode(errors="replace") for name in pack.namelist()
        )
    assert len(kinds(scene, EntryKind.CASE_EXPORTED)) == 1


@pytest.mark.parametrize("name", ["report.pdf", "private.jsonl", "erased.jsonl", "case.json"])
def test_no_file_of_a_case_is_changed_unnoticed(scene: Scene, name: str) -> None:
    path, _gone, _kept = exported(scene)
    changed = io.BytesIO()
    with zipfile.ZipFile(path) as pack, zipfile.ZipFile(changed, "w") as copy:
        for member in pack.namelist():
            data = bytearray(pack.read(member))
            if member == name:
                data[len(data) // 2] ^= 1
            copy.writestr(member, bytes(data))
    path.write_bytes(changed.getvalue())
    report = scene.verified(path)
    assert report.exit_code == 1
    assert "file_changed" in {item.code for item in report.findings}


def test_an_erasure_that_no_entry_names_is_tampering() -> None:
    body = {"index": 3, "kind": "query:question:decided", "private": {"sql": "sha256:0"}}
    line = b'{"erased_by":9,"field":"sql","index":3}'
    report = Report()
    field_states({"erased.jsonl": line}, [body], report)
    assert [item.code for item in report.findings] == ["erasure_not_logged"]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="apt-get install poppler-utils")
def test_the_report_tells_the_facts_in_order(scene: Scene, tmp_path: Path) -> None:
    path, _gone, kept = exported(scene)
    with zipfile.ZipFile(path) as pack:
        (tmp_path / "report.pdf").write_bytes(pack.read("report.pdf"))
    found = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "report.pdf", "-"], stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    plain = found.replace(" ", "").replace("\n", "")
    for words in ("一、案件", "二、事实经过", "三、非公开文字", "四、哈希与签名", "五、如何核验"):
        assert words in plain
    assert "SELECT城市,COUNT(*)FROMhouseholds" in plain
    assert "查询原文：已到期抹除" in plain
    assert f"第{kept}号条目·查询原文" in plain
    assert "查询获准" in plain


class Holds(RuleBasedStateMachine):
    """Whatever the order of holds, lifts, purges and restarts: what is held is never erased."""

    home: Path
    number = 0

    def __init__(self) -> None:
        super().__init__()
        Holds.number += 1
        place = self.home / str(Holds.number)
        place.mkdir()
        self._context = scenes.retention_scene(place)
        self.scene = self._context.__enter__()
        self.held: dict[str, tuple[str, str]] = {}
        self.case = self.scene.files.open(AUDITOR, "x").value.id
        self.asked: dict[int, str] = {}
        self.erased: set[int] = set()

    def teardown(self) -> None:
        self._context.__exit__(None, None, None)

    @rule(licence=st.sampled_from(["lic_a", "lic_b"]))
    def ask(self, licence: str) -> None:
        self.asked[self.scene.ask(MARK, licence=licence)] = licence

    @rule(licence=st.sampled_from(["lic_a", "lic_b"]))
    def place(self, licence: str) -> None:
        placed = self.scene.files.place(AUDITOR, self.case, Scope(licences=(licence,))).value
        self.held[placed.holds[-1].id] = (self.case, licence)

    @rule()
    def lift(self) -> None:
        if self.held:
            hold, (case, _licence) = self.held.popitem()
            self.scene.files.lift(AUDITOR, case, hold, "x")

    @rule(months=st.integers(1, 40))
    def wait(self, months: int) -> None:
        self.scene.pass_months(months)

    @rule(leave_held=st.booleans())
    def purge(self, leave_held: bool) -> None:
        texts = self.scene.classes.named("question_text")
        assert texts is not None
        limit = texts.due_before_us(self.scene.clock.now_us())
        with reading(self.scene.engine) as connection:
            due = {
                item.index
                for item in read_entries(connection, kinds=(EntryKind.QUESTION_DECIDED,))
                if item.time_us < limit
            } - self.erased
        names = {licence for _case, licence in self.held.values()}
        held = {index for index in due if self.asked[index] in names}
        try:
            proposed = self.scene.desk.propose(
                STEWARD, "question_text", None, leave_held=leave_held
            ).value
        except PurgeRefused:
            assert held
            assert not leave_held
            return
        assert leave_held or not held
        done = self.scene.desk.confirm(SECOND, proposed.id, lambda _actor, _by, _at: None)
        assert done.erased == len(due - held)
        self.erased |= due - held

    @invariant()
    def what_is_not_erased_is_there(self) -> None:
        with reading(self.scene.engine) as connection:
            rows = set(
                connection.execute(
                    select(entry_private.c.idx).where(entry_private.c.field == "sql")
                ).scalars()
            )
        assert rows == set(self.asked) - self.erased


def test_what_is_held_is_never_erased_whatever_the_order(tmp_path: Path) -> None:
    Holds.home = tmp_path
    run_state_machine_as_test(
        Holds, settings=settings(max_examples=12, stateful_step_count=12, deadline=None)
    )
