"""I5: whatever is asked, by whom, at once or after a restart, spent never passes a cap or falls."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.documents import PrivacyBudget
from disclosure.budget import (
    Charge,
    charge_budget,
    check_odometer,
    odometer,
    open_licence,
    open_population,
    population_node,
    remaining,
)
from disclosure.outcome import Refused
from foundation.db import metadata, open_engine, reading
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock
from tests.planning import RULES

LICENCES = ("lic_a", "lic_b")
charges = st.lists(
    st.tuples(st.sampled_from(LICENCES), st.integers(0, 400)), min_size=1, max_size=12
)


def opened(directory: Path, lifetime: int, caps: tuple[int, int]) -> Engine:
    engine = open_engine(f"sqlite:///{directory}/control.db")
    metadata.create_all(engine)
    rules = RULES.model_copy(update={"population_lifetime_nano_rho_max": lifetime})
    with engine.begin() as connection:
        open_population(connection, "residents", rules, 0)
        for licence, cap in zip(LICENCES, caps, strict=True):
            budget = PrivacyBudget(
                population="residents", budget_nano_rho=cap, question_nano_rho_max=cap
            )
            open_licence(connection, licence, budget, 0)
    return engine


def take(engine: Engine, licence: str, nano_rho: int) -> bool:
    asked = Charge("residents", licence, nano_rho, "sha256:plan")
    try:
        with engine.begin() as connection:
            charge_budget(connection, asked, entry_index=0, now_us=0)
    except Refused:
        return False
    return True


@settings(max_examples=20, deadline=None)
@given(
    asked=charges,
    lifetime=st.integers(1, 1_500),
    caps=st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)),
)
def test_a_charge_passes_exactly_where_every_level_has_room(
    asked: list[tuple[str, int]], lifetime: int, caps: tuple[int, int]
) -> None:
    with TemporaryDirectory() as directory:
        engine = opened(Path(directory), lifetime, caps)
        spent = dict.fromkeys(LICENCES, 0)
        for licence, nano_rho in asked:
            cap = caps[LICENCES.index(licence)]
            fits = spent[licence] + nano_rho <= cap and sum(spent.values()) + nano_rho <= lifetime
            assert take(engine, licence, nano_rho) is fits
            spent[licence] += nano_rho * fits
            engine.dispose()  # the next charge opens the file afresh, as after a restart
        with reading(engine) as connection:
            check_odometer(connection)
            total = odometer(connection).get(population_node("residents"), (0, 0))
            left = [remaining(connection, "residents", name).licence for name in LICENCES]
        engine.dispose()
    assert total == (sum(spent.values()), 0)
    assert [level.spent_nano_rho for level in left] == list(spent.values())


def test_many_at_once_take_exactly_what_there_is(tmp_path: Path) -> None:
    engine = opened(tmp_path, lifetime=1_050, caps=(10_000, 10_000))
    keys = FileKeyStore(tmp_path / "keys")
    won: list[int] = []

    def ask(licence: str) -> None:
        charge = Charge("residents", licence, 100, "sha256:plan")

        def apply(connection: object, entry: PendingEntry) -> None:
            charge_budget(connection, charge, entry_index=entry.index, now_us=entry.time_us)  # type: ignore[arg-type]

        for _ in range(4):
            try:
                event = AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR)
                won.append(writer.submit(event, apply).index)
            except Refused:
                return

    with GroupCommitWriter(
        engine, keys, SteppedClock(), "example.org/log", tmp_path / "head"
    ) as writer:
        threads = [threading.Thread(target=ask, args=(LICENCES[i % 2],)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with reading(engine) as connection:
        check_odometer(connection)
        left = remaining(connection, "residents", "lic_a").population.remaining_nano_rho
    engine.dispose()
    assert len(won) == len(set(won)) == 10
    assert left == 50
