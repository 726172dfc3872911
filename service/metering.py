"""What each room tells of a use, as meters: the one place where disclosure and sandbox meet money.

Implements their meter protocols over ``revenue.billing``. Everything here runs inside the writer's
transaction of the outcome's own entry, and is a function of question, policy and log (I14).
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from audit.events import PendingEntry, Writer
from audit.key_requests import request_keys
from audit.store import entry as log_entry
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from authorization.licences import licence_document
from disclosure.metering import QuestionUse, ReleaseUse, VerificationUse
from disclosure.release.delivered import Delivered, grounds_of, rests_on
from foundation.canonical import canonical_bytes
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Denied
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import KeyStore
from foundation.money import MICRO_FEN_PER_FEN
from foundation.settings import Settings
from policies.load import PolicyPack
from policies.schema.revenue import Meter, RevenueRules
from revenue.billing import Billing, Quote, Reserved
from revenue.metering import Metered, Source, Use
from revenue.repricing import Basis, Repricing
from revenue.schemes.versions import scheme_digest_in_force
from revenue.wallet import QUESTION, SESSION
from sandbox.sessions import Session

KEY_NAME = "revenue.outcomes"
HOUR_SECONDS = 3_600
HOUR_US = HOUR_SECONDS * MICROSECONDS_PER_SECOND
RESTARTED = "service_restarted"


@dataclass(frozen=True)
class UseMetering:
    """Meters questions, verifications, releases, sessions and fetches.

    ``outcome_key`` names equal questions of a licence alike, and is never written;
    ``session_seconds_max`` is how long a session can stand: what a prepaid one sets aside.
    """

    billing: Billing
    outcome_key: bytes
    session_seconds_max: int

    def price_of_question(
        self, connection: Connection, use: QuestionUse, time_us: int
    ) -> Mapping[str, object]:
        """Say what a question would cost now; of rows, also what each row does."""
        try:
            quote = self.billing.quote(connection, use.licence, meters_of(use), time_us)
            product = self.billing.quote(connection, use.licence, {Meter.FETCH: 1}, time_us)
        except Denied as refusal:
            return {"refused": refusal.code, "tariff": use.licence.product.tariff.version}
        row = None if quote.free or use.rows is None else quote.tariff.price(Meter.ROW)
        return {
            "question_micro_fen": quote.gross_micro_fen,
            "question_fen": _whole_fen(quote),
            "row_micro_fen": 0 if row is None else row.micro_fen,
            "product_fetch_fen": _whole_fen(product),
            "tariff": quote.tariff.version,
        }

    def question_decided(
        self, connection: Connection, entry: PendingEntry, use: QuestionUse
    ) -> None:
        """Refuse what could not be billed. A private question's price is known, and set aside."""
        private = use.rows is None
        reserved = self._reserved(QUESTION, use.question) if private else None
        self.billing.admit(connection, entry, use.licence, meters_of(use), reserved)

    def question_answered(
        self, connection: Connection, entry: PendingEntry, use: QuestionUse
    ) -> int:
        """Meter one call, and its governed rows or the privacy loss that was charged for it."""
        rows = use.rows or 0
        billed = Use(
            licence=use.licence,
            product=use.answer,
            buyer=use.organisation,
            meters=meters_of(use),
            sources=[Source(name, columns, rows) for name, columns in use.sources.items()],
            outcome_key=self._outcome_key(use.licence.id, use.asked),
        )
        held = (QUESTION, use.question)
        return self.billing.bill(connection, entry, billed, held).gross_micro_fen

    def question_repeated(
        self, connection: Connection, entry: PendingEntry, use: QuestionUse
    ) -> int:
        """Meter a stored answer given again: it weighs nothing for any source."""
        billed = Use(use.licence, use.answer, use.organisation, {Meter.REPEAT: 1})
        return self.billing.bill(connection, entry, billed).gross_micro_fen

    def question_failed(self, connection: Connection, entry: PendingEntry, question: str) -> None:
        """Give back what was set aside for a question."""
        self.billing.give_back(connection, entry, QUESTION, question)

    def verification_decided(
        self, connection: Connection, entry: PendingEntry, use: VerificationUse
    ) -> None:
        """Refuse what could not be billed, and set its price aside."""
        meters = {Meter.VERIFICATION: 1}
        reserved = self._reserved(QUESTION, use.claim)
        self.billing.admit(connection, entry, use.licence, meters, reserved)

    def verification_answered(
        self, connection: Connection, entry: PendingEntry, use: VerificationUse
    ) -> int:
        """Meter one verification; its outcome key names data set and columns, never whom."""
        billed = Use(
            licence=use.licence,
            product=use.claim,
            buyer=use.organisation,
            meters={Meter.VERIFICATION: 1},
            sources=[Source(use.dataset, use.columns)],
            outcome_key=self._outcome_key(use.licence.id, [use.dataset, list(use.columns)]),
        )
        held = (QUESTION, use.claim)
        return self.billing.bill(connection, entry, billed, held).gross_micro_fen

    def verification_failed(self, connection: Connection, entry: PendingEntry, claim: str) -> None:
        """Give back what was set aside for a claim."""
        self.billing.give_back(connection, entry, QUESTION, claim)

    def release_asked(self, connection: Connection, entry: PendingEntry, use: ReleaseUse) -> None:
        """Refuse a request whose release could not be billed today."""
        licence = licence_document(connection, use.licence)
        self.billing.admit(connection, entry, licence, {Meter.RELEASE: 1})

    def release_delivered(
        self, connection: Connection, entry: PendingEntry, use: ReleaseUse
    ) -> None:
        """Meter a release; without an approved tariff or with an empty wallet it waits."""
        licence = licence_document(connection, use.licence)
        billed = Use(licence, use.release, use.organisation, {Meter.RELEASE: 1})
        self.billing.bill(connection, entry, billed)

    def session_asked(self, connection: Connection, entry: PendingEntry, session: Session) -> None:
        """Refuse a session that could not be billed; set aside the most that it can cost."""
        licence = licence_document(connection, session.licence)
        hours = -(-self.session_seconds_max // HOUR_SECONDS)
        reserved = Reserved(SESSION, session.id, self.session_seconds_max + HOUR_SECONDS)
        self.billing.admit(connection, entry, licence, {Meter.SESSION_HOUR: hours}, reserved)

    def session_ended(self, connection: Connection, entry: PendingEntry, session: Session) -> None:
        """Meter started hours from opening to close; one that never opened has none.

        Where the service died with it, no hour counts that began after the log's last word.
        """
        held = (SESSION, session.id)
        if session.opened_us is None:
            self.billing.give_back(connection, entry, *held)
            return
        closed_us = session.changed_us
        if session.reason == RESTARTED:
            closed_us = min(closed_us, _last_word_us(connection))
        lived_us = max(1, closed_us - session.opened_us)
        licence = licence_document(connection, session.licence)
        meters = {Meter.SESSION_HOUR: -(-lived_us // HOUR_US)}
        billed = Use(licence, session.id, session.organisation, meters)
        began_us = session.opened_us
        self.billing.bill_what_ended(connection, entry, billed, held, began_us=began_us)

    def fetched(
        self,
        connection: Connection,
        entry: PendingEntry,
        licence: LicenceDocument,
        delivered: Delivered,
        buyer: str,
    ) -> Metered:
        """Meter one fetch of a release; it rests on what its files rest on."""
        asked = rests_on(connection, delivered.id)
        billed = Use(
            licence=licence,
            product=delivered.id,
            buyer=buyer,
            meters={Meter.FETCH: 1},
            sources=[Source(name, columns) for name, columns in asked.sources.items()],
            outcome_key=self._outcome_key(licence.id, asked.asked),
        )
        return self.billing.bill(connection, entry, billed)

    @property
    def repricing(self) -> Repricing:
        """Return what prices earlier outcomes anew, by this process's billing."""
        return Repricing(self.billing, self.basis)

    def basis(
        self, connection: Connection, licence: LicenceDocument, index: int, product: str
    ) -> Basis:
        """Return what an earlier outcome rested on, for the licence that it is priced anew for."""
        asked = grounds_of(connection, product)
        if asked is None:
            return Basis((), self._outcome_key(licence.id, [index]))
        sources = tuple(Source(name, columns) for name, columns in asked.sources.items())
        return Basis(sources, self._outcome_key(licence.id, asked.asked))

    def _reserved(self, kind: str, reference: str) -> Reserved:
        return Reserved(kind, reference, self.billing.rules.wallet.hold_seconds)

    def _outcome_key(self, licence: str, asked: object) -> str:
        """Name a question of a licence so that equal ones are equal and none can be guessed."""
        text = canonical_bytes([licence, asked])
        return "hmac:" + hmac.digest(self.outcome_key, text, "sha256").hex()


def use_metering(
    pack: PolicyPack, writer: Writer, keys: KeyStore, settings: Settings
) -> UseMetering:
    """Build the metering of this process; its key is asked for on an entry of its own."""
    billing = Billing(pack.rules(RevenueRules), scheme_digest_in_force)
    cited = request_keys(writer, SYSTEM_ACTOR, "metering", [KEY_NAME])
    key = keys.ensure_data_key(KEY_NAME, cited)
    return UseMetering(billing, key, settings.session_wall_seconds_max)


def meters_of(use: QuestionUse) -> Mapping[Meter, int]:
    """Return what a question counts: one call, and its rows or its privacy loss."""
    counted = {Meter.NANO_RHO: use.cost_nano_rho} if use.rows is None else {Meter.ROW: use.rows}
    return {Meter.CALL: 1, **counted}


def _whole_fen(quote: Quote) -> int:
    return -(-quote.gross_micro_fen // MICRO_FEN_PER_FEN)


def _last_word_us(connection: Connection) -> int:
    """Return the time of the last entry that was written before this start of the service."""
    started = select(func.max(log_entry.c.idx)).where(
        log_entry.c.kind == EntryKind.SERVICE_STARTED.value
    )
    before = select(log_entry.c.time_us).where(log_entry.c.idx < started.scalar_subquery())
    newest = before.order_by(log_entry.c.idx.desc()).limit(1)
    return int(connection.execute(newest).scalar() or 0)
