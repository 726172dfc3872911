"""A hold that is lifted while its auditor is about to read: the log decides which came first."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from audit.cases.scope import Scope
from audit.cases.texts import CaseTexts
from audit.events import AuditEvent, PendingEntry, Recorded
from audit.reading import read_entries
from audit.tags import EntryKind
from foundation.db import reading
from foundation.errors import Denied
from tests.unit.audit.retention_scene import AUDITOR, retention_scene
from tests.unit.audit.retention_scene import Scene as Kept

T = TypeVar("T")


@dataclass
class Overtaken:
    """The true writer, to which somebody else comes first by one entry."""

    scene: Kept
    case: str
    hold: str

    def submit(
        self, event: AuditEvent, apply: Callable[[Connection, PendingEntry], T]
    ) -> Recorded[T]:
        if event.kind is EntryKind.TEXTS_READ:
            self.scene.files.lift(AUDITOR, self.case, self.hold, "办结")
        return self.scene.writer.submit(event, apply)


def test_no_text_is_read_behind_the_lifting_of_its_hold(tmp_path: Path) -> None:
    with retention_scene(tmp_path) as scene:
        index = scene.ask("SELECT secret_mark FROM households")
        case = scene.files.open(AUDITOR, "群众举报核查").value.id
        (hold,) = scene.files.place(AUDITOR, case, Scope()).value.holds
        writer = Overtaken(scene, case, hold.id)
        texts = CaseTexts(scene.engine, writer, scene.keys, scene.classes)
        with pytest.raises(Denied, match="entry_not_covered"):
            texts.read(AUDITOR, case, [index])
        with reading(scene.engine) as connection:
            assert read_entries(connection, kinds=(EntryKind.TEXTS_READ,)) == []
            assert len(read_entries(connection, kinds=(EntryKind.TEXTS_REFUSED,))) == 1
