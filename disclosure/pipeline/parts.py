"""What the pipeline is handed, once, by the bootstrap."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from audit.events import Writer
from authorization.enforcer import Enforcer
from authorization.revocation import SuspensionBoard
from disclosure.engine.supervisor import EnginePool
from disclosure.gate.question import QueryGate
from disclosure.metering import QuestionMeter
from disclosure.twins.shelf import TwinShelf
from foundation.clock import Clock
from foundation.errors import SandgateError
from foundation.keys import KeyStore
from policies.schema.gate import GateRules
from policies.schema.history import HistoryRules
from policies.schema.privacy import PrivacyRules


@dataclass(frozen=True)
class PipelineParts:
    """What the bootstrap hands the pipeline.

    ``fault`` is called at named points, for tests. ``closed`` says why no private question is
    answered in this process, where that is so. ``environment_digest`` names the environment of
    sessions.
    """

    engine: Engine
    writer: Writer
    clock: Clock
    keys: KeyStore
    home: Path
    enforcer: Enforcer
    board: SuspensionBoard
    gate: QueryGate
    pool: EnginePool
    privacy: PrivacyRules
    limits: GateRules
    history: HistoryRules
    policy_digest: str
    fault: Callable[[str], None]
    closed: Callable[[], SandgateError | None]
    meter: QuestionMeter
    shelf: TwinShelf
    environment_digest: Callable[[], str]
