"""A close bills every payer: no service account and no regulator opens or closes a period."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

import revenue.flow.store  # noqa: F401 - the ledger's tables
from audit.writer import GroupCommitWriter
from foundation.db import metadata
from foundation.errors import Denied
from foundation.identity import Actor
from foundation.keys import FileKeyStore
from revenue.periods import close_period, open_period
from tests.fakes import SteppedClock
from tests.unit.revenue.flow_scene import BUYER, CLERK, REGULATOR, RULES, SERVICE, TELLER


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        (SERVICE, "service_account_cannot_approve"),
        (REGULATOR, "regulator_never_writes"),
        (TELLER, "authority_required"),
        (BUYER, "authority_required"),
    ],
)
def test_only_a_person_of_the_authority_opens_or_closes(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path, actor: Actor, code: str
) -> None:
    metadata.create_all(engine)
    with GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head") as writer:
        with pytest.raises(Denied, match=code):
            open_period(writer, actor, "p1")
        open_period(writer, CLERK, "p1")
        with pytest.raises(Denied, match=code):
            close_period(writer, actor, "p1", RULES)
