"""Real screens for tests: the packaged rules, a real log, and limits as a test sets them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from foundation.clock import Clock, SystemClock
from foundation.db import open_engine
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.screen import ScreenRules
from sandbox.screen import Screens, SlotScreen
from service.migrate import upgrade
from service.retention import classes_of

PERSON, ORGANISATION, LICENCE, SESSION = "p1", "org_1", "lic_1", "ses_test"


def screen_rules(**parts: dict[str, Any]) -> ScreenRules:
    """Return the packaged rules with some fields of some parts changed."""
    rules = load_policies().rules(ScreenRules)
    changed = {name: getattr(rules, name).model_copy(update=some) for name, some in parts.items()}
    return rules.model_copy(update=changed)


@contextmanager
def screen_log(
    home: Path, clock: Clock | None = None
) -> Iterator[tuple[Engine, GroupCommitWriter]]:
    """Open a real log in a directory, or the one that is there."""
    engine = open_engine(f"sqlite:///{home}/control.db")
    upgrade(engine)
    keys = FileKeyStore(home / "keys")
    classed = classes_of(load_policies()).name_of_field
    with GroupCommitWriter(
        engine,
        keys,
        clock or SystemClock(),
        "test.example/log",
        home / "head",
        class_of_field=classed,
    ) as writer:
        yield engine, writer
    engine.dispose()


@contextmanager
def opened_screens(
    home: Path, clock: Clock | None = None, **parts: dict[str, Any]
) -> Iterator[tuple[Screens, Engine]]:
    """Open screens over a real log in a directory."""
    with screen_log(home, clock) as (engine, writer):
        screens = Screens(screen_rules(**parts), engine, writer, clock or SystemClock())
        try:
            yield screens, engine
        finally:
            screens.close()


def screen_of(screens: Screens, slot: str, session: str = SESSION) -> SlotScreen:
    """Return the screen of the test's own person in a slot."""
    return screens.of(slot, PERSON, ORGANISATION, LICENCE, session)
