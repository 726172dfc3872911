"""The composition root: real parts are chosen here, once, and refused here where one is missing.

``Platform`` is what every endpoint is handed. Nothing else in the service builds a part.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Engine

from audit.coalescing import CoalescingLog
from audit.events import Writer
from audit.writer import GroupCommitWriter
from authorization.enforcer import Enforcer
from authorization.independence import check_apart
from authorization.organisation_registry import credit_code_of
from authorization.revocation import Revocation, SuspensionBoard
from authorization.snapshots import enforcer_of
from authorization.validation import LicenceRuleset
from catalog.book.parts import Book
from catalog.matters.clocks import Clocks
from catalog.publishing import Publisher
from catalog.zones.zones import finish_destroyed
from disclosure.asks import Asks
from disclosure.engine.supervisor import EnginePool
from disclosure.pipeline.asking import Pipeline
from disclosure.release.contents.intake import Intake
from disclosure.release.desk import ReleaseDesk
from disclosure.release.parts import DeskParts
from disclosure.release.tables.desk import TableDesk
from disclosure.release.tables.previewing import TablePreviews
from disclosure.release.tables.source import TableFiles
from disclosure.verify.verifier import Verifier
from foundation.clock import Clock, SystemClock
from foundation.confinement import launch
from foundation.db import open_engine, reading
from foundation.host_report import HostReport
from foundation.identity import Actor, Role
from foundation.keys import CIPHERS, KeyStore
from foundation.settings import Settings
from policies.load import PolicyPack, load_policies
from policies.schema.catalog import CatalogRules
from policies.schema.disclosure import DisclosureRules
from policies.schema.gate import GateRules
from policies.schema.screen import ScreenRules
from policies.schema.witness import WitnessRules
from revenue.flow.moving import MoneyMoves
from sandbox.isolation import check_isolation
from sandbox.screen import Screens
from sandbox.sessions import Doors, SessionRegistry
from sandbox.slots import Slots
from sandbox.tickets import Tickets
from service.activation import Activation
from service.answering import Ground, build_pipeline, build_verifier
from service.backend_probing import start_report
from service.doors import SessionDoors
from service.extract_keeping import ExtractKeeper
from service.founding import AUTHORITY, found
from service.idempotency import IdempotentWriter
from service.key_opening import OpenedKeys, authority_of, open_keys
from service.login.configuration import read_issuers
from service.login.desk import LoginDesk, login_desk
from service.metering import UseMetering, use_metering
from service.migrate import upgrade
from service.notices.parts import NoticeParts, notice_parts
from service.production import check_mode
from service.readers import Readers
from service.received import ReceivedList
from service.regulator.oversight import Oversight
from service.release_sources import foreign_reader, release_sources
from service.release_tables import build_table_desk, build_table_previews
from service.retention import RecordKeeping, classes_of
from service.run_caps import CappedMetering
from service.session_homes import SessionHomes, session_homes
from service.session_proxy import SessionProxy
from service.session_slots import session_slots
from service.session_work import SessionWork, session_work
from service.shop import ProductShop
from service.starting import log_start, remove_uploads
from service.tokens import TokenIssuer
from service.witness_secrets import check_witness_secrets
from service.witnessing import WitnessedWriter, Witnessing, open_witnessing, read_peers
from service.workers import (
    engine_limits,
    money_moves,
    service_environment,
    session_backend,
    version_publisher,
)


@dataclass(frozen=True)
class Platform:
    """Everything an endpoint may use."""

    settings: Settings
    engine: Engine
    log: GroupCommitWriter
    writer: Writer
    keys: KeyStore
    opened_keys: OpenedKeys
    clock: Clock
    pack: PolicyPack
    notices: NoticeParts
    issuer: TokenIssuer
    enforcer: Enforcer
    revocation: Revocation
    board: SuspensionBoard
    publisher: Publisher
    activation: Activation
    pool: EnginePool
    pipeline: Pipeline
    asks: Asks
    verifier: Verifier
    desk: ReleaseDesk
    intake: Intake
    previews: TablePreviews
    shop: ProductShop
    money: MoneyMoves
    received: ReceivedList
    oversight: Oversight
    records: RecordKeeping
    denials: CoalescingLog
    readers: Readers
    sessions: SessionRegistry
    work: SessionWork
    homes: SessionHomes
    proxy: SessionProxy
    tickets: Tickets
    doors: SessionDoors
    slots: Slots
    witnessing: Witnessing
    login: LoginDesk

    authority: str = AUTHORITY

    def as_seen_here(self, actor: Actor) -> Actor:
        """Take the authority's role from anyone who does not act for the authority itself."""
        if actor.organisation == self.authority:
            return actor
        return replace(actor, roles=actor.roles - {Role.AUTHORITY})

    @property
    def clocks(self) -> Clocks:
        """The clocks of the jurisdiction in force."""
        return self.notices.chase.clocks

    @property
    def catalog_rules(self) -> CatalogRules:
        """The rules of the catalogue."""
        return self.pack.rules(CatalogRules)

    @property
    def book(self) -> Book:
        """The catalogue's book: what its moves work with."""
        parts = (self.writer, self.catalog_rules, self.clocks, self.authority)
        return Book(*parts, check_apart, credit_code_of)

    @property
    def licence_rules(self) -> LicenceRuleset:
        """The rules that a licence is checked against."""
        return LicenceRuleset.of(self.pack)

    def close(self) -> None:
        """End sessions and workers, then the log; refusals that were only counted are written."""
        self.work.runner.close()
        self.notices.close()
        self.sessions.close_all("service_stopped")
        self.pipeline.write_counted_refusals(everything=True)
        self.denials.write_counted(everything=True)
        self.oversight.close()
        self.doors.close()
        self.slots.close()
        self.pool.close()
        self.witnessing.cosigning.close()
        self.log.close()
        self.opened_keys.close()
        self.enforcer.close()
        self.engine.dispose()


