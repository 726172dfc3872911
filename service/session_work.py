"""What reviews and runs notebooks, put together from the parts of one platform."""

from dataclasses import dataclass
from functools import partial

from authorization.enforcer import Enforcer
from authorization.revocation import SuspensionBoard
from policies.schema.sessions import SessionRules
from sandbox.notebooks import environment_digest
from sandbox.reviews import Ground as ReviewGround
from sandbox.reviews import ReviewDesk
from sandbox.sessions import SessionRegistry
from sandbox.subscriptions import SubscriptionDesk
from sandbox.unattended import RunDesk
from service.answering import Ground
from service.run_caps import CappedMetering
from service.unattended import UnattendedRunner


@dataclass(frozen=True)
class SessionWork:
    """Reviews of notebooks, their runs and subscriptions, and what executes them."""

    rules: SessionRules
    reviews: ReviewDesk
    runs: RunDesk
    subscriptions: SubscriptionDesk
    runner: UnattendedRunner


def session_work(
    ground: Ground,
    enforcer: Enforcer,
    board: SuspensionBoard,
    sessions: SessionRegistry,
    metering: CappedMetering,
) -> SessionWork:
    """Join the parts; nothing runs before ``runner.run_waiting``."""
    rules = ground.pack.rules(SessionRules)
    environment = partial(environment_digest, ground.settings.session_environment.resolve())
    engine, writer = ground.engine, ground.writer
    reviews = ReviewDesk(
        engine, writer, board, rules, ReviewGround(ground.pack.digest, environment)
    )
    runs = RunDesk(engine, writer, board, reviews)
    subscriptions = SubscriptionDesk(engine, writer, board, reviews, runs)
    runner = UnattendedRunner(
        engine=engine,
        clock=ground.clock,
        enforcer=enforcer,
        board=board,
        sessions=sessions,
        reviews=reviews,
        runs=runs,
        subscriptions=subscriptions,
        metering=metering,
        rules=rules,
        language=ground.settings.language,
    )
    return SessionWork(rules, reviews, runs, subscriptions, runner)
