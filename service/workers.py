"""What the confined children of this service are started with: engines, builders, sessions."""

from pathlib import Path

from sqlalchemy import Engine

from audit.events import Writer
from catalog.builder import ConfinedBuilder
from catalog.publishing import Publisher
from catalog.resources.standing import StandingRules
from catalog.resources.tables import TableReader
from catalog.sheets.reading import SheetReader, bounds_of
from disclosure.engine.limits import EngineLimits
from foundation.clock import Clock
from foundation.keys import KeyStore
from foundation.settings import Settings
from policies.load import PolicyPack
from policies.schema.catalog import CatalogRules
from policies.schema.exchange import ExchangeRules
from policies.schema.revenue import RevenueRules
from revenue.flow.moving import MoneyMoves
from revenue.repricing import Repricing
from revenue.settlement_files.return_reader import ConfinedReturnReader
from sandbox.backends.bubblewrap import BubblewrapBackend, SessionLimits
from sandbox.backends.gvisor import GvisorBackend
from sandbox.backends.interface import SessionBackend

BUBBLEWRAP, GVISOR = "bubblewrap", "gvisor"
BACKENDS = (BUBBLEWRAP, GVISOR)


def service_environment() -> Path:
    """Return the environment that workers run in: the service's own."""
    import sys  # noqa: PLC0415 - the one place that asks which environment this is

    return Path(sys.prefix)


def engine_limits(settings: Settings) -> EngineLimits:
    """Return what the engine workers may use, as settings say."""
    return EngineLimits(
        workers_max=settings.workers_resident_max,
        worker_memory_bytes_max=settings.worker_memory_bytes_max,
        aggregate_processors=settings.kept_processors,
        other_processors=settings.other_processors,
    )


def version_publisher(
    settings: Settings, engine: Engine, writer: Writer, pack: PolicyPack, keys: KeyStore
) -> Publisher:
    """Return what brings data sets' versions in, each built in a confined child."""
    rules = pack.rules(CatalogRules)
    builder = ConfinedBuilder(
        environment=service_environment(),
        memory_bytes_max=settings.worker_memory_bytes_max,
        rows_max=rules.rows_max,
        bubblewrap=settings.bubblewrap,
        processors=settings.other_processors,
    )
    sheets = SheetReader(
        environment=service_environment(),
        bounds=bounds_of(pack.rules(ExchangeRules).sheets),
        bubblewrap=settings.bubblewrap,
        processors=settings.other_processors,
    )
    tables = TableReader(
        environment=service_environment(),
        connections=settings.source_connections,
        bytes_max=rules.source_bytes_max,
    )
    standing = StandingRules.of(pack)
    return Publisher(engine, writer, builder, settings.home, rules, keys, standing, sheets, tables)


def session_backend(settings: Settings) -> SessionBackend:
    """Return what starts sessions on this host. Raises Unavailable where its parts are missing."""
    environment = settings.session_environment.resolve()
    limits = SessionLimits(
        memory_bytes_max=settings.session_memory_bytes_max,
        pids_max=settings.session_pids_max,
        home_bytes_max=settings.session_home_bytes_max,
        processors=settings.other_processors,
        cpus_max=settings.session_processors_max,
        inodes_max=settings.session_files_max,
    )
    language = settings.language
    if settings.session_backend == GVISOR:
        return GvisorBackend(
            environment,
            limits,
            bubblewrap=settings.bubblewrap,
            language=language,
            runsc=settings.runsc,
        )
    return BubblewrapBackend(environment, limits, bubblewrap=settings.bubblewrap, language=language)


def money_moves(
    settings: Settings,
    engine: Engine,
    writer: Writer,
    clock: Clock,
    pack: PolicyPack,
    repricing: Repricing,
) -> MoneyMoves:
    """Return what moves money; a bank's answer is read in a confined child."""
    reader = ConfinedReturnReader(
        environment=service_environment(),
        bubblewrap=settings.bubblewrap,
        processors=settings.other_processors,
    )
    return MoneyMoves(engine, writer, clock, pack.rules(RevenueRules), reader, repricing)
