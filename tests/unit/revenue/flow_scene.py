"""A settled pool and the people who move its money: the real tables, writer and moves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store as authorization_store
from authorization.documents import LicenceDocument
from foundation.canonical import canonical_bytes, digest
from foundation.db import reading
from foundation.identity import Actor, ActorKind, Role
from policies.schema.revenue import Meter
from revenue.disputes.opening import hold_dispute, open_dispute
from revenue.flow.confirmations import claim_of, confirm_statement
from revenue.flow.moves import Done, Move
from revenue.flow.moving import Incoming, MoneyMoves
from revenue.flow.pool_state import PoolState, pool_state
from revenue.ledger import balances
from revenue.metering import Use, meter
from revenue.periods import close_period, open_period
from revenue.schemes.versions import scheme_digest_in_force
from revenue.settlement_files.details import Details
from revenue.settlement_files.return_forms import Returned, read_return
from tests.fakes import TickingClock
from tests.unit.revenue.selling import make_licence, revenue_rules

RULES = revenue_rules()
PAYEES = ("civil_affairs", "education", "platform")
CLERK = Actor("zhang", "data_bureau", frozenset({Role.AUTHORITY}))
CHIEF = Actor("wang", "finance_bureau", frozenset({Role.FINANCE}))
SERVICE = Actor("robot", "data_bureau", frozenset({Role.AUTHORITY}), ActorKind.SERVICE)
LATECOMER = Actor("late", "data_bureau", frozenset({Role.AUTHORITY}), since_us=2**60)
REGULATOR = Actor("zhao", "regulator", frozenset({Role.REGULATOR, Role.AUTHORITY}))
TELLER = Actor("teller", "operator", frozenset({Role.OPERATOR}))
BUYER = Actor("li", "enterprise", frozenset({Role.DEVELOPER}))
KINDS = {"finance_bureau": "finance", "operator": "operator"}


def payee_person(payee: str) -> Actor:
    return Actor(f"person_of_{payee}", payee, frozenset({Role.PROVIDER}))


def put_licence(connection: Connection, licence: LicenceDocument) -> None:
    """Put a licence in force as a signed row, with the organisations that it names."""
    organisation, person = authorization_store.organisation, authorization_store.person
    for name in (licence.authority, licence.operator, CHIEF.organisation):
        if not connection.execute(
            select(organisation.c.id).where(organisation.c.id == name)
        ).first():
            connection.execute(
                insert(organisation).values(
                    id=name,
                    kind=KINDS.get(name, "authority"),
                    name_zh=name,
                    name_en=name,
                    created_us=1,
                )
            )
    if not connection.execute(select(person.c.id).where(person.c.id == "drafter")).first():
        connection.execute(
            insert(person).values(id="drafter", kind="person", name="drafter", created_us=1)
        )
    document = licence.model_dump(mode="json")
    connection.execute(
        insert(authorization_store.licence).values(
            id=licence.id,
            authority=licence.authority,
            operator=licence.operator,
            document=canonical_bytes(document),
            document_digest=digest(document),
            signature=b"s",
            state="active",
            drafted_by="drafter",
            valid_from_us=1,
            valid_until_us=2**60,
            drafted_us=1,
            changed_us=1,
        )
    )


@dataclass
class Scene:
    """Drives the real parts as people would, with sensible words where a test does not care."""

    engine: Engine
    writer: Writer
    clock: TickingClock
    moves: MoneyMoves
    references: int = 0
    licences: dict[str, LicenceDocument] = field(default_factory=dict)

    @classmethod
    def over(cls, engine: Engine, writer: Writer, clock: TickingClock) -> "Scene":
        def read(data: bytes, form: str) -> Returned:
            return read_return(data, form)

        return cls(engine, writer, clock, MoneyMoves(engine, writer, clock, RULES, read))

    def act(self, apply: Callable[[Connection, PendingEntry], Any]) -> Recorded[Any]:
        return self.writer.submit(AuditEvent(EntryKind.PRODUCT_FETCHED, BUYER), apply)

    def licence(self, name: str = "licence_a", **terms: Any) -> LicenceDocument:
        found = make_licence(name, **terms)
        self.act(lambda connection, _entry: put_licence(connection, found))
        self.licences[name] = found
        return found

    def use(self, name: str = "licence_a", times: int = 1) -> None:
        licence = self.licences[name]

        def apply(connection: Connection, entry: PendingEntry) -> None:
            use = Use(licence, "table", "enterprise", {Meter.FETCH: times})
            scheme = scheme_digest_in_force(connection, licence)
            tariff = licence.product.tariff
            meter(connection, entry, use, tariff=tariff, scheme_digest=scheme, rules=RULES)

        self.act(apply)

    def settle(self, period: str = "p1", *, reopen: str = "p2") -> None:
        """Open, close and open the next, as one month to the next."""
        open_period(self.writer, CLERK, period)
        close_period(self.writer, CLERK, period, RULES)
        open_period(self.writer, CLERK, reopen)

    def next_period(self, period: str, reopen: str) -> None:
        close_period(self.writer, CLERK, period, RULES)
        open_period(self.writer, CLERK, reopen)

    def incoming(
        self, fen: int, reference: str | None = None, payer: str = "enterprise"
    ) -> Incoming:
        self.references += 1
        return Incoming("operator", payer, fen, reference or f"bank-{self.references}")

    def receive(self, fen: int, **money: Any) -> Recorded[Done]:
        proposed = self.moves.propose_receipt(CLERK, self.incoming(fen, **money), None, "收款")
        return self.approve(proposed)

    def deposit(self, fen: int) -> Recorded[Done]:
        return self.approve(self.moves.propose_deposit(CLERK, self.incoming(fen), "预付"))

    def approve(self, proposed: Recorded[Move], actor: Actor = CHIEF) -> Recorded[Done]:
        return self.moves.approve(actor, proposed.value.id)

    def confirm(self, *payees: str, period: str = "p1") -> None:
        for payee in payees or PAYEES:
            with reading(self.engine) as connection:
                claim = claim_of(connection, period, payee)["digest"]
            confirm_statement(self.writer, payee_person(payee), period, payee, claim)

    def distribute(self, licence: str = "licence_a", period: str = "p1") -> Recorded[Done]:
        return self.approve(self.moves.propose_distribution(CLERK, period, licence, "分账"))

    def dispute(self, payee: str = "education", *, hold: bool = True, period: str = "p1") -> str:
        found = open_dispute(self.writer, payee_person(payee), period, "licence_a", "算错").value.id
        if hold:
            hold_dispute(self.writer, CLERK, found)
        return found

    def register(self, parties: Sequence[tuple[str, str]]) -> None:
        for payee, channel in parties:
            details = Details(
                f"{payee} 户", f"6222{abs(hash(payee)) % 10**10:010d}", "102100099996"
            )
            self.approve(self.moves.propose_details(CLERK, payee, channel, details, "登记"))

    def state(self, licence: str = "licence_a", period: str = "p1") -> PoolState:
        with reading(self.engine) as connection:
            return pool_state(connection, period, licence)

    def balances(self) -> dict[str, int]:
        with reading(self.engine) as connection:
            return {code: fen for code, fen in balances(connection).items() if fen}
