"""The composition root: real parts are chosen here, once, and refused here where one is missing.

``Platform`` is what every endpoint is handed. Nothing else in the service builds a part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from audit.events import AuditEvent, Writer, no_effect
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.enforcer import Enforcer
from authorization.revocation import Revocation, SuspensionBoard
from authorization.signing import AUTHORITY_KEY
from authorization.snapshots import assemble
from authorization.validation import LicenceRuleset
from catalog.builder import ConfinedBuilder
from catalog.publishing import Publisher
from disclosure.engine.supervisor import EngineLimits, EnginePool
from disclosure.gate.question import QueryGate
from disclosure.pipeline import Pipeline, PipelineParts
from disclosure.release.desk import ReleaseDesk
from foundation.clock import Clock, SystemClock
from foundation.db import open_engine, reading
from foundation.errors import Message, Unavailable
from foundation.host_report import HostReport, probe_host
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore, KeyStore
from foundation.settings import Mode, Settings
from policies.load import PolicyPack, load_policies
from policies.schema.catalog import CatalogRules
from policies.schema.disclosure import DisclosureRules
from policies.schema.gate import GateRules
from policies.schema.privacy import PrivacyRules
from policies.schema.revenue import RevenueRules
from sandbox.backends.bubblewrap import BubblewrapBackend, SessionLimits
from sandbox.egress import EgressBudget
from sandbox.isolation import check_isolation
from sandbox.sessions import Doors, SessionRegistry
from sandbox.tickets import Tickets
from service.activation import Activation
from service.doors import SessionDoors
from service.founding import AUTHORITY, found
from service.idempotency import IdempotentWriter
from service.migrate import upgrade
from service.readers import Readers
from service.received import ReceivedList
from service.session_proxy import SessionProxy
from service.shop import ProductShop
from service.tokens import DevelopmentIssuer, TokenIssuer


@dataclass(frozen=True)
class Platform:
    """Everything an endpoint may use."""

    settings: Settings
    engine: Engine
    log: GroupCommitWriter
    writer: Writer
    keys: KeyStore
    clock: Clock
    pack: PolicyPack
    issuer: TokenIssuer
    enforcer: Enforcer
    revocation: Revocation
    board: SuspensionBoard
    publisher: Publisher
    activation: Activation
    pool: EnginePool
    pipeline: Pipeline
    desk: ReleaseDesk
    shop: ProductShop
    received: ReceivedList
    readers: Readers
    sessions: SessionRegistry
    proxy: SessionProxy
    tickets: Tickets
    doors: SessionDoors
    backend: BubblewrapBackend

    authority: str = AUTHORITY

    @property
    def catalog_rules(self) -> CatalogRules:
        """The rules of the catalogue."""
        return self.pack.rules(CatalogRules)

    @property
    def licence_rules(self) -> LicenceRuleset:
        """The rules that a licence is checked against."""
        return LicenceRuleset.of(self.pack)

    def close(self) -> None:
        """End sessions and workers, then the log."""
        for session in self.sessions.sessions(live=True):
            self.sessions.close(session.id, SYSTEM_ACTOR, "service_stopped")
        self.doors.close()
        self.backend.close()
        self.pool.close()
        self.log.close()
        self.engine.dispose()


def build_platform(
    settings: Settings,
    *,
    clock: Clock | None = None,
    fault: Callable[[str], None] | None = None,
    host: HostReport | None = None,
) -> Platform:
    """Build the platform of this process, or refuse to. ``fault`` is for crash tests."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock = clock or SystemClock()
    keys = FileKeyStore(settings.home / "keys")
    issuer = DevelopmentIssuer(keys, clock)
    _check_mode(settings, issuer)
    environment = settings.session_environment.resolve()
    check_isolation(
        host or probe_host(_service_environment(), bubblewrap=settings.bubblewrap), settings.mode
    )
    pack = load_policies(settings.policies)
    engine = open_engine(settings.control_store_url)
    upgrade(engine)
    log = GroupCommitWriter(
        engine, keys, clock, settings.log_origin, settings.home / "head" / "head", fault=fault
    )
    return _assemble(settings, clock, keys, issuer, pack, engine, log, environment, fault)


