"""The ledger's tables, the people who command it, and a settled pool."""

import pytest
from sqlalchemy import Engine

import revenue.flow.store
import revenue.store  # noqa: F401 - the ledger's tables
from audit.writer import GroupCommitWriter
from foundation.identity import Actor, Role
from policies.schema.revenue import RevenueRules
from tests.fakes import TickingClock
from tests.unit.revenue.flow_scene import Scene
from tests.unit.revenue.selling import revenue_rules


@pytest.fixture
def rules() -> RevenueRules:
    return revenue_rules()


@pytest.fixture
def authority() -> Actor:
    return Actor("zhang", "data_bureau", frozenset({Role.AUTHORITY}))


@pytest.fixture
def developer() -> Actor:
    return Actor("li", "enterprise", frozenset({Role.DEVELOPER}))


@pytest.fixture
def scene(engine: Engine, writer: GroupCommitWriter) -> Scene:
    """A pool of 5,997 fen: 339 tax, 1,886 each for three payees."""
    made = Scene.over(engine, writer, TickingClock())
    made.licence()
    made.use(times=3)
    made.settle()
    return made