def build_platform(
    settings: Settings,
    *,
    clock: Clock | None = None,
    fault: Callable[[str], None] | None = None,
    host: HostReport | None = None,
) -> Platform:
    """Build the platform of this process, or refuse to. ``fault`` is for crash tests.

    Whatever a refused start had opened is closed again.
    """
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock = clock or SystemClock()
    check_mode(settings, read_issuers(settings))
    check_isolation(host or start_report(settings), settings.mode)
    pack = load_policies(settings.policies)
    with ExitStack() as undo:
        engine = open_engine(settings.control_store_url)
        undo.callback(engine.dispose)
        upgrade(engine)
        opened = open_keys(settings)
        undo.callback(opened.close)
        keys, head = opened.store, settings.home / "head" / "head"
        log = GroupCommitWriter(
            engine,
            keys,
            clock,
            settings.log_origin,
            head,
            signer=opened.signer,
            fault=fault,
            class_of_field=classes_of(pack).name_of_field,
            cipher=CIPHERS[settings.data_cipher],
        )
        undo.callback(log.close)
        witnessing = _witnessing(settings, pack, engine, log, clock, undo)
        ground = Ground(
            settings=settings,
            clock=clock,
            opened=opened,
            pack=pack,
            engine=engine,
            log=log,
            writer=WitnessedWriter(IdempotentWriter(log), witnessing),
            authority=authority_of(settings, opened, engine),
            witnessing=witnessing,
            fault=fault or _no_fault,
        )
        platform = _assembled(ground, undo)
        _put_in_order(platform)
        undo.pop_all()
    return platform