def _assemble(
    settings: Settings,
    clock: Clock,
    keys: KeyStore,
    issuer: TokenIssuer,
    pack: PolicyPack,
    engine: Engine,
    log: GroupCommitWriter,
    environment: Path,
    fault: Callable[[str], None] | None,
) -> Platform:
    writer = IdempotentWriter(log)
    writer.submit(_started(settings, pack), no_effect)
    found(writer, engine)
    board = SuspensionBoard(settings.home / "closures")
    revocation = Revocation(board, engine, writer, clock)
    pool = EnginePool(_service_environment(), _engine_limits(settings), clock)
    publisher = _publisher(settings, engine, writer, pack)
    publisher.remove_leftovers()
    authority_key = keys.ensure_signing_key(AUTHORITY_KEY)
    with reading(engine) as connection:
        enforcer = Enforcer(assemble(connection, pack, authority_key).snapshot)
    activation = Activation(
        engine=engine,
        writer=writer,
        keys=keys,
        enforcer=enforcer,
        pack=pack,
        home=settings.home,
        authority_key=authority_key,
    )
    pipeline = Pipeline(
        PipelineParts(
            engine=engine,
            writer=writer,
            clock=clock,
            keys=keys,
            home=settings.home,
            enforcer=enforcer,
            board=board,
            gate=QueryGate(pool.parse, pack.rules(GateRules)),
            pool=pool,
            privacy=pack.rules(PrivacyRules),
            limits=pack.rules(GateRules),
            policy_digest=pack.digest,
            fault=fault or (lambda _point: None),
        )
    )
    desk = ReleaseDesk(engine, writer, keys, board, pack.rules(DisclosureRules))
    tickets = Tickets(clock)
    egress = EgressBudget(clock, settings.egress_bytes_per_day_max)
    doors = SessionDoors(settings, tickets, egress)
    backend = _backend(settings, environment)
    sessions = SessionRegistry(
        engine, writer, backend, egress, Doors(open=doors.open, darken=doors.darken)
    )
    board.listen(pool.drop)
    board.listen(doors.darken_licence)
    platform = Platform(
        settings=settings,
        engine=engine,
        log=log,
        writer=writer,
        keys=keys,
        clock=clock,
        pack=pack,
        issuer=issuer,
        enforcer=enforcer,
        revocation=revocation,
        board=board,
        publisher=publisher,
        activation=activation,
        pool=pool,
        pipeline=pipeline,
        desk=desk,
        shop=ProductShop(engine, writer, board, pack.rules(RevenueRules)),
        received=ReceivedList(engine, writer),
        readers=Readers(AUTHORITY),
        sessions=sessions,
        proxy=doors.proxy,
        tickets=tickets,
        doors=doors,
        backend=backend,
    )
    revocation.reconcile()
    revocation.expire_due()
    sessions.recover()
    activation.reload()
    return platform


def _service_environment() -> Path:
    """Return the environment that workers run in: the service's own."""
    import sys  # noqa: PLC0415 - the one place that asks which environment this is

    return Path(sys.prefix)


def _check_mode(settings: Settings, issuer: TokenIssuer) -> None:
    if settings.mode is Mode.PRODUCTION and issuer.development:
        raise Unavailable(
            "development_issuer_in_production",
            Message(
                "生产模式不得使用内置开发令牌签发器；请配置统一身份认证（OIDC）。",
                "Production refuses the built-in development issuer; configure an OIDC issuer.",
            ),
            field="mode",
            rule="I10",
        )


def _started(settings: Settings, pack: PolicyPack) -> AuditEvent:
    public = {
        "mode": settings.mode.value,
        "policy_digest": pack.digest,
        "rule_files": dict(pack.file_digests),
    }
    return AuditEvent(EntryKind.SERVICE_STARTED, SYSTEM_ACTOR, public)


def _engine_limits(settings: Settings) -> EngineLimits:
    return EngineLimits(
        workers_max=settings.workers_resident_max,
        worker_memory_bytes_max=settings.worker_memory_bytes_max,
    )


def _publisher(settings: Settings, engine: Engine, writer: Writer, pack: PolicyPack) -> Publisher:
    rules = pack.rules(CatalogRules)
    builder = ConfinedBuilder(
        environment=_service_environment(),
        memory_bytes_max=settings.worker_memory_bytes_max,
        rows_max=rules.rows_max,
        bubblewrap=settings.bubblewrap,
    )
    return Publisher(engine, writer, builder, settings.home, rules)


def _backend(settings: Settings, environment: Path) -> BubblewrapBackend:
    return BubblewrapBackend(
        environment=environment,
        limits=SessionLimits(
            memory_bytes_max=settings.session_memory_bytes_max,
            pids_max=settings.session_pids_max,
            home_bytes_max=settings.session_home_bytes_max,
        ),
        bubblewrap=settings.bubblewrap,
        language=settings.language,
    )
