"""Terms, purges and keys: refused early, blocked by a case, and what is erased is gone for good."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from audit.cases.scope import Scope
from audit.reading import entry_at, private_of, read_entries
from audit.retention.due import due_list
from audit.retention.purge import ERASED_PER_ENTRY_MAX, PurgeRefused
from audit.sealing import month_of_key
from audit.store import entry_private, erasure
from audit.tags import EntryKind
from authorization.separation import check_another_person, check_older_than
from foundation.canonical import salted_commitment
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, Unavailable
from foundation.identity import Actor
from foundation.keys import FileKeyStore
from tests.unit.audit import retention_scene as scenes
from tests.unit.audit.retention_scene import AUDITOR, SECOND, STEWARD, Scene

MARK = "SELECT secret_mark_of_this_test FROM households"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scenes.retention_scene(tmp_path) as scene:
        yield scene


def second(actor: Actor, proposed_by: str, proposed_us: int) -> None:
    check_another_person(actor, proposed_by)
    check_older_than(actor, proposed_us)


def refusals(scene: Scene) -> list[dict[str, object]]:
    with reading(scene.engine) as connection:
        found = read_entries(connection, kinds=(EntryKind.PURGE_REFUSED,))
    return [entry.public for entry in found]


def test_three_years_less_a_day_are_refused_with_the_day_from_which_it_is_allowed(
    scene: Scene,
) -> None:
    scene.ask(MARK)
    asked = scene.today
    scene.pass_months(36)
    with pytest.raises(PurgeRefused) as refusal:
        scene.desk.propose(STEWARD, "question_text", asked + timedelta(days=1))
    allowed = (scene.today + timedelta(days=1)).isoformat()
    assert refusal.value.code == "purge_early"
    assert allowed in refusal.value.message.zh
    assert allowed in refusal.value.message.en
    assert refusals(scene)[-1]["allowed_from"] == allowed
    assert scene.fields() == 1
    scene.clock.advance(86_400_000_000)
    proposed = scene.desk.propose(STEWARD, "question_text", asked + timedelta(days=1)).value
    assert scene.desk.confirm(SECOND, proposed.id, second).erased == 1


def test_the_six_months_of_network_records_are_a_floor(scene: Scene) -> None:
    with pytest.raises(InvalidInput) as refusal:
        scene.desk.propose(STEWARD, "network_records", None)
    assert refusal.value.code == "class_not_purged"


def test_one_person_does_not_purge_and_a_purge_happens_once(scene: Scene) -> None:
    scene.ask(MARK)
    scene.pass_months(36, days=1)
    proposed = scene.desk.propose(STEWARD, "question_text", None).value
    with pytest.raises(Denied):
        scene.desk.confirm(STEWARD, proposed.id, second)
    assert scene.fields() == 1
    assert scene.desk.confirm(SECOND, proposed.id, second).erased == 1
    with pytest.raises(Conflict) as refusal:
        scene.desk.confirm(SECOND, proposed.id, second)
    assert refusal.value.code == "purge_confirmed"


def test_an_open_case_blocks_and_lifting_its_hold_frees(scene: Scene) -> None:
    held = scene.ask(MARK, licence="lic_a")
    free = scene.ask("SELECT 2", licence="lic_b")
    case = scene.files.open(AUDITOR, "核查").value
    placed = scene.files.place(AUDITOR, case.id, Scope(licences=("lic_a",))).value
    scene.pass_months(36, days=1)
    with pytest.raises(PurgeRefused) as refusal:
        scene.desk.propose(STEWARD, "question_text", None)
    assert refusal.value.code == "purge_held"
    assert refusals(scene)[-1]["cases"] == [case.id]
    proposed = scene.desk.propose(STEWARD, "question_text", None, leave_held=True).value
    assert scene.desk.confirm(SECOND, proposed.id, second).erased == 1
    with reading(scene.engine) as connection:
        assert private_of(connection, held, scene.keys)["sql"].text == MARK
        assert private_of(connection, free, scene.keys) == {}
    scene.files.lift(AUDITOR, case.id, placed.holds[0].id, "核查完毕")
    proposed = scene.desk.propose(STEWARD, "question_text", None).value
    assert scene.desk.confirm(SECOND, proposed.id, second).erased == 1


def test_a_hold_placed_between_proposal_and_confirmation_blocks(scene: Scene) -> None:
    scene.ask(MARK, licence="lic_a")
    scene.pass_months(36, days=1)
    proposed = scene.desk.propose(STEWARD, "question_text", None).value
    case = scene.files.open(AUDITOR, "核查").value
    scene.files.place(AUDITOR, case.id, Scope())
    with pytest.raises(PurgeRefused):
        scene.desk.confirm(SECOND, proposed.id, second)
    assert scene.fields() == 2  # the question and the case's grounds
    assert refusals(scene)[-1]["code"] == "purge_held"


def test_what_is_erased_is_in_no_file_any_more_and_its_key_is_gone(scene: Scene) -> None:
    index = scene.ask(MARK)
    with reading(scene.engine) as connection:
        row = connection.execute(select(entry_private)).one()
        before = entry_at(connection, index)
        key = scene.keys.data_key(row.key_name)
    sealed = bytes(row.sealed)
    stored = b"".join(path.read_bytes() for path in scene.home.glob("control.db*"))
    assert sealed in stored
    assert MARK.encode() not in stored
    backup = scene.home / "backup"
    backup.write_bytes(stored)
    scene.pass_months(36, days=1)
    done = scene.desk.confirm(
        SECOND, scene.desk.propose(STEWARD, "question_text", None).value.id, second
    )
    assert done.files_clean
    assert done.keys_destroyed == (row.key_name,)
    left = b"".join(path.read_bytes() for path in scene.home.glob("control.db*"))
    assert sealed not in left
    assert sealed[:40] not in left
    assert sealed in backup.read_bytes()
    with pytest.raises(Unavailable):
        scene.keys.data_key(row.key_name)
    assert not any(
        key in path.read_bytes() for path in (scene.home / "keys").rglob("*") if path.is_file()
    )
    with reading(scene.engine) as connection:
        assert entry_at(connection, index) == before
        (gone,) = read_entries(connection, kinds=(EntryKind.TEXT_KEY_DESTROYED,))
    assert gone.public["key_names"] == [row.key_name]
    assert gone.public["fields"] == 1
    assert gone.public["destroyed_total"] == 1
    salt = bytes.fromhex(str(gone.public["key_salt"]))
    assert gone.public["key_commitment"] == salted_commitment(salt, key)


def test_a_key_that_still_seals_something_is_kept(scene: Scene) -> None:
    scene.ask(MARK)
    scene.ask("SELECT 2", licence="lic_a")
    case = scene.files.open(AUDITOR, "核查").value
    scene.files.place(AUDITOR, case.id, Scope(licences=("lic_a",)))
    scene.pass_months(36, days=1)
    proposed = scene.desk.propose(STEWARD, "question_text", None, leave_held=True).value
    assert scene.desk.confirm(SECOND, proposed.id, second).keys_destroyed == ()


def test_a_key_whose_end_was_cut_off_is_destroyed_at_the_next_start(scene: Scene) -> None:
    class Cut(FileKeyStore):
        def destroy(self, name: str, cited: object = None) -> None:  # noqa: ARG002
            raise KeyboardInterrupt

    scene.ask(MARK)
    with reading(scene.engine) as connection:
        name = connection.execute(select(entry_private.c.key_name)).scalar_one()
    scene.pass_months(36, days=1)
    proposed = scene.desk.propose(STEWARD, "question_text", None).value
    desk = scene.desk
    desk._keys._keys = Cut(scene.home / "keys")
    with pytest.raises(KeyboardInterrupt):
        desk.confirm(SECOND, proposed.id, second)
    assert scene.keys.data_key(name)
    assert scene.text_keys.finish(scene.clock.now_us()) == [name]
    with pytest.raises(Unavailable):
        scene.keys.data_key(name)
    assert scene.text_keys.finish(scene.clock.now_us()) == []


def test_erasing_names_each_field_and_goes_on_over_several_entries(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.retention.purge.ERASED_PER_ENTRY_MAX", 3)
    asked = [scene.ask(f"SELECT {number}") for number in range(7)]
    scene.pass_months(36, days=1)
    done = scene.desk.confirm(
        SECOND, scene.desk.propose(STEWARD, "question_text", None).value.id, second
    )
    assert (done.erased, len(done.entries)) == (7, 3)
    with reading(scene.engine) as connection:
        said = [entry_at(connection, index).public for index in done.entries]
        rows = connection.execute(select(erasure.c.idx, erasure.c.erased_index)).all()
    assert [number for public in said for number in public["erased"].get("sql", ())] == asked
    assert {row.idx: row.erased_index for row in rows}.keys() == set(asked)


def test_the_most_that_one_entry_erases_fits_into_it() -> None:
    largest = [10**15 + number for number in range(ERASED_PER_ENTRY_MAX)]
    assert len(json.dumps({"erased": {"sql": largest}})) < 60_000


def test_the_list_says_what_is_due_held_overdue_and_next(scene: Scene) -> None:
    scene.ask(MARK, licence="lic_a")
    scene.pass_months(30)
    scene.ask("SELECT 2", licence="lic_a")
    case = scene.files.open(AUDITOR, "核查").value
    scene.files.place(AUDITOR, case.id, Scope(licences=("lic_a",)))
    later = scene.today
    scene.pass_months(31)
    with reading(scene.engine) as connection:
        found = {
            one.record_class.name: one
            for one in due_list(connection, scene.classes, scene.clock.now_us())
        }
    texts = found["question_text"]
    assert (texts.kept, texts.due, texts.held, texts.overdue) == (2, 1, 1, 1)
    assert texts.next_due is not None
    assert (texts.next_due.year, texts.next_due.month) == (later.year + 3, later.month)
    assert found["ledger"].record_class.minimum_months == 360


def test_a_field_that_no_class_names_is_never_due(scene: Scene) -> None:
    assert scene.classes.name_of_field("query:question:decided", "unheard_of") == "unclassed"
    assert not scene.classes.readable("query:question:decided", "unheard_of")


def test_keys_are_one_a_class_and_month(scene: Scene) -> None:
    scene.ask("SELECT 1")
    scene.ask("SELECT 2")
    scene.files.open(AUDITOR, "核查")
    scene.pass_months(1)
    scene.ask("SELECT 3")
    with reading(scene.engine) as connection:
        names = list(
            connection.execute(
                select(entry_private.c.key_name).order_by(entry_private.c.idx)
            ).scalars()
        )
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert month_of_key(names[0]) < month_of_key(names[3])
    assert [name.split(".")[1] for name in names] == ["question_text"] * 2 + [
        "reasons",
        "question_text",
    ]