def _assembled(ground: Ground, undo: ExitStack) -> Platform:
    """Join the parts. Nothing starts a process but the session backend, at its first session."""
    log_start(ground.writer, ground.engine, ground.settings, ground.pack)
    found(ground.writer, ground.engine, ground.settings, ground.opened.store)
    settings, pack, writer, engine = ground.settings, ground.pack, ground.writer, ground.engine
    board = SuspensionBoard(settings.home / "closures")
    launcher = partial(launch, bubblewrap=settings.bubblewrap)
    pool = EnginePool(service_environment(), engine_limits(settings), ground.clock, launcher)
    undo.callback(pool.close)
    enforcer = _enforcer(ground)
    undo.callback(enforcer.close)
    tickets = Tickets(ground.clock)
    screens = Screens(pack.rules(ScreenRules), engine, writer, ground.clock)
    undo.callback(screens.close)
    doors = SessionDoors(settings, tickets, screens)
    undo.callback(doors.close)
    denials = CoalescingLog(writer, ground.clock, _refusals_per_minute(pack))
    login = login_desk(ground, denials)
    slots = session_slots(settings, pack, session_backend(settings), ground.clock, denials)
    undo.callback(slots.close)
    homes = session_homes(ground, enforcer, board)
    opening = Doors(doors.open, doors.darken, homes.bring_back, homes.save)
    metering = use_metering(pack, writer, ground.opened.store, settings)
    capped = CappedMetering(metering)
    sessions = SessionRegistry(engine, writer, slots, screens.egress, opening, metering)
    board.listen(pool.drop)
    board.listen(doors.darken_licence)
    tables = build_table_desk(ground, enforcer, board, pool)
    return Platform(
        settings=settings,
        engine=engine,
        log=ground.log,
        writer=writer,
        keys=ground.opened.store,
        opened_keys=ground.opened,
        clock=ground.clock,
        pack=pack,
        notices=notice_parts(ground, AUTHORITY, undo),
        issuer=login.issuer,
        enforcer=enforcer,
        revocation=Revocation(board, engine, writer, ground.clock),
        board=board,
        publisher=version_publisher(settings, engine, writer, pack, ground.opened.store),
        activation=_activation(ground, enforcer, pool),
        pool=pool,
        asks=Asks(),
        pipeline=build_pipeline(ground, enforcer, board, pool, capped),
        verifier=build_verifier(ground, enforcer, board, pool, denials, capped),
        desk=_desk(ground, enforcer, board, metering, tables),
        intake=Intake(engine, writer, board, foreign_reader(settings, pack)),
        previews=build_table_previews(ground, board, tables),
        shop=ProductShop(engine, writer, board, metering, ground.opened.store),
        money=money_moves(settings, engine, writer, ground.clock, pack, metering.repricing),
        received=ReceivedList(engine, writer),
        oversight=Oversight(engine, writer, ground.clock, pack, ground.log.verifier_key),
        records=RecordKeeping.of(
            engine, writer, ground.opened.store, pack, ground.log.verifier_key
        ),
        denials=denials,
        readers=Readers(AUTHORITY),
        sessions=sessions,
        work=session_work(ground, enforcer, board, sessions, capped),
        homes=homes,
        proxy=doors.proxy,
        tickets=tickets,
        doors=doors,
        slots=slots,
        witnessing=ground.witnessing,
        login=login,
    )


def _desk(
    ground: Ground,
    enforcer: Enforcer,
    board: SuspensionBoard,
    metering: UseMetering,
    tables: TableDesk,
) -> ReleaseDesk:
    parts = DeskParts(
        engine=ground.engine,
        writer=ground.writer,
        keys=ground.opened.store,
        board=board,
        enforcer=enforcer,
        rules=ground.pack.rules(DisclosureRules),
        meter=metering,
        sources=release_sources(ground.settings, ground.pack, [TableFiles(tables)]),
    )
    return ReleaseDesk(parts)


def _witnessing(
    settings: Settings,
    pack: PolicyPack,
    engine: Engine,
    log: GroupCommitWriter,
    clock: Clock,
    undo: ExitStack,
) -> Witnessing:
    peers = () if settings.witnesses is None else read_peers(settings.witnesses)
    check_witness_secrets(settings, peers, log.verifier_key)
    return open_witnessing(pack.rules(WitnessRules), peers, engine, log, clock, undo)


def _put_in_order(platform: Platform) -> None:
    """Settle what an earlier process left half done, before anything is served."""
    remove_uploads(platform.settings.home)
    platform.publisher.remove_leftovers()
    platform.revocation.reconcile()
    platform.revocation.expire_due()
    platform.revocation.suspend_without_consent()
    with reading(platform.engine) as connection:
        finish_destroyed(connection, platform.keys, platform.settings.home)
    platform.sessions.recover()
    platform.work.runs.recover()
    platform.homes.keeper.remove_leftovers()
    platform.homes.destroy_ended()
    platform.activation.remove_leftovers()
    platform.activation.complete()
    platform.activation.reload()
    platform.desk.resume()
    platform.records.keys.finish(platform.clock.now_us())


def _enforcer(ground: Ground) -> Enforcer:
    return enforcer_of(ground.engine, ground.pack, ground.authority.accepted, AUTHORITY)


def _activation(ground: Ground, enforcer: Enforcer, pool: EnginePool) -> Activation:
    return Activation(
        engine=ground.engine,
        writer=ground.writer,
        keys=ground.opened.store,
        enforcer=enforcer,
        pack=ground.pack,
        home=ground.settings.home,
        authority=ground.authority,
        authority_signs_with=ground.opened.development,
        keeper=ExtractKeeper(
            engine=ground.engine,
            writer=ground.writer,
            keys=ground.opened.store,
            pack=ground.pack,
            home=ground.settings.home,
            forget=lambda licence, now: pool.drop(licence) if now else pool.drop_idle(licence),
        ),
    )


def _no_fault(_point: str) -> None:
    """Nothing fails on purpose but in crash tests."""


def _refusals_per_minute(pack: PolicyPack) -> int:
    return pack.rules(GateRules).refusals_logged_per_minute_max
