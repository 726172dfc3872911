"""A log under the real retention rules, with a clock that can be moved by years."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine, func, select

import audit.cases.store
import audit.retention.store  # noqa: F401 - the tables
from audit.cases.export import CaseExporter
from audit.cases.files import CaseFiles
from audit.cases.texts import CaseTexts
from audit.events import AuditEvent, no_effect
from audit.retention.classes import Classes
from audit.retention.keys import TextKeys
from audit.retention.purge import PurgeDesk
from audit.store import entry_private
from audit.tags import EntryKind
from audit.verify.findings import Report
from audit.verify.notes import read_key
from audit.verify.packs import verify_pack
from audit.verify.sources import read_source
from audit.view.narration import PlainNames
from audit.writer import GroupCommitWriter
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import metadata, open_engine, reading
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from foundation.terms import local_day, months_later, start_of_day_us
from policies.load import load_policies
from service.retention import classes_of
from tests.fakes import SteppedClock

ORIGIN = "test.example/log"
STEWARD = Actor("steward", "authority", frozenset({Role.AUTHORITY}))
SECOND = Actor("second", "authority", frozenset({Role.AUTHORITY}))
AUDITOR = Actor("auditor", "city_regulator", frozenset({Role.REGULATOR}))
STRANGER = Actor("stranger", "other_regulator", frozenset({Role.REGULATOR}))
ANALYST = Actor("analyst", "operator", frozenset({Role.OPERATOR}))


@dataclass
class Scene:
    """One log and everything that keeps, holds and erases its private fields."""

    home: Path
    engine: Engine
    keys: FileKeyStore
    clock: SteppedClock
    classes: Classes
    writer: GroupCommitWriter

    @property
    def text_keys(self) -> TextKeys:
        return TextKeys(self.engine, self.writer, self.keys)

    @property
    def desk(self) -> PurgeDesk:
        return PurgeDesk(self.engine, self.writer, self.text_keys, self.classes)

    @property
    def files(self) -> CaseFiles:
        return CaseFiles(self.writer)

    @property
    def texts(self) -> CaseTexts:
        return CaseTexts(self.engine, self.writer, self.keys, self.classes)

    def export(self, actor: Actor, case: str, name: str = "case.zip") -> Path:
        out = self.home / name
        exporter = CaseExporter(
            self.engine,
            self.writer,
            self.texts,
            key=self.writer.verifier_key,
            policies={"retention/national.toml": b"rules"},
            policy_digest="sha256:" + "0" * 64,
        )
        exporter.export(actor, case, names=PlainNames(), now_us=self.clock.now_us(), out=out)
        return out

    def verified(self, path: Path) -> Report:
        key = read_key(self.writer.verifier_key.text())
        return verify_pack(dict(read_source(path)), key, each_text=True)

    def ask(self, sql: str, **public: object) -> int:
        event = AuditEvent(EntryKind.QUESTION_DECIDED, ANALYST, public, {"sql": sql})
        return self.writer.submit(event, no_effect).index

    def pass_months(self, months: int, days: int = 0) -> None:
        now_us = self.clock.now_us()
        day = months_later(local_day(now_us), months)
        later = start_of_day_us(day) + now_us - start_of_day_us(local_day(now_us))
        self.clock.advance(later - now_us + days * MICROSECONDS_PER_DAY)

    @property
    def today(self) -> date:
        return local_day(self.clock.now_us())

    def fields(self) -> int:
        with reading(self.engine) as connection:
            found: int = connection.execute(
                select(func.count()).select_from(entry_private)
            ).scalar_one()
            return found


@contextmanager
def retention_scene(home: Path) -> Iterator[Scene]:
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    keys, clock = FileKeyStore(home / "keys"), SteppedClock()
    classes = classes_of(load_policies())
    with GroupCommitWriter(
        engine, keys, clock, ORIGIN, home / "head", class_of_field=classes.name_of_field
    ) as writer:
        yield Scene(home, engine, keys, clock, classes, writer)
    engine.dispose()
