"""The real writer over the ledger's tables, and the people who command it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

import revenue.flow.store
import revenue.store  # noqa: F401 - the ledger's tables
from audit.writer import GroupCommitWriter
from foundation.db import metadata
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from policies.schema.revenue import RevenueRules
from tests.fakes import SteppedClock
from tests.unit.revenue.selling import revenue_rules


@pytest.fixture
def rules() -> RevenueRules:
    return revenue_rules()


@pytest.fixture
def writer(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[GroupCommitWriter]:
    metadata.create_all(engine)
    with GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head") as opened:
        yield opened


@pytest.fixture
def authority() -> Actor:
    return Actor("zhang", "data_bureau", frozenset({Role.AUTHORITY}))


@pytest.fixture
def developer() -> Actor:
    return Actor("li", "enterprise", frozenset({Role.DEVELOPER}))
