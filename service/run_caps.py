"""Beside each question: a session that is over answers nothing, a run spends within its caps.

Stands before the meter, inside the writer's transaction of the decision's and the outcome's own
entries. Of a private question the price is counted when it is decided, of rows when they are given.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from audit.events import PendingEntry
from authorization.licences import licence_document
from disclosure.metering import QuestionUse, VerificationUse
from policies.schema.revenue import Meter
from sandbox.lifecycle import ANSWERING, SessionState, not_open
from sandbox.session_record import count_spend
from sandbox.store import sessions
from sandbox.unattended import Run, charge_run
from service.metering import HOUR_SECONDS, UseMetering, meters_of


@dataclass(frozen=True)
class CappedMetering:
    """The meter of questions and claims as a session meets it."""

    metering: UseMetering

    def price_of_question(
        self, connection: Connection, use: QuestionUse, time_us: int
    ) -> Mapping[str, object]:
        """Say what a question would cost now."""
        return self.metering.price_of_question(connection, use, time_us)

    def question_decided(
        self, connection: Connection, entry: PendingEntry, use: QuestionUse
    ) -> None:
        """Refuse what is over a cap, or asked from a session that is over."""
        check_answering(connection, use.session)
        self.metering.question_decided(connection, entry, use)
        price = self._price(connection, use, entry) if use.rows is None else 0
        charge_run(connection, use.session, nano_rho=use.cost_nano_rho, micro_fen=price)
        count_spend(connection, use.session, nano_rho=use.cost_nano_rho)

    def question_answered(
        self, connection: Connection, entry: PendingEntry, use: QuestionUse
    ) -> int:
        """Meter an answer; rows that would pass a cap are not given."""
        check_answering(connection, use.session)
        gross = self.metering.question_answered(connection, entry, use)
        if use.rows is not None:
            charge_run(connection, use.session, micro_fen=gross)
        count_spend(connection, use.session, micro_fen=gross)
        return gross

    def question_repeated(
        self, connection: Connection, entry: PendingEntry, use: QuestionUse
    ) -> int:
        """Meter a stored answer given again: it costs no budget, but money."""
        check_answering(connection, use.session)
        gross = self.metering.question_repeated(connection, entry, use)
        charge_run(connection, use.session, micro_fen=gross)
        count_spend(connection, use.session, micro_fen=gross)
        return gross

    def question_failed(self, connection: Connection, entry: PendingEntry, question: str) -> None:
        """Give back what was set aside; what counted towards a cap stays counted."""
        self.metering.question_failed(connection, entry, question)

    def verification_decided(
        self, connection: Connection, entry: PendingEntry, use: VerificationUse
    ) -> None:
        """Refuse what is over a cap, or asked from a session that is over."""
        check_answering(connection, use.session)
        self.metering.verification_decided(connection, entry, use)
        meters = {Meter.VERIFICATION: 1}
        quote = self.metering.billing.quote(connection, use.licence, meters, entry.time_us)
        charge_run(connection, use.session, micro_fen=quote.gross_micro_fen)

    def verification_answered(
        self, connection: Connection, entry: PendingEntry, use: VerificationUse
    ) -> int:
        """Meter an answer."""
        check_answering(connection, use.session)
        gross = self.metering.verification_answered(connection, entry, use)
        count_spend(connection, use.session, micro_fen=gross)
        return gross

    def verification_failed(self, connection: Connection, entry: PendingEntry, claim: str) -> None:
        """Give back what was set aside."""
        self.metering.verification_failed(connection, entry, claim)

    def session_of_run(self, connection: Connection, time_us: int, run: Run) -> int:
        """Return the most that a run's own session can cost, in micro-fen."""
        licence = licence_document(connection, run.licence)
        hours = {Meter.SESSION_HOUR: -(-run.wall_seconds_max // HOUR_SECONDS)}
        quote = self.metering.billing.quote(connection, licence, hours, time_us)
        return quote.gross_micro_fen

    def _price(self, connection: Connection, use: QuestionUse, entry: PendingEntry) -> int:
        quote = self.metering.billing.quote(connection, use.licence, meters_of(use), entry.time_us)
        return quote.gross_micro_fen


def check_answering(connection: Connection, session: str) -> None:
    """Refuse a question of a session that is over, while writing. Raises Conflict."""
    query = select(sessions.c.state).where(sessions.c.id == session)
    state = connection.execute(query).scalar()
    if state is not None and SessionState(state) not in ANSWERING:
        raise not_open(SessionState(state))
